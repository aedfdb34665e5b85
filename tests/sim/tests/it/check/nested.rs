//! Calls within calls: each has its parent on record before it, ends with it, and has no more rights than who makes it.

use std::collections::BTreeMap;

use super::Check;

/// A call that is told to stop has ended on record after this, in milliseconds.
const TOLD: u64 = 100;

impl Check<'_> {
    pub(super) fn children_end_with_their_parents(&mut self) {
        let asked: BTreeMap<_, _> = self.memory.nested.iter().map(|nested| (&*nested.call_id, nested)).collect();
        let mut faults = Vec::new();
        for (child, execution) in &self.log {
            let Some(admitted) = execution.admitted.first() else { continue };
            let nested = admitted.call_id().and_then(|call_id| asked.get(call_id));
            let (nested, parent) = match (nested, admitted.text("parent")) {
                (Some(nested), Some(parent)) if nested.parent.to_string() == parent => (nested, &self.log[parent]),
                (None, None) => continue,
                (_, parent) => {
                    faults.push(format!("{child} is on record as one within {parent:?}"));
                    continue;
                }
            };
            if !nested.may_call {
                faults.push(format!("{child} was admitted, although the runtime that asked for it may call nothing"));
            }
            let Some(above) = parent.admitted.first().filter(|above| above.index() < admitted.index()) else {
                faults.push(format!("{child} was admitted before the call that it is for"));
                continue;
            };
            if admitted.number("deadline_ms") > above.number("deadline_ms") {
                faults.push(format!("{child} may last longer than the call that it is for"));
            }
            if [admitted.principal(), admitted.tenant(), admitted.session()] != [above.principal(), above.tenant(), above.session()] {
                faults.push(format!("{child} runs for somebody else than the call that it is for"));
            }
            let (Some(ended), Some(over)) = (execution.concluded.first(), parent.concluded.first()) else { continue };
            // What a dead process left is closed by the next one, in any order.
            let by_itself = [ended, over].iter().all(|record| record.outcome() != Some("outcome_unknown"));
            if by_itself && self.wall_is_right && ended.at_ms() > over.at_ms() + TOLD && !self.waited(admitted.index(), over.at_ms()) {
                faults.push(format!("{child} ended {} ms after the call that it was for", ended.at_ms() - over.at_ms()));
            }
            for ran in self.memory.ran.iter().filter(|ran| ran.prompt && ran.invocation.to_string() == *child) {
                if self.disk.was_durable(over.index(), ran.synced) {
                    faults.push(format!("{child} began when the call that it is for was over"));
                }
            }
        }
        self.faults.extend(faults);
    }

    /// Its admission was being written when its parent ended: it ends when that is done.
    fn waited(&self, index: u64, parent_ended_ms: u64) -> bool {
        self.disk.stored_ms(index).is_none_or(|stored| stored + TOLD > parent_ended_ms)
    }
}
