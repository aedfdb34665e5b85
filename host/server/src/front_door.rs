//! The door for callers. Every transport calls it; what it answers is recorded before it leaves.

use std::{sync::Arc, time::Duration};

use grid_authorize::{Listed, Local};
use grid_config::DeniedTools;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    event::{Event, Kind},
    id::{CallId, CorrelationId},
    listing::{Cancelled, Closed, Opened, ToolListing, Tools},
    outcome::{CallAnswer, ToolAnswer},
    port::FrontDoor,
    principal::Principal,
    refusal::Context,
    stream::CallEvent,
};
use grid_dispatch::Delivery;
use grid_identity::Caller;
use grid_session::{Opening, Session};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    call_path::{Stop, walk},
    host::{Host, unwritable},
    negotiation::{self, ENHANCED, Offer, Said},
    streams,
    trail::Trail,
};

/// When another host, or this one, is worth a try where it stops.
const WHEN_BACK: Duration = Duration::from_secs(1);

/// The door; a cheap handle on the host.
#[derive(Debug)]
pub(crate) struct Door<C>(pub(crate) Arc<Host<C>>);

impl<C> Clone for Door<C> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<C: Contracts> FrontDoor for Door<C> {
    async fn open_session(&self, credentials: Credentials, request: OpenSession) -> Result<Opened, Refusal> {
        let trail = self.trail(&request.correlation_id, "");
        if self.0.stopping.is_cancelled() {
            return Err(self.refuse(trail, None, stopping()).await);
        }
        match self.open(&credentials, request, &trail).await {
            Ok(opened) => Ok(opened),
            Err((refusal, caller)) => Err(self.refuse(trail, caller.as_ref(), refusal).await),
        }
    }

    async fn close_session(&self, credentials: Credentials, request: CloseSession) -> Result<Closed, Refusal> {
        let trail = self.trail(&request.correlation_id, &request.session_id);
        match self.close(&credentials, &request, &trail).await {
            Ok(closed) => Ok(closed),
            Err((refusal, caller)) => Err(self.refuse(trail, caller.as_ref(), refusal).await),
        }
    }

    async fn list_tools(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> Result<Tools, Refusal> {
        let trail = self.trail(&correlation_id, &session_id);
        match self.session(&credentials, &session_id) {
            Ok((caller, session)) => {
                let tools = self.callable(&caller, &session).await;
                Ok(Tools { tools, correlation_id: trail.correlation() })
            }
            Err((refusal, caller)) => Err(self.refuse(trail, caller.as_ref(), refusal).await),
        }
    }

    async fn call(&self, credentials: Credentials, envelope: Envelope) -> Result<CallAnswer, Refusal> {
        let host = Arc::clone(&self.0);
        let trail = self.call_trail(&envelope);
        if host.stopping.is_cancelled() {
            return Err(self.refuse(trail, None, stopping()).await);
        }
        let span = trail.span().clone();
        let correlation = trail.correlation();
        // The host owns the task: a client that goes away cannot skip the conclusion. The future is large and is
        // boxed, so that spawning it moves a pointer.
        let path = Box::pin(call(host, credentials, envelope, trail, None));
        let ended = match span.is_disabled() {
            true => self.0.tasks.spawn(path).await,
            false => self.0.tasks.spawn(path.instrument(span)).await,
        };
        ended.unwrap_or_else(|_| Err(lost(correlation, self.0.clock.unix_ms())))
    }

    async fn call_streaming(&self, credentials: Credentials, envelope: Envelope) -> mpsc::Receiver<CallEvent> {
        streams::begin(self, credentials, envelope)
    }

    async fn cancel(&self, credentials: Credentials, request: CancelCall) -> Result<Cancelled, Refusal> {
        let trail = self.trail(&request.correlation_id, &request.session_id);
        let (caller, session) = match self.session(&credentials, &request.session_id) {
            Ok(found) => found,
            Err((refusal, caller)) => return Err(self.refuse(trail, caller.as_ref(), refusal).await),
        };
        let Ok(call_id) = CallId::parse(&request.call_id) else {
            let message = "`call_id` must be 1 to 128 printable ASCII characters, not all blank";
            let refusal = Refusal::new(Code::MalformedRequest, Stage::Transport, message);
            return Err(self.refuse(trail, Some(&caller), refusal).await);
        };
        let event = Event {
            principal: Some(Arc::clone(caller.principal())),
            session: Some(session.id()),
            call_id: Some(call_id.clone()),
            detail: Some(request.reason.chars().take(256).collect()),
            ..trail.event(Kind::CancelRequested)
        };
        if let Err(error) = self.0.ledger.record(event).await {
            return Err(trail.fill(unwritable(&error)));
        }
        Ok(Cancelled { cancelled: session.cancel(&call_id), correlation_id: trail.correlation() })
    }

    async fn turn_away(
        &self,
        credentials: Credentials,
        correlation_id: String,
        session_id: String,
        fault: Refusal,
    ) -> Refusal {
        let trail = self.trail(&correlation_id, &session_id);
        match self.0.identity.prove(&credentials) {
            Ok(caller) => self.refuse(trail, Some(&caller), fault).await,
            // Who a stranger is comes before what it asked for.
            Err(stranger) => self.refuse(trail, None, stranger).await,
        }
    }
}

type Refused = (Refusal, Option<Caller>);

impl<C: Contracts> Door<C> {
    pub(crate) fn trail(&self, correlation: &str, session: &str) -> Trail {
        let host = &self.0;
        let correlation = host.correlation(correlation);
        Trail::new(host.clock.clone(), host.metrics.clone(), correlation, session, "", "", None)
    }

    pub(crate) fn call_trail(&self, envelope: &Envelope) -> Trail {
        let host = &self.0;
        Trail::new(
            host.clock.clone(),
            host.metrics.clone(),
            host.correlation(&envelope.correlation_id),
            &envelope.session_id,
            &envelope.name,
            &envelope.call_id,
            envelope.trace.as_deref(),
        )
        .wants_receipt(envelope.receipt)
    }

    pub(crate) async fn refuse(&self, mut trail: Trail, caller: Option<&Caller>, refusal: Refusal) -> Refusal {
        if let Some(caller) = caller {
            trail.principal(caller.principal());
        }
        let stored = self.0.refused(&refusal, trail.event(Kind::Refused)).await;
        self.0.metrics.refused(refusal.code());
        let receipt = trail.receipt(stored.as_ref());
        trail.fill(self.0.shown(refusal, trail.tool())).with_receipt(receipt)
    }

    pub(crate) fn session(&self, credentials: &Credentials, id: &str) -> Result<(Caller, Arc<Session>), Refused> {
        let caller = self.0.identity.prove(credentials).map_err(|refusal| (refusal, None))?;
        match self.0.sessions.find(&caller, id) {
            Ok(session) => Ok((caller, session)),
            Err(refusal) => Err((refusal, Some(caller))),
        }
    }

    async fn open(&self, credentials: &Credentials, request: OpenSession, trail: &Trail) -> Result<Opened, Refused> {
        let host = &self.0;
        let caller = host.identity.prove_soon(credentials).await.map_err(|refusal| (refusal, None))?;
        if let Err(refusal) = host.limits.may_ask(caller.principal()) {
            return Err((refusal, Some(caller)));
        }
        let claim = match request.claim.as_ref().map(|claim| grid_identity::compare(caller.principal(), claim)) {
            Some(Err(refusal)) => return Err((refusal, Some(caller))),
            Some(Ok(narrowed)) => narrowed,
            None => None,
        };
        let said = Said { level: request.level, features: &request.features, versions: &request.versions };
        let agreed = match negotiation::agree(&Offer::to_callers(&host.rules), said, Stage::Session) {
            Ok(agreed) => agreed,
            Err(refusal) => return Err((refusal, Some(caller))),
        };
        let opening = Opening {
            label: request.label.chars().take(128).collect(),
            metadata: request.metadata,
            ttl: request.ttl,
            claim: claim.map(grid_identity::Narrowed::into_claim),
            enhanced: agreed.level >= ENHANCED,
            features: agreed.features.clone(),
        };
        let session = match host.sessions.prepare(caller.principal(), opening) {
            Ok(session) => session,
            Err(refusal) => return Err((refusal, Some(caller))),
        };
        let event = Event { detail: agreed.told(), ..trail.event(Kind::SessionOpened) };
        if let Err(refusal) = self.publish(&session, event).await {
            return Err((refusal, Some(caller)));
        }
        if let Some(lost) = agreed.told() {
            tracing::info!(session = %session.id(), lost, "a caller does without");
        }
        Ok(Opened {
            session_id: session.id().to_string(),
            expires_at_ms: session.expires_at_ms(),
            features: session.features().iter().map(ToString::to_string).collect(),
            level: agreed.level,
            version: agreed.version,
            correlation_id: trail.correlation(),
        })
    }

    /// A session for a runtime that registers tools without naming one.
    pub(crate) async fn open_for(&self, principal: &Arc<Principal>) -> Result<Arc<Session>, Refusal> {
        let opening = Opening { label: "registration".to_owned(), enhanced: true, ..Opening::default() };
        let session = self.0.sessions.prepare(principal, opening)?;
        let correlation = self.0.correlation("");
        self.publish(&session, self.0.event(Kind::SessionOpened, &correlation)).await?;
        Ok(session)
    }

    /// No session without its record.
    async fn publish(&self, session: &Arc<Session>, event: Event) -> Result<(), Refusal> {
        let host = &self.0;
        let event = Event {
            principal: Some(Arc::clone(session.principal())),
            session: Some(session.id()),
            deadline_ms: Some(session.expires_at_ms()),
            ..event
        };
        if let Err(error) = host.ledger.record(event).await {
            host.sessions.discard(session);
            return Err(unwritable(&error));
        }
        host.sessions.publish(session);
        Ok(())
    }

    async fn close(&self, credentials: &Credentials, request: &CloseSession, trail: &Trail) -> Result<Closed, Refused> {
        let host = &self.0;
        let caller = host.identity.prove(credentials).map_err(|refusal| (refusal, None))?;
        let end = match host.sessions.close(&caller, &request.session_id, request.force) {
            Ok(end) => end,
            Err(refusal) => return Err((refusal, Some(caller))),
        };
        host.forget(end.session.id());
        if end.cancelled > 0 {
            // Some of these calls may have been their caller's to run.
            host.settle_grants().await;
        }
        let event = Event {
            principal: Some(Arc::clone(end.session.principal())),
            session: Some(end.session.id()),
            detail: Some(format!("{} calls were asked to stop", end.cancelled)),
            ..trail.event(Kind::SessionClosed)
        };
        match host.ledger.record(event).await {
            Ok(_) => Ok(Closed {
                cancelled: u32::try_from(end.cancelled).unwrap_or(u32::MAX),
                correlation_id: trail.correlation(),
            }),
            Err(error) => Err((unwritable(&error), Some(caller))),
        }
    }

    /// What the caller may call in a session, by the decision that a call would meet.
    async fn callable(&self, caller: &Caller, session: &Arc<Session>) -> Vec<ToolListing> {
        let host = &self.0;
        let context = session.context_of(caller);
        let mut tools = Vec::new();
        for contract in host.contracts.visible(session) {
            let local = host.rules.local && contract.local() != Local::Never;
            let listed = host.authorize.lists(&context, session, &contract, local).await;
            if listed == Listed::Denied && host.rules.denied_tools != DeniedTools::Show {
                continue;
            }
            tools.push(ToolListing {
                name: contract.name().to_string(),
                description: contract.description().to_owned(),
                parameters: contract.parameters().to_owned(),
                contract: contract.group().to_owned(),
                version: contract.version().to_owned(),
                effect: contract.effect().as_str(),
                timeout_ms: u64::try_from(contract.timeout().as_millis()).unwrap_or(u64::MAX),
                tags: contract.tags().to_vec(),
                digest: format!("sha256:{}", contract.digest()),
                dynamic: contract.is_dynamic(),
                available: host.roster.any(&contract, session),
                denied: listed == Listed::Denied,
                needs_approval: listed == Listed::Callable { needs_approval: true },
            });
        }
        tools.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        tools
    }
}

/// Walks the path and records what did not get as far as a conclusion.
pub(crate) async fn call<C: Contracts>(
    host: Arc<Host<C>>,
    credentials: Credentials,
    envelope: Envelope,
    mut trail: Trail,
    delivery: Option<&mut Delivery>,
) -> Result<CallAnswer, Refusal> {
    let ended = walk(&host, &credentials, envelope, &mut trail, delivery).await;
    if let (Some(gate), Ok(_) | Err(Stop::Concluded(_))) = (&host.gate, &ended) {
        gate.took(trail.own());
    }
    let answer = match ended {
        Ok(answer) => Ok(answer),
        Err(Stop::Concluded(refusal)) => Err(refusal),
        Err(Stop::Refused(refusal)) => {
            let stored = host.refused(&refusal, trail.event(Kind::Refused)).await;
            let receipt = trail.receipt(stored.as_ref());
            Err(trail.fill(host.shown(refusal, trail.tool())).with_receipt(receipt))
        }
        Err(Stop::Repeated(ended)) => repeated(&host, *ended, &trail).await,
    };
    if let Err(refusal) = &answer {
        tracing::info!(
            code = refusal.code().as_str(),
            stage = refusal.stage().as_str(),
            tool = trail.tool(),
            correlation_id = %trail.correlation(),
            "a call was not answered by its tool"
        );
    }
    host.metrics.call(&answer);
    answer
}

/// A repeat gets the first outcome under its own correlation id, and is recorded as what it is.
async fn repeated<C: Contracts>(
    host: &Host<C>,
    ended: Result<CallAnswer, Refusal>,
    trail: &Trail,
) -> Result<CallAnswer, Refusal> {
    let invocation = match &ended {
        Ok(answer) => Some(answer.invocation_id),
        Err(refusal) => refusal.context().invocation_id,
    };
    let event = Event { invocation, ..trail.event(Kind::Repeated) };
    let stored = host.ledger.record(event).await.map_err(|error| trail.fill(unwritable(&error)))?;
    let receipt = trail.receipt(stored.as_ref());
    match ended {
        Ok(CallAnswer { answer: ToolAnswer::Streamed(streamed), invocation_id, .. }) => {
            let refusal = trail.fill(streams::gone(&streamed)).with_receipt(receipt);
            let met = refusal.context().clone();
            Err(refusal.within(Context { invocation_id: Some(invocation_id), ..met }))
        }
        Ok(answer) => Ok(CallAnswer { repeated: true, correlation_id: trail.correlation(), receipt, ..answer }),
        Err(refusal) => Err(trail.adopt(refusal, receipt)),
    }
}

/// What was begun is ended; nothing more is begun.
pub(crate) fn stopping() -> Refusal {
    let message = "the host is stopping and begins nothing more; ask another host, or this one when it is back";
    Refusal::new(Code::ServiceUnavailable, Stage::Transport, message).retry_after(WHEN_BACK)
}

pub(crate) fn lost(correlation: CorrelationId, at_ms: u64) -> Refusal {
    let message = "the host failed while it worked on the call; whether the tool ran is not known; ask an operator";
    let context = Context { correlation_id: Some(correlation), at_ms, ..Context::default() };
    Refusal::new(Code::OutcomeUnaudited, Stage::Dispatch, message)
        .because("the task of the call ended early")
        .within(context)
}
