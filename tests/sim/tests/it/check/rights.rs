//! The end of rights: nothing is admitted, handed over or proved by what had ended before.

use super::Check;
use crate::world::Revoked;

impl Check<'_> {
    pub(super) fn nobody_begins_with_a_void_proof(&mut self) {
        for ran in self.memory.ran.iter().filter(|ran| ran.prompt) {
            let sender = self.memory.senders[&ran.call_id];
            let void = |end: &&Revoked| {
                end.life == ran.life
                    && end.unproved == Some(sender.name)
                    && sender.proved < end.asked
                    && end.at < ran.at
            };
            if let Some(end) = self.memory.revoked.iter().find(void) {
                let (at, proved) = (end.at, sender.proved);
                self.faults
                    .push(format!("{} began for {sender:?}, proved at {proved}, void since {at:?}", ran.invocation));
            }
        }
    }

    pub(super) fn no_right_outlives_its_end(&mut self) {
        let mut floor = 0;
        for record in self.records {
            let epoch = record.number("epoch").unwrap_or(0);
            match record.kind() {
                "invalidated" => floor = floor.max(epoch),
                "admitted" => {
                    // Whoever ends rights waits for nobody's record: what has no place yet is overtaken.
                    let placed = self.disk.epoch_of(record.index()).unwrap_or(0);
                    if epoch < floor.max(placed) {
                        let (what, floor) = (record.invocation(), floor.max(placed));
                        self.faults
                            .push(format!("{what:?} was admitted under epoch {epoch}, when {floor} was in force"));
                    }
                }
                _ => {}
            }
        }
        for ran in self.memory.ran.iter().filter(|ran| ran.prompt) {
            // A further attempt is decided anew, and its record says under which epoch.
            let Some(epoch) = self.intents(ran.invocation).last().and_then(|record| record.number("epoch")) else {
                continue;
            };
            let mut later = self.memory.revoked.iter().filter(|end| end.life == ran.life && end.at < ran.at);
            if let Some(end) = later.rfind(|end| end.epoch > epoch) {
                self.faults
                    .push(format!("{} began under epoch {epoch}, after {} was in force", ran.invocation, end.epoch));
            }
        }
    }
}
