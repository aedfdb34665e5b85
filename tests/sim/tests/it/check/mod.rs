//! What must hold of every run, whatever was done in it.

use std::collections::{BTreeMap, HashMap};

use grid_audit::Record;
use grid_core::id::InvocationId;

use crate::{
    disk::Disk,
    script::Weather,
    world::{Form, Memory, Ran, World},
};

mod grants;
mod nested;
mod rights;
mod serving;
mod streams;

/// What callers hear where the log cannot be written.
const UNWRITTEN: [&str; 2] = ["AUDIT_UNAVAILABLE", "OUTCOME_UNAUDITED"];

/// What the log says of an execution.
#[derive(Debug, Default)]
struct Execution<'a> {
    admitted: Vec<&'a Record>,
    /// Further runtimes that it was handed to.
    attempted: Vec<&'a Record>,
    concluded: Vec<&'a Record>,
    late: usize,
    violations: usize,
}

struct Check<'a> {
    log: BTreeMap<String, Execution<'a>>,
    records: &'a [Record],
    memory: &'a Memory,
    disk: &'a Disk,
    is_fair: bool,
    /// Times of records can be compared with one another.
    wall_is_right: bool,
    faults: Vec<String>,
}

/// Everything that is wrong with a run, in which the last of `lives` ended in order.
pub fn faults(records: &[Record], memory: &Memory, world: &World, last: usize) -> Vec<String> {
    let mut log: BTreeMap<String, Execution<'_>> = BTreeMap::new();
    for record in records {
        let Some(invocation) = record.invocation() else { continue };
        let execution = log.entry(invocation.to_owned()).or_default();
        match record.kind() {
            "admitted" => execution.admitted.push(record),
            "attempted" => execution.attempted.push(record),
            "concluded" => execution.concluded.push(record),
            "late_result" => execution.late += 1,
            "violation" => execution.violations += 1,
            _ => {}
        }
    }
    let mut check = Check {
        log,
        records,
        memory,
        disk: &world.disk,
        is_fair: world.is_fair(),
        wall_is_right: world.weather != Weather::Skewed,
        faults: memory.faults.clone(),
    };
    check.every_admission_has_one_conclusion();
    check.what_runs_was_admitted();
    check.a_write_runs_once();
    check.what_is_heard_was_concluded();
    check.nothing_is_delivered_to_another();
    check.late_results_are_recorded(last);
    check.no_right_outlives_its_end();
    check.nobody_begins_with_a_void_proof();
    check.streams_are_whole_or_say_so();
    check.calls_go_where_operators_say();
    check.nothing_fails_in_fair_weather();
    check.children_end_with_their_parents();
    check.grants_end_once();
    check.faults
}

impl Check<'_> {
    fn fault(&mut self, fault: String) {
        self.faults.push(fault);
    }

    fn every_admission_has_one_conclusion(&mut self) {
        let mut faults = Vec::new();
        for (invocation, execution) in &self.log {
            let in_order = match (&execution.admitted[..], &execution.concluded[..]) {
                ([admitted], [concluded]) => admitted.index() < concluded.index(),
                ([], []) => true,
                _ => false,
            };
            if !in_order {
                let (admitted, concluded) = (execution.admitted.len(), execution.concluded.len());
                faults.push(format!("{invocation}: {admitted} admissions, {concluded} conclusions"));
            }
        }
        self.faults.extend(faults);
    }

    fn what_runs_was_admitted(&mut self) {
        let mut times: HashMap<InvocationId, usize> = HashMap::new();
        for ran in &self.memory.ran {
            *times.entry(ran.invocation).or_default() += 1;
            if let Some(fault) = self.is_amiss(ran) {
                self.fault(format!("{} ran: {fault}", ran.invocation));
            }
        }
        for (invocation, times) in times {
            let intents = self.intents(invocation).count();
            if times > intents {
                self.fault(format!("{invocation} was sent {times} times, {intents} times on record"));
            }
        }
    }

    /// What had to be durable before it was handed over: its admission, and the record of each further attempt.
    fn intents(&self, invocation: InvocationId) -> impl Iterator<Item = &Record> {
        let found = self.log.get(&invocation.to_string()).into_iter();
        found.flat_map(|found| found.admitted.iter().chain(&found.attempted).copied())
    }

    fn is_amiss(&self, ran: &Ran) -> Option<String> {
        let to = |record: &&Record| record.runtime() == Some(&ran.runtime);
        let intent = self.intents(ran.invocation).find(to).or_else(|| self.intents(ran.invocation).next());
        let Some(admitted) = intent else { return Some("it was never admitted".to_owned()) };
        let said = [admitted.tool(), admitted.call_id(), admitted.runtime(), admitted.tenant()];
        let done = [&*ran.tool, &*ran.call_id, &*ran.runtime, ran.tenant].map(Some);
        if said != done {
            return Some(format!("{done:?}, admitted as {said:?}"));
        }
        let durable = self.disk.was_durable(admitted.index(), ran.synced);
        (!durable).then(|| "its admission was not durable".to_owned())
    }

    /// Each logical call has arguments that no other has.
    fn a_write_runs_once(&mut self) {
        let mut runs: BTreeMap<&str, usize> = BTreeMap::new();
        for ran in self.memory.ran.iter().filter(|ran| ran.tool == "send") {
            *runs.entry(&ran.args).or_default() += 1;
        }
        for (args, times) in runs {
            if times > 1 {
                self.fault(format!("`send` {args} ran {times} times"));
            }
        }
    }

    fn what_is_heard_was_concluded(&mut self) {
        for heard in &self.memory.heard {
            let Some(invocation) = heard.invocation else {
                if heard.answer.is_ok() {
                    self.fault(format!("{} was answered without an execution", heard.call_id));
                }
                continue;
            };
            let concluded = self.log.get(&invocation.to_string()).and_then(|found| found.concluded.first());
            let concluded = concluded.filter(|record| self.disk.was_durable(record.index(), heard.synced));
            let fault = match (concluded, &heard.answer) {
                (None, Err(_)) if self.is_unadmitted(invocation) => None,
                // What was appended and not synced may be found there later; nobody was told that it is.
                (None, Err(code)) if heard.unwritable && UNWRITTEN.contains(code) => None,
                (None, answer) => Some(format!("heard {answer:?} before its conclusion was durable")),
                (Some(record), Ok(_)) => {
                    let is_answer = matches!(record.outcome(), Some("success" | "tool_error"));
                    (!is_answer).then(|| format!("answered, but concluded as {:?}", record.outcome()))
                }
                (Some(record), Err(code)) => (record.code() != Some(*code)).then(|| {
                    format!("refused with {code}, but concluded as {:?} {:?}", record.outcome(), record.code())
                }),
            };
            if let Some(fault) = fault {
                self.fault(format!("{}, {invocation}: {fault}", heard.call_id));
            }
        }
    }

    /// A place was taken for it, and nothing more.
    fn is_unadmitted(&self, invocation: InvocationId) -> bool {
        self.log.get(&invocation.to_string()).is_none_or(|found| found.admitted.is_empty())
    }

    /// The words that a caller hears are those that the runtime which was called said about this execution.
    fn nothing_is_delivered_to_another(&mut self) {
        for heard in &self.memory.heard {
            let (Some(invocation), Ok(content)) = (heard.invocation, &heard.answer) else { continue };
            // One that was handed to the same runtime again is answered there: nobody can tell for which of both.
            let again = self.log.get(&invocation.to_string()).is_some_and(|found| !found.attempted.is_empty());
            let right = |form: Form| form == Form::Right || (again && form == Form::Elsewhere);
            let said = self.memory.said.iter();
            let said = said
                .filter(|said| said.content == *content)
                .any(|said| said.invocation == invocation && right(said.form));
            // The host may have been killed between its record and ours.
            if !said {
                self.fault(format!("{} heard {content}, which nobody said to {invocation}", heard.call_id));
            }
            let asked = self.memory.ran.iter().find(|ran| ran.invocation == invocation);
            if asked.is_none_or(|ran| ran.call_id != heard.call_id) {
                self.fault(format!("{} heard {content}, which answers another call", heard.call_id));
            }
        }
    }

    /// Of an execution that ended in order: each result is its answer, or on record as late.
    fn late_results_are_recorded(&mut self, last: usize) {
        let mut said: BTreeMap<String, (usize, bool)> = BTreeMap::new();
        for result in self.memory.said.iter().filter(|said| said.life == last) {
            let (rights, plain) = said.entry(result.invocation.to_string()).or_insert((0, true));
            match result.form {
                Form::Right => *rights += 1,
                // It may have ended the call itself; then only its record is asked for.
                Form::Garbled | Form::Wrong | Form::Elsewhere => *plain = false,
            }
        }
        for (invocation, (rights, plain)) in said {
            // What becomes of the end of a stream is counted with streams.
            if self.memory.streams.has(invocation.parse().unwrap()) {
                continue;
            }
            let Some(execution) = self.log.get(&invocation) else {
                self.fault(format!("a result for {invocation} left no record"));
                continue;
            };
            let answered =
                execution.concluded.iter().any(|record| matches!(record.outcome(), Some("success" | "tool_error")));
            let (late, violations) = (execution.late, execution.violations);
            let recorded = usize::from(answered) + late;
            if plain && recorded != rights {
                self.fault(format!("{invocation}: {rights} results, answered: {answered}, {late} recorded as late"));
            }
            if !plain && recorded + violations < rights {
                self.fault(format!("{invocation}: {rights} results, {recorded} of them on record"));
            }
        }
    }
}
