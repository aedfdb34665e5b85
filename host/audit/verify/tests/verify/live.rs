//! Logs of a real writer: while it writes, after it stopped in order, after it was killed, after its key changed.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use grid_audit::{Durability, Ledger, rotate};
use grid_audit_verify::{Directory, Error, Evidence, Log, Options, verify};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind},
    id::{CorrelationId, InvocationId},
};
use grid_tlog::{Signer, VerifyingKey};
use tempfile::TempDir;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    common::{Random, admission, conclusion, fails, holds},
    maker::signer,
};

const DIRECTORY: &str = "GRID_AUDIT_LIVE_DIRECTORY";

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn options(directory: &Path, signer: Arc<Signer>) -> grid_audit::Options {
    let mut options = grid_audit::Options::new(directory, signer);
    options.segment_bytes = 64 << 10;
    options.publish = Duration::from_millis(3);
    options
}

fn open(directory: &Path, signer: &Arc<Signer>) -> Ledger {
    let options = options(directory, Arc::clone(signer));
    Ledger::open(options, SystemClock::shared(), Arc::new(()), &Handle::current()).unwrap().0
}

fn event(kind: Kind) -> Event {
    Event::new(kind, SystemClock::shared().unix_ms(), CorrelationId::parse("c-1").unwrap())
}

/// One call.
async fn call(ledger: &Ledger) {
    let invocation = InvocationId::mint();
    ledger.admit(admission(event(Kind::Admitted), invocation)).await.unwrap();
    ledger.conclude(conclusion(event(Kind::Concluded), invocation)).await.unwrap();
}

/// Not a test of its own: writes until it is killed.
#[test]
#[ignore = "the process that the next tests kill"]
fn writes_until_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY).map(PathBuf::from) else {
        return;
    };
    let secret = std::fs::read_to_string(directory.join("key")).unwrap();
    let signer = Arc::new(Signer::parse(&secret).unwrap());
    runtime().block_on(async {
        let ledger = open(&directory.join("log"), &signer);
        println!("\nready");
        for _ in 0..6 {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                loop {
                    call(&ledger).await;
                }
            });
        }
        std::future::pending::<()>().await;
    });
}

/// A writer in a process of its own, ready to write.
fn writer(directory: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "live::writes_until_killed", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the writer did not start");
    child
}

fn place() -> (TempDir, PathBuf, VerifyingKey) {
    let directory = TempDir::new().unwrap();
    let signer = signer();
    std::fs::write(directory.path().join("key"), signer.secret().as_str()).unwrap();
    let log = directory.path().join("log");
    (directory, log, signer.verifying_key().clone())
}

#[test]
fn a_log_holds_whenever_its_writer_is_killed() {
    let (directory, log, key) = place();
    let mut random = Random::new(u64::from(std::process::id()));
    println!("seed {}", std::process::id());
    let mut entries = 0;
    let mut kept: Vec<Evidence> = Vec::new();
    for round in 0..25 {
        let mut child = writer(directory.path());
        std::thread::sleep(Duration::from_micros(random.next() % 60_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let report = holds(&log, &Options::default().key(&key).kept(&kept));
        assert!(report.entries >= entries, "round {round}");
        entries = report.entries;
        if let Some(note) = Log::open(Directory::open(&log).unwrap()).unwrap().checkpoint() {
            kept.push(Evidence::parse("earlier", note).unwrap());
        }
    }
    println!("{entries} entries, {} checkpoints kept", kept.len());
    assert!(entries > 100 && kept.len() > 5, "{entries} entries, {} kept", kept.len());
}

#[test]
fn a_log_holds_while_it_is_written() {
    let (directory, log, key) = place();
    let mut child = writer(directory.path());
    let began = Instant::now();
    let (mut rounds, mut last) = (0, 0);
    while began.elapsed() < Duration::from_secs(4) {
        let report = holds(&log, &Options::default().key(&key));
        assert!(report.entries >= last);
        last = report.entries;
        let log = Log::open(Directory::open(&log).unwrap()).unwrap();
        if let Some(index) = log.size().checked_sub(1) {
            log.prove(index).unwrap().verify(&key).unwrap();
        }
        rounds += 1;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    println!("{rounds} rounds, {last} entries");
    assert!(rounds > 2 && last > 100, "{rounds} rounds, {last} entries");
}

#[test]
fn a_log_holds_over_restarts_and_changes_of_its_key() {
    let directory = TempDir::new().unwrap();
    let log = directory.path();
    let first = signer();
    let mut keys = vec![first.clone()];
    runtime().block_on(async {
        for round in 0..12 {
            let present = keys.last().unwrap().clone();
            let ledger = open(log, &present);
            ledger.record(event(Kind::HostStarted)).await.unwrap();
            for _ in 0..round * 20 {
                call(&ledger).await;
            }
            if round % 4 != 3 {
                ledger.note(event(Kind::HostStopped)).await;
            } else {
                ledger.admit(admission(event(Kind::Admitted), InvocationId::mint())).await.unwrap();
            }
            ledger.close().await.unwrap();
            holds(log, &Options::default().key(first.verifying_key()));
            if round % 3 == 2 {
                let next = signer();
                let clock = SystemClock::shared();
                rotate(&options(log, present), &next, clock, &Handle::current()).unwrap();
                keys.push(next);
                let report = holds(log, &Options::default().key(first.verifying_key()));
                assert_eq!(report.rotations.len(), keys.len() - 1);
            }
        }
    });
    for key in &keys[..keys.len() - 1] {
        holds(log, &Options::default().key(key.verifying_key()));
    }
    let stranger = signer();
    fails(log, &Options::default().key(stranger.verifying_key()));
}

#[test]
fn a_log_that_lost_records_and_says_so_holds() {
    let directory = TempDir::new().unwrap();
    let key = signer();
    runtime().block_on(async {
        let mut options = options(directory.path(), Arc::clone(&key));
        options.durability = Durability::Relaxed;
        let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &Handle::current()).unwrap();
        for _ in 0..300 {
            call(&ledger).await;
        }
        ledger.close().await.unwrap();
    });
    let report = holds(directory.path(), &Options::default());
    assert!(report.key_from_log);
    assert_eq!(report.records["admitted"], 300);
}

/// Every proof of a log whose newest part is not published stands alone.
#[test]
fn every_entry_is_proved_published_or_not() {
    let directory = TempDir::new().unwrap();
    let key = signer();
    runtime().block_on(async {
        let ledger = open(directory.path(), &key);
        for _ in 0..200 {
            call(&ledger).await;
        }
        ledger.close().await.unwrap();
        let mut options = options(directory.path(), Arc::clone(&key));
        options.publish = Duration::from_secs(3600);
        let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &Handle::current()).unwrap();
        for _ in 0..20 {
            call(&ledger).await;
        }
        let source = Directory::open(directory.path()).unwrap();
        let log = Log::open(&source).unwrap();
        assert_eq!(log.size(), 440);
        let published = log.checkpoint().unwrap().to_owned();
        for index in 0..440 {
            let proof = log.prove(index).unwrap();
            let checkpoint = proof.verify(key.verifying_key()).unwrap();
            assert_eq!(checkpoint.size, if index < 400 { 400 } else { 440 });
            let text = serde_json::to_string(&proof).unwrap();
            let kept = [Evidence::parse("receipt", &text).unwrap()];
            if index % 50 == 0 {
                assert_eq!(verify(&source, &Options::default().kept(&kept)).unwrap().kept, 1);
            }
        }
        for size in [1, 2, 100, 399, 400, 401, 439, 440] {
            let Some(old) = log.checkpoint_at(size).unwrap() else { continue };
            let newest = log.checkpoint_at(440).unwrap().unwrap();
            for (from, to) in [(&old, &newest), (&published, &newest), (&old, &old)] {
                let extension = log.extend(from, to).unwrap();
                extension.verify(key.verifying_key(), key.verifying_key()).unwrap();
            }
            if size < 440 {
                assert!(matches!(log.extend(&newest, &old), Err(Error::Unreadable(_))));
            }
        }
        assert_eq!(log.checkpoint_at(440 + 1).unwrap(), None);
        ledger.close().await.unwrap();
    });
}

#[test]
fn an_execution_is_found_by_its_name() {
    let directory = TempDir::new().unwrap();
    let key = signer();
    let mine = InvocationId::mint();
    runtime().block_on(async {
        let ledger = open(directory.path(), &key);
        for round in 0..300 {
            if round == 40 {
                ledger.admit(admission(event(Kind::Admitted), mine)).await.unwrap();
            }
            if round == 290 {
                ledger.conclude(conclusion(event(Kind::Concluded), mine)).await.unwrap();
            }
            call(&ledger).await;
        }
        ledger.close().await.unwrap();
    });
    let log = Log::open(Directory::open(directory.path()).unwrap()).unwrap();
    assert_eq!(log.find(mine, "admitted").unwrap(), Some(80));
    assert_eq!(log.find(mine, "concluded").unwrap(), Some(581));
    assert_eq!(log.find(InvocationId::mint(), "concluded").unwrap(), None);
}
