//! One that watches its grants: the policy epoch at once, then each later one. It ends when nobody reads any more, when
//! the session or its reader's proof ends, and when the host stops.

use std::{sync::Arc, time::Duration};

use grid_contract::Contracts;
use grid_core::{Code, Refusal, Stage, envelope::Credentials, local::Watched, refusal::Context};
use grid_session::Session;
use tokio::{sync::mpsc, time::timeout};

use super::Refused;
use crate::{
    front_door::{Door, stopping},
    host::Epoch,
    trail::Trail,
};

/// Epochs that may wait for a slow reader; it misses those between, never the latest.
const WAITING: usize = 4;
/// How often session and proof are looked at.
const TICK: Duration = Duration::from_millis(250);
/// How long the last word may wait for a slow reader.
const LAST: Duration = Duration::from_millis(500);

struct Watching<C> {
    door: Door<C>,
    session: Arc<Session>,
    proof_ends_ms: Option<u64>,
    credentials: Credentials,
    epochs: tokio::sync::watch::Receiver<Epoch>,
    steps: mpsc::Sender<Watched>,
}

impl<C: Contracts> Door<C> {
    /// Begins to watch.
    pub(super) fn watch(
        &self,
        credentials: &Credentials,
        session_id: &str,
        trail: &Trail,
    ) -> Result<mpsc::Receiver<Watched>, Refused> {
        let (caller, session) = self.session(credentials, session_id)?;
        let host = &self.0;
        if host.stopping.is_cancelled() {
            return Err((stopping(), Some(caller)));
        }
        let Some(place) = host.watchers.take(&caller.principal().tenant) else {
            let message = "too many watch their grants already, of all tenants or of this one; ask again when one of them has ended";
            return Err((Refusal::new(Code::ResourceExhausted, Stage::Local, message), Some(caller)));
        };
        let (steps, receiver) = mpsc::channel(WAITING);
        let watching = Watching {
            door: self.clone(),
            session,
            proof_ends_ms: caller.principal().expires_at_ms,
            credentials: credentials.clone(),
            epochs: host.epochs.subscribe(),
            steps,
        };
        let context = Context { correlation_id: Some(trail.correlation()), ..Context::default() };
        host.tasks.spawn(async move {
            watching.run(context).await;
            drop(place);
        });
        Ok(receiver)
    }
}

impl<C: Contracts> Watching<C> {
    async fn run(mut self, context: Context) {
        let (host, steps) = (Arc::clone(&self.door.0), self.steps.clone());
        let ended = tokio::select! {
            biased;
            () = steps.closed() => None,
            () = host.stopping.cancelled() => Some(stopping()),
            refusal = self.tell() => refusal,
        };
        if let Some(refusal) = ended {
            let refusal = refusal.within(Context { at_ms: host.clock.unix_ms(), ..context });
            let _ = timeout(LAST, steps.send(Watched::End(refusal))).await;
        }
    }

    /// Goes on until something ends it; nothing where the reader left.
    async fn tell(&mut self) -> Option<Refusal> {
        loop {
            let Epoch { number, reason, scope } = self.epochs.borrow_and_update().clone();
            let owner = self.session.principal();
            let theirs = scope.fits_session(&owner.tenant, owner.id.as_str(), self.session.id());
            let reason = if theirs { reason.to_string() } else { String::new() };
            let step = Watched::Epoch { epoch: number, reason };
            self.steps.send(step).await.ok()?;
            loop {
                if let Ok(changed) = timeout(TICK, self.epochs.changed()).await {
                    // Without its sender the host is gone.
                    changed.ok()?;
                    break;
                }
                if let Some(refusal) = self.over() {
                    return Some(refusal);
                }
            }
        }
    }

    fn over(&self) -> Option<Refusal> {
        let host = &self.door.0;
        if self.proof_ends_ms.is_some_and(|end| host.clock.unix_ms() >= end) {
            let message = "the proof of identity has run out; watch again with a new one";
            return Some(Refusal::new(Code::InvalidCredentials, Stage::Identity, message));
        }
        if let Err(refusal) = host.identity.prove(&self.credentials) {
            return Some(refusal);
        }
        if host.sessions.peek(&self.session.id()).is_none() {
            let message = "the session has ended, and its grants with it";
            return Some(Refusal::new(Code::InvalidSession, Stage::Session, message));
        }
        None
    }
}
