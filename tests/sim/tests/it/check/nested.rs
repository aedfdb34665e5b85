//! Calls within calls: each has its parent on record before it, ends with it, and has no more rights than who makes it.

use std::collections::BTreeMap;

use super::{Check, Execution};

/// A call that is told to stop has ended on record after this, in milliseconds.
const TOLD: u64 = 100;

impl Check<'_> {
    pub(super) fn children_end_with_their_parents(&mut self) {
        let asked: BTreeMap<_, _> = self.memory.nested.iter().map(|nested| (&*nested.call_id, nested)).collect();
        let mut faults = Vec::new();
        for (child, execution) in &self.log {
            let Some(admitted) = execution.admitted.first() else { continue };
            let nested = admitted.call_id().and_then(|call_id| asked.get(call_id));
            let parent = match (nested, admitted.text("parent")) {
                (Some(nested), Some(parent)) if nested.parent.to_string() == parent => {
                    if !nested.may_call {
                        faults.push(format!("{child} was admitted for a runtime that may call nothing"));
                    }
                    &self.log[parent]
                }
                (None, None) => continue,
                (_, parent) => {
                    faults.push(format!("{child} is on record as one within {parent:?}"));
                    continue;
                }
            };
            let astray =
                self.astray(execution, parent).map(str::to_owned).or_else(|| self.outlives(child, execution, parent));
            faults.extend(astray.map(|fault| format!("{child} {fault}")));
        }
        self.faults.extend(faults);
    }

    /// What is wrong with how a call came to be.
    fn astray(&self, child: &Execution<'_>, parent: &Execution<'_>) -> Option<&'static str> {
        let (child, parent) = (child.admitted.first()?, parent.admitted.first());
        let Some(parent) = parent.filter(|parent| parent.index() < child.index()) else {
            return Some("was admitted before the call that it is for");
        };
        if self.wall_is_right && child.number("deadline_ms") > parent.number("deadline_ms") {
            return Some("may last longer than the call that it is for");
        }
        let whose = [parent, child].map(|record| [record.principal(), record.tenant(), record.session()]);
        (whose[0] != whose[1]).then_some("runs for somebody else than the call that it is for")
    }

    /// What is wrong with how a call ended.
    fn outlives(&self, name: &str, child: &Execution<'_>, parent: &Execution<'_>) -> Option<String> {
        let (ended, over) = (child.concluded.first()?, parent.concluded.first()?);
        let began = |ran: &&crate::world::Ran| ran.prompt && ran.invocation.to_string() == name;
        if self.memory.ran.iter().filter(began).any(|ran| self.disk.was_durable(over.index(), ran.synced)) {
            return Some("began when the call that it was for was over".to_owned());
        }
        // What a dead process left is closed by the next one, in any order.
        if !self.wall_is_right || [ended, over].iter().any(|record| record.outcome() == Some("outcome_unknown")) {
            return None;
        }
        // Where a record of it was being written, it ends when that is done.
        let written = child.admitted.iter().chain(&child.attempted).last()?;
        let written = self.disk.stored_ms(written.index()).unwrap_or(u64::MAX);
        let late = ended.at_ms().saturating_sub(over.at_ms().max(written));
        (late > TOLD).then(|| format!("ended {late} ms after the call that it was for"))
    }
}
