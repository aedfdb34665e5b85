//! `grid serve`: compose, listen, sweep, and on a signal drain. The process ends when the log fails.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use grid_contract::{Contracts, Development, Strict};
use grid_core::{Code, clock::SharedClock, clock::SystemClock, event::Event, event::Kind};
use grid_grpc::Running;
use grid_metrics::Metrics;
use grid_source::Provenance;
use grid_telemetry::{Telemetry, Unusable};
use tokio::{signal::unix, time::MissedTickBehavior};

use grid_config::{Config, Mode};

use crate::{
    compose, deciding, descriptors, drain::drain, front_door::Door, host::Host, limits, outlets::Outlets, ports::Ports,
    providers,
};

/// How often it is looked for grants that are over.
const SETTLE: Duration = Duration::from_secs(1);

/// Why the host did not start, or stopped.
#[derive(Debug)]
pub struct Failure {
    /// As error pages know it.
    code: Code,
    /// One problem a line, each with what to do.
    message: String,
    /// The configuration or the manifest is at fault (exit code 3).
    configuration: bool,
}

impl Failure {
    pub(crate) fn config(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), configuration: true }
    }

    /// Whether configuration or manifest is at fault, as opposed to the machine.
    #[must_use]
    pub fn is_of_configuration(&self) -> bool {
        self.configuration
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Nothing can be logged or traced.
    fn untold(why: Unusable) -> Self {
        match why {
            Unusable::Setting(message) => Self::config(Code::InvalidConfig, message),
            Unusable::Machine(message) => Self::start(Code::EnvironmentError, message),
        }
    }

    pub(crate) fn start(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), configuration: false }
    }
}

impl From<grid_source::Failure> for Failure {
    fn from(failure: grid_source::Failure) -> Self {
        let grid_source::Failure { code, message, configuration } = failure;
        Self { code, message, configuration }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.message)
    }
}

impl std::error::Error for Failure {}

/// Begins to log and to trace, for commands beside the host.
///
/// # Errors
/// [`Failure`].
pub fn start_telemetry(config: &Config) -> Result<Telemetry, Failure> {
    grid_telemetry::start(config).map_err(Failure::untold)
}

/// Serves until a signal or a failing log ends it.
///
/// # Errors
/// [`Failure`], with everything that is wrong.
pub async fn serve(config: &Config) -> Result<(), Failure> {
    let telemetry = start_telemetry(config)?;
    descriptors::raise();
    let clock = SystemClock::shared();
    let (manifest, provenance) = grid_source::manifest(config)?;
    let ended = match config.mode {
        Mode::Strict => run(config, Strict::new(manifest), provenance, clock).await,
        Mode::Development => {
            tracing::warn!("DEVELOPMENT mode: tools may be registered that nobody reviewed; not for production");
            let options = grid_source::manifest_options(config);
            let most = config.development.max_tools_per_session as usize;
            let contracts = Development::new(manifest, options, most);
            let open = config.development.allow_registration;
            run(config, if open { contracts } else { contracts.closed() }, provenance, clock).await
        }
    };
    telemetry.stop();
    ended
}

async fn run<C: Contracts>(
    config: &Config,
    contracts: C,
    provenance: Provenance,
    clock: SharedClock,
) -> Result<(), Failure> {
    let metrics = Metrics::new()
        .map_err(|error| Failure::start(Code::EnvironmentError, format!("metrics could not be set up: {error}")))?;
    let identity = compose::identity(config, &clock)?;
    let limits = limits::limits(config, &clock)?;
    let roster = providers::roster(config, contracts.manifest(), &clock)?;
    let policies = deciding::policies(config, contracts.manifest())?;
    // Ports first: a host that cannot listen should not touch the log.
    let ports = Ports::bind(config, &clock).await?;
    let (ledger, recovered) = compose::ledger(config, &clock, &metrics)?;
    if recovered.cut > 0 || !recovered.closed.is_empty() {
        tracing::warn!(
            records = recovered.records,
            cut_bytes = recovered.cut,
            unknown_outcomes = recovered.closed.len(),
            "the log was not closed in order; calls left open are recorded as `outcome_unknown`, or `unreported`"
        );
    }
    let outlets = Outlets::start(config, &ledger, &clock, &metrics)?;
    let log = (ledger, compose::archive(config, &clock)?, outlets);
    let host = Arc::new(compose::host(config, contracts, (identity, limits, roster), policies, log, clock, metrics));
    host.take_up(&recovered);
    let door = Arc::new(Door(Arc::clone(&host)));
    started(&host, &provenance).await?;
    provenance.keep()?;
    let (callers, operators) = ports.open(config, &door).await?;
    host.tasks.spawn(sweeping(Arc::clone(&host), config.session.sweep));
    host.tasks.spawn(limits::keep(Arc::clone(&host), config.limits.file.clone()));
    host.tasks.spawn(grid_reload::shadowing(Arc::clone(&host)));
    host.tasks.spawn(grid_reload::watching(Arc::clone(&host), config.policy.reload));
    host.tasks.spawn(providers::watching(Arc::clone(&host), config.providers.reload));
    let recalling = Arc::clone(&door);
    host.tasks.spawn(async move { recalling.recall_events().await });
    let settled = Arc::clone(&host);
    host.tasks.spawn(async move {
        tokio::select! {
            () = settling(&settled) => {}
            () = settled.stopping.cancelled() => {}
        }
    });
    tracing::info!(
        mode = C::MODE,
        address = %callers.address(),
        admin = %operators.address(),
        contracts = host.contracts.manifest().len(),
        "serving"
    );
    let ended = until_the_end(&host, &callers).await;
    // Without a log no call can end as it should, so there is nothing to wait for.
    let grace = if ended.is_ok() { config.server.drain_grace } else { Duration::ZERO };
    drain(&host, callers, operators, grace).await;
    ended
}

async fn started<C: Contracts>(host: &Host<C>, provenance: &Provenance) -> Result<(), Failure> {
    let manifest = host.contracts.manifest();
    let digest = manifest.digest().map_or_else(|| "no manifest".to_owned(), |digest| format!("sha256:{digest}"));
    let correlation = host.correlation("");
    let event = Event {
        detail: Some(format!("{} mode, manifest {digest}{provenance}, grid {}", C::MODE, env!("CARGO_PKG_VERSION"))),
        policy: host.authorize.deciding().1.digest(),
        ..host.event(Kind::HostStarted, &correlation)
    };
    match host.ledger.record(event).await {
        Ok(_) => Ok(()),
        Err(error) => Err(Failure::start(Code::AuditUnavailable, error.to_string())),
    }
}

async fn sweeping<C: Contracts>(host: Arc<Host<C>>, every: Duration) {
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut trouble = None;
    loop {
        tokio::select! {
            _ = tick.tick() => {
                host.sweep().await;
                let now = host.ledger.status().publishing;
                if now != trouble {
                    match &now {
                        Some(why) => tracing::error!("the audit log is durable but cannot be published: {why}"),
                        None => tracing::info!("the audit log is published again"),
                    }
                    trouble = now;
                }
            }
            () = host.stopping.cancelled() => return,
        }
    }
}

/// Grants that nobody reports are concluded soon after their time, however seldom sessions are looked for.
pub(crate) async fn settling<C: Contracts>(host: &Arc<Host<C>>) {
    let mut tick = tokio::time::interval(SETTLE);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        host.settle_grants().await;
        host.settle_approvals().await;
    }
}

/// A signal ends the host in order; a log that cannot be written ends it because nothing may run any more. Either way the
/// first thing that happens is that connections are asked to go: a line of the log may have to wait for who reads it.
async fn until_the_end<C: Contracts>(host: &Host<C>, callers: &Running) -> Result<(), Failure> {
    let ended = tokio::select! {
        signal = signalled() => Ok(signal),
        failure = host.ledger.failed() => Err(failure),
    };
    callers.retire();
    match ended {
        Ok(signal) => {
            tracing::info!(signal, "stopping: taking no new calls and waiting for those in flight");
            Ok(())
        }
        Err(failure) => {
            tracing::error!(%failure, "the audit log failed, so the host stops");
            Err(Failure::start(Code::AuditUnavailable, failure.to_string()))
        }
    }
}

/// The name of the signal that asks the process to stop.
pub fn signalled() -> impl Future<Output = &'static str> {
    let signals = (unix::signal(unix::SignalKind::terminate()), unix::signal(unix::SignalKind::interrupt()));
    async move {
        match signals {
            (Ok(mut terminate), Ok(mut interrupt)) => tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            },
            _ => {
                tracing::error!("signals cannot be watched; stop this process with SIGKILL");
                std::future::pending().await
            }
        }
    }
}
