//! How an attempt fails: in words for the caller, with what is for the log alone beside them.

use std::time::Duration;

use grid_core::{Code, Refusal, Stage, runtime::Unreachable};
use grid_resolve::{RoutedCall, limit::Limit};

/// Rights ended between the admission and the call.
pub(crate) fn void() -> Refusal {
    let message = "rights were made void while the call was written down, so it was not sent; ask again";
    Refusal::new(Code::PermissionDenied, Stage::Dispatch, message).with("sent", "false")
}

pub(crate) fn violated(fault: &str) -> Refusal {
    let message = "the runtime's answer cannot be used; its author has to mend it";
    Refusal::new(Code::ProtocolViolation, Stage::Link, message).because(fault)
}

/// The runtime sent more at once than the host reads.
pub(crate) fn too_large(call: &RoutedCall, found: usize, limit: usize) -> Refusal {
    let message = format!(
        "the runtime of `{}` ran it and sent {found} bytes in one message, and the limit is {limit}; call it with \
         `StreamToolCall`, or ask it for less",
        call.contract().name()
    );
    Refusal::new(Code::MessageTooLarge, Stage::Link, message).with("limit_bytes", limit.to_string())
}

pub(crate) fn crashed(call: &RoutedCall, reason: &str) -> Refusal {
    let message = format!(
        "the runtime went away while it ran `{}`; whether the tool finished is not known",
        call.contract().name()
    );
    Refusal::new(Code::RuntimeCrash, Stage::Dispatch, message).because(reason)
}

pub(crate) fn timed_out(call: &RoutedCall) -> Refusal {
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

pub(crate) fn too_late(call: &RoutedCall) -> Refusal {
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

pub(crate) fn unreachable(call: &RoutedCall, error: Unreachable) -> Refusal {
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

/// As [`timed_out`]; it was the caller who took too long.
pub(crate) fn untaken(call: &RoutedCall) -> Refusal {
    let timeout_ms = call.timeout().as_millis();
    let message = format!(
        "`{}` finished, and its result was not taken within {timeout_ms} ms; read faster, or ask for less",
        call.contract().name()
    );
    Refusal::new(Code::Timeout, Stage::Dispatch, message)
        .with("timeout_ms", timeout_ms.to_string())
        .with(HELD_BY, CALLER)
}

/// As [`timed_out`]; the runtime had more to say and waited for its caller to read on.
pub(crate) fn held(call: &RoutedCall) -> Refusal {
    let timeout_ms = call.timeout().as_millis();
    let message = format!(
        "`{}` waited for its result to be read when its {timeout_ms} ms were over, and was told to stop; read faster, or \
         ask for less",
        call.contract().name()
    );
    Refusal::new(Code::Timeout, Stage::Dispatch, message)
        .with("timeout_ms", timeout_ms.to_string())
        .with(HELD_BY, CALLER)
}

/// Who it was that a streamed call waited for when its time was over.
const HELD_BY: &str = "held_by";
const CALLER: &str = "caller";

/// A call's time was over because of its caller or the host: it says nothing of the runtime.
pub(crate) fn excuses(refusal: &Refusal) -> bool {
    let says = |name: &str, what: &str| refusal.details().iter().any(|(key, value)| *key == name && value == what);
    refusal.code() == Code::Timeout && (says(HELD_BY, CALLER) || says("sent", "false"))
}

/// Neither a chunk nor progress came for too long.
pub(crate) fn idle(call: &RoutedCall, silence: Duration) -> Refusal {
    let idle_ms = silence.as_millis();
    let message = format!(
        "`{}` said nothing for {idle_ms} ms, which is the contract's idle time, and was told to stop; whether it finished \
         is not known",
        call.contract().name()
    );
    Refusal::new(Code::Timeout, Stage::Dispatch, message).with("idle_ms", idle_ms.to_string())
}
