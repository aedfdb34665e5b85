//! Logs that are signed as they should be, and say what no host would write. The key proves who wrote it, not that it
//! can be true.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_audit_verify::{Failure, Options, Report};
use grid_core::{
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use grid_tlog::Signer;
use tempfile::TempDir;

use crate::{
    common::{admission, bytes, conclusion, fails, holds},
    maker::{Content, Shape, signer},
};

fn event(kind: Kind) -> Event {
    Event::new(kind, 1_795_000_000_000, CorrelationId::parse("c-1").unwrap())
}

fn invocation(number: u32) -> InvocationId {
    format!("i-{number:032x}").parse().unwrap()
}

fn admitted(number: u32) -> Vec<u8> {
    bytes(&admission(event(Kind::Admitted), invocation(number)))
}

fn concluded(number: u32) -> Vec<u8> {
    bytes(&conclusion(event(Kind::Concluded), invocation(number)))
}

fn attempted(number: u32, attempt: Option<u32>) -> Vec<u8> {
    bytes(&Event { invocation: Some(invocation(number)), attempt, ..event(Kind::Attempted) })
}

fn counted(number: u32, attempt: u32) -> Vec<u8> {
    bytes(&Event { attempt: Some(attempt), ..conclusion(event(Kind::Concluded), invocation(number)) })
}

fn local(number: u32, expires_ms: Option<u64>) -> Vec<u8> {
    bytes(&Event { local: true, expires_ms, ..admission(event(Kind::Admitted), invocation(number)) })
}

fn ended(number: u32, outcome: Outcome, claimed: bool) -> Vec<u8> {
    bytes(&Event { outcome: Some(outcome), claimed, ..conclusion(event(Kind::Concluded), invocation(number)) })
}

fn other(kind: Kind) -> Vec<u8> {
    bytes(&event(kind))
}

fn log(entries: impl IntoIterator<Item = Vec<u8>>) -> Content {
    let mut content = Content::new(signer());
    entries.into_iter().for_each(|entry| content.batch([entry]));
    content
}

fn refused(content: &Content) -> Failure {
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape::whole(content));
    fails(directory.path(), &Options::default().key(&content.key()))
}

fn accepted(content: &Content) -> Report {
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape::whole(content));
    holds(directory.path(), &Options::default().key(&content.key()))
}

#[test]
fn records_that_no_host_writes_in_this_order_are_named() {
    let bare = bytes(&Event { invocation: Some(invocation(1)), ..event(Kind::Admitted) });
    let with = |field: &str, value: &str| String::from_utf8(admitted(1)).unwrap().replace(field, value).into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    for (entries, index, what) in [
        (vec![concluded(1)], 0, "never admitted"),
        (vec![admitted(1), concluded(2)], 1, "never admitted"),
        (vec![concluded(1), admitted(1)], 0, "never admitted"),
        (vec![admitted(1), concluded(1), concluded(1)], 2, "concluded before"),
        (vec![admitted(1), admitted(1)], 1, "admitted before"),
        (vec![admitted(1), concluded(1), admitted(1)], 2, "admitted before"),
        (vec![other(Kind::HostStarted), bare], 1, "`rule` and `epoch`"),
        (vec![with("\"rule\":\"all-roles\"", "\"rule\":\"\"")], 0, "`rule` and `epoch`"),
        (vec![with("\"epoch\":3,", "")], 0, "`rule` and `epoch`"),
        (vec![with("\"invocation\":\"i-00000000000000000000000000000001\",", "")], 0, "no invocation"),
        (vec![with("\"admitted\"", "\"permitted\"")], 0, "kind"),
        (vec![with("\"kind\":\"admitted\"", "\"kind\": \"admitted\"")], 0, "no value"),
        (vec![with("\"epoch\":3", "\"epoch\":3.0")], 0, "number"),
        (vec![local(1, None)], 0, "without its end"),
        (vec![bytes(&Event { expires_ms: Some(9), ..admission(event(Kind::Admitted), invocation(1)) })], 0, "its end"),
        (vec![local(1, Some(9)), concluded(1)], 1, "as if the host had seen it"),
        (vec![admitted(1), ended(1, Outcome::Success, true)], 1, "only a local run"),
        (vec![admitted(1), ended(1, Outcome::Unreported, false)], 1, "only a local run"),
        (vec![admitted(1), ended(1, Outcome::Revoked, false)], 1, "only a local run"),
        (vec![attempted(1, Some(2))], 0, "never was"),
        (vec![admitted(1), attempted(1, None)], 1, "which attempt"),
        (vec![admitted(1), attempted(1, Some(1))], 1, "which attempt"),
        (vec![admitted(1), attempted(1, Some(3))], 1, "never was"),
        (vec![admitted(1), attempted(2, Some(2))], 1, "never was"),
        (vec![admitted(1), attempted(1, Some(2)), attempted(1, Some(2))], 2, "begun before"),
        (vec![admitted(1), concluded(1), attempted(1, Some(2))], 2, "concluded before"),
        (vec![local(1, Some(9)), attempted(1, Some(2))], 1, "that its caller runs"),
        (vec![admitted(1), attempted(1, Some(2)), admitted(1)], 2, "admitted before"),
        (vec![admitted(1), counted(1, 2)], 1, "other attempts"),
        (vec![admitted(1), attempted(1, Some(2)), counted(1, 3)], 2, "other attempts"),
        (vec![text("{\"at_ms\":1,\"kind\":\"gap\"}")], 0, "how many"),
        (vec![text("")], 0, "no object"),
        (vec![text("{}")], 0, "no kind"),
    ] {
        let failure = refused(&log(entries));
        assert!(failure.what.contains(what), "{failure}: not {what}");
        assert_eq!(failure.index, Some(index), "{failure}");
    }
}

#[test]
fn a_local_run_ends_as_claimed_or_without_a_word() {
    for (outcome, claimed) in [
        (Outcome::Success, true),
        (Outcome::ToolError, true),
        (Outcome::Failed, true),
        (Outcome::Failed, false),
        (Outcome::Unreported, false),
        (Outcome::Revoked, false),
    ] {
        accepted(&log([local(1, Some(9)), admitted(2), ended(1, outcome, claimed), concluded(2)]));
    }
}

#[test]
fn a_call_goes_from_runtime_to_runtime_while_it_is_open() {
    let report = accepted(&log([
        admitted(1),
        admitted(2),
        attempted(1, Some(2)),
        attempted(2, Some(2)),
        attempted(1, Some(3)),
        counted(1, 3),
        // Whoever closes what a process left open counts nothing.
        concluded(2),
    ]));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    // Where records were lost, what came before may be among them, and only so many of them.
    let gap = |lost: u64| format!("{{\"at_ms\":5,\"kind\":\"gap\",\"lost\":{lost}}}").into_bytes();
    accepted(&log([gap(2), attempted(1, Some(3)), counted(1, 3)]));
    assert_eq!(refused(&log([gap(1), attempted(1, Some(3))])).index, Some(1));
    accepted(&log([admitted(1), gap(1), attempted(1, Some(3)), counted(1, 3)]));
}

#[test]
fn odd_things_are_findings() {
    let gap = b"{\"at_ms\":5,\"kind\":\"gap\",\"lost\":2}".to_vec();
    let report = accepted(&log([
        other(Kind::HostStarted),
        admitted(1),
        gap.clone(),
        concluded(2),
        other(Kind::HostStarted),
        concluded(3),
        other(Kind::HostStopped),
        other(Kind::HostStopped),
    ]));
    let found = |name: &str| {
        let finding = report.findings.iter().find(|finding| finding.name == name);
        finding.map(|finding| (finding.count, finding.indices.clone()))
    };
    assert_eq!(found("open_calls"), Some((1, vec![1])));
    assert_eq!(found("gap"), Some((1, vec![2])));
    assert_eq!(found("admission_lost"), Some((2, vec![3, 5])));
    assert_eq!(found("unclean_start"), Some((1, vec![4])));
    assert_eq!(found("stop_without_start"), Some((1, vec![7])));
    assert_eq!(found("time_goes_back"), Some((1, vec![2])));
    // A gap covers as many conclusions as it lost records.
    let failure = refused(&log([gap, concluded(1), concluded(2), concluded(3)]));
    assert_eq!(failure.index, Some(3), "{failure}");
}

fn rotation(old: &Signer, new: &Signer, signed_by: &Signer) -> Vec<u8> {
    let (old, new) = (old.verifying_key(), new.verifying_key());
    let proof = signed_by.sign(format!("grid/key-rotation/v1\n{old}\n{new}\n").as_bytes());
    let proof = BASE64_STANDARD.encode(proof);
    let record = format!(r#"{{"at_ms":1,"kind":"key_rotated","new_key":"{new}","old_key":"{old}","proof":"{proof}"}}"#);
    record.into_bytes()
}

#[test]
fn keys_are_handed_over_by_the_old_one_with_the_new_one_agreeing() {
    let (old, new, stranger) = (signer(), signer(), signer());
    let first = other(Kind::HostStarted);
    let make = |record: Vec<u8>, keys: Vec<(u64, Arc<Signer>)>| {
        let mut content = log([first.clone(), record, other(Kind::HostStarted), other(Kind::HostStopped)]);
        content.keys = keys;
        content
    };
    let good = rotation(&old, &new, &new);
    let both = |from: u64| vec![(0, Arc::clone(&old)), (from, Arc::clone(&new))];
    assert_eq!(accepted(&make(good.clone(), both(3))).rotations[0].index, 1);
    for (content, what) in [
        // The old key never signed the record.
        (make(good.clone(), both(2)), "from another size"),
        // It went on after it.
        (make(good.clone(), both(4)), "from another size"),
        (make(rotation(&old, &new, &old), both(3)), "does not agree"),
        (make(rotation(&old, &new, &stranger), both(3)), "does not agree"),
        (make(rotation(&old, &stranger, &stranger), both(3)), "between other keys"),
        (make(rotation(&stranger, &new, &new), both(3)), "between other keys"),
        (make(good.clone(), vec![(0, Arc::clone(&old))]), "does not have"),
        (make(first.clone(), both(3)), "never handed over"),
    ] {
        let failure = refused(&content);
        assert!(failure.what.contains(what), "{failure}: not {what}");
    }
}

/// What `grid audit rotate` leaves where it is stopped before its record is durable.
#[test]
fn a_change_of_keys_that_was_begun_is_a_finding() {
    let (old, new) = (signer(), signer());
    let mut content = log([other(Kind::HostStarted)]);
    content.keys = vec![(0, Arc::clone(&old)), (3, Arc::clone(&new))];
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape::whole(&content));
    for present in [&new, &old] {
        std::fs::write(directory.path().join("log.vkey"), format!("{}\n", present.verifying_key())).unwrap();
        let report = holds(directory.path(), &Options::default().key(old.verifying_key()));
        assert!(report.findings.iter().any(|finding| finding.name == "rotation_begun"));
    }
    let failure = fails(directory.path(), &Options::default().key(new.verifying_key()));
    assert!(failure.what.contains("has not handed over"), "{failure}");
}
