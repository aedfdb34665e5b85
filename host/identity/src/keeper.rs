//! Keeps the keys of one issuer up to date, on a thread of its own. Whatever strangers send, an address is asked at most
//! once a minute; while it does not answer, the last keys hold for an hour and no longer.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread,
    time::Duration,
};

use grid_core::clock::SharedClock;
use tokio::sync::watch;

use crate::{
    fetch::{self, Web},
    jwk::KeySet,
};

/// An address is not asked more often, whoever wants a key of it.
const ASK_EVERY: Duration = Duration::from_secs(60);
/// Nor a file read.
const READ_EVERY: Duration = Duration::from_secs(1);
/// How often a file is looked at.
const WATCH_EVERY: Duration = Duration::from_secs(5);
/// Keys that could not be read again are used so long and no longer.
const STALE_AFTER: Duration = Duration::from_secs(3_600);
/// A request waits so long for keys that are on their way.
const WAIT: Duration = Duration::from_secs(2);
/// Requests that wait at once; what comes beyond is refused.
const WAITING: usize = 1_024;
/// The thread looks at its clock at least so often.
const LOOK: Duration = Duration::from_secs(1);

/// Where keys are.
#[derive(Debug, Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Web { web: Web, refresh: Duration },
}

impl Source {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Self::File(path) => fetch::file(path),
            Self::Web { web, .. } => web.get(),
        }
    }

    /// How long at least between two looks, and how long at most.
    fn pace(&self) -> (Duration, Duration) {
        match self {
            Self::File(_) => (READ_EVERY, WATCH_EVERY),
            Self::Web { refresh, .. } => (ASK_EVERY, (*refresh).max(ASK_EVERY)),
        }
    }
}

/// The keys, and the thread that keeps them. Dropping it ends the thread.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    wake: SyncSender<()>,
}

struct Shared {
    issuer: Arc<str>,
    source: Source,
    clock: SharedClock,
    held: RwLock<Option<Held>>,
    attempts: Mutex<Attempts>,
    /// Somebody sent a key id that is not known.
    wanted: AtomicBool,
    waiting: AtomicUsize,
    /// Attempts that have ended.
    done: watch::Sender<u64>,
    /// Raised when keys change, so that remembered proofs are checked again.
    changes: Arc<AtomicU64>,
}

#[derive(Clone)]
struct Held {
    keys: Arc<KeySet>,
    until: Duration,
}

#[derive(Debug, Clone, Copy, Default)]
struct Attempts {
    begun: Option<Duration>,
    running: bool,
    failed: bool,
}

impl Keeper {
    /// `first` is what the source said just now, where it was asked.
    pub(crate) fn start(
        issuer: Arc<str>,
        source: Source,
        first: Option<KeySet>,
        clock: SharedClock,
        changes: Arc<AtomicU64>,
    ) -> std::io::Result<Self> {
        let now = clock.elapsed();
        let attempts = Attempts { begun: first.as_ref().map(|_| now), ..Attempts::default() };
        let held = first.map(|keys| Held { keys: Arc::new(keys), until: now.saturating_add(STALE_AFTER) });
        let shared = Arc::new(Shared {
            issuer,
            source,
            clock,
            held: RwLock::new(held),
            attempts: Mutex::new(attempts),
            wanted: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            done: watch::Sender::new(0),
            changes,
        });
        let (wake, woken) = sync_channel(1);
        let keeping = Arc::clone(&shared);
        thread::Builder::new().name("grid-keys".to_owned()).spawn(move || keeping.keep(&woken))?;
        Ok(Self { shared, wake })
    }

    /// The keys, where there are any that may still be used.
    pub(crate) fn keys(&self, now: Duration) -> Option<Arc<KeySet>> {
        let held = self.shared.held.read().unwrap_or_else(PoisonError::into_inner);
        held.as_ref().filter(|held| now < held.until).map(|held| Arc::clone(&held.keys))
    }

    /// A token names a key that is not there. The source is asked as soon as its pace allows.
    pub(crate) fn want(&self) {
        if !self.shared.wanted.swap(true, Ordering::AcqRel) {
            // A full channel wakes the thread as well.
            let _ = self.wake.try_send(());
        }
    }

    /// As [`Self::want`], and waits where the keys are on their way: briefly, and in bounded company.
    pub(crate) async fn wanted(&self) {
        let mut done = self.shared.done.subscribe();
        let is_near = self.shared.is_near();
        self.want();
        let place = is_near.then(|| Place::take(&self.shared.waiting)).flatten();
        if place.is_some() {
            // That it took too long is said by the keys, which are not there.
            let _ = tokio::time::timeout(WAIT, done.changed()).await;
        }
    }
}

impl fmt::Debug for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keeper").field("issuer", &self.shared.issuer).finish_non_exhaustive()
    }
}

/// A place among those who wait.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Option<Self> {
        let place = Self(waiting);
        // Given back by the drop where there are too many.
        (waiting.fetch_add(1, Ordering::AcqRel) < WAITING).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    fn keep(&self, woken: &Receiver<()>) {
        loop {
            let due = self.due_in();
            if due.is_zero() {
                self.attempt();
                continue;
            }
            if woken.recv_timeout(due.min(LOOK)) == Err(RecvTimeoutError::Disconnected) {
                return;
            }
        }
    }

    /// How long until the source is to be asked.
    fn due_in(&self) -> Duration {
        let attempts = *self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let (least, most) = self.source.pace();
        let Some(begun) = attempts.begun else { return Duration::ZERO };
        let pace = if attempts.failed || self.wanted.load(Ordering::Acquire) { least } else { most };
        begun.saturating_add(pace).saturating_sub(self.clock.elapsed())
    }

    /// The source is being asked, or would be at once.
    fn is_near(&self) -> bool {
        let attempts = *self.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        let least = self.source.pace().0;
        attempts.running || attempts.begun.is_none_or(|begun| self.clock.elapsed() >= begun.saturating_add(least))
    }

    fn attempt(&self) {
        let begun = self.clock.elapsed();
        *self.attempts.lock().unwrap_or_else(PoisonError::into_inner) =
            Attempts { begun: Some(begun), running: true, failed: false };
        // What is wanted from here on is wanted of the next attempt.
        self.wanted.store(false, Ordering::Release);
        let read = self.source.read().and_then(|bytes| KeySet::read(&bytes));
        let failed = read.is_err();
        match read {
            Ok((keys, left_out)) => self.take(keys, &left_out, begun),
            Err(why) => tracing::warn!(issuer = %self.issuer, why, "the keys of an issuer could not be read"),
        }
        *self.attempts.lock().unwrap_or_else(PoisonError::into_inner) =
            Attempts { begun: Some(begun), running: false, failed };
        self.done.send_modify(|done| *done += 1);
    }

    fn take(&self, keys: KeySet, left_out: &[String], now: Duration) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        let is_new = held.as_ref().is_none_or(|held| !held.keys.is_as(&keys));
        if is_new {
            tracing::info!(issuer = %self.issuer, keys = keys.len(), ?left_out, "an issuer has new keys");
        }
        *held = Some(Held { keys: Arc::new(keys), until: now.saturating_add(STALE_AFTER) });
        drop(held);
        if is_new {
            self.changes.fetch_add(1, Ordering::Release);
        }
    }
}
