//! Invalidations by the names that their senders gave them, so that one that is sent again has its effect once. A
//! name is remembered for a day; the log is asked for those of an earlier process.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use grid_audit::Record;
use grid_core::{clock::SharedClock, revocation::Invalidated};
use tokio::sync::oneshot;

/// How long a name is remembered.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(86_400);
/// At most so many; the oldest are forgotten first.
pub(crate) const MOST: usize = 65_536;

/// What an event asks for, as its record says it: its cause and its scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) cause: Option<String>,
    pub(crate) scope: Vec<String>,
}

/// What became of asking for a name.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Nobody sent it before.
    First(First),
    /// It has had its effect.
    Done(Invalidated),
    /// It is having it now; nothing comes where that fails.
    Joined(oneshot::Receiver<Invalidated>),
    /// The name is that of another event.
    Conflict,
}

/// Cheap to clone; all clones are one memory.
#[derive(Debug, Clone)]
pub(crate) struct Events {
    clock: SharedClock,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    known: HashMap<String, Known>,
    /// Those that are done, oldest first, by the monotonic clock.
    done: VecDeque<(Duration, String)>,
}

#[derive(Debug)]
struct Known {
    content: Content,
    state: State,
}

#[derive(Debug)]
enum State {
    Running(Vec<oneshot::Sender<Invalidated>>),
    Done(Invalidated),
}

/// The right to have an event's effect. Dropped before [`First::done`], it leaves the name free.
#[derive(Debug)]
pub(crate) struct First {
    events: Events,
    id: Option<String>,
}

impl Events {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self { clock, inner: Arc::default() }
    }

    /// Asks for a name.
    pub(crate) fn claim(&self, id: &str, content: &Content) -> Claim {
        let mut inner = self.lock();
        inner.forget(self.clock.elapsed());
        if let Some(known) = inner.known.get_mut(id) {
            if known.content != *content {
                return Claim::Conflict;
            }
            return match &mut known.state {
                State::Done(done) => Claim::Done(*done),
                State::Running(waiting) => {
                    let (sender, receiver) = oneshot::channel();
                    waiting.push(sender);
                    Claim::Joined(receiver)
                }
            };
        }
        let known = Known { content: content.clone(), state: State::Running(Vec::new()) };
        inner.known.insert(id.to_owned(), known);
        Claim::First(First { events: self.clone(), id: Some(id.to_owned()) })
    }

    /// Takes up what an earlier process did, from its records, newest first.
    pub(crate) fn recall(&self, records: &[Record]) {
        let (now, now_ms) = (self.clock.elapsed(), self.clock.unix_ms());
        let mut inner = self.lock();
        for record in records {
            let Some(id) = record.text("event_id").filter(|id| !inner.known.contains_key(*id)) else { continue };
            let age = Duration::from_millis(now_ms.saturating_sub(record.at_ms()));
            // This process is younger than what it recalls: what has no time of its own clock counts from its start.
            let at = now.saturating_sub(age);
            let count = |field| u32::try_from(record.number(field).unwrap_or(0)).unwrap_or(u32::MAX);
            let done = Invalidated {
                epoch: record.number("epoch").unwrap_or(0),
                ended_grants: count("ended_grants"),
                cancelled_calls: count("cancelled_calls"),
                repeated: false,
            };
            let scope = record.fields().get("scope").and_then(|scope| scope.as_array());
            let names = scope.into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned));
            let content = Content { cause: record.text("event").map(str::to_owned), scope: names.collect() };
            inner.known.insert(id.to_owned(), Known { content, state: State::Done(done) });
            inner.done.push_front((at, id.to_owned()));
        }
        inner.forget(now);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn forget(&mut self, now: Duration) {
        let old = |at: &Duration| now.saturating_sub(*at) >= REMEMBERED;
        while self.done.len() > MOST || self.done.front().is_some_and(|(at, _)| old(at)) {
            let Some((_, id)) = self.done.pop_front() else { return };
            self.known.remove(&id);
        }
    }
}

impl First {
    /// The event has had its effect.
    pub(crate) fn done(mut self, done: Invalidated) {
        let Some(id) = self.id.take() else { return };
        let mut inner = self.events.lock();
        let now = self.events.clock.elapsed();
        inner.done.push_back((now, id.clone()));
        let before = inner.known.get_mut(&id).map(|known| std::mem::replace(&mut known.state, State::Done(done)));
        inner.forget(now);
        drop(inner);
        if let Some(State::Running(waiting)) = before {
            for waiter in waiting {
                // Whoever sent it again may have gone.
                let _ = waiter.send(done);
            }
        }
    }
}

impl Drop for First {
    fn drop(&mut self) {
        if let Some(id) = self.id.take() {
            self.events.lock().known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests;
