//! Everything that a request needs, in one place: the stages, the log, the runtimes. Made by `compose`.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_audit::{Ledger, Stored, Unavailable};
use grid_authorize::Authorize;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::{Event, Kind},
    id::CorrelationId,
};
use grid_identity::Identity;
use grid_link::Hub;
use grid_resolve::Roster;
use grid_session::Sessions;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{archive::Archive, metrics::Metrics};

/// What the doors need to know of the configuration.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// An operator needs it.
    pub(crate) admin_role: String,
    /// A runtime needs it.
    pub(crate) runtime_role: String,
    /// Reads the records of its own tenant.
    pub(crate) reader_role: String,
    /// Reads all records.
    pub(crate) operator_role: String,
    pub(crate) heartbeat: Duration,
    pub(crate) silent_limit: Duration,
    pub(crate) max_in_flight: u32,
    pub(crate) frame_queue: usize,
}

/// The host. `C` is its mode, chosen once.
#[derive(Debug)]
pub(crate) struct Host<C> {
    pub(crate) identity: Identity,
    pub(crate) sessions: Sessions,
    pub(crate) contracts: C,
    pub(crate) authorize: Authorize,
    pub(crate) roster: Roster,
    pub(crate) hub: Hub,
    pub(crate) ledger: Ledger,
    pub(crate) archive: Archive,
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

    /// Writes a refusal down. One that cannot be written stays a refusal. Strangers are counted and
    /// recorded together, so that they cannot fill the disk. Gives the evidence of the record.
    pub(crate) async fn refused(&self, refusal: &Refusal, event: Event) -> Option<Stored> {
        if refusal.code() == Code::InvalidCredentials {
            self.strangers.fetch_add(1, Ordering::Relaxed);
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

/// Nothing runs that cannot be written down.
pub(crate) fn unwritable(error: &Unavailable) -> Refusal {
    let message = "the audit log cannot be written, so nothing runs; an operator has to mend it";
    Refusal::new(Code::AuditUnavailable, Stage::Audit, message).because(error.to_string())
}
