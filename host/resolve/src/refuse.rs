//! Why a call has no place, in words that say what to do.

use std::time::Duration;

use grid_core::{
    Code, Refusal, Stage,
    provider::{Reason, Rule, Serving},
};

use crate::{
    limit::Limit,
    order::{Nobody, Why},
};

/// When a caller may look again for a runtime.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Nobody ever served it.
pub(crate) fn unserved(tool: &str) -> Refusal {
    let message = format!("no runtime serves `{tool}` now; start one, or call again when it is back");
    Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message).retry_after(LOOK_AGAIN)
}

/// Whoever is chosen has no room.
pub(crate) fn full(tool: &str) -> Refusal {
    let message = format!("every runtime that serves `{tool}` is full; call again a little later");
    Refusal::new(Code::ResourceExhausted, Stage::Resolve, message).retry_after(LOOK_AGAIN)
}

/// Too many wait for it already.
pub(crate) fn crowded(tool: &str, most: usize) -> Refusal {
    let message = format!("{most} calls wait for whoever serves `{tool}`, and no more may; call again a little later");
    Refusal::new(Code::ResourceExhausted, Stage::Resolve, message).retry_after(LOOK_AGAIN)
}

/// It waited as long as its contract lets it.
pub(crate) fn waited(tool: &str) -> Refusal {
    let message = format!("no runtime that serves `{tool}` had room in time; call again a little later");
    Refusal::new(Code::ResourceExhausted, Stage::Resolve, message).retry_after(LOOK_AGAIN).with(Limit::DETAIL, "queue")
}

/// Nobody is chosen.
pub(crate) fn nobody(tool: &str, nobody: &Nobody<'_>) -> Refusal {
    let (message, reason, wait) = match nobody {
        Nobody::Closed(Serving::Draining) => {
            (format!("an operator drains `{tool}`; call again when it is resumed"), Reason::Draining, LOOK_AGAIN)
        }
        Nobody::Closed(_) => {
            (format!("an operator paused `{tool}`; call again when it is resumed"), Reason::Paused, LOOK_AGAIN)
        }
        Nobody::Barred(rule, provider, why) => (
            format!("{} for `{tool}`, and {}; {}", chosen(*rule, provider), short(why), remedy(*rule)),
            why.reason(),
            wait(why),
        ),
        Nobody::Unable(Some(why)) if told(why) => (
            format!("whoever serves `{tool}` takes no calls: {}; call again later", short(why)),
            why.reason(),
            wait(why),
        ),
        Nobody::Unable(_) => return unserved(tool),
    };
    Refusal::new(Code::ServiceUnavailable, Stage::Resolve, message)
        .retry_after(wait)
        .with(Reason::DETAIL, reason.as_str())
}

/// What callers may know: no provider's name, unless they or an operator named it.
fn told(why: &Why<'_>) -> bool {
    matches!(why, Why::Paused | Why::Draining | Why::Breaker(_))
}

fn chosen(rule: Rule, provider: &str) -> String {
    match rule {
        Rule::SelectionCall => format!("the call names the provider `{provider}`"),
        _ => format!("the provider `{provider}` is selected"),
    }
}

fn remedy(rule: Rule) -> &'static str {
    match rule {
        Rule::SelectionCall => "name another, or none",
        _ => "an operator has to select another, or bring it back",
    }
}

fn wait(why: &Why<'_>) -> Duration {
    match why {
        Why::Breaker(wait) => *wait,
        _ => LOOK_AGAIN,
    }
}

fn short(why: &Why<'_>) -> &'static str {
    match why {
        Why::Gone(_) | Why::OtherSession => "it is not there",
        Why::Unlisted | Why::Unnamed | Why::OtherTenant => "it may not serve this call",
        Why::Lacks(_) => "it lacks what the contract needs",
        Why::Paused => "it is paused",
        Why::Draining | Why::Leaving => "it drains",
        Why::Tried => "it had the call before",
        Why::Breaker(_) => "it failed too often",
    }
}
