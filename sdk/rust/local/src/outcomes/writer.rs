//! The thread that owns the files. It writes outcomes as they come, syncs when it has nothing else to do or a second has
//! passed, and hands the delivery what it asks for.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use grid_sdk::Report;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::store::Store;
use super::{Gauge, Settled};

/// Nothing to do for so long is a good moment to sync.
const QUIET: Duration = Duration::from_millis(20);
/// The longest that an outcome is not synced.
const LATEST: Duration = Duration::from_secs(1);
/// With nothing to sync; a disk that failed is tried again as often.
const IDLE: Duration = Duration::from_millis(500);

pub(super) enum Command {
    Record {
        report: Box<Report>,
        done: oneshot::Sender<()>,
    },
    Take {
        most: usize,
        bytes: u64,
        reply: oneshot::Sender<Vec<(u64, Report)>>,
    },
    /// The answer says whether all of it could be noted.
    Settle {
        results: Vec<(u64, Settled)>,
        done: oneshot::Sender<bool>,
    },
}

pub(super) struct Writer {
    store: Store,
    queue: mpsc::Receiver<Command>,
    gauge: Arc<Gauge>,
    synced: Instant,
    dirty: bool,
}

impl Writer {
    pub(super) fn new(store: Store, queue: mpsc::Receiver<Command>, gauge: Arc<Gauge>) -> Self {
        Self { store, queue, gauge, synced: Instant::now(), dirty: false }
    }

    pub(super) fn run(mut self) {
        loop {
            let patience = if self.dirty { QUIET } else { IDLE };
            match self.queue.recv_timeout(patience) {
                Ok(command) => self.obey(command),
                Err(mpsc::RecvTimeoutError::Timeout) => self.sync(),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
            }
            if self.dirty && self.synced.elapsed() >= LATEST {
                self.sync();
            }
        }
        self.store.mend();
        self.store.sync();
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Record { report, done } => {
                self.store.record(&report);
                // First the one, then the other: between them a place counts twice, never not at all.
                self.publish();
                self.gauge.reserved.fetch_sub(1, Ordering::AcqRel);
                self.note_dirty();
                let _ = done.send(());
                self.gauge.arrived.notify_one();
            }
            Command::Take { most, bytes, reply } => {
                let batch = self.store.oldest(most, bytes);
                self.publish();
                let _ = reply.send(batch);
            }
            Command::Settle { results, done } => {
                let all = self.store.settle(results);
                self.note_dirty();
                self.publish();
                let _ = done.send(all);
            }
        }
    }

    fn note_dirty(&mut self) {
        if !self.dirty {
            self.dirty = true;
            self.synced = Instant::now();
        }
    }

    fn sync(&mut self) {
        self.store.mend();
        self.store.sync();
        self.dirty = false;
        self.publish();
    }

    fn publish(&self) {
        let (pending, faulty) = (self.store.pending(), self.store.is_faulty());
        self.gauge.pending.store(pending, Ordering::Release);
        self.gauge.bytes.store(self.store.bytes(), Ordering::Release);
        self.gauge.faulty.store(faulty, Ordering::Release);
        self.gauge.status.send_if_modified(|status| {
            let changed = status.pending != pending || status.writable == faulty;
            status.pending = pending;
            status.writable = !faulty;
            changed
        });
    }
}
