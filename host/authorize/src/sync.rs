//! What [`crate::snapshot`] is built on, named in one place so that tests can run it on threads of their own making.

use std::sync::atomic::AtomicUsize as Counter;

pub(crate) use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::yield_now,
};

use arc_swap::{ArcSwap, Guard};

/// A value that is replaced as a whole while others read it.
#[derive(Debug)]
pub(crate) struct Swap<T>(ArcSwap<T>);

impl<T> Swap<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(ArcSwap::from_pointee(value))
    }

    pub(crate) fn load(&self) -> Guard<Arc<T>> {
        self.0.load()
    }

    pub(crate) fn store(&self, value: T) {
        self.0.store(Arc::new(value));
    }
}

/// A small number that threads seldom share.
pub(crate) fn here() -> usize {
    static NEXT: Counter = Counter::new(0);
    thread_local! {
        static HERE: usize = NEXT.fetch_add(1, Ordering::Relaxed);
    }
    HERE.with(|here| *here)
}
