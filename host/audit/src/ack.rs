//! Tells callers that their records are durable. What costs is waking another thread, so a batch is handed over
//! with one wake to a task on the host's runtime, which completes its neighbours locally.

use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::Unavailable;

/// Batches that may wait for the task; it does nothing else than take them.
const BATCHES: usize = 64;

pub(crate) type Waiter = oneshot::Sender<Result<u64, Unavailable>>;
type Batch = Vec<(Waiter, u64)>;

/// The writer's end.
#[derive(Debug)]
pub(crate) struct Acks {
    batches: mpsc::Sender<Batch>,
    waiting: Batch,
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
    pub(crate) fn durable(&mut self) {
        let batch = std::mem::take(&mut self.waiting);
        if batch.len() < 2 {
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
fn complete(batch: Batch) {
    for (waiter, index) in batch {
        let _ = waiter.send(Ok(index));
    }
}
