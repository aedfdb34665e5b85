//! Where records go. A sink takes batches in order, one at a time, and answers when it has one for good.

mod file;
mod http;
mod otlp;
mod web;

use std::time::Duration;

use grid_audit::Record;

pub use file::{FileOptions, FileSink};
pub use http::HttpSink;
pub use otlp::{OtlpOptions, OtlpSink};
pub use web::{Web, WebOptions};

/// Consecutive records, at least one when a sink gets it.
#[derive(Debug, Default)]
pub struct Batch {
    records: Vec<Record>,
    bytes: usize,
}

impl Batch {
    /// Adds the record that follows.
    pub fn push(&mut self, record: Record) {
        self.bytes += record.line().len();
        self.records.push(record);
    }

    /// In the order of the log.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Bytes of the entries as they are stored.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Index of the first record; 0 of an empty batch, as for [`Self::last`].
    #[must_use]
    pub fn first(&self) -> u64 {
        self.records.first().map_or(0, Record::index)
    }

    /// Index of the last record.
    #[must_use]
    pub fn last(&self) -> u64 {
        self.records.last().map_or(0, Record::index)
    }
}

/// What a sink says of a batch that it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taken {
    /// Records of it that the sink refused for good and must not get again.
    pub rejected: u64,
    /// The sink's own words.
    pub message: Option<String>,
}

/// A batch that was not taken, or of which nobody knows. It is delivered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the operator: what happened and what to do.
    pub message: String,
    /// When the sink wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The batch is larger than the sink takes; a smaller one may pass.
    pub too_large: bool,
}

impl Failure {
    /// A failure with nothing more to say.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), retry_after: None, too_large: false }
    }
}

/// Takes batches on the exporter's own thread; it may block, though not for ever.
pub trait Sink: Send + 'static {
    /// For logs and metrics: what it is and where, without secrets.
    fn describe(&self) -> String;

    /// Takes a batch. Comes back when the sink has it so that a crash of either side does not lose it.
    ///
    /// # Errors
    /// [`Failure`]; the same batch comes again, or a smaller one that begins with the same record.
    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure>;
}
