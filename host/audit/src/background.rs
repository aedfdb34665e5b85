//! The publisher's life beside the writer: a thread that looks every so often, and one last time at the end. What
//! goes wrong there costs nobody a record: it is told, and tried again from the start.

use std::{
    sync::{
        Arc,
        atomic::Ordering,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_audit_wal::{Disk, Error};

use crate::{publish::Publisher, state::State};

/// Publishes for a writer; ends with it.
#[derive(Debug)]
pub(crate) enum Background {
    /// Nothing is published.
    None,
    /// On a thread of its own.
    Thread { stop: Option<mpsc::SyncSender<()>>, thread: Option<JoinHandle<()>> },
    /// After each batch, on the writer's own thread, where a run must be repeatable.
    Inline(Box<dyn Rounds>),
}

/// A publisher of any disk.
pub(crate) trait Rounds: std::fmt::Debug + Send {
    fn round(&mut self, state: &State);
}

impl Background {
    pub(crate) fn start<D: Disk>(rounds: Publishing<D>, state: &Arc<State>, every: Duration) -> std::io::Result<Self> {
        let mut rounds = rounds;
        if !D::THREADS {
            rounds.round(state);
            return Ok(Self::Inline(Box::new(rounds)));
        }
        let (stop, stopped) = mpsc::sync_channel(1);
        let state = Arc::clone(state);
        let thread = thread::Builder::new().name("audit-publish".into()).spawn(move || {
            loop {
                let waited = stopped.recv_timeout(every);
                rounds.round(&state);
                if waited != Err(RecvTimeoutError::Timeout) {
                    break;
                }
            }
        })?;
        Ok(Self::Thread { stop: Some(stop), thread: Some(thread) })
    }

    /// A batch became durable.
    pub(crate) fn committed(&mut self, state: &State) {
        if let Self::Inline(rounds) = self {
            rounds.round(state);
        }
    }
}

impl Drop for Background {
    /// Waits for the last round: afterwards another process may have the directory.
    fn drop(&mut self) {
        if let Self::Thread { stop, thread } = self {
            drop(stop.take());
            if let Some(thread) = thread.take() {
                // A panic there was printed there; the segments have everything that it did not publish.
                let _ = thread.join();
            }
        }
    }
}

/// A publisher that is opened again after each error.
#[derive(Debug)]
pub(crate) struct Publishing<D: Disk> {
    publisher: Option<Publisher<D>>,
    open: Opener<D>,
}

/// What opening one takes.
#[derive(Debug)]
pub(crate) struct Opener<D: Disk> {
    pub(crate) disk: D,
    pub(crate) log: std::path::PathBuf,
    pub(crate) history: crate::History,
}

impl<D: Disk> Opener<D> {
    fn open(&self, published: u64) -> Result<Publisher<D>, Error> {
        Publisher::open(self.disk.clone(), &self.log, self.history.clone(), published)
    }
}

impl<D: Disk> Publishing<D> {
    /// The first time an error is the caller's.
    pub(crate) fn open(open: Opener<D>, published: u64) -> Result<Self, Error> {
        let publisher = Some(open.open(published)?);
        Ok(Self { publisher, open })
    }

    fn try_round(&mut self, state: &State) -> Result<u64, Error> {
        let mut publisher = match self.publisher.take() {
            Some(publisher) => publisher,
            None => self.open.open(state.published.load(Ordering::Acquire))?,
        };
        publisher.round(state.records.load(Ordering::Acquire))?;
        let published = publisher.published();
        self.publisher = Some(publisher);
        Ok(published)
    }
}

impl<D: Disk> Rounds for Publishing<D> {
    fn round(&mut self, state: &State) {
        match self.try_round(state) {
            Ok(published) => state.publish(published, None),
            Err(error) => {
                let published = state.published.load(Ordering::Acquire);
                state.publish(published, Some(error.to_string().into()));
            }
        }
    }
}
