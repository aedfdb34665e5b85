//! Tells callers that their records are durable. What costs is waking another thread, so a batch is handed over
//! with one wake to a task on the host's runtime, which completes its neighbours locally.

use std::sync::Arc;

use grid_audit_wal::Kept;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{Stored, Unavailable};

/// Batches that may wait for the task; it does nothing else than take them.
const BATCHES: usize = 64;

pub(crate) type Waiter = oneshot::Sender<Result<Stored, Unavailable>>;

/// Callers of one batch, each with the index of its record, and the evidence for all of them.
type Batch = (Vec<(Waiter, u64)>, Arc<Kept>);

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Acks {
    batches: mpsc::Sender<Batch>,
    waiting: Vec<(Waiter, u64)>,
}

impl Acks {
    /// The task ends when this is dropped.
    pub(crate) fn on(runtime: &Handle) -> Self {
        let (batches, mut receiver) = mpsc::channel::<Batch>(BATCHES);
        runtime.spawn(async move {
            while let Some(batch) = receiver.recv().await {
                complete(batch);
            }
        });
        Self { batches, waiting: Vec::new() }
    }

    /// The record of `waiter` will be at `index` once the batch is durable.
    pub(crate) fn expect(&mut self, waiter: Waiter, index: u64) {
        self.waiting.push((waiter, index));
    }

    /// The batch is durable.
    pub(crate) fn durable(&mut self, kept: Arc<Kept>) {
        // The next batch tends to have as many.
        let next = Vec::with_capacity(self.waiting.len());
        let waiting = std::mem::replace(&mut self.waiting, next);
        let few = waiting.len() < 2;
        let batch = (waiting, kept);
        if few {
            return complete(batch);
        }
        // Without the task (its runtime may be gone) every caller is woken from here.
        match self.batches.try_send(batch) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(batch) | mpsc::error::TrySendError::Closed(batch)) => {
                complete(batch);
            }
        }
    }

    /// The batch is lost.
    pub(crate) fn lost(&mut self, reason: &Unavailable) {
        for (waiter, _) in self.waiting.drain(..) {
            let _ = waiter.send(Err(reason.clone()));
        }
    }
}

/// A caller that went away does not need the answer.
fn complete((waiting, kept): Batch) {
    for (waiter, index) in waiting {
        let _ = waiter.send(Ok(Stored::new(index, &kept)));
    }
}
