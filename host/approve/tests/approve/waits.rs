//! How long it waits, how many do, and what ends that.

use std::time::Duration;

use grid_approve::{Asking, End, Settings};
use grid_core::{Code, Refusal, clock::Clock as _, consent::Say, id::CallId, refusal::Context};

use super::common::{ARGS, bank, bank_with, boss, holds, settings};

#[tokio::test]
async fn what_nobody_decides_in_time_is_denied() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    assert_eq!(asked.time_left(bank.scene.clock.elapsed()), Duration::from_secs(60), "as its contract says");
    bank.scene.clock.advance(Duration::from_secs(60));
    let who = boss();
    assert!(bank.approvals.waiting(&who, holds(&who)).is_empty());
    assert!(bank.decide(&who, &asked, Say::Approve).is_err(), "it is too late, even before the end is written");
    let due = bank.approvals.due();
    assert_eq!(due.iter().map(|ending| ending.verdict()).collect::<Vec<_>>(), ["expired"]);
    due.into_iter().for_each(grid_approve::Ending::settle);
    let refusal = bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    assert!(refusal.message().contains("in time"), "{refusal}");
    assert!(bank.approvals.due().is_empty());
}

#[tokio::test]
async fn the_callers_own_deadline_ends_it_sooner() {
    let bank = bank();
    let mut request = bank.scene.request("pay", ARGS);
    request.deadline_unix_ms = Some(bank.scene.clock.unix_ms() + 5_000);
    let judged = bank.scene.judged(&bank.session, request).await;
    assert_eq!(bank.wait(&judged).time_left(bank.scene.clock.elapsed()), Duration::from_secs(5));
    let mut request = bank.scene.request("pay", ARGS);
    request.call_id = CallId::parse("late").unwrap();
    request.deadline_unix_ms = Some(bank.scene.clock.unix_ms());
    let judged = bank.scene.judged(&bank.session, request).await;
    assert_eq!(bank.ask(&judged).map(|_| ()).unwrap_err().code(), Code::Timeout);
}

#[tokio::test]
async fn an_approval_that_is_not_used_in_time_is_worth_nothing() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.approve(&asked);
    bank.scene.clock.advance(Duration::from_secs(60));
    assert!(bank.consume(&asked, bank.judged("k", "pay", ARGS).await).is_err());
    assert_eq!(bank.approvals.count(), 0);
    let other = bank.wait(&bank.judged("l", "pay", ARGS).await);
    bank.approve(&other);
    bank.scene.clock.advance(Duration::from_secs(60));
    assert!(bank.approvals.due().is_empty(), "its yes is on record, and nothing more is to be written");
    assert_eq!(bank.approvals.count(), 0);
}

#[tokio::test]
async fn rights_that_end_make_it_void_decided_or_not() {
    let bank = bank();
    let open = bank.wait(&bank.judged("k", "pay", ARGS).await);
    let given = bank.wait(&bank.judged("l", "pay", ARGS).await);
    bank.approve(&given);
    bank.approvals.void_before(2);
    let who = boss();
    assert!(bank.decide(&who, &open, Say::Approve).is_err());
    assert!(bank.approvals.waiting(&who, holds(&who)).is_empty());
    let refusal = bank.consume(&given, bank.judged("l", "pay", ARGS).await).unwrap_err();
    assert!(refusal.message().contains("made void"), "{refusal}");
    let due = bank.approvals.due();
    assert_eq!(due.iter().map(|ending| ending.verdict()).collect::<Vec<_>>(), ["void"]);
    due.into_iter().for_each(grid_approve::Ending::settle);
    let refusal = bank.consume(&open, bank.judged("k", "pay", ARGS).await).unwrap_err();
    assert!(refusal.message().contains("made void"), "{refusal}");
}

#[tokio::test]
async fn an_epoch_that_nobody_told_of_makes_it_void_too() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.approve(&asked);
    let refusal = bank.approvals.consume(asked.approval(), bank.judged("k", "pay", ARGS).await, 2).unwrap_err();
    assert!(refusal.message().contains("made void"), "{refusal}");
}

#[tokio::test]
async fn a_call_that_is_cancelled_waits_no_more_and_may_be_asked_about_again() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.approvals.end(asked.approval(), End::Cancelled).unwrap().settle();
    assert!(bank.approvals.end(asked.approval(), End::Expired).is_none());
    let refusal = bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap_err();
    assert_eq!(refusal.code(), Code::Cancelled);
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::New(_))));
}

#[tokio::test]
async fn the_same_call_asked_again_waits_for_the_same_decision() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    let again = |asking| match asking {
        Ok(Asking::Waiting(same)) => std::sync::Arc::ptr_eq(&same, &asked),
        _ => false,
    };
    assert!(again(bank.ask(&bank.judged("k", "pay", ARGS).await)));
    assert_eq!(bank.approvals.count(), 1);
    bank.approve(&asked);
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::Allowed(_))));
}

fn full(asking: Result<Asking, Refusal>) -> String {
    let refusal = asking.map(|_| ()).unwrap_err();
    assert_eq!(refusal.code(), Code::ResourceExhausted);
    let nothing_ran = Context { repeatable: true, ..Context::default() };
    let refusal = refusal.within(nothing_ran);
    assert!(refusal.retry_after_ms() > 0);
    refusal.message().to_owned()
}

#[tokio::test]
async fn only_so_many_wait() {
    let few = Settings { per_principal: 1, per_tenant: 2, total: 3, ..settings() };
    let bank = bank_with(few);
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    assert!(full(bank.ask(&bank.judged("l", "pay", ARGS).await)).contains("`alice`"));
    let carol = bank.scene.session("carol", "acme", &["caller"]);
    bank.wait(&bank.judged_of(&carol, "k", "pay", ARGS).await);
    let dave = bank.scene.session("dave", "acme", &["caller"]);
    assert!(full(bank.ask(&bank.judged_of(&dave, "k", "pay", ARGS).await)).contains("tenant"));
    let other = bank.scene.session("alice", "globex", &["caller"]);
    bank.wait(&bank.judged_of(&other, "k", "pay", ARGS).await);
    let third = bank.scene.session("erin", "initech", &["caller"]);
    full(bank.ask(&bank.judged_of(&third, "k", "pay", ARGS).await));
    bank.approve(&asked);
    full(bank.ask(&bank.judged("l", "pay", ARGS).await));
    bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap();
    bank.wait(&bank.judged("l", "pay", ARGS).await);
}

#[tokio::test]
async fn what_ended_is_forgotten_after_a_while() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.decide(&boss(), &asked, Say::Deny).unwrap().settle();
    bank.scene.clock.advance(Duration::from_secs(599));
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::Over(_))));
    bank.scene.clock.advance(Duration::from_secs(1));
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::New(_))));
}
