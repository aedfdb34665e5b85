//! AUD-7, the side of processes: one directory, one writer. Whoever comes second is refused at once and told who has
//! it; the log belongs to the next one the moment its process is gone.

use std::{path::Path, process::Command, time::Duration};

use crate::tools::{Probe, Receipts, Run, Said, with_others};

const REFUSED: Duration = Duration::from_secs(1);

/// A process that has the log and writes on at a word.
fn holder(log: &Path) -> Probe {
    let mut holder = Run::of(log, &["calls:2:5:100", "wait", "calls:2:5:100"]).start();
    holder.until_waiting();
    holder
}

fn refused_by(holder: &Probe, log: &Path) {
    let end = Run::of(log, &["calls:1:1:0"]).finish();
    assert_eq!((end.code, end.said.len()), (Some(3), 0), "{end:?}");
    assert!(end.took < REFUSED, "{:?}", end.took);
    assert!(end.errors.contains(&format!("process {}", holder.pid())), "it does not say who has the log: {end:?}");
}

#[test]
fn a_second_process_is_refused_while_the_first_one_writes() {
    let _turn = with_others();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut first = holder(&log);
    refused_by(&first, &log);
    first.go();
    let mut receipts = Receipts::default();
    receipts.take(&first.end().done().said);
    assert_eq!(receipts.check_settled(&log).calls, 20);
}

#[test]
fn a_second_process_is_refused_also_where_the_first_one_stands_still() {
    let _turn = with_others();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let first = holder(&log);
    signal(&first, "STOP");
    refused_by(&first, &log);
    signal(&first, "CONT");
    let mut receipts = Receipts::default();
    receipts.take(&first.kill().killed().said);
    // Nobody has to clean up behind a process that was killed.
    receipts.take(&Run::of(&log, &["calls:1:1:0"]).finish().done().said);
    receipts.check_settled(&log);
}

#[test]
fn of_many_that_start_at_once_one_gets_the_log() {
    let _turn = with_others();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for round in 0..10 {
        let mut all: Vec<Probe> = (0..8).map(|_| Run::of(&log, &["wait", "calls:2:5:100"]).start()).collect();
        let opened: Vec<bool> = all.iter_mut().map(|probe| matches!(probe.hear(), Some(Said::Opened { .. }))).collect();
        assert_eq!(opened.iter().filter(|opened| **opened).count(), 1, "round {round}: {opened:?}");
        for (probe, opened) in all.into_iter().zip(opened) {
            if opened {
                probe.kill().killed();
            } else {
                let end = probe.end();
                assert_eq!(end.code, Some(3), "round {round}: {end:?}");
            }
        }
    }
    Run::of(&log, &[]).finish().done();
}

fn signal(probe: &Probe, name: &str) {
    let status = Command::new("kill").arg(format!("-{name}")).arg(probe.pid().to_string()).status().unwrap();
    assert!(status.success());
}
