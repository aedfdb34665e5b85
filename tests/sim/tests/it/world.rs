//! What everybody remembers beside the host: what runtimes ran, what they said, what callers heard, what operators were
//! told. The log is held against it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use grid_core::{
    clock::{Clock, SharedClock},
    id::InvocationId,
};
use tokio::{sync::Notify, time::Instant};

use crate::{disk::Disk, holders::Grants, operators::Changes, script::Weather, streams::Streams, trace::Trace};

/// When the world begins, in milliseconds since 1970: where the testkit's clock does, whose tokens are used here.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// The host's clock: tokio's, which stands still until everybody waits. What it shows on the wall may be moved.
#[derive(Debug)]
pub struct SimClock {
    began: Instant,
    before: Duration,
    wall: Arc<AtomicI64>,
}

impl SimClock {
    /// Goes on from `before`, now, `wall` milliseconds off. Call it inside a runtime.
    pub fn after(before: Duration, wall: &Arc<AtomicI64>) -> SharedClock {
        Arc::new(Self { began: Instant::now(), before, wall: Arc::clone(wall) })
    }
}

impl Clock for SimClock {
    fn elapsed(&self) -> Duration {
        self.before + self.began.elapsed()
    }

    fn unix_ms(&self) -> u64 {
        let right = EPOCH_MS + u64::try_from(self.elapsed().as_millis()).unwrap();
        right.checked_add_signed(self.wall.load(Ordering::Relaxed)).unwrap()
    }
}

/// A runtime began to run a call.
#[derive(Debug, Clone)]
pub struct Ran {
    pub life: usize,
    pub at: Duration,
    /// Frames of the log that were durable.
    pub synced: usize,
    pub invocation: InvocationId,
    pub call_id: String,
    pub tool: String,
    pub args: String,
    pub runtime: String,
    pub tenant: &'static str,
    /// It reads at once, so the call was sent at that very time.
    pub prompt: bool,
}

/// How a result was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As it must be, on the connection that was called.
    Right,
    /// As it must be, and its content is no JSON.
    Garbled,
    /// Under another name.
    Wrong,
    /// On another connection than the one that was called.
    Elsewhere,
}

/// The host took a result frame.
#[derive(Debug, Clone)]
pub struct Said {
    pub life: usize,
    pub invocation: InvocationId,
    pub content: String,
    pub form: Form,
}

/// A caller has an answer.
#[derive(Debug, Clone)]
pub struct Heard {
    pub synced: usize,
    /// The log could not be written any more.
    pub unwritable: bool,
    pub call_id: String,
    pub invocation: Option<InvocationId>,
    pub repeated: bool,
    /// The tool's words, or the host's code.
    pub answer: Result<String, &'static str>,
}

/// An operator was told that rights ended.
#[derive(Debug, Clone, Copy)]
pub struct Revoked {
    pub life: usize,
    /// When it was asked for, by the host's wall clock in milliseconds: who is proved later is so by what holds then.
    pub asked: u64,
    pub at: Duration,
    pub epoch: u64,
    /// Whose proofs of before are void.
    pub unproved: Option<&'static str>,
}

/// A caller sent a call.
#[derive(Debug, Clone, Copy)]
pub struct Sender {
    pub name: &'static str,
    /// When what proves it was made, by the host's wall clock in milliseconds.
    pub proved: u64,
    pub sent: Duration,
}

/// A runtime asked for another tool, for a call in its hands.
#[derive(Debug, Clone)]
pub struct Nested {
    pub parent: InvocationId,
    pub call_id: String,
    /// Whose rights bound it.
    pub may_call: bool,
}

#[derive(Debug, Default)]
pub struct Memory {
    pub trace: Trace,
    pub ran: Vec<Ran>,
    pub said: Vec<Said>,
    pub heard: Vec<Heard>,
    /// Who sent each call first.
    pub senders: HashMap<String, Sender>,
    pub revoked: Vec<Revoked>,
    /// Who opened which session.
    pub sessions: Vec<(&'static str, String)>,
    pub streams: Streams,
    pub grants: Grants,
    pub nested: Vec<Nested>,
    pub changes: Changes,
    /// What was seen to be wrong while it was done, and what a host still held when nobody was left.
    pub faults: Vec<String>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct World {
    pub seed: u64,
    pub weather: Weather,
    pub disk: Disk,
    /// Records have their place in the log, and are not durable yet.
    pub placed: Arc<Notify>,
    /// How far the host's wall clock is off, in milliseconds.
    pub wall: Arc<AtomicI64>,
    life: Arc<AtomicUsize>,
    calls: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    clock: Arc<Mutex<Option<SharedClock>>>,
    memory: Arc<Mutex<Memory>>,
}

impl World {
    pub fn new(seed: u64) -> Self {
        Self {
            seed,
            weather: Weather::of(seed),
            disk: Disk::default(),
            placed: Arc::default(),
            wall: Arc::default(),
            life: Arc::default(),
            calls: Arc::default(),
            stopping: Arc::default(),
            clock: Arc::default(),
            memory: Arc::default(),
        }
    }

    /// Another host begins where the one before ended.
    pub fn begin(&self, life: usize, clock: SharedClock) {
        self.life.store(life, Ordering::Relaxed);
        self.stopping.store(false, Ordering::Relaxed);
        *self.clock.lock().unwrap() = Some(clock);
    }

    pub fn clock(&self) -> SharedClock {
        Arc::clone(self.clock.lock().unwrap().as_ref().unwrap())
    }

    pub fn life(&self) -> usize {
        self.life.load(Ordering::Relaxed)
    }

    pub fn is_fair(&self) -> bool {
        self.weather == Weather::Fair
    }

    pub fn now(&self) -> Duration {
        self.clock().elapsed()
    }

    pub fn unix_ms(&self) -> u64 {
        self.clock().unix_ms()
    }

    /// Runtimes go home.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// A number that no call had before.
    pub fn number(&self) -> usize {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }

    pub fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap()
    }

    pub fn fault(&self, fault: String) {
        self.memory().faults.push(fault);
    }

    pub fn tell(&self, line: &str) {
        let line = format!("{:>10.3} {line}", self.now().as_secs_f64());
        self.memory().trace.add(line);
    }
}
