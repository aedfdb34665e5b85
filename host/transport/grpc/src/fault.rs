//! What keeps a message from getting through, before anybody knows what it asks. These faults are gRPC statuses
//! whose message begins with a code of the closed set; refusals travel in answers instead (see `callers`).

use std::time::Duration;

use grid_core::Code;
use http::{HeaderName, HeaderValue, Response};
use tonic::Status;

use crate::body::Reply;

/// Where gRPC clients look for the milliseconds to wait before they send a request again (gRFC A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// A message that did not get through. The connection stays up.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The announced length is over the limit; the body was not read.
    TooLarge { found: usize, limit: usize },
    /// The answer is over the limit.
    AnswerTooLarge { found: usize, limit: usize },
    /// Not the bytes of one such message; says which and where.
    Malformed(String),
    /// The compressed flag is set.
    Compressed,
    /// The message did not come in time.
    Slow,
    /// The peer went away while it was sending.
    Interrupted,
    /// No such method.
    Unknown(String),
    /// There is too much to do; nothing of the request was read.
    Shed { retry_after: Duration },
}

impl Fault {
    /// The code that the message begins with.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } | Self::AnswerTooLarge { .. } => Code::MessageTooLarge,
            Self::Malformed(_) => Code::MalformedRequest,
            Self::Slow => Code::NetworkTimeout,
            Self::Interrupted => Code::ConnectionFailed,
            Self::Shed { .. } => Code::ResourceExhausted,
            Self::Compressed | Self::Unknown(_) => Code::FeatureUnavailable,
        }
    }

    /// What happened and what to do.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::TooLarge { found, limit } => format!(
                "the message has {found} bytes and the limit is {limit}; send less, or raise the limit of the host"
            ),
            Self::AnswerTooLarge { found, limit } => format!(
                "the answer has {found} bytes and the limit is {limit}; ask for less, or raise the limit of the host"
            ),
            Self::Malformed(what) => {
                format!("{what}; check that both sides were built from the same proto files")
            }
            Self::Compressed => "compressed messages are not taken here; send without `grpc-encoding`".to_owned(),
            Self::Slow => "the message did not come in time; send it right after its headers".to_owned(),
            Self::Interrupted => "the message broke off; send it again".to_owned(),
            Self::Unknown(path) => {
                format!("there is no method `{path}`; list the methods by reflection")
            }
            Self::Shed { retry_after } => {
                let wait = retry_after.as_millis();
                format!("the host has more to do than it can just now and read nothing; send it again after {wait} ms")
            }
        }
    }

    pub(crate) fn status(&self) -> Status {
        let text = format!("{}: {}", self.code().as_str(), self.message());
        match self {
            Self::TooLarge { .. } | Self::AnswerTooLarge { .. } | Self::Shed { .. } => Status::resource_exhausted(text),
            Self::Malformed(_) => Status::invalid_argument(text),
            Self::Compressed | Self::Unknown(_) => Status::unimplemented(text),
            Self::Slow => Status::deadline_exceeded(text),
            Self::Interrupted => Status::cancelled(text),
        }
    }

    /// The answer: headers and nothing else.
    pub(crate) fn into_response(self) -> Response<Reply> {
        let mut response = self.status().into_http();
        if let Self::Shed { retry_after } = self {
            let wait = u64::try_from(retry_after.as_millis()).unwrap_or(u64::MAX);
            response.headers_mut().insert(PUSHBACK, HeaderValue::from(wait));
        }
        response
    }
}

/// Text from outside, fit for a log line or a message: escaped, and cut to `limit` characters.
pub(crate) fn plain(text: &str, limit: usize) -> String {
    text.chars().take(limit).flat_map(char::escape_debug).collect()
}
