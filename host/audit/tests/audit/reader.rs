//! Readers of a log that lives.

use std::{fs, os::unix::fs::FileExt, time::Duration};

use grid_audit::Reader;

use crate::common::*;

#[tokio::test]
async fn a_reader_goes_on_where_it_stopped_over_many_segments() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let mut records = reader.records(0);
    assert!(records.next().is_none());
    for round in 0..40_u64 {
        for at in 0..10 {
            let detail = format!("{}{}", round * 10 + at, " ".repeat(300));
            ledger.record(refusal(detail)).await.unwrap();
        }
        let read: Vec<_> = records.by_ref().map(|record| record.unwrap().index()).collect();
        assert_eq!(read, (round * 10..round * 10 + 10).collect::<Vec<_>>());
    }
    assert!(fs::read_dir(directory.path().join("wal")).unwrap().count() > 5);
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn the_last_records_are_found_wherever_they_are() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    assert_eq!(reader.last(5).unwrap(), []);
    for at in 0..300 {
        ledger.record(refusal(format!("{at}"))).await.unwrap();
    }
    for count in [0, 1, 7, 299, 300, 1000] {
        let last = reader.last(count).unwrap();
        let indices: Vec<_> = last.iter().map(grid_audit::Record::index).collect();
        let expected: Vec<_> = (300 - count.min(300)..300).collect();
        assert_eq!(indices, expected);
    }
    let from: Vec<_> = reader.records(290).map(|it| it.unwrap().index()).collect();
    assert_eq!(from, (290..300).collect::<Vec<_>>());
    assert_eq!(reader.records(10_000).count(), 0);
}

#[tokio::test]
async fn a_frame_that_is_being_written_is_the_end_and_not_damage() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    ledger.record(refusal("one")).await.unwrap();
    let path = directory.path().join("wal/00000000000000000000.seg");
    let before = fs::read(&path).unwrap();
    ledger.record(refusal("two")).await.unwrap();
    ledger.close().await.unwrap();
    let after = fs::read(&path).unwrap();
    let changed: Vec<_> = (0..after.len()).filter(|at| before[*at] != after[*at]).collect();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.write_all_at(&before, 0).unwrap();
    let mut records = Reader::open(directory.path()).unwrap().records(0);
    assert_eq!(records.next().unwrap().unwrap().detail(), Some("one"));
    for at in &changed {
        assert!(records.next().is_none(), "before byte {at}");
        file.write_all_at(&after[*at..*at + 1], *at as u64).unwrap();
    }
    assert_eq!(records.next().unwrap().unwrap().detail(), Some("two"));
}

#[tokio::test]
async fn following_gives_what_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    ledger.record(refusal("0")).await.unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let mut follow = reader.follow(1, Duration::from_millis(1));
    let followed = std::thread::spawn(move || follow.next().unwrap().unwrap().index());
    ledger.record(refusal("1")).await.unwrap();
    assert_eq!(followed.join().unwrap(), 1);
}

#[test]
fn a_directory_without_a_log_is_told_apart_from_an_empty_log() {
    let directory = tempfile::tempdir().unwrap();
    let refused = Reader::open(directory.path()).unwrap_err().to_string();
    assert!(refused.starts_with("cannot list `"), "{refused}");
}
