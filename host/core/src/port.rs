//! The ports through which rooms meet. Transports call [`FrontDoor`], [`LocalDoor`], [`RuntimeDoor`], [`AdminDoor`],
//! [`AuditDoor`], [`ApprovalDoor`] and [`ProviderDoor`]; the authorizer behind [`Authorizer`] can be replaced.

use std::{collections::BTreeMap, fmt::Debug, future::Future, pin::Pin};

use tokio::sync::mpsc;

use crate::{
    consent::{Decide, Decided, WaitingCalls},
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    explain::Explanation,
    frame::{Announce, HostFrame, RuntimeFrame},
    id::SessionId,
    listing::{Cancelled, Closed, ContractRow, LimitList, Opened, Reloaded, RuntimeRow, SessionRow, Status, Tools},
    local::{Authorized, Batch, GiveBack, GivenBack, GrantedAll, Logged, Report, Watched},
    outcome::CallAnswer,
    principal::{Principal, SecurityContext},
    provider::{
        AskChoice, BreakerRow, Choice, ProviderRow, Reread, ResetBreaker, Select, Selected, ServingSet, SetServing,
        Swap, Swapped,
    },
    reading::{Consistency, Extend, Follow, Get, Inclusion, Page, Prove, Query, Step},
    refusal::Refusal,
    revocation::{Invalidate, Invalidated, Restore, RevocationRow},
    stream::CallEvent,
};

/// What callers may ask for. One implementation, in the server; every transport calls it.
pub trait FrontDoor: Send + Sync + 'static {
    /// Opens a session for the proved principal.
    fn open_session(
        &self,
        credentials: Credentials,
        request: OpenSession,
    ) -> impl Future<Output = Result<Opened, Refusal>> + Send;

    /// Ends a session.
    fn close_session(
        &self,
        credentials: Credentials,
        request: CloseSession,
    ) -> impl Future<Output = Result<Closed, Refusal>> + Send;

    /// The tools that the caller may call, and no others.
    fn list_tools(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> impl Future<Output = Result<Tools, Refusal>> + Send;

    /// The path of a call. Dropping the future does not stop the call: its record is kept, and the same
    /// call_id gets the outcome.
    fn call(
        &self,
        credentials: Credentials,
        envelope: Envelope,
    ) -> impl Future<Output = Result<CallAnswer, Refusal>> + Send;

    /// The same path for a call whose result comes in pieces: any number of chunks and progress, then one end. Whoever
    /// takes slowly slows the runtime down; dropping the receiver asks to stop the call.
    fn call_streaming(
        &self,
        credentials: Credentials,
        envelope: Envelope,
    ) -> impl Future<Output = mpsc::Receiver<CallEvent>> + Send;

    /// Asks to stop a call of this session.
    fn cancel(
        &self,
        credentials: Credentials,
        request: CancelCall,
    ) -> impl Future<Output = Result<Cancelled, Refusal>> + Send;

    /// Records a request that the transport cannot hand on, and gives the refusal with its place filled in.
    fn turn_away(
        &self,
        credentials: Credentials,
        correlation_id: String,
        session_id: String,
        fault: Refusal,
    ) -> impl Future<Output = Refusal> + Send;
}

/// What callers may ask for that run tools themselves: the decision before, the report after.
pub trait LocalDoor: Send + Sync + 'static {
    /// The path of a call up to its admission. Dropping the future does not stop it; a grant that nobody takes ends
    /// as one that was not reported.
    fn authorize(
        &self,
        credentials: Credentials,
        envelope: Envelope,
    ) -> impl Future<Output = Result<Authorized, Refusal>> + Send;

    /// The same for several calls at once, each with an answer of its own; or the refusal of the request as a whole.
    fn authorize_all(
        &self,
        credentials: Credentials,
        batch: Batch,
    ) -> impl Future<Output = Result<GrantedAll, Refusal>> + Send;

    /// Takes the outcome of a local run, once.
    fn log_result(
        &self,
        credentials: Credentials,
        report: Report,
    ) -> impl Future<Output = Result<Logged, Refusal>> + Send;

    /// Ends a grant that was not used.
    fn cancel_grant(
        &self,
        credentials: Credentials,
        request: GiveBack,
    ) -> impl Future<Output = Result<GivenBack, Refusal>> + Send;

    /// The policy epoch now, and each later one, until the session ends. Dropping the receiver ends it.
    fn watch_grants(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> impl Future<Output = Result<mpsc::Receiver<Watched>, Refusal>> + Send;
}

/// What runtimes may ask for.
pub trait RuntimeDoor: Send + Sync + 'static {
    /// One attached runtime.
    type Port: RuntimePort;

    /// Takes an announcement and answers it with the first frame of the receiver.
    fn attach(
        &self,
        credentials: Credentials,
        announce: Announce,
    ) -> impl Future<Output = Result<(Self::Port, mpsc::Receiver<HostFrame>), Refusal>> + Send;

    /// Records a stream that ended before it announced anything usable.
    fn unannounced(&self, credentials: Credentials, fault: Refusal) -> impl Future<Output = Refusal> + Send;
}

/// The host's end of one runtime's stream.
pub trait RuntimePort: Send + 'static {
    /// Takes one frame; answers go through the receiver that came with the port.
    fn receive(&mut self, frame: RuntimeFrame) -> impl Future<Output = ()> + Send;

    /// Completes when the host ends the attachment.
    fn ended(&self) -> impl Future<Output = ()> + Send;

    /// The stream is over; calls in flight end as crashed.
    fn detach(self, reason: String) -> impl Future<Output = ()> + Send;
}

/// What operators may ask for, on a port of its own.
pub trait AdminDoor: Send + Sync + 'static {
    /// The host at a glance.
    fn status(&self, credentials: Credentials) -> impl Future<Output = Result<Status, Refusal>> + Send;

    /// Attached runtimes: those that serve a tenant, or all where it is empty.
    fn runtimes(
        &self,
        credentials: Credentials,
        tenant: String,
    ) -> impl Future<Output = Result<Vec<RuntimeRow>, Refusal>> + Send;

    /// Open sessions: those of a tenant, or all where it is empty.
    fn sessions(
        &self,
        credentials: Credentials,
        tenant: String,
    ) -> impl Future<Output = Result<Vec<SessionRow>, Refusal>> + Send;

    /// Contracts of the manifest: those that are there for a tenant, or all where it is empty.
    fn contracts(
        &self,
        credentials: Credentials,
        tenant: String,
    ) -> impl Future<Output = Result<Vec<ContractRow>, Refusal>> + Send;

    /// The limits in force and `most` of their counts.
    fn limits(&self, credentials: Credentials, most: usize) -> impl Future<Output = Result<LimitList, Refusal>> + Send;

    /// Makes every decision void, and ends the grants and on wish the running calls that fit. When it returns, none of
    /// them has any effect that begins later.
    fn invalidate(
        &self,
        credentials: Credentials,
        request: Invalidate,
    ) -> impl Future<Output = Result<Invalidated, Refusal>> + Send;

    /// Those whose earlier proofs of identity are void.
    fn revocations(&self, credentials: Credentials)
    -> impl Future<Output = Result<Vec<RevocationRow>, Refusal>> + Send;

    /// Why an execution was permitted, or the newest request of a correlation was permitted or refused.
    fn explain(
        &self,
        credentials: Credentials,
        id: String,
    ) -> impl Future<Output = Result<Explanation, Refusal>> + Send;

    /// Takes a revocation back; whether there was one.
    fn restore(&self, credentials: Credentials, request: Restore)
    -> impl Future<Output = Result<bool, Refusal>> + Send;

    /// Reads the policies again; a set that has a fault changes nothing.
    fn reload_policies(&self, credentials: Credentials) -> impl Future<Output = Result<Reloaded, Refusal>> + Send;
}

/// What auditors may ask for, on any port. Whoever reads sees the records of their own tenant, or all of them with a
/// role that says so; what they may not see is as good as not there.
pub trait AuditDoor: Debug + Send + Sync + 'static {
    /// A page of records.
    fn query(&self, credentials: Credentials, query: Query) -> Pending<'_, Result<Page, Refusal>>;

    /// One record, or those of one execution; none where there are none.
    fn get(&self, credentials: Credentials, get: Get) -> Pending<'_, Result<Page, Refusal>>;

    /// Records as they come, each once and in order. Dropping the receiver ends it.
    fn follow(&self, credentials: Credentials, follow: Follow) -> Pending<'_, Result<mpsc::Receiver<Step>, Refusal>>;

    /// The newest published checkpoint, a signed note.
    fn checkpoint(&self, credentials: Credentials, correlation_id: String) -> Pending<'_, Result<String, Refusal>>;

    /// Proof that a record is in the log; none where there is no such record.
    fn inclusion(&self, credentials: Credentials, prove: Prove) -> Pending<'_, Result<Option<Inclusion>, Refusal>>;

    /// Proof that the log only grew.
    fn consistency(&self, credentials: Credentials, extend: Extend) -> Pending<'_, Result<Consistency, Refusal>>;
}

/// What people may ask for that approve calls, on any port. Whoever asks sees and decides what their own roles allow, in
/// their own tenant; what they may not decide is as good as not there.
pub trait ApprovalDoor: Debug + Send + Sync + 'static {
    /// The calls that wait for somebody like the one who asks.
    fn waiting(&self, credentials: Credentials, correlation_id: String) -> Pending<'_, Result<WaitingCalls, Refusal>>;

    /// Decides one of them, once. It is on record when this answers.
    fn decide(&self, credentials: Credentials, decide: Decide) -> Pending<'_, Result<Decided, Refusal>>;
}

/// What operators may ask for about who serves what, on their own port.
pub trait ProviderDoor: Debug + Send + Sync + 'static {
    /// Every provider of a tool, in the order of their ranks; of every tool where it is empty.
    fn providers(&self, credentials: Credentials, tool: String) -> Pending<'_, Result<Vec<ProviderRow>, Refusal>>;

    /// Who would be chosen, and why each other not.
    fn explain_choice(&self, credentials: Credentials, ask: AskChoice) -> Pending<'_, Result<Choice, Refusal>>;

    /// Chooses a provider, or takes a choice back. It is on record and on the disk when this answers.
    fn select(&self, credentials: Credentials, select: Select) -> Pending<'_, Result<Selected, Refusal>>;

    /// Puts one provider of a tool in the place of another. A swap that was rolled back is an answer, no refusal.
    fn swap(&self, credentials: Credentials, swap: Swap) -> Pending<'_, Result<Swapped, Refusal>>;

    /// Pauses, drains or resumes a tool or a provider. It is on record and on the disk when this answers.
    fn set_serving(&self, credentials: Credentials, set: SetServing) -> Pending<'_, Result<ServingSet, Refusal>>;

    /// Reads the file of providers again; one that has a fault changes nothing.
    fn reload_providers(&self, credentials: Credentials) -> Pending<'_, Result<Reread, Refusal>>;

    /// Breakers that are not closed, or `all`.
    fn breakers(&self, credentials: Credentials, all: bool) -> Pending<'_, Result<Vec<BreakerRow>, Refusal>>;

    /// Closes a breaker by hand; whether it was not closed.
    fn reset_breaker(&self, credentials: Credentials, reset: ResetBreaker) -> Pending<'_, Result<bool, Refusal>>;
}

/// What is asked of an authorizer: may this principal, in this context, call this contract?
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// All that is known about the caller.
    pub context: &'a SecurityContext,
    /// Function name.
    pub tool: &'a str,
    /// The contract of the manifest that it belongs to.
    pub group: &'a str,
    /// SHA-256 of the contract.
    pub contract: [u8; 32],
    /// Its version as declared, or empty.
    pub version: &'a str,
    /// Roles that the contract demands; empty means that nobody was admitted.
    pub required_roles: &'a [String],
    /// pure, read or write.
    pub effect: &'static str,
    /// As declared.
    pub tags: &'a [String],
    /// As declared, or empty.
    pub classification: &'a str,
    /// Who may fulfil it; absent for anybody.
    pub providers: Option<&'a [String]>,
    /// The contract was registered for the caller's own session.
    pub dynamic: bool,
    /// The session that the call belongs to.
    pub session: SessionFacts<'a>,
    /// The caller wants to run it itself.
    pub local: bool,
    /// Milliseconds since 1970.
    pub now_ms: u64,
    /// The checked arguments as JSON text; absent while they are not known. What is allowed without them is allowed for
    /// some arguments, and is asked again with them where [`Reads::args`] says so.
    pub args: Option<&'a str>,
}

/// What an authorizer may know of a session.
#[derive(Debug, Clone, Copy)]
pub struct SessionFacts<'a> {
    /// The host's own name of it.
    pub id: SessionId,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// As its opener gave it; opaque.
    pub metadata: &'a BTreeMap<String, String>,
}

/// What an answer depends on beside principal and contract: a decision is kept only under all of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reads {
    /// The arguments; such an answer is never kept.
    pub args: bool,
    /// The time; such an answer is never kept.
    pub moment: bool,
    /// The session.
    pub session: bool,
    /// Whether the caller runs it itself.
    pub local: bool,
}

/// An answer. There is no third one: an error denies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// They may.
    Allow {
        /// The rule that says so.
        rule: String,
    },
    /// They may not.
    Deny {
        /// The rule that says so.
        rule: String,
        /// For the caller: what is missing.
        message: String,
    },
    /// They may if a person with `role` says so.
    Ask {
        /// The rule that says so.
        rule: String,
        /// Whoever approves needs it.
        role: String,
        /// For the caller: what is waited for.
        message: String,
    },
}

/// An authorizer could not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undecided(pub String);

/// A boxed future, for ports that are chosen at run time.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Decides. Asked on a cache miss only.
pub trait Authorizer: Debug + Send + Sync + 'static {
    /// May they?
    ///
    /// # Errors
    /// [`Undecided`], which denies.
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>>;

    /// What its answers about a function depend on beside principal and contract.
    fn reads(&self, tool: &str) -> Reads {
        let _ = tool;
        Reads::default()
    }

    /// SHA-256 over everything that it decides by; absent where that is the contract alone.
    fn digest(&self) -> Option<[u8; 32]> {
        None
    }

    /// Where a rule stands that records name so, and what it says; absent where it has no text of its own.
    fn written(&self, rule: &str) -> Option<Written> {
        let _ = rule;
        None
    }

    /// Whether the principal holds a role: its proof says so, or what the rules say of roles does.
    fn holds(&self, principal: &Principal, role: &str) -> bool {
        principal.has_role(role)
    }
}

/// A rule as an operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The file below the directory of the rules, and the line, from 1: `desk.cedar:4`.
    pub place: String,
    /// Its text.
    pub text: String,
}
