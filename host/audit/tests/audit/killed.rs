//! A process that is killed while it writes: what it had acknowledged is there, unchanged, and every admission
//! gets one outcome. The parent runs this very executable as the process to kill.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};

use grid_audit::{Ledger, Reader, Recovered};
use grid_core::{clock::SystemClock, id::InvocationId};

use crate::common::*;

const DIRECTORY: &str = "GRID_AUDIT_KILLED_DIRECTORY";
const ROUNDS: u64 = 24;

/// Not a test of its own: writes until it is killed and says what was acknowledged.
#[test]
#[ignore = "the process that the next test kills"]
fn writes_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(write(Path::new(&directory)));
}

async fn write(directory: &Path) {
    let (ledger, _) = reopen(directory);
    let writers: Vec<_> = (0..8)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                loop {
                    let receipt = ledger.admit(admission()).await.unwrap();
                    say("admitted", receipt.index(), receipt.invocation());
                    let index = index(ledger.conclude(conclusion(receipt.invocation())).await);
                    say("concluded", index.unwrap(), receipt.invocation());
                }
            })
        })
        .collect();
    for writer in writers {
        let () = writer.await.unwrap();
    }
}

/// Segments that roll often and still hold the outcomes of all writers.
fn reopen(directory: &Path) -> (Ledger, Recovered) {
    let mut options = options(directory);
    options.segment_bytes = 64 << 10;
    let runtime = tokio::runtime::Handle::current();
    Ledger::open(options, SystemClock::shared(), Arc::new(()), &runtime).unwrap()
}

/// One write a line, so that a line is whole or not there.
fn say(kind: &str, index: Option<u64>, invocation: InvocationId) {
    let line = format!("\n{kind} {} {invocation} .\n", index.unwrap());
    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_when_the_process_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let seed = u64::from(std::process::id());
    println!("seed {seed}");
    let mut random = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut acknowledged: HashMap<u64, (String, String)> = HashMap::new();
    for round in 0..ROUNDS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let before = acknowledged.len();
        let lines = 1 + random % 400;
        run_and_kill(directory.path(), lines, Duration::from_micros(random % 3000), |line| {
            let words: Vec<_> = line.split(' ').collect();
            if let [kind, index, invocation, "."] = words[..] {
                let said = (kind.to_owned(), invocation.to_owned());
                let other = acknowledged.insert(index.parse().unwrap(), said);
                assert_eq!(other, None, "round {round}: index {index} was given twice");
            }
        });
        assert!(acknowledged.len() > before, "round {round}: nothing was written");
        check(directory.path(), &acknowledged);
    }
    println!("{} acknowledged records in {ROUNDS} rounds", acknowledged.len());
    let (ledger, _) = reopen(directory.path());
    ledger.close().await.unwrap();
    every_admission_has_one_outcome(directory.path());
}

fn run_and_kill(directory: &Path, lines: u64, then: Duration, mut hear: impl FnMut(&str)) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture", "killed::writes_until_killed"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut heard = 0;
    for line in said.by_ref() {
        let line = line.unwrap();
        hear(&line);
        heard += u64::from(line.ends_with(" ."));
        if heard >= lines {
            break;
        }
    }
    std::thread::sleep(then);
    child.kill().unwrap();
    said.for_each(|line| hear(&line.unwrap()));
    child.wait().unwrap();
}

fn check(directory: &Path, acknowledged: &HashMap<u64, (String, String)>) {
    let mut found = 0;
    for record in Reader::open(directory).unwrap().records(0) {
        let record = record.unwrap();
        if let Some((kind, invocation)) = acknowledged.get(&record.index()) {
            assert_eq!(record.kind(), kind);
            assert_eq!(record.invocation(), Some(invocation.as_str()));
            found += 1;
        }
    }
    assert_eq!(found, acknowledged.len(), "acknowledged records are missing");
}

fn every_admission_has_one_outcome(directory: &Path) {
    let mut calls: HashMap<String, (u32, u32)> = HashMap::new();
    let mut unknown = 0;
    for record in Reader::open(directory).unwrap().records(0) {
        let record = record.unwrap();
        let call = calls.entry(record.invocation().unwrap().to_owned()).or_default();
        match record.kind() {
            "admitted" => call.0 += 1,
            _ => call.1 += 1,
        }
        unknown += u64::from(record.outcome() == Some("outcome_unknown"));
    }
    assert!(calls.values().all(|call| *call == (1, 1)));
    assert!(unknown > 0, "no call was open at any kill");
}
