//! A sink behind a web address: a batch is one POST of JSON lines, told apart from all others by its
//! `Idempotency-Key`, so that a sink that got it and could not say so takes the repeat for what it is.

use grid_core::clock::SharedClock;

use super::{Batch, Failure, Sink, Taken, WebOptions, web::Web};
use crate::{Error, format::json_line, leaf};

/// See the [module](self).
#[derive(Debug)]
pub struct HttpSink {
    web: Web,
}

impl HttpSink {
    /// Checks the options; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Options`], [`Error::Io`].
    pub fn new(options: &WebOptions, clock: SharedClock) -> Result<Self, Error> {
        Ok(Self { web: Web::new(options, "", clock)? })
    }
}

impl Sink for HttpSink {
    fn describe(&self) -> String {
        format!("http {}", self.web.shown())
    }

    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure> {
        let mut body = Vec::with_capacity(batch.bytes() + batch.records().len() * 24);
        for record in batch.records() {
            json_line(record, &mut body);
            body.push(b'\n');
        }
        self.web.post("application/x-ndjson", Some(&key(batch)), &body)?;
        Ok(Taken::default())
    }
}

/// First and last index, and the beginning of the last leaf's hash: two logs may share a sink, and an index alone
/// would make their batches look the same. In quotes, as the header's draft standard has it.
fn key(batch: &Batch) -> String {
    let hash = batch.records().last().map(leaf::hex).unwrap_or_default();
    format!("\"{}-{}-{}\"", batch.first(), batch.last(), hash.get(..16).unwrap_or_default())
}
