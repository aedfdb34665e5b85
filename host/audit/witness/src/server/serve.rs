//! The witness's HTTP: connections of hyper's on one thread, each with limits on bytes and time.

use std::{convert::Infallible, future::Future, io, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{
    body::{Body as _, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::cosigner::{Answered, Cosigner, Error};
use crate::wire::{ADD_CHECKPOINT, LONGEST_BODY, SIZE_TYPE};

const TEXT: &str = "text/plain; charset=utf-8";
const LONGEST_HEAD: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(100);

/// What strangers may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: usize,
    /// For a request's head, and for the silence between two requests.
    pub head_timeout: Duration,
    /// For a request's body.
    pub body_timeout: Duration,
    /// For all requests of one connection; then it is closed after the one that runs.
    pub age: Duration,
    /// For those that run when the witness is asked to stop.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            connections: 256,
            head_timeout: seconds(10),
            body_timeout: seconds(10),
            age: seconds(300),
            grace: seconds(5),
        }
    }
}

#[derive(Debug)]
struct Shared {
    cosigner: Arc<Cosigner>,
    limits: Limits,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// Serves until `stopped`; then no new request is taken, and those that run have [`Limits::grace`] to end.
///
/// # Errors
/// [`Error::Unclear`] where the disk failed, and it must not go on.
pub async fn serve(
    listener: TcpListener,
    cosigner: Arc<Cosigner>,
    limits: Limits,
    stopped: impl Future<Output = ()>,
) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(limits.connections));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let shared = Arc::new(Shared { cosigner, limits, tasks, stop });
    let mut stopped = pin!(stopped);
    loop {
        tokio::select! {
            biased;
            () = stopped.as_mut() => break,
            () = shared.stop.cancelled() => break,
            accepted = accept(&listener, &places) => match accepted {
                Ok((stream, place)) => drop(shared.tasks.spawn(connection(Arc::clone(&shared), stream, place))),
                Err(error) => {
                    // A lack of descriptors or memory passes; a lost connection is its own.
                    tracing::warn!(%error, "no connection can be taken; trying again");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    shared.stop.cancel();
    shared.tasks.close();
    if timeout(shared.limits.grace, shared.tasks.wait()).await.is_err() {
        tracing::warn!(connections = shared.tasks.len(), "the grace is over");
    }
    if shared.cosigner.is_unclear() { Err(Error::Unclear) } else { Ok(()) }
}

async fn accept(listener: &TcpListener, places: &Arc<Semaphore>) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, _place: OwnedSemaphorePermit) {
    let limits = &shared.limits;
    let service = service_fn(|request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(route(&shared, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(LONGEST_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = connection.as_mut() => return debug(ended),
        () = shared.stop.cancelled() => {}
        () = sleep(limits.age) => {}
    }
    // Whoever neither asks to the end nor reads the answer does not keep the place.
    connection.as_mut().graceful_shutdown();
    match timeout(limits.head_timeout + limits.body_timeout, connection).await {
        Ok(ended) => debug(ended),
        Err(_) => tracing::debug!("a connection was cut"),
    }
}

fn debug(ended: hyper::Result<()>) {
    if let Err(fault) = ended {
        tracing::debug!(%fault, "a connection ended early");
    }
}

async fn route(shared: &Shared, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    match (head.method, head.uri.path()) {
        (Method::POST, ADD_CHECKPOINT) => add_checkpoint(shared, body).await,
        (_, ADD_CHECKPOINT) => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "send a checkpoint with POST\n");
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            response
        }
        (Method::GET | Method::HEAD, path) => {
            let name = path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint"));
            match name.and_then(|name| shared.cosigner.latest(name)) {
                Some(note) => answer(StatusCode::OK, TEXT, note),
                None => plain(StatusCode::NOT_FOUND, "nothing was cosigned under this name\n"),
            }
        }
        _ => plain(StatusCode::NOT_FOUND, "there is `POST /add-checkpoint` and `GET /<hash>/checkpoint`\n"),
    }
}

async fn add_checkpoint(shared: &Shared, body: Incoming) -> Response<Full<Bytes>> {
    let too_large = || last(plain(StatusCode::PAYLOAD_TOO_LARGE, "a request has at most 64 KiB\n"));
    if body.size_hint().lower() > LONGEST_BODY as u64 {
        return too_large();
    }
    let body = match timeout(shared.limits.body_timeout, Limited::new(body, LONGEST_BODY).collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => return too_large(),
        Ok(Err(_)) => return last(plain(StatusCode::BAD_REQUEST, "the body did not come to its end\n")),
        Err(_) => return last(plain(StatusCode::REQUEST_TIMEOUT, "the body took too long\n")),
    };
    let signed = match shared.cosigner.read(&body) {
        Ok(signed) => signed,
        Err(answered) => return response(answered),
    };
    // One thread at a time waits for the disk for each log, however many ask and go away again.
    let turn = shared.cosigner.turn(&signed).await;
    let cosigner = Arc::clone(&shared.cosigner);
    let work = move || {
        let answered = cosigner.cosign(signed);
        drop(turn);
        answered
    };
    let answered = shared.tasks.spawn_blocking(work).await;
    if shared.cosigner.is_unclear() {
        shared.stop.cancel();
    }
    response(answered.unwrap_or(Answered::Failed))
}

fn response(answered: Answered) -> Response<Full<Bytes>> {
    match answered {
        Answered::Cosigned(line) => answer(StatusCode::OK, TEXT, line),
        Answered::Malformed(why) => answer(StatusCode::BAD_REQUEST, TEXT, format!("{why}\n")),
        Answered::Untrusted => {
            plain(StatusCode::FORBIDDEN, "no trusted key of this log signed it, or a signature does not hold\n")
        }
        Answered::UnknownLog => plain(StatusCode::NOT_FOUND, "this log is not watched here\n"),
        Answered::Conflict(size) => answer(StatusCode::CONFLICT, SIZE_TYPE, format!("{size}\n")),
        Answered::Unproved(why) => answer(StatusCode::UNPROCESSABLE_ENTITY, TEXT, format!("{why}\n")),
        Answered::Failed => plain(StatusCode::INTERNAL_SERVER_ERROR, "nothing was signed; try again later\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    answer(status, TEXT, text)
}

fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// What is left of the body is not worth reading.
fn last(mut response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}
