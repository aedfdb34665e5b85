//! An exporter follows the log on a thread of its own and delivers it to a [`Sink`], in order, every record at least
//! once. It reads files and holds one batch, so a sink that is slow or down costs the host nothing and loses nothing:
//! the exporter lags, and goes on from its position when the sink is back or the host starts again.

mod backoff;
mod position;
mod run;
mod status;

use std::{fmt, path::PathBuf, sync::Arc, thread, time::Duration};

use grid_audit::Reader;
use grid_core::clock::SharedClock;

pub use status::Status;

pub use backoff::Backoff;
use position::Position;
use run::Follower;
use status::Shared;

use crate::{Error, Sink};

/// Says the index behind the last durable record. Cheap: it is asked for every batch and every status.
pub type End = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How to follow a log.
#[derive(Clone)]
pub struct Options {
    /// The log's directory.
    pub directory: PathBuf,
    /// Names the position, `exports/<name>.position` in the log's directory: 1 to 32 of `a-z`, `0-9`, `-`.
    pub name: String,
    /// Where the durable log ends. A host gives its ledger's count, and no record leaves before it is durable, so
    /// that a loss of power cannot take a record back that a sink has. Without it all that can be read is delivered.
    pub end: Option<End>,
    /// Records of a batch, at most.
    pub batch_records: usize,
    /// Bytes of a batch; the record that passes it is the last one.
    pub batch_bytes: usize,
    /// How often the end of the log is looked at.
    pub poll: Duration,
    /// The first wait after a failure; every further one doubles it.
    pub backoff: Duration,
    /// The longest wait, unless the sink asks for more.
    pub max_backoff: Duration,
    /// For what the status says of times.
    pub clock: SharedClock,
}

impl Options {
    /// 512 records or 1 MiB a batch; looks every 200 ms; waits 250 ms to 60 s after failures.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, name: impl Into<String>, clock: SharedClock) -> Self {
        Self {
            directory: directory.into(),
            name: name.into(),
            end: None,
            batch_records: 512,
            batch_bytes: 1 << 20,
            poll: Duration::from_millis(200),
            backoff: Duration::from_millis(250),
            max_backoff: Duration::from_secs(60),
            clock,
        }
    }

    fn check(&self) -> Result<(), Error> {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if self.name.is_empty() || self.name.len() > 32 || !self.name.bytes().all(is_plain) {
            let what =
                format!("`{}` is no name of an exporter; use up to 32 of a-z, 0-9 and `-`", self.name.escape_debug());
            return Err(Error::Options(what));
        }
        if self.batch_records == 0 || self.batch_bytes == 0 || self.poll.is_zero() || self.backoff.is_zero() {
            let what = "an exporter needs room for a record in its batch, and times that are not zero";
            return Err(Error::Options(what.to_owned()));
        }
        Ok(())
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { directory, name, batch_records, batch_bytes, poll, backoff, max_backoff, .. } = self;
        f.debug_struct("Options")
            .field("directory", directory)
            .field("name", name)
            .field("batch_records", batch_records)
            .field("batch_bytes", batch_bytes)
            .field("poll", poll)
            .field("backoff", backoff)
            .field("max_backoff", max_backoff)
            .finish_non_exhaustive()
    }
}

/// A running exporter. It is told to stop when it is dropped; [`Self::stop`] also waits.
#[derive(Debug)]
pub struct Exporter {
    name: String,
    sink: String,
    end: Option<EndOf>,
    shared: Arc<Shared>,
    thread: Option<thread::JoinHandle<()>>,
}

struct EndOf(End);

impl fmt::Debug for EndOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Exporter {
    /// Finds the position and starts the thread. The log must be recovered already, so after a ledger was opened.
    ///
    /// # Errors
    /// [`Error`]: the options, the position, or the log cannot be used. A sink that is down is no error.
    pub fn start(options: Options, sink: impl Sink) -> Result<Self, Error> {
        options.check()?;
        let reader = Reader::open(&options.directory).map_err(Error::Log)?;
        let mut position = Position::open(&options.directory, &options.name)?;
        let gone = position.settle(&reader)?;
        let shared = Arc::new(Shared::default());
        shared.update(|status| {
            status.next = position.next();
            let told =
                format!("the log lost its last {gone} records after they were delivered; the sink has them still");
            status.last_error = (gone > 0).then_some(told);
        });
        let (name, described) = (options.name.clone(), sink.describe());
        let end = options.end.clone().map(EndOf);
        let follower = Follower {
            backoff: Backoff::new(options.backoff, options.max_backoff),
            batch_records: options.batch_records,
            counted_at: None,
            held: None,
            records: None,
            shared: Arc::clone(&shared),
            options,
            position,
            reader,
            sink,
        };
        let ending = Ending(Arc::clone(&shared));
        let run = move || {
            let _ending = ending;
            follower.run();
        };
        let thread = thread::Builder::new().name(format!("export-{name}")).spawn(run);
        let thread = thread.map_err(|error| Error::Options(format!("cannot start a thread: {error}")))?;
        Ok(Self { name, sink: described, end, shared, thread: Some(thread) })
    }

    /// As it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the sink is and where, without secrets.
    #[must_use]
    pub fn sink(&self) -> &str {
        &self.sink
    }

    /// How it is, for metrics.
    #[must_use]
    pub fn status(&self) -> Status {
        let mut status = self.shared.status();
        if let Some(EndOf(end)) = &self.end {
            status.lag = Some(end().saturating_sub(status.next));
        }
        status
    }

    /// Stops after the delivery that is under way, waiting for it no longer than `within`. A delivery that takes
    /// longer is left to itself; its batch is delivered again by the next start.
    pub fn stop(mut self, within: Duration) -> Status {
        self.shared.stop();
        if let Some(thread) = self.thread.take().filter(|_| self.shared.wait_for_end(within)) {
            // It has ended; a panic in it has been printed.
            let _ = thread.join();
        }
        self.status()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.shared.stop();
    }
}

/// Says that the thread has ended, however it did.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}
