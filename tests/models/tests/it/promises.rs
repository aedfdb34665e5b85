//! What holds in every state, and what can be reached at all: a model in which nothing happens breaks no promise.

use stateright::Property;

use crate::{
    design::Protocol,
    state::{Caller, GRANT, Grant, Holder, Outcome, Record, State},
};

pub const ADMITTED: &str = "nothing runs without a durable intent";
pub const CONCLUDED: &str = "an intent has one outcome at most, and one when all is quiet";
pub const ONCE: &str = "a write runs once";
pub const TOLD: &str = "what a caller is told is durable";
pub const CURRENT: &str = "nothing is sent under a right that had ended";
pub const ORDERED: &str = "no intent stands in the log behind the end of its right";
pub const REDEEMED: &str = "a grant that was revoked is not redeemed";

pub fn all() -> Vec<Property<Protocol>> {
    vec![
        Property::always(ADMITTED, |_, state: &State| !state.seen.unadmitted),
        Property::always(CONCLUDED, |_, state: &State| is_concluded(state)),
        Property::always(ONCE, |_, state: &State| state.seen.writes <= 1),
        Property::always(TOLD, |_, state: &State| !state.seen.untold),
        Property::always(CURRENT, |_, state: &State| !state.seen.stale),
        Property::always(ORDERED, |_, state: &State| is_ordered(state)),
        Property::always(REDEEMED, |_, state: &State| !is_redeemed_late(state)),
        Property::sometimes("a call succeeds", |_, state: &State| heard(state, Outcome::Success)),
        Property::sometimes("a call fails", |_, state: &State| heard(state, Outcome::Failed)),
        Property::sometimes("an outcome is not known", |_, state: &State| {
            state.has(Record::Outcome { of: 0, outcome: Outcome::Unknown })
        }),
        Property::sometimes("a result comes late", |_, state: &State| state.seen.late),
        Property::sometimes("a grant is reported", |_, state: &State| state.holder == Holder::Reported),
        Property::sometimes("a grant is revoked", |_, state: &State| {
            state.has(Record::Outcome { of: GRANT, outcome: Outcome::Revoked })
        }),
        Property::sometimes("a grant is taken up after a crash", |protocol: &Protocol, state: &State| {
            let crashed = state.budget.host_crashes < protocol.budget.host_crashes;
            crashed && state.up && matches!(state.grant, Grant::Open { .. })
        }),
    ]
}

fn heard(state: &State, wanted: Outcome) -> bool {
    matches!(state.caller, Caller::Answered { outcome, .. } if outcome == wanted)
}

fn is_concluded(state: &State) -> bool {
    (0..=GRANT).all(|of| {
        let outcomes = state.outcomes(of);
        let (least, most) = if state.is_admitted(of) { (usize::from(state.is_quiet()), 1) } else { (0, 0) };
        (least..=most).contains(&outcomes)
    })
}

fn is_ordered(state: &State) -> bool {
    let mut ended = 0;
    state.log.iter().all(|record| match record {
        Record::Revoked { epoch } => {
            ended = ended.max(*epoch);
            true
        }
        Record::Intent { epoch, .. } => *epoch >= ended,
        Record::Outcome { .. } => true,
    })
}

/// A success stands behind a revocation that its intent does not.
fn is_redeemed_late(state: &State) -> bool {
    let place = |wanted: fn(&Record) -> bool| state.log.iter().position(wanted);
    let granted = place(|record| matches!(record, Record::Intent { of: GRANT, .. }));
    let redeemed = place(|record| matches!(record, Record::Outcome { of: GRANT, outcome: Outcome::Success }));
    let (Some(granted), Some(redeemed)) = (granted, redeemed) else { return false };
    state.log.iter().take(redeemed).skip(granted).any(|record| matches!(record, Record::Revoked { .. }))
}
