//! The door for runtimes: announcement, fulfilment, registration, results. A runtime is who its connection
//! proved it to be; its id begins with that principal, and its messages cannot change it.

use std::sync::Arc;

use grid_contract::{Contract, Contracts};
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    event::{Event, Kind, plain_name},
    frame::{Announce, Announced, HostFrame, RuntimeFrame},
    id::{ConnectionId, InvocationId, RuntimeId},
    lifecycle,
    port::{RuntimeDoor, RuntimePort},
    principal::Principal,
    refusal::Context,
    runtime::{Card, Load, Runtime as _},
};
use grid_identity::Proven;
use grid_link::{Settled, Wire};
use tokio::sync::mpsc;

use crate::{
    front_door::{Door, stopping},
    fulfilment::{fulfil, may_know, register},
    host::unwritable,
    negotiation::{self, Agreed, ENHANCED, Offer, Said},
    nested::Upwards,
};

/// One attached runtime, as its stream sees the host.
#[derive(Debug)]
pub(crate) struct Port<C> {
    pub(crate) door: Door<C>,
    pub(crate) wire: Arc<Wire>,
    pub(crate) principal: Arc<Principal>,
    /// The same, to act on behalf of others.
    pub(crate) proven: Proven,
    /// The calls that it makes.
    pub(crate) upwards: Upwards,
    /// As agreed.
    pub(crate) level: u8,
    /// The peer reads plain errors only.
    pub(crate) plain: bool,
}

impl<C: Contracts> RuntimeDoor for Door<C> {
    type Port = Port<C>;

    async fn attach(
        &self,
        credentials: Credentials,
        announce: Announce,
    ) -> Result<(Self::Port, mpsc::Receiver<HostFrame>), Refusal> {
        let host = &self.0;
        let correlation = host.correlation(&announce.correlation_id);
        let (principal, attached) = match host.identity.prove_soon(&credentials).await {
            Ok(caller) => (Some(Arc::clone(caller.principal())), self.admit(caller.proven(), &announce).await),
            Err(refusal) => (None, Err(refusal)),
        };
        match attached {
            Ok(attached) => Ok(attached),
            Err(refusal) => {
                let event = Event {
                    principal,
                    runtime: RuntimeId::parse(&announce.runtime_id).ok(),
                    ..host.event(Kind::Refused, &correlation)
                };
                host.refused(&refusal, event).await;
                tracing::warn!(code = refusal.code().as_str(), %correlation, "a runtime was not attached");
                Err(refusal.within(Context {
                    correlation_id: Some(correlation),
                    runtime_id: Some(plain_name(&announce.runtime_id).to_string()),
                    at_ms: host.clock.unix_ms(),
                    repeatable: true,
                    plain: announce.level < ENHANCED,
                    ..Context::default()
                }))
            }
        }
    }

    async fn unannounced(&self, credentials: Credentials, fault: Refusal) -> Refusal {
        let host = &self.0;
        let correlation = host.correlation("");
        match host.identity.prove(&credentials) {
            Ok(caller) => {
                let principal = Some(Arc::clone(caller.principal()));
                host.refused(&fault, Event { principal, ..host.event(Kind::Refused, &correlation) }).await;
            }
            // A stranger's noise is counted, not written.
            Err(stranger) => drop(host.refused(&stranger, host.event(Kind::Refused, &correlation)).await),
        }
        let context = Context { correlation_id: Some(correlation), at_ms: host.clock.unix_ms(), ..Context::default() };
        fault.within(context)
    }
}

impl<C: Contracts> Door<C> {
    async fn admit(
        &self,
        proven: &Proven,
        announce: &Announce,
    ) -> Result<(Port<C>, mpsc::Receiver<HostFrame>), Refusal> {
        let host = &self.0;
        if host.stopping.is_cancelled() {
            return Err(stopping());
        }
        let principal = proven.principal();
        let id = self.identify(principal, announce)?;
        let said = Said { level: announce.level, features: &announce.features, versions: &announce.versions };
        let agreed = negotiation::agree(&Offer::to_runtimes(), said, Stage::Link)?;
        let card = Card {
            id: id.clone(),
            tenant: principal.tenant.clone(),
            scope: principal.runtime.clone(),
            connection: ConnectionId::mint(),
            language: announce.language.chars().take(64).collect(),
            version: announce.version.chars().take(64).collect(),
            attached_at_ms: host.clock.unix_ms(),
            limit: host.rules.max_in_flight,
            features: agreed.set(),
            load: Load::default(),
        };
        let (wire, frames) = Wire::new(card, host.clock.clone(), host.rules.frame_queue);
        host.hub.attach(&wire).map_err(|taken| {
            let message = format!(
                "a runtime with the id `{id}` is attached; stop it, or take another id such as `{}/2`",
                id.provider()
            );
            Refusal::new(Code::PolicyViolation, Stage::Link, message)
                .because(format!("the other was heard {} ms ago", taken.silent_for.as_millis()))
        })?;
        let correlation = host.correlation(&announce.correlation_id);
        let event = Event {
            principal: Some(Arc::clone(principal)),
            runtime: Some(id.clone()),
            connection: Some(wire.card().connection),
            detail: Some(served(wire.card(), &agreed)),
            ..host.event(Kind::RuntimeAttached, &correlation)
        };
        if let Err(error) = host.ledger.record(event).await {
            host.hub.detach(wire.card());
            return Err(unwritable(&error));
        }
        let answer = self.answer(&wire, announce, &agreed);
        if answer.features.iter().any(|feature| feature == lifecycle::FEATURE) {
            wire.may_be_asked();
        }
        wire.send(HostFrame::Announced(Box::new(answer))).await;
        tracing::info!(runtime = %id, connection = %wire.card().connection, "a runtime attached");
        if let Some(lost) = agreed.told() {
            tracing::warn!(runtime = %id, lost, "a runtime does without");
        }
        let (principal, level) = (Arc::clone(principal), agreed.level);
        let (proven, upwards) = (proven.clone(), Upwards::new(host.rules.max_in_flight));
        let port = Port { door: self.clone(), wire, principal, proven, upwards, level, plain: level < ENHANCED };
        Ok((port, frames))
    }

    fn identify(&self, principal: &Principal, announce: &Announce) -> Result<RuntimeId, Refusal> {
        let role = &self.0.rules.runtime_role;
        if !principal.has_role(role) {
            let message = format!("`{}` may not attach runtimes: it lacks the role `{role}`", principal.id);
            return Err(Refusal::new(Code::PermissionDenied, Stage::Link, message));
        }
        let id = RuntimeId::parse(&announce.runtime_id).map_err(|_| {
            let message = "`runtime_id` must be 1 to 128 printable ASCII characters, not all blank";
            Refusal::new(Code::MalformedRequest, Stage::Link, message)
        })?;
        if id.provider() != principal.id.as_str() {
            let message = format!(
                "a connection of `{0}` attaches runtimes called `{0}` or `{0}/…`; announce one of these",
                principal.id
            );
            return Err(Refusal::new(Code::PermissionDenied, Stage::Link, message)
                .because(format!("announced as `{}`", plain_name(id.as_str()))));
        }
        if principal.runtime.as_ref().is_some_and(|scope| !scope.admits(id.as_str())) {
            let message =
                format!("the identity rules do not let `{}` announce this id; announce one of its own", principal.id);
            return Err(Refusal::new(Code::PermissionDenied, Stage::Link, message)
                .because(format!("announced as `{}`", plain_name(id.as_str()))));
        }
        Ok(id)
    }

    fn answer(&self, wire: &Wire, announce: &Announce, agreed: &Agreed) -> Announced {
        let host = &self.0;
        let provider = wire.card().provider();
        let may = |contract: &&Arc<Contract>| contract.admits_provider(provider) && may_know(wire.card(), contract);
        let available = host.contracts.manifest().iter().filter(may);
        let names = |features: &[&'static str]| features.iter().map(ToString::to_string).collect::<Vec<_>>();
        let offered = if agreed.level < ENHANCED { Vec::new() } else { Offer::to_runtimes().features };
        Announced {
            connection_id: wire.card().connection,
            available: available.map(|contract| contract.name().to_string()).collect(),
            correlation_id: host.correlation(&announce.correlation_id),
            level: agreed.level,
            features: names(&agreed.features),
            offered: names(&offered),
            config: agreed.config(&host.rules),
            version: agreed.version.to_owned(),
            adm_version: grid_adm::ADM_VERSION,
            heartbeat_ms: u64::try_from(host.rules.heartbeat.as_millis()).unwrap_or(u64::MAX),
            mode: C::MODE,
        }
    }
}

/// What it runs on, which tenants it serves where these are named one by one, and what it and the host do without.
fn served(card: &Card, agreed: &Agreed) -> String {
    let program = format!("{} {}", card.language, card.version);
    let tenants = card.scope.as_ref().map(|_| format!("serves {}", card.tenants()));
    std::iter::once(program).chain(tenants).chain(agreed.told()).collect::<Vec<_>>().join("; ")
}

impl<C: Contracts> RuntimePort for Port<C> {
    async fn receive(&mut self, frame: RuntimeFrame) {
        self.wire.heard();
        match frame {
            RuntimeFrame::Result(result) => {
                let (correlation, settled) = (result.correlation_id.clone(), self.wire.settle(result));
                self.settled(&correlation, settled).await;
            }
            RuntimeFrame::Chunk(chunk) => {
                let (correlation, settled) = (chunk.correlation_id.clone(), self.wire.chunk(*chunk));
                self.settled(&correlation, settled).await;
            }
            RuntimeFrame::Oversized(frame) => {
                let settled = self.wire.oversized(&frame);
                self.settled("", settled).await;
            }
            RuntimeFrame::Progress(progress) => {
                let (correlation, settled) = (progress.correlation_id.clone(), self.wire.progress(*progress));
                self.settled(&correlation, settled).await;
            }
            RuntimeFrame::Heartbeat(beat) => {
                self.wire.card().load.report(&beat);
                self.wire.send(HostFrame::HeartbeatAck { sequence: beat.sequence }).await;
            }
            RuntimeFrame::Lifecycle(report) => {
                let sequence = report.sequence;
                if !self.wire.answered(report) {
                    tracing::debug!(runtime = %self.wire.card().id, sequence, "an answer came that nobody waits for");
                }
            }
            RuntimeFrame::Fulfil(request) => {
                let answer = fulfil(self, request).await;
                self.wire.send(HostFrame::Fulfilled(Box::new(answer))).await;
            }
            RuntimeFrame::Register(request) => {
                let answer = register(self, request).await;
                self.wire.send(HostFrame::Registered(Box::new(answer))).await;
            }
            RuntimeFrame::Update(update) => {
                let answer = self.update(update).await;
                self.wire.send(HostFrame::Updated(Box::new(answer))).await;
            }
            RuntimeFrame::Validate(names) => {
                let validated = negotiation::validate(&Offer::to_runtimes(), &self.wire.card().features, &names);
                self.wire.send(HostFrame::Validated(validated)).await;
            }
            RuntimeFrame::Call(envelope) => self.call(*envelope).await,
            RuntimeFrame::CancelCall(cancel) => self.cancel_nested(cancel).await,
            RuntimeFrame::Drain { reason } => self.leaves("asked for no new calls", &reason),
            RuntimeFrame::Bye { reason } => self.leaves("said goodbye", &reason),
            RuntimeFrame::Announce(_) => self.violation("", "the runtime announced itself twice").await,
            RuntimeFrame::Unsupported(what) => {
                let message = format!("this host does not take `{what}` messages; leave them out");
                self.error("", Refusal::new(Code::FeatureUnavailable, Stage::Link, message)).await;
            }
            RuntimeFrame::Error { message } => {
                tracing::warn!(runtime = %self.wire.card().id, ?message, "a runtime could not use a frame");
            }
        }
    }

    async fn ended(&self) {
        self.wire.ended().cancelled().await;
    }

    async fn detach(self, reason: String) {
        let host = &self.door.0;
        let card = self.wire.card();
        host.hub.detach(card);
        host.roster.leave(card.connection, host.clock.unix_ms(), &reason);
        // Whoever comes in its place may be another program.
        host.reuse.clear(|_, _, provider| provider == card.provider());
        let crashed = self.wire.crash(&reason);
        tracing::info!(runtime = %card.id, ?reason, crashed, "a runtime detached");
        let correlation = host.correlation("");
        let event = Event {
            principal: Some(Arc::clone(&self.principal)),
            runtime: Some(card.id.clone()),
            connection: Some(card.connection),
            detail: Some(format!("{reason}; {crashed} calls were in flight")),
            ..host.event(Kind::RuntimeDetached, &correlation)
        };
        host.ledger.note(event).await;
    }
}

impl<C: Contracts> Port<C> {
    /// It gets no further calls.
    fn leaves(&self, how: &str, reason: &str) {
        let card = self.wire.card();
        tracing::info!(runtime = %card.id, ?reason, "a runtime {how}");
        card.load.drain();
    }

    async fn settled(&self, correlation: &str, settled: Settled) {
        let host = &self.door.0;
        match settled {
            Settled::Delivered | Settled::Ignored => {}
            Settled::Late(invocation) => {
                let event = Event { invocation: Some(invocation), ..self.event(Kind::LateResult, correlation) };
                host.ledger.note(event).await;
            }
            Settled::Violation(invocation, fault) => {
                self.at_fault(correlation, invocation, Code::ProtocolViolation, fault).await;
            }
            Settled::TooLarge(invocation, fault) => {
                self.at_fault(correlation, invocation, Code::MessageTooLarge, fault).await;
            }
        }
    }

    /// Noted, and said to the runtime.
    async fn at_fault(&self, correlation: &str, invocation: Option<InvocationId>, code: Code, fault: String) {
        let detail = Some(fault.clone());
        let event = Event { invocation, code: Some(code), detail, ..self.event(Kind::Violation, correlation) };
        self.door.0.ledger.note(event).await;
        let id = invocation.map_or_else(String::new, |id| id.to_string());
        self.error(&id, Refusal::new(code, Stage::Link, fault)).await;
    }

    pub(crate) async fn violation(&self, invocation: &str, fault: &str) {
        let event = Event {
            code: Some(Code::ProtocolViolation),
            detail: Some(fault.to_owned()),
            ..self.event(Kind::Violation, "")
        };
        self.door.0.ledger.note(event).await;
        self.error(invocation, Refusal::new(Code::ProtocolViolation, Stage::Link, fault)).await;
    }

    /// The connection stays up.
    async fn error(&self, invocation: &str, refusal: Refusal) {
        let refusal = self.fill(refusal, "");
        self.wire.send(HostFrame::Error { refusal, invocation_id: invocation.to_owned() }).await;
    }

    pub(crate) fn fill(&self, refusal: Refusal, correlation: &str) -> Refusal {
        let host = &self.door.0;
        refusal.within(Context {
            correlation_id: Some(host.correlation(correlation)),
            runtime_id: Some(self.wire.card().id.to_string()),
            at_ms: host.clock.unix_ms(),
            repeatable: true,
            plain: self.plain,
            ..Context::default()
        })
    }

    pub(crate) fn event(&self, kind: Kind, correlation: &str) -> Event {
        let host = &self.door.0;
        Event {
            principal: Some(Arc::clone(&self.principal)),
            runtime: Some(self.wire.card().id.clone()),
            connection: Some(self.wire.card().connection),
            ..host.event(kind, &host.correlation(correlation))
        }
    }
}
