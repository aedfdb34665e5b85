//! The accept loop: takes connections until it is told to stop, whatever the kernel says in between (SV-7), and
//! keeps count of them per address. A fault of one connection is its own; a lack of descriptors or memory passes.

use std::{
    collections::HashMap,
    future::Future,
    io::{self, ErrorKind},
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, atomic::AtomicBool},
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

const FIRST_PAUSE: Duration = Duration::from_millis(5);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// Where connections come from; a trait, so that a test can put errors between them.
pub(crate) trait Accept: Send + 'static {
    fn accept(&self) -> impl Future<Output = io::Result<(TcpStream, SocketAddr)>> + Send;
}

impl Accept for TcpListener {
    async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        TcpListener::accept(self).await
    }
}

/// One connection's other end.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) loopback: bool,
    /// It has asked something.
    pub(crate) asked: AtomicBool,
    /// Cut the connection now.
    pub(crate) hang_up: CancellationToken,
    _place: Place,
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
    S: Fn(TcpStream, Arc<Peer>) -> F + Send + 'static,
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
            Ok((stream, address)) => {
                pause = FIRST_PAUSE;
                let Some(place) = places.take(address.ip()) else {
                    tracing::debug!(%address, "closed: too many connections from this address");
                    continue;
                };
                if let Err(fault) = stream.set_nodelay(true) {
                    tracing::debug!(%fault, "small writes may wait");
                }
                let peer = Peer {
                    loopback: address.ip().to_canonical().is_loopback(),
                    asked: AtomicBool::new(false),
                    hang_up: kill.child_token(),
                    _place: place,
                };
                tasks.spawn(serve(stream, Arc::new(peer)));
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

/// Connections per address.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    taken: Arc<Mutex<HashMap<IpAddr, u32>>>,
    limit: u32,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
struct Place {
    places: Places,
    address: IpAddr,
}

impl Places {
    pub(crate) fn new(limit: u32) -> Self {
        Self { taken: Arc::default(), limit }
    }

    fn take(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_insert(0);
        if *count >= self.limit {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests;
