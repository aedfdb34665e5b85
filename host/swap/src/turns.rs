//! One swap of a tool at a time, and how long the last ones took.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use dashmap::DashMap;
use tokio::sync::{Mutex as Queue, OwnedMutexGuard};

/// Swaps whose durations are kept.
const KEPT: usize = 20;

/// Whose turn it is, tool by tool. Tools are the host's own, so there are no more of them than contracts.
#[derive(Debug, Default)]
pub struct Turns(DashMap<Arc<str>, Arc<Tool>>);

#[derive(Debug, Default)]
struct Tool {
    queue: Arc<Queue<()>>,
    doing: Mutex<Doing>,
}

#[derive(Debug, Default)]
struct Doing {
    step: &'static str,
    took: VecDeque<Duration>,
}

/// A swap's turn; the next one's comes when it is dropped.
#[derive(Debug)]
pub struct Turn {
    tool: Arc<Tool>,
    _held: OwnedMutexGuard<()>,
}

/// The turn did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Waited {
    /// Where the swap is that has it.
    pub at: &'static str,
}

/// Of the last swaps of a tool, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Durations {
    /// Half of them took no longer.
    pub p50_ms: u64,
    /// 95 of a hundred.
    pub p95_ms: u64,
    /// 99 of a hundred.
    pub p99_ms: u64,
}

impl Turns {
    /// Waits for the tool's turn for at most `limit`.
    ///
    /// # Errors
    /// [`Waited`].
    pub async fn take(&self, tool: &Arc<str>, limit: Duration) -> Result<Turn, Waited> {
        let tool = Arc::clone(self.0.entry(Arc::clone(tool)).or_default().value());
        match tokio::time::timeout(limit, Arc::clone(&tool.queue).lock_owned()).await {
            Ok(held) => Ok(Turn { tool, _held: held }),
            Err(_) => Err(Waited { at: tool.doing().step }),
        }
    }
}

impl Tool {
    fn doing(&self) -> std::sync::MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Turn {
    /// Where the swap is, for those who wait.
    pub(crate) fn at(&self, step: &'static str) {
        self.tool.doing().step = step;
    }

    /// How long it took until it was committed.
    pub(crate) fn took(&self, took: Duration) {
        let mut doing = self.tool.doing();
        if doing.took.len() >= KEPT {
            doing.took.pop_front();
        }
        doing.took.push_back(took);
    }

    /// How long the last ones took.
    #[must_use]
    pub fn durations(&self) -> Durations {
        let mut took: Vec<Duration> = self.tool.doing().took.iter().copied().collect();
        took.sort_unstable();
        // The smallest that at least so many of a hundred do not exceed.
        let at = |hundredths: usize| {
            let rank = (took.len() * hundredths).div_ceil(100);
            let took = took.get(rank.saturating_sub(1)).copied().unwrap_or_default();
            u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
        };
        Durations { p50_ms: at(50), p95_ms: at(95), p99_ms: at(99) }
    }
}
