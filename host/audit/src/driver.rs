//! The writer of a log that has no thread of its own: whoever has it says when records get their place, and when they
//! are stored. It does in two steps what the thread does in one.

use std::{iter, sync::Arc};

use grid_audit_wal::Storage;

use crate::{
    Unavailable,
    ledger::Ended,
    writer::{BATCH, Writer, answer},
};

/// The writer of a log that is driven ([`crate::Ledger::driven`]). Dropping it ends the log.
#[derive(Debug)]
pub struct Driver<S: Storage> {
    writer: Writer<S>,
    // Dropped last, after the storage.
    _ended: Ended,
}

impl<S: Storage> Driver<S> {
    pub(crate) fn of(writer: Writer<S>) -> Self {
        let _ended = Ended(Arc::clone(&writer.state));
        Self { writer, _ended }
    }

    /// Waits until there are records, and gives them their place in the log: what is overtaken later is behind them.
    /// False where there will be no further one.
    pub async fn place(&mut self) -> bool {
        let mut taken = Vec::new();
        if self.writer.queue.recv_many(&mut taken, BATCH).await == 0 {
            return false;
        }
        let mut commands = taken.drain(..);
        let Err(reason) = commands.try_for_each(|command| self.writer.take(command)) else { return true };
        self.writer.fail(&reason, commands);
        self.refuse(&reason).await;
        false
    }

    /// Stores what has its place, and tells those who wait for it. False where that failed, which ends the log.
    pub async fn store(&mut self) -> bool {
        let Err(reason) = self.writer.commit() else { return true };
        self.writer.fail(&reason, iter::empty());
        self.refuse(&reason).await;
        false
    }

    /// Everybody who still comes is told, until the handles are gone.
    async fn refuse(&mut self, reason: &Unavailable) {
        while let Some(command) = self.writer.queue.recv().await {
            answer(command, reason);
        }
    }
}
