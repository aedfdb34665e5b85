//! `grid audit`: the log on disk, with or without a host that writes it. One file a subject.

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

use clap::Subcommand;
use grid_audit::Reader;

use super::{Context, Exit, Failure};

/// Reads, checks and looks after the audit log, without the host
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid audit tail --follow               what is happening
  grid audit show i-0123…                everything about one execution
  grid audit query --principal alice --since 24h
  grid audit export --format csv -o log.csv
  grid audit report --since 7d           who used what, and who was denied what
  grid audit verify --key host-1.vkey    is the log as it was written, and by whom
  grid audit prove --index 12 -o p.json  evidence for somebody else")]
pub(super) enum Audit {
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
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Tail(tail) => tail.run(context),
            Self::Show(show) => show.run(context),
            Self::Export(export) => export.run(context),
            Self::Report(report) => report.run(context),
            Self::Query(query) => query.run(context),
            Self::RebuildIndex(rebuild) => rebuild.run(context),
            Self::Verify(verify) => verify.run(context),
            Self::Prove(prove) => prove.run(context),
            Self::VerifyProof(verify) => verify.run(context),
            Self::Consistency(consistency) => consistency.run(context),
            Self::Checkpoint(checkpoint) => checkpoint.run(context),
            Self::Init(init) => init.run(context),
            Self::Rotate(rotate) => rotate.run(context),
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
