//! A call that two runtimes may have at once: where the first is silent for a while, a second one is asked too. The first
//! answer ends the call; whoever still has it is told to stop, and what it says later is late.

use std::{future::Future, pin::pin, sync::Arc, time::Duration};

use grid_core::{
    Code, Refusal, Stage,
    frame::CallFrame,
    id::InvocationId,
    outcome::ToolAnswer,
    runtime::{Ending, Runtime, Unreachable},
    stream::Pipe,
};
use grid_resolve::{Beside, Decision, RoutedCall};
use tokio::{sync::oneshot, time::Instant};

use crate::{
    Stop,
    attempt::{SILENT, answered, late, silent},
    fault::{crashed, idle, timed_out, too_large, too_late, unreachable, violated, void},
};

/// What became of the runtime that did not end the call.
#[derive(Debug, Default)]
pub(crate) struct Loser {
    /// It failed so before the other one ended it.
    pub(crate) failed: Option<Code>,
    /// It answered too, in the moment in which the other one did.
    pub(crate) answered: bool,
}

/// Hands the call over, and after that time to the runtime that `second` gives, which has recorded it by then.
pub(crate) async fn carry_out<B>(
    call: &mut RoutedCall,
    stop: Stop<'_>,
    begin: impl Fn(&Decision) -> Option<B>,
    after: Duration,
    second: impl AsyncFnOnce(&RoutedCall) -> Option<Beside>,
) -> (Result<ToolAnswer, Refusal>, Loser) {
    let (first, copy) = match start(call, stop, &begin) {
        Ok(started) => started,
        Err(refusal) => return (Err(refusal), Loser::default()),
    };
    let shared = &*call;
    let mut race = Race {
        call: shared,
        silence: shared.contract().conduct().idle,
        first,
        other: None,
        copy,
        asked: false,
        beside: None,
    };
    let asking = async move {
        tokio::time::sleep(after).await;
        second(shared).await
    };
    let result = race.run(stop, begin, asking).await;
    let Race { first, other, asked, beside: failed, .. } = race;
    // Whoever still has it when the other has answered is told to stop.
    let has_answered = match other {
        Some((beside, None)) => {
            let has_answered = first.is_some_and(|first| first.give_up(&**call.runtime(), call.invocation()));
            call.won_by(beside);
            has_answered
        }
        Some((beside, Some(underway))) => underway.give_up(&**beside.runtime(), call.invocation()),
        None => false,
    };
    if asked {
        call.begin_attempt();
    }
    (result, Loser { failed, answered: has_answered })
}

/// The first hand-over, and the frame for a second one.
fn start<B>(
    call: &mut RoutedCall,
    stop: Stop<'_>,
    begin: impl Fn(&Decision) -> Option<B>,
) -> Result<(Option<Underway>, Option<CallFrame>), Refusal> {
    if call.time_left().is_zero() {
        return Err(too_late(call));
    }
    if stop.asked.is_cancelled() {
        return Err(late(stop));
    }
    let frame = call.frame();
    let copy = Some(frame.clone());
    let started = match begin(&call.consent().decision) {
        Some(_beginning) => Underway::start(&**call.runtime(), frame, call.contract().conduct().idle),
        None => return Err(void()),
    };
    Ok((Some(started.map_err(|error| unreachable(call, error))?), copy))
}

const LOST: &str = "another runtime answered first";

/// One of those who have the call. Where its contract limits their silence, it is heard what each says before its end.
struct Underway {
    ending: oneshot::Receiver<Ending>,
    pipe: Option<Arc<Pipe>>,
    heard: Instant,
}

impl Underway {
    fn start(runtime: &dyn Runtime, frame: CallFrame, silence: Option<Duration>) -> Result<Self, Unreachable> {
        let pipe = silence.map(|_| Arc::new(Pipe::default()));
        let ending = match &pipe {
            Some(pipe) => runtime.start_heard(frame, Arc::clone(pipe))?,
            None => runtime.start(frame)?,
        };
        Ok(Self { ending, pipe, heard: Instant::now() })
    }

    /// Its answer is not wanted any more: what comes from now on is late. Whether one is there already.
    fn give_up(mut self, runtime: &dyn Runtime, invocation: InvocationId) -> bool {
        self.ending.close();
        runtime.cancel(invocation, LOST);
        matches!(self.ending.try_recv(), Ok(Ending::Answered(_)))
    }

    /// How it ended; nothing where it was silent for too long. May be given up at any time.
    async fn ended(&mut self, silence: Option<Duration>) -> Option<Ending> {
        loop {
            let until = silence.and_then(|silence| self.heard.checked_add(silence));
            let Self { ending, pipe, heard } = self;
            let said = async {
                match pipe {
                    Some(pipe) => pipe.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                ended = ending => {
                    return Some(ended.unwrap_or_else(|_| Ending::Crashed("its line was closed".to_owned())));
                }
                _ = said => *heard = Instant::now(),
                () = silent(until) => return None,
            }
        }
    }
}

/// A call and those who have it: each until its ending is there.
struct Race<'c> {
    call: &'c RoutedCall,
    silence: Option<Duration>,
    first: Option<Underway>,
    other: Option<(Beside, Option<Underway>)>,
    copy: Option<CallFrame>,
    /// The second attempt is on record, so the conclusion counts it.
    asked: bool,
    /// One of the two failed so, and the other one went on.
    beside: Option<Code>,
}

impl Race<'_> {
    async fn run<B>(
        &mut self,
        stop: Stop<'_>,
        begin: impl Fn(&Decision) -> Option<B>,
        asking: impl Future<Output = Option<Beside>>,
    ) -> Result<ToolAnswer, Refusal> {
        let (call, silence) = (self.call, self.silence);
        let (mut deadline, mut asking) = (pin!(tokio::time::sleep(call.time_left())), pin!(asking));
        let mut waits = true;
        loop {
            let (first, other) = (self.first.is_some(), self.other.is_some());
            tokio::select! {
                // An answer that is there goes before a deadline that has just passed.
                biased;
                ending = ended(self.first.as_mut(), silence), if first => {
                    self.first = None;
                    match verdict(call, &**call.runtime(), ending) {
                        Err(refusal) if other => self.beside = Some(refusal.code()),
                        result => return result,
                    }
                }
                ending = ended(self.other.as_mut().and_then(|(_, underway)| underway.as_mut()), silence), if other => {
                    let Some((beside, _)) = self.other.take() else { continue };
                    match verdict(call, &**beside.runtime(), ending) {
                        Err(refusal) if first => self.beside = Some(refusal.code()),
                        result => {
                            self.other = Some((beside, None));
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
            let started = Underway::start(&**beside.runtime(), frame, self.silence);
            self.other = started.ok().map(|underway| (beside, Some(underway)));
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

async fn ended(underway: Option<&mut Underway>, silence: Option<Duration>) -> Option<Ending> {
    match underway {
        Some(underway) => underway.ended(silence).await,
        None => std::future::pending().await,
    }
}

/// What the ending of one of them says; one that is silent is told to stop.
fn verdict(call: &RoutedCall, runtime: &dyn Runtime, ending: Option<Ending>) -> Result<ToolAnswer, Refusal> {
    match ending {
        Some(Ending::Answered(answer)) => answered(answer),
        Some(Ending::Streamed) => Err(violated("its chunks were not asked for")),
        Some(Ending::Violated(fault)) => Err(violated(&fault)),
        Some(Ending::TooLarge { found, limit }) => Err(too_large(call, found, limit)),
        Some(Ending::Crashed(reason)) => Err(crashed(call, &reason)),
        None => {
            runtime.cancel(call.invocation(), SILENT);
            Err(idle(call, call.contract().conduct().idle.unwrap_or_default()))
        }
    }
}
