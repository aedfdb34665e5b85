//! A call that two runtimes may have at once: where the first is silent for a while, a second one is asked too. The first
//! answer ends the call; whoever still has it is told to stop, and what it says later is late.

use std::{future::Future, pin::pin, time::Duration};

use grid_core::{Code, Refusal, Stage, frame::CallFrame, outcome::ToolAnswer, runtime::Ending};
use grid_resolve::{Beside, Decision, RoutedCall};
use tokio::sync::oneshot::{self, error::RecvError};

use crate::{
    Stop,
    attempt::{answered, late},
    fault::{crashed, timed_out, too_late, unreachable, violated, void},
};

/// Hands the call over, and after that time to the runtime that `second` gives, which has recorded it by then.
pub(crate) async fn carry_out<B>(
    call: &mut RoutedCall,
    stop: Stop<'_>,
    begin: impl Fn(&Decision) -> Option<B>,
    after: Duration,
    second: impl AsyncFnOnce(&RoutedCall) -> Option<Beside>,
) -> Result<ToolAnswer, Refusal> {
    if call.time_left().is_zero() {
        return Err(too_late(call));
    }
    if stop.asked.is_cancelled() {
        return Err(late(stop));
    }
    let frame = call.frame();
    let copy = Some(frame.clone());
    let started = match begin(&call.consent().decision) {
        Some(_beginning) => call.runtime().start(frame),
        None => return Err(void()),
    };
    let first = Some(started.map_err(|error| unreachable(call, error))?);
    let shared = &*call;
    let mut race = Race { call: shared, first, other: None, copy, asked: false };
    let asking = async move {
        tokio::time::sleep(after).await;
        second(shared).await
    };
    let result = race.run(stop, begin, asking).await;
    let Race { first, other, asked, .. } = race;
    let is_first = first.is_none();
    match other {
        // Whoever still has it when the other has answered is told to stop.
        Some((beside, ending)) if ending.is_none() => {
            if !is_first {
                call.runtime().cancel(call.invocation(), LOST);
            }
            call.won_by(beside);
        }
        Some((beside, _)) => beside.runtime().cancel(call.invocation(), LOST),
        None => {}
    }
    if asked {
        call.begin_attempt();
    }
    result
}

const LOST: &str = "another runtime answered first";

/// A call and those who have it: each with its ending until that is there.
struct Race<'c> {
    call: &'c RoutedCall,
    first: Option<oneshot::Receiver<Ending>>,
    other: Option<(Beside, Option<oneshot::Receiver<Ending>>)>,
    copy: Option<CallFrame>,
    /// The second attempt is on record, so the conclusion counts it.
    asked: bool,
}

impl Race<'_> {
    async fn run<B>(
        &mut self,
        stop: Stop<'_>,
        begin: impl Fn(&Decision) -> Option<B>,
        asking: impl Future<Output = Option<Beside>>,
    ) -> Result<ToolAnswer, Refusal> {
        let call = self.call;
        let (mut deadline, mut asking) = (pin!(tokio::time::sleep(call.time_left())), pin!(asking));
        let mut waits = true;
        loop {
            let (first, other) = (self.first.is_some(), self.other.is_some());
            tokio::select! {
                // An answer that is there goes before a deadline that has just passed.
                biased;
                ending = ended(self.first.as_mut()), if first => {
                    self.first = None;
                    match verdict(call, ending) {
                        Err(_) if other => {}
                        result => return result,
                    }
                }
                ending = ended(self.other.as_mut().and_then(|(_, ending)| ending.as_mut())), if other => {
                    match verdict(call, ending) {
                        Err(_) if first => self.other = None,
                        result => {
                            self.other = self.other.take().map(|(beside, _)| (beside, None));
                            return result;
                        }
                    }
                }
                beside = &mut asking, if waits => {
                    (waits, self.asked) = (false, beside.is_some());
                    self.begin(beside, &begin);
                }
                () = stop.asked.cancelled() => {
                    self.tell(stop.why.get().map_or("cancelled", |why| &**why));
                    let message = "the call was cancelled; what the tool did until then is not known";
                    return Err(stop.explain(Refusal::new(Code::Cancelled, Stage::Dispatch, message)));
                }
                () = &mut deadline => {
                    self.tell("deadline passed");
                    return Err(timed_out(call));
                }
            }
        }
    }

    fn begin<B>(&mut self, beside: Option<Beside>, begin: impl Fn(&Decision) -> Option<B>) {
        let beginning = begin(&self.call.consent().decision);
        if let (Some(beside), Some(frame), Some(_beginning)) = (beside, self.copy.take(), beginning) {
            self.other = beside.runtime().start(frame).ok().map(|ending| (beside, Some(ending)));
        }
    }

    /// Nobody's answer is wanted any more.
    fn tell(&mut self, why: &str) {
        if self.first.is_some() {
            self.call.runtime().cancel(self.call.invocation(), why);
        }
        if let Some((beside, _)) = self.other.take() {
            beside.runtime().cancel(self.call.invocation(), why);
        }
    }
}

async fn ended(receiver: Option<&mut oneshot::Receiver<Ending>>) -> Result<Ending, RecvError> {
    match receiver {
        Some(receiver) => receiver.await,
        None => std::future::pending().await,
    }
}

fn verdict(call: &RoutedCall, ending: Result<Ending, RecvError>) -> Result<ToolAnswer, Refusal> {
    match ending {
        Ok(Ending::Answered(answer)) => answered(answer),
        Ok(Ending::Streamed) => Err(violated("its chunks were not asked for")),
        Ok(Ending::Violated(fault)) => Err(violated(&fault)),
        Ok(Ending::Crashed(reason)) => Err(crashed(call, &reason)),
        Err(_) => Err(crashed(call, "its line was closed")),
    }
}
