//! Approvals in a log: one by one they may be signed as they should be, and still tell what cannot have happened.

use std::sync::Arc;

use grid_audit_verify::{Failure, Options, Report};
use grid_core::{
    event::{Event, Kind},
    id::{ApprovalId, CorrelationId, InvocationId, PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
};
use tempfile::TempDir;

use crate::{
    common::{admission, bytes, fails, holds},
    maker::{Content, Shape, signer},
};

const ALICE: &str = "alice";
const BOSS: &str = "boss";

fn who(name: &str) -> Arc<Principal> {
    Arc::new(Principal {
        id: PrincipalId::parse(name).unwrap(),
        tenant: TenantId::parse("acme").unwrap(),
        roles: Default::default(),
        claims: Default::default(),
        proof: Proof::Token,
        digest: ClaimsDigest([0; 32]),
        credential: None,
        runtime: None,
        issued_at_ms: None,
        expires_at_ms: None,
    })
}

fn approval(number: u32) -> ApprovalId {
    format!("a-{number:032x}").parse().unwrap()
}

/// A record about the approval of this number, by somebody.
fn event(kind: Kind, number: u32, name: &str) -> Event {
    Event {
        principal: Some(who(name)),
        contract: Some([3; 32]),
        args_digest: Some([7; 32]),
        approval: Some(approval(number)),
        ..Event::new(kind, 1_795_000_000_000, CorrelationId::parse("c-1").unwrap())
    }
}

fn requested(number: u32) -> Event {
    Event { verdict: Some("ask"), ..event(Kind::ApprovalRequested, number, ALICE) }
}

fn decided(number: u32, name: &str, verdict: &'static str) -> Event {
    Event { verdict: Some(verdict), ..event(Kind::ApprovalDecided, number, name) }
}

fn admitted(number: u32, invocation: u32) -> Event {
    let invocation: InvocationId = format!("i-{invocation:032x}").parse().unwrap();
    admission(event(Kind::Admitted, number, ALICE), invocation)
}

fn log(events: &[Event]) -> Content {
    let mut content = Content::new(signer());
    events.iter().for_each(|event| content.batch([bytes(event)]));
    content
}

fn accepted(events: &[Event]) -> Report {
    let (content, directory) = (log(events), TempDir::new().unwrap());
    content.write(directory.path(), &Shape::whole(&content));
    holds(directory.path(), &Options::default().key(&content.key()))
}

fn refused(events: &[Event]) -> Failure {
    let (content, directory) = (log(events), TempDir::new().unwrap());
    content.write(directory.path(), &Shape::whole(&content));
    fails(directory.path(), &Options::default().key(&content.key()))
}

#[test]
fn a_call_that_was_approved_may_run_once() {
    accepted(&[requested(1), decided(1, BOSS, "allow"), admitted(1, 1)]);
    accepted(&[requested(1), decided(1, BOSS, "deny")]);
    accepted(&[requested(1), decided(1, ALICE, "expired"), requested(2), decided(2, ALICE, "void")]);
    let report = accepted(&[requested(1), decided(1, BOSS, "allow"), requested(2)]);
    let open = report.findings.iter().find(|finding| finding.name == "open_approvals").unwrap();
    assert_eq!((open.count, open.indices.as_slice()), (1, &[2][..]));
}

#[test]
fn approvals_that_no_host_gives_are_named() {
    let (asked, allowed, run) = (requested(1), decided(1, BOSS, "allow"), admitted(1, 1));
    let other = |event: &Event, change: fn(&mut Event)| {
        let mut event = event.clone();
        change(&mut event);
        event
    };
    for (events, index, what) in [
        (vec![run.clone()], 0, "never requested or decided"),
        (vec![asked.clone(), run.clone()], 1, "nobody has given"),
        (vec![asked.clone(), decided(1, BOSS, "deny"), run.clone()], 2, "denied, over or used"),
        (vec![asked.clone(), decided(1, ALICE, "expired"), run.clone()], 2, "denied, over or used"),
        (vec![asked.clone(), decided(1, ALICE, "void"), run.clone()], 2, "denied, over or used"),
        (vec![asked.clone(), allowed.clone(), run.clone(), admitted(1, 2)], 3, "denied, over or used"),
        (vec![asked.clone(), allowed.clone(), other(&run, |run| run.args_digest = Some([8; 32]))], 2, "another call"),
        (vec![asked.clone(), allowed.clone(), other(&run, |run| run.contract = Some([8; 32]))], 2, "another call"),
        (vec![asked.clone(), allowed.clone(), other(&run, |run| run.principal = Some(who("eve")))], 2, "another call"),
        (vec![asked.clone(), decided(1, ALICE, "allow")], 1, "a call of its own"),
        (vec![asked.clone(), decided(1, ALICE, "deny")], 1, "a call of its own"),
        (vec![allowed.clone()], 0, "never requested or decided"),
        (vec![asked.clone(), allowed.clone(), allowed.clone()], 2, "decided before"),
        (vec![asked.clone(), asked.clone()], 1, "asked for before"),
        (vec![asked.clone(), allowed.clone(), asked.clone()], 2, "decided before"),
        (vec![asked.clone(), decided(1, BOSS, "perhaps")], 1, "without saying how"),
        (vec![asked.clone(), other(&allowed, |event| event.args_digest = Some([8; 32]))], 1, "another call"),
        (vec![other(&asked, |event| event.approval = None)], 0, "has no id"),
        (vec![other(&asked, |event| event.contract = None)], 0, "of what call"),
    ] {
        let failure = refused(&events);
        let told = failure.to_string();
        assert!(told.contains(what) && told.contains(&format!("entry {index}")), "{what}, {index}: {told}");
    }
}
