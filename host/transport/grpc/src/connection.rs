//! One connection: hyper speaks HTTP, we hold the watch. It ends by itself, when the port stops (after its
//! requests), when it asks nothing, or when somebody hangs up.

use std::{
    convert::Infallible,
    fmt::Display,
    future::Future,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
};

use http::{Request, Response};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::net::TcpStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use grid_core::gate::{Gate, Shed};

use crate::{accept::Peer, body::Reply, fault::Fault, gate, settings::Settings};

/// Answers requests.
pub(crate) trait Route: Send + Sync + 'static {
    fn route(&self, request: Request<Incoming>, peer: &Peer) -> impl Future<Output = Response<Reply>> + Send;
}

/// What all connections of a port share.
#[derive(Debug)]
pub(crate) struct Port<T> {
    pub(crate) route: T,
    pub(crate) settings: Settings,
    /// Asked before anything of a request is read; absent where nothing is turned away.
    pub(crate) gate: Option<Arc<dyn Gate>>,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
}

/// Spawns the streams of a connection where somebody waits for them.
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

/// HTTP/2 only.
pub(crate) async fn serve_http2<T: Route>(port: Arc<Port<T>>, stream: TcpStream, peer: Arc<Peer>) {
    let settings = &port.settings;
    let mut builder = http2::Builder::new(Tracked(port.tasks.clone()));
    builder
        .timer(TokioTimer::new())
        .max_pending_accept_reset_streams(settings.pending_accept_resets)
        .max_local_error_reset_streams(settings.local_error_resets)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(settings.max_header_bytes)
        .max_send_buf_size(settings.send_buffer)
        .keep_alive_interval(settings.keepalive)
        .keep_alive_timeout(settings.keepalive_timeout)
        .auto_date_header(false);
    let service = service(&port, &peer);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    watch(pin!(connection), http2::Connection::graceful_shutdown, &port, &peer).await;
}

/// HTTP/1 and HTTP/2, by what the peer begins with.
pub(crate) async fn serve_auto<T: Route>(port: Arc<Port<T>>, stream: TcpStream, peer: Arc<Peer>) {
    let settings = &port.settings;
    let mut builder = auto::Builder::new(Tracked(port.tasks.clone()));
    builder.http1().timer(TokioTimer::new()).header_read_timeout(settings.header_timeout);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_pending_accept_reset_streams(settings.pending_accept_resets)
        .max_local_error_reset_streams(settings.local_error_resets)
        .initial_stream_window_size(settings.stream_window)
        .initial_connection_window_size(settings.connection_window)
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(settings.max_header_bytes)
        .max_send_buf_size(settings.send_buffer)
        .keep_alive_interval(settings.keepalive)
        .keep_alive_timeout(settings.keepalive_timeout);
    let service = service(&port, &peer);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    watch(pin!(connection), auto::Connection::graceful_shutdown, &port, &peer).await;
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Reply>, Infallible>> + Send>>;

fn service<T: Route>(
    port: &Arc<Port<T>>,
    peer: &Arc<Peer>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Reply>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Reply>, Infallible>> + Send,
> + use<T> {
    let (port, peer) = (Arc::clone(port), Arc::clone(peer));
    service_fn(move |mut request: Request<Incoming>| {
        peer.asked.store(true, Ordering::Relaxed);
        let shed = port.gate.as_ref().and_then(|gate| gate::ask(gate, &mut request, &peer).err());
        if let Some(Shed { retry_after }) = shed {
            let answer = Fault::Shed { retry_after }.into_response();
            return Box::pin(std::future::ready(Ok(answer))) as Answering;
        }
        let (port, peer) = (Arc::clone(&port), Arc::clone(&peer));
        // Boxed once here: the future is large, and the connection moves it several times before it is polled.
        Box::pin(async move { Ok(port.route.route(request, &peer).await) })
    })
}

async fn watch<C, E, T>(mut connection: Pin<&mut C>, finish: impl Fn(Pin<&mut C>), port: &Port<T>, peer: &Peer)
where
    C: Future<Output = Result<(), E>>,
    E: Display,
{
    let mut silence = pin!(tokio::time::sleep(port.settings.first_request_timeout));
    let mut spoken = false;
    let mut stopping = false;
    loop {
        tokio::select! {
            biased;
            ended = connection.as_mut() => {
                if let Err(fault) = ended {
                    tracing::debug!(%fault, "a connection ended early");
                }
                return;
            }
            () = peer.hang_up.cancelled() => return,
            () = port.stop.cancelled(), if !stopping => {
                stopping = true;
                finish(connection.as_mut());
            }
            () = silence.as_mut(), if !spoken => {
                if !peer.asked.load(Ordering::Relaxed) {
                    tracing::debug!("closed: the peer asked nothing");
                    return;
                }
                spoken = true;
            }
        }
    }
}
