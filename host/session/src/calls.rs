//! The calls of one session, once each: `call_id` is the idempotency key within the session.
//! A repeat joins a call in flight, gets the first outcome of one that ended, and is refused with other arguments.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use grid_core::{Refusal, id::CallId, outcome::CallAnswer};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Session;

/// How a call ended, for those who repeat it.
pub type Ended = Result<CallAnswer, Refusal>;

/// At most so many ended calls are remembered in a session; the oldest are forgotten first.
const REMEMBERED_CALLS: usize = 4096;
/// At most so many bytes of their content.
const REMEMBERED_BYTES: usize = 8 << 20;

/// What became of asking for a call_id.
#[derive(Debug)]
pub enum Claim {
    /// Nobody asked before: run it.
    First(Ticket),
    /// It is in flight: wait for its outcome.
    Joined(oneshot::Receiver<Ended>),
    /// It has ended.
    Done(Box<Ended>),
    /// The same call_id was used for another tool or other arguments.
    Conflict,
    /// The session has ended meanwhile.
    Closed,
}

/// The right to run a call, held by the path until the call has ended.
#[derive(Debug)]
pub struct Ticket {
    session: Arc<Session>,
    call_id: CallId,
    stop: Stop,
    settled: bool,
}

impl Ticket {
    /// Completes when somebody asks to stop the call.
    #[must_use]
    pub fn cancelled(&self) -> &CancellationToken {
        &self.stop.token
    }

    /// Why somebody asked to stop it, where it was not its own caller; set before the token says that somebody did.
    #[must_use]
    pub fn why(&self) -> &OnceLock<Arc<str>> {
        &self.stop.about.why
    }

    /// Asks to stop the call, from wherever it is known that nobody waits for it.
    #[must_use]
    pub fn stopper(&self) -> Stopper {
        Stopper(self.stop.clone())
    }

    /// Its caller runs the call, under a grant that has an end of its own.
    pub fn give(&self) {
        self.stop.about.given.store(true, Ordering::Release);
    }

    /// The call has ended so. With `keep`, a repeat within the window gets the same.
    pub fn end(mut self, ended: &Ended, keep: bool, now: Duration) {
        self.settled = true;
        self.session.calls.end(&self.call_id, ended, keep, now);
    }
}

/// Asks one call to stop.
#[derive(Debug, Clone)]
pub struct Stopper(Stop);

impl Stopper {
    /// Asks it, and says why unless somebody said so before.
    pub fn stop(&self, why: &Arc<str>) {
        // Before the token: whoever sees that it was asked to stop sees why.
        let _ = self.0.about.why.set(Arc::clone(why));
        self.0.token.cancel();
    }
}

impl Drop for Ticket {
    /// A path that ended without a word (its task was aborted) must not leave the call_id taken for ever.
    fn drop(&mut self) {
        if !self.settled {
            self.session.calls.lock().forget(&self.call_id);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Calls {
    window: Duration,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    closed: bool,
    in_flight: usize,
    slots: HashMap<CallId, Slot>,
    ended: VecDeque<(Duration, CallId)>,
    bytes: usize,
}

#[derive(Debug)]
struct Slot {
    tool: Arc<str>,
    args: [u8; 32],
    state: State,
}

/// How a call is asked to stop.
#[derive(Debug, Clone, Default)]
struct Stop {
    token: CancellationToken,
    about: Arc<About>,
}

#[derive(Debug, Default)]
struct About {
    why: OnceLock<Arc<str>>,
    /// Its caller runs it.
    given: AtomicBool,
}

#[derive(Debug)]
enum State {
    Running { stop: Stop, waiting: Vec<oneshot::Sender<Ended>> },
    Ended(Ended),
}

impl Session {
    /// Claims `call_id` for one run of `tool` with arguments of this digest.
    pub fn claim(self: &Arc<Self>, call_id: &CallId, tool: &Arc<str>, args: [u8; 32], now: Duration) -> Claim {
        let mut calls = self.calls.lock();
        calls.expire(now, self.calls.window);
        if calls.closed {
            return Claim::Closed;
        }
        if let Some(slot) = calls.slots.get_mut(call_id) {
            return slot.repeat(tool, &args);
        }
        let stop = Stop::default();
        let state = State::Running { stop: stop.clone(), waiting: Vec::new() };
        calls.slots.insert(call_id.clone(), Slot { tool: Arc::clone(tool), args, state });
        calls.in_flight += 1;
        drop(calls);
        Claim::First(Ticket { session: Arc::clone(self), call_id: call_id.clone(), stop, settled: false })
    }

    /// Asks to stop a call; false where none of that name is in flight.
    #[must_use]
    pub fn cancel(&self, call_id: &CallId) -> bool {
        self.calls.lock().slots.get(call_id).is_some_and(Slot::cancel)
    }

    /// Asks the calls at runtimes of functions that `fits` to stop, and says why; how many were not asked before.
    pub fn cancel_where(&self, why: &Arc<str>, fits: impl Fn(&str) -> bool) -> usize {
        let calls = self.calls.lock();
        let running = calls.in_order().into_iter().filter(|slot| fits(&slot.tool));
        running.filter(|slot| slot.stop(why)).count()
    }
}

impl Calls {
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, inner: Mutex::default() }
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lock().in_flight
    }

    /// Takes no further calls; refuses (with the number in flight) unless none is or `force` is given, which
    /// asks all to stop.
    pub(crate) fn close(&self, force: bool) -> Result<usize, usize> {
        let mut calls = self.lock();
        if calls.in_flight > 0 && !force {
            return Err(calls.in_flight);
        }
        calls.closed = true;
        // Nobody can repeat a call of a session that has ended.
        while !calls.ended.is_empty() {
            calls.forget_oldest();
        }
        Ok(calls.in_order().into_iter().filter(|slot| slot.cancel()).count())
    }

    fn end(&self, call_id: &CallId, ended: &Ended, keep: bool, now: Duration) {
        let mut calls = self.lock();
        let Some(slot) = calls.slots.get_mut(call_id) else {
            return;
        };
        let State::Running { waiting, .. } = &mut slot.state else {
            return;
        };
        let waiting = std::mem::take(waiting);
        if keep {
            slot.state = State::Ended(ended.clone());
            calls.in_flight = calls.in_flight.saturating_sub(1);
            calls.bytes += weight(ended);
            calls.ended.push_back((now, call_id.clone()));
            calls.shrink();
        } else {
            calls.forget(call_id);
        }
        drop(calls);
        for waiter in waiting {
            // Whoever repeated the call may have gone; the outcome is on record all the same.
            drop(waiter.send(ended.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// By their names: what happens to several of them happens in the same order each time.
    fn in_order(&self) -> Vec<&Slot> {
        let mut slots: Vec<_> = self.slots.iter().collect();
        slots.sort_unstable_by_key(|(call_id, _)| *call_id);
        slots.into_iter().map(|(_, slot)| slot).collect()
    }

    fn forget(&mut self, call_id: &CallId) {
        match self.slots.remove(call_id).map(|slot| slot.state) {
            Some(State::Running { .. }) => self.in_flight = self.in_flight.saturating_sub(1),
            Some(State::Ended(ended)) => self.bytes = self.bytes.saturating_sub(weight(&ended)),
            None => {}
        }
    }

    fn expire(&mut self, now: Duration, window: Duration) {
        while self.ended.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= window) {
            self.forget_oldest();
        }
    }

    fn shrink(&mut self) {
        while self.ended.len() > REMEMBERED_CALLS || (self.bytes > REMEMBERED_BYTES && self.ended.len() > 1) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        if let Some((_, call_id)) = self.ended.pop_front() {
            self.forget(&call_id);
        }
    }
}

impl Slot {
    fn repeat(&mut self, tool: &Arc<str>, args: &[u8; 32]) -> Claim {
        if self.tool != *tool || self.args != *args {
            return Claim::Conflict;
        }
        match &mut self.state {
            State::Ended(ended) => Claim::Done(Box::new(ended.clone())),
            State::Running { waiting, .. } => {
                let (sender, receiver) = oneshot::channel();
                waiting.push(sender);
                Claim::Joined(receiver)
            }
        }
    }

    fn cancel(&self) -> bool {
        match &self.state {
            State::Running { stop, .. } => {
                stop.token.cancel();
                true
            }
            State::Ended(_) => false,
        }
    }

    /// As [`Slot::cancel`], for a reason that is not the caller's own; false where it was asked before.
    fn stop(&self, why: &Arc<str>) -> bool {
        match &self.state {
            State::Running { stop, .. } if !stop.token.is_cancelled() && !stop.about.given.load(Ordering::Acquire) => {
                // Before the token: whoever sees that it was asked to stop sees why.
                let first = stop.about.why.set(Arc::clone(why)).is_ok();
                stop.token.cancel();
                first
            }
            _ => false,
        }
    }
}

fn weight(ended: &Ended) -> usize {
    use grid_core::outcome::ToolAnswer::{Error, Streamed, Success};
    match ended.as_ref().map(|answer| &answer.answer) {
        Ok(Success(content)) => content.len(),
        Ok(Streamed(_)) => 0,
        Ok(Error { message, kind }) => message.len() + kind.len(),
        Err(refusal) => refusal.message().len(),
    }
}

#[cfg(test)]
mod tests;
