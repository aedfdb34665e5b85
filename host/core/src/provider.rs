//! Who serves what, as operators see and change it: providers in the order of their ranks, selections, swaps, pauses and
//! breakers. Plain data, free of any transport.

/// Why nobody takes a call: the word that a refusal carries as its detail `reason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The provider that was selected is not there, or may not serve this call.
    ProviderUnavailable,
    /// An operator paused it.
    Paused,
    /// An operator drains it.
    Draining,
    /// Its breaker is open.
    BreakerOpen,
}

impl Reason {
    /// The name of the detail.
    pub const DETAIL: &'static str = "reason";

    /// As refusals write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ProviderUnavailable => "PROVIDER_UNAVAILABLE",
            Self::Paused => "PAUSED",
            Self::Draining => "DRAINING",
            Self::BreakerOpen => "BREAKER_OPEN",
        }
    }
}

/// What an operator lets a tool or a provider do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Serving {
    /// It takes calls.
    #[default]
    Serving,
    /// It takes none; those that it has go on.
    Paused,
    /// It takes none and is on its way out: those that it has are waited for.
    Draining,
}

impl Serving {
    /// As messages and files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Paused => "paused",
            Self::Draining => "draining",
        }
    }
}

/// By which rule a provider was chosen, or that it was the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// The call names it.
    SelectionCall,
    /// An operator chose it for the session.
    SelectionSession,
    /// An operator or the file chose it for the tenant.
    SelectionTenant,
    /// An operator or the file chose it for every call.
    SelectionHost,
    /// One of its runtimes has the state of the session.
    Affinity,
    /// Its priority is the highest.
    Priority,
    /// Its stack level is the highest among those of the same priority.
    StackLevel,
    /// It was first seen last among those that are otherwise equal.
    RegistrationOrder,
    /// Nobody else can serve the call.
    OnlyCandidate,
}

impl Rule {
    /// As records and messages write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SelectionCall => "selection:call",
            Self::SelectionSession => "selection:session",
            Self::SelectionTenant => "selection:tenant",
            Self::SelectionHost => "selection:host",
            Self::Affinity => "affinity",
            Self::Priority => "priority",
            Self::StackLevel => "stack_level",
            Self::RegistrationOrder => "registration_order",
            Self::OnlyCandidate => "only_candidate",
        }
    }
}

/// Whether a provider has the calls of a tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum View {
    /// It is the one that is chosen.
    Active,
    /// It could serve, and another goes before it.
    Shadowed,
    /// It cannot serve.
    Ineligible,
}

impl View {
    /// As messages write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Shadowed => "shadowed",
            Self::Ineligible => "ineligible",
        }
    }
}

/// One provider of one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderRow {
    /// Function name.
    pub tool: String,
    /// The provider part of its runtimes' ids.
    pub provider: String,
    /// -1000 to 1000; higher goes first.
    pub priority: i32,
    /// -100 to 100; higher goes first among those of one priority.
    pub stack_level: i32,
    /// In which order the providers of the tool were first seen, from 1; later goes first among those that are equal.
    pub sequence: u64,
    /// Its words in the file of providers.
    pub capabilities: Vec<String>,
    /// Whether it has the calls.
    pub view: View,
    /// Why it has not; empty where it has.
    pub reason: String,
    /// What operators let it do.
    pub serving: Serving,
    /// Its runtimes that are attached, by id.
    pub runtimes: Vec<String>,
    /// Calls of this tool that its runtimes have.
    pub in_flight: u32,
    /// Where its ranks come from: `file` or `default`.
    pub source: &'static str,
    /// closed, half_open, open or recovering.
    pub breaker: &'static str,
    /// The session that it serves the tool for; empty for every one.
    pub session_id: String,
    /// When its last runtime went, in milliseconds since 1970; 0 while one is there.
    pub gone_at_ms: u64,
    /// An operator's words.
    pub note: String,
}

/// Which choice shall be explained.
#[derive(Debug, Clone, Default)]
pub struct AskChoice {
    /// Function name.
    pub tool: String,
    /// As it is for this tenant; the host's own view where it is empty.
    pub tenant: String,
    /// As it is in this session, unchecked; as it is in none where it is empty.
    pub session_id: String,
    /// As it were if the call named it.
    pub provider: String,
}

/// Who would be chosen, and why each other not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// Function name.
    pub tool: String,
    /// Best first; those that cannot be chosen last.
    pub candidates: Vec<ProviderRow>,
    /// Empty where nobody can be.
    pub chosen: String,
    /// The words of [`Rule`]; a sentence where nobody can be chosen.
    pub decided_by: String,
}

/// A wish to choose a provider, or to take a choice back.
#[derive(Debug, Clone, Default)]
pub struct Select {
    /// Function name.
    pub tool: String,
    /// Empty takes the choice of this scope back.
    pub provider: String,
    /// For the calls of this tenant; at most one of this and `session_id`.
    pub tenant: String,
    /// For the calls of this session, unchecked.
    pub session_id: String,
    /// Where the provider cannot serve, the next rule decides instead of nobody.
    pub fallback: bool,
    /// An operator's words.
    pub note: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// A choice that is in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selected {
    /// Chosen before in this scope; empty where none was.
    pub before: String,
    /// Chosen now; empty where none is.
    pub now: String,
}

/// A wish to put one provider of a tool in the place of another.
#[derive(Debug, Clone, Default)]
pub struct Swap {
    /// Function name.
    pub tool: String,
    /// Who shall serve.
    pub provider: String,
    /// Takes a provider that says it is not well.
    pub force: bool,
    /// Only says what would be done.
    pub dry_run: bool,
    /// An operator's words.
    pub note: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// What became of a swap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swapped {
    /// committed, rolled_back or planned.
    pub outcome: &'static str,
    /// Who served before; empty where nobody did.
    pub before: String,
    /// Who serves now.
    pub serving: String,
    /// It was taken although it is not well.
    pub degraded: bool,
    /// activate, health, before_hook or after_hook; empty where none failed.
    pub failed_step: &'static str,
    /// Why it failed; empty where it did not.
    pub reason: String,
    /// In the order in which they were done.
    pub steps: Vec<SwapStep>,
    /// Of the last swaps of this tool, in milliseconds.
    pub p50_ms: u64,
    /// Of the last swaps of this tool, in milliseconds.
    pub p95_ms: u64,
    /// Of the last swaps of this tool, in milliseconds.
    pub p99_ms: u64,
}

/// One step of a swap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SwapStep {
    /// Its name.
    pub step: &'static str,
    /// In milliseconds.
    pub took_ms: u64,
    /// It did not fail.
    pub ok: bool,
    /// For people.
    pub detail: String,
}

/// What an operator does to what is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Takes no new calls.
    Pause,
    /// Takes no new calls, and waits for those that it has.
    Drain,
    /// Takes calls again.
    Resume,
}

/// A wish to pause, drain or resume.
#[derive(Debug, Clone, Default)]
pub struct SetServing {
    /// Absent where the message does not say.
    pub action: Option<Action>,
    /// Function name; exactly one of this and `provider`.
    pub tool: String,
    /// A provider.
    pub provider: String,
    /// An operator's words.
    pub note: String,
    /// Waits so long for calls that are still in flight, in milliseconds.
    pub wait_ms: u64,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}

/// What is served now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ServingSet {
    /// Before.
    pub before: Serving,
    /// From now on.
    pub now: Serving,
    /// Calls that are still in flight.
    pub in_flight: u32,
}

/// What reading the file of providers again changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reread {
    /// It is another one than before.
    pub changed: bool,
    /// Tools whose provider was swapped for it.
    pub swapped: Vec<String>,
}

/// One breaker.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BreakerRow {
    /// runtime, provider or tool.
    pub scope: &'static str,
    /// Whose it is.
    pub name: String,
    /// closed, half_open, open or recovering.
    pub state: &'static str,
    /// Calls in its window.
    pub calls: u32,
    /// Those of them that failed.
    pub failures: u32,
    /// Those of them that took too long.
    pub slow: u32,
    /// Until it lets a call try, in milliseconds; 0 where it is not open.
    pub retry_after_ms: u64,
    /// Of the last failure; empty where there was none.
    pub last_code: String,
    /// How often it opened.
    pub opened: u64,
    /// Calls that it kept away.
    pub rejected: u64,
    /// Share of calls let through while it recovers, 0 to 100.
    pub admitted_percent: u32,
}

/// A wish to close a breaker by hand.
#[derive(Debug, Clone, Default)]
pub struct ResetBreaker {
    /// runtime, provider or tool, unchecked.
    pub scope: String,
    /// Whose it is.
    pub name: String,
    /// Minted by the door where empty or unusable.
    pub correlation_id: String,
}
