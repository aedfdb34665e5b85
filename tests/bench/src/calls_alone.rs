//! GridService for the setups on tonic that serve calls and nothing else.

use grid_proto::v1::{self, grid_service_server::GridService};
use tokio::sync::mpsc;
use tokio_stream::{Empty, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming};

/// The events of one call.
pub(crate) type Pieces = mpsc::Receiver<Result<v1::CallEvent, Status>>;

/// Answers calls.
pub(crate) trait Calls: Send + Sync + 'static {
    fn call(&self, call: v1::ToolCall) -> impl Future<Output = Result<v1::CallToolResponse, Status>> + Send;

    /// In pieces, where the setup does that.
    fn stream(&self, call: v1::ToolCall) -> impl Future<Output = Result<Pieces, Status>> + Send {
        let _ = call;
        async { Err(Status::unimplemented("this setup serves whole answers alone")) }
    }
}

/// Serves `CallTool` alone.
#[derive(Debug, Clone)]
pub(crate) struct CallsAlone<C>(pub(crate) C);

type Answer<M> = Result<Response<M>, Status>;

fn unserved<M>() -> Answer<M> {
    Err(Status::unimplemented("this setup serves calls alone"))
}

#[tonic::async_trait]
impl<C: Calls> GridService for CallsAlone<C> {
    async fn call_tool(&self, request: Request<v1::ToolCall>) -> Answer<v1::CallToolResponse> {
        self.0.call(request.into_inner()).await.map(Response::new)
    }

    type StreamToolCallStream = ReceiverStream<Result<v1::CallEvent, Status>>;

    async fn stream_tool_call(&self, request: Request<v1::ToolCall>) -> Answer<Self::StreamToolCallStream> {
        let pieces = self.0.stream(request.into_inner()).await?;
        Ok(Response::new(ReceiverStream::new(pieces)))
    }

    async fn create_session(&self, _: Request<v1::CreateSession>) -> Answer<v1::CreateSessionResponse> {
        unserved()
    }

    async fn destroy_session(&self, _: Request<v1::DestroySession>) -> Answer<v1::DestroySessionResponse> {
        unserved()
    }

    async fn list_tools(&self, _: Request<v1::ListTools>) -> Answer<v1::ListToolsResponse> {
        unserved()
    }

    async fn cancel_tool_call(&self, _: Request<v1::CancelToolCall>) -> Answer<v1::CancelToolCallResponse> {
        unserved()
    }

    async fn authorize_tool_call(
        &self,
        _: Request<v1::AuthorizeToolCallRequest>,
    ) -> Answer<v1::AuthorizeToolCallResponse> {
        unserved()
    }

    async fn log_tool_result(&self, _: Request<v1::LogToolResultRequest>) -> Answer<v1::LogToolResultResponse> {
        unserved()
    }

    async fn authorize_tool_calls(
        &self,
        _: Request<v1::AuthorizeToolCallsRequest>,
    ) -> Answer<v1::AuthorizeToolCallsResponse> {
        unserved()
    }

    type LogToolResultsStream = Empty<Result<v1::LogToolResultResponse, Status>>;

    async fn log_tool_results(
        &self,
        _: Request<Streaming<v1::LogToolResultRequest>>,
    ) -> Answer<Self::LogToolResultsStream> {
        unserved()
    }

    async fn cancel_grant(&self, _: Request<v1::CancelGrantRequest>) -> Answer<v1::CancelGrantResponse> {
        unserved()
    }

    type WatchGrantsStream = Empty<Result<v1::WatchGrantsResponse, Status>>;

    async fn watch_grants(&self, _: Request<v1::WatchGrantsRequest>) -> Answer<Self::WatchGrantsStream> {
        unserved()
    }
}
