//! `POST /v1/invalidations` on the operators' port: other systems end rights as InvalidateAuthorizations does. Whoever
//! signs with the secret that it shares with the host is taken for the webhook; anybody else needs the operators' role.

use std::{collections::BTreeMap, collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use grid_adm::{Value, json};
use grid_approve_notify::{SIGNATURE, Secret, Signature};
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::Kind,
    id::{PrincipalId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
    revocation::{Cause, Invalidate, Invalidated},
};
use grid_grpc::{Answer, Hooks, LONGEST, Posted, Reading, Unread};
use http::{Method, Response, StatusCode, header, request::Parts};
use serde_json::json;

use crate::front_door::Door;

/// Where it is.
const PATH: &str = "/v1/invalidations";
/// How far the sender's clock may be from the host's, in seconds, and so how old a signature may be.
const OFF_BY_S: u64 = 300;
/// Who it is in the log.
const NAME: &str = "invalidation-webhook";
/// An event is one object of a few fields.
const FORM: json::Limits = json::Limits { depth: 4, nodes: 64 };

/// The webhook.
#[derive(Debug)]
pub(crate) struct Webhook<C> {
    door: Door<C>,
    signed: Option<(Secret, Arc<Principal>)>,
}

impl<C: Contracts> Hooks for Webhook<C> {
    fn knows(&self, path: &str) -> bool {
        path == PATH
    }

    fn answer(&self, posted: Posted) -> Answer<'_> {
        Box::pin(async move {
            match self.ended(posted).await {
                Ok(done) => answer(
                    StatusCode::OK,
                    &json!({
                        "policy_epoch": done.epoch,
                        "ended_grants": done.ended_grants,
                        "cancelled_calls": done.cancelled_calls,
                        "repeated": done.repeated,
                    }),
                ),
                Err(fault) => fault.response(),
            }
        })
    }
}

impl<C: Contracts> Webhook<C> {
    /// Without a secret nobody is believed by a signature.
    pub(crate) fn new(door: Door<C>, secret: Option<Secret>) -> Self {
        Self { door, signed: secret.zip(principal()) }
    }

    async fn ended(&self, posted: Posted) -> Result<Invalidated, Fault> {
        let Posted { head, credentials, body } = posted;
        form(&head)?;
        let (who, body) = match &self.signed {
            Some((secret, who)) if head.headers.contains_key(SIGNATURE) => {
                (Arc::clone(who), self.verified(&head, secret, body).await?)
            }
            _ => {
                let caller = self.door.operator(&credentials).await?;
                // Anything that runs on this machine, a web page in its browser too, can do without a proof.
                if caller.principal().proof == Proof::Development {
                    return Err(self.stranger("an event needs a proof of its own, in development mode too").await);
                }
                (Arc::clone(caller.principal()), body.await?)
            }
        };
        let request = match read(&body) {
            Ok(request) => request,
            Err(why) => {
                let correlation = self.door.0.correlation("");
                let refusal = Refusal::new(Code::MalformedRequest, Stage::Transport, why);
                return Err(self.door.decline(&who, &correlation, refusal).await.into());
            }
        };
        Ok(self.door.end_rights(&who, request).await?)
    }

    /// The body of a request that is signed, now, by whoever knows the secret. One that cannot be is not read.
    async fn verified(&self, head: &Parts, secret: &Secret, body: Reading) -> Result<Bytes, Fault> {
        let mut values = head.headers.get_all(SIGNATURE).iter();
        let one = values.next().filter(|_| values.next().is_none());
        let Some(signature) = one.and_then(|value| value.to_str().ok()).and_then(Signature::read) else {
            return Err(self
                .stranger("the signature is not one `t=<second since 1970>,v1=<HMAC-SHA256 in hex>`")
                .await);
        };
        let now_s = self.door.0.clock.unix_ms() / 1000;
        if now_s.abs_diff(signature.at_s()) > OFF_BY_S {
            return Err(self.stranger("the signature's second is more than 300 s from the host's clock").await);
        }
        let body = body.await?;
        if !secret.signed(&signature, &body) {
            return Err(self.stranger("the signature is not of this body by the secret of this host").await);
        }
        Ok(body)
    }

    /// Counted with all the others whom nothing proves, so that they cannot fill the disk.
    async fn stranger(&self, why: &'static str) -> Fault {
        let host = &self.door.0;
        let refusal = Refusal::new(Code::InvalidCredentials, Stage::Identity, why);
        host.refused(&refusal, host.event(Kind::Refused, &host.correlation(""))).await;
        host.metrics.refused(refusal.code());
        refusal.into()
    }
}

/// Of no tenant that a caller can have, as its events may be about any.
fn principal() -> Option<Arc<Principal>> {
    Some(Arc::new(Principal {
        id: PrincipalId::parse(NAME).ok()?,
        tenant: TenantId::parse(Principal::ANY_TENANT).ok()?,
        roles: BTreeSet::new(),
        claims: BTreeMap::new(),
        proof: Proof::SharedSecret,
        credential: None,
        runtime: None,
        digest: ClaimsDigest([0; 32]),
        issued_at_ms: None,
        expires_at_ms: None,
    }))
}

/// What can be told of a request by its head.
fn form(head: &Parts) -> Result<(), Fault> {
    if head.method != Method::POST {
        return Err(Fault::new(StatusCode::METHOD_NOT_ALLOWED, "send events by POST"));
    }
    let mut kinds = head.headers.get_all(header::CONTENT_TYPE).iter();
    let kind = kinds.next().filter(|_| kinds.next().is_none()).and_then(|kind| kind.to_str().ok());
    let kind = kind.and_then(|kind| kind.split(';').next()).unwrap_or_default().trim();
    if !kind.eq_ignore_ascii_case("application/json") || head.headers.contains_key(header::CONTENT_ENCODING) {
        let message = "send the event as `content-type: application/json`, not compressed";
        return Err(Fault::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message));
    }
    Ok(())
}

/// Reads an event. A field that would be passed over could be one that chooses whose rights end.
fn read(body: &[u8]) -> Result<Invalidate, String> {
    let value = json::parse_bytes(body, FORM).map_err(|error| format!("the body cannot be read: {error}"))?;
    let members = value.as_object().ok_or("the body must be one JSON object")?;
    let mut request = Invalidate::default();
    for (name, value) in members.iter() {
        match name {
            "event" => {
                let known = || Cause::ALL.map(Cause::as_str).join(", ");
                let cause = value.as_str().and_then(Cause::of);
                request.cause = Some(cause.ok_or_else(|| format!("`event` must be one of {}", known()))?);
            }
            "event_id" => request.event_id = text(name, value)?,
            "tenant" => request.tenant = text(name, value)?,
            "principal" => request.principal = text(name, value)?,
            "tool" => request.tool = text(name, value)?,
            "session_id" => request.session = text(name, value)?,
            "reason" => request.reason = text(name, value)?,
            "cancel_running" => request.cancel_running = flag(name, value)?,
            "revoke_proofs" => request.revoke_proofs = flag(name, value)?,
            _ => {
                return Err(
                    "the event has a field that is none of event, event_id, tenant, principal, tool, session_id, \
                            reason, cancel_running, revoke_proofs"
                        .to_owned(),
                );
            }
        }
    }
    if request.event_id.is_empty() {
        return Err("`event_id` is missing; give each event a name of its own".to_owned());
    }
    Ok(request)
}

/// An empty name would fit everybody; one that was not filled in must not.
fn text(name: &str, value: &Value) -> Result<String, String> {
    let text = value.as_str().filter(|text| !text.is_empty());
    text.map(str::to_owned).ok_or_else(|| format!("`{name}` must be a text that is not empty; leave it out for any"))
}

fn flag(name: &str, value: &Value) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("`{name}` must be true or false"))
}

/// Why nothing was done, or what could not be recorded.
#[derive(Debug)]
struct Fault {
    status: StatusCode,
    code: Code,
    message: String,
}

impl Fault {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, code: Code::MalformedRequest, message: message.into() }
    }

    fn response(self) -> Response<Bytes> {
        let body = json!({ "error": { "code": self.code.as_str(), "message": self.message } });
        let mut response = answer(self.status, &body);
        let hint = match self.status {
            StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, "POST")),
            StatusCode::UNAUTHORIZED => Some((header::WWW_AUTHENTICATE, "Bearer")),
            _ => None,
        };
        if let Some((name, value)) = hint {
            response.headers_mut().insert(name, http::HeaderValue::from_static(value));
        }
        response
    }
}

impl From<Refusal> for Fault {
    fn from(refusal: Refusal) -> Self {
        let status = match refusal.code() {
            Code::InvalidCredentials => StatusCode::UNAUTHORIZED,
            Code::PermissionDenied => StatusCode::FORBIDDEN,
            Code::MalformedRequest => StatusCode::BAD_REQUEST,
            Code::RateLimitExceeded => StatusCode::TOO_MANY_REQUESTS,
            Code::AuditUnavailable | Code::ServiceUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self { status, code: refusal.code(), message: refusal.message().to_owned() }
    }
}

impl From<Unread> for Fault {
    fn from(unread: Unread) -> Self {
        match unread {
            Unread::TooLarge => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {LONGEST} bytes"))
            }
            Unread::Slow => Self::new(StatusCode::REQUEST_TIMEOUT, "the body was not there in time"),
            Unread::Interrupted => Self::new(StatusCode::BAD_REQUEST, "the body ends before its announced length"),
        }
    }
}

fn answer(status: StatusCode, body: &serde_json::Value) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{body}\n")));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    response
}
