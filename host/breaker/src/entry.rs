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
    pub(crate) fn new(scope: Scope, name: Arc<str>) -> Self {
        Self { scope, name, word: AtomicU64::new(0), breaker: Mutex::default(), rejected: AtomicU64::new(0) }
    }

    /// Its generation, where it is closed; nobody is waited for.
    fn closed(&self) -> Option<u64> {
        let word = self.word.load(Ordering::Acquire);
        (word & 1 == 0).then_some(word >> 1)
    }

    pub(crate) fn admits(&self, now: Duration, settings: &Settings) -> Result<(), Duration> {
        if self.closed().is_some() {
            return Ok(());
        }
        self.lock().admits(now, settings)
    }

    /// See [`Breaker::ask`]; gives what changed, too.
    pub(crate) fn ask(&self, now: Duration, settings: &Settings) -> (Result<(), Duration>, Option<Moved>) {
        if self.closed().is_some() {
            return (Ok(()), None);
        }
        self.with(|breaker| breaker.ask(now, settings))
    }

    pub(crate) fn take(&self, now: Duration, settings: &Settings) -> Result<u64, Duration> {
        if let Some(generation) = self.closed() {
            return Ok(generation);
        }
        self.lock().take(now, settings)
    }

    pub(crate) fn give_back(&self, taken: u64) {
        if self.closed().is_none() {
            self.lock().give_back(taken);
        }
    }

    pub(crate) fn leave(&self, now: Duration, settings: &Settings, entered: u64, end: End) -> Option<Moved> {
        if end == End::Neutral && self.closed().is_some() {
            return None;
        }
        self.with(|breaker| breaker.leave(now, settings, entered, end)).1
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
