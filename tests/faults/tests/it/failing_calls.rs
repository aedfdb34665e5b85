//! AUD-3: a write or a sync that fails is the last thing that a log does. Nothing is acknowledged after it, the
//! process ends by itself and says why, and the next one believes only what was durable. Each system call that a log
//! makes fails once; which those are is recorded first.

use std::time::Duration;

use crate::tools::{Call, End, Run, Scenario, acknowledged, alone, scenarios};

/// Until a process has ended by itself, from its start on.
const END: Duration = Duration::from_secs(5);

/// A call whose failure loses nothing: a lock goes with its process.
fn is_harmless(call: &Call) -> bool {
    call.line.contains("LOCK_UN")
}

/// Lets the call fail and holds the log to what is promised then.
fn fails(scenario: &Scenario, folder: &std::path::Path, call: &Call, error: &str) {
    let at = format!("{}: {error} at {} {} `{}`", scenario.name, call.name, call.nth, call.line);
    let fault = format!("error={error}");
    let (mut log, end, calls) = scenario.run(folder, Some((call, &fault)));
    let failed = calls.iter().position(|call| call.line.ends_with("(INJECTED)"));
    let failed = failed.unwrap_or_else(|| panic!("{at}: the call was not made: {end:?}"));
    if is_harmless(call) {
        end.done();
    } else {
        ended_by_itself(&at, error, &end);
        for call in calls.iter().skip(failed + 1).filter(|call| is_of_the_log(call)) {
            panic!("{at}, and after it {}", call.line);
        }
    }
    if log.receipts.len() > 0 {
        log.receipts.check(&log.directory);
    }
    let end = Run::of(&log.directory, &[]).finish();
    assert_eq!(end.code, Some(0), "{at}, then: {end:?}");
    log.receipts.check_settled(&log.directory);
}

/// It ended with the code of what failed, and acknowledged nothing that was not durable by then.
fn ended_by_itself(at: &str, error: &str, end: &End) {
    let words = match error {
        "EIO" => "Input/output error",
        "ENOSPC" => "No space left on device",
        "EDQUOT" => "Disk quota exceeded",
        other => panic!("`{other}` has no words here"),
    };
    assert!(end.errors.contains(words), "{at}: the reason is not told: {end:?}");
    assert!(end.took < END, "{at}: it took {:?} to end", end.took);
    match end.failed() {
        Some((durable, _)) => {
            assert_eq!(end.code, Some(6), "{at}: {end:?}");
            let late: Vec<u64> = acknowledged(end).filter(|index| *index >= durable).collect();
            assert!(late.is_empty(), "{at}: {durable} records were durable and {late:?} acknowledged");
        }
        None => {
            assert_eq!(end.code, Some(5), "{at}: {end:?}");
            assert_eq!(acknowledged(end).count(), 0, "{at}: a log that was not opened acknowledged something");
        }
    }
}

/// Segments change no more after a failure. Removing what cannot be used, and the lock, are not meant.
fn is_of_the_log(call: &Call) -> bool {
    matches!(&*call.name, "pwrite64" | "pwritev" | "pwritev2" | "fsync" | "fdatasync" | "rename" | "fallocate")
}

#[test]
fn a_call_that_fails_is_the_last_one_of_its_log() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let mut failures = 0;
    for scenario in scenarios(folder.path()) {
        let calls = scenario.calls(folder.path());
        println!("{}: {} calls failed with EIO", scenario.name, calls.len());
        for call in &calls {
            fails(&scenario, folder.path(), call, "EIO");
        }
        failures += calls.len();
    }
    assert!(failures > 100, "{failures} calls are fewer than a log makes");
}
