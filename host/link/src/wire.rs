//! One attached runtime: its bounded queue of frames and its calls in flight. A result is taken only from the
//! runtime that was called, for a call in flight, with equal call_id and name.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::{
    clock::SharedClock,
    frame::{CallFrame, HostFrame, ResultFrame},
    id::{CallId, InvocationId},
    runtime::{Card, Ending, Runtime, Unreachable},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

/// So many ended calls are remembered, to tell a late result from one that was made up.
const REMEMBERED: usize = 1024;

/// What became of a result frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// The caller has it.
    Delivered,
    /// Its call has ended already; it goes on record and nowhere else.
    Late(InvocationId),
    /// It answers no call of this runtime, or not the way it must; why.
    Violation(Option<InvocationId>, String),
}

/// How a call stands at a runtime.
#[derive(Debug)]
pub enum Held {
    /// It has it; the token is cancelled as soon as it has not.
    InFlight(CancellationToken),
    /// It had it.
    Over,
    /// It never had it, or long ago.
    Unknown,
}

/// One attached runtime.
#[derive(Debug)]
pub struct Wire {
    card: Card,
    clock: SharedClock,
    frames: mpsc::Sender<HostFrame>,
    calls: Mutex<Calls>,
    heard: AtomicU64,
    ended: CancellationToken,
}

#[derive(Debug, Default)]
struct Calls {
    gone: bool,
    in_flight: HashMap<InvocationId, InFlight>,
    /// Calls so far.
    sent: u64,
    over: VecDeque<InvocationId>,
}

#[derive(Debug)]
struct InFlight {
    /// The how-manieth call of this runtime it is.
    nth: u64,
    call_id: CallId,
    name: Arc<str>,
    ending: oneshot::Sender<Ending>,
    /// Cancelled as soon as the runtime does not have the call any more: what it asked for on its behalf ends with it.
    token: CancellationToken,
    _over: DropGuard,
}

impl Wire {
    /// A line whose frames leave through the receiver; `queue` of them may wait.
    #[must_use]
    pub fn new(card: Card, clock: SharedClock, queue: usize) -> (Arc<Self>, mpsc::Receiver<HostFrame>) {
        let (frames, receiver) = mpsc::channel(queue);
        let heard = AtomicU64::new(nanos(clock.elapsed()));
        let calls = Mutex::default();
        let ended = CancellationToken::new();
        (Arc::new(Self { card, clock, frames, calls, heard, ended }), receiver)
    }

    /// Queues a frame that is no call; waits for room, but not for a runtime that has been ended.
    pub async fn send(&self, frame: HostFrame) {
        tokio::select! {
            biased;
            // A receiver that is gone means that the stream is over; detach takes care of the rest.
            sent = self.frames.send(frame) => drop(sent),
            () = self.ended.cancelled() => {}
        }
    }

    /// Queues a frame that is no call where there is room; waits for nobody.
    pub fn offer(&self, frame: HostFrame) {
        // A full queue means that the runtime does not read; it learns the rest from the end of its stream.
        drop(self.frames.try_send(frame));
    }

    /// The runtime lives.
    pub fn heard(&self) {
        self.heard.store(nanos(self.clock.elapsed()), Ordering::Relaxed);
    }

    /// How long it has been silent.
    #[must_use]
    pub fn silent_for(&self) -> Duration {
        let heard = Duration::from_nanos(self.heard.load(Ordering::Relaxed));
        self.clock.elapsed().saturating_sub(heard)
    }

    /// Cancelled when the host ends the attachment.
    #[must_use]
    pub fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// How a call stands that this runtime names as its own.
    #[must_use]
    pub fn holds(&self, id: InvocationId) -> Held {
        let calls = self.lock();
        match calls.in_flight.get(&id) {
            Some(call) => Held::InFlight(call.token.clone()),
            None if calls.over.contains(&id) => Held::Over,
            None => Held::Unknown,
        }
    }

    /// Takes a result.
    #[must_use]
    pub fn settle(&self, result: ResultFrame) -> Settled {
        let Ok(id) = result.invocation_id.parse::<InvocationId>() else {
            return Settled::Violation(None, "the result names no invocation; copy the call's id".to_owned());
        };
        let mut calls = self.lock();
        let Some(call) = calls.take(id) else {
            return if calls.over.contains(&id) {
                Settled::Late(id)
            } else {
                Settled::Violation(Some(id), "the result is for no call of this runtime".to_owned())
            };
        };
        drop(calls);
        let fault = if result.call_id != call.call_id.as_str() {
            Some("the result carries another call_id than its call".to_owned())
        } else if result.name != *call.name {
            Some("the result carries another name than its call".to_owned())
        } else {
            None
        };
        let (ending, settled) = match (fault, result.answer) {
            (None, Ok(answer)) => (Ending::Answered(answer), Settled::Delivered),
            (Some(fault), _) | (None, Err(fault)) => {
                (Ending::Violated(fault.clone()), Settled::Violation(Some(id), fault))
            }
        };
        match call.ending.send(ending) {
            Ok(()) => settled,
            // The path gave up between its deadline and this line.
            Err(_) => Settled::Late(id),
        }
    }

    /// The runtime has gone: every call in flight ends as crashed. Returns how many there were.
    pub fn crash(&self, reason: &str) -> usize {
        self.card.load.drain();
        self.ended.cancel();
        let calls = {
            let mut calls = self.lock();
            calls.gone = true;
            std::mem::take(&mut calls.in_flight)
        };
        let count = calls.len();
        // In the order in which they were sent.
        let mut calls: Vec<_> = calls.into_values().collect();
        calls.sort_unstable_by_key(|call| call.nth);
        for call in calls {
            drop(call.ending.send(Ending::Crashed(reason.to_owned())));
        }
        count
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn take(&mut self, id: InvocationId) -> Option<InFlight> {
        let call = self.in_flight.remove(&id)?;
        if self.over.len() >= REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back(id);
        Some(call)
    }
}

impl Runtime for Wire {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&self, call: CallFrame) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        let slot = self.frames.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => Unreachable::Busy,
            mpsc::error::TrySendError::Closed(()) => Unreachable::Gone,
        })?;
        let (ending, receiver) = oneshot::channel();
        let (call_id, name) = (call.call_id.clone(), Arc::clone(&call.name));
        let token = CancellationToken::new();
        let _over = token.clone().drop_guard();
        {
            let mut calls = self.lock();
            if calls.gone {
                return Err(Unreachable::Gone);
            }
            calls.sent += 1;
            let in_flight = InFlight { nth: calls.sent, call_id, name, ending, token, _over };
            calls.in_flight.insert(call.invocation_id, in_flight);
        }
        slot.send(HostFrame::Call(Box::new(call)));
        Ok(receiver)
    }

    fn cancel(&self, invocation_id: InvocationId, reason: &str) {
        if self.lock().take(invocation_id).is_some() {
            let frame = HostFrame::Cancel { invocation_id, reason: reason.to_owned() };
            // A full queue means that the runtime does not read; its silence will end it.
            drop(self.frames.try_send(frame));
        }
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
