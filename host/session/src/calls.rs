//! The calls of one session, once each: `call_id` is the idempotency key within the session.
//! A repeat joins a call in flight, gets the first outcome of one that ended, and is refused with other arguments. The calls
//! that an execution makes have names of their own, as long as it lasts.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use grid_core::{
    Refusal,
    id::{CallId, InvocationId},
    outcome::CallAnswer,
};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::Session;

/// How a call ended, for those who repeat it.
pub type Ended = Result<CallAnswer, Refusal>;

/// At most so many ended calls are remembered in a session; the oldest are forgotten first.
const REMEMBERED_CALLS: usize = 4096;
/// At most so many bytes of their content.
const REMEMBERED_BYTES: usize = 8 << 20;
/// The same for the calls of one execution.
const NESTED: (usize, usize) = (64, 256 << 10);

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
    parent: Option<InvocationId>,
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
        self.session.calls.end(self.parent, &self.call_id, ended, keep, now);
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
            let mut calls = self.session.calls.lock();
            if let Some(space) = calls.space(self.parent) {
                space.forget(&self.call_id);
            }
            calls.tidy(self.parent);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Calls {
    window: Duration,
    inner: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    closed: bool,
    own: Inner,
    under: HashMap<InvocationId, Inner>,
}

/// Names of calls.
#[derive(Debug, Default)]
struct Inner {
    /// The execution that made these calls has ended.
    over: bool,
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
        self.claim_in(None, call_id, (tool, args), now, Stop::default)
    }

    /// The same among the calls that the execution `parent` makes; `over` is cancelled when the attempt ends that makes
    /// this one, which is asked to stop then.
    pub fn claim_under(
        self: &Arc<Self>,
        (parent, over): (InvocationId, &CancellationToken),
        call_id: &CallId,
        tool: &Arc<str>,
        args: [u8; 32],
        now: Duration,
    ) -> Claim {
        if over.is_cancelled() {
            return Claim::Closed;
        }
        let stop = || Stop { token: over.child_token(), about: Arc::default() };
        self.claim_in(Some(parent), call_id, (tool, args), now, stop)
    }

    fn claim_in(
        self: &Arc<Self>,
        parent: Option<InvocationId>,
        call_id: &CallId,
        (tool, args): (&Arc<str>, [u8; 32]),
        now: Duration,
        stop: impl FnOnce() -> Stop,
    ) -> Claim {
        let mut calls = self.calls.lock();
        calls.own.expire(now, self.calls.window);
        if calls.closed {
            return Claim::Closed;
        }
        let space = match parent {
            None => &mut calls.own,
            Some(parent) => calls.under.entry(parent).or_default(),
        };
        if let Some(slot) = space.slots.get_mut(call_id) {
            return slot.repeat(tool, &args);
        }
        let stop = stop();
        let state = State::Running { stop: stop.clone(), waiting: Vec::new() };
        space.slots.insert(call_id.clone(), Slot { tool: Arc::clone(tool), args, state });
        space.in_flight += 1;
        drop(calls);
        Claim::First(Ticket { session: Arc::clone(self), parent, call_id: call_id.clone(), stop, settled: false })
    }

    /// Asks to stop a call; false where none of that name is in flight.
    #[must_use]
    pub fn cancel(&self, call_id: &CallId) -> bool {
        self.calls.lock().own.slots.get(call_id).is_some_and(Slot::cancel)
    }

    /// Asks to stop a call that an execution made; false where none of that name is in flight.
    #[must_use]
    pub fn cancel_under(&self, parent: InvocationId, call_id: &CallId) -> bool {
        let calls = self.calls.lock();
        calls.under.get(&parent).and_then(|space| space.slots.get(call_id)).is_some_and(Slot::cancel)
    }

    /// An execution has ended: nobody repeats the calls that it made.
    pub fn end_under(&self, parent: InvocationId) {
        let mut calls = self.calls.lock();
        if let Some(space) = calls.under.get_mut(&parent) {
            space.over = true;
        }
        calls.tidy(Some(parent));
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
        self.lock().in_flight()
    }

    /// Takes no further calls; refuses (with the number in flight) unless none is or `force` is given, which
    /// asks all to stop.
    pub(crate) fn close(&self, force: bool) -> Result<usize, usize> {
        let mut calls = self.lock();
        let in_flight = calls.in_flight();
        if in_flight > 0 && !force {
            return Err(in_flight);
        }
        calls.closed = true;
        // Nobody can repeat a call of a session that has ended.
        while !calls.own.ended.is_empty() {
            calls.own.forget_oldest();
        }
        Ok(calls.in_order().into_iter().filter(|slot| slot.cancel()).count())
    }

    fn end(&self, parent: Option<InvocationId>, call_id: &CallId, ended: &Ended, keep: bool, now: Duration) {
        let mut calls = self.lock();
        let waiting = calls.space(parent).map(|space| space.end(call_id, ended, keep, now, parent.is_some()));
        calls.tidy(parent);
        drop(calls);
        for waiter in waiting.into_iter().flatten() {
            // Whoever repeated the call may have gone; the outcome is on record all the same.
            drop(waiter.send(ended.clone()));
        }
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Whoever waits for it.
    fn end(
        &mut self,
        call_id: &CallId,
        ended: &Ended,
        keep: bool,
        now: Duration,
        nested: bool,
    ) -> Vec<oneshot::Sender<Ended>> {
        let Some(Slot { state, .. }) = self.slots.get_mut(call_id) else { return Vec::new() };
        let State::Running { waiting, .. } = state else { return Vec::new() };
        let waiting = std::mem::take(waiting);
        if keep {
            *state = State::Ended(ended.clone());
            self.in_flight = self.in_flight.saturating_sub(1);
            self.bytes += weight(ended);
            self.ended.push_back((now, call_id.clone()));
            self.shrink(if nested { NESTED } else { (REMEMBERED_CALLS, REMEMBERED_BYTES) });
        } else {
            self.forget(call_id);
        }
        waiting
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

    fn shrink(&mut self, (calls, bytes): (usize, usize)) {
        while self.ended.len() > calls || (self.bytes > bytes && self.ended.len() > 1) {
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

mod all;
#[cfg(test)]
mod tests;
