//! A breaker that many calls share: a word that says whether it is closed, and the rest behind a lock of its own.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_core::Code;

use crate::{
    breaker::{Breaker, End, Phase},
    settings::Settings,
    table::Scope,
};

/// The generation, and in its lowest bit whether the breaker is anything but closed.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) scope: Scope,
    pub(crate) name: Arc<str>,
    pub(crate) settings: Arc<Settings>,
    /// These are of its name, and not of its scope or of all.
    pub(crate) own: bool,
    word: AtomicU64,
    breaker: Mutex<Breaker>,
    rejected: AtomicU64,
}

/// A breaker is another than before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) from: Phase,
    pub(crate) to: Phase,
    pub(crate) code: Option<Code>,
}

impl Entry {
    pub(crate) fn new(scope: Scope, name: Arc<str>, (settings, own): (&Arc<Settings>, bool)) -> Self {
        let (settings, word, rejected) = (Arc::clone(settings), AtomicU64::new(0), AtomicU64::new(0));
        Self { scope, name, settings, own, word, breaker: Mutex::default(), rejected }
    }

    /// Its generation, where it is closed; nobody is waited for.
    fn closed(&self) -> Option<u64> {
        let word = self.word.load(Ordering::Acquire);
        (word & 1 == 0).then_some(word >> 1)
    }

    pub(crate) fn admits(&self, now: Duration) -> Result<(), Duration> {
        if self.closed().is_some() {
            return Ok(());
        }
        self.lock().admits(now, &self.settings)
    }

    /// See [`Breaker::ask`]; gives what changed, too.
    pub(crate) fn ask(&self, now: Duration) -> (Result<(), Duration>, Option<Moved>) {
        if self.closed().is_some() {
            return (Ok(()), None);
        }
        self.with(|breaker| breaker.ask(now, &self.settings))
    }

    pub(crate) fn take(&self, now: Duration) -> Result<u64, Duration> {
        if let Some(generation) = self.closed() {
            return Ok(generation);
        }
        self.lock().take(now, &self.settings)
    }

    pub(crate) fn give_back(&self, taken: u64) {
        if self.closed().is_none() {
            self.lock().give_back(taken);
        }
    }

    pub(crate) fn leave(&self, now: Duration, entered: u64, end: End) -> Option<Moved> {
        if end == End::Neutral && self.closed().is_some() {
            return None;
        }
        self.with(|breaker| breaker.leave(now, &self.settings, entered, end)).1
    }

    /// See [`Breaker::hear`].
    pub(crate) fn hear(&self, now: Duration) -> bool {
        self.closed().is_none() && self.lock().hear(now, &self.settings)
    }

    /// See [`Breaker::miss`].
    pub(crate) fn miss(&self, now: Duration) {
        if self.closed().is_none() {
            self.lock().miss(now);
        }
    }

    pub(crate) fn reset(&self) -> Option<Moved> {
        self.with(Breaker::reset).1
    }

    pub(crate) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    pub(crate) fn reject(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    /// Works on the breaker, and writes down where it stands afterwards before anybody else can.
    fn with<T>(&self, work: impl FnOnce(&mut Breaker) -> T) -> (T, Option<Moved>) {
        let mut breaker = self.lock();
        let from = breaker.phase();
        let done = work(&mut breaker);
        let (to, code) = (breaker.phase(), breaker.last_code());
        if from != to {
            self.word.store(breaker.generation() << 1 | u64::from(to != Phase::Closed), Ordering::Release);
        }
        drop(breaker);
        (done, (from != to).then_some(Moved { from, to, code }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Breaker> {
        // Nothing in here can panic half-way, so a poisoned lock still guards whole data.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
