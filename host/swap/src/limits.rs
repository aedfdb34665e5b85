//! How long each step may take.

use std::time::Duration;

/// The limits of a swap's steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Waiting for another swap of the tool, or for a drain, to be over.
    pub turn: Duration,
    /// Until a runtime of the new provider is there and has made itself ready.
    pub activate: Duration,
    /// Until it has said whether it is well.
    pub health: Duration,
    /// Each program.
    pub hook: Duration,
    /// Until the old one has cleaned up.
    pub cleanup: Duration,
    /// How long the answer waits for calls that the old one still has; they themselves may take longer.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            turn: seconds(30),
            activate: seconds(30),
            health: seconds(5),
            hook: seconds(5),
            cleanup: seconds(10),
            drain: seconds(10),
        }
    }
}
