//! One connection: grid-tls shakes hands, hyper speaks HTTP, we hold the watch. It ends by itself, when the port stops
//! or it is old (after its requests), when its certificate is over, when it asks nothing, or when somebody hangs up.

use std::{
    convert::Infallible,
    fmt::Display,
    future::{Future, pending},
    hash::{BuildHasher as _, RandomState},
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use grid_tls::{Proof, Protocols, Secured, Tls};
use http::{Request, Response};
use hyper::{body::Incoming, rt::Executor, server::conn::http2, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{accept::Peer, body::Reply, settings::Settings};

/// Answers requests.
pub(crate) trait Route: Send + Sync + 'static {
    fn route(&self, request: Request<Incoming>, peer: &Peer) -> impl Future<Output = Response<Reply>> + Send;
}

/// What all connections of a port share.
#[derive(Debug)]
pub(crate) struct Port<T> {
    pub(crate) route: T,
    pub(crate) settings: Settings,
    /// Without it, what comes over the network is plain.
    pub(crate) tls: Option<Tls>,
    /// HTTP/2 alone, or what the peer begins with.
    pub(crate) protocols: Protocols,
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

/// A connection that came over the network.
pub(crate) async fn serve<T: Route, S>(port: Arc<Port<T>>, stream: S, mut peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Some(tls) = &port.tls else {
        return speak(port, stream, peer, None).await;
    };
    // In the connection's own task: however many dawdle, the accept loop goes on.
    let secured = tokio::select! {
        biased;
        () = peer.hang_up.cancelled() => return,
        () = port.stop.cancelled() => return,
        secured = tls.accept(stream, port.protocols) => secured,
    };
    if let Ok(Secured { stream, certificate, proof }) = secured {
        peer.proved.certificate = certificate;
        speak(port, stream, peer, Some(proof)).await;
    }
}

/// A connection that needs no handshake.
pub(crate) async fn serve_plain<T: Route, S>(port: Arc<Port<T>>, stream: S, peer: Peer)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    speak(port, stream, peer, None).await;
}

async fn speak<T: Route, S>(port: Arc<Port<T>>, stream: S, peer: Peer, proof: Option<Proof>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let peer = Arc::new(peer);
    match port.protocols {
        Protocols::Http2 => serve_http2(port, stream, peer, proof).await,
        Protocols::Any => serve_auto(port, stream, peer, proof).await,
    }
}

async fn serve_http2<T: Route, S>(port: Arc<Port<T>>, stream: S, peer: Arc<Peer>, proof: Option<Proof>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
    watch(pin!(connection), http2::Connection::graceful_shutdown, &port, &peer, proof).await;
}

/// HTTP/1 and HTTP/2, by what the peer begins with.
async fn serve_auto<T: Route, S>(port: Arc<Port<T>>, stream: S, peer: Arc<Peer>, proof: Option<Proof>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
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
    watch(pin!(connection), auto::Connection::graceful_shutdown, &port, &peer, proof).await;
}

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
        if peer.proved.is_something() {
            request.extensions_mut().insert(peer.proved.clone());
        }
        let (port, peer) = (Arc::clone(&port), Arc::clone(&peer));
        // Boxed once here: the future is large, and the connection moves it several times before it is polled.
        let answer: Pin<Box<dyn Future<Output = _> + Send>> =
            Box::pin(async move { Ok(port.route.route(request, &peer).await) });
        answer
    })
}

async fn watch<C, E, T>(
    mut connection: Pin<&mut C>,
    finish: impl Fn(Pin<&mut C>),
    port: &Port<T>,
    peer: &Peer,
    mut proof: Option<Proof>,
) where
    C: Future<Output = Result<(), E>>,
    E: Display,
{
    let settings = &port.settings;
    let mut silence = pin!(sleep(settings.first_request_timeout));
    let mut age = pin!(sleep(spread(settings.max_age)));
    let (mut spoken, mut stopping, mut leaving) = (false, false, false);
    loop {
        let over = tokio::select! {
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
                continue;
            }
            () = silence.as_mut(), if !spoken => {
                if !peer.asked.load(Ordering::Relaxed) {
                    tracing::debug!("closed: the peer asked nothing");
                    return;
                }
                spoken = true;
                continue;
            }
            over = void(&mut proof), if !leaving => Some(over),
            () = age.as_mut() => None,
        };
        age.as_mut().reset(Instant::now() + settings.age_grace);
        match over {
            // The port's own grace holds.
            None if stopping => {}
            None if leaving => return,
            // Its calls would end with it; it goes when they have another runtime, or its certificate is over.
            None if peer.has_runtime() => {}
            why => {
                if let Some(why) = why {
                    tracing::info!("a connection is asked to go, since its certificate holds no more: {why}");
                }
                leaving = true;
                finish(connection.as_mut());
            }
        }
    }
}

async fn void(proof: &mut Option<Proof>) -> grid_tls::Refused {
    match proof {
        Some(proof) => proof.void().await,
        None => pending().await,
    }
}

/// A tenth more or less, another for each connection.
fn spread(age: Duration) -> Duration {
    let dice = u32::try_from(RandomState::new().hash_one(0) % 201).unwrap_or(100);
    age.saturating_mul(900 + dice) / 1_000
}
