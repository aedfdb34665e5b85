//! What must be true of the records in their order: every conclusion has one admission before it, every admission
//! names the decision it rests on, a call goes to a further runtime only while it is open, a call that a person had to approve rests on an approval of its own, and what only a
//! caller can know is told as its claim. What is only odd is a finding.

use std::collections::{BTreeMap, HashMap, HashSet};

use grid_core::event::Kind;

use crate::{Finding, approvals::Approvals, record::Peek};

const GAP: &str = "gap";
pub(crate) const KEY_ROTATED: &str = "key_rotated";
/// The first few of each sort are named, the rest counted.
const NAMED: usize = 10;

/// Takes the records one after the other. Needs about 40 bytes of memory for every call that was ever admitted.
#[derive(Debug, Default)]
pub(crate) struct Order {
    open: HashMap<u128, Open>,
    closed: HashSet<u128>,
    counts: BTreeMap<&'static str, u64>,
    /// Records that gaps stand for, less the conclusions that lost their admission so.
    lost: u64,
    approvals: Approvals,
    running: Option<u64>,
    times: Times,
    found: BTreeMap<&'static str, Seen>,
}

/// An admission without its conclusion.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u64,
    /// Its caller runs it.
    local: bool,
    /// Runtimes that it was handed to, or was to be.
    attempts: u64,
}

/// Times of the records.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) first_ms: u64,
    pub(crate) last_ms: u64,
    any: bool,
    back: u64,
    back_first: u64,
    back_most_ms: u64,
}

/// Places where something odd was seen.
#[derive(Debug, Default)]
struct Seen {
    count: u64,
    indices: Vec<u64>,
}

impl Order {
    /// The next record.
    pub(crate) fn pass(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        let kind = known(peek.kind).ok_or("its kind is none that a log has")?;
        *self.counts.entry(kind).or_default() += 1;
        self.times.pass(index, peek.at_ms);
        match kind {
            "admitted" => self.admitted(index, peek),
            "concluded" => self.concluded(index, peek),
            "attempted" => self.attempted(index, peek),
            "approval_requested" => self.approvals.requested(index, peek),
            "approval_decided" => match self.approvals.decided(peek)? {
                true => Ok(()),
                false => self.approval_lost(index),
            },
            GAP => {
                self.lost = self.lost.saturating_add(peek.lost.ok_or("a gap does not say how many records it lost")?);
                self.note("gap", index);
                Ok(())
            }
            "host_started" => {
                if self.running.replace(index).is_some() {
                    self.note("unclean_start", index);
                }
                Ok(())
            }
            "host_stopped" => {
                if self.running.take().is_none() {
                    self.note("stop_without_start", index);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn admitted(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        let invocation = peek.invocation.ok_or("it admits a call that has no invocation")?;
        if peek.rule.is_none_or(str::is_empty) || peek.epoch.is_none() {
            return Err("it admits a call without naming the decision: `rule` and `epoch` belong there");
        }
        if peek.local != peek.expires_ms.is_some() {
            return Err("it admits a local run without its end, or an end without a local run");
        }
        let open = Open { index, local: peek.local, attempts: 1 };
        if self.closed.contains(&invocation) || self.open.insert(invocation, open).is_some() {
            return Err("it admits an invocation that was admitted before");
        }
        match self.approvals.used(peek)? {
            true => Ok(()),
            false => self.approval_lost(index),
        }
    }

    /// The call is handed to another runtime: the second, the third, in their order.
    fn attempted(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        let invocation = peek.invocation.ok_or("it hands over a call that has no invocation")?;
        let attempt = peek.attempt.filter(|attempt| *attempt > 1).ok_or("it does not say which attempt it begins")?;
        if self.closed.contains(&invocation) {
            return Err("it hands over a call that was concluded before");
        }
        let known = self.open.get(&invocation).copied();
        if known.is_some_and(|open| open.local) {
            return Err("it hands a call over that its caller runs");
        }
        let next = known.map(|open| open.attempts + 1);
        if next != Some(attempt) {
            // Where durability was relaxed, what came before may be among the records that a gap stands for.
            let missing = attempt.checked_sub(next.unwrap_or(1)).ok_or("it begins an attempt that was begun before")?;
            let left = self.lost.checked_sub(missing);
            self.lost = left.ok_or("it begins an attempt, and the one before it never was")?;
            self.note("admission_lost", index);
        }
        let first = known.map_or(index, |open| open.index);
        self.open.insert(invocation, Open { index: first, local: false, attempts: attempt });
        Ok(())
    }

    /// Where durability was relaxed, the record that it rests on may be among those that a gap stands for.
    fn approval_lost(&mut self, index: u64) -> Result<(), &'static str> {
        self.lost = self.lost.checked_sub(1).ok_or("it rests on an approval that was never requested or decided")?;
        self.note("approval_lost", index);
        Ok(())
    }

    fn concluded(&mut self, index: u64, peek: &Peek<'_>) -> Result<(), &'static str> {
        let invocation = peek.invocation.ok_or("it concludes a call that has no invocation")?;
        if self.closed.contains(&invocation) {
            return Err("it concludes an invocation that was concluded before");
        }
        match self.open.remove(&invocation) {
            Some(open) => {
                fits(open.local, peek)?;
                if peek.attempt.is_some_and(|attempt| attempt != open.attempts) {
                    return Err("it counts other attempts than were begun");
                }
            }
            None => {
                // Where durability was relaxed, the admission may be among the records that a gap stands for.
                self.lost = self.lost.checked_sub(1).ok_or("it concludes an invocation that was never admitted")?;
                self.note("admission_lost", index);
            }
        }
        self.closed.insert(invocation);
        Ok(())
    }

    fn note(&mut self, what: &'static str, index: u64) {
        let seen = self.found.entry(what).or_default();
        seen.count += 1;
        if seen.indices.len() < NAMED {
            seen.indices.push(index);
        }
    }

    pub(crate) fn times(&self) -> Times {
        self.times
    }

    /// An admission before `index` that was never concluded.
    pub(crate) fn open_before(&self, index: u64) -> Option<u64> {
        self.open.values().map(|open| open.index).filter(|admitted| *admitted < index).min()
    }

    pub(crate) fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
    }

    /// What is odd, for the report.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self
            .found
            .iter()
            .map(|(name, seen)| Finding::seen(name, text(name), seen.count, seen.indices.clone()))
            .collect();
        let mut open: Vec<u64> = self.open.values().map(|open| open.index).collect();
        open.sort_unstable();
        if !open.is_empty() {
            let count = open.len() as u64;
            open.truncate(NAMED);
            let what = "admitted and not concluded: running now, or the host stopped and will close them at its start";
            findings.push(Finding::seen("open_calls", what, count, open));
        }
        let waiting = self.approvals.open();
        if !waiting.is_empty() {
            let count = waiting.len() as u64;
            let what = "asked of a person and not decided: waits now, or the host stopped and will end it at its start";
            findings.push(Finding::seen("open_approvals", what, count, waiting.into_iter().take(NAMED).collect()));
        }
        if self.times.back > 0 {
            let most = self.times.back_most_ms;
            let what = format!("the time goes back from one record to the next, by {most} ms at most");
            findings.push(Finding::seen("time_goes_back", what, self.times.back, vec![self.times.back_first]));
        }
        findings
    }
}

impl Times {
    fn pass(&mut self, index: u64, at_ms: u64) {
        if self.any && at_ms < self.last_ms {
            if self.back == 0 {
                self.back_first = index;
            }
            self.back += 1;
            self.back_most_ms = self.back_most_ms.max(self.last_ms - at_ms);
        }
        if !self.any {
            self.first_ms = at_ms;
        }
        self.any = true;
        self.last_ms = at_ms;
    }
}

/// A run at its caller ends as the caller claims, or without a word of it; one at a runtime does neither.
fn fits(local: bool, peek: &Peek<'_>) -> Result<(), &'static str> {
    let silent = matches!(peek.outcome, Some("unreported" | "revoked"));
    let known = matches!(peek.outcome, Some("success" | "tool_error"));
    match local {
        false if peek.claimed || silent => Err("it ends a call of a runtime as only a local run can end"),
        true if known && !peek.claimed => Err("it tells the outcome of a local run as if the host had seen it"),
        _ => Ok(()),
    }
}

fn text(name: &str) -> &'static str {
    match name {
        "gap" => "records were lost here while durability was relaxed, and the log says how many",
        "admission_lost" => "concluded or handed over, and what came before is among the records that were lost",
        "approval_lost" => "rests on an approval whose record is among those that were lost",
        "unclean_start" => "the host started and had not stopped in order before",
        _ => "the host stopped and had not started",
    }
}

fn known(kind: &str) -> Option<&'static str> {
    let kinds = Kind::ALL.iter().map(|kind| kind.as_str());
    // Almost every record of a busy log is one of two.
    ["admitted", "concluded"].into_iter().chain(kinds).chain([GAP, KEY_ROTATED]).find(|known| *known == kind)
}
