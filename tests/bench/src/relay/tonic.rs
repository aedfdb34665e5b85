//! The relay on a tonic server as it comes: one oneshot a call, one bounded queue to the runtime.

use std::sync::{Arc, Mutex, PoisonError};

use grid_proto::v1::{
    self,
    grid_service_server::GridServiceServer,
    runtime_frame,
    runtime_service_server::{RuntimeService, RuntimeServiceServer},
};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status, Streaming, transport::server::TcpIncoming};

use super::{QUEUE, STREAMS, Waiting, call_frame, greeting};
use crate::{
    Fallible, answer,
    calls_alone::{Calls, CallsAlone, Pieces},
};

/// Pieces of a result that may wait for their reader.
const PIECES: usize = 8;

#[derive(Debug, Clone, Default)]
struct Relay(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Waiting<oneshot::Sender<v1::ToolResult>>,
    /// One at a time is measured.
    reading: Mutex<Option<mpsc::Sender<Result<v1::CallEvent, Status>>>>,
    runtime: Mutex<Option<mpsc::Sender<v1::HostFrame>>>,
    tasks: TaskTracker,
}

pub(super) async fn serve(listener: TcpListener) -> Fallible<()> {
    let relay = Relay::default();
    tonic::transport::Server::builder()
        .max_concurrent_streams(STREAMS)
        .add_service(GridServiceServer::new(CallsAlone(relay.clone())))
        .add_service(RuntimeServiceServer::new(relay))
        .serve_with_incoming(TcpIncoming::from(listener).with_nodelay(Some(true)))
        .await?;
    Ok(())
}

impl Calls for Relay {
    async fn call(&self, mut call: v1::ToolCall) -> Result<v1::CallToolResponse, Status> {
        let gone = || Status::unavailable("no runtime is attached");
        let runtime = self.0.runtime.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (result, waiter) = oneshot::channel();
        call.invocation_id = self.0.waiting.insert(result);
        runtime.ok_or_else(gone)?.send(call_frame(call)).await.map_err(|_| gone())?;
        waiter.await.map(answer).map_err(|_| gone())
    }

    async fn stream(&self, mut call: v1::ToolCall) -> Result<Pieces, Status> {
        let gone = || Status::unavailable("no runtime is attached");
        let runtime = self.0.runtime.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (events, pieces) = mpsc::channel(PIECES);
        *self.0.reading.lock().unwrap_or_else(PoisonError::into_inner) = Some(events);
        call.invocation_id = "stream".to_owned();
        runtime.ok_or_else(gone)?.send(call_frame(call)).await.map_err(|_| gone())?;
        Ok(pieces)
    }
}

#[tonic::async_trait]
impl RuntimeService for Relay {
    type AttachStream =
        tokio_stream::adapters::Map<ReceiverStream<v1::HostFrame>, fn(v1::HostFrame) -> Result<v1::HostFrame, Status>>;

    async fn attach(
        &self,
        request: Request<Streaming<v1::RuntimeFrame>>,
    ) -> Result<Response<Self::AttachStream>, Status> {
        let (frames, queue) = mpsc::channel(QUEUE);
        *self.0.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(frames.clone());
        let (shared, mut inbound) = (Arc::clone(&self.0), request.into_inner());
        self.0.tasks.spawn(async move {
            while let Ok(Some(frame)) = inbound.message().await {
                match frame.frame {
                    Some(runtime_frame::Frame::Result(result)) => {
                        if let Some(waiter) = shared.waiting.remove(&result.invocation_id) {
                            let _ = waiter.send(result);
                        }
                    }
                    Some(runtime_frame::Frame::Chunk(chunk)) => {
                        let last = chunk.is_final;
                        let reading = shared.reading.lock().unwrap_or_else(PoisonError::into_inner).clone();
                        if let Some(reading) = reading {
                            let event = v1::call_event::Event::Chunk(*chunk);
                            let _ = reading.send(Ok(v1::CallEvent { event: Some(event) })).await;
                        }
                        if last {
                            *shared.reading.lock().unwrap_or_else(PoisonError::into_inner) = None;
                        }
                    }
                    Some(other) => {
                        if let Some(frame) = greeting(&other) {
                            let _ = frames.send(frame).await;
                        }
                    }
                    None => {}
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(queue).map(Ok)))
    }
}
