//! AUD-1, one run a system call: the process is killed as it enters each call that it makes on its log in begin,
//! recovery, commit and segment roll. Which calls those are is recorded first, so one that is added is met as well.

use crate::tools::{Run, Strace, scenarios, with_others};

#[test]
fn a_log_survives_a_kill_at_every_call() {
    let _turn = with_others();
    if !Strace::is_allowed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut kills = 0;
    for scenario in scenarios(folder.path()) {
        let calls = scenario.calls(folder.path());
        println!("{}: killed at {} calls", scenario.name, calls.len());
        for call in &calls {
            let at = format!("{}: killed at {} {} `{}`", scenario.name, call.name, call.nth, call.line);
            let (mut log, end, _) = scenario.run(folder.path(), Some((call, "signal=KILL")));
            assert_eq!(end.signal, Some(9), "{at}: {end:?}");
            if log.receipts.len() > 0 {
                log.receipts.check(&log.directory);
            }
            let end = Run::of(&log.directory, &[]).finish();
            assert_eq!(end.code, Some(0), "{at}, then: {end:?}");
            log.receipts.check_closed(&log.directory);
        }
        kills += calls.len();
    }
    assert!(kills > 100, "{kills} calls are fewer than a log makes");
}
