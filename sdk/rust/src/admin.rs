//! The operator's side: what a host is doing. Its port is another one than the callers', and each request needs the
//! operator's role.

use std::{fmt, future::Future};

use grid_proto::v1::{self, admin_service_client::AdminServiceClient};
use tonic::transport::Channel;
use tonic::{Request, Response, Status};

pub use grid_proto::v1::{ContractStatus, ListLimitsResponse, RuntimeStatus, SessionStatus, StatusResponse};

use crate::clock;
use crate::connect::{Connector, connection_settings, signed};
use crate::error::Error;
use crate::token::Header;

/// A connection to a host, for operators.
#[derive(Clone)]
pub struct Admin {
    service: AdminServiceClient<Channel>,
    header: Header,
    correlation_id: String,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

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
        let service = AdminServiceClient::new(channel)
            .max_decoding_message_size(self.connector.message_limit)
            .max_encoding_message_size(self.connector.message_limit);
        Ok(Admin { service, header, correlation_id })
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
        let mut service = self.service.clone();
        let list = self.ask(service.list_runtimes(self.request(v1::ListRuntimesRequest {}))).await?;
        refusal(list.error)?;
        Ok(list.runtimes)
    }

    /// Open sessions.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn sessions(&self) -> Result<Vec<SessionStatus>, Error> {
        let mut service = self.service.clone();
        let list = self.ask(service.list_sessions(self.request(v1::ListSessionsRequest {}))).await?;
        refusal(list.error)?;
        Ok(list.sessions)
    }

    /// Contracts of the manifest.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn contracts(&self) -> Result<Vec<ContractStatus>, Error> {
        let mut service = self.service.clone();
        let list = self.ask(service.list_contracts(self.request(v1::ListContractsRequest {}))).await?;
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

    /// Makes every cached decision void and gives the new policy epoch.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn invalidate_authorizations(&self, reason: &str) -> Result<u64, Error> {
        let mut service = self.service.clone();
        let message = v1::InvalidateAuthorizationsRequest { reason: reason.to_owned(), ..Default::default() };
        let done = self.ask(service.invalidate_authorizations(self.request(message))).await?;
        refusal(done.error)?;
        Ok(done.policy_epoch)
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
