//! What a request is, by its head alone: which line it stands in, and whose it is, for the gate that may turn it away
//! before its body is read.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Arc, LazyLock},
};

use grid_core::gate::{Gate, Lane, Pass, Shed};
use http::{HeaderMap, Request, header};

use crate::{accept::Peer, side::split};

/// Nobody can choose a token that shares its slot with another's.
static SENDERS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The line that a request stands in. What is not known begins work.
pub(crate) fn lane(path: &str) -> Lane {
    match split(path) {
        ("grid.v1.GridService", "LogToolResult" | "LogToolResults") | ("grid.v1.RuntimeService", _) => Lane::Outcome,
        ("grid.v1.GridService", "CancelToolCall" | "CancelGrant" | "DestroySession" | "WatchGrants")
        | ("grid.v1.AdminService" | "grid.v1.ApprovalService" | "grpc.health.v1.Health", _) => Lane::Control,
        _ => Lane::Work,
    }
}

/// Asks the gate, and puts the place into the request.
pub(crate) fn ask<B>(gate: &Arc<dyn Gate>, request: &mut Request<B>, peer: &Peer) -> Result<(), Shed> {
    let pass = Pass::ask(gate, lane(request.uri().path()), who(request.headers(), peer))?;
    request.extensions_mut().insert(pass);
    Ok(())
}

/// A token stands for its sender, wherever it comes from; without one the connection does.
fn who(headers: &HeaderMap, peer: &Peer) -> u64 {
    match headers.get(header::AUTHORIZATION) {
        Some(token) => SENDERS.hash_one(token.as_bytes()),
        None => SENDERS.hash_one(std::ptr::from_ref(peer).addr()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_work_is_never_in_the_line_of_what_begins_it() {
        for (path, expected) in [
            ("/grid.v1.GridService/CallTool", Lane::Work),
            ("/grid.v1.GridService/CreateSession", Lane::Work),
            ("/grid.v1.GridService/ListTools", Lane::Work),
            ("/grid.v1.GridService/AuthorizeToolCall", Lane::Work),
            ("/grid.v1.GridService/AuthorizeToolCalls", Lane::Work),
            ("/grid.v1.AuditService/Query", Lane::Work),
            ("/grid.v1.GridService/Nothing", Lane::Work),
            ("/", Lane::Work),
            ("", Lane::Work),
            ("/grid.v1.GridService/LogToolResult", Lane::Outcome),
            ("/grid.v1.GridService/LogToolResults", Lane::Outcome),
            ("/grid.v1.RuntimeService/Attach", Lane::Outcome),
            ("/grid.v1.GridService/CancelToolCall", Lane::Control),
            ("/grid.v1.GridService/CancelGrant", Lane::Control),
            ("/grid.v1.GridService/DestroySession", Lane::Control),
            ("/grid.v1.GridService/WatchGrants", Lane::Control),
            ("/grid.v1.AdminService/InvalidateAuthorizations", Lane::Control),
            ("/grid.v1.ApprovalService/Decide", Lane::Control),
            ("/grpc.health.v1.Health/Check", Lane::Control),
        ] {
            assert_eq!(lane(path), expected, "{path}");
        }
    }
}
