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
    feature::Feature,
    frame::{CallFrame, HostFrame, OversizedFrame, ResultFrame},
    id::{CallId, InvocationId},
    runtime::{Card, Ending, Runtime, Unreachable},
    stream::Pipe,
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::stream::Flow;
use crate::asking::Asking;

/// So many ended calls are remembered, to tell a late result from one that was made up.
const REMEMBERED: usize = 1024;

/// What became of a frame that is about a call.
#[derive(Debug, PartialEq, Eq)]
pub enum Settled {
    /// The caller has it.
    Delivered,
    /// It was on its way when its call was given up; nobody needs to know.
    Ignored,
    /// Its call has ended already; it goes on record and nowhere else.
    Late(InvocationId),
    /// It answers no call of this runtime, or not the way it must; why.
    Violation(Option<InvocationId>, String),
    /// It was too large to be read; how large.
    TooLarge(Option<InvocationId>, String),
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
    asking: Asking,
}

#[derive(Debug, Default)]
struct Calls {
    gone: bool,
    in_flight: HashMap<InvocationId, InFlight>,
    /// Calls so far.
    sent: u64,
    over: VecDeque<(InvocationId, Over)>,
}

#[derive(Debug)]
struct InFlight {
    /// The how-manieth call of this runtime it is.
    nth: u64,
    call_id: CallId,
    name: Arc<str>,
    ending: oneshot::Sender<Ending>,
    /// Where somebody hears more than the end.
    pipe: Option<Arc<Pipe>>,
    /// Where the result may come in pieces.
    flow: Option<Flow>,
    /// Cancelled as soon as the runtime does not have the call any more: what it asked for on its behalf ends with it.
    token: CancellationToken,
    _over: DropGuard,
}

/// By whom a call was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    ByRuntime,
    ByHost,
}

impl Wire {
    /// A line whose frames leave through the receiver; `queue` of them may wait.
    #[must_use]
    pub fn new(card: Card, clock: SharedClock, queue: usize) -> (Arc<Self>, mpsc::Receiver<HostFrame>) {
        let (frames, receiver) = mpsc::channel(queue);
        let heard = AtomicU64::new(nanos(clock.elapsed()));
        let calls = Mutex::default();
        let ended = CancellationToken::new();
        (Arc::new(Self { card, clock, frames, calls, heard, ended, asking: Asking::default() }), receiver)
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

    pub(crate) fn asking(&self) -> &Asking {
        &self.asking
    }

    /// How a call stands that this runtime names as its own.
    #[must_use]
    pub fn holds(&self, id: InvocationId) -> Held {
        let calls = self.lock();
        match calls.in_flight.get(&id) {
            Some(call) => Held::InFlight(call.token.clone()),
            None if calls.over(id).is_some() => Held::Over,
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
        let Some(call) = calls.take(id, Over::ByRuntime) else {
            return match calls.over(id) {
                Some(_) => Settled::Late(id),
                None => Settled::Violation(Some(id), "the result is for no call of this runtime".to_owned()),
            };
        };
        drop(calls);
        let fault = if result.call_id != call.call_id.as_str() {
            Some("the result carries another call_id than its call".to_owned())
        } else if result.name != *call.name {
            Some("the result carries another name than its call".to_owned())
        } else if call.flow.is_some_and(|flow| flow.has_begun()) {
            Some("the result comes whole after parts of it came in chunks".to_owned())
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

    /// Takes word of a frame that was too large to be read: the call that it would have ended, or gone on with, ends.
    #[must_use]
    pub fn oversized(&self, frame: &OversizedFrame) -> Settled {
        let OversizedFrame { part, found, limit, .. } = *frame;
        let fault = format!("a frame has {found} bytes and the limit is {limit}; send less, or in chunks");
        let Ok(id) = frame.invocation_id.parse::<InvocationId>() else {
            return Settled::TooLarge(None, fault);
        };
        let mut calls = self.lock();
        // More chunks may be on their way.
        let Some(call) = calls.take(id, if part { Over::ByHost } else { Over::ByRuntime }) else {
            return match calls.over(id) {
                Some(_) if part => Settled::Ignored,
                Some(_) => Settled::Late(id),
                None => Settled::Violation(Some(id), "the frame is for no call of this runtime".to_owned()),
            };
        };
        drop(calls);
        if part {
            self.stop(id, &fault);
        }
        match call.ending.send(Ending::TooLarge { found, limit }) {
            Ok(()) => Settled::TooLarge(Some(id), fault),
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
    fn take(&mut self, id: InvocationId, by: Over) -> Option<InFlight> {
        let call = self.in_flight.remove(&id)?;
        if self.over.len() >= REMEMBERED {
            self.over.pop_front();
        }
        self.over.push_back((id, by));
        Some(call)
    }

    /// How a call of this runtime that is over was ended.
    fn over(&self, id: InvocationId) -> Option<Over> {
        self.over.iter().rev().find(|(over, _)| *over == id).map(|(_, by)| *by)
    }
}

impl Runtime for Wire {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&self, call: CallFrame) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        self.hand_over(CallFrame { streaming: false, ..call }, None)
    }

    fn start_heard(&self, call: CallFrame, pipe: Arc<Pipe>) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        let streaming = call.streaming && self.card.features.has(Feature::Streaming);
        self.hand_over(CallFrame { streaming, ..call }, Some(pipe))
    }

    fn grant(&self, invocation: InvocationId, bytes: u64) -> bool {
        self.credit(invocation, bytes)
    }

    fn cancel(&self, invocation_id: InvocationId, reason: &str) {
        if self.lock().take(invocation_id, Over::ByHost).is_some() {
            self.stop(invocation_id, reason);
        }
    }
}

impl Wire {
    fn hand_over(&self, call: CallFrame, pipe: Option<Arc<Pipe>>) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        let slot = self.frames.try_reserve().map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => Unreachable::Busy,
            mpsc::error::TrySendError::Closed(()) => Unreachable::Gone,
        })?;
        let (ending, receiver) = oneshot::channel();
        let flow = call.streaming.then(Flow::default);
        let (call_id, name) = (call.call_id.clone(), Arc::clone(&call.name));
        let token = CancellationToken::new();
        let _over = token.clone().drop_guard();
        {
            let mut calls = self.lock();
            if calls.gone {
                return Err(Unreachable::Gone);
            }
            calls.sent += 1;
            let in_flight = InFlight { nth: calls.sent, call_id, name, ending, pipe, flow, token, _over };
            calls.in_flight.insert(call.invocation_id, in_flight);
        }
        slot.send(HostFrame::Call(Box::new(call)));
        Ok(receiver)
    }

    fn stop(&self, invocation_id: InvocationId, reason: &str) {
        let frame = HostFrame::Cancel { invocation_id, reason: reason.to_owned() };
        // A full queue means that the runtime does not read; its silence will end it.
        drop(self.frames.try_send(frame));
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

mod stream;

#[cfg(test)]
mod tests;
