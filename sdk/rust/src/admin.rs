//! The operator's side: what a host is doing. Its port is another one than the callers', and each request needs the
//! operator's role.

use std::{fmt, future::Future};

use grid_proto::v1::{self, admin_service_client::AdminServiceClient, provider_service_client::ProviderServiceClient};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

pub use grid_proto::v1::{
    ContractStatus, ExplainDecisionResponse, Ground, ListLimitsResponse, ReloadPoliciesResponse, Revocation,
    RuntimeStatus, SessionStatus, StatusResponse,
};

use crate::clock;
use crate::connect::{Connector, connection_settings, signed};
use crate::error::Error;
use crate::token::Header;

/// A connection to a host, for operators.
#[derive(Clone)]
pub struct Admin {
    service: AdminServiceClient<Channel>,
    ranks: ProviderServiceClient<Channel>,
    header: Header,
    correlation_id: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

mod providers;
mod revoke;

pub use providers::{
    Breaker, ExplainChoiceRequest, ExplainChoiceResponse, Provider, ReloadProvidersResponse, SelectProviderRequest,
    SelectProviderResponse, Served, Serving, SetServingResponse, SwapProviderRequest, SwapProviderResponse, SwapStep,
};
pub use revoke::{Cause, Revoke, Revoked};

/// Sets up an [`Admin`].
#[derive(Debug, Clone, Default)]
pub struct AdminBuilder {
    connector: Connector,
}

impl AdminBuilder {
    connection_settings!();

    /// Reaches the host.
    ///
    /// # Errors
    /// `Setting` for an unusable endpoint, token or certificate; `Transport` where the host cannot be reached.
    pub async fn connect(self) -> Result<Admin, Error> {
        let header = self.connector.token.header().await?;
        let correlation_id = clock::correlation_id("client");
        let channel = self.connector.channel(&correlation_id).await?;
        let limit = self.connector.message_limit;
        let service =
            AdminServiceClient::new(channel.clone()).max_decoding_message_size(limit).max_encoding_message_size(limit);
        let ranks =
            ProviderServiceClient::new(channel).max_decoding_message_size(limit).max_encoding_message_size(limit);
        Ok(Admin { service, ranks, header, correlation_id })
    }
}

impl Admin {
    /// Begins to set up a connection.
    #[must_use]
    pub fn builder() -> AdminBuilder {
        AdminBuilder::default()
    }

    /// The host at a glance.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn status(&self) -> Result<StatusResponse, Error> {
        let mut service = self.service.clone();
        let mut status = self.ask(service.get_status(self.request(v1::StatusRequest {}))).await?;
        refusal(status.error.take())?;
        Ok(status)
    }

    /// Attached runtimes.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn runtimes(&self) -> Result<Vec<RuntimeStatus>, Error> {
        self.runtimes_of("").await
    }

    /// Those that serve a tenant.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn runtimes_of(&self, tenant: &str) -> Result<Vec<RuntimeStatus>, Error> {
        let mut service = self.service.clone();
        let message = v1::ListRuntimesRequest { tenant: tenant.to_owned() };
        let list = self.ask(service.list_runtimes(self.request(message))).await?;
        refusal(list.error)?;
        Ok(list.runtimes)
    }

    /// Open sessions.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn sessions(&self) -> Result<Vec<SessionStatus>, Error> {
        self.sessions_of("").await
    }

    /// Those of a tenant.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn sessions_of(&self, tenant: &str) -> Result<Vec<SessionStatus>, Error> {
        let mut service = self.service.clone();
        let message = v1::ListSessionsRequest { tenant: tenant.to_owned() };
        let list = self.ask(service.list_sessions(self.request(message))).await?;
        refusal(list.error)?;
        Ok(list.sessions)
    }

    /// Contracts of the manifest.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn contracts(&self) -> Result<Vec<ContractStatus>, Error> {
        self.contracts_of("").await
    }

    /// Those that are there for a tenant.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn contracts_of(&self, tenant: &str) -> Result<Vec<ContractStatus>, Error> {
        let mut service = self.service.clone();
        let message = v1::ListContractsRequest { tenant: tenant.to_owned() };
        let list = self.ask(service.list_contracts(self.request(message))).await?;
        refusal(list.error)?;
        Ok(list.contracts)
    }

    /// The limits in force, how at most `most` of their counts stand (0 for 100), and how the host sheds load.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn limits(&self, most: u32) -> Result<ListLimitsResponse, Error> {
        let mut service = self.service.clone();
        let mut list = self.ask(service.list_limits(self.request(v1::ListLimitsRequest { most }))).await?;
        refusal(list.error.take())?;
        Ok(list)
    }

    /// Makes every decision and every open grant void, and gives the new policy epoch.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn invalidate_authorizations(&self, reason: &str) -> Result<u64, Error> {
        Ok(self.revoke(Revoke::everything(reason)).await?.policy_epoch)
    }

    /// Makes every decision void, ends the grants that fit, and on wish running calls and proofs of identity too. When it
    /// returns, nothing begins any more that rests on what was decided before.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn revoke(&self, rights: Revoke) -> Result<Revoked, Error> {
        let mut service = self.service.clone();
        let done = self.ask(service.invalidate_authorizations(self.request(rights.into_message()))).await?;
        refusal(done.error)?;
        Ok(Revoked {
            policy_epoch: done.policy_epoch,
            ended_grants: done.ended_grants,
            cancelled_calls: done.cancelled_calls,
            repeated: done.repeated,
        })
    }

    /// Those whose earlier proofs of identity are void.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn revocations(&self) -> Result<Vec<Revocation>, Error> {
        let mut service = self.service.clone();
        let list = self.ask(service.list_revocations(self.request(v1::ListRevocationsRequest {}))).await?;
        refusal(list.error)?;
        Ok(list.revocations)
    }

    /// Why an execution was permitted, or the newest request of a correlation was permitted or refused; its `decision` is
    /// empty where the log has no such call.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn explain(&self, id: &str) -> Result<ExplainDecisionResponse, Error> {
        let mut service = self.service.clone();
        let message = v1::ExplainDecisionRequest { id: id.to_owned() };
        let mut told = self.ask(service.explain_decision(self.request(message))).await?;
        refusal(told.error.take())?;
        Ok(told)
    }

    /// Takes a revocation of proofs back; whether there was one.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn restore(&self, tenant: &str, principal: &str, reason: &str) -> Result<bool, Error> {
        let mut service = self.service.clone();
        let message = v1::RestoreRequest {
            tenant: tenant.to_owned(),
            principal: principal.to_owned(),
            reason: reason.to_owned(),
        };
        let done = self.ask(service.restore(self.request(message))).await?;
        refusal(done.error)?;
        Ok(done.restored)
    }

    /// Has the host read its policies again; whether they are others than before.
    ///
    /// # Errors
    /// `Refused` where they have a fault, `Transport`.
    pub async fn reload_policies(&self) -> Result<ReloadPoliciesResponse, Error> {
        let mut service = self.service.clone();
        let mut done = self.ask(service.reload_policies(self.request(v1::ReloadPoliciesRequest {}))).await?;
        refusal(done.error.take())?;
        Ok(done)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        signed(message, &self.header)
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
