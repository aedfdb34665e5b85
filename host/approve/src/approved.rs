//! Evidence that the arguments, too, were permitted, and that whoever had to consent did.

use std::sync::Arc;

use grid_authorize::{Authorize, Decision, Needs, PermittedCall};
use grid_core::{Refusal, event::Event, id::ApprovalId};
use grid_validate::{CheckedCall, DigestedCall};

/// A call whose arguments were checked, or are known by their digest.
pub trait Checked: std::fmt::Debug + Send + Sync {
    /// The decision before the arguments were known.
    fn permitted(&self) -> &PermittedCall;
    /// SHA-256 over the RFC 8785 form of the arguments.
    fn args_digest(&self) -> [u8; 32];
    /// The checked arguments, where the host saw them.
    fn args(&self) -> Option<&str>;
}

impl Checked for CheckedCall {
    fn permitted(&self) -> &PermittedCall {
        self.call()
    }

    fn args_digest(&self) -> [u8; 32] {
        *self.digest().as_bytes()
    }

    fn args(&self) -> Option<&str> {
        Some(CheckedCall::args(self))
    }
}

impl Checked for DigestedCall {
    fn permitted(&self) -> &PermittedCall {
        self.call()
    }

    fn args_digest(&self) -> [u8; 32] {
        *self.digest().as_bytes()
    }

    fn args(&self) -> Option<&str> {
        DigestedCall::args(self)
    }
}

/// A call that the policies permit with its arguments; a person may still have to say yes. Only [`judge`] makes one.
#[derive(Debug)]
pub struct Judged<T> {
    call: T,
    decision: Decision,
}

/// A call that may go on. Only this crate makes one.
#[derive(Debug)]
pub struct Approved<T> {
    call: T,
    consent: Consent,
}

/// Why a call may go on, for its record.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Consent {
    /// The decision, with the arguments where rules read them.
    pub decision: Decision,
    /// The approval that it needed.
    pub approval: Option<ApprovalId>,
}

impl Consent {
    /// What a record of the call says of it.
    #[must_use]
    pub fn told(&self, event: Event) -> Event {
        Event { approval: self.approval, ..self.decision.told(event) }
    }

    /// Puts a decision of a later epoch in place of the one that an invalidation made void: the same call was permitted
    /// again. What a person consented to is bound to its epoch and is not renewed; nor is what needs a person now.
    ///
    /// # Errors
    /// The decision, where it is not enough.
    pub fn renew(&mut self, decision: Decision) -> Result<(), Box<Decision>> {
        if self.approval.is_some() || decision.needs.is_some() {
            return Err(Box::new(decision));
        }
        self.decision = decision;
        Ok(())
    }
}

impl<T> Approved<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &T {
        &self.call
    }

    /// The evidence before this one, and why it may go on.
    #[must_use]
    pub fn into_parts(self) -> (T, Consent) {
        (self.call, self.consent)
    }

    /// Why it may go on.
    #[must_use]
    pub fn consent(&self) -> &Consent {
        &self.consent
    }
}

impl<T: Checked> Judged<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &T {
        &self.call
    }

    /// The decision that goes on record.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Whose consent it needs; nobody's where absent.
    #[must_use]
    pub fn needs(&self) -> Option<&Arc<Needs>> {
        self.decision.needs.as_ref()
    }

    /// Nobody has to be asked.
    ///
    /// # Errors
    /// Itself, where somebody has to be.
    pub fn go_on(self) -> Result<Approved<T>, Box<Self>> {
        if self.decision.needs.is_some() {
            return Err(Box::new(self));
        }
        let Self { call, decision } = self;
        Ok(Approved { call, consent: Consent { decision, approval: None } })
    }

    /// Whoever had to be asked said yes, as `approval` has it.
    #[must_use]
    pub(crate) fn approved_by(self, approval: ApprovalId) -> Approved<T> {
        let Self { call, decision } = self;
        Approved { call, consent: Consent { decision, approval: Some(approval) } }
    }
}

/// The stage's first half: what only the arguments decide.
///
/// # Errors
/// PERMISSION_DENIED.
pub async fn judge<T: Checked>(authorize: &Authorize, call: T) -> Result<Judged<T>, Refusal> {
    let decision = authorize.judge(call.permitted(), call.args()).await?;
    Ok(Judged { call, decision })
}
