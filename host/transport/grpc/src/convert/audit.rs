//! What auditors ask, and what they see.

use grid_core::{
    Refusal,
    event::Sha256,
    reading::{Consistency, Extend, Filter, Follow, Get, Inclusion, Page, Prove, Query, Row, Step, Which},
};
use grid_proto::v1;

use super::error::enhanced_error;

pub(crate) fn query(wire: v1::AuditQueryRequest) -> Query {
    Query {
        filter: filter(wire.filter),
        newest_first: wire.newest_first,
        limit: usize::try_from(wire.page_size).ok().filter(|size| *size > 0),
        page_token: wire.page_token,
        correlation_id: wire.correlation_id,
    }
}

pub(crate) fn get(wire: v1::AuditGetRequest) -> Get {
    let which = wire.which.map(|which| match which {
        v1::audit_get_request::Which::Index(index) => Which::Index(index),
        v1::audit_get_request::Which::Invocation(invocation) => Which::Invocation(invocation),
    });
    Get { which, correlation_id: wire.correlation_id }
}

pub(crate) fn follow(wire: v1::AuditFollowRequest) -> Follow {
    Follow { filter: filter(wire.filter), from: wire.from_index, correlation_id: wire.correlation_id }
}

fn filter(wire: Option<v1::AuditFilter>) -> Filter {
    let wire = wire.unwrap_or_default();
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Filter {
        invocation: given(wire.invocation),
        correlation: given(wire.correlation),
        session: given(wire.session),
        principal: given(wire.principal),
        tenant: given(wire.tenant),
        tool: given(wire.tool),
        outcome: given(wire.outcome),
        kind: given(wire.kind),
        code: given(wire.code),
        from_ms: wire.from_ms,
        to_ms: wire.to_ms,
    }
}

pub(crate) fn queried(answer: Result<Page, Refusal>) -> v1::AuditQueryResponse {
    match answer {
        Ok(page) => v1::AuditQueryResponse {
            records: page.rows.into_iter().map(record).collect(),
            next_page_token: page.next.unwrap_or_default(),
            error: None,
        },
        Err(refusal) => {
            v1::AuditQueryResponse { error: Some(enhanced_error(&refusal)), ..v1::AuditQueryResponse::default() }
        }
    }
}

pub(crate) fn got(answer: Result<Page, Refusal>) -> v1::AuditGetResponse {
    match answer {
        Ok(page) => v1::AuditGetResponse {
            more: page.next.is_some(),
            records: page.rows.into_iter().map(record).collect(),
            error: None,
        },
        Err(refusal) => {
            v1::AuditGetResponse { error: Some(enhanced_error(&refusal)), ..v1::AuditGetResponse::default() }
        }
    }
}

pub(crate) fn followed(step: Step) -> v1::AuditFollowResponse {
    use v1::audit_follow_response::Step as Wire;
    match step {
        Step::Row(row) => v1::AuditFollowResponse { next_index: row.index + 1, step: Some(Wire::Record(record(row))) },
        Step::End { refusal, next } => {
            v1::AuditFollowResponse { next_index: next, step: Some(Wire::Error(enhanced_error(&refusal))) }
        }
    }
}

pub(crate) fn prove(wire: v1::AuditInclusionProofRequest) -> Prove {
    let which = wire.which.map(|which| match which {
        v1::audit_inclusion_proof_request::Which::Index(index) => Which::Index(index),
        v1::audit_inclusion_proof_request::Which::Invocation(invocation) => Which::Invocation(invocation),
    });
    Prove { which, tree_size: wire.tree_size, correlation_id: wire.correlation_id }
}

pub(crate) fn extend(wire: v1::AuditConsistencyProofRequest) -> Extend {
    Extend { old_size: wire.old_size, new_size: wire.new_size, correlation_id: wire.correlation_id }
}

pub(crate) fn checkpoint(answer: Result<String, Refusal>) -> v1::AuditCheckpointResponse {
    match answer {
        Ok(checkpoint) => v1::AuditCheckpointResponse { checkpoint, error: None },
        Err(refusal) => {
            v1::AuditCheckpointResponse { checkpoint: String::new(), error: Some(enhanced_error(&refusal)) }
        }
    }
}

pub(crate) fn proved(answer: Result<Option<Inclusion>, Refusal>) -> v1::AuditInclusionProofResponse {
    match answer {
        Ok(Some(proof)) => v1::AuditInclusionProofResponse {
            index: proof.index,
            leaf_hash: proof.leaf_hash.to_vec(),
            tree_size: proof.tree_size,
            hashes: hashes(&proof.hashes),
            checkpoint: proof.checkpoint.unwrap_or_default(),
            error: None,
        },
        Ok(None) => v1::AuditInclusionProofResponse::default(),
        Err(refusal) => v1::AuditInclusionProofResponse {
            error: Some(enhanced_error(&refusal)),
            ..v1::AuditInclusionProofResponse::default()
        },
    }
}

pub(crate) fn extended(answer: Result<Consistency, Refusal>) -> v1::AuditConsistencyProofResponse {
    match answer {
        Ok(proof) => v1::AuditConsistencyProofResponse {
            old_size: proof.old_size,
            new_size: proof.new_size,
            hashes: hashes(&proof.hashes),
            checkpoint: proof.checkpoint.unwrap_or_default(),
            error: None,
        },
        Err(refusal) => v1::AuditConsistencyProofResponse {
            error: Some(enhanced_error(&refusal)),
            ..v1::AuditConsistencyProofResponse::default()
        },
    }
}

fn hashes(hashes: &[Sha256]) -> Vec<Vec<u8>> {
    hashes.iter().map(|hash| hash.to_vec()).collect()
}

fn record(row: Row) -> v1::AuditRecord {
    v1::AuditRecord { index: row.index, entry: row.line, leaf_hash: row.leaf_hash.to_vec() }
}
