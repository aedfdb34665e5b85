//! `grid audit`: the log on disk, with or without a host that writes it. One file a subject.

#![deny(missing_docs)]

mod export;
mod index;
mod keys;
mod prove;
mod read;
mod report;
mod tree;
mod verify;
mod wanted;
mod when;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use grid_audit::Reader;

use grid_console::{Context, Exit, Failure};

/// Reads, checks and looks after the audit log, without the host
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit tail --follow               what is happening
  grid audit show i-0123…                everything about one execution
  grid audit query --principal alice --since 24h
  grid audit export --format csv -o log.csv
  grid audit report --since 7d           who used what, and who was denied what
  grid audit verify --key host-1.vkey    is the log as it was written, and by whom
  grid audit prove --index 12 -o p.json  evidence for somebody else")]
pub struct Audit {
    #[command(subcommand)]
    subject: Subject,
}

#[derive(Debug, Subcommand)]
enum Subject {
    Tail(read::Tail),
    Show(read::Show),
    Export(export::Export),
    Report(report::Report),
    Query(index::Query),
    RebuildIndex(index::RebuildIndex),
    Verify(verify::Verify),
    Prove(prove::Prove),
    VerifyProof(prove::VerifyProof),
    Consistency(prove::Consistency),
    Checkpoint(prove::Checkpoint),
    Init(keys::Init),
    Rotate(keys::Rotate),
}

impl Audit {
    /// Runs it.
    ///
    /// # Errors
    /// [`Failure`], with what happened and what to do.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self.subject {
            Subject::Tail(tail) => tail.run(context),
            Subject::Show(show) => show.run(context),
            Subject::Export(export) => export.run(context),
            Subject::Report(report) => report.run(context),
            Subject::Query(query) => query.run(context),
            Subject::RebuildIndex(rebuild) => rebuild.run(context),
            Subject::Verify(verify) => verify.run(context),
            Subject::Prove(prove) => prove.run(context),
            Subject::VerifyProof(verify) => verify.run(context),
            Subject::Consistency(consistency) => consistency.run(context),
            Subject::Checkpoint(checkpoint) => checkpoint.run(context),
            Subject::Init(init) => init.run(context),
            Subject::Rotate(rotate) => rotate.run(context),
        }
    }
}

/// The log in `dir`, else in the directory of the configuration.
fn open(context: &Context, dir: Option<PathBuf>) -> Result<Reader, Failure> {
    Reader::open(directory(context, dir)?).map_err(damaged)
}

fn directory(context: &Context, dir: Option<PathBuf>) -> Result<PathBuf, Failure> {
    match dir {
        Some(dir) => Ok(dir),
        None => Ok(context.values(&context.read())?.audit.dir.clone()),
    }
}

fn damaged(error: grid_audit::Error) -> Failure {
    let exit = match error {
        grid_audit::Error::Damaged { .. } => Exit::Unverified,
        _ => Exit::Error,
    };
    Failure::new(exit, error.to_string())
}
