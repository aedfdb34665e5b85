//! Each design bug is found, and by the promise that it breaks.

use stateright::{Checker as _, HasDiscoveries, Model as _};

use crate::{
    design::Protocol,
    promises::{ADMITTED, CONCLUDED, CURRENT, ONCE, ORDERED, REDEEMED, TOLD},
    state::Bug,
};

/// The shortest way to a state in which the promise does not hold.
fn breaks(bug: Bug, promise: &'static str) {
    let wanted = HasDiscoveries::AllOf([promise].into());
    let checker = Protocol::new(Some(bug)).checker().finish_when(wanted).spawn_bfs().join();
    let path = checker.discovery(promise);
    assert!(path.is_some(), "{bug:?} is not found by `{promise}`");
    println!("{bug:?}: {:?}", path.map(stateright::Path::into_actions));
}

#[test]
fn dispatches_before_the_intent_is_durable() {
    breaks(Bug::DispatchesBeforeTheIntentIsDurable, ADMITTED);
}

#[test]
fn answers_before_the_outcome_is_durable() {
    breaks(Bug::AnswersBeforeTheOutcomeIsDurable, TOLD);
}

#[test]
fn acknowledges_before_the_sync() {
    breaks(Bug::AcknowledgesBeforeTheSync, ADMITTED);
}

#[test]
fn leaves_intents_open() {
    breaks(Bug::LeavesIntentsOpen, CONCLUDED);
}

#[test]
fn ends_intents_twice() {
    breaks(Bug::EndsIntentsTwice, CONCLUDED);
}

#[test]
fn concludes_late_results() {
    breaks(Bug::ConcludesLateResults, CONCLUDED);
}

#[test]
fn runs_repeats() {
    breaks(Bug::RunsRepeats, ONCE);
}

#[test]
fn sends_again_after_a_crash() {
    breaks(Bug::SendsAgainAfterACrash, ONCE);
}

#[test]
fn repeats_the_unknown() {
    breaks(Bug::RepeatsTheUnknown, ONCE);
}

#[test]
fn sends_under_an_old_epoch() {
    breaks(Bug::SendsUnderAnOldEpoch, CURRENT);
}

#[test]
fn stores_overtaken_intents() {
    breaks(Bug::StoresOvertakenIntents, ORDERED);
}

#[test]
fn revokes_after_it_said_so() {
    breaks(Bug::RevokesAfterItSaidSo, CURRENT);
}

#[test]
fn issues_before_the_intent_is_durable() {
    breaks(Bug::IssuesBeforeTheIntentIsDurable, ADMITTED);
}

#[test]
fn redeems_twice() {
    breaks(Bug::RedeemsTwice, CONCLUDED);
}

#[test]
fn leaves_grants_open() {
    breaks(Bug::LeavesGrantsOpen, REDEEMED);
}

#[test]
fn takes_up_revoked_grants() {
    breaks(Bug::TakesUpRevokedGrants, REDEEMED);
}
