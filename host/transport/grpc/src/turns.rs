//! Whose turn it is on each answer of a connection. hyper asks for the next piece of an answer once its peer has room for
//! it; a peer that leaves a piece unasked for too long holds memory and gives nothing, and loses its connection (SV-5).
//! And how often a peer gives its requests up: each one may leave work behind (rapid reset).

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use tonic::Status;

use crate::body::Reply;

/// Since when it is the peer's turn, in milliseconds after the connection began; 0 where it is the host's.
type Turn = Arc<AtomicU64>;

/// The answers of one connection that are not over, and what its peer gave up.
#[derive(Debug)]
pub(crate) struct Turns {
    began: Instant,
    open: Mutex<HashMap<u64, Turn>>,
    next: AtomicU64,
    given_up: AtomicU64,
}

impl Default for Turns {
    fn default() -> Self {
        Self { began: Instant::now(), open: Mutex::default(), next: AtomicU64::new(0), given_up: AtomicU64::new(0) }
    }
}

impl Turns {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
    }

    fn open(self: &Arc<Self>) -> Open {
        let turn = Arc::new(AtomicU64::new(self.now()));
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.open.lock().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&turn));
        Open { turns: Arc::clone(self), number, turn }
    }

    /// Whether the peer leaves an answer untaken for so long.
    pub(crate) fn is_stalled(&self, patience: Duration) -> bool {
        let now = self.now();
        let patience = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values().any(|turn| {
            let since = turn.load(Ordering::Relaxed);
            since > 0 && now.saturating_sub(since) >= patience
        })
    }

    /// What the peer gave up since this was asked before.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.swap(0, Ordering::Relaxed)
    }

    /// A request that is being worked on.
    pub(crate) fn working(self: &Arc<Self>) -> Working {
        Working { turns: Arc::clone(self), done: AtomicBool::new(false) }
    }
}

/// A request whose answer is not made; dropped before that, its sender gave it up.
#[derive(Debug)]
pub(crate) struct Working {
    turns: Arc<Turns>,
    done: AtomicBool,
}

impl Working {
    /// The answer is there.
    pub(crate) fn answered(&self, reply: Reply) -> Watched {
        self.done.store(true, Ordering::Relaxed);
        Watched { open: self.turns.open(), reply }
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if !self.done.load(Ordering::Relaxed) {
            self.turns.given_up.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[derive(Debug)]
struct Open {
    turns: Arc<Turns>,
    number: u64,
    turn: Turn,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.turns.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// An answer, with a watch on whose turn it is.
#[derive(Debug)]
pub(crate) struct Watched {
    open: Open,
    reply: Reply,
}

impl Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.reply).poll_frame(context);
        let since = if polled.is_ready() { self.open.turns.now() } else { 0 };
        self.open.turn.store(since, Ordering::Relaxed);
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reply.size_hint()
    }
}
