//! A process that is killed while it writes a log and keeps its index: the next one goes on with the index that is
//! there, and finds everything. The parent runs this very executable as the process to kill.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use grid_audit::{Ledger, Reader};
use grid_audit_index::{Index, Indexer};
use grid_core::clock::SystemClock;

use crate::common::*;

const DIRECTORY: &str = "GRID_AUDIT_INDEX_KILLED_DIRECTORY";
const ROUNDS: u64 = 16;

/// Not a test of its own: writes and indexes until it is killed.
#[test]
#[ignore = "the process that the next test kills"]
fn indexes_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(grow(Path::new(&directory)));
}

async fn grow(directory: &Path) {
    let runtime = tokio::runtime::Handle::current();
    let (ledger, _) = Ledger::open(options(directory), SystemClock::shared(), Arc::new(()), &runtime).unwrap();
    let mut options = grid_audit_index::Options::new(directory);
    (options.poll, options.settle) = (Duration::from_millis(1), Duration::from_millis(2));
    let _indexer = Indexer::start(options, SystemClock::shared()).unwrap();
    let mut maker = Maker::seeded(u64::from(std::process::id()));
    loop {
        for _ in 0..40 {
            ledger.note(maker.event()).await;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn a_killed_indexer_leaves_an_index_that_the_next_one_goes_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut maker = Maker::seeded(seed);
    let mut resumed = 0;
    for round in 0..ROUNDS {
        let before = Reader::open(folder.path()).and_then(|reader| reader.next_index()).unwrap_or(0);
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--ignored", "--exact", "killed::indexes_until_killed"])
            .env(DIRECTORY, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        // It has begun when its log has grown; then it has some time to be in the middle of anything.
        let grown = || Reader::open(folder.path()).and_then(|reader| reader.next_index()).unwrap_or(0) > before + 40;
        while !grown() {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_micros(maker.dice.below(60_000) as u64));
        child.kill().unwrap();
        child.wait().unwrap();
        let index = Index::open(folder.path()).unwrap();
        let left = index.indexed().unwrap();
        resumed += u64::from(left > 0);
        index.catch_up(|_| ()).unwrap();
        check(&index, folder.path(), &mut maker, 4);
        println!("round {round}: {left} of {} records were in it", all(folder.path()).len());
    }
    assert!(resumed >= ROUNDS / 2, "the index was begun anew in {} of {ROUNDS} rounds", ROUNDS - resumed);
}
