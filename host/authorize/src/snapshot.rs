//! What decides, and the epoch that it decides in: one value, replaced as a whole. When a replacement has returned, no
//! answer comes of the one before it, and no call begins on one (INV-Z1). Readers share no lock.

use std::{fmt, future::Future};

use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, PoisonError, Swap, here, yield_now};

/// How often an answer that a replacement overtook is made anew before it is none.
pub(crate) const ATTEMPTS: usize = 3;

/// Calls that begin at once meet at a counter by chance only.
const SHARDS: usize = 32;

/// What decides, in its epoch.
#[derive(Debug)]
pub(crate) struct Snapshot<D> {
    pub(crate) epoch: u64,
    pub(crate) deciding: D,
}

/// The snapshot of now.
pub(crate) struct Epochs<D> {
    now: Swap<Snapshot<D>>,
    /// Never ahead of the snapshot's own: whoever reads an older snapshot than this is overtaken.
    epoch: AtomicU64,
    replacing: Mutex<()>,
    shards: [Shard; SHARDS],
}

/// Calls that are just beginning, by the parity of the epoch that they were permitted in. Apart, so that counting does
/// not move a line of memory between cores.
#[derive(Default)]
#[repr(align(128))]
struct Shard {
    even: AtomicUsize,
    odd: AtomicUsize,
}

impl Shard {
    fn of(&self, epoch: u64) -> &AtomicUsize {
        if epoch.is_multiple_of(2) { &self.even } else { &self.odd }
    }
}

/// A call is just beginning: whoever ends its epoch waits for the end of this. Held for a moment, never across a wait.
#[must_use]
#[derive(Debug)]
pub struct Beginning<'a>(&'a AtomicUsize);

impl Drop for Beginning<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl<D> fmt::Debug for Epochs<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epochs").field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

impl<D> Epochs<D> {
    pub(crate) fn new(deciding: D) -> Self {
        Self {
            now: Swap::new(Snapshot { epoch: 1, deciding }),
            epoch: AtomicU64::new(1),
            replacing: Mutex::new(()),
            shards: std::array::from_fn(|_| Shard::default()),
        }
    }

    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::SeqCst)
    }

    /// Looks at the snapshot of now.
    pub(crate) fn look<T>(&self, at: impl FnOnce(&Arc<Snapshot<D>>) -> T) -> T {
        at(&self.now.load())
    }

    /// Nothing has replaced what was decided in `epoch`.
    pub(crate) fn is_current(&self, epoch: u64) -> bool {
        self.epoch() <= epoch
    }

    /// Puts another in its place, and gives its epoch: at least `least`, and later than the one before. When this
    /// returns, nobody gets an answer of the one before, and whatever began on one has begun.
    pub(crate) fn replace(&self, least: u64, with: impl FnOnce(&D) -> D) -> u64 {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        let _replacing = self.replacing.lock().unwrap_or_else(PoisonError::into_inner);
        let (before, deciding) = self.look(|now| (now.epoch, with(&now.deciding)));
        let epoch = least.max(before.saturating_add(1));
        // In this order: whoever sees the new epoch finds the new snapshot.
        self.now.store(Snapshot { epoch, deciding });
        self.epoch.store(epoch, Ordering::SeqCst);
        self.wait_for_beginnings(before);
        epoch
    }

    /// A call that was permitted in `epoch` begins: nothing where that epoch is over. Either this sees the new epoch,
    /// or whoever made it sees this, because both count first and look then.
    pub(crate) fn begin(&self, epoch: u64) -> Option<Beginning<'_>> {
        let shard = self.shards.get(here() % SHARDS)?;
        let counter = shard.of(epoch);
        counter.fetch_add(1, Ordering::SeqCst);
        let beginning = Beginning(counter);
        (self.epoch() == epoch).then_some(beginning)
    }

    /// Nobody new begins in `epoch`: what is counted there ends in a moment.
    fn wait_for_beginnings(&self, epoch: u64) {
        for shard in &self.shards {
            while shard.of(epoch).load(Ordering::SeqCst) != 0 {
                yield_now();
            }
        }
    }
}

/// A question that may have been answered before.
pub(crate) trait Ask<D> {
    type Key;
    type Answer;

    /// Under what its answer is kept; nothing where it is asked each time.
    fn key(&self, now: &Snapshot<D>) -> Option<Self::Key>;

    /// Makes the answer, and says whether it may be kept.
    fn make(&self, now: &Arc<Snapshot<D>>) -> impl Future<Output = (Self::Answer, bool)> + Send;
}

/// Where answers are kept.
pub(crate) trait Keep<K, A> {
    fn get(&self, key: &K) -> Option<A>;
    fn put(&self, key: K, answer: A);
}

/// An answer, with the epoch that it holds in.
#[derive(Debug)]
pub(crate) struct Given<A> {
    pub(crate) answer: A,
    pub(crate) epoch: u64,
    pub(crate) kept: bool,
}

/// The answer to a question: kept, or made now. Nothing where replacements kept overtaking it.
pub(crate) async fn answer<D, A: Ask<D, Answer: Clone>>(
    epochs: &Epochs<D>,
    kept: &impl Keep<A::Key, A::Answer>,
    ask: &A,
) -> Option<Given<A::Answer>> {
    for _ in 0..ATTEMPTS {
        let (key, found) = epochs.look(|now| {
            let key = ask.key(now);
            match key.as_ref().and_then(|key| kept.get(key)) {
                Some(answer) => (None, Ok(Given { answer, epoch: now.epoch, kept: true })),
                None => (key, Err(Arc::clone(now))),
            }
        });
        let given = match found {
            Ok(given) => given,
            Err(now) => {
                let (answer, keep) = ask.make(&now).await;
                if let Some(key) = key.filter(|_| keep) {
                    kept.put(key, answer.clone());
                }
                Given { answer, epoch: now.epoch, kept: false }
            }
        };
        if epochs.is_current(given.epoch) {
            return Some(given);
        }
    }
    None
}
