//! What operators see.

use grid_core::{
    Refusal,
    explain::{Explanation, Ground},
    listing::{ContractRow, GateRow, LimitList, LimitRow, Reloaded, RuntimeRow, SessionRow, Status, UseRow},
    revocation::{Cause, Invalidate, Invalidated, Restore, RevocationRow},
};
use grid_proto::v1;

use super::error::enhanced_error;

pub(crate) fn status(answer: Result<Status, Refusal>) -> v1::StatusResponse {
    match answer {
        Ok(status) => v1::StatusResponse {
            version: status.version,
            mode: status.mode,
            uptime_ms: status.uptime_ms,
            contracts: status.contracts,
            runtimes: status.runtimes,
            sessions: status.sessions,
            in_flight: status.in_flight,
            policy_epoch: status.policy_epoch,
            audit_records: status.audit_records,
            audit_writable: status.audit_writable,
            error: None,
        },
        Err(refusal) => v1::StatusResponse { error: Some(enhanced_error(&refusal)), ..v1::StatusResponse::default() },
    }
}

pub(crate) fn runtimes(answer: Result<Vec<RuntimeRow>, Refusal>) -> v1::ListRuntimesResponse {
    let (runtimes, error) = rows(answer, |row: RuntimeRow| v1::RuntimeStatus {
        runtime_id: row.runtime_id,
        provider: row.provider,
        tenant: row.tenant,
        language: row.language,
        version: row.version,
        connection_id: row.connection_id,
        tools: row.tools,
        in_flight: row.in_flight,
        draining: row.draining,
        attached_at_ms: row.attached_at_ms,
        last_heard_ms_ago: row.last_heard_ms_ago,
        calls: row.calls,
        failures: row.failures,
        slots: row.slots,
        load_percent: row.busy_percent,
    });
    v1::ListRuntimesResponse { runtimes, error }
}

pub(crate) fn sessions(answer: Result<Vec<SessionRow>, Refusal>) -> v1::ListSessionsResponse {
    let (sessions, error) = rows(answer, |row: SessionRow| v1::SessionStatus {
        session_id: row.session_id,
        label: row.label,
        tenant: row.tenant,
        principal: row.principal,
        created_at_ms: row.created_at_ms,
        expires_at_ms: row.expires_at_ms,
        in_flight: row.in_flight,
        dynamic_tools: row.dynamic_tools,
    });
    v1::ListSessionsResponse { sessions, error }
}

pub(crate) fn contracts(answer: Result<Vec<ContractRow>, Refusal>) -> v1::ListContractsResponse {
    let (contracts, error) = rows(answer, |row: ContractRow| v1::ContractStatus {
        name: row.name,
        contract: row.contract,
        version: row.version,
        effect: row.effect,
        timeout_ms: row.timeout_ms,
        required_roles: row.required_roles,
        tags: row.tags,
        digest: row.digest,
        runtimes: row.runtimes,
        description: row.description,
    });
    v1::ListContractsResponse { contracts, error }
}

pub(crate) fn limits(answer: Result<LimitList, Refusal>) -> v1::ListLimitsResponse {
    let list = match answer {
        Ok(list) => list,
        Err(refusal) => {
            return v1::ListLimitsResponse { error: Some(enhanced_error(&refusal)), ..Default::default() };
        }
    };
    let rule = |row: LimitRow| {
        let [tenant, principal, tool] = row.whom;
        v1::LimitRule {
            name: row.name,
            tenant,
            principal,
            tool,
            per: row.per.into_iter().map(str::to_owned).collect(),
            rate: row.rate,
            rate_within_ms: row.rate_within_ms,
            burst: row.burst,
            concurrency: row.concurrency,
            queue: row.queue,
            wait_ms: row.wait_ms,
            budget: row.budget,
        }
    };
    let used = |row: UseRow| {
        let [tenant, principal, tool] = row.whom;
        let UseRow { limit, running, waiting, spent, refused, .. } = row;
        v1::LimitUse { limit, tenant, principal, tool, running, waiting, spent, refused }
    };
    let gate = |row: GateRow| {
        let GateRow { limit, inside, shed, shed_share, latency_us } = row;
        v1::GateStatus { limit, inside, shed, shed_share, latency_us }
    };
    v1::ListLimitsResponse {
        limits: list.limits.into_iter().map(rule).collect(),
        uses: list.uses.into_iter().map(used).collect(),
        gate: list.gate.map(gate),
        error: None,
    }
}

pub(crate) fn reloaded(answer: Result<Reloaded, Refusal>) -> v1::ReloadPoliciesResponse {
    match answer {
        Ok(reloaded) => v1::ReloadPoliciesResponse {
            changed: reloaded.changed,
            policy_digest: reloaded.policy.map_or_else(String::new, hex),
            policy_epoch: reloaded.epoch,
            error: None,
        },
        Err(refusal) => v1::ReloadPoliciesResponse {
            error: Some(enhanced_error(&refusal)),
            ..v1::ReloadPoliciesResponse::default()
        },
    }
}

/// `sha256:<hex>`.
fn hex(digest: [u8; 32]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold("sha256:".to_owned(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(crate) fn invalidate(message: v1::InvalidateAuthorizationsRequest) -> Invalidate {
    use v1::InvalidationEvent as Event;
    let cause = match message.event() {
        Event::InvalidationUnspecified => None,
        Event::UserRoleChange => Some(Cause::RoleChange),
        Event::PolicyUpdate => Some(Cause::PolicyUpdate),
        Event::SecurityIncident => Some(Cause::Incident),
        Event::SessionTimeout => Some(Cause::SessionTimeout),
    };
    Invalidate {
        reason: message.reason,
        cause,
        tenant: message.tenant,
        principal: message.principal,
        tool: message.tool,
        session: message.session_id,
        event_id: message.event_id,
        cancel_running: message.cancel_running,
        revoke_proofs: message.revoke_proofs,
    }
}

pub(crate) fn invalidated(answer: Result<Invalidated, Refusal>) -> v1::InvalidateAuthorizationsResponse {
    match answer {
        Ok(done) => v1::InvalidateAuthorizationsResponse {
            policy_epoch: done.epoch,
            ended_grants: done.ended_grants,
            cancelled_calls: done.cancelled_calls,
            repeated: done.repeated,
            error: None,
        },
        Err(refusal) => {
            v1::InvalidateAuthorizationsResponse { error: Some(enhanced_error(&refusal)), ..Default::default() }
        }
    }
}

pub(crate) fn explanation(answer: Result<Explanation, Refusal>) -> v1::ExplainDecisionResponse {
    match answer {
        Ok(told) => v1::ExplainDecisionResponse {
            decision: told.decision.to_owned(),
            invocation_id: told.invocation,
            correlation_id: told.correlation,
            tenant: told.tenant,
            principal: told.principal,
            tool: told.tool,
            contract_digest: told.contract,
            rule: told.rule,
            policy_epoch: told.epoch,
            policy_digest: told.policy,
            cache_age_ms: told.cache_age_ms,
            code: told.code,
            grounds: told.grounds.into_iter().map(ground).collect(),
            now: told.now.to_owned(),
            error: None,
        },
        Err(refusal) => v1::ExplainDecisionResponse { error: Some(enhanced_error(&refusal)), ..Default::default() },
    }
}

fn ground(ground: Ground) -> v1::Ground {
    v1::Ground { stage: ground.stage.to_owned(), text: ground.text, entry: ground.entry }
}

pub(crate) fn revocations(answer: Result<Vec<RevocationRow>, Refusal>) -> v1::ListRevocationsResponse {
    let (revocations, error) = rows(answer, |row: RevocationRow| v1::Revocation {
        tenant: row.tenant,
        principal: row.principal,
        issued_until_ms: row.issued_until_ms,
        reason: row.reason,
    });
    v1::ListRevocationsResponse { revocations, error }
}

pub(crate) fn restore(message: v1::RestoreRequest) -> Restore {
    Restore { tenant: message.tenant, principal: message.principal, reason: message.reason }
}

pub(crate) fn restored(answer: Result<bool, Refusal>) -> v1::RestoreResponse {
    match answer {
        Ok(restored) => v1::RestoreResponse { restored, error: None },
        Err(refusal) => v1::RestoreResponse { restored: false, error: Some(enhanced_error(&refusal)) },
    }
}

fn rows<T, W>(answer: Result<Vec<T>, Refusal>, wire: impl Fn(T) -> W) -> (Vec<W>, Option<v1::EnhancedError>) {
    match answer {
        Ok(rows) => (rows.into_iter().map(wire).collect(), None),
        Err(refusal) => (Vec::new(), Some(enhanced_error(&refusal))),
    }
}
