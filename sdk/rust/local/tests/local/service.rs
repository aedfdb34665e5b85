//! The test's host on the wire.

use std::pin::Pin;

use grid_proto::{adm, v1, v1::grid_service_server::GridService};
use tokio_stream::{Stream, StreamExt as _, wrappers::WatchStream};
use tonic::{Request, Response, Status, Streaming};

use crate::host::{Ended, SESSION, Service, State, refusal};

type Streamed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Service {
    fn up<T>(&self, answer: impl FnOnce(&mut State) -> T) -> Result<Response<T>, Status> {
        let mut state = self.state.lock().unwrap();
        if state.down {
            return Err(Status::unavailable("down"));
        }
        Ok(Response::new(answer(&mut state)))
    }
}

#[tonic::async_trait]
impl GridService for Service {
    type LogToolResultsStream = Streamed<v1::LogToolResultResponse>;
    type WatchGrantsStream = Streamed<v1::WatchGrantsResponse>;

    async fn create_session(
        &self,
        _: Request<v1::CreateSession>,
    ) -> Result<Response<v1::CreateSessionResponse>, Status> {
        self.up(|_| v1::CreateSessionResponse { session_id: SESSION.into(), ..Default::default() })
    }

    async fn destroy_session(
        &self,
        _: Request<v1::DestroySession>,
    ) -> Result<Response<v1::DestroySessionResponse>, Status> {
        self.up(|_| v1::DestroySessionResponse { destroyed: true, ..Default::default() })
    }

    type StreamToolCallStream = tokio_stream::Empty<Result<v1::CallEvent, Status>>;

    async fn stream_tool_call(&self, _: Request<v1::ToolCall>) -> Result<Response<Self::StreamToolCallStream>, Status> {
        Err(Status::unimplemented("no results in pieces here"))
    }

    async fn list_tools(&self, _: Request<v1::ListTools>) -> Result<Response<v1::ListToolsResponse>, Status> {
        self.up(|state| v1::ListToolsResponse { tools: state.listings.clone(), ..Default::default() })
    }

    async fn call_tool(&self, request: Request<v1::ToolCall>) -> Result<Response<v1::CallToolResponse>, Status> {
        let sent = request.into_inner();
        let call = sent.call.clone().unwrap();
        self.up(|state| {
            state.remote.push(sent);
            let result = adm::ToolResult {
                call_id: call.call_id,
                name: call.name,
                status: adm::ToolResultStatus::Success.into(),
                content: Some("\"from a runtime\"".into()),
                error: None,
            };
            let outcome = v1::ToolResult { result: Some(result), ..Default::default() };
            v1::CallToolResponse {
                outcome: Some(v1::call_tool_response::Outcome::Result(outcome)),
                invocation_id: "i-remote".into(),
                ..Default::default()
            }
        })
    }

    async fn cancel_tool_call(
        &self,
        _: Request<v1::CancelToolCall>,
    ) -> Result<Response<v1::CancelToolCallResponse>, Status> {
        Err(Status::unimplemented("not in these tests"))
    }

    async fn authorize_tool_call(
        &self,
        request: Request<v1::AuthorizeToolCallRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallResponse>, Status> {
        let epoch = *self.epoch.borrow();
        let request = request.into_inner();
        self.up(|state| {
            let denied = |error| v1::AuthorizeToolCallResponse {
                status: Some(v1::authorize_tool_call_response::Status::Denied.into()),
                error: Some(error),
                ..Default::default()
            };
            if let Some(error) = state.refuse.clone() {
                return denied(error);
            }
            let call_id = request.call.clone().unwrap().call_id;
            if state.call_ids.contains(&call_id) {
                return denied(refusal("MALFORMED_REQUEST", false));
            }
            state.call_ids.push(call_id);
            state.approve(&request, epoch)
        })
    }

    async fn authorize_tool_calls(
        &self,
        request: Request<v1::AuthorizeToolCallsRequest>,
    ) -> Result<Response<v1::AuthorizeToolCallsResponse>, Status> {
        let epoch = *self.epoch.borrow();
        self.up(|state| v1::AuthorizeToolCallsResponse {
            items: request.into_inner().items.iter().map(|item| state.approve(item, epoch)).collect(),
            ..Default::default()
        })
    }

    async fn log_tool_result(
        &self,
        request: Request<v1::LogToolResultRequest>,
    ) -> Result<Response<v1::LogToolResultResponse>, Status> {
        self.up(|state| state.redeem(request.into_inner()))
    }

    async fn log_tool_results(
        &self,
        request: Request<Streaming<v1::LogToolResultRequest>>,
    ) -> Result<Response<Self::LogToolResultsStream>, Status> {
        self.up(|state| state.batches.push(0))?;
        let service = self.clone();
        let answers = request.into_inner().map(move |report| {
            let report = report?;
            let answer = service.up(|state| {
                *state.batches.last_mut().unwrap() += 1;
                state.redeem(report)
            });
            answer.map(Response::into_inner)
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn cancel_grant(
        &self,
        request: Request<v1::CancelGrantRequest>,
    ) -> Result<Response<v1::CancelGrantResponse>, Status> {
        let request = request.into_inner();
        self.up(|state| {
            let refuse = state.refuse_cancel;
            let given = state.grants.get_mut(&request.invocation_id).unwrap();
            assert_eq!(given.leaf.as_bytes().as_slice(), request.grant, "the grant is named by its leaf");
            let open = given.ended.is_none() && !refuse;
            if open {
                given.ended = Some(Ended::Cancelled);
                let call_id = given.call.call_id.clone();
                state.call_ids.retain(|used| *used != call_id);
            }
            v1::CancelGrantResponse { cancelled: open, ..Default::default() }
        })
    }

    async fn watch_grants(
        &self,
        _: Request<v1::WatchGrantsRequest>,
    ) -> Result<Response<Self::WatchGrantsStream>, Status> {
        let epochs = WatchStream::new(self.epoch.subscribe());
        let said = epochs.map(|epoch| Ok(v1::WatchGrantsResponse { epoch, ..Default::default() }));
        Ok(Response::new(Box::pin(said)))
    }
}
