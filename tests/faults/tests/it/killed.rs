//! AUD-1, the process side: nothing that was acknowledged is lost, reordered or given a second time when a process is
//! killed, wherever it stands, and the next one opens the log by itself and closes what was open.

use std::{ffi::OsString, fs, path::Path, thread::sleep, time::Duration};

use crate::tools::{Probe, Random, Receipts, Run, Said, size, with_others};

/// What a start may take; the logs here have less than 100 MiB.
const START: Duration = Duration::from_secs(3);
/// Kills of one log, before the next one is begun.
const ROUNDS: usize = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Moment {
    /// While it begins, recovers, or has just opened.
    Start,
    /// While it commits.
    Commit,
    /// While or right after it begins a new segment.
    Roll,
}

#[test]
fn nothing_acknowledged_is_lost_at_a_random_kill() {
    let _turn = with_others();
    let mut random = Random::seeded("random kills");
    let kills = size("GRID_FAULTS_KILLS", 100);
    let (mut records, mut acknowledged, mut unknown, mut slowest) = (0, 0, 0, Duration::ZERO);
    for first in (0..kills).step_by(ROUNDS) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let mut receipts = Receipts::default();
        let mut counts = Default::default();
        for kill in first..kills.min(first + ROUNDS) {
            let moment = [Moment::Start, Moment::Commit, Moment::Roll][kill % 3];
            let end = kill_at(moment, &log, &mut random).kill().killed();
            receipts.take(&end.said);
            if receipts.len() > 0 {
                receipts.check(&log);
            }
            let end = Run::of(&log, &[]).finish().done();
            slowest = slowest.max(end.opened().0);
            counts = receipts.check_closed(&log);
        }
        records += counts.records;
        unknown += counts.unknown;
        acknowledged += receipts.len();
    }
    println!(
        "{kills} kills: {records} records, {acknowledged} of them acknowledged, {unknown} calls closed, \
         slowest start {slowest:?}"
    );
    assert!(unknown > 0, "no call was open at any kill");
    assert!(slowest < START);
}

/// Its admission is far behind what tiles hold by then.
#[test]
fn a_call_is_closed_however_old_it_is() {
    let _turn = with_others();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut receipts = Receipts::default();
    let mut probe = Run::of(&log, &["open:1:0", "calls:8:100:300", "wait"]).start();
    probe.until_waiting();
    while !log.join("tile/entries/005").exists() {
        sleep(Duration::from_millis(5));
    }
    receipts.take(&probe.kill().killed().said);
    let end = Run::of(&log, &[]).finish().done();
    assert_eq!(end.opened().1, 1);
    assert_eq!(receipts.check_closed(&log).unknown, 1);
}

/// Starts a probe that writes without end and gives it back at that moment.
fn kill_at(moment: Moment, log: &Path, random: &mut Random) -> Probe {
    let workers = random.one_of(&[1, 4, 8]);
    let bytes = random.one_of(&[0, 300, 3000]);
    let mut probe = Run::of(log, &[&format!("calls:{workers}:0:{bytes}")]).start();
    match moment {
        Moment::Start => sleep(Duration::from_micros(random.below(15_000))),
        Moment::Commit => {
            let mut left = 1 + random.below(200);
            while left > 0 {
                let said = probe.hear().expect("it writes without end");
                left -= u64::from(matches!(said, Said::Acknowledged { .. }));
            }
            sleep(Duration::from_micros(random.below(2_000)));
        }
        Moment::Roll => {
            assert!(matches!(probe.hear(), Some(Said::Opened { .. })));
            // Not their number: those that the publisher is done with go.
            for _ in 0..=random.below(2) {
                let before = newest_segment(log);
                while newest_segment(log) == before {
                    probe.catch_up();
                    sleep(Duration::from_micros(100));
                }
            }
            sleep(Duration::from_micros(random.below(1_000)));
        }
    }
    probe
}

fn newest_segment(log: &Path) -> Option<OsString> {
    let names = fs::read_dir(log.join("wal")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| name.to_str().is_some_and(|name| name.ends_with(".seg"))).max()
}
