//! The caller's side: a connection to the host, and on it sessions that list, call and cancel tools. Every request
//! goes through `exchange`, which signs it, bounds it in time and repeats it where the rules allow.

use std::{fmt, sync::Arc, time::Duration};

use grid_proto::v1::{self, grid_service_client::GridServiceClient};
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::clock;
use crate::connect::{Connector, connection_settings, signed};
use crate::error::Error;
use crate::receipt::{Checkpoint, Receipt, Unproved, VerifyingKey};
use crate::token::Header;

mod answer;
mod local;
mod report;
mod retry;
mod session;
mod stream;

pub(crate) use answer::Sent;
pub use answer::{CallAnswer, Outcome, Tried};
pub use local::{Approval, AuthorizeOptions, Grant, GrantWatch, Invalidation};
pub use report::Report;
pub use retry::Retries;
pub use session::{CallOptions, Listing, Session, SessionOptions, arguments};
pub use stream::{CallStream, Piece, StreamEnd};

use retry::{Attempt, Safety};

/// Longer than any contract's timeout (at most 300 s), so that the host's own answer comes first.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(330);

/// A connection to a host, for callers. Clones share it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    connector: Connector,
    service: GridServiceClient<Channel>,
    header: watch::Sender<Header>,
    retries: Retries,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connector", &self.shared.connector)
            .field("retries", &self.shared.retries)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`Client`].
#[derive(Debug, Clone, Default)]
pub struct ClientBuilder {
    connector: Connector,
    retries: Retries,
}

impl ClientBuilder {
    connection_settings!();

    /// How requests are repeated where repeating is allowed; calls may set it anew.
    #[must_use]
    pub const fn retries(mut self, retries: Retries) -> Self {
        self.retries = retries;
        self
    }

    /// Reaches the host.
    ///
    /// # Errors
    /// `Setting` for an unusable endpoint, token or certificate; `Transport` where the host cannot be reached.
    pub async fn connect(self) -> Result<Client, Error> {
        let header = self.connector.token.header().await?;
        let correlation_id = clock::correlation_id("client");
        let mut attempt = Attempt::new(&correlation_id, Safety::OnlyUnsent, self.retries);
        let channel = loop {
            match self.connector.channel(&correlation_id).await {
                Ok(channel) => break channel,
                Err(error) => attempt.wait_or_give_up(error).await?,
            }
        };
        let service = GridServiceClient::new(channel)
            .max_decoding_message_size(self.connector.message_limit)
            .max_encoding_message_size(self.connector.message_limit);
        Ok(Client {
            shared: Arc::new(Shared {
                connector: self.connector,
                service,
                header: watch::Sender::new(header),
                retries: self.retries,
            }),
        })
    }
}

impl Client {
    /// Begins to set up a client.
    #[must_use]
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Opens a session, the context in which tools are seen and called.
    ///
    /// # Errors
    /// `Refused` where the host does not know or does not let in the caller; `Transport`, `BadAnswer`.
    pub async fn open_session(&self, options: SessionOptions) -> Result<Session, Error> {
        Session::open(self.clone(), options).await
    }

    /// Checks a receipt with the log's public key, without any host, and gives the state of the log that has the
    /// record.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify_receipt(receipt: &Receipt, key: &VerifyingKey) -> Result<Checkpoint, Unproved> {
        receipt.verify(key)
    }

    /// A handle on a session that was opened elsewhere; the host checks that it belongs to the caller.
    #[must_use]
    pub fn session(&self, id: impl Into<String>) -> Session {
        Session::known(self.clone(), id.into())
    }

    /// One request and its answer, repeated as `attempt` allows. `refusal` finds the refusal in an answer that
    /// has one.
    async fn exchange<M, A>(
        &self,
        mut attempt: Attempt<'_>,
        message: M,
        send: impl AsyncFn(GridServiceClient<Channel>, tonic::Request<M>) -> Result<Response<A>, Status>,
        refusal: impl Fn(&mut A) -> Option<Refused>,
    ) -> Result<A, Error>
    where
        M: Clone,
    {
        loop {
            let header = self.shared.header.borrow().clone();
            let mut request = signed(message.clone(), &header);
            let patience = attempt.patience(ANSWER_TIMEOUT);
            request.set_timeout(patience);
            let sent = send(self.shared.service.clone(), request);
            let error = match tokio::time::timeout(patience, sent).await {
                Err(_) => attempt.late(),
                Ok(Err(status)) => Error::from_status(&status, attempt.correlation_id),
                Ok(Ok(response)) => {
                    let mut answer = response.into_inner();
                    match refusal(&mut answer) {
                        None => return Ok(answer),
                        Some(refused) => attempt.refused(refused),
                    }
                }
            };
            if attempt.may_refresh(&error) && self.refresh(&header).await {
                continue;
            }
            attempt.wait_or_give_up(error).await?;
        }
    }

    /// Reads the token file again; true where it holds another token than the refused one.
    async fn refresh(&self, refused: &Header) -> bool {
        let Ok(fresh) = self.shared.connector.token.header().await else {
            return false;
        };
        let differs = fresh != *refused;
        self.shared.header.send_replace(fresh);
        differs
    }

    fn attempt<'a>(&self, correlation_id: &'a str, safety: Safety) -> Attempt<'a> {
        Attempt::new(correlation_id, safety, self.shared.retries)
    }
}

/// The refusal in an answer.
struct Refused {
    error: v1::EnhancedError,
    invocation_id: String,
    repeated: bool,
    receipt: Option<Box<Receipt>>,
    attempts: Vec<Tried>,
}

impl From<v1::EnhancedError> for Refused {
    fn from(error: v1::EnhancedError) -> Self {
        Self { error, invocation_id: String::new(), repeated: false, receipt: None, attempts: Vec::new() }
    }
}
