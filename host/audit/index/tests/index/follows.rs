//! The thread beside a log that grows: who asks gets an answer that covers what they asked for, or is told that
//! there is none yet.

use std::{fs, sync::Arc, time::Duration};

use grid_audit::{Durability, Ledger, Options};
use grid_audit_index::{Error, Index, Indexer, Query};
use grid_core::clock::SystemClock;

use crate::common::*;

const LONG: Duration = Duration::from_secs(30);

fn keep(folder: &std::path::Path) -> Indexer {
    let mut options = grid_audit_index::Options::new(folder);
    // Nothing below may depend on the polling.
    options.poll = Duration::from_secs(600);
    options.retry = Duration::from_millis(10);
    Indexer::start(options, SystemClock::shared()).unwrap()
}

#[tokio::test]
async fn an_answer_holds_every_record_that_was_durable_when_it_was_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Handle::current();
    let options = Options { durability: Durability::Full, ..options(folder.path()) };
    let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &runtime).unwrap();
    let indexer = keep(folder.path());
    let mut maker = Maker::seeded(21);
    for _ in 0..200 {
        let index = ledger.record(maker.event()).await.unwrap().unwrap().index();
        let size = ledger.status().records;
        let query = Query { newest_first: true, limit: 1, before: size, ..Query::default() };
        let found = indexer.find(&query, ROOM, size, LONG).unwrap();
        assert_eq!(found.records[0].index(), index);
    }
    drop(indexer);
    ledger.close().await.unwrap();
    let index = Index::open(folder.path()).unwrap();
    check(&index, folder.path(), &mut maker, 20);
}

#[tokio::test]
async fn what_was_taken_in_is_durable_when_the_thread_has_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = Maker::seeded(22);
    write(folder.path(), &mut maker, 700).await;
    let indexer = keep(folder.path());
    indexer.find(&Query::default(), ROOM, 700, LONG).unwrap();
    assert_eq!(indexer.indexed(), 700);
    drop(indexer);
    assert_eq!(Index::open(folder.path()).unwrap().indexed().unwrap(), 700);
}

#[tokio::test]
async fn what_is_not_in_the_log_yet_is_not_waited_for_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &mut Maker::seeded(23), 50).await;
    let indexer = keep(folder.path());
    indexer.find(&Query::default(), ROOM, 50, LONG).unwrap();
    let behind = indexer.find(&Query::default(), ROOM, 51, Duration::from_millis(50));
    assert!(matches!(behind, Err(Error::Behind { done: 50, of: 51 })), "{behind:?}");
}

#[tokio::test]
async fn an_index_that_somebody_else_has_is_told_and_taken_when_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &mut Maker::seeded(24), 50).await;
    let other = Index::open(folder.path()).unwrap();
    let indexer = keep(folder.path());
    let away = indexer.find(&Query::default(), ROOM, 50, LONG);
    let Err(Error::Away(reason)) = away else { panic!("{away:?}") };
    assert!(reason.contains("in use"), "{reason}");
    drop(other);
    loop {
        match indexer.find(&Query::default(), ROOM, 50, LONG) {
            Ok(found) => return assert_eq!(found.records.len(), 50),
            Err(Error::Away(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test]
async fn a_log_that_is_not_there_yet_is_told_and_found_later() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    let indexer = keep(&log);
    let away = indexer.find(&Query::default(), ROOM, 50, LONG);
    assert!(matches!(away, Err(Error::Away(_))), "{away:?}");
    write(&log, &mut Maker::seeded(25), 50).await;
    while indexer.find(&Query::default(), ROOM, 50, LONG).is_err() {}
    assert_eq!(indexer.indexed(), 50);
}
