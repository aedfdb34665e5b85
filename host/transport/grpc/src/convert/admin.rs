//! What operators see.

use grid_core::{
    Refusal,
    listing::{ContractRow, RuntimeRow, SessionRow, Status},
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

pub(crate) fn invalidated(answer: Result<u64, Refusal>) -> v1::InvalidateAuthorizationsResponse {
    match answer {
        Ok(policy_epoch) => v1::InvalidateAuthorizationsResponse { policy_epoch, ..Default::default() },
        Err(refusal) => {
            v1::InvalidateAuthorizationsResponse { error: Some(enhanced_error(&refusal)), ..Default::default() }
        }
    }
}

fn rows<T, W>(answer: Result<Vec<T>, Refusal>, wire: impl Fn(T) -> W) -> (Vec<W>, Option<v1::EnhancedError>) {
    match answer {
        Ok(rows) => (rows.into_iter().map(wire).collect(), None),
        Err(refusal) => (Vec::new(), Some(enhanced_error(&refusal))),
    }
}
