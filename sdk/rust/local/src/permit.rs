//! Whether a grant permits a call. Takes an [`Approval`] and what the caller knows of its own call; gives a [`Permit`],
//! without which nothing runs here. The log's key is enough for that; the host is not asked.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use grid_adm::Value;
use grid_sdk::{Approval, Report, ToolError, Unproved, VerifyingKey};
use grid_tlog::Hash;
use tokio::time::Instant;

use crate::clock;

/// No host may give longer.
const LONGEST_TTL_MS: u64 = 300_000;
/// So far the wall clocks of host and caller may be apart. How long a grant is good is measured without them.
const SKEW_MS: u64 = 300_000;

/// What makes grants credible.
#[derive(Debug, Clone)]
pub struct Trust {
    keys: Vec<VerifyingKey>,
    principal: Option<String>,
    tenant: Option<String>,
}

impl Trust {
    /// Grants prove themselves: each must be in the log of one of these keys (the present one, and an earlier one for as
    /// long as its grants last) and name this principal and this tenant.
    #[must_use]
    pub fn log(keys: Vec<VerifyingKey>, principal: impl Into<String>, tenant: impl Into<String>) -> Self {
        Self { keys, principal: Some(principal.into()), tenant: Some(tenant.into()) }
    }

    /// The connection is believed: a grant must still be for the exact call, but that it is in the log is not checked.
    /// For development, where nobody has handed out the log's key.
    #[must_use]
    pub const fn connection() -> Self {
        Self { keys: Vec::new(), principal: None, tenant: None }
    }
}

/// A grant that permits nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotGranted {
    /// It is not proved that the record is in the log.
    #[error("the grant is not proved: {0}")]
    Unproved(#[from] Unproved),
    /// The record cannot be read.
    #[error("the grant's record is no admission of a local run; report it to the operator of the host")]
    NoAdmission,
    /// It is for something else.
    #[error("the grant is for another {0} than was asked for; report it to the operator of the host")]
    Other(&'static str),
    /// Its times cannot be true.
    #[error("the grant's times are impossible; check the clocks of this machine and of the host")]
    Times,
    /// Its time has passed.
    #[error("the grant's time has passed; ask for another")]
    Expired,
    /// The rights behind it were made void.
    #[error("the rights behind the grant were made void; ask for another")]
    Void,
}

/// Permission to run one exact call once, checked.
#[derive(Debug)]
pub struct Permit {
    approval: Arc<Approval>,
    terms: Terms,
}

/// What a grant that holds says beside the call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    epoch: u64,
    until: Instant,
}

/// What the caller knows of the call by itself.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The contract's digest, as the host listed it: `sha256:` and 64 hexadecimal digits.
    pub contract: &'a str,
    /// When the authorization was asked for; the grant's time counts from here.
    pub asked_at: Instant,
}

impl Permit {
    /// Checks a grant. Session, call, function, arguments, correlation and invocation are those of the approval, which
    /// has them from the request.
    ///
    /// # Errors
    /// [`NotGranted`], whatever in it is not as it must be.
    pub fn check(approval: Approval, trust: &Trust, expected: Expected<'_>) -> Result<Self, NotGranted> {
        let terms = Terms::of(&approval, trust, expected)?;
        Ok(Self::new(approval, terms))
    }

    /// The terms are those of this approval.
    pub(crate) fn new(approval: Approval, terms: Terms) -> Self {
        Self { approval: Arc::new(approval), terms }
    }

    /// Whether the tool may start now, and how long it may run so that its outcome is still taken.
    ///
    /// # Errors
    /// [`NotGranted::Expired`]; [`NotGranted::Void`] where `epoch`, the newest that was heard of, is a later one.
    pub fn left(&self, epoch: u64) -> Result<Duration, NotGranted> {
        if epoch > self.terms.epoch {
            return Err(NotGranted::Void);
        }
        let left = self.terms.until.saturating_duration_since(Instant::now());
        // The report needs some of it.
        let left = left.saturating_sub((left / 10).min(Duration::from_secs(1)));
        if left.is_zero() { Err(NotGranted::Expired) } else { Ok(left) }
    }

    /// The approval.
    #[must_use]
    pub fn approval(&self) -> &Approval {
        &self.approval
    }

    /// The same, to be kept.
    pub(crate) fn shared(&self) -> Arc<Approval> {
        Arc::clone(&self.approval)
    }

    /// The policy epoch of the decision.
    #[must_use]
    pub const fn epoch(&self) -> u64 {
        self.terms.epoch
    }

    /// What the host is told of the run. It uses the permit up.
    #[must_use]
    pub fn report(self, answer: Result<String, ToolError>, took: Duration) -> Report {
        let approval = self.approval;
        Report {
            grant: approval.grant.name(),
            session_id: approval.session_id.clone(),
            invocation_id: approval.invocation_id.clone(),
            correlation_id: approval.correlation_id.clone(),
            call_id: approval.call_id.clone(),
            name: approval.name.clone(),
            answer,
            took,
            ended_at_ms: clock::unix_ms(),
            args_digest: *approval.args_digest.as_bytes(),
            metadata: BTreeMap::new(),
        }
    }
}

impl Terms {
    /// Checks a grant, whatever in it is not as it must be.
    pub(crate) fn of(approval: &Approval, trust: &Trust, expected: Expected<'_>) -> Result<Self, NotGranted> {
        let grant = &approval.grant;
        if Hash::leaf(&grant.record) != grant.receipt.leaf {
            return Err(Unproved::Entry.into());
        }
        if !trust.keys.is_empty() {
            proved(approval, &trust.keys)?;
        }
        let record = Record::read(&grant.record).ok_or(NotGranted::NoAdmission)?;
        let digest = format!("sha256:{}", approval.args_digest);
        let same = [
            ("invocation", approval.invocation_id.as_str()),
            ("session", &approval.session_id),
            ("call_id", &approval.call_id),
            ("tool", &approval.name),
            ("correlation", &approval.correlation_id),
            ("args_digest", &digest),
            ("contract", expected.contract),
        ];
        let known = [("principal", &trust.principal), ("tenant", &trust.tenant)];
        let known = known.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
        for (field, value) in same.into_iter().chain(known) {
            if record.text(field) != Some(value) {
                return Err(NotGranted::Other(field));
            }
        }
        let ttl = record.lifetime(approval.ttl, clock::unix_ms())?;
        let epoch = record.number("epoch").ok_or(NotGranted::NoAdmission)?;
        let until = expected.asked_at.checked_add(ttl).ok_or(NotGranted::Times)?;
        Ok(Self { epoch, until })
    }
}

/// One of the keys proves it; otherwise the last one says why not.
fn proved(approval: &Approval, keys: &[VerifyingKey]) -> Result<(), Unproved> {
    let mut why = Ok(());
    for key in keys {
        match approval.grant.receipt.verify(key) {
            Ok(_) => return Ok(()),
            Err(unproved) => why = Err(unproved),
        }
    }
    why
}

/// The record of an admission for a local run.
struct Record(Value);

impl Record {
    fn read(bytes: &[u8]) -> Option<Self> {
        let record = Self(grid_adm::json::parse_bytes(bytes, grid_adm::json::Limits::DATA).ok()?);
        let local = record.0.get("local").and_then(Value::as_bool) == Some(true);
        (record.text("kind") == Some("admitted") && local).then_some(record)
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.get(field)?.as_str()
    }

    fn number(&self, field: &str) -> Option<u64> {
        u64::try_from(self.0.get(field)?.as_i64()?).ok()
    }

    /// How long the grant is good, which is never longer than the log says.
    fn lifetime(&self, ttl: Duration, now_ms: u64) -> Result<Duration, NotGranted> {
        let at_ms = self.number("at_ms").ok_or(NotGranted::NoAdmission)?;
        let expires_ms = self.number("expires_ms").ok_or(NotGranted::NoAdmission)?;
        let whole = expires_ms.checked_sub(at_ms).filter(|whole| (1..=LONGEST_TTL_MS).contains(whole));
        let whole = whole.ok_or(NotGranted::Times)?;
        if at_ms > now_ms.saturating_add(SKEW_MS) || ttl.is_zero() {
            return Err(NotGranted::Times);
        }
        if now_ms > expires_ms.saturating_add(SKEW_MS) {
            return Err(NotGranted::Expired);
        }
        Ok(ttl.min(Duration::from_millis(whole)))
    }
}
