//! Who may decide what.

use std::sync::Arc;

use grid_approve::{Asked, Asking};
use grid_core::{Code, Refusal, consent::Say, id::ApprovalId};
use grid_testkit::principal;

use super::common::{ARGS, bank, boss, holds};

#[tokio::test]
async fn a_call_goes_on_after_a_yes_and_carries_its_approval() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.approve(&asked);
    let approved = bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap();
    assert_eq!(approved.consent().approval, Some(asked.approval()));
    assert_eq!(approved.into_parts().0.args(), ARGS);
    assert_eq!(bank.approvals.count(), 0);
}

#[tokio::test]
async fn nobody_is_asked_about_a_call_that_needs_nobody() {
    let bank = bank();
    let judged = bank.judged("k", "look", "{}").await;
    assert_eq!(judged.needs(), None);
    assert_eq!(judged.go_on().unwrap().consent().approval, None);
    let refusal = bank.ask(&bank.judged("l", "look", "{}").await).map(|_| ()).unwrap_err();
    assert_eq!(refusal.code(), Code::MalformedRequest);
    assert!(bank.judged("k", "pay", ARGS).await.go_on().is_err(), "nothing goes on without the yes that it needs");
}

#[tokio::test]
async fn a_no_ends_the_call_and_is_remembered() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.decide(&boss(), &asked, Say::Deny).unwrap().settle();
    let refusal = bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    assert!(refusal.message().contains("has denied"), "{refusal}");
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::Over(_))), "and stays denied");
    assert!(bank.decide(&boss(), &asked, Say::Approve).is_err(), "nobody changes their mind");
    assert!(bank.judged("l", "pay", ARGS).await.needs().is_some());
    assert!(matches!(bank.ask(&bank.judged("l", "pay", ARGS).await), Ok(Asking::New(_))), "another call is another");
}

fn refused(bank: &super::common::Bank, who: (&str, &str, &[&str]), asked: &Asked) -> Refusal {
    bank.decide(&principal(who.0, who.1, who.2), asked, Say::Approve).unwrap_err()
}

#[tokio::test]
async fn only_somebody_else_of_the_tenant_with_the_role_decides() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    let own = refused(&bank, ("alice", "acme", &["approver", "caller"]), &asked);
    assert!(own.message().contains("of their own"), "{own}");
    let others = [
        ("boss", "globex", &["approver"] as &[&str]),
        ("clerk", "acme", &["caller"]),
        ("alice", "globex", &["approver"]),
        ("boss", "*", &["approver"]),
    ];
    let known = bank.approvals.decide(
        &boss(),
        holds(&boss()),
        ApprovalId::mint(),
        (asked.contract(), asked.args_digest()),
        (Say::Approve, String::new()),
    );
    let unknown = known.unwrap_err();
    for who in others {
        let refusal = refused(&bank, who, &asked);
        let without_id = |refusal: &Refusal| {
            let words = refusal.message().split('`').enumerate();
            words.filter(|(at, _)| at % 2 == 0).map(|(_, text)| text.to_owned()).collect::<String>()
        };
        assert_eq!(refusal.code(), unknown.code(), "{who:?}");
        assert_eq!(without_id(&refusal), without_id(&unknown), "{who:?} cannot tell it from one that is not there");
        let seen = bank.approvals.waiting(&principal(who.0, who.1, who.2), holds(&principal(who.0, who.1, who.2)));
        assert!(seen.is_empty(), "{who:?}");
    }
    bank.approve(&asked);
}

#[tokio::test]
async fn those_who_may_decide_see_what_they_decide() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    let long = format!(r#"{{"to":"{}"}}"#, "b".repeat(64));
    bank.scene.clock.advance(std::time::Duration::from_secs(10));
    bank.wait(&bank.judged("l", "pay", &long).await);
    let who = boss();
    let seen = bank.approvals.waiting(&who, holds(&who));
    let first = seen.first().unwrap();
    assert_eq!((first.approval, first.args.as_deref()), (asked.approval(), Some(ARGS)));
    assert_eq!((first.principal.as_str(), first.tenant.as_str(), &*first.tool), ("alice", "acme", "pay"));
    assert_eq!((first.role.as_str(), first.time_left_ms), ("approver", 50_000));
    let second = seen.last().unwrap();
    assert_eq!((second.args.as_deref(), second.args_bytes), (None, Some(long.len() as u64)), "too long to be kept");
    let mine = principal("alice", "acme", &["approver"]);
    assert!(bank.approvals.waiting(&mine, holds(&mine)).is_empty(), "one's own are not for oneself");
}

#[tokio::test]
async fn whoever_saw_something_else_decides_nothing() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    let who = boss();
    for saw in [([7; 32], asked.args_digest()), (asked.contract(), [7; 32])] {
        let said = (Say::Approve, String::new());
        let refusal = bank.approvals.decide(&who, holds(&who), asked.approval(), saw, said).unwrap_err();
        assert_eq!(refusal.code(), Code::MalformedRequest);
    }
    assert_eq!(bank.approvals.waiting(&who, holds(&who)).len(), 1, "it still waits");
}

#[tokio::test]
async fn an_approval_is_for_one_exact_call_once() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    bank.approve(&asked);
    let others = [
        bank.judged("k", "pay", r#"{"to":"eve"}"#).await,
        bank.judged("k", "lend", ARGS).await,
        bank.judged("l", "pay", ARGS).await,
        bank.judged_of(&bank.scene.session("alice", "acme", &["caller"]), "k", "pay", ARGS).await,
        bank.judged_of(&bank.scene.session("carol", "acme", &["caller"]), "k", "pay", ARGS).await,
        bank.judged_of(&bank.scene.session("alice", "globex", &["caller"]), "k", "pay", ARGS).await,
    ];
    for other in others {
        assert!(bank.consume(&asked, other).is_err(), "an approval of something else");
    }
    assert!(bank.consume(&asked, bank.judged("k", "pay", ARGS).await).is_ok());
    let again = bank.consume(&asked, bank.judged("k", "pay", ARGS).await).unwrap_err();
    assert!(again.message().contains("was used"), "{again}");
    assert!(matches!(bank.ask(&bank.judged("k", "pay", ARGS).await), Ok(Asking::New(_))), "it needs another yes");
}

#[tokio::test]
async fn what_cannot_be_written_down_is_not_decided() {
    let bank = bank();
    let asked = bank.wait(&bank.judged("k", "pay", ARGS).await);
    drop(bank.decide(&boss(), &asked, Say::Approve).unwrap());
    assert!(bank.consume(&asked, bank.judged("k", "pay", ARGS).await).is_err());
    let ending = bank.decide(&boss(), &asked, Say::Deny).unwrap();
    let event = ending.event(7);
    assert_eq!((event.verdict, event.approval), (Some("deny"), Some(asked.approval())));
    assert_eq!(event.principal.map(|who| who.id.to_string()), Some("boss".to_owned()));
    assert_eq!(event.detail.as_deref(), Some("in their own words: because"));
    ending.settle();
    let judged = bank.judged("m", "pay", ARGS).await;
    let Ok(Asking::New(request)) = bank.ask(&judged) else { panic!("it is new") };
    let (who, unasked) = (boss(), Arc::clone(request.asked()));
    assert!(bank.approvals.waiting(&who, holds(&who)).is_empty(), "nobody sees what is not on record");
    assert!(bank.decide(&who, &unasked, Say::Approve).is_err());
    drop(request);
    assert_eq!(bank.approvals.count(), 0, "and its place is free again");
}
