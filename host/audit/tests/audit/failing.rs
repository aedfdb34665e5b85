//! A log that cannot be written: nothing is acknowledged any more, or the loss is counted.

use std::{sync::Arc, time::Duration};

use grid_audit::{Durability, MemoryStorage};
use grid_core::event::{Event, Kind};

use crate::common::*;

async fn fails_for_good(storage: MemoryStorage) {
    let (ledger, _) = start(storage.clone(), Durability::Full);
    ledger.record(refusal("before")).await.unwrap();
    let failed = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.failed().await }
    });
    let waiting: Vec<_> = (0..50)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.admit(admission()).await })
        })
        .collect();
    for waiter in waiting {
        let refused = waiter.await.unwrap().unwrap_err();
        assert!(refused.is_lasting(), "{refused}");
    }
    let reason = failed.await.unwrap();
    assert!(reason.message().contains("told to fail"), "{reason}");
    // Healed storage makes no difference: what was lost is not known.
    storage.fail_append(None);
    storage.fail_sync(None);
    let syncs = storage.syncs();
    for _ in 0..10 {
        assert_eq!(ledger.admit(admission()).await.unwrap_err(), reason);
        assert_eq!(index(ledger.record(refusal("later")).await), Err(reason.clone()));
        ledger.note(refusal("later")).await;
    }
    let status = ledger.status();
    assert!(!status.writable);
    assert_eq!((status.records, status.failure), (1, Some(reason.clone())));
    assert_eq!(ledger.close().await, Err(reason));
    assert_eq!(storage.syncs(), syncs);
    assert_eq!(records(&storage)[0].detail(), Some("before"));
}

#[tokio::test]
async fn the_first_failed_write_ends_the_ledger() {
    let storage = MemoryStorage::new();
    storage.fail_append(Some(2));
    fails_for_good(storage).await;
}

#[tokio::test]
async fn the_first_failed_sync_ends_the_ledger() {
    let storage = MemoryStorage::new();
    storage.fail_sync(Some(2));
    fails_for_good(storage).await;
}

#[tokio::test]
async fn a_relaxed_ledger_counts_what_it_lost_in_the_log() {
    let storage = MemoryStorage::new();
    storage.fail_append(Some(1));
    let (ledger, _) = start(storage.clone(), Durability::Relaxed);
    for _ in 0..7 {
        assert_eq!(index(ledger.record(refusal("lost")).await), Ok(None));
    }
    until(|| ledger.status().lost == 7).await;
    assert!(!ledger.status().writable);
    storage.fail_append(None);
    assert_eq!(ledger.admit(admission()).await.unwrap().index(), None);
    until(|| ledger.status().writable).await;
    ledger.close().await.unwrap();
    let records = records(&storage);
    let kinds: Vec<_> = records.iter().map(|record| record.kind()).collect();
    assert_eq!(kinds, ["gap", Kind::Admitted.as_str()]);
    assert_eq!(records[0].lost(), Some(7));
}

#[tokio::test]
async fn a_relaxed_ledger_whose_sync_failed_writes_on_behind_the_last_good_frame() {
    let storage = MemoryStorage::new();
    let (ledger, _) = start(storage.clone(), Durability::Relaxed);
    ledger.record(refusal("kept")).await.unwrap();
    until(|| ledger.status().records == 1).await;
    storage.fail_sync(Some(1));
    ledger.record(refusal("lost")).await.unwrap();
    until(|| ledger.status().lost == 1).await;
    storage.fail_sync(None);
    ledger.record(refusal("kept too")).await.unwrap();
    ledger.close().await.unwrap();
    let records = records(&storage);
    let lines: Vec<_> = records.iter().map(|it| (it.detail(), it.lost())).collect();
    assert_eq!(lines, [(Some("kept"), None), (None, Some(1)), (Some("kept too"), None)]);
}

#[tokio::test]
async fn a_full_disk_refuses_admissions_and_still_takes_conclusions() {
    let storage = MemoryStorage::new();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let receipt = ledger.admit(admission()).await.unwrap();
    storage.set_full(true);
    let refused = ledger.admit(admission()).await.unwrap_err();
    assert!(!refused.is_lasting() && refused.message().contains("no room"), "{refused}");
    assert!(ledger.record(refusal("x")).await.is_err());
    ledger.note(refusal("noted")).await;
    let concluded = ledger.conclude(conclusion(receipt.invocation())).await;
    // The note that was not taken is counted before it.
    assert_eq!(index(concluded), Ok(Some(2)));
    storage.set_full(false);
    ledger.admit(admission()).await.unwrap();
    let records = records(&storage);
    let lines: Vec<_> = records.iter().map(|it| (it.kind(), it.lost())).collect();
    let expected = [("admitted", None), ("gap", Some(1)), ("concluded", None), ("admitted", None)];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn on_a_full_disk_a_conclusion_is_as_long_as_what_was_kept_for_it() {
    let storage = MemoryStorage::new();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let receipt = ledger.admit(admission()).await.unwrap();
    let other = ledger.admit(admission()).await.unwrap();
    let long = |of| Event { detail: Some("x".repeat(9000)), ..conclusion(of) };
    ledger.conclude(long(other.invocation())).await.unwrap();
    storage.set_full(true);
    ledger.conclude(long(receipt.invocation())).await.unwrap();
    let lengths: Vec<_> = records(&storage).iter().map(|it| it.detail().map(str::len)).collect();
    assert_eq!(lengths, [None, None, Some(9000), Some(100)]);
}

#[tokio::test]
async fn a_record_longer_than_an_entry_is_refused_alone() {
    let (ledger, _) = start(MemoryStorage::new(), Durability::Full);
    let refused = ledger.record(refusal("x".repeat(grid_audit::MAX_ENTRY))).await.unwrap_err();
    assert!(!refused.is_lasting(), "{refused}");
    let long = ledger.record(refusal("x".repeat(grid_audit::MAX_ENTRY - 100))).await;
    assert_eq!(index(long), Ok(Some(0)));
    assert_eq!(index(ledger.record(refusal("y")).await), Ok(Some(1)));
}

/// A real disk with room for three segments: the one that fills, and two more.
#[tokio::test]
async fn a_directory_without_room_keeps_the_outcomes_of_what_it_admitted() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let wal = directory.path().join("wal");
    until(|| wal.join("spare").exists()).await;
    // A directory in the spare's place: no further segment can be made.
    let mut admitted = Vec::new();
    let mut blocked = false;
    loop {
        match ledger.admit(admission()).await {
            Ok(receipt) => admitted.push(receipt.invocation()),
            Err(refused) => {
                assert!(!refused.is_lasting(), "{refused}");
                break;
            }
        }
        if !blocked && !wal.join("spare").exists() {
            blocked = std::fs::create_dir(wal.join("spare")).is_ok();
        }
        assert!(admitted.len() < 10_000);
    }
    for invocation in &admitted {
        ledger.conclude(conclusion(*invocation)).await.unwrap();
    }
    assert_eq!(ledger.status().open, 0);
}

/// Waits without sleeping longer than it must; the suite's own timeout ends it.
async fn until(mut so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !so() {
        assert!(tokio::time::Instant::now() < deadline, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[test]
fn handles_and_evidence_can_cross_threads() {
    fn assert_send<T: Send + Sync>() {}
    assert_send::<grid_audit::Ledger>();
    assert_send::<grid_audit::Receipt>();
    assert_send::<Arc<grid_audit::Reader>>();
}
