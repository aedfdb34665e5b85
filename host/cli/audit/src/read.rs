//! `grid audit tail` and `grid audit show`: records of the log, for people and as they are stored.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use grid_audit::Record;
use grid_core::id::InvocationId;

use super::{Context, Exit, Failure, damaged, open, tree};
use grid_console::time::stamp;

/// How often a followed log is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Prints the last records
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit tail
  grid audit tail -n 100 --json | jq 'select(.kind == \"refused\")'
  grid audit tail --follow

With --json each record is one line, as it is stored, with its `index` in front.")]
pub(crate) struct Tail {
    /// How many
    #[arg(short = 'n', long, default_value_t = 20)]
    lines: u64,
    /// Waits for further records
    #[arg(short, long)]
    follow: bool,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Prints every record of one execution
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit show i-0123456789abcdef0123456789abcdef
  grid audit show i-0123456789abcdef0123456789abcdef --json
  grid audit show --tree i-0123456789abcdef0123456789abcdef
  grid audit show --tree client-1691568000-a7b9c3d2

The id stands in the answer of the call, in its refusal and in every log line about it. With --tree it may be a correlation
id, too; the calls that were made for a call stand below it.")]
pub(crate) struct Show {
    /// The invocation; with --tree a correlation id, too
    #[arg(value_name = "INVOCATION")]
    id: String,
    /// Draws the call with those that were made for it
    #[arg(long)]
    tree: bool,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Tail {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reader = open(context, self.dir)?;
        let last = reader.last(self.lines).map_err(damaged)?;
        let next = last.last().map(|record| record.index() + 1);
        for record in &last {
            print(context, record)?;
        }
        if !self.follow {
            return Ok(());
        }
        let next = match next {
            Some(next) => next,
            None => reader.next_index().map_err(damaged)?,
        };
        for record in reader.follow(next, POLL) {
            print(context, &record.map_err(damaged)?)?;
        }
        Ok(())
    }
}

impl Show {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        if self.tree {
            return tree::show(context, &self.id, self.dir);
        }
        let invocation: InvocationId = self.id.parse().map_err(|_| {
            let message = "an invocation is `i-` and 32 hex digits, as a call's answer gives it";
            Failure::new(Exit::Usage, message.to_owned())
        })?;
        let records = open(context, self.dir)?.by_invocation(invocation).map_err(damaged)?;
        if records.is_empty() {
            let message = format!("the log has no record of `{invocation}`; is it the right log?");
            return Err(Failure::new(Exit::Error, message));
        }
        for record in &records {
            if context.output.is_json() {
                print(context, record)?;
            } else {
                context.output.text(&page(record))?;
            }
        }
        Ok(())
    }
}

/// One line a record.
pub(super) fn print(context: &Context, record: &Record) -> Result<(), Failure> {
    if context.output.is_json() {
        let line = record.line().strip_prefix('{').unwrap_or_default();
        return Ok(context.output.text(&format!("{{\"index\":{},{line}", record.index()))?);
    }
    // Of a call, the detail is for `show`; of who serves, it is what happened.
    let serving =
        ["provider_selected", "swap_committed", "swap_rolled_back", "serving_changed", "breaker_changed", "attempted"];
    let told = record.tool().is_none() || serving.contains(&record.kind());
    let what = [record.outcome(), record.code(), record.detail().filter(|_| told)];
    let about = [record.tool(), record.principal(), record.runtime(), record.invocation()];
    let join = |parts: &[Option<&str>]| parts.iter().flatten().copied().collect::<Vec<_>>().join(" ");
    let line = format!(
        "{:>6}  {}  {:<16}  {}  {}",
        record.index(),
        stamp(record.at_ms()),
        record.kind(),
        join(&what),
        join(&about)
    );
    Ok(context.output.text(line.trim_end())?)
}

/// One record with all its fields, a line each.
fn page(record: &Record) -> String {
    let mut page = format!("#{} {} {}\n", record.index(), record.kind(), stamp(record.at_ms()));
    for (field, value) in record.fields() {
        if matches!(field.as_str(), "kind" | "at_ms") {
            continue;
        }
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        page.push_str(&format!("  {field:<14} {text}\n"));
    }
    page
}
