//! The auditor's side: records of a host's log, by what is in them or as they come. A caller needs the readers' role
//! and sees the records of its own tenant. Each record is checked against the hash that came with it, and each proof with
//! the log's key.

mod proofs;

use std::{fmt, future::Future, time::Duration};

use grid_proto::v1::{self, audit_service_client::AuditServiceClient};
use grid_tlog::Hash;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use crate::clock;
use crate::connect::{Connector, connection_settings, signed};
use crate::error::Error;
use crate::token::Header;

pub use grid_tlog::{Extension, Proof};
pub use proofs::Which;

/// Longer than the host waits for its index.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A connection to a host, for auditors. Clones share it.
#[derive(Clone)]
pub struct Auditor {
    service: AuditServiceClient<Channel>,
    header: Header,
}

impl fmt::Debug for Auditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auditor").finish_non_exhaustive()
    }
}

/// Sets up an [`Auditor`].
#[derive(Debug, Clone, Default)]
pub struct AuditorBuilder {
    connector: Connector,
}

/// The records that are wanted: those that have every value that is given here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// One execution.
    pub invocation: Option<String>,
    /// One workflow.
    pub correlation: Option<String>,
    /// One session.
    pub session: Option<String>,
    /// Who.
    pub principal: Option<String>,
    /// Whose world; a reader without the operators' role sees its own alone.
    pub tenant: Option<String>,
    /// Function name.
    pub tool: Option<String>,
    /// success, tool_error, failed, outcome_unknown, unreported or revoked.
    pub outcome: Option<String>,
    /// Such as admitted, concluded or refused.
    pub kind: Option<String>,
    /// Such as PERMISSION_DENIED.
    pub code: Option<String>,
    /// Not before this, in milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// Before this, in milliseconds since 1970.
    pub to_ms: Option<u64>,
}

/// A request for a page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Which.
    pub filter: Filter,
    /// The latest comes first.
    pub newest_first: bool,
    /// At most so many, up to 1,000; 0 leaves it to the host.
    pub page_size: u32,
    /// [`Page::next`] of the page before; none for the first one.
    pub page_token: Option<String>,
}

/// One record as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its place in the log.
    pub index: u64,
    /// One JSON object in RFC 8785 form.
    pub entry: String,
    /// The leaf of the log's tree that the entry is.
    pub leaf: Hash,
}

/// A page of records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order that was asked for.
    pub records: Vec<Record>,
    /// For the next page; none where there is none at present.
    pub next: Option<String>,
}

impl AuditorBuilder {
    connection_settings!();

    /// Reaches the host.
    ///
    /// # Errors
    /// `Setting` for an unusable endpoint, token or certificate; `Transport` where the host cannot be reached.
    pub async fn connect(self) -> Result<Auditor, Error> {
        let header = self.connector.token.header().await?;
        let channel = self.connector.channel(&clock::correlation_id("client")).await?;
        let service = AuditServiceClient::new(channel)
            .max_decoding_message_size(self.connector.message_limit)
            .max_encoding_message_size(self.connector.message_limit);
        Ok(Auditor { service, header })
    }
}

impl Auditor {
    /// Begins to set up a connection.
    #[must_use]
    pub fn builder() -> AuditorBuilder {
        AuditorBuilder::default()
    }

    /// A page of records.
    ///
    /// # Errors
    /// `Refused`, `Transport`, `BadAnswer`.
    pub async fn query(&self, query: Query) -> Result<Page, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::AuditQueryRequest {
            filter: Some(query.filter.into()),
            newest_first: query.newest_first,
            page_size: query.page_size,
            page_token: query.page_token.unwrap_or_default(),
            correlation_id: correlation_id.clone(),
        };
        let mut service = self.service.clone();
        let page = ask(service.query(self.request(message)), &correlation_id).await?;
        refusal(page.error)?;
        let next = Some(page.next_page_token).filter(|token| !token.is_empty());
        Ok(Page { records: believed(page.records, &correlation_id)?, next })
    }

    /// The record at a place; none where there is none that the caller may see.
    ///
    /// # Errors
    /// `Refused`, `Transport`, `BadAnswer`.
    pub async fn get(&self, index: u64) -> Result<Option<Record>, Error> {
        Ok(self.ask_for(v1::audit_get_request::Which::Index(index)).await?.pop())
    }

    /// The records of one execution, oldest first. They end early where it has very many; [`Auditor::query`] pages.
    ///
    /// # Errors
    /// `Refused`, `Transport`, `BadAnswer`.
    pub async fn of_invocation(&self, invocation: &str) -> Result<Vec<Record>, Error> {
        let which = v1::audit_get_request::Which::Invocation(invocation.to_owned());
        self.ask_for(which).await
    }

    /// Records as they come, each once and in the order of the log: from the place `from` on, or from the present end.
    ///
    /// # Errors
    /// `Transport`; a refusal is what the first [`Following::next`] gives.
    pub async fn follow(&self, filter: Filter, from: Option<u64>) -> Result<Following, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::AuditFollowRequest {
            filter: Some(filter.into()),
            from_index: from,
            correlation_id: correlation_id.clone(),
        };
        // Without a time limit: the stream may last for ever.
        let mut service = self.service.clone();
        let stream = ask(service.follow(signed(message, &self.header)), &correlation_id).await?;
        Ok(Following { stream, correlation_id, next_index: from })
    }

    async fn ask_for(&self, which: v1::audit_get_request::Which) -> Result<Vec<Record>, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::AuditGetRequest { which: Some(which), correlation_id: correlation_id.clone() };
        let mut service = self.service.clone();
        let got = ask(service.get(self.request(message)), &correlation_id).await?;
        refusal(got.error)?;
        believed(got.records, &correlation_id)
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = signed(message, &self.header);
        request.set_timeout(ANSWER_TIMEOUT);
        request
    }
}

/// A log that is followed. Dropping it ends that.
#[derive(Debug)]
pub struct Following {
    stream: Streaming<v1::AuditFollowResponse>,
    correlation_id: String,
    next_index: Option<u64>,
}

impl Following {
    /// The next record; none where the host ended the stream without a word.
    ///
    /// # Errors
    /// `Refused` when the host ends it, `Transport`, `BadAnswer`. Following again from [`Following::next_index`]
    /// misses nothing.
    pub async fn next(&mut self) -> Result<Option<Record>, Error> {
        use v1::audit_follow_response::Step;
        let message = self.stream.message().await;
        let message = message.map_err(|status| Error::from_status(&status, &self.correlation_id))?;
        let Some(message) = message else { return Ok(None) };
        match message.step {
            Some(Step::Record(record)) => {
                let record = believe(record, &self.correlation_id)?;
                self.next_index = Some(record.index + 1);
                Ok(Some(record))
            }
            Some(Step::Error(error)) => {
                self.next_index = Some(message.next_index).filter(|next| *next > 0).or(self.next_index);
                Err(Error::refused(error))
            }
            None => Err(Error::bad_answer("a step of the log is neither record nor end", &self.correlation_id)),
        }
    }

    /// Where to follow again; none where that is not known yet.
    #[must_use]
    pub fn next_index(&self) -> Option<u64> {
        self.next_index
    }
}

async fn ask<T>(answer: impl Future<Output = Result<Response<T>, Status>>, correlation: &str) -> Result<T, Error> {
    answer.await.map(Response::into_inner).map_err(|status| Error::from_status(&status, correlation))
}

fn refusal(error: Option<v1::EnhancedError>) -> Result<(), Error> {
    error.map_or(Ok(()), |error| Err(Error::refused(error)))
}

fn believed(records: Vec<v1::AuditRecord>, correlation: &str) -> Result<Vec<Record>, Error> {
    records.into_iter().map(|record| believe(record, correlation)).collect()
}

fn believe(record: v1::AuditRecord, correlation: &str) -> Result<Record, Error> {
    let leaf = Hash::leaf(record.entry.as_bytes());
    if leaf.as_bytes()[..] != record.leaf_hash[..] {
        let message = format!("the record {} does not have the hash that came with it", record.index);
        return Err(Error::bad_answer(message, correlation));
    }
    Ok(Record { index: record.index, entry: record.entry, leaf })
}

impl From<Filter> for v1::AuditFilter {
    fn from(filter: Filter) -> Self {
        Self {
            invocation: filter.invocation.unwrap_or_default(),
            correlation: filter.correlation.unwrap_or_default(),
            session: filter.session.unwrap_or_default(),
            principal: filter.principal.unwrap_or_default(),
            tenant: filter.tenant.unwrap_or_default(),
            tool: filter.tool.unwrap_or_default(),
            outcome: filter.outcome.unwrap_or_default(),
            kind: filter.kind.unwrap_or_default(),
            code: filter.code.unwrap_or_default(),
            from_ms: filter.from_ms,
            to_ms: filter.to_ms,
        }
    }
}
