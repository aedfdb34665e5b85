//! What all actors of a history share: dice, numbers, the logs of what they did.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::{
    clock::SharedClock,
    envelope::Credentials,
    port::{AdminDoor, ApprovalDoor, FrontDoor, LocalDoor, RuntimeDoor},
};
use grid_testkit::Dice;
use tokio::time::sleep;

use crate::{
    approvals::Approvals,
    check::{Event, NEVER, Spec, Stamp},
    grants::Grants,
    record::Log,
    registry::Registry,
    sessions::{Calls, Sessions},
};

/// What everybody may knock at.
pub trait Doors: FrontDoor + LocalDoor + RuntimeDoor + AdminDoor + ApprovalDoor + Clone {}
impl<D: FrontDoor + LocalDoor + RuntimeDoor + AdminDoor + ApprovalDoor + Clone> Doors for D {}

/// An operator made rights void: those of one principal, or all.
#[derive(Debug, Clone, Copy)]
pub struct Revocation {
    pub of: Option<&'static str>,
    pub invoked: Stamp,
    pub returned: Stamp,
}

/// A session was asked to end.
#[derive(Debug, Clone)]
pub struct Ended {
    pub session: String,
    pub invoked: Stamp,
    pub returned: Stamp,
}

#[derive(Debug, Default)]
pub struct Memory {
    pub registry: Log<Registry>,
    pub sessions: Log<Sessions>,
    pub calls: Log<Calls>,
    pub grants: Log<Grants>,
    pub approvals: Log<Approvals>,
    pub revocations: Mutex<Vec<Revocation>>,
    pub ends: Mutex<Vec<Ended>>,
    /// Call ids of calls that write, one a run.
    pub runs: Mutex<Vec<String>>,
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct World {
    pub seed: u64,
    /// Of the host.
    pub clock: SharedClock,
    /// How much faster it runs than tokio's.
    pub times: u32,
    pub memory: Arc<Memory>,
    ops: Arc<AtomicU64>,
    most: u64,
    ids: Arc<AtomicU64>,
    stopping: Arc<AtomicBool>,
}

impl World {
    pub fn new(seed: u64, clock: SharedClock, times: u32, most: u64) -> Self {
        let (memory, ops, ids, stopping) = Default::default();
        Self { seed, clock, times, memory, ops, most, ids, stopping }
    }

    pub fn stamp(&self) -> Stamp {
        (self.clock.elapsed(), self.number())
    }

    /// That nobody else has.
    pub fn number(&self) -> u64 {
        self.ids.fetch_add(1, Ordering::SeqCst)
    }

    /// Whether another operation may begin; it is counted.
    pub fn goes_on(&self) -> bool {
        self.ops.fetch_add(1, Ordering::SeqCst) < self.most
    }

    pub fn ops(&self) -> u64 {
        self.ops.load(Ordering::SeqCst).min(self.most)
    }

    /// Runtimes go home.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::SeqCst)
    }

    /// An actor's own.
    pub fn dice(&self, actor: u64) -> Dice {
        let mut mixed = Dice::seeded(self.seed.wrapping_mul(0x9e37_79b9).wrapping_add(actor));
        Dice::seeded(mixed.roll())
    }

    /// Between so many milliseconds of the host's clock.
    pub async fn rest(&self, dice: &mut Dice, least: u64, most: u64) {
        sleep(self.real(between(dice, least, most))).await;
    }

    /// What passes of tokio's time while that passes of the host's.
    pub fn real(&self, host: Duration) -> Duration {
        host / self.times
    }

    /// Waits for an answer, or leaves before it comes: then nobody knows.
    pub async fn wait<T>(&self, leave: Option<Duration>, asked: impl Future<Output = T>) -> Option<T> {
        match leave {
            None => Some(asked.await),
            Some(after) => tokio::select! {
                biased;
                answer = asked => Some(answer),
                () = sleep(self.real(after)) => None,
            },
        }
    }

    /// An event that ends now, or never where nobody heard of it.
    pub fn event<S: Spec>(&self, who: &str, op: S::Op, ret: Option<S::Ret>, invoked: Stamp) -> Event<S> {
        let returned = if ret.is_some() { self.stamp() } else { NEVER };
        Event { id: self.number(), who: who.to_owned(), op, ret, invoked, returned, after: None }
    }

    /// What time does by itself, between two moments of the host's clock.
    pub fn by_time<S: Spec>(&self, op: S::Op, ret: S::Ret, (from, to): (Duration, Duration)) -> Event<S> {
        let (invoked, returned) = ((from, 0), (to, u64::MAX));
        Event { id: self.number(), who: "time".to_owned(), op, ret: Some(ret), invoked, returned, after: None }
    }
}

/// Some time between two others.
pub fn between(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + dice.roll() % (most - least + 1))
}

/// One that is left after a moment, now and then.
pub fn impatience(dice: &mut Dice) -> Option<Duration> {
    (dice.below(12) == 0).then(|| between(dice, 0, 200))
}

/// Who asks, and what proves it.
#[derive(Debug, Clone)]
pub struct Who {
    pub name: &'static str,
    pub proof: Credentials,
}
