//! The exporter's thread: reads a batch, delivers it until it is taken, moves the position, and goes on. One batch is
//! all that it holds.

use std::{sync::Arc, time::Duration};

use grid_audit::{Reader, Record, Records};

use super::{Options, Shared, backoff::Backoff, position::Position};
use crate::{Batch, Sink};

/// Counting what is left reads a part of the log, so it is not done more often.
const COUNT_EVERY: Duration = Duration::from_secs(30);

pub(super) struct Follower<S> {
    pub(super) options: Options,
    pub(super) reader: Reader,
    pub(super) position: Position,
    pub(super) sink: S,
    pub(super) shared: Arc<Shared>,
    pub(super) backoff: Backoff,
    /// Where reading stands; absent before the first batch and after a failure.
    pub(super) records: Option<Records>,
    /// Read, and not yet to be delivered.
    pub(super) held: Option<Record>,
    pub(super) batch_records: usize,
    pub(super) counted_at: Option<Duration>,
}

/// A part of a batch's way that is tried until it succeeds.
enum Step {
    Done,
    /// The exporter is to stop, or to read again from its position.
    Left,
}

impl<S: Sink> Follower<S> {
    pub(super) fn run(mut self) {
        while !self.shared.is_stopped() {
            match self.collect() {
                Ok(batch) if batch.records().is_empty() => {
                    self.shared.update(|status| status.lag = Some(0));
                    self.shared.pause(self.options.poll);
                }
                Ok(batch) => self.hand_over(&batch),
                Err(error) => {
                    self.read_again();
                    self.fail(&error.to_string(), None);
                }
            }
        }
    }

    /// The records that come next, as many as there are and one batch may hold. Empty at the end of the log.
    fn collect(&mut self) -> Result<Batch, grid_audit::Error> {
        let end = self.options.end.as_ref().map_or(u64::MAX, |end| end());
        let mut batch = Batch::default();
        let next = self.position.next();
        let records = self.records.get_or_insert_with(|| self.reader.records(next));
        while batch.records().len() < self.batch_records && batch.bytes() < self.options.batch_bytes {
            let Some(record) = self.held.take().map_or_else(|| records.next().transpose(), |held| Ok(Some(held)))?
            else {
                break;
            };
            if record.index() >= end {
                self.held = Some(record);
                break;
            }
            batch.push(record);
        }
        Ok(batch)
    }

    fn hand_over(&mut self, batch: &Batch) {
        self.count_what_is_left();
        let taken = loop {
            if self.shared.is_stopped() {
                return;
            }
            match self.sink.deliver(batch) {
                Ok(taken) => break taken,
                Err(failure) if failure.too_large && batch.records().len() > 1 => {
                    // Half as many come next, read again from the position.
                    self.batch_records = batch.records().len() / 2;
                    self.read_again();
                    return;
                }
                Err(failure) => self.fail(&failure.message, failure.retry_after),
            }
        };
        if taken.rejected > 0 {
            let noted = |position: &mut Position| position.note_rejected(batch, &taken);
            if let Step::Left = self.store(noted) {
                return;
            }
        }
        if let Step::Left = self.store(|position| position.pass(batch)) {
            return;
        }
        self.backoff.reset();
        let (now, next, records) = (self.options.clock.unix_ms(), self.position.next(), batch.records().len() as u64);
        self.shared.update(|status| {
            status.next = next;
            status.lag = status.lag.map(|lag| lag.saturating_sub(records));
            status.delivered += records;
            status.batches += 1;
            status.rejected += taken.rejected;
            status.last_error = taken.message;
            status.down_since_ms = None;
            status.delivered_at_ms = Some(now);
        });
    }

    /// Until the disk takes it: what was delivered is not delivered again because of that.
    fn store(&mut self, write: impl Fn(&mut Position) -> std::io::Result<()>) -> Step {
        while let Err(error) = write(&mut self.position) {
            self.fail(&format!("cannot store the position in the log's folder `exports`: {error}"), None);
            if self.shared.is_stopped() {
                return Step::Left;
            }
        }
        Step::Done
    }

    fn fail(&mut self, message: &str, retry_after: Option<Duration>) {
        let now = self.options.clock.unix_ms();
        self.shared.update(|status| {
            status.failures += 1;
            status.last_error = Some(message.to_owned());
            status.down_since_ms = status.down_since_ms.or(Some(now));
        });
        self.count_what_is_left();
        let wait = self.backoff.wait(retry_after);
        self.shared.pause(wait);
    }

    fn read_again(&mut self) {
        (self.records, self.held) = (None, None);
    }

    /// For the status, where nobody tells where the log ends.
    fn count_what_is_left(&mut self) {
        let now = self.options.clock.elapsed();
        let is_due = self.counted_at.is_none_or(|at| now.saturating_sub(at) >= COUNT_EVERY);
        if self.options.end.is_none() && is_due {
            self.counted_at = Some(now);
            if let Ok(end) = self.reader.next_index() {
                let next = self.position.next();
                self.shared.update(|status| status.lag = Some(end.saturating_sub(next)));
            }
        }
    }
}
