//! `grid audit export`: the log in a format that other tools read.

use std::{
    io::{self, BufWriter},
    path::PathBuf,
};

use clap::Args;
use grid_audit_export::{Counts, Format, Stopped, export};
use grid_core::clock::SystemClock;
use serde_json::json;

use super::{
    Context, Failure, damaged, open,
    wanted::{Progress, Wanted, Whole},
};

/// Writes records in a format for other tools
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit export --since 24h > day.jsonl
  grid audit export --format csv --kind refused -o refusals.csv
  grid audit export --format ocsf --since 2026-03-01 --until 2026-04-01 --tenant acme -o march.ocsf.jsonl
  grid audit export --format cef --principal alice --tool files.read | nc siem 514

Formats:
  jsonl  each record as it is stored, with its `index` in front
  ocsf   Open Cybersecurity Schema Framework 1.3, JSON lines; the stored record is in `raw_data`
  cef    ArcSight Common Event Format, version 0
  csv    RFC 4180; a cell that a spreadsheet would run as a formula begins with a quote mark

How many records of how many were written is said on standard error. A damaged log ends with 7; what was written
until then is good, and a file of -o does not appear.")]
pub(crate) struct Export {
    /// How records are written
    #[arg(long, default_value = "jsonl", value_parser = clap::builder::PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    format: String,
    #[command(flatten)]
    wanted: Wanted,
    /// Writes to a file, which appears when it is complete
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Export {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let format: Format = self.format.parse().map_err(|error: String| Failure::new(super::Exit::Usage, error))?;
        let reader = open(context, self.dir)?;
        let filter = self.wanted.filter(SystemClock::shared().unix_ms());
        let mut progress = Progress::of(&reader);
        let tell = |counts: Counts| progress.read(counts.read);
        let counts = match &self.output {
            None => {
                let mut out = BufWriter::new(io::stdout().lock());
                export(reader.records(0), &filter, format, &mut out, tell)
            }
            Some(path) => {
                let mut file = Whole::create(path)?;
                let counts = export(reader.records(0), &filter, format, &mut file, tell);
                if counts.is_ok() {
                    file.finish()?;
                }
                counts
            }
        };
        progress.done();
        let Counts { written, read } = counts.map_err(|stopped| match stopped {
            Stopped::Log(error) => damaged(error),
            Stopped::Output(error) => error.into(),
        })?;
        match (self.output, context.output.is_json()) {
            (Some(file), true) => {
                let file = file.display().to_string();
                context
                    .output
                    .json(&json!({ "file": file, "format": format.as_str(), "written": written, "read": read }))?;
            }
            (Some(file), false) => {
                context.output.note(&format!("wrote {written} of {read} records to `{}`", file.display()));
            }
            (None, true) => {}
            (None, false) => context.output.note(&format!("wrote {written} of {read} records")),
        }
        Ok(())
    }
}
