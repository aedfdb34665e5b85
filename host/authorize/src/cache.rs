//! The stage itself: a cache of decisions in front of an authorizer. An entry lives at most 60 s, a
//! denial 5 s, and none outlives its epoch: an invalidation returns only when no later permit can come of what
//! was decided before it (R-129, INV-Z1).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_contract::{Contract, ContractedCall, Session};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    id::SessionId,
    port::{Authorizer, Question, SessionFacts, Verdict},
    principal::{ClaimsDigest, SecurityContext},
};
use moka::sync::Cache;

use crate::decision::{Decision, PermittedCall};

/// No configuration makes a decision live longer.
const TTL_CAP: Duration = Duration::from_secs(60);
const DENY_TTL_CAP: Duration = Duration::from_secs(5);
/// How often an evaluation that an invalidation overtook is begun anew before it denies.
const ATTEMPTS: usize = 3;

/// How decisions are made and kept.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Keep them at all.
    pub cache: bool,
    /// Permits; cut to 60 s.
    pub ttl: Duration,
    /// Denials; cut to 5 s.
    pub deny_ttl: Duration,
    /// Kept at most.
    pub entries: u64,
    /// An authorizer that takes longer denies.
    pub timeout: Duration,
}

/// Everything that a decision depends on. The principal's digest covers tenant, id, roles and claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    principal: ClaimsDigest,
    contract: [u8; 32],
    /// Only where the contract itself belongs to a session.
    session: Option<SessionId>,
    epoch: u64,
}

#[derive(Debug, Clone)]
struct Entry {
    verdict: Result<Arc<str>, Arc<Denial>>,
    made: Duration,
}

#[derive(Debug)]
struct Denial {
    rule: String,
    message: String,
    /// An authorizer that could not answer; never kept.
    undecided: bool,
}

/// The stage.
#[derive(Debug)]
pub struct Authorize {
    authorizer: Arc<dyn Authorizer>,
    settings: Settings,
    clock: SharedClock,
    cache: Cache<Key, Entry>,
    epoch: AtomicU64,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Authorize {
    /// A stage that asks `authorizer`.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, settings: Settings, clock: SharedClock) -> Self {
        let settings =
            Settings { ttl: settings.ttl.min(TTL_CAP), deny_ttl: settings.deny_ttl.min(DENY_TTL_CAP), ..settings };
        let cache = Cache::builder().max_capacity(settings.entries).time_to_live(TTL_CAP).build();
        Self {
            authorizer,
            settings,
            clock,
            cache,
            epoch: AtomicU64::new(1),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Goes on from the epoch of an earlier process, so that what rests on its decisions can still be told from what
    /// comes after an invalidation.
    pub fn go_on_from(&self, epoch: u64) {
        self.epoch.fetch_max(epoch, Ordering::SeqCst);
    }

    /// The stage: may the caller call this contract?
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub async fn permit(&self, call: ContractedCall) -> Result<PermittedCall, Refusal> {
        let asked = call.call();
        let decision = self.decide(asked.context(), asked.session(), call.contract()).await?;
        Ok(PermittedCall::new(call, decision))
    }

    /// Whether the caller may call this contract, for lists: the same decision as [`Authorize::permit`].
    pub async fn admits(&self, context: &SecurityContext, session: &Session, contract: &Contract) -> bool {
        self.decide(context, session, contract).await.is_ok()
    }

    /// Makes every decision void; the new epoch. When this returns, no call is permitted by an older one.
    pub fn invalidate(&self) -> u64 {
        let epoch = self.epoch.fetch_add(1, Ordering::SeqCst) + 1;
        self.cache.invalidate_all();
        epoch
    }

    /// The policy epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Decisions taken from the cache, and made.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    async fn decide(
        &self,
        context: &SecurityContext,
        session: &Session,
        contract: &Contract,
    ) -> Result<Decision, Refusal> {
        for _ in 0..ATTEMPTS {
            let epoch = self.epoch();
            let key = Key {
                principal: context.principal.digest,
                contract: *contract.digest().as_bytes(),
                session: contract.is_dynamic().then_some(session.id()),
                epoch,
            };
            // A session that brought claims of its own is decided each time: the key does not cover them.
            let cacheable = self.settings.cache && context.claim.is_none();
            let now = self.clock.elapsed();
            let kept = cacheable.then(|| self.kept(&key, now)).flatten();
            let age = kept.as_ref().map(|entry| now.saturating_sub(entry.made));
            let entry = match kept {
                Some(entry) => entry,
                None => self.evaluate(context, session, contract, key, cacheable).await,
            };
            if self.epoch() == epoch {
                return entry.verdict.map(|rule| Decision { rule, epoch, age }).map_err(|denial| denial.refuse());
            }
        }
        let internal = "invalidations kept overtaking the evaluation";
        Err(Denial { rule: String::new(), message: undecided(), undecided: true }.refuse().because(internal))
    }

    fn kept(&self, key: &Key, now: Duration) -> Option<Entry> {
        let entry = self.cache.get(key)?;
        let ttl = if entry.verdict.is_ok() { self.settings.ttl } else { self.settings.deny_ttl };
        if now.saturating_sub(entry.made) >= ttl {
            return None;
        }
        self.hits.fetch_add(1, Ordering::Relaxed);
        Some(entry)
    }

    async fn evaluate(
        &self,
        context: &SecurityContext,
        session: &Session,
        contract: &Contract,
        key: Key,
        keep: bool,
    ) -> Entry {
        self.misses.fetch_add(1, Ordering::Relaxed);
        let question = self.question(context, session, contract);
        let answer = tokio::time::timeout(self.settings.timeout, self.authorizer.decide(question)).await;
        let made = self.clock.elapsed();
        let denied = |rule, message, undecided| Err(Arc::new(Denial { rule, message, undecided }));
        let verdict = match answer {
            Ok(Ok(Verdict::Allow { rule })) => Ok(Arc::from(rule)),
            Ok(Ok(Verdict::Deny { rule, message } | Verdict::Ask { rule, message, .. })) => {
                denied(rule, message, false)
            }
            Ok(Err(error)) => denied(format!("error: {}", error.0), undecided(), true),
            Err(_) => denied("timeout".to_owned(), undecided(), true),
        };
        let undecided = verdict.as_ref().is_err_and(|denial| denial.undecided);
        let entry = Entry { verdict, made };
        if keep && !undecided {
            self.cache.insert(key, entry.clone());
        }
        entry
    }
}

impl Authorize {
    fn question<'a>(&self, context: &'a SecurityContext, session: &'a Session, contract: &'a Contract) -> Question<'a> {
        Question {
            context,
            tool: contract.name(),
            group: contract.group(),
            contract: *contract.digest().as_bytes(),
            version: contract.version(),
            required_roles: contract.required_roles(),
            effect: contract.effect().as_str(),
            tags: contract.tags(),
            classification: contract.classification(),
            providers: contract.providers(),
            dynamic: contract.is_dynamic(),
            session: SessionFacts {
                id: session.id(),
                created_at_ms: session.created_at_ms(),
                metadata: session.metadata(),
            },
            local: false,
            now_ms: self.clock.unix_ms(),
            args: None,
        }
    }
}

impl Denial {
    fn refuse(&self) -> Refusal {
        Refusal::new(Code::PermissionDenied, Stage::Authorize, self.message.clone()).because(self.rule.clone())
    }
}

fn undecided() -> String {
    "the decision could not be made, which denies; ask an operator to look at the authorizer".to_owned()
}

#[cfg(test)]
mod tests;
