//! The end of rights: decisions, grants, running calls, proofs of identity. They end first, and the record says so
//! after, so that a log that fails cannot keep them alive (ADR 9).

use std::sync::Arc;

use grid_authorize::Session;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Invalidation, Kind},
    id::{CorrelationId, PrincipalId, TenantId},
    principal::Principal,
    refusal::Context,
    revocation::{Cause, Invalidate, Invalidated, Restore, Scope},
    runtime::Runtime as _,
};
use grid_local::Grant;

use crate::{
    events::{Claim, Content},
    front_door::{Door, lost},
    host::{Epoch, Host, unwritable},
};

/// Characters of a reason that are kept.
const REASON: usize = 256;

/// A request whose form is right.
#[derive(Debug)]
struct Asked {
    reason: String,
    cause: Option<Cause>,
    scope: Scope,
    event_id: Option<String>,
    cancel_running: bool,
    /// Whose proofs are void.
    proofs: Option<(TenantId, PrincipalId)>,
}

impl Asked {
    fn read(request: Invalidate) -> Result<Self, Refusal> {
        let scope = Scope::read(&request).map_err(|fault| malformed(&fault.0))?;
        let proofs = match request.revoke_proofs {
            true => Some(named(&request.tenant, &request.principal)?),
            false => None,
        };
        let event_id = Some(request.event_id).filter(|id| !id.is_empty());
        let plain = |id: &String| id.len() <= 128 && id.bytes().all(|byte| byte.is_ascii_graphic());
        if event_id.as_ref().is_some_and(|id| !plain(id)) {
            return Err(malformed("`event_id` is at most 128 printable ASCII characters, without blanks"));
        }
        Ok(Self {
            reason: request.reason.chars().take(REASON).collect(),
            cause: request.cause,
            scope,
            event_id,
            cancel_running: request.cancel_running,
            proofs,
        })
    }

    /// What was asked for, as the record has it.
    fn names(&self) -> Vec<String> {
        let flags = [("cancel_running", self.cancel_running), ("revoke_proofs", self.proofs.is_some())];
        let flags = flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| name.to_owned());
        self.scope.names().into_iter().chain(flags).collect()
    }

    fn content(&self) -> Content {
        Content { cause: self.cause.map(|cause| cause.as_str().to_owned()), scope: self.names() }
    }

    /// Why running calls are stopped and grants end.
    fn why(&self) -> Arc<str> {
        let reason = if self.reason.is_empty() { "no reason was given" } else { &self.reason };
        Arc::from(format!("revoked: {reason}"))
    }

    /// Whether a grant ends, whatever would be decided now.
    fn names_grant(&self, grant: &Grant) -> bool {
        let who = grant.principal();
        let unproved = self.proofs.as_ref().is_some_and(|(tenant, id)| *tenant == who.tenant && *id == who.id);
        unproved
            || (self.scope.fits_session(&who.tenant, who.id.as_str(), grant.session())
                && self.scope.tool.fits(grant.tool()))
    }
}

impl<C: Contracts> Door<C> {
    /// Ends rights for somebody who may.
    pub(crate) async fn end_rights(&self, who: &Arc<Principal>, request: Invalidate) -> Result<Invalidated, Refusal> {
        let host = &self.0;
        let correlation = host.correlation("");
        let asked = match Asked::read(request) {
            Ok(asked) => asked,
            Err(refusal) => return Err(self.decline(who, &correlation, refusal).await),
        };
        let (door, by, of) = (self.clone(), Arc::clone(who), correlation.clone());
        // The host owns the task: an operator that goes away cannot skip the record.
        let ending = Box::pin(async move { door.end_once(&by, asked, &of).await });
        let ended = host.tasks.spawn(ending).await;
        match ended.unwrap_or_else(|_| Err(lost(correlation.clone(), host.clock.unix_ms()))) {
            Ok(done) => Ok(done),
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn end_once(
        &self,
        who: &Arc<Principal>,
        asked: Asked,
        correlation: &CorrelationId,
    ) -> Result<Invalidated, Refusal> {
        let Some(id) = &asked.event_id else { return self.0.end(who, &asked, correlation).await };
        match self.0.events.claim(id, &asked.content()) {
            Claim::First(first) => {
                let done = self.0.end(who, &asked, correlation).await?;
                first.done(done);
                Ok(done)
            }
            Claim::Done(done) => Ok(Invalidated { repeated: true, ..done }),
            Claim::Joined(other) => match other.await {
                Ok(done) => Ok(Invalidated { repeated: true, ..done }),
                Err(_) => {
                    let message = "the same event could not be recorded just now; send it again";
                    Err(Refusal::new(Code::AuditUnavailable, Stage::Audit, message))
                }
            },
            Claim::Conflict => Err(malformed("`event_id` was used for another event; give this one a name of its own")),
        }
    }

    /// Takes a revocation of proofs back: recorded first, because it gives rights (ADR 9).
    pub(crate) async fn give_back_proofs(&self, who: &Arc<Principal>, request: Restore) -> Result<bool, Refusal> {
        let host = &self.0;
        let correlation = host.correlation("");
        match self.restored(who, request, &correlation).await {
            Ok(restored) => Ok(restored),
            Err(refusal) => Err(self.decline(who, &correlation, refusal).await),
        }
    }

    async fn restored(
        &self,
        who: &Arc<Principal>,
        request: Restore,
        correlation: &CorrelationId,
    ) -> Result<bool, Refusal> {
        let host = &self.0;
        let (tenant, principal) = named(&request.tenant, &request.principal)?;
        if !host.identity.revoked().iter().any(|known| known.tenant == tenant && known.principal == principal) {
            return Ok(false);
        }
        let scope = vec![format!("principal={principal}"), format!("tenant={tenant}")];
        let reason: String = request.reason.chars().take(REASON).collect();
        let event = Event {
            principal: Some(Arc::clone(who)),
            detail: Some(reason).filter(|reason| !reason.is_empty()),
            invalidation: Some(Box::new(Invalidation { scope, ..Invalidation::default() })),
            ..host.event(Kind::PrincipalRestored, correlation)
        };
        host.ledger.record(event).await.map_err(|error| unwritable(&error))?;
        let keeping = Arc::clone(host);
        let kept = host.tasks.spawn_blocking(move || keeping.identity.restore(&tenant, &principal)).await;
        match kept {
            Ok(Ok(restored)) => Ok(restored.is_some()),
            Ok(Err(error)) => Err(unkept(&error.to_string())),
            Err(_) => Err(unkept("the task that writes it ended early")),
        }
    }

    /// A refusal of the operators' door, on record.
    pub(crate) async fn decline(&self, who: &Arc<Principal>, correlation: &CorrelationId, refusal: Refusal) -> Refusal {
        let host = &self.0;
        let event = Event { principal: Some(Arc::clone(who)), ..host.event(Kind::Refused, correlation) };
        host.refused(&refusal, event).await;
        host.metrics.refused(refusal.code());
        refusal.within(Context {
            correlation_id: Some(correlation.clone()),
            at_ms: host.clock.unix_ms(),
            ..Context::default()
        })
    }
}

impl<C: Contracts> Host<C> {
    /// Rights end, and then the record of it is written.
    async fn end(
        self: &Arc<Self>,
        who: &Arc<Principal>,
        asked: &Asked,
        correlation: &CorrelationId,
    ) -> Result<Invalidated, Refusal> {
        // Before the epoch: whoever is proved in the new one is proved by what is left.
        let revoked = self.revoke_proofs(asked).await;
        let epoch = self.authorize.invalidate();
        self.ledger.void_before(epoch);
        self.approvals.void_before(epoch);
        // Before anybody can be decided in the new epoch and find what was given in the one before.
        self.reuse.clear(|tenant, tool, _| asked.scope.tenant.fits(tenant.as_str()) && asked.scope.tool.fits(tool));
        let ended = self.end_grants(epoch, &asked.scope, |grant| asked.names_grant(grant)).await;
        let cancelled = if asked.cancel_running { self.cancel_running(&asked.scope, &asked.why()) } else { 0 };
        self.tell(epoch, &asked.reason, &asked.scope);
        let done =
            Invalidated { epoch, ended_grants: count(ended), cancelled_calls: count(cancelled), repeated: false };
        let event = Event {
            principal: Some(Arc::clone(who)),
            epoch: Some(epoch),
            detail: Some(asked.reason.clone()).filter(|reason| !reason.is_empty()),
            invalidation: Some(Box::new(Invalidation {
                cause: asked.cause,
                event_id: asked.event_id.clone(),
                scope: asked.names(),
                ended_grants: done.ended_grants,
                cancelled_calls: done.cancelled_calls,
            })),
            ..self.event(Kind::Invalidated, correlation)
        };
        let mut recorded = self.ledger.record(event).await;
        if asked.proofs.is_some() && recorded.is_ok() {
            recorded = self.ledger.record(self.proofs_event(Kind::PrincipalRevoked, who, asked, correlation)).await;
        }
        if asked.scope.is_everything() {
            self.revoke_grants(epoch, &asked.reason).await;
        } else {
            self.settle_rights().await;
        }
        let recorded = recorded.map(|_| done).map_err(|error| unwritable(&error))?;
        revoked.map(|()| recorded)
    }

    /// Every right ends that was decided before `epoch`. The caller has raised the epoch and has recorded why.
    pub(crate) async fn revoke_grants(self: &Arc<Self>, epoch: u64, reason: &str) {
        self.ledger.void_before(epoch);
        self.approvals.void_before(epoch);
        self.reuse.clear(|_, _, _| true);
        self.grants.revoke_before(epoch);
        self.tell(epoch, reason, &Scope::everything());
        self.settle_rights().await;
    }

    /// What ended is concluded in the log.
    async fn settle_rights(self: &Arc<Self>) {
        self.settle_grants().await;
        self.settle_approvals().await;
    }

    /// The grants that fit end. Each other one is decided anew, and ends where it would not be given now; how many.
    async fn end_grants(&self, epoch: u64, scope: &Scope, fits: impl Fn(&Grant) -> bool) -> usize {
        let mut ended = self.grants.revoke_where(epoch, fits);
        if scope.is_everything() {
            self.grants.revoke_before(epoch);
            return ended;
        }
        for grant in self.grants.open_before(epoch) {
            if !self.still_permits(&grant).await {
                let invocation = grant.invocation();
                ended += self.grants.revoke_where(epoch, |other| other.invocation() == invocation);
            }
        }
        ended
    }

    /// Whether a grant would be given now, as far as that can be told without its request. One of an earlier process
    /// would not: who its caller is was proved to that one.
    async fn still_permits(&self, grant: &Grant) -> bool {
        let Some(session) = self.sessions.peek(&grant.session()) else { return false };
        self.decides_so(grant, &session).await.unwrap_or(false)
    }

    async fn decides_so(&self, grant: &Grant, session: &Arc<Session>) -> Option<bool> {
        let contract = self.contracts.find(session, grant.tool())?;
        let same = grant.contract() == Some(contract.digest().as_bytes());
        let context = session.context_as(grant.principal());
        if !same {
            return Some(false);
        }
        let foreseen = self.authorize.foresee(&context, session, &contract, true).await;
        // Its arguments are not known here, and a consent ends with the epoch that it was given in.
        Some(!foreseen.reads_args && foreseen.decision.is_ok_and(|decision| decision.needs.is_none()))
    }

    /// What proved somebody is void, and the runtimes that it attached are detached. It is where this returns, also where
    /// it could not be kept.
    async fn revoke_proofs(self: &Arc<Self>, asked: &Asked) -> Result<(), Refusal> {
        let Some((tenant, principal)) = asked.proofs.clone() else { return Ok(()) };
        let (host, reason, who) = (Arc::clone(self), asked.reason.clone(), (tenant.clone(), principal.clone()));
        let now_ms = self.clock.unix_ms();
        let revoke = move || host.identity.revoke(&who.0, &who.1, &reason, now_ms);
        // The disk is not for this thread.
        let kept = match self.identity.keeps_revocations() {
            true => self.tasks.spawn_blocking(revoke).await,
            false => Ok(revoke()),
        };
        for wire in self.hub.list() {
            let card = wire.card();
            if card.tenant == tenant && card.provider() == principal.as_str() {
                wire.crash("what proved it was revoked");
            }
        }
        match kept {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(unkept(&error.to_string())),
            Err(_) => Err(unkept("the task that writes it ended early")),
        }
    }

    fn proofs_event(&self, kind: Kind, who: &Arc<Principal>, asked: &Asked, correlation: &CorrelationId) -> Event {
        Event {
            principal: Some(Arc::clone(who)),
            detail: Some(asked.reason.clone()).filter(|reason| !reason.is_empty()),
            invalidation: Some(Box::new(Invalidation { scope: asked.scope.names(), ..Invalidation::default() })),
            ..self.event(kind, correlation)
        }
    }

    /// Running calls that fit are asked to stop; how many.
    fn cancel_running(&self, scope: &Scope, why: &Arc<str>) -> usize {
        let fits = |session: &Arc<Session>| {
            let who = session.principal();
            scope.fits_session(&who.tenant, who.id.as_str(), session.id())
        };
        let sessions = self.sessions.list();
        let theirs = sessions.iter().filter(|session| fits(session));
        theirs.map(|session| session.cancel_where(why, |tool| scope.tool.fits(tool))).sum()
    }

    /// Those who watch their grants hear of the epoch, and of the reason where it is about them.
    fn tell(&self, number: u64, reason: &str, scope: &Scope) {
        self.epochs.send_if_modified(|epoch| {
            let is_new = epoch.number < number;
            if is_new {
                *epoch = Epoch { number, reason: Arc::from(reason), scope: scope.clone() };
            }
            is_new
        });
    }
}

/// A principal of a tenant, by name.
fn named(tenant: &str, principal: &str) -> Result<(TenantId, PrincipalId), Refusal> {
    let one = |text: &str| !text.contains('*');
    match (TenantId::parse(tenant), PrincipalId::parse(principal)) {
        (Ok(tenant), Ok(principal)) if one(tenant.as_str()) && one(principal.as_str()) => Ok((tenant, principal)),
        _ => Err(malformed("proofs are void of one principal of one tenant; name both, without `*`")),
    }
}

/// What was to be kept of a revocation is not on the disk.
fn unkept(why: &str) -> Refusal {
    let message = "the table of revocations could not be written; what was revoked is so until the host stops, what was \
                   to be restored is still revoked; mend the disk and send it again";
    Refusal::new(Code::AuditUnavailable, Stage::Identity, message).because(why)
}

fn malformed(message: &str) -> Refusal {
    Refusal::new(Code::MalformedRequest, Stage::Transport, message)
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
