//! Breakers, further attempts of calls, and results that were used again.

use prometheus::{GaugeVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// So many breakers that are not closed have a gauge of their own; the rest is counted alone.
const NAMED: usize = 100;
const WHYS: [&str; 2] = ["retry", "hedge"];

/// A look at breakers and results that are kept.
#[derive(Debug, Default)]
pub struct Carried {
    /// Those that are not closed.
    pub breakers: Vec<Breaker>,
    /// How often breakers came to be in each state.
    pub changes: Vec<(&'static str, u64)>,
    /// Times that a breaker kept a call away.
    pub rejected: u64,
    /// Calls that were slow.
    pub slow: u64,
    /// Failures that counted.
    pub failures: u64,
    /// Times that breakers let calls try again, closed after that, and opened again instead.
    pub recoveries: [u64; 3],
    /// Reports of runtimes that counted for open breakers.
    pub reports: u64,
    /// Calls that breakers sent to another runtime.
    pub elsewhere: u64,
    /// Looks for a result that gave one, and that gave none.
    pub reuse: (u64, u64),
    /// Results that are kept, and their bytes.
    pub kept: (u64, u64),
}

/// One breaker.
#[derive(Debug)]
pub struct Breaker {
    /// runtime, provider or tool.
    pub scope: &'static str,
    /// Whose it is.
    pub name: String,
    /// 0.5 half open, 1 open.
    pub state: f64,
    /// Since it was last closed, in seconds.
    pub away: f64,
}

#[derive(Debug)]
pub(crate) struct Attempts {
    further: Vec<(&'static str, IntCounter)>,
    state: GaugeVec,
    away: GaugeVec,
    not_closed: IntGauge,
    changes: IntCounterVec,
    rejected: IntCounter,
    slow: IntCounter,
    failures: IntCounter,
    recoveries: [IntCounter; 3],
    reports: IntCounter,
    elsewhere: IntCounter,
    reuse: IntCounterVec,
    kept: IntGauge,
    kept_bytes: IntGauge,
}

impl Attempts {
    pub(crate) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name: &str, help: &str| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let each = |name: &str, help: &str, label: &str| {
            let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(counters.clone()))?;
            Ok::<_, prometheus::Error>(counters)
        };
        let gauge = |name: &str, help: &str| {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let each_breaker = |name: &str, help: &str| {
            let gauges = GaugeVec::new(Opts::new(name, help), &["scope", "name"])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok::<_, prometheus::Error>(gauges)
        };
        let further = each("grid_attempts_total", "Hand-overs of calls to further runtimes", "why")?;
        Ok(Self {
            further: WHYS.iter().map(|why| (*why, further.with_label_values(&[why]))).collect(),
            state: each_breaker(
                "circuit_breaker_state",
                "Breakers that are not closed: 0.5 half open or recovering, 1 open",
            )?,
            away: each_breaker(
                "circuit_breaker_open_duration_seconds",
                "How long each was not closed, trials included",
            )?,
            not_closed: gauge("circuit_breaker_not_closed", "Breakers that are not closed")?,
            changes: each("circuit_breaker_state_changes_total", "Changes of breakers, by the state after", "to")?,
            rejected: counter("circuit_breaker_rejected_requests_total", "Times that a breaker kept a call away")?,
            slow: counter("circuit_breaker_slow_calls_total", "Calls that took longer than `breaker.slow_call`")?,
            failures: counter("circuit_breaker_failures_total", "Failures that count against a runtime")?,
            recoveries: [
                counter("circuit_breaker_recovery_attempts_total", "Times that a breaker let calls try again")?,
                counter("circuit_breaker_recovery_success_total", "Times that it closed after that")?,
                counter("circuit_breaker_recovery_failure_total", "Times that it opened again instead")?,
            ],
            reports: counter(
                "circuit_breaker_health_checks_total",
                "Reports of runtimes that counted for open breakers",
            )?,
            elsewhere: counter(
                "circuit_breaker_fallback_executions_total",
                "Calls that breakers sent to another runtime",
            )?,
            reuse: each("grid_reuse_total", "Looks for a result of before, by what came of them", "result")?,
            kept: gauge("grid_reuse_results", "Results that are kept")?,
            kept_bytes: gauge("grid_reuse_bytes", "Bytes of results that are kept")?,
        })
    }

    pub(crate) fn count(&self, why: &str) {
        if let Some((_, counter)) = self.further.iter().find(|(known, _)| *known == why) {
            counter.inc();
        }
    }

    pub(crate) fn set(&self, carried: &Carried) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        // One that closed, or went, has no gauge any more.
        self.state.reset();
        self.away.reset();
        for breaker in carried.breakers.iter().take(NAMED) {
            let labels = [breaker.scope, breaker.name.as_str()];
            self.state.with_label_values(&labels).set(breaker.state);
            self.away.with_label_values(&labels).set(breaker.away);
        }
        self.not_closed.set(number(carried.breakers.len() as u64));
        let (hits, misses) = carried.reuse;
        let counts = carried.changes.iter().map(|(to, count)| (self.changes.with_label_values(&[to]), *count));
        let counts = counts.chain([
            (self.rejected.clone(), carried.rejected),
            (self.slow.clone(), carried.slow),
            (self.failures.clone(), carried.failures),
            (self.reports.clone(), carried.reports),
            (self.elsewhere.clone(), carried.elsewhere),
            (self.reuse.with_label_values(&["hit"]), hits),
            (self.reuse.with_label_values(&["miss"]), misses),
        ]);
        let counts = counts.chain(self.recoveries.iter().cloned().zip(carried.recoveries));
        for (counter, count) in counts {
            // They only grow, and are counted where it happens; two that read at once write the same.
            counter.inc_by(count.saturating_sub(counter.get()));
        }
        self.kept.set(number(carried.kept.0));
        self.kept_bytes.set(number(carried.kept.1));
    }
}
