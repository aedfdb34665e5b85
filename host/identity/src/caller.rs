//! Evidence of who asks: for themselves, or a runtime on behalf of whoever called it.

use std::sync::Arc;

use grid_core::{Refusal, principal::Principal};

use crate::{Identity, fault::Fault};

/// That somebody was proved: to be kept, and held against revocations again. Only [`Identity`] makes it.
#[derive(Debug, Clone)]
pub struct Proven {
    principal: Arc<Principal>,
    /// How far its issuer's clock may be ahead.
    slack_ms: u64,
}

impl Proven {
    /// Who it is.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }
}

/// Evidence that the sender of one request was proved. Only [`Identity::prove`] and [`Identity::on_behalf`] make it.
#[derive(Debug)]
pub struct Caller {
    proven: Proven,
    via: Option<Arc<Principal>>,
}

impl Caller {
    pub(crate) fn of(principal: Arc<Principal>, slack_ms: u64) -> Self {
        Self { proven: Proven { principal, slack_ms }, via: None }
    }

    /// Whose rights and limits count: the sender, or whoever the sender acts for.
    #[must_use]
    pub fn principal(&self) -> &Arc<Principal> {
        &self.proven.principal
    }

    /// The same, to be kept.
    #[must_use]
    pub fn proven(&self) -> &Proven {
        &self.proven
    }

    /// The runtime that acts for the principal, whose rights bound the principal's.
    #[must_use]
    pub fn via(&self) -> Option<&Arc<Principal>> {
        self.via.as_ref()
    }
}

impl Identity {
    /// Says that an attached runtime asks for `root`, who was proved when the call came that the runtime works on. Both
    /// have to stand: neither is revoked, and the proof of `root` has not ended. That the call is in that runtime's hands
    /// is for whoever asks.
    ///
    /// # Errors
    /// INVALID_CREDENTIALS; the reason is for the operator.
    pub fn on_behalf(&self, root: &Proven, runtime: &Proven) -> Result<Caller, Refusal> {
        let now_ms = self.now_ms();
        if let Some(ended) = root.principal.expires_at_ms.filter(|end| now_ms >= *end) {
            return Err(Fault::Expired { ago_ms: now_ms.saturating_sub(ended) }.refusal());
        }
        for proven in [root, runtime] {
            if self.is_void(&proven.principal, proven.slack_ms) {
                return Err(Fault::Revoked.refusal());
            }
        }
        Ok(Caller { proven: root.clone(), via: Some(Arc::clone(&runtime.principal)) })
    }
}
