//! The relay on hyper: gRPC is framed by hand, an answer is one buffer, and all frames that wait for the runtime
//! leave as one.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::{Arc, LazyLock, Mutex, PoisonError},
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use grid_proto::v1::{self, runtime_frame};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use hyper::{
    body::{Body, Frame, Incoming},
    rt::Executor,
    server::conn::http2,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
};
use tokio_util::task::TaskTracker;

use super::{QUEUE, STREAMS, WINDOW, Waiting, call_frame, greeting};
use crate::{
    Fallible, answer,
    wire::{self, Cutter},
};

pub(super) static DONE: LazyLock<HeaderMap> =
    LazyLock::new(|| HeaderMap::from_iter([(HeaderName::from_static("grpc-status"), HeaderValue::from_static("0"))]));
pub(super) const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

#[derive(Debug, Default)]
struct Relay {
    waiting: Waiting<oneshot::Sender<v1::ToolResult>>,
    runtime: Mutex<Option<mpsc::Sender<v1::HostFrame>>>,
    tasks: TaskTracker,
}

#[derive(Debug, Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

pub(super) async fn serve(listener: TcpListener) -> Fallible<()> {
    let relay = Arc::new(Relay::default());
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = Arc::clone(&relay);
        let connection = http2::Builder::new(Tracked(relay.tasks.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .auto_date_header(false)
            .serve_connection(
                TokioIo::new(stream),
                service_fn(move |request| {
                    let relay = Arc::clone(&shared);
                    async move { Ok::<_, Infallible>(relay.route(request).await) }
                }),
            );
        relay.tasks.spawn(connection);
    }
}

impl Relay {
    async fn route(self: Arc<Self>, request: Request<Incoming>) -> Response<Reply> {
        let reply = if request.uri().path().ends_with("/CallTool") {
            self.call(request.into_body()).await
        } else {
            Ok(self.attach(request.into_body()))
        };
        let mut response = Response::new(match reply {
            Ok(reply) => reply,
            Err(fault) => {
                eprintln!("{fault}");
                Reply::Trailers
            }
        });
        response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
        response
    }

    async fn call(&self, body: Incoming) -> Fallible<Reply> {
        let mut call: v1::ToolCall = wire::only(gather(body).await?)?;
        let (result, waiter) = oneshot::channel();
        call.invocation_id = self.waiting.insert(result);
        let runtime = self.runtime.lock().unwrap_or_else(PoisonError::into_inner).clone();
        runtime.ok_or("no runtime is attached")?.send(call_frame(call)).await?;
        Ok(Reply::Message(wire::framed(&answer(waiter.await?))))
    }

    fn attach(self: &Arc<Self>, body: Incoming) -> Reply {
        let (frames, queue) = mpsc::channel(QUEUE);
        *self.runtime.lock().unwrap_or_else(PoisonError::into_inner) = Some(frames.clone());
        let relay = Arc::clone(self);
        self.tasks.spawn(async move {
            if let Err(fault) = relay.pump(body, &frames).await {
                eprintln!("the runtime's stream: {fault}");
            }
        });
        Reply::Frames(queue, Vec::with_capacity(QUEUE))
    }

    async fn pump(&self, mut body: Incoming, frames: &mpsc::Sender<v1::HostFrame>) -> Fallible<()> {
        let mut cutter = Cutter::default();
        // A runtime that goes away is no fault.
        while let Ok(Some(data)) = next(&mut body).await {
            cutter.push(data);
            while let Some(frame) = cutter.next::<v1::RuntimeFrame>()? {
                match frame.frame {
                    Some(runtime_frame::Frame::Result(result)) => {
                        if let Some(waiter) = self.waiting.remove(&result.invocation_id) {
                            let _ = waiter.send(result);
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

async fn next(body: &mut Incoming) -> Fallible<Option<Bytes>> {
    loop {
        match std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
            None => return Ok(None),
            Some(frame) => {
                if let Ok(data) = frame?.into_data() {
                    return Ok(Some(data));
                }
            }
        }
    }
}

async fn gather(mut body: Incoming) -> Fallible<Bytes> {
    let Some(first) = next(&mut body).await? else {
        return Ok(Bytes::new());
    };
    if body.is_end_stream() {
        return Ok(first);
    }
    let mut whole = BytesMut::from(first);
    while let Some(more) = next(&mut body).await? {
        whole.extend_from_slice(&more);
    }
    Ok(whole.freeze())
}

/// The body of an answer.
enum Reply {
    Message(Bytes),
    Trailers,
    Over,
    /// The calls for a runtime, with room for those that are taken at once.
    Frames(mpsc::Receiver<v1::HostFrame>, Vec<v1::HostFrame>),
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match &mut *self {
            Self::Message(data) => {
                let data = std::mem::take(data);
                *self = Self::Trailers;
                Poll::Ready(Some(Ok(Frame::data(data))))
            }
            Self::Trailers => {
                *self = Self::Over;
                Poll::Ready(Some(Ok(Frame::trailers(DONE.clone()))))
            }
            Self::Over => Poll::Ready(None),
            Self::Frames(queue, taken) => {
                if ready!(queue.poll_recv_many(cx, taken, QUEUE)) == 0 {
                    return Poll::Ready(None);
                }
                let mut buffer = BytesMut::with_capacity(512 * taken.len());
                for frame in taken.drain(..) {
                    wire::put(&frame, &mut buffer);
                }
                Poll::Ready(Some(Ok(Frame::data(buffer.freeze()))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Over)
    }
}
