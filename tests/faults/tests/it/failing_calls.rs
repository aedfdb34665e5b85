//! AUD-3: a write or a sync that fails is the last thing that a log does. Nothing is acknowledged after it, the
//! process ends by itself and says why, and the next one believes only what was durable. Each system call that a log
//! makes fails once; which those are is recorded first.

use std::{collections::BTreeSet, path::Path, process::Command, time::Duration};

use crate::tools::{Call, End, Log, Run, Scenario, Strace, acknowledged, scenarios, with_others};

/// Until a process has ended by itself, from its start on.
const END: Duration = Duration::from_secs(5);

/// A call whose failure loses nothing: a lock goes with its process.
fn is_harmless(call: &Call) -> bool {
    call.line.contains("LOCK_UN")
}

/// Lets the call fail and holds the log to what is promised then.
fn fails(scenario: &Scenario, folder: &Path, call: &Call, error: &str) {
    let (at, log, end, calls) = run(scenario, folder, call, error);
    if is_harmless(call) || scenario.is_derived() {
        end.done();
    } else {
        ended_by_itself(&at, error, &end);
        let failed = calls.iter().position(|call| call.line.ends_with("(INJECTED)")).unwrap();
        let later = calls.iter().skip(failed + 1).find(|call| is_of_the_log(call));
        assert!(later.is_none(), "{at}, and after it {}", later.unwrap().line);
    }
    goes_on(&at, log);
}

/// Lets the call fail where that is nobody's end.
fn passes(scenario: &Scenario, folder: &Path, call: &Call, error: &str) {
    let (at, log, end, _) = run(scenario, folder, call, error);
    println!("{at}");
    end.done();
    goes_on(&at, log);
}

fn run(scenario: &Scenario, folder: &Path, call: &Call, error: &str) -> (String, Log, End, Vec<Call>) {
    let at = format!("{}: {error} at {} {} `{}`", scenario.name, call.name, call.nth, call.line);
    let (log, end, calls) = scenario.run(folder, Some((call, &format!("error={error}"))));
    let failed = calls.iter().any(|call| call.line.ends_with("(INJECTED)"));
    assert!(failed, "{at}: the call was not made: {end:?}");
    (at, log, end, calls)
}

/// The next process finds everything that was acknowledged, and closes what was open.
fn goes_on(at: &str, mut log: Log) {
    if log.receipts.len() > 0 {
        log.receipts.check(&log.directory);
    }
    let end = Run::of(&log.directory, &[]).finish();
    assert_eq!(end.code, Some(0), "{at}, then: {end:?}");
    log.receipts.check_closed(&log.directory);
}

/// The first and the last call of each name.
fn ends_of(calls: &[Call]) -> Vec<&Call> {
    let names: BTreeSet<&str> = calls.iter().map(|call| call.name.as_str()).collect();
    let ends = names.into_iter().flat_map(|name| {
        let first = calls.iter().find(|call| call.name == name);
        let last = calls.iter().rfind(|call| call.name == name);
        [first, last.filter(|last| Some(last.nth) != first.map(|first| first.nth))]
    });
    ends.flatten().collect()
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
    let _turn = with_others();
    if !Strace::is_allowed() {
        return;
    }
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

#[test]
fn a_full_disk_or_quota_ends_a_log_only_where_it_needs_the_room_now() {
    let _turn = with_others();
    if !Strace::is_allowed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for scenario in scenarios(folder.path()) {
        let calls = scenario.calls(folder.path());
        for call in ends_of(&calls).into_iter().filter(|call| !is_harmless(call)) {
            for error in ["ENOSPC", "EDQUOT"] {
                // What will be needed later is tried again later.
                let outcome = if scenario.is_for_later(call) { passes } else { fails };
                outcome(&scenario, folder.path(), call, error);
            }
        }
    }
}

#[test]
fn an_interrupted_call_is_made_again() {
    const INTERRUPTIBLE: [&str; 6] = ["openat", "write", "pwrite64", "fsync", "fdatasync", "ftruncate"];
    let _turn = with_others();
    if !Strace::is_allowed() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for scenario in scenarios(folder.path()) {
        let calls = scenario.calls(folder.path());
        for call in ends_of(&calls).into_iter().filter(|call| INTERRUPTIBLE.contains(&&*call.name)) {
            passes(&scenario, folder.path(), call, "EINTR");
        }
    }
}

/// Nothing is faked here: the system writes as much of a frame as the limit lets it.
#[test]
fn a_write_that_comes_up_short_is_cut_at_the_next_start() {
    let _turn = with_others();
    let folder = tempfile::tempdir().unwrap();
    let mut log = Log::at(folder.path(), "log");
    let mut run = Run::of(&log.directory, &["calls:1:1:9000", "wait", "calls:1:4:9000"]);
    run.under = ["sh", "-c", "trap '' XFSZ; exec \"$0\" \"$@\""].map(str::to_owned).to_vec();
    let mut probe = run.start();
    probe.until_waiting();
    let limit = log.end() + 3000;
    let (pid, limited) = (probe.pid().to_string(), format!("--fsize={limit}"));
    let limited = Command::new("prlimit").args([&limited, "--pid", &pid]).status();
    assert!(limited.expect("this test needs `prlimit` of util-linux").success());
    probe.go();
    let end = probe.end();
    assert_eq!((end.code, end.failed().map(|(durable, _)| durable)), (Some(6), Some(2)), "{end:?}");
    assert!(end.errors.contains("File too large"), "{end:?}");
    assert_eq!(log.end(), limit, "the frame was written as far as that was possible");
    log.receipts.take(&end.said);
    goes_on("a short write", log);
}
