//! A machine with a ledger on it: it is switched on, works, and is switched off or loses its process.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_audit::{Durability, Error, FileOptions, FileStorage, Ledger, Observer, Storage, Tail, Visit, disk::Disk};
use grid_core::{
    clock::Clock,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::{
    image::Image,
    random::Random,
    sim::SimDisk,
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

/// Counts batches that became durable.
#[derive(Debug, Default)]
struct Commits(AtomicU64);

impl Observer for Commits {
    fn committed(&self, _entries: usize, _took: Duration) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// Shows what its storage showed.
#[derive(Debug)]
struct Watched {
    storage: FileStorage<SimDisk>,
    seen: Arc<Mutex<Option<Entries>>>,
}

impl Storage for Watched {
    fn recover(&mut self, visit: &mut Visit<'_>) -> Result<Tail, Error> {
        let mut seen = Entries::new();
        let tail = self.storage.recover(&mut |entry| {
            assert_eq!(entry.index, seen.len() as u64, "indices are not consecutive");
            seen.push(entry.bytes.to_vec());
            visit(entry);
        })?;
        assert_eq!(tail.next_index, seen.len() as u64);
        *self.seen.lock().unwrap() = Some(seen);
        Ok(tail)
    }

    fn append(&mut self, frame: &[u8]) -> io::Result<()> {
        self.storage.append(frame)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.storage.sync()
    }

    fn reset(&mut self) -> io::Result<()> {
        self.storage.reset()
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        self.storage.has_room(bytes)
    }

    fn max_frame(&self) -> usize {
        self.storage.max_frame()
    }
}

/// One thread, so that tasks run in the order in which they were begun.
pub fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

#[derive(Debug, Clone)]
pub struct Machine {
    pub disk: SimDisk,
    pub clock: Arc<Hand>,
    pub segment_bytes: u64,
    pub durability: Durability,
    commits: Arc<Commits>,
}

impl Machine {
    pub fn new(disk: SimDisk, segment_bytes: u64) -> Self {
        Self { disk, clock: Arc::default(), segment_bytes, durability: Durability::Full, commits: Arc::default() }
    }

    /// Opens the log and checks what is in it. Nothing where that failed, which it may only if the disk did.
    pub fn open(&self, story: &mut Story, runtime: &Handle) -> Option<Ledger> {
        let seen = Arc::default();
        let opened = self.start(&seen, runtime);
        let found = seen.lock().unwrap().take();
        found.iter().for_each(|found| story.check(found));
        match opened {
            Ok((ledger, closed)) => {
                story.opened(found.unwrap(), &closed);
                Some(ledger)
            }
            Err(error) => {
                let excused = self.disk.was_disturbed() && !matches!(error, Error::Damaged { .. });
                assert!(excused, "the log did not open unattended: {error}");
                None
            }
        }
    }

    fn start(
        &self,
        seen: &Arc<Mutex<Option<Entries>>>,
        runtime: &Handle,
    ) -> Result<(Ledger, Vec<InvocationId>), Error> {
        let options = FileOptions { directory: PathBuf::from(DIRECTORY), segment_bytes: self.segment_bytes };
        let storage = FileStorage::open_on(self.disk.clone(), options, self.clock.clone())?;
        let storage = Watched { storage, seen: Arc::clone(seen) };
        let observer = self.commits.clone();
        let (ledger, recovered) = Ledger::start(storage, self.durability, 256, self.clock.clone(), observer, runtime)?;
        Ok((ledger, recovered.closed))
    }

    /// Batches that became durable so far.
    pub fn commits(&self) -> u64 {
        self.commits.0.load(Ordering::Acquire)
    }

    /// Ends its process without a warning.
    pub async fn kill(&self, ledger: Ledger) -> Image {
        self.disk.stop();
        // Whatever it says: it cannot reach the disk any more.
        let _ = ledger.close().await;
        self.disk.image()
    }

    /// Opens once more where nothing goes wrong, and once more, and looks at everything.
    pub fn last_look(image: Image, segment_bytes: u64, mut story: Story, runtime: &Runtime) {
        let machine = Self::new(SimDisk::new(image, crate::sim::Plan::default(), Random::new(0)), segment_bytes);
        let ledger = machine.open(&mut story, runtime.handle()).unwrap();
        runtime.block_on(ledger.close()).unwrap();
        let seen = Arc::default();
        let (ledger, closed) = machine.start(&seen, runtime.handle()).unwrap();
        assert_eq!(closed, [], "calls were closed twice");
        runtime.block_on(ledger.close()).unwrap();
        story.end(&seen.lock().unwrap().take().unwrap());
        check_replaced(&machine.disk, &mut story);
    }
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
