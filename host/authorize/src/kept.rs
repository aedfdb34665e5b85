//! What is kept of decisions, under what, and for how long: permits at most 60 s, denials 5 s, by the monotonic
//! clock. The key is everything that the answer depends on.

use std::{sync::Arc, time::Duration};

use grid_contract::{Approval, Contract, Session};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::Sha256,
    id::SessionId,
    port::{Undecided, Verdict},
    principal::{ClaimsDigest, SecurityContext},
};
use moka::sync::Cache;

use crate::{Deciding, Disclosure, Needs, Settings, snapshot::Keep, snapshot::Snapshot};

/// No configuration makes a decision live longer.
pub(crate) const TTL_CAP: Duration = Duration::from_secs(60);
pub(crate) const DENY_TTL_CAP: Duration = Duration::from_secs(5);

/// Everything that a decision depends on. The principal's digest covers tenant, id, roles, claims and proof; the
/// contract's covers all that it declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    principal: ClaimsDigest,
    contract: [u8; 32],
    /// Where the answer depends on the session: the contract belongs to it, a rule reads it, or it was opened with a
    /// claim of its own, which never changes.
    session: Option<SessionId>,
    /// Where a rule reads it.
    local: Option<bool>,
    policy: Option<Sha256>,
    epoch: u64,
}

impl Key {
    /// The key of a question without arguments; nothing where the answer depends on the moment.
    pub(crate) fn of(
        context: &SecurityContext,
        session: &Session,
        contract: &Contract,
        local: bool,
        now: &Snapshot<Deciding>,
    ) -> Option<Self> {
        let reads = now.deciding.authorizer.reads(contract.name());
        if reads.moment {
            return None;
        }
        let by_session = contract.is_dynamic() || reads.session || context.claim.is_some();
        Some(Self {
            principal: context.principal.digest,
            contract: *contract.digest().as_bytes(),
            session: by_session.then(|| session.id()),
            local: reads.local.then_some(local),
            policy: now.deciding.policy,
            epoch: now.epoch,
        })
    }
}

/// A decision, with when it was made.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) verdict: Result<Permit, Arc<Denial>>,
    pub(crate) made: Duration,
    pub(crate) policy: Option<Sha256>,
}

#[derive(Debug, Clone)]
pub(crate) struct Permit {
    pub(crate) rule: Arc<str>,
    pub(crate) needs: Option<Arc<Needs>>,
}

#[derive(Debug)]
pub(crate) struct Denial {
    pub(crate) rule: String,
    pub(crate) message: String,
    /// An authorizer that could not answer; never kept.
    pub(crate) undecided: bool,
}

impl Entry {
    /// Of what an authorizer answered, or of none that came in time.
    pub(crate) fn of(
        answer: Option<Result<Verdict, Undecided>>,
        approval: Option<&Approval>,
        made: Duration,
        policy: Option<Sha256>,
    ) -> Self {
        let permit = |rule: &str, asked: Option<(&str, &str, &str)>| {
            let needs = Needs::of(approval, asked).map(Arc::new);
            Ok(Permit { rule: Arc::from(rule), needs })
        };
        let denied = |rule, message, undecided| Err(Arc::new(Denial { rule, message, undecided }));
        let verdict = match answer {
            Some(Ok(Verdict::Allow { rule })) => permit(&rule, None),
            Some(Ok(Verdict::Ask { rule, role, message })) => permit(&rule, Some((&rule, &role, &message))),
            Some(Ok(Verdict::Deny { rule, message })) => denied(rule, message, false),
            Some(Err(error)) => denied(format!("error: {}", error.0), undecided(), true),
            None => denied("timeout".to_owned(), undecided(), true),
        };
        Self { verdict, made, policy }
    }

    pub(crate) fn is_undecided(&self) -> bool {
        self.verdict.as_ref().is_err_and(|denial| denial.undecided)
    }
}

impl Denial {
    /// The caller's part of it, and the operator's.
    pub(crate) fn refuse(&self, tool: &str, stage: Stage, disclosure: Disclosure) -> Refusal {
        let message = match disclosure {
            _ if self.undecided => self.message.clone(),
            Disclosure::Full => self.message.clone(),
            Disclosure::Rule => {
                format!("`{tool}` may not be called so: the rule `{}` decides; ask an operator", self.rule)
            }
            Disclosure::None => format!("`{tool}` may not be called so; ask an operator why"),
        };
        Refusal::new(Code::PermissionDenied, stage, message).because(self.rule.clone())
    }
}

pub(crate) fn undecided() -> String {
    "the decision could not be made, which denies; ask an operator to look at the authorizer".to_owned()
}

/// The decisions that are kept.
#[derive(Debug)]
pub(crate) struct Kept {
    entries: Cache<Key, Entry>,
    settings: Settings,
    clock: SharedClock,
}

impl Kept {
    pub(crate) fn new(settings: Settings, clock: SharedClock) -> Self {
        Self { entries: Cache::builder().max_capacity(settings.entries).time_to_live(TTL_CAP).build(), settings, clock }
    }

    pub(crate) fn clear(&self) {
        self.entries.invalidate_all();
    }
}

impl Keep<Key, Entry> for Kept {
    fn get(&self, key: &Key) -> Option<Entry> {
        let entry = self.entries.get(key)?;
        let ttl = if entry.verdict.is_ok() { self.settings.ttl } else { self.settings.deny_ttl };
        (self.clock.elapsed().saturating_sub(entry.made) < ttl).then_some(entry)
    }

    fn put(&self, key: Key, entry: Entry) {
        self.entries.insert(key, entry);
    }
}
