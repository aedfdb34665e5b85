//! Calls that wait for a person, and what is sent to tell people of them.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

const ENDS: [&str; 5] = ["requested", "allow", "deny", "expired", "void"];
const NOTICES: [&str; 3] = ["sent", "failed", "dropped"];

#[derive(Debug)]
pub(crate) struct Approvals {
    ends: Vec<(&'static str, IntCounter)>,
    notices: Vec<(&'static str, IntCounter)>,
    pub(crate) waiting: IntGauge,
}

impl Approvals {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let each = |name: &str, help: &str, label: &str, values: &[&'static str]| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            let counters = values.iter().map(|value| (*value, counters.with_label_values(&[value])));
            Ok::<_, prometheus::Error>(counters.collect())
        };
        let waiting =
            IntGauge::new("grid_approvals_waiting", "Calls that wait for a person, or for their caller after a yes")?;
        registry.register(Box::new(waiting.clone()))?;
        Ok(Self {
            ends: each("grid_approvals_total", "Approvals that were requested, and how they ended", "status", &ENDS)?,
            notices: each("grid_approval_notices_total", "Messages to the webhook for approvals", "status", &NOTICES)?,
            waiting,
        })
    }

    pub(crate) fn count(&self, status: &str) {
        count(&self.ends, status);
    }

    pub(crate) fn notice(&self, status: &str) {
        count(&self.notices, status);
    }
}

fn count(counters: &[(&'static str, IntCounter)], status: &str) {
    if let Some((_, counter)) = counters.iter().find(|(known, _)| *known == status) {
        counter.inc();
    }
}
