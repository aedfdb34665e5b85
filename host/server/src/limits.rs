//! Limits from the configuration, their file while it changes, and the file of budgets.

use std::{path::Path, sync::Arc, time::Duration};

use grid_config::Config;
use grid_contract::Contracts;
use grid_core::{
    Code,
    clock::SharedClock,
    event::{Event, Kind},
    listing::{GateRow, LimitList, LimitRow, UseRow},
};
use grid_limits::{Adaptive, Defaults, Flow, Limits, Pace, Settings, Usage, file};

use crate::{host::Host, serve::Failure};

/// How often the file of limits is looked at, and budgets are written down.
const EVERY: Duration = Duration::from_secs(1);

/// Everything that is wrong with the file of limits that the configuration names: line and what.
#[must_use]
pub fn limits_faults(config: &Config) -> Vec<(Option<usize>, String)> {
    let unusable = config.limits.file.as_deref().and_then(|path| file::load(path).err());
    let faults = unusable.into_iter().flat_map(|unusable| unusable.faults);
    faults.map(|fault| (fault.line, fault.message)).collect()
}

/// The limits that the configuration says. A file that cannot be used, of limits or of budgets, stops the start.
pub(crate) fn limits(config: &Config, clock: &SharedClock) -> Result<Limits, Failure> {
    let limits = &config.limits;
    let rules = limits.file.as_deref().map(file::load).transpose();
    let rules = rules.map_err(|unusable| Failure::config(Code::InvalidConfig, unusable.to_string()))?;
    let settings = Settings {
        defaults: Defaults {
            tenant_pace: Pace::per_second(limits.tenant_rate, limits.tenant_burst),
            principal_pace: Pace::per_second(limits.principal_rate, limits.principal_burst),
            tool_pace: Pace::per_second(limits.tool_rate, limits.tool_burst),
            tenant_places: limits.tenant_concurrency,
            principal_places: limits.principal_concurrency,
            tool_places: limits.tool_concurrency,
            queue: limits.queue,
            wait: limits.wait,
        },
        refusals: Pace::per_second(limits.refusals, limits.refusals.saturating_mul(10)),
        keys: limits.keys,
        budgets: Some(config.data.dir.join("budgets.json")),
    };
    Limits::new(settings, rules.unwrap_or_default(), clock.clone())
        .map_err(|message| Failure::start(Code::EnvironmentError, message))
}

/// For operators.
pub(crate) fn list(limits: &Limits, gate: Option<&Adaptive>, most: usize) -> LimitList {
    let row = |rule: &Arc<grid_limits::Rule>| LimitRow {
        name: rule.name.to_string(),
        whom: [&rule.tenant, &rule.principal, &rule.tool].map(|pattern| pattern.as_str().to_owned()),
        per: rule.per.words(),
        rate: rule.pace.map_or(0, |pace| pace.calls.get()),
        rate_within_ms: rule.pace.map_or(0, |pace| millis(pace.within)),
        burst: rule.pace.map_or(0, |pace| pace.burst.get()),
        concurrency: rule.crowd.map_or(0, |crowd| crowd.places),
        queue: rule.crowd.map_or(0, |crowd| crowd.queue),
        wait_ms: rule.crowd.map_or(0, |crowd| millis(crowd.wait)),
        budget: rule.budget,
    };
    let used = |usage: Usage| UseRow {
        limit: usage.rule.name.to_string(),
        whom: [usage.tenant, usage.principal, usage.tool],
        running: usage.running,
        waiting: usage.waiting,
        spent: usage.spent,
        refused: usage.refused,
    };
    LimitList {
        limits: limits.rules().iter().map(row).collect(),
        uses: limits.usage(most).into_iter().map(used).collect(),
        gate: gate.map(|gate| {
            let flow = gate.flow();
            let latency_us = u64::try_from(flow.latency.as_micros()).unwrap_or(u64::MAX);
            let Flow { limit, inside, shed, shed_share, .. } = flow;
            GateRow { limit, inside, shed, shed_share, latency_us }
        }),
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// What stands before the path.
pub(crate) fn gate(config: &Config, clock: &SharedClock) -> Arc<Adaptive> {
    Adaptive::new(config.limits.in_flight_min, config.limits.in_flight_max, clock.clone())
}

/// Follows the file of limits and writes budgets down, until the host stops.
pub(crate) async fn keep<C: Contracts>(host: Arc<Host<C>>, path: Option<std::path::PathBuf>) {
    let mut tick = tokio::time::interval(EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut seen = path.as_deref().and_then(stamp);
    let mut trouble = false;
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = host.stopping.cancelled() => return,
        }
        if let Some(path) = &path {
            let now = stamp(path);
            if now != seen {
                seen = now;
                reload(&host, path).await;
            }
        }
        let failed = write_budgets(&host).await;
        match &failed {
            Some(error) if !trouble => {
                tracing::error!(%error, "budgets cannot be written down; they hold until a restart")
            }
            None if trouble => tracing::info!("budgets are written down again"),
            _ => {}
        }
        trouble = failed.is_some();
    }
}

/// What was spent, to the disk; why it did not get there.
pub(crate) async fn write_budgets<C: Contracts>(host: &Arc<Host<C>>) -> Option<std::io::Error> {
    let writer = Arc::clone(host);
    match tokio::task::spawn_blocking(move || writer.limits.write_budgets()).await {
        Ok(written) => written.err(),
        Err(error) => Some(std::io::Error::other(error)),
    }
}

/// Other bytes have another stamp: when and how long, and which file it is.
fn stamp(path: &Path) -> Option<(std::time::SystemTime, u64, u64)> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len(), about.ino()))
}

/// A set that cannot be used leaves the one before in force, and says so.
async fn reload<C: Contracts>(host: &Host<C>, path: &Path) {
    let (kind, detail) = match file::load(path) {
        Ok(rules) => {
            let detail = format!("limits: {} of `{}` are in force", rules.len(), path.display());
            host.limits.replace(rules);
            tracing::info!("{detail}");
            (Kind::PolicyChanged, detail)
        }
        Err(unusable) => {
            tracing::error!("the file of limits is refused, those before stay in force:\n{unusable}");
            (Kind::PolicyRefused, format!("limits: {unusable}"))
        }
    };
    let correlation = host.correlation("");
    let detail: String = detail.chars().take(1024).collect();
    host.ledger.note(Event { detail: Some(detail), ..host.event(kind, &correlation) }).await;
}
