//! A finished report: plain values, written as JSON as they stand.

use std::collections::BTreeMap;

use grid_audit::Record;
use serde::Serialize;

use super::{Durations, Period, Ranking, Times};
use crate::Filter;

/// How calls ended, and how many were not let in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// The tool answered with content.
    pub success: u64,
    /// The tool answered with its own error.
    pub tool_error: u64,
    /// The host ended the call.
    pub failed: u64,
    /// Nobody knows whether the tool ran.
    pub outcome_unknown: u64,
    /// The caller was to run it itself and never said whether it did.
    pub unreported: u64,
    /// The caller was to run it itself, and its rights were made void before it said how that went.
    pub revoked: u64,
    /// Records of requests that were not admitted. One without a principal may stand for many requests.
    pub refused: u64,
}

impl Tally {
    /// One call; an outcome that is new here is one that nobody knows.
    pub(crate) fn of_outcome(outcome: Option<&str>) -> Self {
        let mut tally = Self::default();
        match outcome {
            Some("success") => tally.success = 1,
            Some("tool_error") => tally.tool_error = 1,
            Some("failed") => tally.failed = 1,
            Some("unreported") => tally.unreported = 1,
            Some("revoked") => tally.revoked = 1,
            _ => tally.outcome_unknown = 1,
        }
        tally
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.success += other.success;
        self.tool_error += other.tool_error;
        self.failed += other.failed;
        self.outcome_unknown += other.outcome_unknown;
        self.unreported += other.unreported;
        self.revoked += other.revoked;
        self.refused += other.refused;
    }

    /// Calls that ended.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.success + self.tool_error + self.failed + self.untold()
    }

    /// Calls of which nobody said how they went.
    #[must_use]
    pub fn untold(&self) -> u64 {
        self.outcome_unknown + self.unreported + self.revoked
    }

    /// Calls that ended and requests that were refused.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.calls() + self.refused
    }

    /// Each part with its name, in the order in which it is drawn.
    pub(crate) fn parts(&self) -> [(&'static str, u64); 5] {
        [
            ("success", self.success),
            ("tool error", self.tool_error),
            ("failed", self.failed),
            ("unknown", self.untold()),
            ("refused", self.refused),
        ]
    }
}

/// Which part of the log was read, whether its records were wanted or not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Span {
    /// Index of the first record.
    pub first: Option<u64>,
    /// Index of the last record.
    pub last: Option<u64>,
    /// The earliest time, in milliseconds since 1970.
    pub from_ms: Option<u64>,
    /// The latest time.
    pub to_ms: Option<u64>,
}

impl Span {
    pub(crate) fn add(&mut self, record: &Record) {
        let at = record.at_ms();
        self.first = self.first.or(Some(record.index()));
        self.last = Some(record.index());
        self.from_ms = Some(self.from_ms.map_or(at, |from| from.min(at)));
        self.to_ms = Some(self.to_ms.map_or(at, |to| to.max(at)));
    }
}

/// A principal, a tenant, a tool or a code.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Name {
    /// As the log has it, at most 128 characters; `-` where a record has none.
    pub name: String,
}

/// Who used what.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Pair {
    /// Who.
    pub principal: String,
    /// What.
    pub tool: String,
}

/// Who was denied what, and why.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct Denial {
    /// Who.
    pub principal: String,
    /// What.
    pub tool: String,
    /// Why.
    pub code: String,
}

/// A period in which a call ended or was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Point {
    /// Its beginning, in milliseconds since 1970.
    pub start_ms: u64,
    /// What happened in it.
    #[serde(flatten)]
    pub tally: Tally,
}

/// What a tool was used for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ToolUse {
    /// How its calls ended.
    #[serde(flatten)]
    pub tally: Tally,
    /// How long they took.
    pub durations: Durations,
}

/// A call that was admitted and is not concluded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenCall {
    /// Of its admission.
    pub index: u64,
    /// When it was admitted, in milliseconds since 1970.
    pub at_ms: u64,
    /// Which.
    pub invocation: String,
    /// Whose.
    pub principal: String,
    /// Of what.
    pub tool: String,
}

/// Calls that are in flight, or whose host stopped and was not started again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenCalls {
    /// How many; at least so many where `capped`.
    pub count: usize,
    /// There were more than are told apart.
    pub capped: bool,
    /// Some of them, oldest first.
    pub oldest: Vec<OpenCall>,
}

/// A finished report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// When it was made, in milliseconds since 1970.
    pub made_at_ms: u64,
    /// Which records count.
    pub filter: Filter,
    /// Which part of the log was read.
    pub span: Span,
    /// Records that were read.
    pub read: u64,
    /// Records that count.
    pub matched: u64,
    /// Records that the log itself says were lost.
    pub lost: u64,
    /// All calls and refusals.
    pub total: Tally,
    /// How long calls took, from admission to conclusion.
    pub durations: Durations,
    /// Records by kind.
    pub kinds: BTreeMap<String, u64>,
    /// How time is cut.
    pub period: Period,
    /// How it was asked to be; shorter than `period` where there would have been too many.
    pub asked_period: Period,
    /// Each period in which something happened, in order.
    pub periods: Vec<Point>,
    /// What happened in periods for which there was no room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<Tally>,
    /// By who asked.
    pub principals: Ranking<Name, Tally>,
    /// By whose world.
    pub tenants: Ranking<Name, Tally>,
    /// By function.
    pub tools: Ranking<Name, ToolUse>,
    /// Who used what: principal and tool.
    pub pairs: Ranking<Pair, Tally>,
    /// Refusals by code.
    pub refusals: Ranking<Name, Times>,
    /// Calls that the host ended, by code.
    pub failures: Ranking<Name, Times>,
    /// Who was denied what: principal, tool and code.
    pub denials: Ranking<Denial, Times>,
    /// Calls without a conclusion; absent where the filter asks for outcomes or kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<OpenCalls>,
}

impl Summary {
    /// How many records of `kind` count.
    #[must_use]
    pub fn kind(&self, kind: &str) -> u64 {
        self.kinds.get(kind).copied().unwrap_or(0)
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// For a terminal: aligned, with bars.
    #[must_use]
    pub fn to_text(&self) -> String {
        super::terminal::page(self)
    }

    /// One page for a browser, with nothing outside it and no script.
    #[must_use]
    pub fn to_html(&self) -> String {
        super::html::page(self)
    }
}
