//! Who sends a call: a client, or a runtime for a call that it works on.

use std::sync::Arc;

use grid_core::{Refusal, envelope::Credentials, gate::Pass, principal::Principal};
use grid_identity::{Caller, Identity};

use crate::nested::Nested;

/// Who sends a call.
#[derive(Debug)]
pub(crate) enum Asker {
    /// A client.
    Client(Credentials),
    /// A runtime, for a call that it works on.
    Runtime(Box<Nested>),
}

impl Asker {
    pub(crate) fn nested(&self) -> Option<&Nested> {
        match self {
            Self::Client(_) => None,
            Self::Runtime(nested) => Some(nested),
        }
    }

    /// Who is counted and held back where requests are refused: whoever sends them.
    pub(crate) fn sender(&self) -> Option<&Arc<Principal>> {
        self.nested().map(|nested| nested.runtime().principal())
    }

    pub(crate) fn pass(&self) -> Option<&Pass> {
        match self {
            Self::Client(credentials) => credentials.pass.as_ref(),
            // The call that it is for has its place.
            Self::Runtime(_) => None,
        }
    }

    pub(crate) async fn prove_soon(&self, identity: &Identity) -> Result<Caller, Refusal> {
        match self {
            Self::Client(credentials) => identity.prove_soon(credentials).await,
            Self::Runtime(_) => self.prove(identity),
        }
    }

    pub(crate) fn prove(&self, identity: &Identity) -> Result<Caller, Refusal> {
        match self {
            Self::Client(credentials) => identity.prove(credentials),
            Self::Runtime(nested) => identity.on_behalf(nested.root(), nested.runtime()),
        }
    }
}
