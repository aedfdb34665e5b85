//! The stage itself: finds the counts that a call belongs to, and takes from all of them or from none.

use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwap;
use dashmap::{DashMap, Entry};
use grid_authorize::PermittedCall;
use grid_core::{
    Code, Refusal, Stage,
    clock::{SharedClock, SystemClock},
    principal::Principal,
};
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    Defaults, LimitedCall, Pace, Rules, Withheld,
    bucket::{Bucket, Key},
    budget::{Accounts, today},
    refusals::Refusals,
    rules::Rule,
};

/// A count that nobody used for so long is forgotten.
const REST: Duration = Duration::from_secs(60);
/// How often it is looked for such.
const SWEEP: Duration = Duration::from_secs(10);

/// What the stage needs to know.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Limits without a file.
    pub defaults: Defaults,
    /// Refusals that one principal may collect, and that are written down one by one; absent for any number.
    pub refusals: Option<Pace>,
    /// Counts that are kept at once.
    pub keys: usize,
    /// Where budgets are kept; nowhere without it.
    pub budgets: Option<PathBuf>,
}

impl Default for Settings {
    /// No limits.
    fn default() -> Self {
        Self { defaults: Defaults::NONE, refusals: None, keys: 100_000, budgets: None }
    }
}

/// How one count stands.
#[derive(Debug, Clone)]
pub struct Usage {
    /// Which limit.
    pub rule: Arc<Rule>,
    /// Empty where tenants are counted together.
    pub tenant: String,
    /// Empty where principals are counted together.
    pub principal: String,
    /// Empty where tools are counted together.
    pub tool: String,
    /// Calls that hold a place.
    pub running: u32,
    /// Calls that wait for one.
    pub waiting: u32,
    /// Units of today.
    pub spent: u64,
    /// Calls that it refused since it is kept.
    pub refused: u64,
}

/// The stage.
#[derive(Debug)]
pub struct Limits {
    rules: ArcSwap<Rules>,
    defaults: Defaults,
    clock: SharedClock,
    most: usize,
    buckets: DashMap<Key, Arc<Bucket>>,
    kept: AtomicUsize,
    accounts: Accounts,
    refusals: Refusals,
    /// Milliseconds of the host's clock.
    swept: AtomicU64,
}

impl Default for Limits {
    /// Without any limit.
    fn default() -> Self {
        Self::with(Settings::default(), Vec::new(), SystemClock::shared(), Accounts::default())
    }
}

impl Limits {
    /// The stage with the limits of `settings` and of a file.
    ///
    /// # Errors
    /// The file of budgets cannot be read, in words for an operator.
    pub fn new(settings: Settings, file: Vec<Rule>, clock: SharedClock) -> Result<Self, String> {
        let accounts = match &settings.budgets {
            Some(path) => Accounts::load(path.clone(), clock.unix_ms())?,
            None => Accounts::default(),
        };
        Ok(Self::with(settings, file, clock, accounts))
    }

    fn with(settings: Settings, file: Vec<Rule>, clock: SharedClock, accounts: Accounts) -> Self {
        Self {
            rules: ArcSwap::from_pointee(Rules::new(settings.defaults, file)),
            defaults: settings.defaults,
            most: settings.keys,
            buckets: DashMap::new(),
            kept: AtomicUsize::new(0),
            accounts,
            refusals: Refusals::new(settings.refusals, settings.keys, clock.clone()),
            swept: AtomicU64::new(0),
            clock,
        }
    }

    /// Takes the call's places, and waits for them where the limit says so.
    ///
    /// # Errors
    /// RATE_LIMIT_EXCEEDED, RESOURCE_EXHAUSTED; nothing was taken then.
    pub async fn enter(&self, call: PermittedCall) -> Result<LimitedCall, Refusal> {
        let buckets = self.buckets_of(&call)?;
        let cost = call.call().contract().cost();
        self.take(&buckets, cost)?;
        let mut places = Vec::new();
        for bucket in &buckets {
            match bucket.place(self.left(&call)).await {
                Ok(place) => places.extend(place),
                Err(refusal) => {
                    self.give_back(&buckets, cost);
                    return Err(refusal);
                }
            }
        }
        Ok(LimitedCall::new(call, places))
    }

    /// The same for a call that its caller runs: it counts for rates and budgets. Places are not held for it, since it
    /// runs elsewhere and open grants are counted by themselves.
    ///
    /// # Errors
    /// RATE_LIMIT_EXCEEDED, RESOURCE_EXHAUSTED; nothing was taken then.
    pub fn enter_local(&self, call: PermittedCall) -> Result<LimitedCall, Refusal> {
        let buckets = self.buckets_of(&call)?;
        self.take(&buckets, call.call().contract().cost())?;
        Ok(LimitedCall::new(call, Vec::<OwnedSemaphorePermit>::new()))
    }

    /// A repeat runs nothing: it gives back the units of the budgets that it took. For rates it stays a request as any
    /// other.
    pub fn unspent(&self, call: &PermittedCall) {
        let cost = call.call().contract().cost();
        for bucket in self.buckets_of(call).unwrap_or_default() {
            bucket.give_units_back(cost);
        }
    }

    /// Whether a proved principal may ask anything just now, before anything is looked up for it.
    ///
    /// # Errors
    /// RATE_LIMIT_EXCEEDED where too many of its requests were refused.
    pub fn may_ask(&self, principal: &Principal) -> Result<(), Refusal> {
        self.refusals.may_ask(principal)
    }

    /// Takes note of a refusal of a proved principal; whether it is to be written down by itself.
    pub fn note_refusal(&self, principal: &Arc<Principal>, refusal: &Refusal) -> bool {
        self.refusals.note(principal, refusal)
    }

    /// Refusals that were not written down one by one since this was asked before.
    pub fn withheld(&self) -> Vec<Withheld> {
        self.refusals.withheld()
    }

    /// Other limits of a file from now on. Counts of limits that stay the same go on.
    pub fn replace(&self, file: Vec<Rule>) {
        self.rules.store(Arc::new(Rules::new(self.defaults, file)));
    }

    /// The limits in force.
    #[must_use]
    pub fn rules(&self) -> Arc<Rules> {
        self.rules.load_full()
    }

    /// At most `most` counts; those that run, wait or refused most come first.
    #[must_use]
    pub fn usage(&self, most: usize) -> Vec<Usage> {
        let day = today(self.clock.unix_ms()).0;
        let text = |value: Option<String>| value.unwrap_or_default();
        let mut all: Vec<Usage> = self
            .buckets
            .iter()
            .map(|entry| Usage {
                rule: Arc::clone(&entry.rule),
                tenant: text(entry.key().tenant.as_ref().map(ToString::to_string)),
                principal: text(entry.key().principal.as_ref().map(ToString::to_string)),
                tool: text(entry.key().tool.as_ref().map(ToString::to_string)),
                running: entry.running(),
                waiting: entry.waiting(),
                spent: entry.spent(day),
                refused: entry.refused.load(Ordering::Relaxed),
            })
            .collect();
        all.sort_by_key(|usage| std::cmp::Reverse((usage.running + usage.waiting, usage.refused, usage.spent)));
        all.truncate(most);
        all
    }

    /// Forgets counts that nobody uses. Cheap to ask often.
    pub fn sweep(&self) {
        let now = self.clock.elapsed();
        let ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let swept = self.swept.load(Ordering::Relaxed);
        if Duration::from_millis(ms.saturating_sub(swept)) < SWEEP {
            return;
        }
        self.swept.store(ms, Ordering::Relaxed);
        self.buckets.retain(|_, bucket| {
            let stays = Arc::strong_count(bucket) > 1 || !bucket.is_idle(now, REST);
            if !stays {
                self.kept.fetch_sub(1, Ordering::AcqRel);
            }
            stays
        });
        self.accounts.forget(today(self.clock.unix_ms()).0);
    }

    /// Writes down what was spent, where that changed. Blocks on the disk.
    ///
    /// # Errors
    /// Of the disk; the next call tries again.
    pub fn write_budgets(&self) -> io::Result<()> {
        self.accounts.write(self.clock.unix_ms())
    }

    fn buckets_of(&self, call: &PermittedCall) -> Result<Vec<Arc<Bucket>>, Refusal> {
        let contracted = call.call();
        let (principal, tool) = (&contracted.call().context().principal, contracted.contract().name());
        let rules = self.rules.load();
        let now = self.clock.elapsed();
        let mut buckets = Vec::new();
        for (number, rule) in rules.fitting(principal.tenant.as_str(), principal.id.as_str(), tool) {
            let key = Key {
                rule: number,
                tenant: rule.per.tenant.then(|| principal.tenant.clone()),
                principal: rule.per.principal.then(|| principal.id.clone()),
                tool: rule.per.tool.then(|| Arc::clone(tool)),
            };
            let bucket = self.bucket(key, rule)?;
            bucket.touch(now);
            buckets.push(bucket);
        }
        Ok(buckets)
    }

    fn bucket(&self, key: Key, rule: &Arc<Rule>) -> Result<Arc<Bucket>, Refusal> {
        if let Some(bucket) = self.buckets.get(&key) {
            return Ok(Arc::clone(&bucket));
        }
        // The entry is held while it is made, so that two calls never make two counts of one.
        match self.buckets.entry(key) {
            Entry::Occupied(known) => Ok(Arc::clone(known.get())),
            Entry::Vacant(place) => {
                if self.kept.fetch_add(1, Ordering::AcqRel) >= self.most {
                    self.kept.fetch_sub(1, Ordering::AcqRel);
                    let message =
                        "the host counts as many callers as it can just now; send the call again a little later";
                    return Err(Refusal::new(Code::ResourceExhausted, Stage::Limits, message)
                        .because("`limits.keys` counts are in use")
                        .with("limit", rule.name.as_ref())
                        .with("kind", "keys")
                        .with("sent", "false")
                        .retry_after(SWEEP));
                }
                let bucket = Arc::new(Bucket::new(rule, place.key(), &self.clock, &self.accounts));
                place.insert(Arc::clone(&bucket));
                Ok(bucket)
            }
        }
    }

    /// Rates and budgets: from all or from none. The wait that is told is the longest of all, so that it is true.
    fn take(&self, buckets: &[Arc<Bucket>], cost: u64) -> Result<(), Refusal> {
        let slowest = buckets.iter().filter_map(|bucket| bucket.wait().map(|wait| (wait, bucket))).max_by_key(|w| w.0);
        if let Some((wait, bucket)) = slowest {
            return Err(bucket.refuse(Code::RateLimitExceeded, "rate", told(wait)));
        }
        let (day, left) = today(self.clock.unix_ms());
        for (at, bucket) in buckets.iter().enumerate() {
            let taken = bucket.take_rate().map_err(|wait| ("rate", told(wait))).and_then(|()| {
                bucket.take_units(cost, day).map_err(|()| {
                    bucket.give_rate_back();
                    ("budget", left)
                })
            });
            if let Err((kind, wait)) = taken {
                self.give_back(buckets.get(..at).unwrap_or_default(), cost);
                return Err(bucket.refuse(Code::RateLimitExceeded, kind, wait));
            }
        }
        if buckets.iter().any(|bucket| bucket.rule.budget.is_some()) {
            self.accounts.touched();
        }
        Ok(())
    }

    fn give_back(&self, buckets: &[Arc<Bucket>], cost: u64) {
        for bucket in buckets {
            bucket.give_rate_back();
            bucket.give_units_back(cost);
        }
    }

    /// Of the call's own time.
    fn left(&self, call: &PermittedCall) -> Duration {
        let contracted = call.call();
        let own = contracted.call().request().deadline_unix_ms;
        let own = own.map(|end| Duration::from_millis(end.saturating_sub(self.clock.unix_ms())));
        own.unwrap_or(Duration::MAX).min(contracted.contract().timeout())
    }
}

/// Whole milliseconds, up: who waits as long as told is not refused again.
fn told(wait: Duration) -> Duration {
    Duration::from_millis(u64::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX))
}
