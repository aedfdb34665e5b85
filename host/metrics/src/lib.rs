//! Counters and latencies as Prometheus reads them. Nothing here takes a lock that calls share, and no label
//! comes from a caller.

#![deny(missing_docs)]

mod approvals;
mod attempts;

pub use attempts::{Breaker, Carried};

use std::{sync::Arc, time::Duration};

use grid_core::{Code, Refusal, Stage, event::Outcome, outcome::CallAnswer, outcome::ToolAnswer};
use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

/// 20 µs to 5 s.
const BUCKETS: [f64; 14] =
    [0.000_02, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0];

/// A cheap handle on all of them.
#[derive(Debug, Clone)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    registry: Registry,
    success: IntCounter,
    tool_error: IntCounter,
    by_code: Vec<(Code, IntCounter)>,
    granted: IntCounter,
    local: Vec<(&'static str, IntCounter)>,
    approvals: approvals::Approvals,
    attempts: attempts::Attempts,
    stages: Vec<(Stage, Histogram)>,
    commit: Histogram,
    records: IntCounter,
    policies: Policies,
    gauges: Gauges,
}

/// Of policy sets and their candidates.
#[derive(Debug)]
struct Policies {
    taken: IntCounter,
    refused: IntCounter,
    compared: IntCounter,
    differences: IntCounter,
    passed_over: IntCounter,
}

impl Policies {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counter = |name, help| {
            let counter = IntCounter::new(name, help)?;
            registry.register(Box::new(counter.clone()))?;
            Ok::<_, prometheus::Error>(counter)
        };
        let loads = IntCounterVec::new(
            Opts::new("grid_policy_loads_total", "Policy sets that were read and taken, or refused"),
            &["result"],
        )?;
        registry.register(Box::new(loads.clone()))?;
        Ok(Self {
            taken: loads.with_label_values(&["taken"]),
            refused: loads.with_label_values(&["refused"]),
            compared: counter("grid_policy_shadow_decisions_total", "Decisions that the candidate set was asked too")?,
            differences: counter(
                "grid_policy_shadow_differences_total",
                "Decisions that the candidate set would have made otherwise",
            )?,
            passed_over: counter(
                "grid_policy_shadow_skipped_total",
                "Decisions that the candidate set was not asked, because too many waited",
            )?,
        })
    }
}

/// What is read when somebody asks.
#[derive(Debug)]
struct Gauges {
    cache_hits: IntGauge,
    cache_misses: IntGauge,
    in_flight: IntGauge,
    runtimes: IntGauge,
    sessions: IntGauge,
    grants: IntGauge,
    audit_writable: IntGauge,
    audit_published: IntGauge,
    audit_publishing: IntGauge,
    audit_uncosigned: IntGauge,
    audit_held: IntGauge,
    gate_limit: IntGauge,
    gate_inside: IntGauge,
    gate_latency: IntGauge,
    gate_shed: IntGaugeVec,
    gate_passed: IntGaugeVec,
    export_lag: IntGaugeVec,
    export_down: IntGaugeVec,
}

/// How one sink of the log stands.
#[derive(Debug)]
pub struct Lag {
    /// Of the sink.
    pub name: String,
    /// Records that it does not have yet.
    pub records: u64,
    /// It takes nothing.
    pub is_down: bool,
}

/// A look at the host, for the gauges.
#[derive(Debug, Default)]
pub struct Glance {
    /// Decisions taken from the cache, and made.
    pub cache: (u64, u64),
    /// Calls handed to runtimes and not ended.
    pub in_flight: u64,
    /// Attached.
    pub runtimes: u64,
    /// Open.
    pub sessions: u64,
    /// Open.
    pub grants: u64,
    /// Approvals that wait, or that nobody has used yet.
    pub approvals: u64,
    /// The log takes records.
    pub audit_writable: bool,
    /// Records under the newest public checkpoint.
    pub audit_published: u64,
    /// The last try to publish succeeded.
    pub audit_publishing: bool,
    /// How long the oldest record has waited for witnesses; absent where none is asked.
    pub audit_uncosigned: Option<Duration>,
    /// Nothing is admitted because witnesses are behind.
    pub audit_held: bool,
    /// What stands before the path; absent where load is not shed.
    pub gate: Option<Gate>,
    /// Of every sink.
    pub exports: Vec<Lag>,
    /// How calls were carried out.
    pub carried: Carried,
}

/// How load is shed.
#[derive(Debug)]
pub struct Gate {
    /// Requests that may be worked on at once.
    pub limit: u32,
    /// Those that are.
    pub inside: u32,
    /// What a call takes at the host itself.
    pub latency: Duration,
    /// Turned away since the start: for load, and because their sender had more than its share.
    pub shed: [u64; 2],
    /// Let in since the start, by lane.
    pub passed: Vec<(&'static str, u64)>,
}

impl Metrics {
    /// All at zero.
    ///
    /// # Errors
    /// Where a name is used twice; a fault of this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let calls = IntCounterVec::new(
            Opts::new("grid_calls_total", "Requests by outcome: success, tool_error or the code of the refusal"),
            &["outcome"],
        )?;
        registry.register(Box::new(calls.clone()))?;
        let by_code = Code::ALL.iter().map(|code| (*code, calls.with_label_values(&[code.as_str()]))).collect();
        let stages = prometheus::HistogramVec::new(
            HistogramOpts::new("grid_stage_seconds", "Time in each stage of the path").buckets(BUCKETS.to_vec()),
            &["stage"],
        )?;
        registry.register(Box::new(stages.clone()))?;
        let by_stage = Stage::ALL.iter().map(|stage| (*stage, stages.with_label_values(&[stage.as_str()]))).collect();
        let commit = Histogram::with_opts(
            HistogramOpts::new("grid_audit_commit_seconds", "Time of one durable batch of the audit log")
                .buckets(BUCKETS.to_vec()),
        )?;
        registry.register(Box::new(commit.clone()))?;
        let granted = IntCounter::new("grid_local_grants_total", "Grants given to callers that run tools themselves")?;
        registry.register(Box::new(granted.clone()))?;
        let local = IntCounterVec::new(
            Opts::new(
                "grid_local_results_total",
                "Ends of grants by outcome, and reports that were repeated or rejected",
            ),
            &["status"],
        )?;
        registry.register(Box::new(local.clone()))?;
        let statuses = Outcome::ALL.iter().map(|outcome| outcome.as_str()).chain(["repeated", "rejected"]);
        let local = statuses.map(|status| (status, local.with_label_values(&[status]))).collect();
        let records = IntCounter::new("grid_audit_records_total", "Durable records of the audit log")?;
        registry.register(Box::new(records.clone()))?;
        Ok(Self(Arc::new(Inner {
            success: calls.with_label_values(&["success"]),
            tool_error: calls.with_label_values(&["tool_error"]),
            by_code,
            granted,
            local,
            approvals: approvals::Approvals::new(&registry)?,
            attempts: attempts::Attempts::new(&registry)?,
            stages: by_stage,
            commit,
            records,
            policies: Policies::new(&registry)?,
            gauges: Gauges::new(&registry)?,
            registry,
        })))
    }

    /// A stage took so long.
    pub fn stage(&self, stage: Stage, took: Duration) {
        if let Some((_, histogram)) = self.0.stages.iter().find(|(known, _)| *known == stage) {
            histogram.observe(took.as_secs_f64());
        }
    }

    /// A policy set was read: taken, or refused.
    pub fn policies_read(&self, taken: bool) {
        let policies = &self.0.policies;
        if taken { policies.taken.inc() } else { policies.refused.inc() }
    }

    /// The candidate policy set was asked too.
    pub fn policies_compared(&self, differs: bool) {
        let policies = &self.0.policies;
        policies.compared.inc();
        policies.differences.inc_by(u64::from(differs));
    }

    /// So many decisions went past the candidate policy set.
    pub fn policies_skipped(&self, decisions: u64) {
        self.0.policies.passed_over.inc_by(decisions);
    }

    /// A call was answered.
    pub fn call(&self, answer: &Result<CallAnswer, Refusal>) {
        match answer.as_ref().map(|answer| &answer.answer) {
            Ok(ToolAnswer::Success(_) | ToolAnswer::Streamed(_)) => self.0.success.inc(),
            Ok(ToolAnswer::Error { .. }) => self.0.tool_error.inc(),
            Err(refusal) => self.refused(refusal.code()),
        }
    }

    /// A grant was given.
    pub fn granted(&self) {
        self.0.granted.inc();
    }

    /// A grant ended with that outcome, or a report was `repeated` or `rejected`.
    pub fn local(&self, status: &'static str) {
        if let Some((_, counter)) = self.0.local.iter().find(|(known, _)| *known == status) {
            counter.inc();
        }
    }

    /// An approval was `requested`, or ended: `allow`, `deny`, `expired`, `void`.
    pub fn approval(&self, status: &'static str) {
        self.0.approvals.count(status);
    }

    /// A message to the webhook for approvals was `sent`, `failed` for good, or `dropped` because too many wait.
    pub fn notice(&self, status: &'static str) {
        self.0.approvals.notice(status);
    }

    /// A call was handed to a further runtime: a `retry` after a failure, or a `hedge` beside one that is silent.
    pub fn attempted(&self, why: &'static str) {
        self.0.attempts.count(why);
    }

    /// A request was refused.
    pub fn refused(&self, code: Code) {
        if let Some((_, counter)) = self.0.by_code.iter().find(|(known, _)| *known == code) {
            counter.inc();
        }
    }

    /// The audit log committed a batch.
    pub fn committed(&self, entries: usize, took: Duration) {
        self.0.commit.observe(took.as_secs_f64());
        self.0.records.inc_by(entries as u64);
    }

    /// Everything, as Prometheus text.
    #[must_use]
    pub fn render(&self, glance: &Glance) -> String {
        self.0.gauges.set(glance);
        self.0.attempts.set(&glance.carried);
        self.0.approvals.waiting.set(i64::try_from(glance.approvals).unwrap_or(i64::MAX));
        TextEncoder::new().encode_to_string(&self.0.registry.gather()).unwrap_or_default()
    }
}

impl Gauges {
    fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| -> Result<IntGauge, prometheus::Error> {
            let gauge = IntGauge::new(name, help)?;
            registry.register(Box::new(gauge.clone()))?;
            Ok(gauge)
        };
        let each = |name: &str, help: &str, label: &str| -> Result<IntGaugeVec, prometheus::Error> {
            let gauges = IntGaugeVec::new(Opts::new(name, help), &[label])?;
            registry.register(Box::new(gauges.clone()))?;
            Ok(gauges)
        };
        Ok(Self {
            cache_hits: gauge("grid_decision_cache_hits", "Decisions taken from the cache since the start")?,
            cache_misses: gauge("grid_decision_cache_misses", "Decisions made since the start")?,
            in_flight: gauge("grid_calls_in_flight", "Calls handed to runtimes and not ended")?,
            runtimes: gauge("grid_runtimes", "Attached runtimes")?,
            sessions: gauge("grid_sessions", "Open sessions")?,
            grants: gauge("grid_local_grants_open", "Grants that were given and have not ended")?,
            audit_writable: gauge("grid_audit_writable", "1 where the audit log takes records")?,
            audit_published: gauge("grid_audit_published_records", "Records under the newest public checkpoint")?,
            audit_uncosigned: gauge(
                "grid_audit_uncosigned_seconds",
                "How long the oldest record has waited for witnesses; -1 where none is asked",
            )?,
            audit_held: gauge("grid_audit_held", "1 where nothing is admitted because witnesses are behind")?,
            gate_limit: gauge(
                "grid_gate_limit",
                "Requests that the host may work on at once; 0 where load is not shed",
            )?,
            gate_inside: gauge("grid_gate_in_flight", "Requests that the host works on, those at runtimes apart")?,
            gate_latency: gauge("grid_gate_latency_microseconds", "What a call takes at the host itself")?,
            gate_shed: each("grid_gate_shed", "Requests turned away unread since the start, by reason", "reason")?,
            gate_passed: each("grid_gate_passed", "Requests let in since the start, by lane", "lane")?,
            export_lag: each("grid_audit_export_lag_records", "Records that a sink does not have yet", "sink")?,
            export_down: each("grid_audit_export_down", "1 where a sink takes nothing", "sink")?,
            audit_publishing: gauge("grid_audit_publishing", "1 where the last try to publish succeeded")?,
        })
    }

    fn set(&self, glance: &Glance) {
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.cache_hits.set(number(glance.cache.0));
        self.cache_misses.set(number(glance.cache.1));
        self.in_flight.set(number(glance.in_flight));
        self.runtimes.set(number(glance.runtimes));
        self.sessions.set(number(glance.sessions));
        self.grants.set(number(glance.grants));
        self.audit_writable.set(i64::from(glance.audit_writable));
        self.audit_published.set(number(glance.audit_published));
        self.audit_publishing.set(i64::from(glance.audit_publishing));
        self.audit_uncosigned.set(glance.audit_uncosigned.map_or(-1, |age| number(age.as_secs())));
        self.audit_held.set(i64::from(glance.audit_held));
        if let Some(gate) = &glance.gate {
            self.gate_limit.set(gate.limit.into());
            self.gate_inside.set(gate.inside.into());
            self.gate_latency.set(number(u64::try_from(gate.latency.as_micros()).unwrap_or(u64::MAX)));
            for (reason, count) in ["load", "share"].iter().zip(gate.shed) {
                self.gate_shed.with_label_values(&[*reason]).set(number(count));
            }
            for (lane, count) in &gate.passed {
                self.gate_passed.with_label_values(&[*lane]).set(number(*count));
            }
        }
        for sink in &glance.exports {
            self.export_lag.with_label_values(&[sink.name.as_str()]).set(number(sink.records));
            self.export_down.with_label_values(&[sink.name.as_str()]).set(i64::from(sink.is_down));
        }
    }
}
