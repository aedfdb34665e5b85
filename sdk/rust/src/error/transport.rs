//! Turns what gRPC reports into one of the transport codes, with advice, and says whether the request can have
//! reached the host.

use std::{error::Error as StdError, time::Duration};

use tonic::{Code as Grpc, ConnectError, Status, TimeoutExpired};

use super::{Error, Refusal};
use crate::Code;

/// The message or its answer did not get through.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[error("{code}: {message} ({correlation_id})")]
pub struct TransportFault {
    /// `CONNECTION_FAILED`, `NETWORK_TIMEOUT`, `MESSAGE_TOO_LARGE`, `TLS_HANDSHAKE_FAILED` or another transport code.
    pub code: Code,
    /// What happened and what to do.
    pub message: String,
    /// The request that was lost.
    pub correlation_id: String,
    /// The fault came before the request could leave, so the host has certainly not seen it.
    pub before_send: bool,
    /// Trying again can help.
    pub transient: bool,
}

/// What a status means: code, advice, and whether trying again can help.
type Meaning = (Code, &'static str, bool);

const LATE: Meaning = (Code::NETWORK_TIMEOUT, "no answer came in time; try again, or allow more time", true);

const BROKEN: Meaning = (Code::CONNECTION_FAILED, "the connection to the host broke; try again", true);

const TOO_LARGE: Meaning = (
    Code::MESSAGE_TOO_LARGE,
    "the message is larger than one side takes; send less, or raise the limit on both sides",
    false,
);

impl Error {
    /// The fault behind a gRPC status. A status that speaks of credentials or permission is a refusal.
    pub(crate) fn from_status(status: &Status, correlation_id: &str) -> Self {
        if let Some(shed) = shed(status, correlation_id) {
            return Self::Refused(Box::new(shed));
        }
        let (code, advice, transient) = meaning(status);
        if matches!(status.code(), Grpc::Unauthenticated | Grpc::PermissionDenied) {
            return Self::Refused(Box::new(Refusal {
                code,
                message: advice.to_owned(),
                correlation_id: correlation_id.to_owned(),
                ..Refusal::default()
            }));
        }
        Self::Transport(Box::new(TransportFault {
            code,
            message: advice.to_owned(),
            correlation_id: correlation_id.to_owned(),
            before_send: connecting(status),
            transient,
        }))
    }
}

/// A host with too much to do reads nothing of a request, and says when to send it again.
fn shed(status: &Status, correlation_id: &str) -> Option<Refusal> {
    let wait = status.metadata().get("grpc-retry-pushback-ms").filter(|_| status.code() == Grpc::ResourceExhausted)?;
    let wait = wait.to_str().ok()?.parse().ok()?;
    Some(Refusal {
        code: Code::RESOURCE_EXHAUSTED,
        message: "the host has more to do than it can just now and read nothing; send the request again later"
            .to_owned(),
        correlation_id: correlation_id.to_owned(),
        retry_allowed: true,
        retry_after: Some(Duration::from_millis(wait)),
        max_retries: Some(3),
        ..Refusal::default()
    })
}

fn meaning(status: &Status) -> Meaning {
    if connecting(status) {
        return unreachable_host(status);
    }
    if causes(status).any(|cause| cause.is::<TimeoutExpired>()) {
        return LATE;
    }
    match status.code() {
        Grpc::Unauthenticated => (
            Code::INVALID_CREDENTIALS,
            "the host does not accept the credentials; check the token and fetch a fresh one",
            false,
        ),
        Grpc::PermissionDenied => {
            (Code::PERMISSION_DENIED, "the host does not let this caller in; ask its operator", false)
        }
        Grpc::DeadlineExceeded => LATE,
        Grpc::Cancelled | Grpc::Unavailable | Grpc::Aborted => BROKEN,
        Grpc::Internal | Grpc::Unknown | Grpc::DataLoss if lost(status) => BROKEN,
        Grpc::OutOfRange => TOO_LARGE,
        Grpc::ResourceExhausted if status.message().contains("large") => TOO_LARGE,
        Grpc::ResourceExhausted => {
            (Code::RESOURCE_EXHAUSTED, "the host has no room for the request; try again later", true)
        }
        Grpc::Unimplemented => (
            Code::FEATURE_UNAVAILABLE,
            "the host does not know this request; check that the endpoint is a host of grid.v1",
            false,
        ),
        Grpc::InvalidArgument => (
            Code::MALFORMED_REQUEST,
            "the host could not read the request; check that both sides have the same version",
            false,
        ),
        _ => (Code::PROTOCOL_VIOLATION, "the answer is not one of grid.v1; check that the endpoint is a host", false),
    }
}

fn unreachable_host(status: &Status) -> Meaning {
    let secured = causes(status).any(|cause| {
        let text = cause.to_string().to_lowercase();
        ["certificate", "tls", "handshake", "corrupt message"].iter().any(|word| text.contains(word))
    });
    if secured {
        (
            Code::TLS_HANDSHAKE_FAILED,
            "the secured connection failed; check the certificates of both sides and the host's name in them",
            false,
        )
    } else {
        (Code::CONNECTION_FAILED, "the host cannot be reached; check that it runs and that the endpoint is right", true)
    }
}

/// The connection was never made, so nothing was sent.
fn connecting(status: &Status) -> bool {
    causes(status).any(|cause| cause.is::<ConnectError>())
}

/// The connection was made and then lost below gRPC.
fn lost(status: &Status) -> bool {
    causes(status).any(|cause| {
        cause.is::<std::io::Error>() || {
            let text = cause.to_string();
            ["connection", "broken pipe", "stream closed", "reset"].iter().any(|word| text.contains(word))
        }
    })
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn StdError + 'static)> {
    std::iter::successors(status.source(), |cause| (*cause).source())
}
