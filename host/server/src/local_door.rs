//! The door for callers that run tools themselves: the decision before, the report after. What it answers is recorded
//! before it leaves.

use std::{future::Future, sync::Arc};

use grid_audit::Unavailable;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope},
    event::Kind,
    id::InvocationId,
    local::{Authorized, BATCH, Batch, GiveBack, GivenBack, Granted, GrantedAll, Logged, MAX_BATCH, Report, Watched},
    port::LocalDoor,
};
use grid_identity::Caller;
use grid_local::{Claim, End, Ending, GivenUp, Issued, Redeemed, Rejected};
use tokio::sync::mpsc;
use tracing::Instrument as _;

use crate::{
    asker::Asker,
    call_path::{Granting, grant},
    front_door::{Door, lost, stopping},
    host::unwritable,
    trail::{Trail, receipt},
};

mod watch;

impl<C: Contracts> LocalDoor for Door<C> {
    async fn authorize(&self, credentials: Credentials, envelope: Envelope) -> Result<Authorized, Refusal> {
        let trail = self.call_trail(&envelope);
        let correlation = trail.correlation();
        let span = trail.span().clone();
        // The host owns the task: what was admitted becomes a grant that somebody concludes, whoever leaves.
        let path = Box::pin(authorize(self.clone(), credentials, envelope, trail));
        let ended = match span.is_disabled() {
            true => self.0.tasks.spawn(path).await,
            false => self.0.tasks.spawn(path.instrument(span)).await,
        };
        ended.unwrap_or_else(|_| Err(lost(correlation, self.0.clock.unix_ms())))
    }

    async fn authorize_all(&self, credentials: Credentials, batch: Batch) -> Result<GrantedAll, Refusal> {
        let trail = self.trail(&batch.correlation_id, &batch.session_id);
        if let Err((refusal, caller)) = self.may_batch(&credentials, &batch) {
            return Err(self.refuse(trail, caller.as_ref(), refusal).await);
        }
        let correlation = trail.correlation();
        // All at once, so that one batch of the log takes their admissions.
        let mut deciding = Vec::with_capacity(batch.items.len());
        for item in batch.items {
            let (door, credentials) = (self.clone(), credentials.clone());
            let envelope = item.map(|item| Envelope {
                correlation_id: correlation.to_string(),
                session_id: batch.session_id.clone(),
                claim: batch.claim.clone(),
                ..item
            });
            let trail = match &envelope {
                Ok(envelope) => self.call_trail(envelope),
                Err(_) => self.trail(correlation.as_str(), &batch.session_id),
            };
            deciding.push(self.0.tasks.spawn(async move {
                match envelope {
                    Ok(envelope) => Box::pin(authorize(door, credentials, envelope, trail)).await,
                    Err(fault) => Err(door.refuse_proved(&credentials, trail, fault).await),
                }
            }));
        }
        let mut items = Vec::with_capacity(deciding.len());
        for decided in deciding {
            items.push(decided.await.unwrap_or_else(|_| Err(lost(correlation.clone(), self.0.clock.unix_ms()))));
        }
        Ok(GrantedAll { correlation_id: correlation, items })
    }

    async fn log_result(&self, credentials: Credentials, report: Report) -> Result<Logged, Refusal> {
        let trail = self.report_trail(&report.correlation_id, &report.session_id, &report.name);
        let door = self.clone();
        self.owned(trail.correlation(), async move { door.log(credentials, report, trail).await }).await
    }

    async fn cancel_grant(&self, credentials: Credentials, request: GiveBack) -> Result<GivenBack, Refusal> {
        let trail = self.report_trail(&request.correlation_id, &request.session_id, "");
        let door = self.clone();
        self.owned(trail.correlation(), async move { door.give_back(credentials, request, trail).await }).await
    }

    async fn watch_grants(
        &self,
        credentials: Credentials,
        session_id: String,
        correlation_id: String,
    ) -> Result<mpsc::Receiver<Watched>, Refusal> {
        let trail = self.trail(&correlation_id, &session_id);
        match self.watch(&credentials, &session_id, &trail) {
            Ok(receiver) => Ok(receiver),
            Err((refusal, caller)) => Err(self.refuse(trail, caller.as_ref(), refusal).await),
        }
    }
}

/// Walks the path to a grant and records what did not get as far.
async fn authorize<C: Contracts>(
    door: Door<C>,
    credentials: Credentials,
    envelope: Envelope,
    mut trail: Trail,
) -> Result<Authorized, Refusal> {
    let host = &door.0;
    if host.stopping.is_cancelled() {
        return Err(door.refuse(trail, None, stopping()).await);
    }
    if !host.rules.local {
        return Err(door.refuse_proved(&credentials, trail, switched_off()).await);
    }
    match grant(host, &Asker::Client(credentials), envelope, &mut trail).await {
        Ok(Granting::Issued(issued)) => {
            host.metrics.granted();
            Ok(Authorized::Granted(Box::new(granted(*issued, &trail))))
        }
        Ok(Granting::Waits(waits)) => Ok(Authorized::Waiting(waits)),
        Err(refusal) => Err(door.refuse(trail, None, refusal).await),
    }
}

fn granted(issued: Issued, trail: &Trail) -> Granted {
    Granted {
        invocation_id: issued.grant.invocation(),
        correlation_id: trail.correlation(),
        ttl: issued.ttl,
        args: issued.args,
        record: issued.record,
        receipt: receipt(issued.proof),
    }
}

type Refused = (Refusal, Option<Caller>);

impl<C: Contracts> Door<C> {
    /// A batch is asked for in a session that has the feature.
    fn may_batch(&self, credentials: &Credentials, batch: &Batch) -> Result<(), Refused> {
        let (caller, session) = self.session(credentials, &batch.session_id)?;
        if let Err(refusal) = grid_identity::agree(caller.principal(), batch.claim.as_ref()) {
            return Err((refusal, Some(caller)));
        }
        if !session.features().contains(&BATCH) {
            let message = format!("the session does not have the feature `{BATCH}`; ask for it in CreateSession");
            let refusal = Refusal::new(Code::FeatureUnavailable, Stage::Local, message);
            return Err((refusal, Some(caller)));
        }
        if batch.items.len() > MAX_BATCH {
            let message = format!("{} calls came at once; send at most {MAX_BATCH}", batch.items.len());
            return Err((Refusal::new(Code::MalformedRequest, Stage::Transport, message), Some(caller)));
        }
        Ok(())
    }

    async fn log(&self, credentials: Credentials, report: Report, trail: Trail) -> Result<Logged, Refusal> {
        let host = &self.0;
        let caller = match host.identity.prove(&credentials) {
            Ok(caller) => caller,
            Err(refusal) => return Err(self.refuse(trail, None, refusal).await),
        };
        let claim = match Claim::read(report) {
            Ok(claim) => claim,
            Err(refusal) => return Err(self.refuse(trail, Some(&caller), refusal).await),
        };
        let named = claim.invocation();
        let redeemed = host.grants.redeem(caller.principal(), claim);
        let logged =
            || Logged { invocation_id: named.unwrap_or_else(InvocationId::mint), correlation_id: trail.correlation() };
        match redeemed {
            Ok(Redeemed::First(ending)) => match self.conclude(ending).await {
                Ok(()) => Ok(logged()),
                Err(error) => Err(self.unwritten(trail, &caller, &error).await),
            },
            Ok(Redeemed::Joined(other)) => match other.await {
                Ok(_) => Ok(self.repeated(logged())),
                Err(_) => Err(trail.fill(retry())),
            },
            Ok(Redeemed::Again) => Ok(self.repeated(logged())),
            Err(rejected) => match self.remembered(&caller, rejected).await {
                Ok(()) => Ok(self.repeated(logged())),
                Err(rejected) => Err(self.reject(trail, &caller, named, rejected).await),
            },
        }
    }

    async fn give_back(&self, credentials: Credentials, request: GiveBack, trail: Trail) -> Result<GivenBack, Refusal> {
        let host = &self.0;
        let caller = match host.identity.prove(&credentials) {
            Ok(caller) => caller,
            Err(refusal) => return Err(self.refuse(trail, None, refusal).await),
        };
        let invocation = request.invocation_id.parse().ok();
        let (session, leaf) = (request.session_id.parse().ok(), request.grant.try_into().ok());
        let given_up = host.grants.give_up(caller.principal(), session, invocation, leaf, &request.reason);
        let end = match given_up {
            Ok(GivenUp::First(ending)) => {
                let end = ending.end();
                match self.conclude(ending).await {
                    Ok(()) => end,
                    Err(error) => return Err(self.unwritten(trail, &caller, &error).await),
                }
            }
            Ok(GivenUp::Joined(other)) => match other.await {
                Ok(end) => end,
                Err(_) => return Err(trail.fill(retry())),
            },
            Ok(GivenUp::Over(end)) => end,
            Err(rejected) => return Err(self.reject(trail, &caller, invocation, rejected).await),
        };
        Ok(GivenBack { cancelled: end != End::Reported, correlation_id: trail.correlation() })
    }

    async fn conclude(&self, ending: Ending) -> Result<(), Unavailable> {
        Arc::clone(&self.0).conclude_grant(ending).await.map(|_| ())
    }

    fn repeated(&self, logged: Logged) -> Logged {
        self.0.metrics.local("repeated");
        logged
    }

    /// A report of an execution that the table has forgotten is looked up in the log.
    async fn remembered(&self, caller: &Caller, rejected: Rejected) -> Result<(), Rejected> {
        let Some(invocation) = rejected.forgotten() else { return Err(rejected) };
        match self.records_of(invocation).await {
            Ok(records) => rejected.by_log(caller.principal(), &records),
            Err(error) => {
                tracing::debug!(%error, "a report could not be looked up in the log");
                Err(rejected)
            }
        }
    }

    /// A security event. The sender hears of it what a stranger may.
    async fn reject(
        &self,
        mut trail: Trail,
        caller: &Caller,
        invocation: Option<InvocationId>,
        rejected: Rejected,
    ) -> Refusal {
        let host = &self.0;
        trail.principal(caller.principal());
        if let Some(invocation) = invocation {
            trail.invocation(invocation);
        }
        let (refusal, event) = (rejected.refusal(), rejected.event(trail.event(Kind::RejectedResult)));
        tracing::warn!(
            signal = rejected.signal().as_str(),
            principal = %caller.principal().id,
            correlation_id = %trail.correlation(),
            "a report of a local run was rejected"
        );
        host.metrics.local("rejected");
        host.metrics.refused(refusal.code());
        if let Err(error) = host.ledger.record(event).await {
            tracing::error!(%error, "a rejected report could not be recorded");
            return trail.fill(unwritable(&error));
        }
        trail.fill(refusal)
    }

    async fn unwritten(&self, trail: Trail, caller: &Caller, error: &Unavailable) -> Refusal {
        self.refuse(trail, Some(caller), unwritable(error)).await
    }

    /// As [`Door::refuse`], for whoever the credentials prove; strangers are told apart first.
    async fn refuse_proved(&self, credentials: &Credentials, trail: Trail, refusal: Refusal) -> Refusal {
        match self.0.identity.prove(credentials) {
            Ok(caller) => self.refuse(trail, Some(&caller), refusal).await,
            Err(stranger) => self.refuse(trail, None, stranger).await,
        }
    }

    /// Of a request that is not sent again as it is because its contract would allow that.
    fn report_trail(&self, correlation: &str, session: &str, tool: &str) -> Trail {
        let host = &self.0;
        let correlation = host.correlation(correlation);
        let mut trail = Trail::new(host.clock.clone(), host.metrics.clone(), correlation, session, tool, "", None);
        trail.is_final();
        trail
    }

    /// Work that goes on when its client leaves.
    async fn owned<T: Send + 'static>(
        &self,
        correlation: grid_core::id::CorrelationId,
        work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
    ) -> Result<T, Refusal> {
        let ended = self.0.tasks.spawn(Box::pin(work)).await;
        ended.unwrap_or_else(|_| Err(lost(correlation, self.0.clock.unix_ms())))
    }
}

/// The same was being written and could not be.
fn retry() -> Refusal {
    let message = "the same report could not be written just now; send it again";
    Refusal::new(Code::AuditUnavailable, Stage::Audit, message)
}

/// Nobody runs tools themselves here.
fn switched_off() -> Refusal {
    let message = "governed local dispatch is switched off on this host; send the call with CallTool";
    Refusal::new(Code::FeatureUnavailable, Stage::Local, message)
}
