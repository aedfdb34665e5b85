//! A machine with a ledger on it: it is switched on, works, and is switched off or loses its process.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_audit::{
    Disk, Durability, Error, FileOptions, FileStorage, History, Ledger, Observer, Options, Reader, Recovered,
    Unavailable,
};
use grid_core::{
    clock::Clock,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use grid_tlog::Signer;
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    image::Image,
    public,
    random::Random,
    sim::{Plan, SimDisk},
    story::{Entries, Story},
};

pub const DIRECTORY: &str = "/srv/grid/audit";

/// Moved by hand, so that nothing depends on the machine that runs this.
#[derive(Debug, Default)]
pub struct Hand(AtomicU64);

impl Hand {
    pub fn pass(&self, time: Duration) {
        self.0.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn unix_ms(&self) -> u64 {
        1_700_000_000_000 + self.0.load(Ordering::Relaxed)
    }
}

/// Counts what became durable and, where that is done, public.
#[derive(Debug, Default)]
struct Commits {
    batches: AtomicU64,
    entries: AtomicU64,
}

impl Observer for Commits {
    fn committed(&self, entries: usize, _took: Duration) {
        self.entries.fetch_add(entries as u64, Ordering::AcqRel);
        self.batches.fetch_add(1, Ordering::AcqRel);
    }
}

/// One thread, so that tasks run in the order in which they were begun.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

/// What kind of log is kept.
#[derive(Debug, Clone, Copy)]
pub struct Log {
    pub segment_bytes: u64,
    /// Whether there are tiles and checkpoints beside the segments.
    pub publishes: bool,
}

#[derive(Debug, Clone)]
pub struct Machine {
    pub disk: SimDisk,
    pub clock: Arc<Hand>,
    pub log: Log,
    pub durability: Durability,
    commits: Arc<Commits>,
}

impl Machine {
    pub fn new(disk: SimDisk, log: Log) -> Self {
        Self { disk, clock: Arc::default(), log, durability: Durability::Full, commits: Arc::default() }
    }

    /// Opens the log and checks what is in it. Nothing where that failed, which it may only if the disk did.
    pub fn open(&self, story: &mut Story, runtime: &Handle) -> Option<Ledger> {
        match self.start(runtime) {
            Ok((ledger, recovered)) => {
                self.commits.entries.fetch_add(recovered.records, Ordering::AcqRel);
                let found = self.entries();
                if !self.disk.has_stopped() {
                    story.opened(found.unwrap(), &recovered);
                }
                self.look(story);
                Some(ledger)
            }
            Err(error) => {
                let excused = self.disk.was_disturbed() && !matches!(error, Error::Damaged { .. });
                assert!(excused, "the log did not open unattended: {error}");
                None
            }
        }
    }

    fn start(&self, runtime: &Handle) -> Result<(Ledger, Recovered), Error> {
        let mut options = Options::new(DIRECTORY, signer());
        options.segment_bytes = self.log.segment_bytes;
        options.durability = self.durability;
        options.queue = 256;
        let (clock, observer) = (self.clock.clone(), self.commits.clone());
        if self.log.publishes {
            return Ledger::open_on(self.disk.clone(), options, clock, observer, runtime);
        }
        let files = FileOptions { directory: options.directory.clone(), segment_bytes: self.log.segment_bytes };
        let storage = FileStorage::open_on(self.disk.clone(), files, clock.clone())?;
        Ledger::start(storage, &options, clock, observer, runtime)
    }

    /// All entries, as a reader finds them.
    pub fn entries(&self) -> Result<Entries, Error> {
        let records = Reader::open_on(self.disk.clone(), DIRECTORY)?.records(0);
        let mut next = 0;
        let entries = records.map(|record| {
            let record = record?;
            assert_eq!(record.index(), next, "indices are not consecutive");
            next += 1;
            Ok(record.line().as_bytes().to_vec())
        });
        entries.collect()
    }

    /// Remembers what everybody can see of the log; nothing may contradict it later.
    pub fn look(&self, story: &mut Story) {
        if let Some((size, root)) = public::shown(&self.disk, signer().verifying_key()) {
            story.saw(size, root);
        }
    }

    /// Batches that became durable so far.
    pub fn commits(&self) -> u64 {
        self.commits.batches.load(Ordering::Acquire)
    }

    /// Waits until the writer has done all it does for a batch: its callers hear of it earlier, and would get in
    /// between.
    pub fn settle(&self, ledger: &Ledger) {
        while self.commits.entries.load(Ordering::Acquire) < ledger.status().records {
            std::thread::yield_now();
        }
    }

    /// Ends its process without a warning.
    pub async fn kill(&self, ledger: Ledger) -> Image {
        self.disk.stop();
        // Whatever it says: it cannot reach the disk any more.
        let _ = ledger.close().await;
        self.disk.image()
    }

    /// Opens once more where nothing goes wrong, and once more, and looks at everything.
    pub fn last_look(image: Image, log: Log, mut story: Story, runtime: &Runtime) {
        let machine = Self::new(SimDisk::new(image, Plan::default(), Random::new(0)), log);
        for _ in 0..2 {
            let ledger = machine.open(&mut story, runtime.handle()).unwrap();
            assert_eq!(ledger.status().publishing, None);
            runtime.block_on(ledger.close()).unwrap();
        }
        let entries = machine.entries().unwrap();
        story.end(&entries);
        check_replaced(&machine.disk, &mut story);
        if log.publishes && !entries.is_empty() {
            public::check(&machine.disk, &entries, &History::of(signer().verifying_key().clone()));
        }
    }
}

/// A key that nobody else has a use for.
pub fn signer() -> Arc<Signer> {
    const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| Arc::new(Signer::parse(KEY).unwrap()));
    Arc::clone(&SIGNER)
}

/// Stores and gives the index.
pub async fn store(ledger: Ledger, event: Event) -> Result<u64, Unavailable> {
    let stored = match event.kind {
        Kind::Admitted => return Ok(ledger.admit(event).await?.index().unwrap()),
        Kind::Concluded => ledger.conclude(event).await?,
        _ => ledger.record(event).await?,
    };
    Ok(stored.unwrap().index())
}

pub fn admission(random: &mut Random) -> Event {
    let bits = u128::from(random.next()) << 64 | u128::from(random.next());
    let mut event = event(Kind::Admitted);
    event.invocation = Some(format!("i-{bits:032x}").parse().unwrap());
    event.tool = Some("files.read".into());
    event
}

pub fn conclusion(of: InvocationId) -> Event {
    let mut event = event(Kind::Concluded);
    event.invocation = Some(of);
    event.outcome = Some(Outcome::Success);
    event
}

pub fn refusal(length: u64, random: &mut Random) -> Event {
    let mut event = event(Kind::Refused);
    event.detail = Some(format!("{:016x}{}", random.next(), "x".repeat(usize::try_from(length).unwrap())));
    event
}

fn event(kind: Kind) -> Event {
    Event::new(kind, 1_700_000_000_000, CorrelationId::parse("c-1").unwrap())
}

/// Beside the segments, where other parts of the log are kept.
fn replaced() -> PathBuf {
    Path::new(DIRECTORY).join("replaced")
}

/// Longer than a page, and every version of another length.
fn version(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(usize::try_from(700 + number % 50).unwrap())
}

/// Gives the file its next content.
pub fn replace(disk: &SimDisk, story: &mut Story) -> io::Result<()> {
    story.tried += 1;
    disk.replace(&replaced(), &version(story.tried))?;
    story.replaced = story.tried;
    Ok(())
}

pub fn check_replaced(disk: &SimDisk, story: &mut Story) {
    let found = match disk.read(&replaced()) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(_) if disk.has_stopped() => return,
        Err(error) => panic!("{error}"),
    };
    let allowed = |number: &u64| found == if *number == 0 { Vec::new() } else { version(*number) };
    let number = (story.replaced..=story.tried).find(allowed);
    assert!(number.is_some(), "the replaced file has {} bytes of no version from {}", found.len(), story.replaced);
}
