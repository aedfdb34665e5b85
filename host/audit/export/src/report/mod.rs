//! Who used what and who was denied what, by period. Takes records in order, in memory that does not grow with the
//! log, and gives a [`Summary`] that can be shown in a terminal, as a page and as JSON.

mod html;
mod names;
mod period;
mod sketch;
mod summary;
mod svg;
mod terminal;

use std::collections::{BTreeMap, HashMap};

use grid_audit::Record;

use names::{Count, Names};
pub use names::{Others, Ranking, Row, Times};
pub use period::Period;
use period::Series;
use sketch::Sketch;
pub use sketch::{Doubling, Durations};
pub use summary::{Denial, Name, OpenCall, OpenCalls, Pair, Point, Span, Summary, Tally, ToolUse};

use crate::{Filter, text};

/// Calls that are open at the same time and are told apart; a host has fewer in flight.
const OPEN: usize = 10_000;
/// Kinds of records and codes that are told apart; there are about twenty kinds and sixty codes.
const WORDS: usize = 256;
/// Longer names are cut.
const NAME: usize = 128;
/// Stands for a principal, a tool or a tenant that a record does not name.
const NOBODY: &str = "-";

/// What to report.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which records count.
    pub filter: Filter,
    /// How time is cut.
    pub period: Period,
    /// Rows of each table.
    pub top: usize,
    /// Names of one sort that are told apart; memory is bounded by it.
    pub names: usize,
}

impl Default for Options {
    /// All records, by day, 15 rows, 10,000 names.
    fn default() -> Self {
        Self { filter: Filter::default(), period: Period::Day, top: 15, names: 10_000 }
    }
}

/// A report that is being made.
#[derive(Debug)]
pub struct Report {
    options: Options,
    span: Span,
    read: u64,
    matched: u64,
    lost: u64,
    total: Use,
    kinds: Names<Name, Times>,
    series: Series,
    principals: Names<Name, Tally>,
    tenants: Names<Name, Tally>,
    tools: Names<Name, Use>,
    pairs: Names<Pair, Tally>,
    refusals: Names<Name, Times>,
    failures: Names<Name, Times>,
    denials: Names<Denial, Times>,
    open: HashMap<String, OpenCall>,
    open_capped: bool,
}

/// A tally with the time that it took.
#[derive(Debug, Default)]
struct Use {
    tally: Tally,
    durations: Sketch,
}

impl Count for Use {
    fn merge(&mut self, other: &Self) {
        self.tally.add(&other.tally);
        self.durations.merge(&other.durations);
    }

    fn weight(&self) -> u64 {
        self.tally.weight()
    }
}

impl Count for Tally {
    fn merge(&mut self, other: &Self) {
        self.add(other);
    }

    fn weight(&self) -> u64 {
        self.requests()
    }
}

impl Report {
    /// An empty one.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let cap = options.names;
        Self {
            span: Span::default(),
            read: 0,
            matched: 0,
            lost: 0,
            total: Use::default(),
            kinds: Names::new(WORDS),
            series: Series::new(options.period),
            principals: Names::new(cap),
            tenants: Names::new(cap),
            tools: Names::new(cap),
            pairs: Names::new(cap),
            refusals: Names::new(WORDS),
            failures: Names::new(WORDS),
            denials: Names::new(cap),
            open: HashMap::new(),
            open_capped: false,
            options,
        }
    }

    /// Takes the next record, wanted or not; all of a log, in order, or open calls are counted wrong.
    pub fn add(&mut self, record: &Record) {
        self.read += 1;
        self.span.add(record);
        self.follow(record);
        if !self.options.filter.matches(record) {
            return;
        }
        self.matched += 1;
        self.lost += record.lost().unwrap_or(0);
        self.kinds.at(name(Some(record.kind()))).count += 1;
        match record.kind() {
            "concluded" => self.conclude(record),
            "refused" => self.refuse(record),
            _ => {}
        }
    }

    fn follow(&mut self, record: &Record) {
        let Some(invocation) = record.invocation() else { return };
        if record.kind() == "concluded" {
            self.open.remove(invocation);
        } else if record.kind() == "admitted" && self.counts_open() && self.options.filter.concerns(record) {
            if self.open.len() >= OPEN {
                self.open_capped = true;
                return;
            }
            let call = OpenCall {
                index: record.index(),
                at_ms: record.at_ms(),
                invocation: invocation.to_owned(),
                principal: word(record.principal()),
                tool: word(record.tool()),
            };
            self.open.insert(invocation.to_owned(), call);
        }
    }

    /// An admission has no outcome, so a report of some outcomes or kinds cannot say which calls are open.
    fn counts_open(&self) -> bool {
        self.options.filter.outcome.is_none() && self.options.filter.kind.is_none()
    }

    fn conclude(&mut self, record: &Record) {
        let tally = Tally::of_outcome(record.outcome());
        let duration = record.number("duration_us");
        self.tally(record, &tally);
        let tool = self.tools.at(name(record.tool()));
        for use_of in [&mut self.total, tool] {
            use_of.tally.add(&tally);
            if let Some(us) = duration {
                use_of.durations.add(us);
            }
        }
        if record.outcome() == Some("failed") {
            self.failures.at(name(record.code())).count += 1;
        }
    }

    fn refuse(&mut self, record: &Record) {
        let tally = Tally { refused: 1, ..Tally::default() };
        self.tally(record, &tally);
        self.total.tally.add(&tally);
        self.tools.at(name(record.tool())).tally.add(&tally);
        self.refusals.at(name(record.code())).count += 1;
        let (principal, tool, code) = (word(record.principal()), word(record.tool()), word(record.code()));
        self.denials.at(Denial { principal, tool, code }).count += 1;
    }

    fn tally(&mut self, record: &Record, tally: &Tally) {
        self.series.at(record.at_ms()).add(tally);
        self.principals.at(name(record.principal())).add(tally);
        self.tenants.at(name(record.tenant())).add(tally);
        let (principal, tool) = (word(record.principal()), word(record.tool()));
        self.pairs.at(Pair { principal, tool }).add(tally);
    }

    /// What was found; `made_at_ms` is when it was made.
    #[must_use]
    pub fn finish(self, made_at_ms: u64) -> Summary {
        let counts_open = self.counts_open();
        let top = self.options.top;
        let mut open: Vec<OpenCall> = self.open.into_values().collect();
        open.sort_by_key(|call| call.index);
        let calls = OpenCalls { count: open.len(), capped: self.open_capped, oldest: Vec::new() };
        open.truncate(top);
        Summary {
            made_at_ms,
            filter: self.options.filter,
            span: self.span,
            read: self.read,
            matched: self.matched,
            lost: self.lost,
            total: self.total.tally,
            durations: self.total.durations.durations(),
            kinds: self.kinds.rank(WORDS, |times| times).rows.into_iter().map(by_kind).collect::<BTreeMap<_, _>>(),
            period: self.series.period,
            asked_period: self.options.period,
            periods: self.series.tallies.into_iter().map(|(start_ms, tally)| Point { start_ms, tally }).collect(),
            outside: (self.series.outside != Tally::default()).then_some(self.series.outside),
            principals: self.principals.rank(top, |tally| tally),
            tenants: self.tenants.rank(top, |tally| tally),
            tools: self.tools.rank(top, |use_of| ToolUse {
                tally: use_of.tally,
                durations: Durations { doublings: Vec::new(), ..use_of.durations.durations() },
            }),
            pairs: self.pairs.rank(top, |tally| tally),
            refusals: self.refusals.rank(top, |count| count),
            failures: self.failures.rank(top, |count| count),
            denials: self.denials.rank(top, |count| count),
            open: counts_open.then_some(OpenCalls { oldest: open, ..calls }),
        }
    }
}

fn word(of: Option<&str>) -> String {
    text::cut(of.unwrap_or(NOBODY), NAME).into_owned()
}

fn name(of: Option<&str>) -> Name {
    Name { name: word(of) }
}

fn by_kind(row: Row<Name, Times>) -> (String, u64) {
    (row.name.name, row.value.count)
}
