//! `grid audit query` and `grid audit rebuild-index`: records by what is in them, through the index beside the log or
//! through the host that has it.

use std::path::PathBuf;

use clap::Args;
use grid_audit::{Reader, Record};
use grid_audit_index::{Error, Found, Index, Query as Search, rebuild, scan};
use grid_core::{
    clock::SystemClock,
    reading::{Filter, MAX_PAGE},
};
use grid_sdk::{Auditor, auditor};
use serde_json::json;

use grid_reach::{auditor as connected, failed};

use super::{
    Context, Exit, Failure, damaged, directory, open,
    read::print,
    wanted::{Progress, Wanted},
};

/// Bytes of records that are held at once.
const ROOM: usize = 16 << 20;

/// Finds records by what is in them
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit query --principal alice --since 24h
  grid audit query --tool files.write --outcome failed --newest --limit 10
  grid audit query --code PERMISSION_DENIED --json | jq -r .principal
  grid audit query --remote --token-file auditor.token --kind refused

Reads the log's directory, with the help of the index `index.redb` in it, which is made where it is missing. While a
host runs it has the index; then the log is read from end to end, or ask the host with --remote. It needs the role of
the setting `audit.reader_role` (usually auditor) and shows the records of the caller's own tenant, or the role of
`audit.operator_role` (usually audit-operator) for those of all.

With --json each record is one line, as it is stored, with its `index` in front.")]
pub(crate) struct Query {
    #[command(flatten)]
    wanted: Wanted,
    /// Of this execution
    #[arg(long, value_name = "ID")]
    invocation: Option<String>,
    /// With this code, such as PERMISSION_DENIED
    #[arg(long, value_name = "CODE")]
    code: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// The latest comes first
    #[arg(long)]
    newest: bool,
    /// Asks the host that --endpoint or the configuration names
    #[arg(long, conflicts_with = "dir")]
    remote: bool,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Makes the index of the log anew
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit rebuild-index
  grid audit rebuild-index --dir old/audit

The index is made of the log and holds nothing of its own. It is made again by itself where it is missing, damaged or
of another log; this is for those who want to see it done.")]
pub(crate) struct RebuildIndex {
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

impl Query {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let wanted = self.wanted.filter(SystemClock::shared().unix_ms());
        let filter = Filter {
            invocation: self.invocation,
            correlation: wanted.correlation,
            session: wanted.session,
            principal: wanted.principal,
            tenant: wanted.tenant,
            tool: wanted.tool,
            outcome: wanted.outcome,
            kind: wanted.kind,
            code: self.code,
            from_ms: wanted.since_ms,
            to_ms: wanted.until_ms,
        };
        let search = Search { filter, newest_first: self.newest, ..Search::default() };
        if self.remote {
            return context.wait(async { ask(context, &connected(context).await?, search, self.limit).await });
        }
        let directory = directory(context, self.dir)?;
        let reader = open(context, Some(directory.clone()))?;
        match indexed(&directory, &reader) {
            Ok(index) => pages(context, search, self.limit, |search| index.find(search, ROOM)),
            Err(error @ (Error::InUse { .. } | Error::Io { .. })) => {
                context.output.note(&format!("{error}; reading the whole log instead"));
                pages(context, search, self.limit, |search| scan(&reader, search, ROOM))
            }
            Err(error) => Err(unanswered(error)),
        }
    }
}

/// A log with its index, for commands that put several questions.
pub(super) struct Log {
    reader: Reader,
    index: Option<Index>,
}

impl Log {
    /// The log in `dir`, else that of the configuration; without its index where a host has it.
    pub(super) fn open(context: &Context, dir: Option<PathBuf>) -> Result<Self, Failure> {
        let directory = directory(context, dir)?;
        let reader = open(context, Some(directory.clone()))?;
        let index = match indexed(&directory, &reader) {
            Ok(index) => Some(index),
            Err(error @ (Error::InUse { .. } | Error::Io { .. })) => {
                context.output.note(&format!("{error}; reading the whole log instead"));
                None
            }
            Err(error) => return Err(unanswered(error)),
        };
        Ok(Self { reader, index })
    }

    /// Every record that the filter wants, in the order of the log.
    pub(super) fn all(&self, filter: Filter) -> Result<Vec<Record>, Failure> {
        let mut search = Search { filter, limit: MAX_PAGE, ..Search::default() };
        let mut records = Vec::new();
        loop {
            let found = match &self.index {
                Some(index) => index.find(&search, ROOM),
                None => scan(&self.reader, &search, ROOM),
            };
            let found = found.map_err(unanswered)?;
            records.extend(found.records);
            match found.next {
                Some(next) => search.page_token = next,
                None => return Ok(records),
            }
        }
    }
}

impl RebuildIndex {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let directory = directory(context, self.dir)?;
        let mut progress = Progress::of(&open(context, Some(directory.clone()))?);
        let done = rebuild(&directory, |done| progress.read(done));
        progress.done();
        let records = done.map_err(unanswered)?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({ "records": records }))?);
        }
        Ok(context.output.text(&format!("indexed {records} records"))?)
    }
}

/// The index with all that the log has.
fn indexed(directory: &std::path::Path, reader: &Reader) -> Result<Index, Error> {
    let index = Index::open(directory)?;
    let mut progress = Progress::of(reader);
    let caught_up = index.catch_up(|done| progress.read(done));
    progress.done();
    caught_up.map(|_| index)
}

/// Prints page after page until there are `limit` records.
fn pages(
    context: &Context,
    mut search: Search,
    limit: u64,
    mut page: impl FnMut(&Search) -> Result<Found, Error>,
) -> Result<(), Failure> {
    let mut left = limit;
    loop {
        search.limit = usize::try_from(left).unwrap_or(MAX_PAGE).min(MAX_PAGE);
        let found = page(&search).map_err(unanswered)?;
        for record in &found.records {
            print(context, record)?;
        }
        left = left.saturating_sub(found.records.len() as u64);
        match found.next {
            Some(next) if left > 0 => search.page_token = next,
            _ => return Ok(()),
        }
    }
}

/// The same, by the host.
async fn ask(context: &Context, auditor: &Auditor, search: Search, limit: u64) -> Result<(), Failure> {
    let mut query =
        auditor::Query { filter: wire(search.filter), newest_first: search.newest_first, ..auditor::Query::default() };
    let mut left = limit;
    loop {
        query.page_size = u32::try_from(left.min(MAX_PAGE as u64)).unwrap_or(0);
        let page = auditor.query(query.clone()).await.map_err(|error| failed(&error))?;
        for record in &page.records {
            let record = Record::decode(record.index, record.entry.as_bytes());
            print(context, &record.map_err(|error| Failure::new(Exit::Unverified, error.to_string()))?)?;
        }
        left = left.saturating_sub(page.records.len() as u64);
        match page.next {
            Some(next) if left > 0 => query.page_token = Some(next),
            _ => return Ok(()),
        }
    }
}

fn wire(filter: Filter) -> auditor::Filter {
    auditor::Filter {
        invocation: filter.invocation,
        correlation: filter.correlation,
        session: filter.session,
        principal: filter.principal,
        tenant: filter.tenant,
        tool: filter.tool,
        outcome: filter.outcome,
        kind: filter.kind,
        code: filter.code,
        from_ms: filter.from_ms,
        to_ms: filter.to_ms,
    }
}

fn unanswered(error: Error) -> Failure {
    match error {
        Error::Log(error) => damaged(error),
        other => Failure::new(Exit::Error, other.to_string()),
    }
}
