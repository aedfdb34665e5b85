//! What handle and writer share: counters, the first failure, and the end.

use std::{
    fmt::Debug,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::event::{Event, Kind};
use tokio::sync::watch;

use crate::Unavailable;

/// Told about every batch, on the writer's thread; must not wait.
pub trait Observer: Debug + Send + Sync + 'static {
    /// `entries` became durable; writing and syncing them took `took`.
    fn committed(&self, entries: usize, took: Duration);

    /// A write or a sync failed.
    fn failed(&self, reason: &Unavailable) {
        let _ = reason;
    }
}

impl Observer for () {
    fn committed(&self, _entries: usize, _took: Duration) {}
}

/// A ledger at a glance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Durable records; the index that the next one gets.
    pub records: u64,
    /// Admissions without a conclusion.
    pub open: u64,
    /// Records that wait for the writer, at most.
    pub queued: usize,
    /// Records that were lost and are not yet counted in the log.
    pub lost: u64,
    /// Whether the last write succeeded.
    pub writable: bool,
    /// Records under the newest public checkpoint.
    pub published: u64,
    /// Why the last try to publish failed. Records are durable all the same.
    pub publishing: Option<Arc<str>>,
    /// Why the ledger ended for good.
    pub failure: Option<Unavailable>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) records: AtomicU64,
    pub(crate) open: AtomicU64,
    pub(crate) lost: AtomicU64,
    pub(crate) writable: AtomicBool,
    pub(crate) published: AtomicU64,
    /// Admissions that were decided under an earlier policy epoch are not stored.
    pub(crate) floor: AtomicU64,
    publishing: Mutex<Option<Arc<str>>>,
    failure: watch::Sender<Option<Unavailable>>,
    ended: watch::Sender<bool>,
}

impl State {
    pub(crate) fn new(records: u64) -> Self {
        Self {
            records: AtomicU64::new(records),
            open: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            writable: AtomicBool::new(true),
            published: AtomicU64::new(0),
            floor: AtomicU64::new(0),
            publishing: Mutex::new(None),
            failure: watch::Sender::new(None),
            ended: watch::Sender::new(false),
        }
    }

    /// Whether an admission was decided before rights ended that it may rest on.
    pub(crate) fn is_overtaken(&self, event: &Event) -> bool {
        event.kind == Kind::Admitted && event.epoch.is_some_and(|epoch| epoch < self.floor.load(Ordering::SeqCst))
    }

    pub(crate) fn fail(&self, reason: &Unavailable) {
        self.writable.store(false, Ordering::Release);
        self.failure.send_replace(Some(reason.clone()));
    }

    pub(crate) fn end(&self) {
        self.writable.store(false, Ordering::Release);
        self.ended.send_replace(true);
    }

    pub(crate) fn publish(&self, published: u64, trouble: Option<Arc<str>>) {
        self.published.store(published, Ordering::Release);
        *self.publishing.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    pub(crate) fn publishing(&self) -> Option<Arc<str>> {
        self.publishing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn failure(&self) -> Option<Unavailable> {
        self.failure.borrow().clone()
    }

    /// Why a record cannot be taken any more.
    pub(crate) fn gone(&self) -> Unavailable {
        self.failure().unwrap_or_else(|| Unavailable::lasting("the audit log was closed; start the host again"))
    }

    /// Completes with the first failure; for ever pending where there is none.
    pub(crate) async fn failed(&self) -> Unavailable {
        let mut failure = self.failure.subscribe();
        loop {
            if let Some(reason) = failure.borrow_and_update().clone() {
                return reason;
            }
            if failure.changed().await.is_err() {
                return self.gone();
            }
        }
    }

    pub(crate) async fn ended(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }
}
