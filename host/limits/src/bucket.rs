//! How one limit stands for those whom it counts together: its rate, its places, its budget.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    id::{PrincipalId, TenantId},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{
    budget::{Account, Accounts, Spent},
    rate::Rate,
    rules::{Crowd, Rule},
};

/// After this, whoever met a full queue may try again: places become free one by one, and nobody knows when.
const SOON: Duration = Duration::from_millis(250);

/// Which limit, and whose count; what is counted together is absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) rule: u64,
    pub(crate) tenant: Option<TenantId>,
    pub(crate) principal: Option<PrincipalId>,
    pub(crate) tool: Option<Arc<str>>,
}

/// One count.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) rule: Arc<Rule>,
    rate: Option<Rate>,
    places: Option<Places>,
    spent: Option<Arc<Spent>>,
    pub(crate) refused: AtomicU64,
    /// Milliseconds of the host's clock.
    used: AtomicU64,
}

#[derive(Debug)]
struct Places {
    crowd: Crowd,
    free: Arc<Semaphore>,
    waiting: AtomicU32,
}

impl Bucket {
    pub(crate) fn new(rule: &Arc<Rule>, key: &Key, clock: &SharedClock, accounts: &Accounts) -> Self {
        let account = || Account {
            limit: rule.name.to_string(),
            tenant: key.tenant.as_ref().map(ToString::to_string),
            principal: key.principal.as_ref().map(ToString::to_string),
            tool: key.tool.as_ref().map(ToString::to_string),
        };
        Self {
            rule: Arc::clone(rule),
            rate: rule.pace.and_then(|pace| Rate::new(pace, clock)),
            places: rule.crowd.map(|crowd| Places {
                crowd,
                free: Arc::new(Semaphore::new(crowd.places as usize)),
                waiting: AtomicU32::new(0),
            }),
            spent: rule.budget.map(|_| accounts.of(account())),
            refused: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    pub(crate) fn touch(&self, now: Duration) {
        self.used.store(millis(now), Ordering::Relaxed);
    }

    /// Whether nothing would be lost with it.
    pub(crate) fn is_idle(&self, now: Duration, rest: Duration) -> bool {
        self.used.load(Ordering::Relaxed).saturating_add(millis(rest)) <= millis(now)
            && self.rate.as_ref().is_none_or(Rate::is_rested)
            && self.running() == 0
            && self.waiting() == 0
    }

    /// How long until the rate has a call.
    pub(crate) fn wait(&self) -> Option<Duration> {
        self.rate.as_ref().and_then(|rate| rate.ask().err())
    }

    pub(crate) fn take_rate(&self) -> Result<(), Duration> {
        self.rate.as_ref().map_or(Ok(()), Rate::take)
    }

    pub(crate) fn give_rate_back(&self) {
        if let Some(rate) = &self.rate {
            rate.give_back();
        }
    }

    pub(crate) fn take_units(&self, cost: u64, day: u64) -> Result<(), ()> {
        match (&self.spent, self.rule.budget) {
            (Some(spent), Some(budget)) => spent.take(cost, budget, day),
            _ => Ok(()),
        }
    }

    pub(crate) fn give_units_back(&self, cost: u64) {
        if let Some(spent) = &self.spent {
            spent.give_back(cost);
        }
    }

    pub(crate) fn spent(&self, day: u64) -> u64 {
        self.spent.as_ref().map_or(0, |spent| spent.on(day))
    }

    pub(crate) fn running(&self) -> u32 {
        let free = |places: &Places| u32::try_from(places.free.available_permits()).unwrap_or(u32::MAX);
        self.places.as_ref().map_or(0, |places| places.crowd.places.saturating_sub(free(places)))
    }

    pub(crate) fn waiting(&self) -> u32 {
        self.places.as_ref().map_or(0, |places| places.waiting.load(Ordering::Relaxed))
    }

    /// A place, at once or in turn; `left` is what the call has of its own time.
    pub(crate) async fn place(&self, left: Duration) -> Result<Option<OwnedSemaphorePermit>, Refusal> {
        let Some(places) = &self.places else { return Ok(None) };
        if let Ok(place) = Arc::clone(&places.free).try_acquire_owned() {
            return Ok(Some(place));
        }
        let Some(_turn) = places.turn() else {
            return Err(self.refuse(Code::ResourceExhausted, "queue", SOON));
        };
        let place = Arc::clone(&places.free).acquire_owned();
        match tokio::time::timeout(places.crowd.wait.min(left), place).await {
            Ok(Ok(place)) => Ok(Some(place)),
            // The semaphore is never closed.
            Ok(Err(_)) | Err(_) => Err(self.refuse(Code::ResourceExhausted, "wait", SOON)),
        }
    }

    /// What the caller hears: which limit it was, and its numbers only where the count is nobody else's.
    pub(crate) fn refuse(&self, code: Code, kind: &'static str, wait: Duration) -> Refusal {
        self.refused.fetch_add(1, Ordering::Relaxed);
        let name = &self.rule.name;
        let message = match kind {
            "rate" => format!("too many calls in a short time (limit `{name}`); wait, and send the call again"),
            "budget" => format!("what may be spent in a day is spent (limit `{name}`); wait for the next day, UTC"),
            "queue" => format!("too many calls at once, and too many wait (limit `{name}`); send fewer at a time"),
            _ => format!(
                "too many calls at once, and no place became free in time (limit `{name}`); send fewer at a time"
            ),
        };
        let refusal = Refusal::new(code, Stage::Limits, message)
            .because(format!("limit `{name}`: {kind}"))
            .with("limit", name.as_ref())
            .with("kind", kind)
            .with("sent", "false")
            .retry_after(wait);
        match (self.rule.per.is_own(), kind, self.rule.budget) {
            (true, "budget", Some(budget)) => refusal.with("budget", budget.to_string()),
            _ => refusal,
        }
    }
}

impl Places {
    /// A place in the queue; given back when dropped.
    fn turn(&self) -> Option<Turn<'_>> {
        let more = |waiting: u32| (waiting < self.crowd.queue).then(|| waiting + 1);
        let taken = self.waiting.fetch_update(Ordering::AcqRel, Ordering::Acquire, more);
        taken.ok().map(|_| Turn(&self.waiting))
    }
}

struct Turn<'a>(&'a AtomicU32);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
