//! Calls that wait for a place at a provider whose runtimes are full, first come first served. Whoever gives a place back
//! hands it to the first who can use it, so that nobody who comes later takes it.

use std::{
    collections::VecDeque,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering, fence},
    },
};

use grid_core::Refusal;
use tokio::sync::oneshot;

use crate::{
    evidence::Place,
    roster::{Attempt, Query},
    table::Provider,
};

/// The calls that wait for one provider.
#[derive(Debug, Default)]
pub(crate) struct Line {
    waiters: Mutex<VecDeque<Waiter>>,
    length: AtomicUsize,
    tickets: AtomicU64,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    query: Query,
    /// Of its tool at this provider.
    waiting: Arc<AtomicUsize>,
    reply: oneshot::Sender<Result<Place, Refusal>>,
}

/// A call's own place in a line; it leaves the line when this is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    provider: Arc<Provider>,
    ticket: u64,
    reply: oneshot::Receiver<Result<Place, Refusal>>,
}

impl Waiting {
    /// The place, or why there will be none.
    pub(crate) async fn placed(&mut self) -> Option<Result<Place, Refusal>> {
        (&mut self.reply).await.ok()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.provider.line.remove(self.ticket);
    }
}

impl Line {
    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.length.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waiter>> {
        self.waiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes its place at the end; `None` where `most` wait already.
    pub(crate) fn join(
        provider: &Arc<Provider>,
        query: Query,
        waiting: &Arc<AtomicUsize>,
        most: usize,
    ) -> Option<Waiting> {
        let line = &provider.line;
        let (sender, reply) = oneshot::channel();
        let ticket = line.tickets.fetch_add(1, Ordering::Relaxed);
        {
            let mut waiters = line.lock();
            if waiters.len() >= most {
                return None;
            }
            line.push(&mut waiters, Waiter { ticket, query, waiting: Arc::clone(waiting), reply: sender });
        }
        // A place may have come back before anybody was seen to wait.
        fence(Ordering::SeqCst);
        line.serve();
        Some(Waiting { provider: Arc::clone(provider), ticket, reply })
    }

    fn push(&self, waiters: &mut VecDeque<Waiter>, waiter: Waiter) {
        waiter.waiting.fetch_add(1, Ordering::SeqCst);
        self.length.fetch_add(1, Ordering::SeqCst);
        waiters.push_back(waiter);
    }

    fn counted_out(&self, waiter: &Waiter) {
        waiter.waiting.fetch_sub(1, Ordering::SeqCst);
        self.length.fetch_sub(1, Ordering::SeqCst);
    }

    fn remove(&self, ticket: u64) {
        let mut waiters = self.lock();
        if let Some(at) = waiters.iter().position(|waiter| waiter.ticket == ticket)
            && let Some(waiter) = waiters.remove(at)
        {
            self.counted_out(&waiter);
        }
    }

    /// A place may be free: whoever can use it first has it. Nothing where nobody waits.
    pub(crate) fn given_back(&self) {
        fence(Ordering::SeqCst);
        if self.len() > 0 {
            self.serve();
        }
    }

    /// Everybody in the line tries again, in turn; who waits at the wrong place goes to the end of the right line.
    pub(crate) fn serve(&self) {
        let mut astray = Vec::new();
        {
            let mut waiters = self.lock();
            let mut left = VecDeque::with_capacity(waiters.len());
            let mut full: Vec<Query> = Vec::new();
            for waiter in mem::take(&mut *waiters) {
                if waiter.reply.is_closed() {
                    self.counted_out(&waiter);
                } else if full.iter().any(|other| other.is_like(&waiter.query)) {
                    left.push_back(waiter);
                } else {
                    match waiter.query.attempt() {
                        Attempt::Taken(place) => self.hand_over(waiter, Ok(place)),
                        Attempt::Nobody(refusal) => self.hand_over(waiter, Err(refusal)),
                        Attempt::Full(provider, _) if std::ptr::eq(&raw const provider.line, self) => {
                            full.push(waiter.query.clone());
                            left.push_back(waiter);
                        }
                        Attempt::Full(provider, waiting) => {
                            self.counted_out(&waiter);
                            astray.push((provider, waiting, waiter));
                        }
                    }
                }
            }
            *waiters = left;
        }
        for (provider, waiting, waiter) in astray {
            let line = &provider.line;
            let Waiter { ticket: _, query, reply, .. } = waiter;
            let ticket = line.tickets.fetch_add(1, Ordering::Relaxed);
            line.push(&mut line.lock(), Waiter { ticket, query, waiting, reply });
        }
    }

    /// A place that nobody takes goes back, and the next one in the line gets it without this line being asked again.
    fn hand_over(&self, waiter: Waiter, placed: Result<Place, Refusal>) {
        self.counted_out(&waiter);
        if let Err(Ok(place)) = waiter.reply.send(placed) {
            place.unused();
        }
    }
}
