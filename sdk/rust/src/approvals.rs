//! The side of people who approve calls: what waits for them, and what they say. The service is on the callers' port and
//! on the operators'; the host shows each principal what its own roles allow, and nobody a call of their own.

use std::{fmt, future::Future};

use grid_proto::v1::{self, approval_service_client::ApprovalServiceClient, decide_approval_request::Verdict as Wire};
use tonic::transport::Channel;
use tonic::{Response, Status};

pub use grid_proto::v1::Approval as WaitingCall;

use crate::clock;
use crate::connect::{Connector, connection_settings, signed};
use crate::error::Error;
use crate::token::Header;

/// A connection to a host, for people who approve calls.
#[derive(Clone)]
pub struct Approvals {
    service: ApprovalServiceClient<Channel>,
    header: Header,
    correlation_id: String,
}

impl fmt::Debug for Approvals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Approvals").finish_non_exhaustive()
    }
}

/// Sets up [`Approvals`].
#[derive(Debug, Clone, Default)]
pub struct ApprovalsBuilder {
    connector: Connector,
}

/// What a person says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on.
    Approve,
    /// It may not.
    Deny,
}

impl ApprovalsBuilder {
    connection_settings!();

    /// Reaches the host.
    ///
    /// # Errors
    /// `Setting` for an unusable endpoint, token or certificate; `Transport` where the host cannot be reached.
    pub async fn connect(self) -> Result<Approvals, Error> {
        let header = self.connector.token.header().await?;
        let correlation_id = clock::correlation_id("client");
        let channel = self.connector.channel(&correlation_id).await?;
        let service = ApprovalServiceClient::new(channel)
            .max_decoding_message_size(self.connector.message_limit)
            .max_encoding_message_size(self.connector.message_limit);
        Ok(Approvals { service, header, correlation_id })
    }
}

impl Approvals {
    /// Begins to set up a connection.
    #[must_use]
    pub fn builder() -> ApprovalsBuilder {
        ApprovalsBuilder::default()
    }

    /// The calls that wait for somebody like the one who asks, oldest first; more may follow once some are decided.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn list(&self) -> Result<Vec<WaitingCall>, Error> {
        let message = v1::ListApprovalsRequest { correlation_id: self.correlation_id.clone() };
        let mut service = self.service.clone();
        let list = self.ask(service.list_approvals(signed(message, &self.header))).await?;
        refusal(list.error)?;
        Ok(list.approvals)
    }

    /// Decides `call`, as it was listed: the host compares the digests of its contract and its arguments. When this
    /// returns, the decision is in the audit log. `reason` is kept there too, and told to nobody.
    ///
    /// # Errors
    /// `Refused` where it is decided, over, or not for this principal to decide; `Transport`.
    pub async fn decide(&self, call: &WaitingCall, verdict: Verdict, reason: &str) -> Result<(), Error> {
        let verdict = match verdict {
            Verdict::Approve => Wire::Approve,
            Verdict::Deny => Wire::Deny,
        };
        let message = v1::DecideApprovalRequest {
            approval_id: call.approval_id.clone(),
            verdict: verdict.into(),
            contract_digest: call.contract_digest.clone(),
            args_digest: call.args_digest.clone(),
            reason: reason.to_owned(),
            correlation_id: self.correlation_id.clone(),
        };
        let mut service = self.service.clone();
        let answer = self.ask(service.decide_approval(signed(message, &self.header))).await?;
        refusal(answer.error)?;
        match answer.decided {
            true => Ok(()),
            false => Err(Error::bad_answer("the call was neither decided nor was that refused", &self.correlation_id)),
        }
    }

    async fn ask<T>(&self, answer: impl Future<Output = Result<Response<T>, Status>>) -> Result<T, Error> {
        match answer.await {
            Ok(response) => Ok(response.into_inner()),
            Err(status) => Err(Error::from_status(&status, &self.correlation_id)),
        }
    }
}

fn refusal(error: Option<v1::EnhancedError>) -> Result<(), Error> {
    error.map_or(Ok(()), |error| Err(Error::refused(error)))
}
