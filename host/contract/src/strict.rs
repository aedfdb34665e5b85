//! STRICT: the manifest, read once. There is no way in here for a runtime.

use std::sync::Arc;

use grid_core::id::SessionId;
use grid_session::Session;

use crate::{Contract, Contracts, Development, Manifest};

/// The manifest and nothing else.
#[derive(Debug)]
pub struct Strict(Manifest);

impl Strict {
    /// Serves this manifest until the host stops.
    #[must_use]
    pub fn new(manifest: Manifest) -> Self {
        Self(manifest)
    }
}

impl Contracts for Strict {
    const MODE: &'static str = "strict";

    fn find(&self, session: &Session, name: &str) -> Option<Arc<Contract>> {
        self.0.known(session, name)
    }

    fn visible(&self, session: &Session) -> Vec<Arc<Contract>> {
        self.0.known_all(session)
    }

    fn manifest(&self) -> &Manifest {
        &self.0
    }

    fn registrar(&self) -> Option<&Development> {
        None
    }

    fn forget(&self, _: SessionId) {}
}
