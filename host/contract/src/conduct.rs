//! How calls of a contract are carried out: how long each part may take, whether they may be tried again or beside each
//! other, whether a result may be used again, and which runtimes are fit for them.

use std::time::Duration;

/// As the manifest says it; what it leaves out is absent here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conduct {
    /// How long a call waits for a place at a runtime where all are full; zero refuses it at once.
    pub queue: Duration,
    /// How long a runtime may be silent about a call; chunks and progress renew it.
    pub idle: Option<Duration>,
    /// How long a call may take in all, waiting and every attempt included.
    pub total: Option<Duration>,
    /// How often a call is handed over; the effect decides where it is absent.
    pub retry: Option<Retry>,
    /// After so long without an answer a `pure` call is handed to a second runtime too.
    pub hedge: Option<Duration>,
    /// How long a result may be used again; `pure` and `read` alone may say so.
    pub reuse: Option<Duration>,
    /// Calls of a session go to the runtime that had its first one, as long as it is there.
    pub stateful: bool,
    /// Capabilities that a provider needs.
    pub requires: Requires,
}

/// How often, and with which waits between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Runtimes that the call is handed to at most, one after the other; 1 means that it is not tried again.
    pub attempts: u32,
    /// The wait before the second; each further one is twice as long.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
}

/// What a provider has to be able to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requires {
    /// The words of the provider's own list.
    pub capabilities: Vec<String>,
    /// One of them is enough; otherwise all are needed.
    pub any: bool,
}
