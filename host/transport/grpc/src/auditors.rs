//! AuditService: what auditors ask, handed to their door. It is the same on the port for callers and on that for
//! operators. A followed log is a body that frames each step as it comes.

use std::{
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use grid_core::{port::AuditDoor, reading::Step};
use grid_proto::v1;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use hyper::body::Incoming;
use tokio::sync::mpsc;
use tonic::Status;

use crate::{
    body::{DONE, Reply},
    convert::audit,
    unary::{Asked, Limits, framed, read, streaming, unary},
};

/// Serves AuditService.
#[derive(Debug, Clone)]
pub(crate) struct Auditors {
    pub(crate) door: Arc<dyn AuditDoor>,
    pub(crate) limits: Limits,
}

impl Auditors {
    /// Nothing where the service has no such method.
    pub(crate) async fn serve(
        &self,
        method: &str,
        request: Request<Incoming>,
        loopback: bool,
    ) -> Result<Response<Reply>, Request<Incoming>> {
        let limits = self.limits;
        Ok(match method {
            "Query" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    audit::queried(self.door.query(asked.credentials, audit::query(asked.message)).await)
                })
                .await
            }
            "Get" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    audit::got(self.door.get(asked.credentials, audit::get(asked.message)).await)
                })
                .await
            }
            "Follow" => self.follow(request, loopback).await,
            "Checkpoint" => {
                unary(request, loopback, limits, async |asked: Asked<v1::AuditCheckpointRequest>| {
                    audit::checkpoint(self.door.checkpoint(asked.credentials, asked.message.correlation_id).await)
                })
                .await
            }
            "InclusionProof" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    audit::proved(self.door.inclusion(asked.credentials, audit::prove(asked.message)).await)
                })
                .await
            }
            "ConsistencyProof" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    audit::extended(self.door.consistency(asked.credentials, audit::extend(asked.message)).await)
                })
                .await
            }
            _ => return Err(request),
        })
    }

    async fn follow(&self, request: Request<Incoming>, loopback: bool) -> Response<Reply> {
        let asked = match read(request, loopback, self.limits).await {
            Ok(asked) => asked,
            Err(fault) => return fault.into_response(),
        };
        let steps = match self.door.follow(asked.credentials, audit::follow(asked.message)).await {
            Ok(steps) => steps,
            Err(refusal) => {
                let (only, steps) = mpsc::channel(1);
                // The receiver is here and has room.
                let _ = only.try_send(Step::End { refusal, next: 0 });
                steps
            }
        };
        streaming(Reply::Followed(Steps { steps, limit: self.limits.message }))
    }
}

/// The answer to one that follows the log.
#[derive(Debug)]
pub(crate) struct Steps {
    steps: mpsc::Receiver<Step>,
    limit: usize,
}

impl Steps {
    /// The next frame; the trailers where it is the last one.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<Frame<Bytes>, Status>> {
        let Some(step) = ready!(self.steps.poll_recv(context)) else {
            return Poll::Ready(Ok(Frame::trailers(DONE.clone())));
        };
        Poll::Ready(match framed(&audit::followed(step), self.limit) {
            Ok(message) => Ok(Frame::data(message)),
            Err(fault) => trailers(&fault.status()),
        })
    }
}

/// The end of a stream that did not succeed.
pub(crate) fn trailers(status: &Status) -> Result<Frame<Bytes>, Status> {
    let mut trailers = HeaderMap::new();
    status.add_header(&mut trailers)?;
    Ok(Frame::trailers(trailers))
}
