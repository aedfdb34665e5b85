//! One attempt: a call is handed to one runtime and ends in one way, whatever comes of it. What the runtime says before
//! that goes on to the caller, and renews the time that it may be silent.

use std::{
    future::pending,
    pin::{Pin, pin},
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    outcome::ToolAnswer,
    runtime::{Ending, Unreachable},
    stream::Ids,
};
use grid_resolve::{Decision, RoutedCall};
use tokio::{
    sync::oneshot,
    time::{Instant, Sleep, sleep, sleep_until},
};

use crate::{
    Delivery, Stop,
    delivery::Hearing,
    fault::{crashed, held, idle, timed_out, too_large, too_late, unreachable, untaken, violated, void},
};

/// What a runtime hears whose time to say something is over.
pub(crate) const SILENT: &str = "it was silent for too long";

/// Hands the call over and waits for its end.
pub(crate) async fn carry_out<B>(
    call: &mut RoutedCall,
    stop: Stop<'_>,
    delivery: Option<&mut Delivery>,
    begin: impl FnOnce(&Decision) -> Option<B>,
) -> Result<ToolAnswer, Refusal> {
    let left = call.time_left();
    if left.is_zero() {
        return Err(too_late(call));
    }
    if stop.asked.is_cancelled() {
        return Err(late(stop));
    }
    let mut frame = call.frame();
    frame.streaming = delivery.is_some();
    let silence = call.contract().conduct().idle;
    // Without a caller who listens or a silence that ends it, nobody needs to hear more than the end.
    let hearing = (delivery.is_some() || silence.is_some()).then(|| {
        let ids = Ids { invocation: frame.invocation_id, correlation: frame.correlation_id.clone() };
        Hearing::new(ids, delivery)
    });
    let started = match begin(&call.consent().decision) {
        Some(_beginning) => start(call, frame, hearing.as_ref()),
        None => return Err(void()),
    };
    let ending = started.map_err(|error| unreachable(call, error))?;
    let underway = Underway { call, hearing, silence: silence.unwrap_or(Duration::MAX) };
    underway.end(ending, stop, left).await
}

fn start(
    call: &RoutedCall,
    frame: grid_core::frame::CallFrame,
    hearing: Option<&Hearing<'_>>,
) -> Result<oneshot::Receiver<Ending>, Unreachable> {
    match hearing {
        Some(hearing) => call.runtime().start_heard(frame, hearing.pipe()),
        None => call.runtime().start(frame),
    }
}

/// A call that its runtime has.
struct Underway<'c> {
    call: &'c RoutedCall,
    hearing: Option<Hearing<'c>>,
    silence: Duration,
}

impl Underway<'_> {
    async fn end(
        mut self,
        ending: oneshot::Receiver<Ending>,
        stop: Stop<'_>,
        left: Duration,
    ) -> Result<ToolAnswer, Refusal> {
        let call = self.call;
        let mut deadline = pin!(sleep(left));
        let over = self.over(ending, stop, deadline.as_mut()).await?;
        tokio::select! {
            // An answer that is there goes before a deadline that has just passed.
            biased;
            rest = rest(&mut self.hearing, call) => {
                rest.map_err(|fault| violated(&fault))?;
                self.conclude(over)
            }
            () = stop.asked.cancelled() => Err(cancelled(stop)),
            () = deadline.as_mut() => Err(untaken(call)),
        }
    }

    /// Until the runtime has said its last word, or has to be told to stop.
    async fn over(
        &mut self,
        mut ending: oneshot::Receiver<Ending>,
        stop: Stop<'_>,
        mut deadline: Pin<&mut Sleep>,
    ) -> Result<Ending, Refusal> {
        let (call, silence) = (self.call, self.silence);
        let mut heard = Instant::now();
        let (why, refusal) = loop {
            tokio::select! {
                biased;
                ended = &mut ending => return Ok(ended.unwrap_or_else(|_| Ending::Crashed("its line was closed".to_owned()))),
                () = stop.asked.cancelled() => {
                    break (stop.why.get().map_or("cancelled", |why| &**why).to_owned(), cancelled(stop));
                }
                () = deadline.as_mut() => {
                    let held_up = self.hearing.as_ref().is_some_and(Hearing::waits_for_the_caller);
                    break ("deadline passed".to_owned(), if held_up { held(call) } else { timed_out(call) });
                }
                step = step(&mut self.hearing, call) => match step {
                    Ok(()) => heard = Instant::now(),
                    Err(fault) => {
                        call.runtime().cancel(call.invocation(), &fault);
                        return Err(violated(&fault));
                    }
                },
                () = silent(heard.checked_add(silence)) => {
                    // Who waits for its caller is not silent.
                    if self.hearing.as_ref().is_some_and(Hearing::waits_for_the_caller) {
                        heard = Instant::now();
                    } else {
                        break (SILENT.to_owned(), idle(call, silence));
                    }
                }
            }
        };
        // What comes from now on is late, and on record; an answer that came meanwhile is one.
        ending.close();
        if let Ok(ended) = ending.try_recv() {
            return Ok(ended);
        }
        call.runtime().cancel(call.invocation(), &why);
        Err(refusal)
    }

    /// Everything that was said is with the caller; this is how it ended.
    fn conclude(self, over: Ending) -> Result<ToolAnswer, Refusal> {
        match over {
            Ending::Answered(answer) => answered(answer),
            Ending::Streamed => {
                let whole = self.hearing.map_or_else(|| Err("nobody asked for chunks".to_owned()), Hearing::end);
                whole.map(ToolAnswer::Streamed).map_err(|fault| violated(&fault))
            }
            Ending::Crashed(reason) => Err(crashed(self.call, &reason)),
            Ending::Violated(fault) => Err(violated(&fault)),
            Ending::TooLarge { found, limit } => Err(too_large(self.call, found, limit)),
        }
    }
}

/// It was asked to stop before it was sent.
pub(crate) fn late(stop: Stop<'_>) -> Refusal {
    let message = "the call was cancelled before it was sent; nothing ran";
    stop.explain(Refusal::new(Code::Cancelled, Stage::Dispatch, message).with("sent", "false"))
}

fn cancelled(stop: Stop<'_>) -> Refusal {
    let message = "the call was cancelled; what the tool did until then is not known";
    stop.explain(Refusal::new(Code::Cancelled, Stage::Dispatch, message))
}

async fn step(hearing: &mut Option<Hearing<'_>>, call: &RoutedCall) -> Result<(), String> {
    match hearing {
        Some(hearing) => hearing.step(&**call.runtime()).await,
        None => pending().await,
    }
}

async fn rest(hearing: &mut Option<Hearing<'_>>, call: &RoutedCall) -> Result<(), String> {
    match hearing {
        Some(hearing) => hearing.rest(&**call.runtime()).await,
        None => Ok(()),
    }
}

pub(crate) async fn silent(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => pending().await,
    }
}

/// What a runtime answers is checked before a caller sees it.
pub(crate) fn answered(answer: ToolAnswer) -> Result<ToolAnswer, Refusal> {
    match &answer {
        ToolAnswer::Success(content) => match grid_adm::json::parse(content) {
            Ok(_) => Ok(answer),
            // A name that comes twice is the runtime's word, as a value is.
            Err(error) => {
                let (rule, byte) = (error.rule(), error.offset());
                Err(violated(&format!("its content is not strict JSON: {rule} at byte {byte}")))
            }
        },
        ToolAnswer::Error { message, .. } if message.trim().is_empty() => Err(violated("its error has no message")),
        ToolAnswer::Error { .. } => Ok(answer),
        ToolAnswer::Streamed(_) => Err(violated("its chunks were not passed on")),
    }
}
