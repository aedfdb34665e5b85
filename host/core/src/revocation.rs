//! The end of rights in the host's words: what operators and their systems ask to end, and what came of it.

use std::sync::Arc;

use crate::id::{SessionId, TenantId};

/// Why rights end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Somebody's roles are other ones now.
    RoleChange,
    /// Policies are other ones now.
    PolicyUpdate,
    /// Something happened that should not have.
    Incident,
    /// A session outside of the host is over.
    SessionTimeout,
}

impl Cause {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::RoleChange, Self::PolicyUpdate, Self::Incident, Self::SessionTimeout];

    /// As the log writes it and the webhook takes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RoleChange => "user_role_change",
            Self::PolicyUpdate => "policy_update",
            Self::Incident => "security_incident",
            Self::SessionTimeout => "session_timeout",
        }
    }

    /// The one of that name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == name)
    }
}

/// A request to end rights, as it came. Every decision is made anew afterwards, whatever is named here; the names choose
/// which grants and which running calls end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invalidate {
    /// For the log, and for those whose grants end.
    pub reason: String,
    /// Absent where it is not said.
    pub cause: Option<Cause>,
    /// A [`Pattern`]; empty for any. So are the next three.
    pub tenant: String,
    /// Who.
    pub principal: String,
    /// Function name.
    pub tool: String,
    /// Its id.
    pub session: String,
    /// The same event twice has one effect; empty where each request is an event of its own.
    pub event_id: String,
    /// Running calls that fit are cancelled.
    pub cancel_running: bool,
    /// What proves this principal of this tenant and was issued until now is void.
    pub revoke_proofs: bool,
}

impl Invalidate {
    /// Everybody's rights, for that reason.
    #[must_use]
    pub fn everything(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }
}

/// What came of that.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Invalidated {
    /// The policy epoch from then on.
    pub epoch: u64,
    /// Open grants that ended.
    pub ended_grants: u32,
    /// Running calls that were asked to stop.
    pub cancelled_calls: u32,
    /// The event was known, and nothing was done again.
    pub repeated: bool,
}

/// A request to take a revocation back.
#[derive(Debug, Clone, Default)]
pub struct Restore {
    /// Whose tenant.
    pub tenant: String,
    /// Who.
    pub principal: String,
    /// For the log.
    pub reason: String,
}

/// A principal whose earlier proofs of identity are void.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RevocationRow {
    /// Of the principal.
    pub tenant: String,
    /// Who.
    pub principal: String,
    /// What was issued until then is void, in milliseconds since 1970.
    pub issued_until_ms: u64,
    /// As its operator gave it.
    pub reason: String,
}

/// What cannot be a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(pub String);

/// Fits one name, or every name that begins so. An empty one fits all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pattern {
    text: Arc<str>,
    open: bool,
}

impl Pattern {
    /// Reads `field`: a name, or the beginning of names with a `*` after it.
    ///
    /// # Errors
    /// [`Unusable`] for a `*` at another place, more than 128 characters, and any that is not printable: a pattern that
    /// is taken for something else than its author meant would end nothing.
    pub fn read(field: &str, text: &str) -> Result<Self, Unusable> {
        let (start, open) = text.strip_suffix('*').map_or((text, false), |start| (start, true));
        if start.contains('*') {
            return Err(Unusable(format!("`{field}` may have a `*` at its end and nowhere else")));
        }
        if start.len() > 128 || !start.bytes().all(|byte| (0x20..=0x7e).contains(&byte)) {
            return Err(Unusable(format!("`{field}` is no name: at most 128 printable ASCII characters")));
        }
        Ok(Self { text: Arc::from(start), open: open && !start.is_empty() })
    }

    /// Whether it fits a name.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        self.is_any() || *self.text == *name || (self.open && name.starts_with(&*self.text))
    }

    /// It fits every name.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.text.is_empty()
    }

    /// The one name that it fits, where it is one.
    #[must_use]
    pub fn exact(&self) -> Option<&str> {
        (!self.open && !self.is_any()).then_some(&*self.text)
    }
}

/// Whose rights are meant: everything fits that fits all four.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Of the principal.
    pub tenant: Pattern,
    /// Who.
    pub principal: Pattern,
    /// Function name.
    pub tool: Pattern,
    /// Id of the session.
    pub session: Pattern,
}

impl Scope {
    /// Everybody's.
    #[must_use]
    pub fn everything() -> Self {
        Self::default()
    }

    /// Reads the four patterns of a request.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn read(request: &Invalidate) -> Result<Self, Unusable> {
        Ok(Self {
            tenant: Pattern::read("tenant", &request.tenant)?,
            principal: Pattern::read("principal", &request.principal)?,
            tool: Pattern::read("tool", &request.tool)?,
            session: Pattern::read("session_id", &request.session)?,
        })
    }

    /// Nobody is left out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        self.tenant.is_any() && self.principal.is_any() && self.tool.is_any() && self.session.is_any()
    }

    /// Whether it fits something in a session, whatever the function is.
    #[must_use]
    pub fn fits_session(&self, tenant: &TenantId, principal: &str, session: SessionId) -> bool {
        self.tenant.fits(tenant.as_str())
            && self.principal.fits(principal)
            && (self.session.is_any() || self.session.fits(&session.to_string()))
    }

    /// The names that are given, `field=pattern` each, for the record.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let fields = [
            ("principal", &self.principal),
            ("session", &self.session),
            ("tenant", &self.tenant),
            ("tool", &self.tool),
        ];
        let given = fields.into_iter().filter(|(_, pattern)| !pattern.is_any());
        given.map(|(name, pattern)| format!("{name}={}{}", pattern.text, if pattern.open { "*" } else { "" })).collect()
    }
}

#[cfg(test)]
mod tests;
