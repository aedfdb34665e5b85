//! The accept loop: takes connections until it is told to stop, whatever the kernel says in between (SV-7), and
//! keeps count of them per peer. A fault of one connection is its own; a lack of descriptors or memory passes.

use std::{
    collections::HashMap,
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use grid_core::envelope::{LocalPeer, PeerCertificate};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::turns::Turns;

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Where connections come from; a trait, because there are several, and so that a test can put errors between them.
pub(crate) trait Accept: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, Origin)>> + Send;
}

impl Accept for TcpListener {
    type Stream = TcpStream;

    async fn accept(&self) -> io::Result<(TcpStream, Origin)> {
        let (stream, address) = Self::accept(self).await?;
        if let Err(fault) = stream.set_nodelay(true) {
            tracing::debug!(%fault, "small writes may wait");
        }
        Ok((stream, Origin::Address(address)))
    }
}

/// Where a connection comes from, as the kernel says.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Origin {
    Address(SocketAddr),
    /// A process on this machine.
    Local(LocalPeer),
}

/// Who shares a number of places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Sharer {
    Address(IpAddr),
    User(u32),
}

impl Origin {
    fn sharer(self) -> Sharer {
        match self {
            Self::Address(address) => Sharer::Address(address.ip().to_canonical()),
            Self::Local(peer) => Sharer::User(peer.uid),
        }
    }
}

/// One connection's other end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) loopback: bool,
    pub(crate) proved: Proved,
    /// It has asked something.
    pub(crate) asked: AtomicBool,
    /// Whose turn it is, answer by answer.
    pub(crate) turns: Arc<Turns>,
    /// Each runtime that is attached on it holds one more.
    pub(crate) attached: Arc<()>,
    /// Cut the connection now.
    pub(crate) hang_up: CancellationToken,
    _place: Place,
}

/// What a connection proves of its peer. It travels with each request, as an extension, where there is anything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Proved {
    /// By the handshake.
    pub(crate) certificate: Option<Arc<PeerCertificate>>,
    /// By the kernel, on a Unix socket.
    pub(crate) local: Option<LocalPeer>,
}

impl Proved {
    pub(crate) fn is_something(&self) -> bool {
        self.certificate.is_some() || self.local.is_some()
    }
}

impl Peer {
    fn new(origin: Origin, hang_up: CancellationToken, place: Place) -> Self {
        let (loopback, local) = match origin {
            Origin::Address(address) => (address.ip().to_canonical().is_loopback(), None),
            Origin::Local(peer) => (true, Some(peer)),
        };
        let proved = Proved { certificate: None, local };
        Self {
            loopback,
            proved,
            asked: AtomicBool::new(false),
            turns: Arc::default(),
            attached: Arc::default(),
            hang_up,
            _place: place,
        }
    }

    pub(crate) fn has_runtime(&self) -> bool {
        Arc::strong_count(&self.attached) > 1
    }
}

/// Accepts until `stop`; each connection is served by a task of `tasks` and cut when `kill` says so.
pub(crate) async fn accept<A, S, F>(
    listener: A,
    places: Places,
    tasks: TaskTracker,
    stop: CancellationToken,
    kill: CancellationToken,
    serve: S,
) where
    A: Accept,
    S: Fn(A::Stream, Peer) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, origin)) => {
                pause = FIRST_PAUSE;
                let Some(place) = places.take(origin.sharer()) else {
                    tracing::debug!(?origin, "closed: too many connections from there");
                    continue;
                };
                tasks.spawn(serve(stream, Peer::new(origin, kill.child_token(), place)));
            }
            Err(fault) if of_one_connection(&fault) => {
                tracing::debug!(%fault, "a connection was lost before it was taken");
            }
            Err(fault) => {
                tracing::warn!(%fault, ?pause, "no connection can be taken; trying again");
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

/// Errors that say nothing about the next connection. All others (no descriptors, no memory) are waited out.
fn of_one_connection(fault: &io::Error) -> bool {
    matches!(
        fault.kind(),
        ErrorKind::ConnectionAborted
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionRefused
            | ErrorKind::Interrupted
    )
}

/// Connections per address, and per user on a Unix socket.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<HashMap<Sharer, u32>>>,
    limit: u32,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
struct Place {
    places: Places,
    sharer: Sharer,
}

impl Places {
    pub(crate) fn new(limit: u32) -> Self {
        Self { taken: Arc::default(), limit }
    }

    fn take(&self, sharer: Sharer) -> Option<Place> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(sharer).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), sharer })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.sharer) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.sharer);
            }
        }
    }
}

#[cfg(test)]
mod tests;
