//! The thread that keeps an index beside a log that grows. It opens the index, follows the log, and begins anew
//! whenever the index cannot be believed; whoever asks waits until it has taken in what the answer must cover.

use std::{
    io,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_core::clock::SharedClock;

use crate::{
    Error, Found, Index, Query,
    error::guarded,
    index::{Feed, discard},
};

/// How an index is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The log's own directory.
    pub directory: PathBuf,
    /// How often the log is looked at when nobody asks.
    pub poll: Duration,
    /// How often what was taken in is made durable.
    pub settle: Duration,
    /// How long to wait after something failed.
    pub retry: Duration,
}

impl Options {
    /// The defaults, for the log in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            poll: Duration::from_millis(100),
            settle: Duration::from_secs(30),
            retry: Duration::from_secs(5),
        }
    }
}

/// The handle of the thread; dropping it ends the thread.
#[derive(Debug)]
pub struct Indexer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    /// Something for the thread to do.
    wake: Condvar,
    /// The state changed.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    index: Option<Arc<Index>>,
    indexed: u64,
    /// Why there is no index.
    trouble: Option<String>,
    asked: bool,
    condemned: bool,
    stopped: bool,
}

impl Indexer {
    /// Begins to keep the index. Whatever is wrong with it is told to those who ask, and to the host's log.
    ///
    /// # Errors
    /// The machine gives no thread.
    pub fn start(options: Options, clock: SharedClock) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let keeper = Keeper { options, clock, shared: Arc::clone(&shared) };
        let thread = thread::Builder::new().name("audit-index".into()).spawn(move || keeper.run())?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// A page of records, when the index has taken in the first `size` records of the log; waits for that at most
    /// `patience`. Blocks its thread.
    ///
    /// # Errors
    /// [`Error::Behind`], [`Error::Away`], [`Error::PageToken`], [`Error::Io`], [`Error::Log`].
    pub fn find(&self, query: &Query, bytes: usize, size: u64, patience: Duration) -> Result<Found, Error> {
        let index = self.covering(size, patience)?;
        index.find(query, bytes).map_err(|error| match error.is_broken() {
            true => {
                tracing::error!(%error, "the audit log's index is thrown away");
                self.condemn();
                Error::Behind { done: 0, of: size }
            }
            false => error,
        })
    }

    /// How many records are in the index.
    #[must_use]
    pub fn indexed(&self) -> u64 {
        self.shared.lock().indexed
    }

    fn covering(&self, size: u64, patience: Duration) -> Result<Arc<Index>, Error> {
        let mut state = self.shared.lock();
        state.asked = true;
        self.shared.wake.notify_all();
        let waits = |state: &mut State| state.trouble.is_none() && (state.index.is_none() || state.indexed < size);
        let waited = self.shared.changed.wait_timeout_while(state, patience, waits);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match (&state.index, &state.trouble) {
            (Some(index), _) if state.indexed >= size => Ok(Arc::clone(index)),
            (_, Some(trouble)) => Err(Error::Away(trouble.clone())),
            _ => Err(Error::Behind { done: state.indexed, of: size }),
        }
    }

    fn condemn(&self) {
        let mut state = self.shared.lock();
        state.condemned = true;
        state.index = None;
        state.indexed = 0;
        self.shared.wake.notify_all();
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.wake.notify_all();
        // A thread that died has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Waits for something to do, or for `time` to pass.
    fn rest(&self, time: Duration) {
        let idle = |state: &mut State| !state.asked && !state.condemned && !state.stopped;
        let waited = self.wake.wait_timeout_while(self.lock(), time, idle);
        waited.unwrap_or_else(PoisonError::into_inner).0.asked = false;
    }
}

/// What ends the keeping of one opened index.
enum End {
    Stopped,
    /// It cannot be believed.
    Broken(String),
    /// The disk or the log does not allow it at present.
    Trouble(String),
}

struct Keeper {
    options: Options,
    clock: SharedClock,
    shared: Arc<Shared>,
}

impl Keeper {
    fn run(self) {
        loop {
            let end = match Index::open(&self.options.directory) {
                Ok(index) => self.keep(&Arc::new(index)),
                Err(error) => End::Trouble(error.to_string()),
            };
            self.shared.tell(|state| {
                state.index = None;
                state.indexed = 0;
                state.condemned = false;
            });
            match end {
                End::Stopped => return,
                End::Broken(reason) => {
                    tracing::warn!(%reason, "the audit log's index is made again");
                    if let Err(error) = discard(&self.options.directory) {
                        self.away(error.to_string());
                    }
                }
                End::Trouble(reason) => self.away(reason),
            }
            if self.shared.lock().stopped {
                return;
            }
        }
    }

    /// Tells everybody why there is no index, and waits before it is tried again.
    fn away(&self, reason: String) {
        tracing::warn!(%reason, "the audit log's index is not kept at present");
        self.shared.tell(|state| state.trouble = Some(reason));
        let idle = |state: &mut State| !state.stopped;
        let waited = self.shared.wake.wait_timeout_while(self.shared.lock(), self.options.retry, idle);
        drop(waited);
        self.shared.tell(|state| state.trouble = None);
    }

    fn keep(&self, index: &Arc<Index>) -> End {
        guarded(|| Ok(self.feed(index))).unwrap_or_else(|error| End::Broken(error.to_string()))
    }

    fn feed(&self, index: &Arc<Index>) -> End {
        match self.follow(index) {
            Ok(end) => end,
            Err(error) if error.is_broken() => End::Broken(error.to_string()),
            Err(error) => End::Trouble(error.to_string()),
        }
    }

    fn follow(&self, index: &Arc<Index>) -> Result<End, Error> {
        let mut feed = Feed::new(index)?;
        let mut settled = self.clock.elapsed();
        self.shared.tell(|state| {
            state.index = Some(Arc::clone(index));
            state.indexed = feed.indexed();
        });
        loop {
            let (stopped, condemned) = {
                let state = self.shared.lock();
                (state.stopped, state.condemned)
            };
            if condemned {
                return Ok(End::Broken("a query could not read it".into()));
            }
            if stopped {
                feed.settle(index)?;
                return Ok(End::Stopped);
            }
            if feed.step(index)? > 0 {
                self.shared.tell(|state| state.indexed = feed.indexed());
                continue;
            }
            if self.clock.elapsed().saturating_sub(settled) >= self.options.settle {
                feed.settle(index)?;
                settled = self.clock.elapsed();
            }
            self.shared.rest(self.options.poll);
        }
    }
}

#[cfg(test)]
mod tests;
