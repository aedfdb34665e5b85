//! ApprovalService: what people who approve calls ask, handed to their door. It is the same on the port for callers and
//! on that for operators.

use std::sync::Arc;

use grid_core::port::ApprovalDoor;
use grid_proto::v1;
use http::{Request, Response};
use hyper::body::Incoming;

use crate::{
    body::Reply,
    convert::approval,
    unary::{Asked, Limits, unary},
};

/// Serves ApprovalService.
#[derive(Debug, Clone)]
pub(crate) struct Approvers {
    pub(crate) door: Arc<dyn ApprovalDoor>,
    pub(crate) limits: Limits,
}

impl Approvers {
    /// Nothing where the service has no such method.
    pub(crate) async fn serve(
        &self,
        method: &str,
        request: Request<Incoming>,
        loopback: bool,
    ) -> Result<Response<Reply>, Request<Incoming>> {
        let limits = self.limits;
        Ok(match method {
            "ListApprovals" => {
                unary(request, loopback, limits, async |asked: Asked<v1::ListApprovalsRequest>| {
                    let waiting = self.door.waiting(asked.credentials, asked.message.correlation_id).await;
                    approval::waiting(waiting, limits.message)
                })
                .await
            }
            "DecideApproval" => {
                unary(request, loopback, limits, async |asked: Asked<_>| {
                    approval::decided(self.door.decide(asked.credentials, approval::decide(asked.message)).await)
                })
                .await
            }
            _ => return Err(request),
        })
    }
}
