//! What ends where rights are revoked.

use grid_proto::v1;

/// Why rights end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Somebody's roles are other ones now.
    UserRoleChange,
    /// Policies are other ones now.
    PolicyUpdate,
    /// Something happened that should not have.
    SecurityIncident,
    /// A session outside of the host is over.
    SessionTimeout,
}

/// Rights to end. Every decision is made anew, whatever is named here. Grants, and on wish running calls, end where all
/// of the names fit that are not empty; `*` at the end of a name stands for any rest.
#[derive(Debug, Clone, Default)]
#[must_use = "nothing ends before it is given to `Admin::revoke`"]
pub struct Revoke {
    /// For the log, and for those whose grants end.
    pub reason: String,
    /// Why, in a word.
    pub cause: Option<Cause>,
    /// Of the principal.
    pub tenant: String,
    /// Who.
    pub principal: String,
    /// Function name.
    pub tool: String,
    /// Id of a session.
    pub session: String,
    /// The same event twice has one effect and one record.
    pub event_id: String,
    /// Cancels running calls that fit.
    pub cancel_running: bool,
    /// What proves this principal of this tenant and was issued until now is void: it has to prove itself anew.
    pub revoke_proofs: bool,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Revoked {
    /// The policy epoch from then on.
    pub policy_epoch: u64,
    /// Open grants that ended.
    pub ended_grants: u32,
    /// Running calls that were asked to stop.
    pub cancelled_calls: u32,
    /// The event was known; nothing was done again.
    pub repeated: bool,
}

impl Revoke {
    /// Everybody's, for that reason.
    pub fn everything(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    pub(super) fn into_message(self) -> v1::InvalidateAuthorizationsRequest {
        let event = self.cause.map_or(v1::InvalidationEvent::InvalidationUnspecified, |cause| match cause {
            Cause::UserRoleChange => v1::InvalidationEvent::UserRoleChange,
            Cause::PolicyUpdate => v1::InvalidationEvent::PolicyUpdate,
            Cause::SecurityIncident => v1::InvalidationEvent::SecurityIncident,
            Cause::SessionTimeout => v1::InvalidationEvent::SessionTimeout,
        });
        v1::InvalidateAuthorizationsRequest {
            reason: self.reason,
            event: event.into(),
            tenant: self.tenant,
            principal: self.principal,
            tool: self.tool,
            session_id: self.session,
            event_id: self.event_id,
            cancel_running: self.cancel_running,
            revoke_proofs: self.revoke_proofs,
        }
    }
}
