//! Results that are used again: what a call gave is given to a later one of the same tenant, contract, provider and
//! arguments, for as long as the contract says. A result is kept whole or not at all; it is forgotten with its time, with
//! the rights or the provider that it came from, and where room is needed. The key is compared as it is, not hashed, so
//! that no two calls can share one.

#![deny(missing_docs)]

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::id::{InvocationId, TenantId};

/// What a kept result weighs beside its content: its key twice, its names and its places.
const OVERHEAD: usize = 512;

/// What two calls have to have in common.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose caller it is.
    pub tenant: TenantId,
    /// Digest of the contract, which has its name in it.
    pub contract: [u8; 32],
    /// Who was chosen.
    pub provider: Arc<str>,
    /// Digest of the arguments in canonical form.
    pub args: [u8; 32],
}

/// How much is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes in all; with 0 nothing is kept.
    pub bytes: usize,
    /// Results in all.
    pub entries: usize,
    /// Of one result.
    pub largest: usize,
}

/// A result of before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// JSON text.
    pub content: Arc<str>,
    /// The execution that gave it.
    pub invocation: InvocationId,
    /// How long ago.
    pub age: Duration,
}

/// Why there is no result of before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// None is known: there was none, it was too large, or it had to make room.
    Unknown,
    /// Its time is over.
    Expired,
    /// What was kept of it was made void, by an end of rights or of its provider.
    Cleared,
}

impl Why {
    /// For records and people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "none is kept",
            Self::Expired => "the one that was kept is too old",
            Self::Cleared => "the one that was kept was made void",
        }
    }
}

/// What a look gave.
#[derive(Debug)]
pub enum Found {
    /// A result.
    Hit(Kept),
    /// None, and a place for the one that the call will give.
    Miss(Why, Slot),
}

/// The right to keep the result of a call that was looked for: void once anything was cleared since.
#[derive(Debug)]
pub struct Slot {
    key: Key,
    tool: Arc<str>,
    cleared: u64,
}

impl Slot {
    /// For which calls it is.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }
}

/// What is counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Looks that gave a result.
    pub hits: u64,
    /// Looks that gave none.
    pub misses: u64,
    /// Kept now.
    pub entries: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// All of them.
#[derive(Debug)]
pub struct Reuse {
    settings: Settings,
    inner: Mutex<Inner>,
    hits: AtomicU64,
    misses: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    kept: HashMap<Key, Entry>,
    /// Oldest first, each with the number of its entry: one whose entry is another by now is passed over.
    order: VecDeque<(u64, Key)>,
    bytes: usize,
    next: u64,
    cleared: u64,
}

#[derive(Debug)]
struct Entry {
    number: u64,
    tool: Arc<str>,
    /// Absent where it was made void: it says why there is none, and weighs its key.
    content: Option<Arc<str>>,
    invocation: InvocationId,
    since: Duration,
    until: Duration,
}

impl Entry {
    fn weight(&self) -> usize {
        OVERHEAD + self.content.as_ref().map_or(0, |content| content.len())
    }
}

impl Reuse {
    /// Nothing is kept yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self { settings, inner: Mutex::default(), hits: AtomicU64::new(0), misses: AtomicU64::new(0) }
    }

    /// Looks for a result.
    #[must_use]
    pub fn find(&self, key: Key, tool: &Arc<str>, now: Duration) -> Found {
        let mut inner = self.lock();
        let why = match inner.kept.get(&key) {
            None => Why::Unknown,
            Some(Entry { content: None, .. }) => Why::Cleared,
            Some(entry) if entry.until <= now => Why::Expired,
            Some(Entry { content: Some(content), invocation, since, .. }) => {
                let (content, invocation) = (Arc::clone(content), *invocation);
                let age = now.saturating_sub(*since);
                self.hits.fetch_add(1, Ordering::Relaxed);
                return Found::Hit(Kept { content, invocation, age });
            }
        };
        if why == Why::Expired {
            inner.remove(&key);
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        Found::Miss(why, Slot { key, tool: Arc::clone(tool), cleared: inner.cleared })
    }

    /// Keeps what the call gave, for `time` from now; false where it is too large, or where anything was cleared since it
    /// was looked for: the call may have read what has changed since.
    pub fn keep(&self, slot: Slot, content: &str, from: InvocationId, time: Duration, now: Duration) -> bool {
        let weight = OVERHEAD + content.len();
        if content.len() > self.settings.largest || weight > self.settings.bytes || self.settings.entries == 0 {
            return false;
        }
        let mut inner = self.lock();
        if inner.cleared != slot.cleared {
            return false;
        }
        let Slot { key, tool, .. } = slot;
        let number = inner.next;
        inner.next += 1;
        let until = now.saturating_add(time);
        let content = Some(Arc::from(content));
        inner.put(key, Entry { number, tool, content, invocation: from, since: now, until });
        inner.shrink(&self.settings);
        true
    }

    /// Makes void what `is_void` says of tenant, tool and provider; how many results that were.
    pub fn clear(&self, is_void: impl Fn(&TenantId, &str, &str) -> bool) -> usize {
        let mut inner = self.lock();
        // Also where nothing is kept: a call that is under way now must not keep what it gives.
        inner.cleared += 1;
        let Inner { kept, bytes, .. } = &mut *inner;
        let mut count = 0;
        for (key, entry) in kept.iter_mut() {
            if entry.content.is_some() && is_void(&key.tenant, &entry.tool, &key.provider) {
                let before = entry.weight();
                entry.content = None;
                *bytes = bytes.saturating_sub(before - entry.weight());
                count += 1;
            }
        }
        count
    }

    /// What is counted.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts {
            hits: self.hits.load(Ordering::Relaxed),
            misses: self.misses.load(Ordering::Relaxed),
            entries: inner.kept.len() as u64,
            bytes: inner.bytes as u64,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn put(&mut self, key: Key, entry: Entry) {
        self.remove(&key);
        self.bytes += entry.weight();
        self.order.push_back((entry.number, key.clone()));
        self.kept.insert(key, entry);
    }

    fn remove(&mut self, key: &Key) {
        if let Some(entry) = self.kept.remove(key) {
            self.bytes = self.bytes.saturating_sub(entry.weight());
        }
    }

    fn shrink(&mut self, settings: &Settings) {
        // The order may name what is gone; it is never more than twice as long as what is kept.
        while self.kept.len() > settings.entries
            || self.bytes > settings.bytes
            || self.order.len() > self.kept.len().saturating_mul(2).max(16)
        {
            let Some((number, key)) = self.order.pop_front() else { return };
            match self.kept.get(&key) {
                Some(entry) if entry.number == number => {
                    // The oldest goes where room is needed; otherwise it only takes its place at the end of the order.
                    if self.kept.len() > settings.entries || self.bytes > settings.bytes {
                        self.remove(&key);
                    } else {
                        self.order.push_back((number, key));
                    }
                }
                _ => {}
            }
        }
    }
}
