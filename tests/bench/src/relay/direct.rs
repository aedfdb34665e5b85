//! The relay on h2 alone: a call takes no task, no channel and no wake-up of its own. Its request is read where
//! the connection is, and its answer is written by whoever reads the runtime.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Bytes, BytesMut};
use grid_proto::v1::{self, runtime_frame};
use h2::{
    RecvStream, SendStream,
    server::{self, SendResponse},
};
use http::{Request, Response, header};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::task::TaskTracker;

use super::{
    QUEUE, STREAMS, WINDOW, Waiting, call_frame, greeting,
    hyper::{DONE, GRPC},
};
use crate::{
    Fallible, answer,
    wire::{self, Cutter},
};

#[derive(Debug, Default)]
struct Relay {
    waiting: Waiting<SendResponse<Bytes>>,
    runtime: Mutex<Option<mpsc::Sender<v1::HostFrame>>>,
    tasks: TaskTracker,
}

pub(super) async fn serve(listener: TcpListener) -> Fallible<()> {
    let relay = Arc::new(Relay::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = Arc::clone(&relay);
        relay.tasks.spawn(async move {
            if let Err(fault) = shared.connection(stream).await {
                eprintln!("{fault}");
            }
        });
    }
}

impl Relay {
    async fn connection(self: Arc<Self>, stream: TcpStream) -> Fallible<()> {
        let mut connection = server::Builder::new()
            .max_concurrent_streams(STREAMS)
            .initial_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .handshake::<_, Bytes>(stream)
            .await?;
        // A peer that goes away is no fault, here and below.
        while let Some(Ok((request, respond))) = connection.accept().await {
            let relay = Arc::clone(&self);
            if request.uri().path().ends_with("/CallTool") {
                self.call(request.into_body(), respond);
            } else {
                self.tasks.spawn(async move { log(relay.attach(request, respond).await) });
            }
        }
        Ok(())
    }

    /// The body of a small request has mostly come with its head; else a task waits for it.
    fn call(self: &Arc<Self>, mut body: RecvStream, respond: SendResponse<Bytes>) {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let first = match body.poll_data(&mut context) {
            std::task::Poll::Ready(Some(Ok(first))) if body.is_end_stream() => {
                log(self.forward(first, respond));
                return;
            }
            std::task::Poll::Ready(Some(Ok(first))) => first,
            _ => Bytes::new(),
        };
        let relay = Arc::clone(self);
        self.tasks.spawn(async move {
            let mut whole = BytesMut::from(first);
            while let Some(Ok(more)) = body.data().await {
                whole.extend_from_slice(&more);
            }
            log(relay.forward(whole.freeze(), respond));
        });
    }

    fn forward(&self, body: Bytes, respond: SendResponse<Bytes>) -> Fallible<()> {
        let mut call: v1::ToolCall = wire::only(body)?;
        call.invocation_id = self.waiting.insert(respond);
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner);
        runtime.as_ref().ok_or("no runtime is attached")?.try_send(call_frame(call))?;
        Ok(())
    }

    async fn attach(self: Arc<Self>, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Fallible<()> {
        let (frames, queue) = mpsc::channel(QUEUE);
        *self.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(frames.clone());
        let outbound = respond.send_response(head()?, false)?;
        self.tasks.spawn(async move { log(send(queue, outbound).await) });
        let mut body = request.into_body();
        let mut cutter = Cutter::default();
        while let Some(Ok(data)) = body.data().await {
            body.flow_control().release_capacity(data.len())?;
            cutter.push(data);
            while let Some(frame) = cutter.next::<v1::RuntimeFrame>()? {
                match frame.frame {
                    Some(runtime_frame::Frame::Result(result)) => {
                        if let Some(respond) = self.waiting.remove(&result.invocation_id) {
                            reply(respond, result)?;
                        }
                    }
                    Some(other) => {
                        if let Some(frame) = greeting(&other) {
                            frames.send(frame).await?;
                        }
                    }
                    None => {}
                }
            }
        }
        Ok(())
    }
}

fn log(outcome: Fallible<()>) {
    if let Err(fault) = outcome {
        eprintln!("{fault}");
    }
}

fn head() -> Fallible<Response<()>> {
    Ok(Response::builder().header(header::CONTENT_TYPE, GRPC).body(())?)
}

fn reply(mut respond: SendResponse<Bytes>, result: v1::ToolResult) -> Fallible<()> {
    let mut stream = respond.send_response(head()?, false)?;
    stream.send_data(wire::framed(&answer(result)), false)?;
    stream.send_trailers(DONE.clone())?;
    Ok(())
}

async fn send(mut queue: mpsc::Receiver<v1::HostFrame>, mut outbound: SendStream<Bytes>) -> Fallible<()> {
    let mut taken = Vec::with_capacity(QUEUE);
    while queue.recv_many(&mut taken, QUEUE).await > 0 {
        let mut buffer = BytesMut::with_capacity(512 * taken.len());
        for frame in taken.drain(..) {
            wire::put(&frame, &mut buffer);
        }
        outbound.send_data(buffer.freeze(), false)?;
    }
    Ok(())
}
