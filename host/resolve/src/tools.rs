//! Tools by name. Reading takes no lock; another name makes its part of the names anew.

use std::{
    array,
    collections::HashMap,
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, Mutex, PoisonError},
};

use arc_swap::ArcSwap;

use crate::table::Entry;

/// Parts: a further name copies one of them.
const PARTS: usize = 64;

type Part = HashMap<Arc<str>, Arc<Entry>, RandomState>;

/// All tools that somebody serves, served or was selected for.
#[derive(Debug)]
pub(crate) struct Tools {
    parts: [ArcSwap<Part>; PARTS],
    hasher: RandomState,
    /// Held by whoever adds or removes a name.
    naming: Mutex<()>,
}

impl Default for Tools {
    fn default() -> Self {
        let hasher = RandomState::new();
        let part = || ArcSwap::from_pointee(Part::with_hasher(hasher.clone()));
        Self { parts: array::from_fn(|_| part()), hasher: hasher.clone(), naming: Mutex::default() }
    }
}

impl Tools {
    /// Looks at a tool; `None` where it has no entry.
    pub(crate) fn read<R>(&self, tool: &str, look: impl FnOnce(&Arc<Entry>) -> R) -> Option<R> {
        let part = self.part(tool)?.load();
        part.get(tool).map(look)
    }

    /// The entry of a tool, a new one where there is none.
    pub(crate) fn entry(&self, tool: &Arc<str>) -> Arc<Entry> {
        if let Some(entry) = self.read(tool, Arc::clone) {
            return entry;
        }
        let _held = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = self.read(tool, Arc::clone) {
            return entry;
        }
        let entry = Arc::new(Entry::new(Arc::clone(tool)));
        if let Some(part) = self.part(tool) {
            let mut names = Part::clone(&part.load());
            names.insert(Arc::clone(tool), Arc::clone(&entry));
            part.store(Arc::new(names));
        }
        entry
    }

    /// Takes a tool out if `over` still holds once nobody can change it any more.
    pub(crate) fn remove(&self, tool: &str, over: impl FnOnce(&Entry) -> bool) {
        let _held = self.naming.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(part) = self.part(tool) {
            let before = part.load();
            let Some(entry) = before.get(tool) else { return };
            let _change = entry.change.lock().unwrap_or_else(PoisonError::into_inner);
            if over(entry) {
                let mut names = Part::clone(&before);
                names.remove(tool);
                part.store(Arc::new(names));
            }
        }
    }

    /// Every entry, in the order of the names.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        let mut all: Vec<Arc<Entry>> =
            self.parts.iter().flat_map(|part| part.load_full().values().cloned().collect::<Vec<_>>()).collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        all
    }

    fn part(&self, tool: &str) -> Option<&ArcSwap<Part>> {
        let at = usize::try_from(self.hasher.hash_one(tool) >> 32).unwrap_or(0) % PARTS;
        self.parts.get(at)
    }
}
