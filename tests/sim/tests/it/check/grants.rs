//! Grants: on record before anybody has one, ended once and in one way, and good for nothing after rights or time ended.

use grid_adm::Digest;
use grid_audit::Record;

use super::Check;
use crate::holders::{Held, Taken};

impl Check<'_> {
    pub(super) fn grants_end_once(&mut self) {
        let grants = &self.memory.grants;
        let mut faults = Vec::new();
        for held in &grants.held {
            let name = held.invocation.to_string();
            let admitted = self.log.get(&name).and_then(|found| found.admitted.first());
            if !admitted.is_some_and(|record| self.disk.was_durable(record.index(), held.synced)) {
                faults.push(format!("{name} was granted before its admission was durable"));
            }
            if self.memory.ran.iter().any(|ran| ran.invocation == held.invocation) {
                faults.push(format!("{name} was granted, and ran at a runtime"));
            }
        }
        for taken in &grants.taken {
            let fault = self.mistaken(taken);
            faults.extend(fault.map(|fault| format!("the report of {} was taken: {fault}", taken.invocation)));
        }
        for (invocation, synced) in &grants.given_back {
            let concluded = self.ended(&invocation.to_string());
            let claimed = concluded.is_some_and(is_claimed);
            if claimed || !concluded.is_some_and(|record| self.disk.was_durable(record.index(), *synced)) {
                faults.push(format!("{invocation} was given back, and is on record otherwise"));
            }
        }
        faults.extend(self.reported_too_late());
        self.faults.extend(faults);
    }

    fn ended(&self, invocation: &str) -> Option<&Record> {
        self.log.get(invocation)?.concluded.first().copied()
    }

    fn mistaken(&self, taken: &Taken) -> Option<String> {
        if taken.forged {
            return Some("with other arguments than were granted".to_owned());
        }
        let concluded = self.ended(&taken.invocation.to_string());
        let Some(record) = concluded.filter(|record| self.disk.was_durable(record.index(), taken.synced)) else {
            return Some("and its conclusion was not durable".to_owned());
        };
        let digest = format!("sha256:{}", Digest::of_bytes(taken.content.as_bytes()));
        if !is_claimed(record) || record.text("result_digest") != Some(&*digest) {
            return Some(format!("it says {}, but the conclusion is {}", taken.content, record.line()));
        }
        // The same report is answered again for ever; the first one has to come in time.
        let of = |other: &&Taken| other.invocation == taken.invocation;
        let first = self.memory.grants.taken.iter().filter(of).map(|taken| taken.asked).min()?;
        // A host that takes a grant up after another counts its time by the wall clock.
        let of = |held: &&Held| held.invocation == taken.invocation && held.life == taken.life;
        let held = self.memory.grants.held.iter().find(of)?;
        (first > held.until).then(|| format!("{first:?} is after {:?}, when it was over", held.until))
    }

    /// What a holder says of a run is worth nothing once rights have ended.
    fn reported_too_late(&self) -> Vec<String> {
        let mut faults = Vec::new();
        let mut floor = 0;
        for record in self.records {
            let ends_all = record.kind() == "invalidated" && record.fields().get("scope").is_none();
            if ends_all {
                floor = record.number("epoch").unwrap_or(0);
            }
            let Some(invocation) = record.invocation().filter(|_| record.kind() == "concluded" && is_claimed(record))
            else {
                continue;
            };
            let epoch = self.log[invocation].admitted.first().and_then(|admitted| admitted.number("epoch"));
            if epoch < Some(floor) {
                faults.push(format!("{invocation} was reported under {epoch:?}, after {floor} was in force"));
            }
        }
        faults
    }
}

fn is_claimed(record: &Record) -> bool {
    record.fields().contains_key("claimed")
}
