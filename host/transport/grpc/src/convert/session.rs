//! Opening and ending sessions, listing tools, cancelling.

use std::time::Duration;

use grid_core::{
    Refusal,
    envelope::{CancelCall, CloseSession, OpenSession},
    listing::{Cancelled, Closed, Opened, ToolListing, Tools},
    principal::SecurityClaim,
};
use grid_proto::{adm, v1};

use super::{error::enhanced_error, level, wire_level};

pub(crate) fn open(wire: v1::CreateSession) -> OpenSession {
    OpenSession {
        correlation_id: wire.correlation_id,
        label: wire.suggested_session_id,
        metadata: wire.metadata.into_iter().collect(),
        ttl: (wire.ttl_seconds > 0).then(|| Duration::from_secs(wire.ttl_seconds)),
        claim: wire.security_context.map(claim),
        level: level(wire.compliance_level),
        features: wire.optional_features,
        versions: wire.supported_versions,
    }
}

pub(super) fn claim(wire: v1::SecurityContext) -> SecurityClaim {
    SecurityClaim { principal: wire.principal_id, tenant: wire.tenant_id, claims: wire.claims.into_iter().collect() }
}

pub(crate) fn opened(answer: Result<Opened, Refusal>) -> v1::CreateSessionResponse {
    match answer {
        Ok(opened) => v1::CreateSessionResponse {
            session_id: opened.session_id,
            expires_at_ms: opened.expires_at_ms,
            correlation_id: opened.correlation_id.to_string(),
            error: None,
            enabled_features: opened.features,
            negotiated_level: wire_level(opened.level),
            negotiated_version: opened.version.to_owned(),
        },
        Err(refusal) => v1::CreateSessionResponse {
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::CreateSessionResponse::default()
        },
    }
}

pub(crate) fn close(wire: v1::DestroySession) -> CloseSession {
    CloseSession { correlation_id: wire.correlation_id, session_id: wire.session_id, force: wire.force }
}

pub(crate) fn closed(answer: Result<Closed, Refusal>) -> v1::DestroySessionResponse {
    match answer {
        Ok(closed) => v1::DestroySessionResponse {
            destroyed: true,
            cancelled_invocations: closed.cancelled,
            correlation_id: closed.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::DestroySessionResponse {
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::DestroySessionResponse::default()
        },
    }
}

pub(crate) fn tools(answer: Result<Tools, Refusal>) -> v1::ListToolsResponse {
    match answer {
        Ok(tools) => v1::ListToolsResponse {
            tools: tools.tools.into_iter().map(tool).collect(),
            correlation_id: tools.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::ListToolsResponse {
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::ListToolsResponse::default()
        },
    }
}

fn tool(listing: ToolListing) -> v1::ToolListing {
    v1::ToolListing {
        declaration: Some(adm::FunctionDeclaration {
            name: listing.name,
            description: listing.description,
            parameters: listing.parameters,
        }),
        contract: listing.contract,
        version: listing.version,
        effect: listing.effect.to_owned(),
        timeout_ms: listing.timeout_ms,
        tags: listing.tags,
        digest: listing.digest,
        dynamic: listing.dynamic,
        available: listing.available,
        denied: listing.denied,
        needs_approval: listing.needs_approval,
    }
}

pub(crate) fn cancel(wire: v1::CancelToolCall) -> CancelCall {
    CancelCall {
        correlation_id: wire.correlation_id,
        session_id: wire.session_id,
        call_id: wire.call_id,
        reason: wire.reason,
    }
}

pub(crate) fn cancelled(answer: Result<Cancelled, Refusal>) -> v1::CancelToolCallResponse {
    match answer {
        Ok(cancelled) => v1::CancelToolCallResponse {
            cancelled: cancelled.cancelled,
            correlation_id: cancelled.correlation_id.to_string(),
            error: None,
        },
        Err(refusal) => v1::CancelToolCallResponse {
            correlation_id: correlation(&refusal),
            error: Some(enhanced_error(&refusal)),
            ..v1::CancelToolCallResponse::default()
        },
    }
}

/// Of the request, where the door knew it.
pub(crate) fn correlation(refusal: &Refusal) -> String {
    refusal.context().correlation_id.as_ref().map(ToString::to_string).unwrap_or_default()
}
