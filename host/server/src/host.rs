//! Everything that a request needs, in one place: the stages, the log, the runtimes. Made by `compose`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_adm::Digest;
use grid_approve::Approvals;
use grid_audit::{Ledger, Recovered, Stored, Unavailable};
use grid_authorize::Authorize;
use grid_config::DeniedTools;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::{Event, Kind},
    id::CorrelationId,
    principal::Principal,
    revocation::Scope,
};
use grid_identity::Identity;
use grid_limits::{Adaptive, Limits};
use grid_link::Hub;
use grid_local::{Ending, Grants};
use grid_metrics::Metrics;
use grid_reload::Policies;
use grid_resolve::Roster;
use grid_reuse::Reuse;
use grid_session::Sessions;
use grid_swap::Turns;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    archive::Archive, events::Events, guard::Guard, nested::Lineages, outlets::Outlets, places::Places,
    providers::ProvidersFile,
};

/// What the doors need to know of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// An operator needs it.
    pub(crate) admin_role: String,
    /// A runtime needs it.
    pub(crate) runtime_role: String,
    /// Whoever names the provider of a call in the call needs it.
    pub(crate) select_role: String,
    /// Reads the records of its own tenant.
    pub(crate) reader_role: String,
    /// Reads all records.
    pub(crate) operator_role: String,
    /// What lists say of tools that their reader may not call.
    pub(crate) denied_tools: DeniedTools,
    pub(crate) heartbeat: Duration,
    pub(crate) silent_limit: Duration,
    pub(crate) max_in_flight: u32,
    pub(crate) frame_queue: usize,
    /// Grants are given to callers that run tools themselves.
    pub(crate) local: bool,
    /// A runtime has to say which contracts it was built against.
    pub(crate) require_digests: bool,
}

/// The policy epoch, and why it is another one than before.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epoch {
    pub(crate) number: u64,
    pub(crate) reason: Arc<str>,
    /// Whom the reason is about; others are not told it.
    pub(crate) scope: Scope,
}

/// How many may watch their grants at once.
pub(crate) const WATCHERS: usize = 4096;

/// The host. `C` is its mode, chosen once.
#[derive(Debug)]
pub(crate) struct Host<C> {
    pub(crate) identity: Identity,
    pub(crate) sessions: Sessions,
    pub(crate) contracts: C,
    pub(crate) authorize: Authorize,
    pub(crate) policies: Policies,
    pub(crate) limits: Limits,
    /// Before the path; absent where it is switched off.
    pub(crate) gate: Option<Arc<Adaptive>>,
    pub(crate) roster: Roster,
    /// Keeps calls away from whoever fails.
    pub(crate) guard: Guard,
    /// Results that are used again.
    pub(crate) reuse: Reuse,
    pub(crate) providers: ProvidersFile,
    /// One swap of a tool at a time.
    pub(crate) swaps: Turns,
    pub(crate) hub: Hub,
    /// What runtimes work on, and may call others for.
    pub(crate) lineages: Lineages,
    pub(crate) ledger: Ledger,
    pub(crate) grants: Grants,
    pub(crate) approvals: Approvals,
    /// Told of each invalidation.
    pub(crate) epochs: watch::Sender<Epoch>,
    /// Places of those who watch it.
    pub(crate) watchers: Places,
    /// Invalidations that are known by their senders' names.
    pub(crate) events: Events,
    pub(crate) archive: Archive,
    pub(crate) outlets: Outlets,
    pub(crate) clock: SharedClock,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTracker,
    pub(crate) rules: Rules,
    /// Requests without usable proof since the last record of them.
    pub(crate) strangers: AtomicU64,
    /// Cancelled when no further request is taken.
    pub(crate) stopping: CancellationToken,
}

impl<C: Contracts> Host<C> {
    /// The caller's correlation id, or a new one where it is empty or unusable.
    pub(crate) fn correlation(&self, given: &str) -> CorrelationId {
        CorrelationId::parse(given).unwrap_or_else(|_| CorrelationId::mint(self.clock.unix_ms()))
    }

    /// A record of now.
    pub(crate) fn event(&self, kind: Kind, correlation: &CorrelationId) -> Event {
        Event::new(kind, self.clock.unix_ms(), correlation.clone())
    }

    /// Writes a refusal down. One that cannot be written stays a refusal. Strangers, and refusals that one
    /// principal collects too fast, are counted and recorded together, so that they cannot fill the disk. Gives the evidence of the record.
    pub(crate) async fn refused(&self, refusal: &Refusal, event: Event) -> Option<Stored> {
        self.refused_by(None, refusal, event).await
    }

    /// The same for a request that somebody else sends than it is for: the sender's refusals are counted, and it is no
    /// stranger.
    pub(crate) async fn refused_by(
        &self,
        sender: Option<&Arc<Principal>>,
        refusal: &Refusal,
        event: Event,
    ) -> Option<Stored> {
        if sender.is_none() && refusal.code() == Code::InvalidCredentials {
            self.strangers.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        let counted = sender.or(event.principal.as_ref());
        if counted.is_some_and(|principal| !self.limits.note_refusal(principal, refusal)) {
            return None;
        }
        let event = Event {
            code: Some(refusal.code()),
            stage: Some(refusal.stage()),
            detail: Some(match refusal.internal() {
                Some(internal) => internal.to_owned(),
                None => refusal.message().to_owned(),
            }),
            ..event
        };
        match self.ledger.record(event).await {
            Ok(stored) => stored,
            Err(error) => {
                tracing::error!(%error, "a refusal could not be recorded");
                None
            }
        }
    }

    /// What a caller sees of a refusal that is on record: a function that is hidden from it does not exist.
    pub(crate) fn shown(&self, refusal: Refusal, tool: &str) -> Refusal {
        let denied = refusal.code() == Code::PermissionDenied && refusal.stage() == Stage::Authorize;
        match denied && self.rules.denied_tools == DeniedTools::Hide {
            true => grid_contract::unknown(tool),
            false => refusal,
        }
    }

    /// Goes on where the process before this one stopped: its grants are good until their time, or until rights end.
    pub(crate) fn take_up(&self, recovered: &Recovered) {
        // What other policies permitted is not good under these.
        let policy =
            self.authorize.deciding().1.digest().map(|digest| format!("sha256:{}", Digest::from_bytes(digest)));
        let moved = recovered.local.iter().any(|admission| admission.text("policy") != policy.as_deref());
        let epoch = recovered.epoch.saturating_add(u64::from(moved));
        self.authorize.go_on_from(epoch);
        self.grants.revoke_before(epoch);
        self.ledger.void_before(epoch);
        self.epochs.send_modify(|epoch| epoch.number = self.authorize.epoch());
        for admission in &recovered.local {
            if self.grants.restore(admission).is_none() {
                tracing::error!(index = admission.index(), "a grant in the log cannot be read; the next start ends it");
            }
        }
    }

    /// Ends a grant with its conclusion. Runs on a task of the host's: once the record is on its way, nobody who leaves
    /// can make the grant open again.
    pub(crate) async fn conclude_grant(self: Arc<Self>, ending: Ending) -> Result<Option<Stored>, Unavailable> {
        let stored = self.ledger.conclude(ending.conclusion(self.clock.unix_ms())).await?;
        self.metrics.local(ending.outcome().as_str());
        ending.settle();
        Ok(stored)
    }

    /// Concludes every grant that is over: run out, revoked, or of a session that ended. At once, so that one batch of
    /// the log takes them.
    pub(crate) async fn settle_grants(self: &Arc<Self>) {
        let due = self.grants.due();
        let conclude = |ending| self.tasks.spawn(Arc::clone(self).conclude_grant(ending));
        let concluding: Vec<_> = due.into_iter().map(conclude).collect();
        for concluded in concluding {
            if let Ok(Err(error)) = concluded.await {
                tracing::error!(%error, "the end of a grant could not be recorded; it will be tried again");
            }
        }
    }

    /// Ends what has run out: sessions, silent runtimes; records strangers. Once a second.
    pub(crate) async fn sweep(&self) {
        for end in self.sessions.sweep() {
            let session = &end.session;
            self.forget(session.id());
            let correlation = self.correlation("");
            self.ledger
                .note(Event {
                    principal: Some(Arc::clone(session.principal())),
                    session: Some(session.id()),
                    detail: Some(format!("{} calls were asked to stop", end.cancelled)),
                    ..self.event(Kind::SessionExpired, &correlation)
                })
                .await;
        }
        for wire in self.hub.end_silent(self.rules.silent_limit) {
            use grid_core::runtime::Runtime as _;
            tracing::warn!(runtime = %wire.card().id, "a runtime missed its heartbeats and was detached");
        }
        self.limits.sweep();
        self.note_breakers().await;
        for withheld in self.limits.withheld() {
            let correlation = self.correlation("");
            tracing::warn!(principal = %withheld.principal.id, refusals = withheld.count, "refusals came too fast");
            self.ledger
                .note(Event {
                    principal: Some(withheld.principal),
                    code: Some(Code::RateLimitExceeded),
                    stage: Some(Stage::Limits),
                    detail: Some(format!("{} further refusals since the last such record", withheld.count)),
                    ..self.event(Kind::Refused, &correlation)
                })
                .await;
        }
        let strangers = self.strangers.swap(0, Ordering::Relaxed);
        if strangers > 0 {
            let correlation = self.correlation("");
            tracing::warn!(requests = strangers, "requests without usable proof were refused");
            self.ledger
                .note(Event {
                    code: Some(Code::InvalidCredentials),
                    stage: Some(Stage::Identity),
                    detail: Some(format!("{strangers} requests since the last such record")),
                    ..self.event(Kind::Refused, &correlation)
                })
                .await;
        }
    }

    /// A session is over: what hangs off it goes too.
    pub(crate) fn forget(&self, session: grid_core::id::SessionId) {
        self.contracts.forget(session);
        self.roster.forget(session);
    }
}

/// Nothing runs while the log waits for its witnesses, where the operator wants it so.
pub(crate) fn unwitnessed() -> Refusal {
    let message = "witnesses have not cosigned the audit log for too long, so nothing runs; an operator has to mend it";
    Refusal::new(Code::AuditUnavailable, Stage::Audit, message).because("`witness.on_stale` is `stop`")
}

/// Nothing runs that cannot be written down.
pub(crate) fn unwritable(error: &Unavailable) -> Refusal {
    if error.is_overtaken() {
        let message =
            "rights were made void while the call was decided, so nothing ran; send it again to have it decided anew";
        return Refusal::new(Code::ServiceUnavailable, Stage::Authorize, message).with("sent", "false");
    }
    let message = "the audit log cannot be written, so nothing runs; an operator has to mend it";
    Refusal::new(Code::AuditUnavailable, Stage::Audit, message).because(error.to_string())
}
