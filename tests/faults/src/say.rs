//! What the probe says: a line a fact, each written at once, so that a line is whole or not there. Each ends with
//! a dot for the same reason.

use std::io::Write;

/// Says one line. A probe that nobody hears ends.
pub(crate) fn say(line: &str) {
    let line = format!("{} .\n", line.replace('\n', " "));
    if std::io::stdout().lock().write_all(line.as_bytes()).is_err() {
        std::process::exit(7);
    }
}

/// Waits until a line comes on standard input.
pub(crate) fn hear() {
    let mut line = String::new();
    if !matches!(std::io::stdin().read_line(&mut line), Ok(1..)) {
        std::process::exit(7);
    }
}
