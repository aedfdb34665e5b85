//! The log of outcomes: what tools gave that ran here, on its way to the host. It is on the disk, encrypted, before the
//! caller has its answer, and is told to the host in batches, as often as it takes; nothing of it is ever dropped. A
//! place in it is taken before a tool starts, so that no tool runs whose outcome could not be kept.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use grid_sdk::{Backoff, Client, Report};
use tokio::sync::{Notify, oneshot, watch};

mod deliver;
mod entry;
mod files;
mod seal;
mod segment;
mod store;
mod writer;

use entry::Entry;
use seal::Key;
use store::Store;
use writer::{Command, Writer};

/// The answer of a call waits at most so long until its outcome is with the operating system.
const PATIENCE: Duration = Duration::from_millis(250);

/// How a log of outcomes is kept.
#[derive(Clone)]
pub struct OutcomeSettings {
    /// Its directory, for this process alone.
    pub directory: PathBuf,
    /// The 32 bytes that it is encrypted with; where there are none, they are made and kept in the directory, which
    /// then protects against nobody who can read all of it.
    pub key: Option<[u8; 32]>,
    /// Outcomes that the host may owe an answer for, those of running tools included; then no more tools run here.
    pub capacity: usize,
    /// The same in bytes on the disk.
    pub most_bytes: u64,
    /// Outcomes in one batch.
    pub batch: usize,
    /// The pauses between tries to reach the host.
    pub backoff: Backoff,
}

impl OutcomeSettings {
    /// 10,000 outcomes or 256 MiB, 100 in a batch, pauses of 500 ms to 15 s. They are short because an outcome that
    /// comes after its grant has expired is taken for none.
    #[must_use]
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            key: None,
            capacity: 10_000,
            most_bytes: 256 << 20,
            batch: 100,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(15)),
        }
    }
}

impl fmt::Debug for OutcomeSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutcomeSettings")
            .field("directory", &self.directory)
            .field("capacity", &self.capacity)
            .field("most_bytes", &self.most_bytes)
            .finish_non_exhaustive()
    }
}

/// The log of outcomes cannot be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the outcome log in `{directory}` cannot be opened: {why}")]
pub struct NotOpened {
    directory: String,
    why: String,
}

impl NotOpened {
    fn new(directory: &Path, why: &str) -> Self {
        Self { directory: directory.display().to_string(), why: why.to_owned() }
    }
}

/// No further outcome can be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the outcome log takes no more; no tool runs here until the host has heard of earlier outcomes, or the disk has room"
)]
pub struct Full;

/// Where the log stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OutcomeStatus {
    /// Outcomes that the host has not answered for.
    pub pending: usize,
    /// Outcomes that the host did not take since the log was opened; they are kept aside.
    pub rejected: u64,
    /// Tries in a row that did not reach the host.
    pub failures: u32,
    /// The disk takes outcomes.
    pub writable: bool,
    /// Why the last try failed, or the last outcome was rejected.
    pub problem: String,
}

/// An outcome that the host did not take.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RejectedOutcome {
    /// When the host said so, in milliseconds since 1970, UTC.
    pub at_ms: u64,
    /// Why, as a code.
    pub code: String,
    /// Why, in words.
    pub message: String,
    /// What it was told.
    pub report: Report,
}

/// What became of an outcome.
pub(crate) enum Settled {
    Logged,
    Rejected { code: String, message: String },
}

/// Numbers that all sides see.
#[derive(Debug)]
struct Gauge {
    reserved: AtomicUsize,
    pending: AtomicUsize,
    bytes: AtomicU64,
    faulty: AtomicBool,
    arrived: Notify,
    status: watch::Sender<OutcomeStatus>,
}

struct Shared {
    commands: mpsc::SyncSender<Command>,
    gauge: Arc<Gauge>,
    capacity: usize,
    most_bytes: u64,
    batch: usize,
    backoff: Backoff,
}

/// An open log of outcomes. Clones share it; the last one that goes closes it.
#[derive(Clone)]
pub struct OutcomeLog {
    shared: Arc<Shared>,
}

impl fmt::Debug for OutcomeLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutcomeLog").field("status", &*self.shared.gauge.status.borrow()).finish_non_exhaustive()
    }
}

/// A place for one outcome. Dropped unused, it is free again.
#[derive(Debug)]
pub struct Room {
    log: OutcomeLog,
    used: bool,
}

impl OutcomeLog {
    /// Opens the log and finds what the host has not heard of yet. It reads files; call it where that may take a while.
    ///
    /// # Errors
    /// [`NotOpened`] where another process has it, or its files cannot be used.
    pub fn open(settings: OutcomeSettings) -> Result<Self, NotOpened> {
        let key = settings.key.as_ref().and_then(|key| Key::from_bytes(key));
        let store = Store::open(&settings.directory, key)?;
        let gauge = Arc::new(Gauge {
            reserved: AtomicUsize::new(0),
            pending: AtomicUsize::new(store.pending()),
            bytes: AtomicU64::new(store.bytes()),
            faulty: AtomicBool::new(false),
            arrived: Notify::new(),
            status: watch::Sender::new(OutcomeStatus {
                pending: store.pending(),
                writable: true,
                ..OutcomeStatus::default()
            }),
        });
        let capacity = settings.capacity.max(1);
        // Each outcome has a place of its own in the queue, and the delivery asks for one thing at a time.
        let (commands, queue) = mpsc::sync_channel(capacity.saturating_add(4));
        let writer = Writer::new(store, queue, Arc::clone(&gauge));
        let thread = std::thread::Builder::new().name("grid-outcomes".to_owned());
        thread
            .spawn(move || writer.run())
            .map_err(|fault| NotOpened::new(&settings.directory, &format!("it gets no thread ({fault})")))?;
        Ok(Self {
            shared: Arc::new(Shared {
                commands,
                gauge,
                capacity,
                most_bytes: settings.most_bytes,
                batch: settings.batch.max(1),
                backoff: settings.backoff,
            }),
        })
    }

    /// The outcomes that the host did not take, oldest first, also while the log is open.
    ///
    /// # Errors
    /// [`NotOpened`] where the files cannot be read with the log's key.
    pub fn rejected(settings: &OutcomeSettings) -> Result<Vec<RejectedOutcome>, NotOpened> {
        let key = settings.key.as_ref().and_then(|key| Key::from_bytes(key));
        let entries = files::rejected(&settings.directory, key)?;
        let outcomes = entries.into_iter().filter_map(|entry| match entry {
            Entry::Rejected { at_ms, code, message, outcome } => {
                Some(RejectedOutcome { at_ms, code, message, report: outcome.report()? })
            }
            Entry::Outcome(_) | Entry::Settled { .. } => None,
        });
        Ok(outcomes.collect())
    }

    /// Takes a place for the outcome of a tool that is about to start.
    ///
    /// # Errors
    /// [`Full`].
    pub fn reserve(&self) -> Result<Room, Full> {
        let gauge = &self.shared.gauge;
        let before = gauge.reserved.fetch_add(1, Ordering::AcqRel);
        let room = Room { log: self.clone(), used: false };
        let taken = before.saturating_add(gauge.pending.load(Ordering::Acquire));
        let full = taken >= self.shared.capacity
            || gauge.bytes.load(Ordering::Acquire) >= self.shared.most_bytes
            || gauge.faulty.load(Ordering::Acquire);
        if full { Err(Full) } else { Ok(room) }
    }

    /// Where the log stands, now and later.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<OutcomeStatus> {
        self.shared.gauge.status.subscribe()
    }

    /// Tells the host of everything that is in the log and of what comes, until the future is dropped. One log has one
    /// delivery, to the host that gave the grants.
    pub async fn deliver(&self, client: &Client) {
        deliver::run(&self.shared, client).await;
    }

    /// Waits until the host has heard of everything, at most so long, and says how many outcomes are left.
    pub async fn flushed(&self, patience: Duration) -> usize {
        let mut status = self.status();
        let quiet = status.wait_for(|status| status.pending == 0);
        let _ = tokio::time::timeout(patience, quiet).await;
        self.shared.gauge.pending.load(Ordering::Acquire)
    }
}

impl Room {
    /// Puts the outcome into its place. When this is done it survives the end of this process; it waits for the
    /// operating system at most 250 ms, and neither for the disk's sync nor for the host.
    pub async fn record(mut self, report: Report) {
        let (done, written) = oneshot::channel();
        self.used = true;
        let sent = self.log.shared.commands.try_send(Command::Record { report: Box::new(report), done });
        if sent.is_err() {
            // The queue has a place for each reservation, so the thread is gone.
            tracing::error!("the outcome log has stopped; the host will record the call as unreported");
            self.log.shared.gauge.faulty.store(true, Ordering::Release);
            return;
        }
        let _ = tokio::time::timeout(PATIENCE, written).await;
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if !self.used {
            self.log.shared.gauge.reserved.fetch_sub(1, Ordering::AcqRel);
        }
    }
}
