//! One that follows the log: what is there, page by page, and then what comes, once each and in order. It ends when
//! nobody reads any more, when the reader's proof has run out, and when the host stops.

use std::{sync::Arc, time::Duration};

use grid_audit_index::{Error, Found, Query as Search};
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    reading::{Filter, Follow, Step},
    refusal::Context,
};
use tokio::{sync::mpsc, time::timeout};

use super::{Reader, row, unread};
use crate::{
    front_door::{Door, stopping},
    trail::Trail,
};

/// Steps that may wait for a slow reader.
const WAITING: usize = 16;
/// Records that are looked for at once.
const PAGE: usize = 256;
/// How often a quiet log is looked at.
const TICK: Duration = Duration::from_millis(100);
/// How long the last word may wait for a slow reader.
const LAST: Duration = Duration::from_millis(500);

impl<C: Contracts> Door<C> {
    /// Begins to follow.
    pub(super) async fn begin(
        &self,
        credentials: &Credentials,
        follow: Follow,
        trail: &mut Trail,
    ) -> Result<mpsc::Receiver<Step>, Refusal> {
        let reader = self.reader(credentials, trail)?;
        let Some(place) = self.0.archive.follower(&reader.caller.tenant) else {
            let message = "too many follow the audit log already, of all tenants or of this one; ask again when one of them has ended";
            return Err(Refusal::new(Code::ResourceExhausted, Stage::Audit, message));
        };
        let next = follow.from.unwrap_or_else(|| self.0.ledger.status().records);
        self.recorded(&reader, trail, "follow", follow.filter.names()).await?;
        let (steps, receiver) = mpsc::channel(WAITING);
        let following = Following {
            door: self.clone(),
            reader,
            credentials: credentials.clone(),
            filter: follow.filter,
            next,
            steps,
        };
        let context = Context { correlation_id: Some(trail.correlation()), ..Context::default() };
        self.0.tasks.spawn(async move {
            following.run(context).await;
            drop(place);
        });
        Ok(receiver)
    }
}

struct Following<C> {
    door: Door<C>,
    reader: Reader,
    credentials: Credentials,
    filter: Filter,
    /// The place that is looked at next.
    next: u64,
    steps: mpsc::Sender<Step>,
}

impl<C: Contracts> Following<C> {
    async fn run(mut self, context: Context) {
        let (host, steps) = (Arc::clone(&self.door.0), self.steps.clone());
        let ended = tokio::select! {
            biased;
            () = steps.closed() => None,
            () = host.stopping.cancelled() => Some(stopping()),
            refusal = self.walk() => refusal,
        };
        if let Some(refusal) = ended {
            let refusal = refusal.within(Context { at_ms: host.clock.unix_ms(), ..context });
            // A reader that does not take it asks from where it stands.
            let _ = timeout(LAST, steps.send(Step::End { refusal, next: self.next })).await;
        }
    }

    /// Goes on until something ends it; nothing where the reader left.
    async fn walk(&mut self) -> Option<Refusal> {
        let host = Arc::clone(&self.door.0);
        loop {
            if self.reader.caller.expires_at_ms.is_some_and(|end| host.clock.unix_ms() >= end) {
                let message = "the proof of identity has run out; follow again from here with a new one";
                return Some(Refusal::new(Code::InvalidCredentials, Stage::Identity, message));
            }
            // What proved the reader may have been revoked.
            if let Err(refusal) = host.identity.prove(&self.credentials) {
                return Some(refusal);
            }
            let size = host.ledger.status().records;
            if size <= self.next {
                tokio::time::sleep(TICK).await;
                continue;
            }
            match self.page(size).await {
                Ok(found) => self.hand_on(found, size).await?,
                Err(Error::Behind { .. }) => tokio::time::sleep(TICK).await,
                Err(error) => return Some(unread(&error)),
            }
        }
    }

    async fn page(&self, size: u64) -> Result<Found, Error> {
        let search = Search {
            filter: self.filter.clone(),
            tenant: self.reader.tenant.clone(),
            from: self.next,
            before: size,
            limit: PAGE,
            ..Search::default()
        };
        self.door.search(search, size).await
    }

    /// Hands on the records of a page; nothing where the reader left.
    async fn hand_on(&mut self, found: Found, size: u64) -> Option<()> {
        for record in found.records {
            let next = record.index() + 1;
            self.steps.send(Step::Row(row(record))).await.ok()?;
            self.next = next;
        }
        if found.next.is_none() {
            self.next = size;
        }
        Some(())
    }
}
