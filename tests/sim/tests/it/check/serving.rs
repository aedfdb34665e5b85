//! Who serves what: calls go where a swap has put them, none go where none are taken, and in fair weather none fail.

use super::Check;
use crate::world::Ran;

impl Check<'_> {
    pub(super) fn calls_go_where_operators_say(&mut self) {
        let mut faults = Vec::new();
        for swap in &self.memory.changes.swapped {
            let after = |ran: &&Ran| {
                let sent = self.memory.senders[&ran.call_id].sent;
                ran.life == swap.life
                    && ran.tool == swap.tool
                    && sent > swap.from
                    && swap.until.is_none_or(|until| ran.at < until)
            };
            for ran in self.memory.ran.iter().filter(after) {
                if provider(ran) != swap.serving {
                    faults.push(format!(
                        "{} ran at {}, after {} had taken its place",
                        ran.invocation, ran.runtime, swap.serving
                    ));
                }
            }
        }
        for rest in &self.memory.changes.rests {
            let during = |ran: &&Ran| {
                let is = ran.tool == rest.tool || provider(ran) == rest.provider;
                is && ran.life == rest.life && ran.at > rest.from && rest.until.is_none_or(|until| ran.at < until)
            };
            for ran in self.memory.ran.iter().filter(during) {
                let sent = self.memory.senders[&ran.call_id].sent;
                if sent > rest.from || (rest.in_flight == 0 && ran.prompt) {
                    faults.push(format!("{} began while {}{} took no calls", ran.invocation, rest.tool, rest.provider));
                }
            }
        }
        self.faults.extend(faults);
    }

    /// Swaps, those that are taken back, and the end of decisions fail no call.
    pub(super) fn nothing_fails_in_fair_weather(&mut self) {
        if !self.is_fair {
            return;
        }
        let failed = self.memory.heard.iter().filter(|heard| heard.answer.is_err());
        let faults: Vec<_> =
            failed.map(|heard| format!("{} failed in fair weather: {:?}", heard.call_id, heard.answer)).collect();
        let torn =
            self.memory.streams.read.iter().filter(|read| !matches!(read.ends[..], [crate::streams::End::Whole(_)]));
        let torn: Vec<_> =
            torn.map(|read| format!("{} failed in fair weather: {:?}", read.call_id, read.ends)).collect();
        let (sent, ended) = (self.memory.senders.len(), self.memory.heard.len() + self.memory.streams.read.len());
        self.faults.extend(faults.into_iter().chain(torn));
        if sent != ended {
            self.fault(format!("{sent} calls were sent in fair weather, and {ended} ended"));
        }
    }
}

fn provider(ran: &Ran) -> &str {
    ran.runtime.split('/').next().unwrap_or_default()
}
