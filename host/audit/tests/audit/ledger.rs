//! What a ledger promises to the stages that hold it.

use grid_audit::{Durability, Ledger, MemoryStorage, Reader};
use grid_core::{
    event::{Event, Kind, Outcome},
    id::{ApprovalId, CorrelationId},
};

use crate::common::*;

#[tokio::test]
async fn records_are_read_back_in_order_with_consecutive_indices() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, recovered) = open(directory.path()).unwrap();
    assert_eq!(recovered.records, 0);
    for at in 0..500 {
        assert_eq!(index(ledger.record(refusal(format!("no {at}"))).await), Ok(Some(at)));
    }
    ledger.close().await.unwrap();
    let records = Reader::open(directory.path()).unwrap().records(0);
    let records: Vec<_> = records.map(Result::unwrap).collect();
    assert_eq!(records.len(), 500);
    for (at, record) in records.iter().enumerate() {
        assert_eq!(record.index(), at as u64);
        assert_eq!(record.detail(), Some(format!("no {at}").as_str()));
    }
    let segments = std::fs::read_dir(directory.path().join("wal")).unwrap();
    assert!(segments.count() > 3, "the log did not roll");
}

#[tokio::test]
async fn a_receipt_names_the_admitted_invocation_and_its_place() {
    let (ledger, _) = start(MemoryStorage::new(), Durability::Full);
    let event = admission();
    let invocation = event.invocation.unwrap();
    let receipt = ledger.admit(event).await.unwrap();
    assert_eq!((receipt.invocation(), receipt.index()), (invocation, Some(0)));
    assert_eq!(ledger.status().open, 1);
    assert_eq!(index(ledger.conclude(conclusion(invocation)).await), Ok(Some(1)));
    assert_eq!(ledger.status().open, 0);
}

#[tokio::test]
async fn only_admissions_admit_and_only_conclusions_conclude() {
    let (ledger, _) = start(MemoryStorage::new(), Durability::Full);
    let mut nameless = admission();
    nameless.invocation = None;
    for wrong in [nameless, refusal("x")] {
        let refused = ledger.admit(wrong).await.unwrap_err();
        assert!(!refused.is_lasting(), "{refused}");
    }
    assert!(ledger.conclude(refusal("x")).await.is_err());
    assert!(ledger.record(admission()).await.is_err());
    assert_eq!(ledger.status().records, 0);
}

#[tokio::test]
async fn an_open_call_is_closed_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let mut lost = admission();
    lost.call_id = Some(grid_core::id::CallId::parse("k").unwrap());
    let (lost_id, done_id) = (lost.invocation.unwrap(), admission());
    let done = done_id.invocation.unwrap();
    ledger.admit(lost).await.unwrap();
    ledger.admit(done_id).await.unwrap();
    ledger.conclude(conclusion(done)).await.unwrap();
    ledger.close().await.unwrap();

    let (ledger, recovered) = open(directory.path()).unwrap();
    assert_eq!((recovered.records, recovered.closed), (3, vec![lost_id]));
    ledger.close().await.unwrap();
    let (ledger, recovered) = open(directory.path()).unwrap();
    assert_eq!((recovered.records, recovered.closed), (4, vec![]));
    ledger.close().await.unwrap();

    let reader = Reader::open(directory.path()).unwrap();
    let story = reader.by_invocation(lost_id).unwrap();
    let kinds: Vec<_> = story.iter().map(|record| record.kind()).collect();
    assert_eq!(kinds, [Kind::Admitted.as_str(), Kind::Concluded.as_str()]);
    let closing = story.last().unwrap();
    assert_eq!(closing.outcome(), Some(Outcome::Unknown.as_str()));
    assert_eq!((closing.call_id(), closing.tool()), (Some("k"), Some("files.read")));
    assert_eq!(reader.by_invocation(done).unwrap().len(), 2);
}

#[tokio::test]
async fn an_approval_that_nobody_decided_is_ended_exactly_once() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let about = |kind, verdict, approval| Event {
        approval: Some(approval),
        verdict: Some(verdict),
        contract: Some([3; 32]),
        args_digest: Some([7; 32]),
        ..Event::new(kind, 5, CorrelationId::parse("w-1").unwrap())
    };
    let (lost, done) = (ApprovalId::mint(), ApprovalId::mint());
    for event in [
        about(Kind::ApprovalRequested, "ask", lost),
        about(Kind::ApprovalRequested, "ask", done),
        about(Kind::ApprovalDecided, "allow", done),
    ] {
        ledger.record(event).await.unwrap();
    }
    ledger.close().await.unwrap();

    for records in [3, 4] {
        let (ledger, recovered) = open(directory.path()).unwrap();
        assert_eq!(recovered.records, records);
        ledger.close().await.unwrap();
    }
    let reader = Reader::open(directory.path()).unwrap();
    let end = reader.get(3).unwrap().unwrap();
    assert_eq!((end.kind(), end.text("verdict")), (Kind::ApprovalDecided.as_str(), Some("void")));
    assert_eq!(end.text("approval"), Some(&*lost.to_string()));
    assert_eq!(end.text("args_digest").map(str::len), Some("sha256:".len() + 64));
}

#[tokio::test]
async fn a_second_opener_is_told_who_has_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let refused = open(directory.path()).unwrap_err().to_string();
    let me = format!("in use by process {};", std::process::id());
    assert!(refused.contains(&me), "{refused}");
    ledger.close().await.unwrap();
    open(directory.path()).unwrap();
}

#[tokio::test]
async fn a_closed_ledger_stores_what_was_queued_and_takes_nothing_more() {
    let storage = MemoryStorage::new();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    for _ in 0..100 {
        ledger.note(refusal("queued")).await;
    }
    let other: Ledger = ledger.clone();
    ledger.close().await.unwrap();
    let refused = other.record(refusal("late")).await.unwrap_err();
    assert!(refused.is_lasting() && refused.message().contains("closed"));
    assert_eq!(records(&storage).len(), 100);
}

#[tokio::test]
async fn directories_and_files_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("audit");
    let (ledger, _) = open(&directory).unwrap();
    ledger.close().await.unwrap();
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&directory.join("wal")), 0o700);
    assert_eq!(mode(&directory.join("lock")), 0o600);
    assert_eq!(mode(&directory.join("wal/00000000000000000000.seg")), 0o600);
    assert_eq!(mode(&directory.join("wal/spare")), 0o600);
}
