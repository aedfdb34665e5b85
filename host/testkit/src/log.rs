//! An audit log in memory, and a disk under it that can be held, filled and broken.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use grid_audit::{Chain, Error, Ledger, MemoryStorage, Options, Record, Recovered, Storage};
use grid_core::clock::{SharedClock, SystemClock};
use grid_tlog::{Frontier, Kind, Signer, VerifyingKey};
use tokio::runtime::Handle;

/// Cheap to clone; all clones are one disk.
#[derive(Debug, Clone, Default)]
pub struct Disk {
    memory: MemoryStorage,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Debug, Default)]
struct Gate {
    held: bool,
    waiting: usize,
}

impl Disk {
    /// From now on syncs wait.
    pub fn hold(&self) {
        self.gate().held = true;
    }

    /// Syncs go on.
    pub fn release(&self) {
        self.gate().held = false;
        self.gate.1.notify_all();
    }

    /// A sync waits.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        self.gate().waiting > 0
    }

    /// The next sync and all later ones fail.
    pub fn break_down(&self) {
        self.memory.fail_sync(Some(0));
    }

    /// Has room for conclusions only, or for everything again.
    pub fn set_full(&self, full: bool) {
        self.memory.set_full(full);
    }

    /// How many syncs succeeded.
    #[must_use]
    pub fn syncs(&self) -> u64 {
        self.memory.syncs()
    }

    /// Every byte on it.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.memory.bytes()
    }

    fn gate(&self) -> MutexGuard<'_, Gate> {
        self.gate.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for Disk {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        self.memory.recover(chain)
    }

    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()> {
        self.memory.append(frame, edge)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut gate = self.gate();
        gate.waiting += 1;
        while gate.held {
            gate = self.gate.1.wait(gate).unwrap_or_else(PoisonError::into_inner);
        }
        gate.waiting -= 1;
        drop(gate);
        self.memory.sync()
    }

    fn reset(&mut self) -> io::Result<()> {
        self.memory.reset()
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        self.memory.has_room(bytes)
    }

    fn max_frame(&self) -> usize {
        self.memory.max_frame()
    }
}

/// A log on such a disk.
#[derive(Debug, Clone)]
pub struct Log {
    /// As the stages hold it.
    pub ledger: Ledger,
    /// Under it.
    pub disk: Disk,
    signer: Arc<Signer>,
}

impl Log {
    /// An empty log. Call it inside a runtime.
    ///
    /// # Panics
    /// Where it cannot be begun.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test without its log should stop")]
    pub fn open() -> Self {
        let disk = Disk::default();
        // The writer measures its own work; a clock that stands still would make it wait.
        let signer = Signer::generate("test.example/log", Kind::Note).expect("there are random bytes");
        Self::on(disk, Arc::new(signer), SystemClock::shared()).0
    }

    /// The same log as a later process opens it, at the time of `clock`. Whoever has it open must not write any more.
    ///
    /// # Panics
    /// Where it cannot be opened.
    #[must_use]
    pub fn again(&self, clock: SharedClock) -> (Self, Recovered) {
        Self::on(self.disk.clone(), Arc::clone(&self.signer), clock)
    }

    #[expect(clippy::expect_used, reason = "a test without its log should stop")]
    fn on(disk: Disk, signer: Arc<Signer>, clock: SharedClock) -> (Self, Recovered) {
        let options = Options::new("unused", Arc::clone(&signer));
        let (ledger, recovered) = Ledger::start(disk.clone(), &options, clock, Arc::new(()), &Handle::current())
            .expect("a log in memory begins");
        (Self { ledger, disk, signer }, recovered)
    }

    /// Who signs it.
    #[must_use]
    pub fn key(&self) -> &VerifyingKey {
        self.signer.verifying_key()
    }

    /// Everything that is written so far, in order.
    ///
    /// # Panics
    /// Where it cannot be read.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a log that cannot be read is a failure")]
    pub fn records(&self) -> Vec<Record> {
        let entries = self.disk.memory.entries();
        let records = (0..).zip(entries).map(|(index, entry)| Record::decode(index, &entry));
        records.collect::<Result<_, _>>().expect("the log reads back")
    }

    /// Those of one kind.
    #[must_use]
    pub fn of(&self, kind: &str) -> Vec<Record> {
        let mut records = self.records();
        records.retain(|record| record.kind() == kind);
        records
    }
}
