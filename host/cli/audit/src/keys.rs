//! `grid audit init` and `grid audit rotate`: the key that signs the log.

use std::{fs, path::PathBuf, sync::Arc};

use clap::Args;
use grid_audit::{KeyError, KeySource, Options, rotate};
use grid_core::clock::SystemClock;
use grid_tlog::Signer;
use serde_json::json;

use super::{Context, Exit, Failure, damaged};

/// Makes the key that signs the log; the host needs it in strict mode
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit init
  grid audit init --origin example.org/prod/host-1/audit

The private key goes into the file of the setting `audit.key`, which only you may read. What is printed is the public
key: give it to those who are to check the log, by another way than the log itself. The log's name is in the key and
stays the same for as long as there is the log.")]
pub(crate) struct Init {
    /// The log's name [else the setting `audit.origin`, else one that is made up]
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
}

/// Gives the log another key; the host must not run
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit rotate

The old key signs a record that names the new one, so whoever has the old public key can follow. The new private key
takes the place of the old one, which is gone then. If this is interrupted, run it again.")]
pub(crate) struct Rotate {}

impl Init {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let source = KeySource::parse(&config.audit.key.to_string_lossy());
        let origin = self.origin.unwrap_or_else(|| config.audit.origin.clone().unwrap_or_else(grid_audit::new_origin));
        let signer = source.create(&origin).map_err(failed)?;
        said(context, &signer, &source, None)
    }
}

impl Rotate {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let source = KeySource::parse(&config.audit.key.to_string_lossy());
        let KeySource::File(path) = &source else {
            let message = "a key in the environment cannot be changed from here; put it into a file first";
            return Err(Failure::new(Exit::Usage, message.to_owned()));
        };
        let mut next = path.as_os_str().to_owned();
        next.push(".next");
        let next = PathBuf::from(next);
        let old = source.load().map_err(failed)?;
        let new = match KeySource::File(next.clone()).load() {
            Err(KeyError::Missing(_)) => KeySource::File(next.clone()).create(old.verifying_key().name()),
            loaded => loaded,
        };
        let new = new.map_err(failed)?;
        let mut options = Options::new(&config.audit.dir, Arc::new(old));
        options.segment_bytes = config.audit.segment.bytes();
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(failed)?;
        let index = rotate(&options, &new, SystemClock::shared(), runtime.handle()).map_err(damaged)?;
        fs::rename(&next, path).map_err(failed)?;
        said(context, &new, &source, Some(index))
    }
}

fn said(context: &Context, signer: &Signer, source: &KeySource, index: Option<u64>) -> Result<(), Failure> {
    let key = signer.verifying_key();
    if context.output.is_json() {
        let said = json!({ "origin": key.name(), "key": key.to_string(), "file": source.to_string(), "index": index });
        return Ok(context.output.json(&said)?);
    }
    context.output.note(&format!("the private key is in {source}; this is the public one:"));
    Ok(context.output.text(&key.to_string())?)
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, error.to_string())
}
