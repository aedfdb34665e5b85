//! The handle that the host's stages hold. It takes events and gives evidence that they are durable: a
//! [`Receipt`] for an admission, an index for everything else. It refuses when they are not.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use grid_audit_wal::{Chain, Disk, Error, OsDisk, Storage};
use grid_core::{
    clock::SharedClock,
    event::{Event, Kind},
    id::InvocationId,
};
use grid_tlog::Signer;
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};

use crate::{
    Driver, History, Observer, Record, Status, Stored, Unavailable,
    background::{Background, Publishing},
    opening::{self, Opened},
    state::State,
    writer::{Command, Writer},
};

/// When a record is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// When it would survive a loss of power.
    Full,
    /// When it is queued. Records can be lost; the log itself then counts them in a `gap` record.
    Relaxed,
}

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log's own directory; made where it is missing.
    pub directory: PathBuf,
    /// Signs every batch. Its name is the log's origin.
    pub signer: Arc<Signer>,
    /// Bytes of a segment; 64 MiB where nothing else is said. Two segments are allocated at any time.
    pub segment_bytes: u64,
    /// When a record is acknowledged.
    pub durability: Durability,
    /// Records that may wait for the writer; further ones wait in their callers.
    pub queue: usize,
    /// How long a durable record may wait until tiles and checkpoint show it.
    pub publish: Duration,
}

impl Options {
    /// The defaults, in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, signer: Arc<Signer>) -> Self {
        Self {
            directory: directory.into(),
            signer,
            segment_bytes: 64 << 20,
            durability: Durability::Full,
            queue: 4096,
            publish: Duration::from_secs(1),
        }
    }
}

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// Records that were there.
    pub records: u64,
    /// Bytes of an incomplete last frame that were cut. Nothing in them had been acknowledged.
    pub cut: u64,
    /// Calls that an earlier process left open; each has got its `outcome_unknown`, or `unreported` where its caller
    /// was to run it.
    pub closed: Vec<InvocationId>,
    /// Admissions of calls that their callers may still run and report. They stay open; the host has to conclude them.
    pub local: Vec<Record>,
    /// The latest policy epoch in what was read; 0 where there is none.
    pub epoch: u64,
    /// How long that took.
    pub took: Duration,
}

/// Evidence that an admission is in the log. Nothing outside this crate can make one.
#[derive(Debug)]
pub struct Receipt {
    invocation: InvocationId,
    stored: Option<Stored>,
}

impl Receipt {
    /// The execution that was admitted.
    #[must_use]
    pub fn invocation(&self) -> InvocationId {
        self.invocation
    }

    /// Its place in the log; absent with [`Durability::Relaxed`].
    #[must_use]
    pub fn index(&self) -> Option<u64> {
        self.stored.as_ref().map(Stored::index)
    }

    /// What others can check of it; absent with [`Durability::Relaxed`].
    #[must_use]
    pub fn stored(&self) -> Option<&Stored> {
        self.stored.as_ref()
    }
}

/// Cheap to clone; all clones write one log.
#[derive(Debug, Clone)]
pub struct Ledger {
    queue: mpsc::Sender<Command>,
    state: Arc<State>,
    durability: Durability,
    /// The writer's, to wake it where records gather and somebody waits for one; absent where it has none.
    thread: Option<thread::Thread>,
}

impl Ledger {
    /// Opens or begins the log in a directory: takes it for this process, checks every frame that no tile holds,
    /// closes calls that were left open, and starts writer and publisher. Blocks for that long; callers are told on
    /// `runtime`.
    ///
    /// # Errors
    /// [`Error::Locked`], [`Error::Damaged`], [`Error::Io`], [`Error::Options`], [`Error::Unavailable`];
    /// [`Error::OtherKey`] where the log has another key.
    pub fn open(
        options: Options,
        clock: SharedClock,
        observer: Arc<dyn Observer>,
        runtime: &Handle,
    ) -> Result<(Self, Recovered), Error> {
        Self::open_on(OsDisk, options, clock, observer, runtime)
    }

    /// The same on another disk than the operating system's.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn open_on<D: Disk>(
        disk: D,
        options: Options,
        clock: SharedClock,
        observer: Arc<dyn Observer>,
        runtime: &Handle,
    ) -> Result<(Self, Recovered), Error> {
        let Opened { mut writer, sender, recovered, opener } = Opened::open(disk, &options, clock, observer, runtime)?;
        let rounds = Publishing::open(opener, writer.state.published.load(Ordering::Acquire))?;
        let background = Background::start(rounds, &writer.state, options.publish);
        writer.background = background.map_err(Error::io("start a thread for", &options.directory))?;
        Ok((Self::run(writer, sender)?, recovered))
    }

    /// The same over any storage, of a log that never had another key; nothing is published.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn start(
        storage: impl Storage,
        options: &Options,
        clock: SharedClock,
        observer: Arc<dyn Observer>,
        runtime: &Handle,
    ) -> Result<(Self, Recovered), Error> {
        let history = History::of(options.signer.verifying_key().clone());
        let (writer, sender, recovered) =
            opening::recover(storage, options, Chain::expecting(&history), clock, observer, runtime)?;
        Ok((Self::run(writer, sender)?, recovered))
    }

    /// The same without a thread: nothing is stored but by the [`Driver`]. For a run that must be repeatable.
    ///
    /// # Errors
    /// As for [`Ledger::open`].
    pub fn driven<S: Storage>(
        storage: S,
        options: &Options,
        clock: SharedClock,
        observer: Arc<dyn Observer>,
        runtime: &Handle,
    ) -> Result<(Self, Recovered, Driver<S>), Error> {
        let history = History::of(options.signer.verifying_key().clone());
        let (writer, queue, recovered) =
            opening::recover(storage, options, Chain::expecting(&history), clock, observer, runtime)?;
        let (state, durability) = (Arc::clone(&writer.state), writer.durability);
        Ok((Self { queue, state, durability, thread: None }, recovered, Driver::of(writer)))
    }

    fn run<S: Storage>(writer: Writer<S>, queue: mpsc::Sender<Command>) -> Result<Self, Error> {
        let (state, durability) = (Arc::clone(&writer.state), writer.durability);
        let ended = Ended(Arc::clone(&state));
        let started = thread::Builder::new()
            .name("audit".into())
            .spawn(move || {
                let _ended = ended;
                writer.run();
            })
            .map_err(Error::io("start a thread for", Path::new("audit")))?;
        Ok(Self { queue, state, durability, thread: Some(started.thread().clone()) })
    }

    /// Stores an admission. Once the future was polled the record is on its way, whether or not the caller stays.
    ///
    /// # Errors
    /// [`Unavailable`]: the call must not run. Also for an event that is no admission of an invocation, and for one that
    /// was overtaken ([`Ledger::void_before`]).
    pub fn admit(&self, event: Event) -> impl Future<Output = Result<Receipt, Unavailable>> + Send + use<'_> {
        self.admitted(event, self.durability)
    }

    /// The same, and the receipt has its evidence whatever the durability is: it is there when the batch was signed.
    ///
    /// # Errors
    /// As for [`Ledger::admit`].
    pub fn admit_proved(&self, event: Event) -> impl Future<Output = Result<Receipt, Unavailable>> + Send + use<'_> {
        self.admitted(event, Durability::Full)
    }

    fn admitted(
        &self,
        event: Event,
        durability: Durability,
    ) -> impl Future<Output = Result<Receipt, Unavailable>> + Send + use<'_> {
        // Boxed before anything waits: a record is large, and the path and the queue would move it many times.
        let event = Box::new(event);
        async move {
            let (Kind::Admitted, Some(invocation)) = (event.kind, event.invocation) else {
                let kind = event.kind.as_str();
                return Err(Unavailable::once(format!(
                    "a record of kind `{kind}` admits nothing; give an admission with its invocation"
                )));
            };
            // The writer looks again, where the order of the log is made; whoever waits for no writer is told here.
            if self.state.is_overtaken(&event) {
                return Err(Unavailable::overtaken());
            }
            let stored = self.store(event, durability).await?;
            Ok(Receipt { invocation, stored })
        }
    }

    /// From now on no admission is stored that was decided under an earlier policy epoch: in the log none stands after a
    /// record that is stored from here on. With [`Durability::Relaxed`] one that is queued already may.
    pub fn void_before(&self, epoch: u64) {
        self.state.floor.fetch_max(epoch, Ordering::SeqCst);
    }

    /// Stores a conclusion and gives the evidence (absent with [`Durability::Relaxed`]). It may use the room that
    /// was kept for it on a full disk.
    ///
    /// # Errors
    /// [`Unavailable`]: the outcome is unaudited. Also for an event that is no conclusion of an invocation.
    pub fn conclude(&self, event: Event) -> impl Future<Output = Result<Option<Stored>, Unavailable>> + Send + use<'_> {
        let event = Box::new(event);
        async move {
            if event.kind != Kind::Concluded || event.invocation.is_none() {
                let kind = event.kind.as_str();
                return Err(Unavailable::once(format!(
                    "a record of kind `{kind}` concludes nothing; give a conclusion with its invocation"
                )));
            }
            self.store(event, self.durability).await
        }
    }

    /// Stores any other record and gives the evidence (absent with [`Durability::Relaxed`]).
    ///
    /// # Errors
    /// [`Unavailable`]: what it records must not happen.
    pub fn record(&self, event: Event) -> impl Future<Output = Result<Option<Stored>, Unavailable>> + Send + use<'_> {
        let event = Box::new(event);
        async move {
            if matches!(event.kind, Kind::Admitted | Kind::Concluded) {
                let kind = event.kind.as_str();
                return Err(Unavailable::once(format!("a record of kind `{kind}` has a method of its own; use that")));
            }
            self.store(event, self.durability).await
        }
    }

    /// Queues a record and does not wait until it is durable; waits for room in the queue only. Where it cannot
    /// be stored it is counted in a `gap` record.
    pub fn note(&self, event: Event) -> impl Future<Output = ()> + Send + use<'_> {
        let event = Box::new(event);
        async move {
            let command = Command::Store { event, waiter: None };
            // A ledger that has ended told so through `failed` and through every awaited record.
            let _ = self.queue.send(command).await;
        }
    }

    /// How it is.
    #[must_use]
    pub fn status(&self) -> Status {
        let state = &self.state;
        Status {
            records: state.records.load(Ordering::Acquire),
            open: state.open.load(Ordering::Relaxed),
            queued: self.queue.max_capacity() - self.queue.capacity(),
            lost: state.lost.load(Ordering::Relaxed),
            writable: state.writable.load(Ordering::Acquire),
            published: state.published.load(Ordering::Acquire),
            publishing: state.publishing(),
            failure: state.failure(),
        }
    }

    /// Completes when the ledger has failed for good: the host stops serving and ends its process.
    pub async fn failed(&self) -> Unavailable {
        self.state.failed().await
    }

    /// Stores what is queued and ends the writer, for all clones. The directory is free afterwards.
    ///
    /// # Errors
    /// [`Unavailable`] where the ledger had failed.
    pub async fn close(self) -> Result<(), Unavailable> {
        // A writer that has ended already needs no telling.
        let _ = self.queue.send(Command::Close).await;
        self.state.ended().await;
        self.state.failure().map_or(Ok(()), Err)
    }

    async fn store(&self, event: Box<Event>, durability: Durability) -> Result<Option<Stored>, Unavailable> {
        let (waiter, stored) = match durability {
            Durability::Full => {
                let (waiter, stored) = oneshot::channel();
                (Some(waiter), Some(stored))
            }
            Durability::Relaxed => (None, None),
        };
        let command = Command::Store { event, waiter };
        let queued = self.queue.send(command).await;
        queued.map_err(|_| self.state.gone())?;
        if stored.is_some() && self.durability == Durability::Relaxed {
            self.thread.iter().for_each(thread::Thread::unpark);
        }
        match stored {
            Some(stored) => stored.await.unwrap_or_else(|_| Err(self.state.gone())).map(Some),
            None => Ok(None),
        }
    }
}

/// Dropped last on the writer's thread, after the storage.
#[derive(Debug)]
pub(crate) struct Ended(pub(crate) Arc<State>);

impl Drop for Ended {
    fn drop(&mut self) {
        if thread::panicking() {
            let reason = "the audit log's thread died; start the host again and report what happened";
            self.0.fail(&Unavailable::lasting(reason));
        }
        self.0.end();
    }
}
