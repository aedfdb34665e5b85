//! What cannot be tried on a machine. It is said where nobody captures it, in the words that `.ci/run` counts: silence
//! would look like success.

use std::{env, io::Write};

/// What systems say that do not let somebody mount or trace at all. Anything else is a fault of the test or the machine.
const FORBIDDEN: [&str; 5] =
    ["permission denied", "not permitted", "must be superuser", "only root can", "function not implemented"];

/// Says that `what` was not tried, where `why` is that it is forbidden here. Fails where it is something else, and with
/// `GRID_FAULTS_ALL=1` in any case.
pub fn skip(what: &str, why: &str) {
    let lower = why.to_lowercase();
    let is_forbidden = FORBIDDEN.iter().any(|words| lower.contains(words));
    let is_wanted = env::var("GRID_FAULTS_ALL").as_deref() == Ok("1");
    assert!(is_forbidden && !is_wanted, "{what} needs this: {why}; run tests/faults/setup.sh, and the tests as root");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // Not `eprintln!`, which is captured.
    let said =
        writeln!(std::io::stderr(), "\nstep faults {test} ... SKIPPED: {what}: {}", why.lines().next().unwrap_or(why));
    said.expect("a skip that nobody hears is none");
}
