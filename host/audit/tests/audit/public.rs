//! What the log shows to others: tiles, checkpoint, signatures, evidence; and what becomes of the segments.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use grid_audit::{Error, History, Ledger, OsDisk, Reader, Signed, rotate};
use grid_core::clock::SystemClock;
use grid_tlog::{
    Checkpoint, Frontier, Hash, Kind, Part, Proof, Signer, TILE_WIDTH, Tile, VerifyingKey, read_bundle, read_hashes,
};
use tokio::runtime::Handle;

use crate::common::*;

/// Publishes at once, so that nothing has to be waited for.
fn reopen(directory: &Path) -> Result<Ledger, Error> {
    reopen_with(directory, signer())
}

fn reopen_with(directory: &Path, signer: Arc<Signer>) -> Result<Ledger, Error> {
    let mut options = options(directory);
    options.publish = Duration::from_millis(5);
    options.signer = signer;
    let opened = Ledger::open_on(OsDisk, options, SystemClock::shared(), Arc::new(()), &Handle::current());
    opened.map(|(ledger, _)| ledger)
}

async fn fill(directory: &Path, records: usize) {
    let ledger = reopen(directory).unwrap();
    for at in 0..records {
        ledger.note(refusal(format!("no {at}"))).await;
    }
    ledger.close().await.unwrap();
}

fn entries(directory: &Path) -> Vec<String> {
    let records = Reader::open(directory).unwrap().records(0);
    records.map(|record| record.unwrap().line().to_owned()).collect()
}

fn key() -> VerifyingKey {
    signer().verifying_key().clone()
}

/// Checks everything that is public against the entries, and gives the checkpoint.
fn check(directory: &Path) -> Checkpoint {
    let entries = entries(directory);
    let note = fs::read_to_string(directory.join("checkpoint")).unwrap();
    let (checkpoint, _) = Checkpoint::open(&note, &key()).unwrap();
    assert_eq!(checkpoint.size, entries.len() as u64);
    let mut edge = Frontier::new();
    let mut roots = vec![edge.root()];
    for entry in &entries {
        edge.push(Hash::leaf(entry.as_bytes()));
        roots.push(edge.root());
    }
    assert_eq!(checkpoint.root, edge.root());
    for tile in Tile::all(checkpoint.size) {
        let bytes = fs::read(directory.join(tile.to_string())).unwrap();
        let first = tile.index * u64::from(TILE_WIDTH);
        match tile.part {
            Part::Entries => {
                let mine = &entries[usize::try_from(first).unwrap()..];
                let found: Vec<_> = read_bundle(&bytes, tile.width).unwrap().collect();
                assert!(found.iter().zip(mine).all(|(found, mine)| *found == mine.as_bytes()), "{tile}");
            }
            Part::Hashes(level) => {
                let width = 256_u64.pow(u32::from(level));
                for (at, hash) in (first..).zip(read_hashes(&bytes, tile.width).unwrap()) {
                    let range = usize::try_from(at * width).unwrap()..usize::try_from((at + 1) * width).unwrap();
                    let mut subtree = Frontier::new();
                    entries[range].iter().for_each(|entry| subtree.push(Hash::leaf(entry.as_bytes())));
                    assert_eq!(hash, subtree.root(), "{tile}");
                }
            }
        }
    }
    let signed = fs::read_to_string(directory.join("checkpoints.log")).unwrap();
    let mut last = 0;
    for line in signed.lines() {
        let line = Signed::parse(line).unwrap();
        assert!(line.size > last);
        last = line.size;
        assert_eq!(line.trailer.root, roots[usize::try_from(last).unwrap()]);
        assert!(line.trailer.is_signed_by(last, &key()));
    }
    assert_eq!(last, checkpoint.size, "every signature is kept");
    checkpoint
}

fn segments(directory: &Path) -> Vec<PathBuf> {
    let names = fs::read_dir(directory.join("wal")).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names.filter(|path| path.extension().is_some()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn tiles_and_checkpoint_are_those_of_the_entries_over_many_restarts() {
    let directory = tempfile::tempdir().unwrap();
    let mut size = 0;
    for more in [1, 0, 254, 1, 1, 300, 511, 1, 2000, 7] {
        fill(directory.path(), more).await;
        size += more as u64;
        assert_eq!(check(directory.path()).size, size);
    }
    let partial: Vec<_> = fs::read_dir(directory.path().join("tile/entries")).unwrap().collect();
    let partial = partial.iter().filter(|entry| entry.as_ref().unwrap().path().extension().is_some()).count();
    assert_eq!(partial, 1, "partial tiles go when the full one is there");
}

#[tokio::test]
async fn segments_go_when_tiles_hold_them_and_readers_do_not_notice() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 3000).await;
    let left = segments(directory.path());
    assert!(left.len() < 10, "{left:?}");
    assert!(!left[0].ends_with("00000000000000000000.seg"));
    assert_eq!(entries(directory.path()).len(), 3000);
    let reader = Reader::open(directory.path()).unwrap();
    for from in [0, 1, 255, 256, 2000, 2999] {
        assert_eq!(reader.records(from).next().unwrap().unwrap().index(), from);
    }
    assert_eq!(reader.last(2).unwrap()[0].detail(), Some("no 2998"));
    let ledger = reopen(directory.path()).unwrap();
    assert_eq!(index(ledger.record(refusal("behind")).await), Ok(Some(3000)));
    ledger.close().await.unwrap();
    check(directory.path());
}

#[tokio::test]
async fn a_segment_with_an_open_call_stays() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = reopen(directory.path()).unwrap();
    let receipt = ledger.admit(admission()).await.unwrap();
    for at in 0..1000 {
        ledger.note(refusal(format!("{at}"))).await;
    }
    ledger.record(refusal("the last")).await.unwrap();
    drop(ledger);
    let ledger = loop {
        // The first one ends on its own thread.
        match reopen(directory.path()) {
            Ok(ledger) => break ledger,
            Err(Error::Locked { .. }) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(error) => panic!("{error}"),
        }
    };
    ledger.close().await.unwrap();
    let reader = Reader::open(directory.path()).unwrap();
    let records = reader.by_invocation(receipt.invocation()).unwrap();
    let outcomes: Vec<_> = records.iter().map(|record| record.outcome()).collect();
    assert_eq!(outcomes, [None, Some("outcome_unknown")]);
    check(directory.path());
}

#[tokio::test]
async fn an_acknowledgement_is_a_proof() {
    let directory = tempfile::tempdir().unwrap();
    let ledger = reopen(directory.path()).unwrap();
    let mut proofs: Vec<Proof> = Vec::new();
    for at in 0..600 {
        if at % 3 == 0 {
            ledger.note(refusal("beside")).await;
        }
        let stored = ledger.record(refusal(format!("{at}"))).await.unwrap().unwrap();
        proofs.push(stored.proof());
    }
    ledger.close().await.unwrap();
    let entries = entries(directory.path());
    for proof in proofs {
        let entry = entries[usize::try_from(proof.index).unwrap()].clone();
        proof.with_entry(entry).verify(&key()).unwrap();
    }
}

#[tokio::test]
async fn a_log_that_lost_what_it_had_published_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 3).await;
    let earlier = fs::read(segments(directory.path()).remove(0)).unwrap();
    fill(directory.path(), 1).await;
    fs::write(segments(directory.path()).remove(0), earlier).unwrap();
    let refused = reopen(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("checkpoint that it has published"), "{refused}");
}

#[tokio::test]
async fn a_checkpoint_of_another_tree_does_not_open() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 3).await;
    let other = Checkpoint { origin: key().name().to_owned(), size: 3, root: Hash::empty() };
    fs::write(directory.path().join("checkpoint"), other.sign(&signer()).to_string()).unwrap();
    let refused = reopen(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("another tree"), "{refused}");
    let stranger = Signer::generate(key().name(), Kind::Note).unwrap();
    fs::write(directory.path().join("checkpoint"), other.sign(&stranger).to_string()).unwrap();
    let refused = reopen(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("no signature"), "{refused}");
}

#[tokio::test]
async fn a_log_is_opened_with_its_own_key_only() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 3).await;
    let stranger = Arc::new(Signer::generate(key().name(), Kind::Note).unwrap());
    let refused = reopen_with(directory.path(), stranger).unwrap_err();
    assert!(matches!(refused, Error::OtherKey { .. }), "{refused}");
    fs::remove_file(directory.path().join("log.vkeys")).unwrap();
    let refused = reopen(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("list of the log's keys is missing"), "{refused}");
}

#[tokio::test]
async fn tiles_that_are_all_that_is_left_are_not_written_again() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 3000).await;
    let first: u64 = segments(directory.path())[0].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    // Where a segment begins with a tile, that one may not be full yet; the one before it is read all the same.
    let tile = directory.path().join(format!("tile/0/{:03}", (first - 1) / 256));
    let mut bytes = fs::read(&tile).unwrap();
    bytes[0] ^= 1;
    fs::write(&tile, bytes).unwrap();
    let refused = reopen(directory.path()).unwrap_err().to_string();
    assert!(refused.contains("tiles are not those of the tree"), "{refused}");
}

#[tokio::test]
async fn another_key_is_named_by_the_old_one_and_takes_over() {
    let directory = tempfile::tempdir().unwrap();
    fill(directory.path(), 5).await;
    let next = Arc::new(Signer::generate(key().name(), Kind::Note).unwrap());
    let mut options = options(directory.path());
    let clock = SystemClock::shared();
    assert_eq!(rotate(&options, &next, clock.clone(), &Handle::current()).unwrap(), 5);
    // Again, as after an interruption: nothing is added.
    assert_eq!(rotate(&options, &next, clock.clone(), &Handle::current()).unwrap(), 5);
    let refused = reopen(directory.path()).unwrap_err();
    assert!(matches!(refused, Error::OtherKey { .. }), "{refused}");
    let ledger = reopen_with(directory.path(), Arc::clone(&next)).unwrap();
    let stored = ledger.record(refusal("by the new one")).await.unwrap().unwrap();
    assert_eq!(stored.proof().verify(next.verifying_key()).unwrap().size, 7);
    ledger.close().await.unwrap();
    let history = History::read(directory.path()).unwrap().unwrap();
    assert_eq!(history.at(6), Some(&key()));
    assert_eq!(history.at(7), Some(next.verifying_key()));
    let vkey = fs::read_to_string(directory.path().join("log.vkey")).unwrap();
    assert_eq!(vkey, format!("{}\n", next.verifying_key()));
    let signed = fs::read_to_string(directory.path().join("checkpoints.log")).unwrap();
    for line in signed.lines().map(|line| Signed::parse(line).unwrap()) {
        assert!(line.trailer.is_signed_by(line.size, history.at(line.size).unwrap()), "{line}");
    }
    let again = Signer::generate(key().name(), Kind::Note).unwrap();
    options.signer = next;
    assert_eq!(rotate(&options, &again, clock, &Handle::current()).unwrap(), 7);
    let record = Reader::open(directory.path()).unwrap().last(1).unwrap().remove(0);
    assert_eq!((record.kind(), record.text("new_key")), ("key_rotated", Some(&*again.verifying_key().to_string())));
}
