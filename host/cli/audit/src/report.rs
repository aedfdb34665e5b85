//! `grid audit report`: who used what and who was denied what, by period.

use std::{io::Write as _, path::PathBuf};

use clap::Args;
use grid_audit_export::report::{Options, Period, Report as Making};
use grid_core::clock::SystemClock;

use super::{
    Context, Failure, damaged, open,
    wanted::{Progress, Wanted, Whole},
};

/// Says who used what and who was denied what, by period
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit report
  grid audit report --since 7d --period hour --tenant acme
  grid audit report --since 2026-03-01 --until 2026-04-01 --html march.html
  grid audit report --json | jq '.denials.rows[]'

Times are UTC, weeks begin on Monday. The HTML page has its plots in itself, fetches nothing and runs no script.
Percentiles are right to about 3 %. Calls are open when they were admitted and are not concluded in the whole log.")]
pub(crate) struct Report {
    /// How time is cut
    #[arg(long, default_value = "day", value_parser = clap::builder::PossibleValuesParser::new(Period::ALL.map(Period::as_str)))]
    period: String,
    /// Rows of each table; the rest is one row
    #[arg(long, value_name = "N", default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    top: u16,
    /// Writes a page for browsers instead
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    #[command(flatten)]
    wanted: Wanted,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Report {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let period: Period = self.period.parse().map_err(|error: String| Failure::new(super::Exit::Usage, error))?;
        let reader = open(context, self.dir)?;
        let now = SystemClock::shared().unix_ms();
        let filter = self.wanted.filter(now);
        let mut report = Making::new(Options { filter, period, top: self.top.into(), ..Options::default() });
        let mut progress = Progress::of(&reader);
        for (read, record) in (1..).zip(reader.records(0)) {
            report.add(&record.map_err(damaged)?);
            if read % 1_024 == 0 {
                progress.read(read);
            }
        }
        progress.done();
        let summary = report.finish(now);
        if let Some(path) = &self.html {
            let mut file = Whole::create(path)?;
            file.write_all(summary.to_html().as_bytes())?;
            file.finish()?;
            context.output.note(&format!("wrote the report to `{}`", path.display()));
        }
        if context.output.is_json() {
            context.output.json(&summary.to_json())?;
        } else if self.html.is_none() {
            context.output.text(&summary.to_text())?;
        }
        Ok(())
    }
}
