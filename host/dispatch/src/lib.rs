//! Stage: dispatch. Takes a [`RoutedCall`] and the audit's [`Receipt`] for it, hands the call to its runtime and
//! waits for one ending: answer, deadline, cancellation or crash. Gives an [`Outcome`], which conclude records.

mod hedge;
mod outcome;

pub use grid_audit::Receipt;
pub use grid_resolve::{Beside, Decision, RoutedCall};
pub use outcome::{Outcome, conclusion};

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    clock::Clock,
    limit::Limit,
    outcome::ToolAnswer,
    runtime::{Ending, Unreachable},
};
use tokio_util::sync::CancellationToken;

/// How a call is asked to stop, and why. The reason is the operator's word: it goes to the runtime and the log, not to
/// the caller.
#[derive(Debug, Clone, Copy)]
pub struct Stop<'a> {
    /// Somebody asked.
    pub asked: &'a CancellationToken,
    /// Why, where it was not the call's own caller; set before anybody sees that it was asked.
    pub why: &'a OnceLock<Arc<str>>,
}

impl Stop<'_> {
    fn explain(self, refusal: Refusal) -> Refusal {
        match self.why.get() {
            Some(why) => refusal.because(&**why),
            None => refusal,
        }
    }
}

/// The stage. Every ending is an outcome; there is no way out without one. `begin` is asked at the last moment, with
/// why the call may run; nothing is sent where it gives nothing, and what it gives is held while the call is sent.
pub async fn run<B: Send>(
    mut call: RoutedCall,
    receipt: Receipt,
    stop: Stop<'_>,
    clock: &Arc<dyn Clock>,
    begin: impl FnOnce(&Decision) -> Option<B> + Send,
) -> Outcome {
    let began = clock.elapsed();
    let result = if receipt.invocation() == call.invocation() {
        carry_out(&mut call, stop, begin).await
    } else {
        let message = "the call was not carried out: its admission is for another one";
        Err(Refusal::new(Code::SecurityViolation, Stage::Dispatch, message))
    };
    if result.is_ok() {
        call.succeeded();
    }
    let took = clock.elapsed().saturating_sub(began);
    Outcome::new(call, receipt, result, took)
}

/// As [`run`], for a call that does no harm twice: where its runtime is silent for `after`, the one that `second` finds
/// and records has it too, and the first answer counts.
pub async fn run_hedged<B>(
    mut call: RoutedCall,
    receipt: Receipt,
    stop: Stop<'_>,
    clock: &Arc<dyn Clock>,
    begin: impl Fn(&Decision) -> Option<B> + Send,
    (after, second): (Duration, impl AsyncFnOnce(&RoutedCall) -> Option<Beside>),
) -> Outcome {
    let began = clock.elapsed();
    let result = if receipt.invocation() == call.invocation() {
        hedge::carry_out(&mut call, stop, begin, after, second).await
    } else {
        let message = "the call was not carried out: its admission is for another one";
        Err(Refusal::new(Code::SecurityViolation, Stage::Dispatch, message))
    };
    if result.is_ok() {
        call.succeeded();
    }
    let took = clock.elapsed().saturating_sub(began);
    Outcome::new(call, receipt, result, took)
}

async fn carry_out<B>(
    call: &mut RoutedCall,
    stop: Stop<'_>,
    begin: impl FnOnce(&Decision) -> Option<B>,
) -> Result<ToolAnswer, Refusal> {
    let left = call.time_left();
    if left.is_zero() {
        return Err(too_late(call));
    }
    if stop.asked.is_cancelled() {
        return Err(late(stop));
    }
    let frame = call.frame();
    let started = match begin(&call.consent().decision) {
        Some(_beginning) => call.runtime().start(frame),
        None => return Err(void()),
    };
    let ending = started.map_err(|error| unreachable(call, error))?;
    tokio::select! {
        // An answer that is there goes before a deadline that has just passed.
        biased;
        ending = ending => match ending {
            Ok(Ending::Answered(answer)) => answered(answer),
            Ok(Ending::Violated(fault)) => Err(violated(&fault)),
            Ok(Ending::Crashed(reason)) => Err(crashed(call, &reason)),
            Err(_) => Err(crashed(call, "its line was closed")),
        },
        () = stop.asked.cancelled() => {
            call.runtime().cancel(call.invocation(), stop.why.get().map_or("cancelled", |why| &**why));
            let message = "the call was cancelled; what the tool did until then is not known";
            Err(stop.explain(Refusal::new(Code::Cancelled, Stage::Dispatch, message)))
        }
        () = tokio::time::sleep(left) => {
            call.runtime().cancel(call.invocation(), "deadline passed");
            Err(timed_out(call))
        }
    }
}

/// It was asked to stop before it was sent.
fn late(stop: Stop<'_>) -> Refusal {
    let message = "the call was cancelled before it was sent; nothing ran";
    stop.explain(Refusal::new(Code::Cancelled, Stage::Dispatch, message).with("sent", "false"))
}

/// Rights ended between the admission and the call.
fn void() -> Refusal {
    let message = "rights were made void while the call was written down, so it was not sent; ask again";
    Refusal::new(Code::PermissionDenied, Stage::Dispatch, message).with("sent", "false")
}

/// What a runtime answers is checked before a caller sees it.
fn answered(answer: ToolAnswer) -> Result<ToolAnswer, Refusal> {
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
    }
}

fn violated(fault: &str) -> Refusal {
    let message = "the runtime's answer cannot be used; its author has to mend it";
    Refusal::new(Code::ProtocolViolation, Stage::Link, message).because(fault)
}

fn crashed(call: &RoutedCall, reason: &str) -> Refusal {
    let message = format!(
        "the runtime went away while it ran `{}`; whether the tool finished is not known",
        call.contract().name()
    );
    Refusal::new(Code::RuntimeCrash, Stage::Dispatch, message).because(reason)
}

fn timed_out(call: &RoutedCall) -> Refusal {
    let (timeout_ms, limit) = (call.timeout().as_millis(), call.limit());
    let message = format!(
        "`{}` did not answer within {timeout_ms} ms, by {}, and was told to stop; whether it finished is not known",
        call.contract().name(),
        limit.words()
    );
    Refusal::new(Code::Timeout, Stage::Dispatch, message)
        .with("timeout_ms", timeout_ms.to_string())
        .with(Limit::DETAIL, limit.as_str())
}

fn too_late(call: &RoutedCall) -> Refusal {
    let timeout_ms = call.timeout().as_millis();
    let message = format!(
        "`{}` was not sent: its {timeout_ms} ms were over before its admission was written down; call again",
        call.contract().name()
    );
    Refusal::new(Code::Timeout, Stage::Dispatch, message)
        .with("timeout_ms", timeout_ms.to_string())
        .with(Limit::DETAIL, call.limit().as_str())
        .with("sent", "false")
}

fn unreachable(call: &RoutedCall, error: Unreachable) -> Refusal {
    let name = call.contract().name();
    let (code, message) = match error {
        Unreachable::Gone => (
            Code::ConnectionFailed,
            format!("the runtime of `{name}` went away before the call could be sent; call again"),
        ),
        Unreachable::Busy => (
            Code::ResourceExhausted,
            format!("the runtime of `{name}` does not take calls fast enough; call again a little later"),
        ),
    };
    Refusal::new(code, Stage::Dispatch, message).with("sent", "false")
}
