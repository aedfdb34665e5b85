//! AZ-7 and INV-Z1 under schedules that shuttle chooses: the very code of the stage, on shuttle's threads.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[path = "../src/snapshot.rs"]
mod snapshot;

/// As the crate's own `sync`, with what shuttle can schedule.
mod sync {
    pub(crate) use std::sync::PoisonError;

    pub(crate) use shuttle::{
        sync::{
            Arc, Mutex,
            atomic::{AtomicU64, AtomicUsize, Ordering},
        },
        thread::yield_now,
    };

    /// A value that is replaced as a whole while others read it.
    #[derive(Debug)]
    pub(crate) struct Swap<T>(Mutex<Arc<T>>);

    impl<T> Swap<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(Mutex::new(Arc::new(value)))
        }

        pub(crate) fn load(&self) -> Arc<T> {
            Arc::clone(&self.0.lock().unwrap())
        }

        pub(crate) fn store(&self, value: T) {
            *self.0.lock().unwrap() = Arc::new(value);
        }
    }

    pub(crate) fn here() -> usize {
        // Two threads a counter, so that they meet there too.
        usize::from(shuttle::current::me()) / 2
    }
}

mod races;
