//! What a record is about.

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The host began to serve; `detail` names mode and version.
    HostStarted,
    /// The host stopped in order.
    HostStopped,
    /// A session was opened.
    SessionOpened,
    /// A session was ended by its caller.
    SessionClosed,
    /// A session ran out.
    SessionExpired,
    /// A runtime attached.
    RuntimeAttached,
    /// A runtime went, or was lost.
    RuntimeDetached,
    /// A runtime fulfils contracts.
    Fulfilled,
    /// A runtime tried to register tools, with or without success.
    Registered,
    /// A call may run; durable before a runtime can see it.
    Admitted,
    /// An admitted call ended; durable before the caller hears of it.
    Concluded,
    /// A request was not admitted.
    Refused,
    /// A call was answered with the outcome of an earlier one.
    Repeated,
    /// A caller or an operator asked to stop a call.
    CancelRequested,
    /// A result came after its call had ended; it was not delivered.
    LateResult,
    /// A report of a local run was not taken; `signal` says why. A security event.
    RejectedResult,
    /// A runtime broke the protocol.
    Violation,
    /// Cached decisions were made void.
    Invalidated,
    /// Somebody read the log through the host; `read` and `filters` say how.
    AuditRead,
    /// What was issued to somebody until now is void.
    PrincipalRevoked,
    /// A revocation was taken back.
    PrincipalRestored,
    /// Another policy set decides; `policy` is its digest.
    PolicyChanged,
    /// A policy set was not taken; the one before it still decides.
    PolicyRefused,
    /// A candidate policy set would have decided otherwise.
    PolicyDiffered,
    /// A call waits for a person.
    ApprovalRequested,
    /// A person, or time, ended that; `verdict` says how.
    ApprovalDecided,
    /// An admitted call is handed to another runtime; durable before that one can see it.
    Attempted,
    /// An operator chose a provider, or took that back.
    ProviderSelected,
    /// Another file of providers is in force.
    ProvidersChanged,
    /// A file of providers was not taken; the one before it stays.
    ProvidersRefused,
    /// One provider took the place of another.
    SwapCommitted,
    /// A swap failed; whoever served before serves on.
    SwapRolledBack,
    /// A tool or a provider was paused, drained or resumed.
    ServingChanged,
    /// A breaker opened or closed.
    BreakerChanged,
    /// A runtime switched features on or off.
    FeaturesChanged,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 35] = [
        Self::HostStarted,
        Self::HostStopped,
        Self::SessionOpened,
        Self::SessionClosed,
        Self::SessionExpired,
        Self::RuntimeAttached,
        Self::RuntimeDetached,
        Self::Fulfilled,
        Self::Registered,
        Self::Admitted,
        Self::Concluded,
        Self::Refused,
        Self::Repeated,
        Self::CancelRequested,
        Self::LateResult,
        Self::RejectedResult,
        Self::Violation,
        Self::Invalidated,
        Self::AuditRead,
        Self::PrincipalRevoked,
        Self::PrincipalRestored,
        Self::PolicyChanged,
        Self::PolicyRefused,
        Self::PolicyDiffered,
        Self::ApprovalRequested,
        Self::ApprovalDecided,
        Self::Attempted,
        Self::ProviderSelected,
        Self::ProvidersChanged,
        Self::ProvidersRefused,
        Self::SwapCommitted,
        Self::SwapRolledBack,
        Self::ServingChanged,
        Self::BreakerChanged,
        Self::FeaturesChanged,
    ];

    /// As the log writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HostStarted => "host_started",
            Self::HostStopped => "host_stopped",
            Self::SessionOpened => "session_opened",
            Self::SessionClosed => "session_closed",
            Self::SessionExpired => "session_expired",
            Self::RuntimeAttached => "runtime_attached",
            Self::RuntimeDetached => "runtime_detached",
            Self::Fulfilled => "fulfilled",
            Self::Registered => "registered",
            Self::Admitted => "admitted",
            Self::Concluded => "concluded",
            Self::Refused => "refused",
            Self::Repeated => "repeated",
            Self::CancelRequested => "cancel_requested",
            Self::LateResult => "late_result",
            Self::RejectedResult => "rejected_result",
            Self::Violation => "violation",
            Self::Invalidated => "invalidated",
            Self::AuditRead => "audit_read",
            Self::PrincipalRevoked => "principal_revoked",
            Self::PrincipalRestored => "principal_restored",
            Self::PolicyChanged => "policy_changed",
            Self::PolicyRefused => "policy_refused",
            Self::PolicyDiffered => "policy_differed",
            Self::ApprovalRequested => "approval_requested",
            Self::ApprovalDecided => "approval_decided",
            Self::Attempted => "attempted",
            Self::ProviderSelected => "provider_selected",
            Self::ProvidersChanged => "providers_changed",
            Self::ProvidersRefused => "providers_refused",
            Self::SwapCommitted => "swap_committed",
            Self::SwapRolledBack => "swap_rolled_back",
            Self::ServingChanged => "serving_changed",
            Self::BreakerChanged => "breaker_changed",
            Self::FeaturesChanged => "features_changed",
        }
    }
}
