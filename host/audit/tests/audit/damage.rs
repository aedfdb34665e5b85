//! What opening makes of files that are not as they were written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use grid_audit::{Error, Reader};

use crate::common::*;

const FIRST: &str = "wal/00000000000000000000.seg";
/// Frames begin behind the header.
const FRAMES: usize = 4096;

/// A log of `frames` single-entry frames; gives where each begins and where the last ends.
async fn written(directory: &Path, frames: usize) -> Vec<usize> {
    let (ledger, _) = open(directory).unwrap();
    for at in 0..frames {
        ledger.record(refusal(format!("no {at}"))).await.unwrap();
    }
    ledger.close().await.unwrap();
    let bytes = fs::read(directory.join(FIRST)).unwrap();
    let mut places = vec![FRAMES];
    for _ in 0..frames {
        let at = *places.last().unwrap();
        let length = u32::from_le_bytes(bytes[at + 8..at + 12].try_into().unwrap());
        places.push(at + usize::try_from(length).unwrap());
    }
    places
}

async fn details(directory: &Path) -> Vec<String> {
    let records = Reader::open(directory).unwrap().records(0);
    let detail = |record: grid_audit::Record| record.detail().unwrap().to_owned();
    records.map(|record| detail(record.unwrap())).collect()
}

/// Changes the first segment of a log that was stopped before it had published anything.
fn change(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let _ = fs::remove_file(directory.join("checkpoint"));
    let path = directory.join(FIRST);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
    path
}

/// Opens, and proves that the first two records are there, the third is not, and a new one takes its place.
async fn third_is_gone(directory: &Path, what: &str) {
    let before = details(directory).await;
    assert_eq!(before, ["no 0", "no 1"], "read with {what}");
    let (ledger, recovered) = open(directory).unwrap();
    assert_eq!(recovered.records, 2, "{what}");
    let index = index(ledger.record(refusal("new")).await);
    assert_eq!(index, Ok(Some(2)), "{what}");
    ledger.close().await.unwrap();
    assert_eq!(details(directory).await, ["no 0", "no 1", "new"], "{what}");
}

#[tokio::test]
async fn a_last_frame_torn_at_any_byte_is_cut_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 3).await;
    let whole = fs::read(directory.path().join(FIRST)).unwrap();
    let (begin, end) = (places[2], places[3]);
    let last = whole[begin..end].iter().rposition(|byte| *byte != 0).unwrap() + begin;
    for at in begin..=last {
        change(directory.path(), |bytes| {
            bytes.clone_from(&whole);
            bytes[at..end].fill(0);
        });
        third_is_gone(directory.path(), &format!("zeros from byte {at}")).await;
    }
}

#[tokio::test]
async fn a_last_frame_with_any_byte_wrong_is_cut_and_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 3).await;
    let whole = fs::read(directory.path().join(FIRST)).unwrap();
    for at in places[2]..places[3] {
        change(directory.path(), |bytes| {
            bytes.clone_from(&whole);
            bytes[at] ^= 0x5a;
        });
        third_is_gone(directory.path(), &format!("byte {at} changed")).await;
    }
}

#[tokio::test]
async fn a_last_frame_whose_first_half_never_came_is_cut() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 3).await;
    let half = places[2].midpoint(places[3]);
    change(directory.path(), |bytes| bytes[places[2]..half].fill(0));
    third_is_gone(directory.path(), "a missing first half").await;
}

#[tokio::test]
async fn damage_before_the_last_frame_refuses_to_open_and_says_where() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 3).await;
    let whole = fs::read(directory.path().join(FIRST)).unwrap();
    for at in (0..FRAMES).step_by(61).chain(FRAMES..places[2]) {
        let path = change(directory.path(), |bytes| {
            bytes.clone_from(&whole);
            bytes[at] ^= 1;
        });
        let refused = open(directory.path()).unwrap_err();
        let frame = places.iter().rposition(|place| *place <= at);
        let Error::Damaged { file, offset, index, .. } = &refused else {
            panic!("byte {at}: {refused}");
        };
        let expected = frame.map_or(0, |frame| places[frame] as u64);
        assert_eq!((file, *offset), (&path, expected), "byte {at}");
        assert_eq!(*index, frame.unwrap_or(0) as u64, "byte {at}");
        let text = refused.to_string();
        assert!(text.contains("restore it from a copy"), "{text}");
        let read: Result<Vec<_>, _> = Reader::open(directory.path()).unwrap().records(0).collect();
        assert!(read.is_err(), "the reader took byte {at}");
    }
}

#[tokio::test]
async fn an_erased_frame_before_the_last_refuses_to_open() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 3).await;
    change(directory.path(), |bytes| bytes[places[1]..places[2]].fill(0));
    let refused = open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("entries are missing here"), "{refused}");
    let read: Result<Vec<_>, _> = Reader::open(directory.path()).unwrap().records(0).collect();
    assert!(read.is_err());
}

#[tokio::test]
async fn a_frame_that_was_put_twice_refuses_to_open() {
    let directory = tempfile::tempdir().unwrap();
    let places = written(directory.path(), 2).await;
    change(directory.path(), |bytes| {
        bytes.copy_within(places[0]..places[1], places[2]);
    });
    let refused = open(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("out of turn"), "{refused}");
}

#[tokio::test]
async fn a_missing_segment_and_one_of_another_log_refuse_to_open() {
    let (mine, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    written_long(mine.path()).await;
    written_long(other.path()).await;
    let mut segments: Vec<_> = fs::read_dir(mine.path().join("wal"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some())
        .collect();
    segments.sort();
    assert!(segments.len() >= 3);
    let name = segments[1].file_name().unwrap();
    fs::copy(other.path().join("wal").join(name), &segments[1]).unwrap();
    let refused = open(mine.path()).unwrap_err().to_string();
    assert!(refused.contains("another log"), "{refused}");
    fs::remove_file(&segments[1]).unwrap();
    let refused = open(mine.path()).unwrap_err().to_string();
    assert!(refused.contains("is missing"), "{refused}");
    let read: Result<Vec<_>, _> = Reader::open(mine.path()).unwrap().records(0).collect();
    assert!(read.is_err());
}

/// Three segments and more, the same in every log.
async fn written_long(directory: &Path) {
    let (ledger, _) = open(directory).unwrap();
    for _ in 0..30 {
        ledger.record(refusal("x".repeat(1500))).await.unwrap();
    }
    ledger.close().await.unwrap();
}

#[tokio::test]
async fn what_was_cut_leaves_nothing_behind_in_a_segment_that_is_full() {
    let directory = tempfile::tempdir().unwrap();
    let (ledger, _) = open(directory.path()).unwrap();
    for _ in 0..4 {
        ledger.record(refusal("x".repeat(2800))).await.unwrap();
    }
    ledger.close().await.unwrap();
    change(directory.path(), |bytes| bytes[15_000] ^= 1);
    let (ledger, recovered) = open(directory.path()).unwrap();
    assert_eq!(recovered.records, 3);
    assert!(recovered.cut > 2800);
    for length in [1000, 2800] {
        ledger.record(refusal("y".repeat(length))).await.unwrap();
    }
    ledger.close().await.unwrap();
    assert!(directory.path().join("wal/00000000000000000004.seg").exists());
    let (ledger, recovered) = open(directory.path()).unwrap();
    assert_eq!((recovered.records, recovered.cut), (5, 0));
    ledger.close().await.unwrap();
}
