//! The stage itself: decisions that are kept in front of what decides. An invalidation, and another policy set, return
//! only when no later permit can come of what was decided before (R-129, INV-Z1).

use std::{
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_contract::{Contract, ContractedCall, Session};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::Sha256,
    port::{Authorizer, Question, SessionFacts},
    principal::SecurityContext,
};

use crate::{
    decision::{Decision, PermittedCall},
    kept::{DENY_TTL_CAP, Denial, Entry, Kept, Key, TTL_CAP, undecided},
    shadow::{Said, Shadow},
    snapshot::{Ask, Beginning, Epochs, Given, Snapshot, answer},
};

/// How decisions are made, kept and told.
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
    /// What a caller hears of a denial.
    pub disclosure: Disclosure,
}

/// What a caller hears of a denial. The record has all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Disclosure {
    /// That it is one.
    None,
    /// Which rule decided.
    Rule,
    /// What is missing.
    #[default]
    Full,
}

/// What decides.
#[derive(Debug, Clone)]
pub(crate) struct Deciding {
    pub(crate) authorizer: Arc<dyn Authorizer>,
    pub(crate) policy: Option<Sha256>,
}

impl Deciding {
    fn by(authorizer: Arc<dyn Authorizer>) -> Self {
        Self { policy: authorizer.digest(), authorizer }
    }
}

/// Whether a list shows a contract to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// They may call it.
    Callable {
        /// A person has to say yes to each call, whatever its arguments.
        needs_approval: bool,
    },
    /// They may not, whatever the arguments.
    Denied,
}

/// What would be decided of a call whose arguments are not known.
#[derive(Debug)]
pub struct Foreseen {
    /// The decision for some arguments.
    pub decision: Result<Decision, Refusal>,
    /// Others may be decided otherwise.
    pub reads_args: bool,
}

/// The stage.
#[derive(Debug)]
pub struct Authorize {
    epochs: Epochs<Deciding>,
    settings: Settings,
    clock: SharedClock,
    kept: Kept,
    shadow: OnceLock<Shadow>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// One question on its way through the stage.
pub(crate) struct Asked<'a> {
    pub(crate) stage: &'a Authorize,
    pub(crate) context: &'a SecurityContext,
    pub(crate) session: &'a Arc<Session>,
    pub(crate) contract: &'a Arc<Contract>,
    pub(crate) local: bool,
    pub(crate) args: Option<&'a str>,
}

impl Authorize {
    /// A stage that asks `authorizer`.
    #[must_use]
    pub fn new(authorizer: Arc<dyn Authorizer>, settings: Settings, clock: SharedClock) -> Self {
        let settings =
            Settings { ttl: settings.ttl.min(TTL_CAP), deny_ttl: settings.deny_ttl.min(DENY_TTL_CAP), ..settings };
        Self {
            epochs: Epochs::new(Deciding::by(authorizer)),
            settings,
            kept: Kept::new(settings, clock.clone()),
            clock,
            shadow: OnceLock::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// Shows each decision that is made, and each call that is judged, to whoever has the receiver of `shadow`: once.
    pub fn shadowed_by(&self, shadow: Shadow) {
        // A second one would see nothing.
        let _ = self.shadow.set(shadow);
    }

    /// Goes on from the epoch of an earlier process, so that what rests on its decisions can still be told from what
    /// comes after an invalidation.
    pub fn go_on_from(&self, epoch: u64) {
        if epoch > self.epoch() {
            self.epochs.replace(epoch, Deciding::clone);
        }
    }

    /// The stage: may the caller call this contract, with some arguments at least? `local` where it wants to run the
    /// call itself.
    ///
    /// # Errors
    /// PERMISSION_DENIED.
    pub async fn permit(&self, call: ContractedCall, local: bool) -> Result<PermittedCall, Refusal> {
        let asked = call.call();
        let (context, session, contract) = (asked.context(), asked.session(), call.contract());
        let asked = Asked { stage: self, context, session, contract, local, args: None };
        let decision = self.decide_with(asked, call.call().via()).await?;
        Ok(PermittedCall::new(call, local, decision))
    }

    /// The decision that goes on record: with the arguments, where rules read them, and of the epoch of now. What was
    /// permitted without them, and holds still, is not asked again.
    ///
    /// # Errors
    /// PERMISSION_DENIED, also where rules read arguments that the host knows by digest alone.
    pub async fn judge(&self, call: &PermittedCall, args: Option<&str>) -> Result<Decision, Refusal> {
        let (contracted, decision) = (call.call(), call.decision());
        let (asked, contract) = (contracted.call(), contracted.contract());
        let (epoch, read) = self.epochs.look(|now| (now.epoch, now.deciding.authorizer.reads(contract.name()).args));
        if !read && epoch == decision.epoch {
            if let (Some(shadow), Some(_)) = (self.shadow.get(), args) {
                let (context, session, local) = (asked.context(), asked.session(), call.is_local());
                shadow.judged(&Asked { stage: self, context, session, contract, local, args }, decision);
            }
            return Ok(decision.clone());
        }
        if read && args.is_none() {
            let name = contract.name();
            let message = format!("rules read the arguments of `{name}`; send `args` in the call, not their digest");
            return Err(Refusal::new(Code::PermissionDenied, Stage::Approve, message).because("unseen-arguments"));
        }
        let (context, session, local) = (asked.context(), asked.session(), call.is_local());
        // Without a rule that reads them, the answer is that of the first time, and can be kept like it.
        let args = args.filter(|_| read);
        self.decide_with(Asked { stage: self, context, session, contract, local, args }, contracted.call().via()).await
    }

    /// Whether a list shows this contract: the same decision as [`Authorize::permit`], for a call that runs at a runtime
    /// or, where `local` says that this is possible, at its caller.
    pub async fn lists(
        &self,
        context: &SecurityContext,
        session: &Arc<Session>,
        contract: &Arc<Contract>,
        local: bool,
    ) -> Listed {
        let ways = if local { &[false, true][..] } else { &[false] };
        for local in ways.iter().copied() {
            if local && !self.epochs.look(|now| now.deciding.authorizer.reads(contract.name()).local) {
                break;
            }
            let decided = self.decide(Asked { stage: self, context, session, contract, local, args: None }).await;
            if let Ok(decision) = decided {
                return Listed::Callable { needs_approval: decision.needs.is_some() };
            }
        }
        Listed::Denied
    }

    /// What would be decided of such a call now, without its arguments: for what was decided before, to be held against
    /// the rights of now. It permits nothing.
    pub async fn foresee(
        &self,
        context: &SecurityContext,
        session: &Arc<Session>,
        contract: &Arc<Contract>,
        local: bool,
    ) -> Foreseen {
        let reads_args = self.epochs.look(|now| now.deciding.authorizer.reads(contract.name()).args);
        let decision = self.decide(Asked { stage: self, context, session, contract, local, args: None }).await;
        Foreseen { decision, reads_args }
    }

    /// A permitted call begins: hold what this gives while it is handed over. Nothing where its decision is void; then
    /// nothing may begin. An invalidation that has returned has seen every call that began before it.
    pub fn begin(&self, decision: &Decision) -> Option<Beginning<'_>> {
        self.epochs.begin(decision.epoch)
    }

    /// Nothing has made the decision void.
    #[must_use]
    pub fn holds(&self, decision: &Decision) -> bool {
        self.epochs.is_current(decision.epoch)
    }

    /// Makes every decision void; the new epoch. When this returns, no call is permitted by an older one, and none
    /// begins.
    pub fn invalidate(&self) -> u64 {
        let epoch = self.epochs.replace(0, Deciding::clone);
        self.kept.clear();
        epoch
    }

    /// From now on `authorizer` decides; the new epoch, not before `least`. Every decision of the one before is void, as
    /// in [`Authorize::invalidate`].
    pub fn replace(&self, authorizer: Arc<dyn Authorizer>, least: u64) -> u64 {
        let epoch = self.epochs.replace(least, |_| Deciding::by(authorizer));
        self.kept.clear();
        epoch
    }

    /// What callers hear of a denial, and of who had their calls.
    #[must_use]
    pub fn disclosure(&self) -> Disclosure {
        self.settings.disclosure
    }

    /// The policy epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epochs.epoch()
    }

    /// What decides now, and its epoch.
    #[must_use]
    pub fn deciding(&self) -> (u64, Arc<dyn Authorizer>) {
        self.epochs.look(|now| (now.epoch, Arc::clone(&now.deciding.authorizer)))
    }

    /// Decisions taken from the cache, and made.
    #[must_use]
    pub fn hits_and_misses(&self) -> (u64, u64) {
        (self.hits.load(Ordering::Relaxed), self.misses.load(Ordering::Relaxed))
    }

    pub(crate) async fn decide(&self, asked: Asked<'_>) -> Result<Decision, Refusal> {
        let tool = asked.contract.name();
        // What only the arguments decide is another stage's: the function itself is known to its caller.
        let stage = if asked.args.is_some() { Stage::Approve } else { Stage::Authorize };
        let Some(Given { answer: entry, epoch, kept }) = answer(&self.epochs, &self.kept, &asked).await else {
            let denial = Denial { rule: String::new(), message: undecided(), undecided: true };
            let internal = "invalidations kept overtaking the evaluation";
            return Err(denial.refuse(tool, stage, self.settings.disclosure).because(internal));
        };
        let age = kept.then(|| self.clock.elapsed().saturating_sub(entry.made));
        if kept {
            self.hits.fetch_add(1, Ordering::Relaxed);
        }
        match entry.verdict {
            Ok(permit) => Ok(Decision { rule: permit.rule, epoch, age, policy: entry.policy, needs: permit.needs }),
            Err(denial) => Err(denial.refuse(tool, stage, self.settings.disclosure)),
        }
    }
}

impl Ask<Deciding> for Asked<'_> {
    type Key = Key;
    type Answer = Entry;

    fn key(&self, now: &Snapshot<Deciding>) -> Option<Key> {
        if !self.stage.settings.cache || self.args.is_some() {
            return None;
        }
        Key::of(self.context, self.session, self.contract, self.local, now)
    }

    async fn make(&self, now: &Arc<Snapshot<Deciding>>) -> (Entry, bool) {
        self.stage.misses.fetch_add(1, Ordering::Relaxed);
        let deciding = &now.deciding;
        let answer = deciding.authorizer.decide(self.question());
        let answer = tokio::time::timeout(self.stage.settings.timeout, answer).await.ok();
        if let Some(shadow) = self.stage.shadow.get() {
            let said = answer.as_ref().map_or_else(Said::nothing, Said::of);
            shadow.made(self, said, now.epoch, deciding.policy);
        }
        let entry = Entry::of(answer, self.contract.approval(), self.stage.clock.elapsed(), deciding.policy);
        let keep = !entry.is_undecided();
        (entry, keep)
    }
}

impl Asked<'_> {
    pub(crate) fn now_ms(&self) -> u64 {
        self.stage.clock.unix_ms()
    }

    fn question(&self) -> Question<'_> {
        question(self.context, self.session, self.contract, self.local, self.now_ms(), self.args)
    }
}

pub(crate) fn question<'a>(
    context: &'a SecurityContext,
    session: &'a Session,
    contract: &'a Contract,
    local: bool,
    now_ms: u64,
    args: Option<&'a str>,
) -> Question<'a> {
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
        local,
        now_ms,
        args,
    }
}

#[cfg(test)]
mod tests;
