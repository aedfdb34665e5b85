//! One connection: grid-tls shakes hands, hyper speaks HTTP, we hold the watch. It ends by itself, when the port stops
//! or it is old (after its requests), when its certificate is over, when it asks nothing, or when somebody hangs up.

use std::{
    convert::Infallible,
    fmt::Display,
    future::{Future, pending, ready},
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
    time::{Instant, MissedTickBehavior, interval, sleep},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use grid_core::gate::{Gate, Shed};

use crate::{
    accept::Peer,
    body::Reply,
    fault::Fault,
    gate,
    settings::Settings,
    turns::{Turns, Watched},
};

/// How often it is looked whether a peer holds the host up.
const LOOK: Duration = Duration::from_secs(1);

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
    /// Without it, what comes over the network is plain.
    pub(crate) tls: Option<Tls>,
    /// HTTP/2 alone, or what the peer begins with.
    pub(crate) protocols: Protocols,
    pub(crate) tasks: TaskTracker,
    /// Connections that are there go after their requests; others may come.
    pub(crate) leave: CancellationToken,
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
        .max_frame_size(settings.frame)
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
        .max_frame_size(settings.frame)
        .max_concurrent_streams(settings.max_concurrent_streams)
        .max_header_list_size(settings.max_header_bytes)
        .max_send_buf_size(settings.send_buffer)
        .keep_alive_interval(settings.keepalive)
        .keep_alive_timeout(settings.keepalive_timeout);
    let service = service(&port, &peer);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    watch(pin!(connection), auto::Connection::graceful_shutdown, &port, &peer, proof).await;
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Watched>, Infallible>> + Send>>;

fn service<T: Route>(
    port: &Arc<Port<T>>,
    peer: &Arc<Peer>,
) -> impl hyper::service::Service<
    Request<Incoming>,
    Response = Response<Watched>,
    Error = Infallible,
    Future: Future<Output = Result<Response<Watched>, Infallible>> + Send,
> + use<T> {
    let (port, peer) = (Arc::clone(port), Arc::clone(peer));
    service_fn(move |mut request: Request<Incoming>| {
        peer.asked.store(true, Ordering::Relaxed);
        if peer.proved.is_something() {
            request.extensions_mut().insert(peer.proved.clone());
        }
        let working = peer.turns.working();
        let shed = port.gate.as_ref().and_then(|gate| gate::ask(gate, &mut request, &peer).err());
        if let Some(Shed { retry_after }) = shed {
            let answer = Fault::Shed { retry_after }.into_response().map(|reply| working.answered(reply));
            return Box::pin(ready(Ok(answer))) as Answering;
        }
        let (port, peer) = (Arc::clone(&port), Arc::clone(&peer));
        // Boxed once here: the future is large, and the connection moves it several times before it is polled.
        Box::pin(async move {
            let answer = port.route.route(request, &peer).await;
            Ok(answer.map(|reply| working.answered(reply)))
        })
    })
}

/// That it is asked to go comes before the requests that the peer has sent meanwhile: one that is busy is asked as soon as
/// an idle one.
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
    let mut silence = pin!(sleep(port.settings.first_request_timeout));
    let mut age = pin!(sleep(spread(port.settings.max_age)));
    let (mut spoken, mut stopping, mut leaving) = (false, false, false);
    let (mut look, mut patience, asked_to_go) = (interval(LOOK), Patience::new(&port.settings), port.asked_to_go());
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let over = tokio::select! {
            biased;
            () = peer.hang_up.cancelled() => return,
            () = either(&port.stop, &asked_to_go), if !stopping => {
                stopping = true;
                finish(connection.as_mut());
                continue;
            }
            ended = connection.as_mut() => {
                if let Err(fault) = ended {
                    tracing::debug!(%fault, "a connection ended early");
                }
                return;
            }
            () = silence.as_mut(), if !spoken => {
                if !peer.asked.load(Ordering::Relaxed) {
                    tracing::debug!("closed: the peer asked nothing");
                    return;
                }
                spoken = true;
                continue;
            }
            _ = look.tick() => match patience.is_over(&peer.turns) {
                true => return,
                false => continue,
            },
            over = void(&mut proof), if !leaving => Some(over),
            () = age.as_mut() => None,
        };
        age.as_mut().reset(Instant::now() + port.settings.age_grace);
        match over {
            // The port's own grace holds.
            None if stopping => {}
            None if leaving => return,
            // Its calls would end with it; it goes when they have another runtime, or its certificate is over.
            None if peer.has_runtime() => {}
            why => {
                say(why.as_ref());
                leaving = true;
                finish(connection.as_mut());
            }
        }
    }
}

impl<T> Port<T> {
    /// Whoever comes later was not asked to go, and may stay until the port stops.
    fn asked_to_go(&self) -> CancellationToken {
        if self.leave.is_cancelled() { CancellationToken::new() } else { self.leave.clone() }
    }
}

async fn either(one: &CancellationToken, other: &CancellationToken) {
    tokio::select! {
        () = one.cancelled() => {}
        () = other.cancelled() => {}
    }
}

/// A connection that is only old goes without a word.
fn say(why: Option<&grid_tls::Refused>) {
    if let Some(why) = why {
        tracing::info!("a connection is asked to go, since its certificate holds no more: {why}");
    }
}

/// What a connection may still do to the host before it is cut.
struct Patience {
    stall: Duration,
    /// A second.
    resets: u64,
    /// At once, after a rest.
    most: u64,
    left: u64,
}

impl Patience {
    fn new(settings: &Settings) -> Self {
        let most = settings.resets_burst;
        Self { stall: settings.stall_timeout, resets: settings.resets_per_second, most, left: most }
    }

    /// Asked once a [`LOOK`].
    fn is_over(&mut self, turns: &Turns) -> bool {
        let why = if turns.is_stalled(self.stall) {
            "the peer takes nothing of an answer that waits for it"
        } else if let Some(left) = self.left.checked_sub(turns.given_up()) {
            self.left = left.saturating_add(self.resets).min(self.most);
            return false;
        } else {
            "the peer gives up its requests too fast"
        };
        tracing::info!("a connection is closed: {why}");
        true
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
