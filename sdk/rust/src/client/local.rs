//! Governed local dispatch: asks for the decision about a call that runs here, gives a grant back unused, follows what
//! ends grants early. An approval that lacks its id or its grant, or whose status is unset, is none.

use std::collections::BTreeMap;
use std::time::Duration;

use grid_adm::Digest;
use grid_proto::{
    adm,
    v1::{self, authorize_tool_call_response::Status},
};
use serde::Serialize;
use tonic::Streaming;

use super::retry::{Retries, Safety};
use super::session::{arguments, object_text};
use super::{Client, Refused, Session};
use crate::connect::signed;
use crate::error::{Error, Refusal, STATE, Setting};
use crate::receipt::{self, Receipt};
use crate::{Code, clock};

/// How long an authorization may take where nothing else is said.
const AUTHORIZATION_TIMEOUT: Duration = Duration::from_secs(30);

/// When to ask again where the host does not say.
const ASK_AGAIN: Duration = Duration::from_secs(2);
/// No host is asked more often, whatever it says.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);

/// Where a host puts the arguments to run with, where its contract made others of those that were sent.
const ARGS: &str = "args";

/// How an authorization is asked for.
#[derive(Debug, Clone, Default)]
pub struct AuthorizeOptions {
    /// Names the call within its session; a fresh UUID where nothing is set. Each authorization needs its own.
    pub call_id: Option<String>,
    /// Joins the call with a wider workflow; freshly minted where nothing is set.
    pub correlation_id: Option<String>,
    /// How the request is repeated; as the client was told where nothing is set.
    pub retries: Option<Retries>,
    /// How long to wait for the decision; 30 s where nothing is set.
    pub timeout: Option<Duration>,
    /// Sends digest and size in place of the arguments; only for contracts that permit it (Q17).
    pub digest_only: bool,
    /// How long to ask again where a person has to approve the call first; where nothing is set, that is an error at
    /// once, with [`Refusal::waits_for`], and the same call (with its `call_id`) may be asked for again later.
    pub approval: Option<Duration>,
}

/// The proof that the intent to run one exact call is in the host's audit log. It is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The record as the log has it, one JSON object.
    pub record: Vec<u8>,
    /// That the record is in the log.
    pub receipt: Receipt,
}

impl Grant {
    /// The leaf hash of the receipt, by which the host knows the grant.
    #[must_use]
    pub const fn name(&self) -> [u8; 32] {
        *self.receipt.leaf.as_bytes()
    }
}

/// The host's word that one call may run here.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Approval {
    /// The session that asked.
    pub session_id: String,
    /// Names the call within its session.
    pub call_id: String,
    /// The function.
    pub name: String,
    /// The arguments to run with, as JSON text: those that were sent, or what the contract made of them.
    pub args: String,
    /// Over the canonical form of these.
    pub args_digest: Digest,
    /// The host's id of this one execution.
    pub invocation_id: String,
    /// Joins the call with the host's log.
    pub correlation_id: String,
    /// From the answer on: how long the call may run and be reported.
    pub ttl: Duration,
    /// What the host says about the execution.
    pub context: BTreeMap<String, String>,
    /// The proof.
    pub grant: Grant,
}

/// Grants of an epoch before this one are void.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Invalidation {
    /// The policy epoch.
    pub epoch: u64,
    /// Why it is another one; empty where nobody said.
    pub reason: String,
}

/// Follows what ends the grants of a session before their time.
#[derive(Debug)]
pub struct GrantWatch {
    stream: Streaming<v1::WatchGrantsResponse>,
    correlation_id: String,
}

impl GrantWatch {
    /// The next one; the first comes at once and says the present epoch. `None` where the host ended it in order.
    ///
    /// # Errors
    /// `Refused` where the host ends it with a reason, `Transport` where the stream breaks.
    pub async fn next(&mut self) -> Result<Option<Invalidation>, Error> {
        let message = self.stream.message().await;
        let message = message.map_err(|status| Error::from_status(&status, &self.correlation_id))?;
        match message {
            None => Ok(None),
            Some(v1::WatchGrantsResponse { error: Some(error), .. }) => Err(Error::refused(error)),
            Some(v1::WatchGrantsResponse { epoch, reason, .. }) => Ok(Some(Invalidation { epoch, reason })),
        }
    }
}

impl Session {
    /// Asks whether a call may run here. Nothing is routed to a runtime.
    ///
    /// # Errors
    /// `Refused` where the host says no, which is final; `BadAnswer` for an approval that proves nothing; `Transport`;
    /// `Setting` where the arguments are no JSON object.
    pub async fn authorize(
        &self,
        name: &str,
        args: impl Serialize,
        options: AuthorizeOptions,
    ) -> Result<Approval, Error> {
        self.authorize_raw(name, arguments(&args)?, options).await
    }

    /// [`Session::authorize`] with arguments that are JSON text already.
    ///
    /// # Errors
    /// As [`Session::authorize`].
    pub async fn authorize_raw(
        &self,
        name: &str,
        args: impl Into<String>,
        options: AuthorizeOptions,
    ) -> Result<Approval, Error> {
        let asked = Asked::new(self.id(), name, args.into(), &options)?;
        let client = self.client();
        let patience = options.approval.map(clock::deadline_in);
        loop {
            let until = clock::deadline_in(options.timeout.unwrap_or(AUTHORIZATION_TIMEOUT));
            let attempt = client.attempt(&asked.correlation_id, Safety::OnlyUnsent);
            let mut answer = client
                .exchange(
                    attempt.retried(options.retries).until(Some(until)),
                    asked.message(options.digest_only),
                    async |mut service, request| service.authorize_tool_call(request).await,
                    |answer| answer.error.take_if(|_| answer.status != Some(Status::Pending.into())).map(Refused::from),
                )
                .await?;
            if answer.status != Some(Status::Pending.into()) {
                return asked.read(answer);
            }
            let refusal = asked.pending(answer.error.take());
            let pause = refusal.retry_after.unwrap_or(ASK_AGAIN).max(SHORTEST_PAUSE);
            if patience.and_then(clock::left_until).is_none_or(|left| left < pause) {
                return Err(Error::Refused(Box::new(refusal)));
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks about several calls at once; each has an answer of its own, in their order. The session must have the
    /// feature `batch-authorization`.
    ///
    /// # Errors
    /// Of the request as a whole: `Refused`, `BadAnswer`, `Transport`, `Setting`.
    pub async fn authorize_all(&self, calls: &[(&str, &str)]) -> Result<Vec<Result<Approval, Error>>, Error> {
        let options = AuthorizeOptions::default();
        let asked = calls.iter().map(|(name, args)| Asked::new(self.id(), name, (*args).to_owned(), &options));
        let asked = asked.collect::<Result<Vec<_>, _>>()?;
        let correlation_id = clock::correlation_id("client");
        let message = v1::AuthorizeToolCallsRequest {
            session_id: self.id().to_owned(),
            security_context: None,
            correlation_id: correlation_id.clone(),
            items: asked.iter().map(|asked| asked.message(false)).collect(),
        };
        let client = self.client();
        let answer = client
            .exchange(
                client.attempt(&correlation_id, Safety::OnlyUnsent),
                message,
                async |mut service, request| service.authorize_tool_calls(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        if answer.items.len() != asked.len() {
            return Err(Error::bad_answer("the answer has another number of items than were asked", &correlation_id));
        }
        Ok(asked.into_iter().zip(answer.items).map(|(asked, item)| asked.read(item)).collect())
    }

    /// Gives a grant back unused; true where the call is over and was never reported. Only then may the same call go to
    /// a runtime.
    ///
    /// # Errors
    /// `Refused`, `Transport`.
    pub async fn cancel_grant(&self, approval: &Approval, reason: &str) -> Result<bool, Error> {
        let client = self.client();
        let message = v1::CancelGrantRequest {
            session_id: approval.session_id.clone(),
            invocation_id: approval.invocation_id.clone(),
            grant: approval.grant.name().to_vec(),
            reason: reason.to_owned(),
            correlation_id: approval.correlation_id.clone(),
        };
        let answer = client
            .exchange(
                client.attempt(&approval.correlation_id, Safety::Idempotent),
                message,
                async |mut service, request| service.cancel_grant(request).await,
                |answer| answer.error.take().map(Refused::from),
            )
            .await?;
        Ok(answer.cancelled)
    }

    /// Follows what ends this session's grants early. A tool must not start under a grant of an older epoch.
    ///
    /// # Errors
    /// `Transport`; a refusal is what the first [`GrantWatch::next`] gives.
    pub async fn watch_grants(&self) -> Result<GrantWatch, Error> {
        let correlation_id = clock::correlation_id("client");
        let message =
            v1::WatchGrantsRequest { session_id: self.id().to_owned(), correlation_id: correlation_id.clone() };
        let Client { shared } = self.client();
        let header = shared.header.borrow().clone();
        // Without a time limit: the stream may last for ever.
        let stream = shared.service.clone().watch_grants(signed(message, &header)).await;
        let stream = stream.map_err(|status| Error::from_status(&status, &correlation_id))?.into_inner();
        Ok(GrantWatch { stream, correlation_id })
    }
}

/// The call that an approval must belong to.
struct Asked {
    session_id: String,
    call_id: String,
    name: String,
    args: String,
    correlation_id: String,
    digest: Digest,
    size: u64,
}

impl Asked {
    fn new(session_id: &str, name: &str, args: String, options: &AuthorizeOptions) -> Result<Self, Error> {
        let args = object_text(args)?;
        let (digest, size) = digest_of(&args)?;
        Ok(Self {
            session_id: session_id.to_owned(),
            call_id: options.call_id.clone().unwrap_or_else(clock::call_id),
            name: name.to_owned(),
            args,
            correlation_id: options.correlation_id.clone().unwrap_or_else(|| clock::correlation_id("client")),
            digest,
            size,
        })
    }

    fn message(&self, digest_only: bool) -> v1::AuthorizeToolCallRequest {
        let args = if digest_only { String::new() } else { self.args.clone() };
        let digest = v1::ArgsDigest { sha256: self.digest.as_bytes().to_vec(), size: self.size };
        v1::AuthorizeToolCallRequest {
            session_id: self.session_id.clone(),
            call: Some(adm::FunctionCall { call_id: self.call_id.clone(), name: self.name.clone(), args }),
            correlation_id: self.correlation_id.clone(),
            args_digest: digest_only.then_some(digest),
            ..Default::default()
        }
    }

    /// Nothing is an approval but one that says so, names the execution and carries a grant (R-100, R-102, Q20).
    fn read(self, mut answer: v1::AuthorizeToolCallResponse) -> Result<Approval, Error> {
        let status = answer.status.map(Status::try_from);
        if status == Some(Ok(Status::Pending)) {
            return Err(Error::Refused(Box::new(self.pending(answer.error.take()))));
        }
        if let Some(error) = answer.error.take() {
            return Err(Error::refused(error));
        }
        match status {
            Some(Ok(Status::Approved)) => {}
            Some(Ok(Status::Denied)) => return Err(self.bad("the host denied the call and gave no reason")),
            Some(Ok(Status::Pending) | Err(_)) | None => {
                return Err(self.bad("the answer neither approves nor denies the call"));
            }
        }
        let grant = answer
            .grant
            .and_then(|grant| Some(Grant { record: grant.record, receipt: *receipt::read(grant.receipt)? }));
        let Some(grant) = grant.filter(|_| !answer.invocation_id.is_empty()) else {
            return Err(self.bad("the approval has no invocation id or no grant, so nothing may run"));
        };
        let (args, args_digest) = match answer.execution_context.remove(ARGS) {
            Some(args) => {
                let (digest, _) = digest_of(&args)?;
                (args, digest)
            }
            None => (self.args, self.digest),
        };
        Ok(Approval {
            session_id: self.session_id,
            call_id: self.call_id,
            name: self.name,
            args,
            args_digest,
            invocation_id: answer.invocation_id,
            correlation_id: self.correlation_id,
            ttl: Duration::from_millis(answer.authorization_ttl_ms),
            context: answer.execution_context.into_iter().collect(),
            grant,
        })
    }

    /// Neither yes nor no, and no permission: nothing may run.
    fn pending(&self, error: Option<v1::EnhancedError>) -> Refusal {
        let mut refusal = error.map_or_else(
            || Refusal {
                code: Code::PERMISSION_DENIED,
                message: "the decision is still pending, so nothing may run; ask again later".to_owned(),
                tool: self.name.clone(),
                ..Refusal::default()
            },
            Refusal::from,
        );
        if refusal.correlation_id.is_empty() {
            self.correlation_id.clone_into(&mut refusal.correlation_id);
        }
        refusal.details.insert(STATE.0.to_owned(), STATE.1.to_owned());
        refusal
    }

    fn bad(&self, message: &str) -> Error {
        Error::bad_answer(message, &self.correlation_id)
    }
}

/// Over the canonical form, and its size.
fn digest_of(args: &str) -> Result<(Digest, u64), Error> {
    let value = grid_adm::json::parse(args)
        .map_err(|fault| Error::setting(Setting::Arguments, format!("the arguments are not usable JSON: {fault}")))?;
    let canonical = grid_adm::canonical::to_vec(&value);
    Ok((Digest::of_bytes(&canonical), canonical.len() as u64))
}
