//! Stage: contract. Takes a [`SessionCall`], gives a [`ContractedCall`] with the host's own contract of the
//! function. Refuses with UNSUPPORTED_TOOL. STRICT knows the manifest only; DEVELOPMENT also knows what
//! runtimes registered for one session.

mod conduct;
mod contract;
mod development;
mod evidence;
mod foreign;
mod manifest;
pub mod pin;
mod settings;
mod shadow;
mod strict;

pub use conduct::{Conduct, Requires, Retry};
pub use contract::{Approval, Contract, Effect, Local};
pub use development::{Development, Registration};
pub use evidence::ContractedCall;
pub use grid_session::{Session, SessionCall};
pub use manifest::{Fault, Loaded, Manifest, Options};
pub use strict::Strict;

use std::sync::Arc;

use grid_core::{Code, Refusal, Stage, event::plain_name, id::SessionId};

/// The contracts that calls may name. Two types implement it, one a mode, chosen once.
pub trait Contracts: std::fmt::Debug + Send + Sync + 'static {
    /// strict or development.
    const MODE: &'static str;

    /// The contract of a function, as `session` sees it.
    fn find(&self, session: &Session, name: &str) -> Option<Arc<Contract>>;

    /// Every contract that `session` sees, by name.
    fn visible(&self, session: &Session) -> Vec<Arc<Contract>>;

    /// The manifest.
    fn manifest(&self) -> &Manifest;

    /// Where runtimes may register tools; STRICT has no such place.
    fn registrar(&self) -> Option<&Development>;

    /// A session has ended: what was registered for it goes too.
    fn forget(&self, session: SessionId);

    /// The stage.
    ///
    /// # Errors
    /// UNSUPPORTED_TOOL.
    fn bind(&self, call: SessionCall) -> Result<ContractedCall, Refusal> {
        match self.find(call.session(), &call.request().name) {
            Some(contract) => Ok(ContractedCall::new(call, contract)),
            None => Err(unknown(&call.request().name)),
        }
    }
}

/// What whoever calls a function hears that is not there, for them.
#[must_use]
pub fn unknown(name: &str) -> Refusal {
    let name = plain_name(name);
    let message = format!("there is no tool `{name}` here; ListTools says which there are");
    Refusal::new(Code::UnsupportedTool, Stage::Contract, message)
}
