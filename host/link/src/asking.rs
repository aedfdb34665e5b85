//! Questions to a runtime around a change of who serves a tool, and their answers. Few are open at once, and none waits
//! longer than its limit.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use grid_core::{
    frame::HostFrame,
    id::CorrelationId,
    lifecycle::{Ask, Phase, Report},
};
use tokio::sync::oneshot;

use crate::Wire;

/// Questions that may be open at one runtime.
const OPEN: usize = 64;

/// Why a runtime did not say that all is well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unwell {
    /// It went, or was gone.
    Gone,
    /// Too many questions are open, or it reads nothing.
    Busy,
    /// It said nothing for so long.
    Late(Duration),
    /// Its own words.
    Said(String),
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone => f.write_str("it went away"),
            Self::Busy => f.write_str("it does not take what is asked of it"),
            Self::Late(limit) => write!(f, "it did not answer within {} ms", limit.as_millis()),
            Self::Said(words) if words.is_empty() => f.write_str("it said no, without a reason"),
            Self::Said(words) => write!(f, "it said: {words}"),
        }
    }
}

/// The questions of one attachment.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    agreed: AtomicBool,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    waiting: HashMap<u64, oneshot::Sender<Report>>,
}

impl Asking {
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Option<(u64, oneshot::Receiver<Report>)> {
        let mut open = self.lock();
        if open.waiting.len() >= OPEN {
            return None;
        }
        open.last += 1;
        let (sequence, (sender, receiver)) = (open.last, oneshot::channel());
        open.waiting.insert(sequence, sender);
        Some((sequence, receiver))
    }
}

/// Closes the question, however its wait ends.
struct Closing<'a>(&'a Asking, u64);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.lock().waiting.remove(&self.1);
    }
}

impl Wire {
    /// The runtime has agreed on the feature `lifecycle`: it may be asked.
    pub fn may_be_asked(&self) {
        self.asking().agreed.store(true, Ordering::Release);
    }

    /// Asks, and waits for the answer for at most `limit`. A runtime that agreed on no such questions does them by being
    /// there.
    ///
    /// # Errors
    /// [`Unwell`].
    pub async fn ask(
        &self,
        phase: Phase,
        tool: &Arc<str>,
        correlation: &CorrelationId,
        limit: Duration,
    ) -> Result<(), Unwell> {
        if self.ended().is_cancelled() {
            return Err(Unwell::Gone);
        }
        let asking = self.asking();
        if !asking.agreed.load(Ordering::Acquire) {
            return Ok(());
        }
        let (sequence, answer) = asking.open().ok_or(Unwell::Busy)?;
        let _closing = Closing(asking, sequence);
        let ask = Ask { sequence, phase, tool: Arc::clone(tool), correlation_id: correlation.clone() };
        let answered = async {
            self.send(HostFrame::Lifecycle(ask)).await;
            answer.await
        };
        tokio::select! {
            biased;
            answered = tokio::time::timeout(limit, answered) => match answered {
                Ok(Ok(Report { ok: true, .. })) => Ok(()),
                Ok(Ok(report)) => Err(Unwell::Said(report.message)),
                Ok(Err(_)) => Err(Unwell::Gone),
                Err(_) => Err(Unwell::Late(limit)),
            },
            () = self.ended().cancelled() => Err(Unwell::Gone),
        }
    }

    /// Takes an answer; false where nothing of the kind was asked, or its time is over.
    #[must_use]
    pub fn answered(&self, report: Report) -> bool {
        let waiting = self.asking().lock().waiting.remove(&report.sequence);
        waiting.is_some_and(|waiting| waiting.send(report).is_ok())
    }
}

#[cfg(test)]
mod tests;
