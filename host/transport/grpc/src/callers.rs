//! GridService: what callers ask, handed to the front door. Refusals travel in the answers with gRPC status OK,
//! because they are the host's answers and not the transport's faults.

use std::{sync::Arc, time::Duration};

use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    envelope::Credentials,
    port::{FrontDoor, LocalDoor},
};
use grid_proto::v1;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::{
    body::Reply,
    convert::{
        call::{self, MissingCall},
        session,
    },
    locals::Locals,
    streams::Pieces,
    unary::{Asked, Limits, read, streaming, unary},
};

/// The methods of GridService.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Method {
    CallTool,
    StreamToolCall,
    CreateSession,
    DestroySession,
    ListTools,
    CancelToolCall,
    AuthorizeToolCall,
    AuthorizeToolCalls,
    LogToolResult,
    LogToolResults,
    CancelGrant,
    WatchGrants,
}

impl Method {
    pub(crate) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "CallTool" => Self::CallTool,
            "StreamToolCall" => Self::StreamToolCall,
            "CreateSession" => Self::CreateSession,
            "DestroySession" => Self::DestroySession,
            "ListTools" => Self::ListTools,
            "CancelToolCall" => Self::CancelToolCall,
            "AuthorizeToolCall" => Self::AuthorizeToolCall,
            "AuthorizeToolCalls" => Self::AuthorizeToolCalls,
            "LogToolResult" => Self::LogToolResult,
            "LogToolResults" => Self::LogToolResults,
            "CancelGrant" => Self::CancelGrant,
            "WatchGrants" => Self::WatchGrants,
            _ => return None,
        })
    }
}

/// Serves GridService.
#[derive(Debug)]
pub(crate) struct Callers<F> {
    pub(crate) door: Arc<F>,
    pub(crate) clock: SharedClock,
    pub(crate) limits: Limits,
    pub(crate) locals: Locals<F>,
}

impl<F: FrontDoor + LocalDoor> Callers<F> {
    pub(crate) async fn serve(&self, method: Method, request: Request<Incoming>, loopback: bool) -> Response<Reply> {
        let limits = self.limits;
        match method {
            Method::CallTool => unary(request, loopback, limits, |asked| self.call_tool(asked)).await,
            Method::StreamToolCall => self.stream_call(request, loopback).await,
            Method::CreateSession => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    let open = session::open(asked.message);
                    session::opened(self.door.open_session(asked.credentials, open).await)
                })
                .await
            }
            Method::DestroySession => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    let close = session::close(asked.message);
                    session::closed(self.door.close_session(asked.credentials, close).await)
                })
                .await
            }
            Method::ListTools => {
                unary(request, loopback, limits, async |asked: Asked<v1::ListTools>| {
                    let wire = asked.message;
                    session::tools(self.door.list_tools(asked.credentials, wire.session_id, wire.correlation_id).await)
                })
                .await
            }
            Method::CancelToolCall => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    let cancel = session::cancel(asked.message);
                    session::cancelled(self.door.cancel(asked.credentials, cancel).await)
                })
                .await
            }
            Method::AuthorizeToolCall => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    let deadline = asked.timeout.map(|left| self.sooner(None, left));
                    self.locals.authorize(asked, deadline).await
                })
                .await
            }
            Method::AuthorizeToolCalls => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    let deadline = asked.timeout.map(|left| self.sooner(None, left));
                    self.locals.authorize_all(asked, deadline).await
                })
                .await
            }
            Method::LogToolResult => unary(request, loopback, limits, |asked| self.locals.log(asked)).await,
            Method::LogToolResults => self.locals.log_all(request, loopback),
            Method::CancelGrant => unary(request, loopback, limits, |asked| self.locals.give_back(asked)).await,
            Method::WatchGrants => self.locals.watch(request, loopback).await,
        }
    }

    async fn call_tool(&self, asked: Asked<v1::ToolCall>) -> v1::CallToolResponse {
        match call::envelope(asked.message) {
            Ok(mut envelope) => {
                if let Some(left) = asked.timeout {
                    envelope.deadline_unix_ms = Some(self.sooner(envelope.deadline_unix_ms, left));
                }
                let answer = self.door.call(asked.credentials, envelope).await;
                call::answered(answer, self.limits.message)
            }
            Err(missing) => call::refused(&self.missing(asked.credentials, missing).await),
        }
    }

    /// Answers at once; whatever comes of the call comes in the stream.
    async fn stream_call(&self, request: Request<Incoming>, loopback: bool) -> Response<Reply> {
        let asked: Asked<v1::ToolCall> = match read(request, loopback, self.limits).await {
            Ok(asked) => asked,
            Err(fault) => return fault.into_response(),
        };
        let pieces = match call::envelope(asked.message) {
            Ok(mut envelope) => {
                if let Some(left) = asked.timeout {
                    envelope.deadline_unix_ms = Some(self.sooner(envelope.deadline_unix_ms, left));
                }
                Pieces::of(self.door.call_streaming(asked.credentials, envelope).await, self.limits.message)
            }
            Err(missing) => Pieces::refused(self.missing(asked.credentials, missing).await, self.limits.message),
        };
        streaming(Reply::Streamed(pieces))
    }

    async fn missing(&self, credentials: Credentials, call: MissingCall) -> Refusal {
        let message = "`call` is missing; send call_id, name and args in it";
        let fault = Refusal::new(Code::MalformedRequest, Stage::Transport, message);
        self.door.turn_away(credentials, call.correlation_id, call.session_id, fault).await
    }

    /// The sooner of the message's deadline and the transport's.
    fn sooner(&self, deadline: Option<u64>, left: Duration) -> u64 {
        let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let end = self.clock.unix_ms().saturating_add(left);
        deadline.map_or(end, |deadline| deadline.min(end))
    }
}
