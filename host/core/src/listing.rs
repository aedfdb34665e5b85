//! What operators and callers see in lists. Plain data, free of any transport.

use crate::id::CorrelationId;

/// A contract as its caller sees it.
#[derive(Debug, Clone)]
pub struct ToolListing {
    /// Function name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// ADM Schema as JSON text.
    pub parameters: String,
    /// The contract it belongs to.
    pub contract: String,
    /// Of the contract.
    pub version: String,
    /// pure, read or write.
    pub effect: &'static str,
    /// Milliseconds.
    pub timeout_ms: u64,
    /// As declared.
    pub tags: Vec<String>,
    /// `sha256:<hex>`.
    pub digest: String,
    /// Registered for this session.
    pub dynamic: bool,
    /// At least one runtime serves it now.
    pub available: bool,
    /// Shown although the caller may not call it.
    pub denied: bool,
    /// A person has to say yes to each call.
    pub needs_approval: bool,
}

/// The tools that a caller may call.
#[derive(Debug, Clone)]
pub struct Tools {
    /// By name.
    pub tools: Vec<ToolListing>,
    /// Of this request.
    pub correlation_id: CorrelationId,
}

/// A session that was opened.
#[derive(Debug, Clone)]
pub struct Opened {
    /// Minted.
    pub session_id: String,
    /// Milliseconds since 1970.
    pub expires_at_ms: u64,
    /// Those that were wished for and that it has.
    pub features: Vec<String>,
    /// The lower level of both sides.
    pub level: u8,
    /// The highest version of both sides.
    pub version: &'static str,
    /// Of this request.
    pub correlation_id: CorrelationId,
}

/// A session that was ended.
#[derive(Debug, Clone)]
pub struct Closed {
    /// How many were cancelled.
    pub cancelled: u32,
    /// Of this request.
    pub correlation_id: CorrelationId,
}

/// A call that was asked to stop.
#[derive(Debug, Clone)]
pub struct Cancelled {
    /// False where none was in flight.
    pub cancelled: bool,
    /// Of this request.
    pub correlation_id: CorrelationId,
}

/// Policies that were read again.
#[derive(Debug, Clone)]
pub struct Reloaded {
    /// It was another set than before, and is in force.
    pub changed: bool,
    /// Digest of the set that decides; absent where roles alone do.
    pub policy: Option<[u8; 32]>,
    /// The policy epoch.
    pub epoch: u64,
}

/// The host at a glance.
#[derive(Debug, Clone, Default)]
pub struct Status {
    /// Of the host program.
    pub version: String,
    /// strict or development.
    pub mode: String,
    /// Milliseconds.
    pub uptime_ms: u64,
    /// Functions in the manifest.
    pub contracts: u32,
    /// Attached.
    pub runtimes: u32,
    /// Open.
    pub sessions: u32,
    /// Calls handed to runtimes.
    pub in_flight: u32,
    /// Raised by each invalidation.
    pub policy_epoch: u64,
    /// Durable records.
    pub audit_records: u64,
    /// The log takes records.
    pub audit_writable: bool,
}

/// One attached runtime.
#[derive(Debug, Clone, Default)]
pub struct RuntimeRow {
    /// Its id.
    pub runtime_id: String,
    /// Part of its id.
    pub provider: String,
    /// The tenant it serves, or `*`.
    pub tenant: String,
    /// As announced.
    pub language: String,
    /// As announced.
    pub version: String,
    /// Of this attachment.
    pub connection_id: String,
    /// Functions it fulfils.
    pub tools: Vec<String>,
    /// Calls handed over.
    pub in_flight: u32,
    /// Wants no new calls.
    pub draining: bool,
    /// Milliseconds since 1970.
    pub attached_at_ms: u64,
    /// Milliseconds.
    pub last_heard_ms_ago: u64,
    /// Calls ever.
    pub calls: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that it can hold at once by its own account; 0 where it has not said.
    pub slots: u32,
    /// How busy it is by its own account, 0 to 100.
    pub busy_percent: u32,
}

/// One open session.
#[derive(Debug, Clone, Default)]
pub struct SessionRow {
    /// Its id.
    pub session_id: String,
    /// As suggested.
    pub label: String,
    /// Fixed at creation.
    pub tenant: String,
    /// Fixed at creation.
    pub principal: String,
    /// Milliseconds since 1970.
    pub created_at_ms: u64,
    /// Milliseconds since 1970.
    pub expires_at_ms: u64,
    /// Calls in flight.
    pub in_flight: u32,
    /// Registered for it.
    pub dynamic_tools: u32,
}

/// One contract of the manifest.
#[derive(Debug, Clone, Default)]
pub struct ContractRow {
    /// Function name.
    pub name: String,
    /// What it does.
    pub description: String,
    /// The contract it belongs to.
    pub contract: String,
    /// Of the contract.
    pub version: String,
    /// pure, read or write.
    pub effect: String,
    /// Milliseconds.
    pub timeout_ms: u64,
    /// All of them are needed; `*` alone means any proved principal.
    pub required_roles: Vec<String>,
    /// As declared.
    pub tags: Vec<String>,
    /// `sha256:<hex>`.
    pub digest: String,
    /// Runtimes that serve it.
    pub runtimes: Vec<String>,
}

/// One limit in force.
#[derive(Debug, Clone, Default)]
pub struct LimitRow {
    /// Its name.
    pub name: String,
    /// Patterns of tenant, principal and tool.
    pub whom: [String; 3],
    /// What is counted apart.
    pub per: Vec<&'static str>,
    /// Calls in a time; 0 for any number.
    pub rate: u32,
    /// That time, in milliseconds.
    pub rate_within_ms: u64,
    /// Calls at once after a rest.
    pub burst: u32,
    /// Calls that run at once; 0 for any number.
    pub concurrency: u32,
    /// Calls that wait.
    pub queue: u32,
    /// How long one waits, in milliseconds.
    pub wait_ms: u64,
    /// Units of cost in a day.
    pub budget: Option<u64>,
}

/// How one limit is used by those whom it counts together.
#[derive(Debug, Clone, Default)]
pub struct UseRow {
    /// The name of the limit.
    pub limit: String,
    /// Tenant, principal and tool; empty where they are counted together.
    pub whom: [String; 3],
    /// Calls that hold a place.
    pub running: u32,
    /// Calls that wait for one.
    pub waiting: u32,
    /// Units of today.
    pub spent: u64,
    /// Calls refused.
    pub refused: u64,
}

/// What stands before the path.
#[derive(Debug, Clone, Copy, Default)]
pub struct GateRow {
    /// Requests that may be worked on at once.
    pub limit: u32,
    /// Those that are.
    pub inside: u32,
    /// Turned away before they were read.
    pub shed: u64,
    /// Of these, because their sender had more than its share.
    pub shed_share: u64,
    /// What a call takes at the host itself, in microseconds.
    pub latency_us: u64,
}

/// The limits, and how they stand.
#[derive(Debug, Clone, Default)]
pub struct LimitList {
    /// In force.
    pub limits: Vec<LimitRow>,
    /// Those in use first.
    pub uses: Vec<UseRow>,
    /// Absent where load is not shed.
    pub gate: Option<GateRow>,
}
