//! How long the oldest record that too few witnesses have cosigned has waited, and what is to be done about it.

use std::time::Duration;

use grid_tlog::{Checkpoint, Hash};

/// What a host does when its log has not been cosigned for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// Tells its operators.
    #[default]
    Alert,
    /// Takes no work until it is cosigned again.
    Stop,
}

/// The greatest age was passed, or is kept again. Told once each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The oldest record that is not cosigned by enough witnesses is as old as is allowed.
    Stale {
        /// Its age.
        age: Duration,
        /// Entries that are cosigned by enough.
        cosigned: u64,
        /// Entries that are published.
        newest: u64,
        /// What the settings ask for.
        policy: OnStale,
    },
    /// It no longer is.
    Healed {
        /// Entries that are cosigned by enough.
        cosigned: u64,
        /// What the settings ask for.
        policy: OnStale,
    },
}

/// Up to where enough witnesses have cosigned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Mark {
    /// Entries.
    pub(crate) size: u64,
    /// Root over them.
    pub(crate) root: Hash,
    /// When the checkpoint of that size was first seen, so that what came behind it cannot be older.
    pub(crate) taken_ms: u64,
}

/// Times are milliseconds since 1970, as records have them.
#[derive(Debug, Default)]
pub(crate) struct Age {
    since: Option<u64>,
    mark: Mark,
    newest: u64,
    /// Nothing was waiting when we last looked.
    was_level: bool,
    is_stale: bool,
}

impl Age {
    /// Takes the newest checkpoint and the mark; `recorded` tells when an entry was made, where that is known.
    pub(crate) fn look(&mut self, now: u64, newest: &Checkpoint, mark: Mark, recorded: impl Fn(u64) -> Option<u64>) {
        if (newest.size, newest.root) == (mark.size, mark.root) {
            self.since = None;
            self.was_level = true;
        } else if self.since.is_none() || mark != self.mark {
            let since = if newest.size <= mark.size {
                // The log went back. Nobody knows when, and nobody may be told that all is well.
                self.since.unwrap_or(now)
            } else {
                recorded(mark.size).unwrap_or(if self.was_level { now } else { mark.taken_ms })
            };
            self.since = Some(since);
            self.was_level = false;
        }
        // A clock that was set back must not make records of the future.
        self.since = self.since.map(|since| since.min(now));
        (self.mark, self.newest) = (mark, newest.size);
    }

    pub(crate) fn since(&self) -> Option<u64> {
        self.since
    }

    pub(crate) fn age(&self, now: u64) -> Duration {
        Duration::from_millis(self.since.map_or(0, |since| now.saturating_sub(since)))
    }

    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// How long until [`Age::judge`] has something to tell, if nothing else happens.
    pub(crate) fn crossing(&self, now: u64, limit: Duration) -> Option<Duration> {
        (self.since.is_some() && !self.is_stale).then(|| limit.saturating_sub(self.age(now)))
    }

    /// Tells a crossing once.
    pub(crate) fn judge(&mut self, now: u64, limit: Duration, policy: OnStale) -> Option<Event> {
        let (age, cosigned) = (self.age(now), self.mark.size);
        let is_stale = self.since.is_some() && age >= limit;
        if is_stale == self.is_stale {
            return None;
        }
        self.is_stale = is_stale;
        Some(if is_stale {
            Event::Stale { age, cosigned, newest: self.newest, policy }
        } else {
            Event::Healed { cosigned, policy }
        })
    }
}
