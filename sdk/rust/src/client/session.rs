//! A session: the context in which a caller sees and calls tools. The handle is cheap to clone; the session lives
//! on the host until it is closed or expires.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use grid_proto::v1::{self, call_tool_response::Outcome as Wire};
use serde::Serialize;

use super::answer::{CallAnswer, Outcome, Sent};
use super::retry::{Retries, Safety};
use super::{Client, Refused};
use crate::clock;
use crate::connect::PROTOCOL_VERSION;
use crate::error::{Error, Setting};
use crate::receipt;

/// What a session is opened with.
#[derive(Debug, Clone, Default)]
pub struct SessionOptions {
    /// How long it lives; the host's default where nothing is set.
    pub ttl: Option<Duration>,
    /// A label for logs; the host mints the id.
    pub label: Option<String>,
    /// Anything that operators should find with it.
    pub metadata: BTreeMap<String, String>,
    /// What the session should have beside the usual, such as `batch-authorization`; [`Session::features`] tells what
    /// it got.
    pub features: Vec<String>,
}

/// How one call is made.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// The idempotency key within the session; a fresh UUID where nothing is set. A repeat with the same id gets
    /// the first call's answer.
    pub call_id: Option<String>,
    /// How long the call may take, from now; it can only shorten the contract's own timeout.
    pub deadline: Option<Duration>,
    /// Joins this call with a wider workflow; freshly minted where nothing is set.
    pub correlation_id: Option<String>,
    /// How the call is repeated; as the client was told where nothing is set.
    pub retries: Option<Retries>,
    /// Whether the answer shall carry a receipt of the audit log; it has none where the host does not wait for its
    /// log.
    pub receipt: bool,
    /// How long a person may take to approve the call, beside the time that it runs; enough for the usual five minutes
    /// where nothing is set. A call that needs nobody is not held up by it.
    pub approval: Option<Duration>,
    /// The provider that shall have the call, for principals who may say so; the host chooses where nothing is set.
    pub provider: Option<String>,
}

/// A tool as the session sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listing {
    /// The name to call it by.
    pub name: String,
    /// What it does.
    pub description: String,
    /// Its parameters, an ADM schema as JSON text.
    pub parameters: String,
    /// The contract that it belongs to.
    pub contract: String,
    /// The contract's version.
    pub version: String,
    /// `pure`, `read` or `write`.
    pub effect: String,
    /// How long a call may take.
    pub timeout: Duration,
    /// The contract's tags.
    pub tags: Vec<String>,
    /// The digest of the contract.
    pub digest: String,
    /// Registered by a runtime for this session.
    pub dynamic: bool,
    /// At least one runtime serves it now.
    pub available: bool,
    /// The host shows it, and refuses its calls.
    pub denied: bool,
    /// A person has to say yes to each call.
    pub needs_approval: bool,
}

impl Listing {
    fn from_wire(listing: v1::ToolListing) -> Option<Self> {
        let declaration = listing.declaration?;
        Some(Self {
            name: declaration.name,
            description: declaration.description,
            parameters: declaration.parameters,
            contract: listing.contract,
            version: listing.version,
            effect: listing.effect,
            timeout: Duration::from_millis(listing.timeout_ms),
            tags: listing.tags,
            digest: listing.digest,
            dynamic: listing.dynamic,
            available: listing.available,
            denied: listing.denied,
            needs_approval: listing.needs_approval,
        })
    }
}

/// A handle on an open session.
#[derive(Debug, Clone)]
pub struct Session {
    client: Client,
    id: String,
    expires_at_ms: u64,
    features: Vec<String>,
}

impl Session {
    pub(super) async fn open(client: Client, options: SessionOptions) -> Result<Self, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::CreateSession {
            suggested_session_id: options.label.unwrap_or_default(),
            metadata: options.metadata.into_iter().collect(),
            ttl_seconds: options.ttl.map_or(0, |ttl| ttl.as_secs().max(1)),
            security_context: None,
            compliance_level: v1::ComplianceLevel::Level2Enhanced.into(),
            correlation_id: correlation_id.clone(),
            optional_features: options.features,
            supported_versions: vec![PROTOCOL_VERSION.to_owned()],
        };
        let answer = client
            .exchange(
                client.attempt(&correlation_id, Safety::OnlyUnsent),
                message,
                async |mut service, request| service.create_session(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        if answer.session_id.is_empty() {
            return Err(Error::bad_answer("the answer names no session", &correlation_id));
        }
        Ok(Self {
            client,
            id: answer.session_id,
            expires_at_ms: answer.expires_at_ms,
            features: answer.enabled_features,
        })
    }

    pub(super) fn known(client: Client, id: String) -> Self {
        Self { client, id, expires_at_ms: 0, features: Vec::new() }
    }

    /// The connection that it was opened on.
    #[must_use]
    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// Those of the features that were wished for that it has.
    #[must_use]
    pub fn features(&self) -> &[String] {
        &self.features
    }

    /// The host's id of the session.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// When the session ends by itself; 1970 for one that was opened elsewhere.
    #[must_use]
    pub fn expires_at(&self) -> SystemTime {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.expires_at_ms)).unwrap_or(UNIX_EPOCH)
    }

    /// The tools that the caller may call in this session.
    ///
    /// # Errors
    /// `Refused`, `Transport`, `BadAnswer`.
    pub async fn list_tools(&self) -> Result<Vec<Listing>, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::ListTools { session_id: self.id.clone(), correlation_id: correlation_id.clone() };
        let answer = self
            .client
            .exchange(
                self.client.attempt(&correlation_id, Safety::Idempotent),
                message,
                async |mut service, request| service.list_tools(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        answer
            .tools
            .into_iter()
            .map(Listing::from_wire)
            .collect::<Option<_>>()
            .ok_or_else(|| Error::bad_answer("the list has a tool without a declaration", &correlation_id))
    }

    /// Calls a tool and gives its success.
    ///
    /// # Errors
    /// `Refused` by the host, `ToolFailed` by the tool, `Transport`, `BadAnswer`, or `Setting` where the arguments
    /// are no JSON object.
    pub async fn call(&self, name: &str, args: impl Serialize) -> Result<CallAnswer, Error> {
        self.call_with(name, args, CallOptions::default()).await
    }

    /// [`Session::call`] with options.
    ///
    /// # Errors
    /// As [`Session::call`].
    pub async fn call_with(&self, name: &str, args: impl Serialize, options: CallOptions) -> Result<CallAnswer, Error> {
        self.call_outcome(name, args, options).await?.into_result()
    }

    /// Calls a tool and gives its own error as a value.
    ///
    /// # Errors
    /// As [`Session::call`], without `ToolFailed`.
    pub async fn call_outcome(&self, name: &str, args: impl Serialize, options: CallOptions) -> Result<Outcome, Error> {
        self.call_raw(name, arguments(&args)?, options).await
    }

    /// [`Session::call_outcome`] with arguments that are JSON text already.
    ///
    /// Dropping the future does not stop the tool; [`Session::cancel`] does.
    ///
    /// # Errors
    /// As [`Session::call_outcome`].
    pub async fn call_raw(&self, name: &str, args: impl Into<String>, options: CallOptions) -> Result<Outcome, Error> {
        let args = object_text(args.into())?;
        let call_id = options.call_id.unwrap_or_else(clock::call_id);
        let correlation_id = options.correlation_id.unwrap_or_else(|| clock::correlation_id("client"));
        let deadline = options.deadline.map(clock::deadline_in);
        let message = v1::ToolCall {
            correlation_id: correlation_id.clone(),
            call: Some(grid_proto::adm::FunctionCall { call_id: call_id.clone(), name: name.to_owned(), args }),
            session_id: self.id.clone(),
            deadline_unix_ms: deadline.unwrap_or_default(),
            receipt: options.receipt,
            provider: options.provider.unwrap_or_default(),
            ..Default::default()
        };
        let attempt = self.client.attempt(&correlation_id, Safety::Idempotent).retried(options.retries).until(deadline);
        let attempt = attempt.waiting(options.approval.unwrap_or_default());
        let answer = self
            .client
            .exchange(attempt, message, async |mut service, request| service.call_tool(request).await, refusal_in_call)
            .await?;
        let sent = Sent { call_id: &call_id, name, correlation_id: &correlation_id };
        sent.read(answer)
    }

    /// Stops a call that is in flight; false where there was none.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn cancel(&self, call_id: &str) -> Result<bool, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::CancelToolCall {
            session_id: self.id.clone(),
            call_id: call_id.to_owned(),
            reason: "the caller asked for it".to_owned(),
            correlation_id: correlation_id.clone(),
            ..Default::default()
        };
        let answer = self
            .client
            .exchange(
                self.client.attempt(&correlation_id, Safety::Idempotent),
                message,
                async |mut service, request| service.cancel_tool_call(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        Ok(answer.cancelled)
    }

    /// Ends the session and says how many calls were cancelled by that. Without `force` the host refuses while
    /// calls are in flight.
    ///
    /// # Errors
    /// `Refused`, `Transport`, `BadAnswer`.
    pub async fn close(&self, force: bool) -> Result<u32, Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::DestroySession { session_id: self.id.clone(), force, correlation_id: correlation_id.clone() };
        let answer = self
            .client
            .exchange(
                self.client.attempt(&correlation_id, Safety::OnlyUnsent),
                message,
                async |mut service, request| service.destroy_session(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        if answer.destroyed {
            Ok(answer.cancelled_invocations)
        } else {
            Err(Error::bad_answer("the session was neither ended nor was ending it refused", &correlation_id))
        }
    }
}

/// Arguments as JSON text.
///
/// # Errors
/// `Setting` where they have no JSON form.
pub fn arguments(args: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(args).map_err(|fault| {
        Error::setting(
            Setting::Arguments,
            format!("the arguments cannot be written as JSON ({fault}); pass a map or a struct"),
        )
    })
}

/// Arguments travel as an object; `()` counts as the empty one.
pub(super) fn object_text(text: String) -> Result<String, Error> {
    match text.trim_start().chars().next() {
        Some('{') => Ok(text),
        _ if text == "null" => Ok("{}".to_owned()),
        _ => Err(Error::setting(Setting::Arguments, "the arguments are not a JSON object; pass a map or a struct")),
    }
}

fn refusal_in_call(answer: &mut v1::CallToolResponse) -> Option<Refused> {
    match answer.outcome.take() {
        Some(Wire::Error(error)) => Some(Refused {
            error: *error,
            invocation_id: std::mem::take(&mut answer.invocation_id),
            repeated: answer.repeated,
            receipt: receipt::read(answer.receipt.take()),
            attempts: super::answer::attempts(std::mem::take(&mut answer.tried)),
        }),
        outcome => {
            answer.outcome = outcome;
            None
        }
    }
}
