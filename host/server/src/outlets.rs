//! What goes on on threads of its own: exporters that take the log elsewhere, the one that asks witnesses, and the one
//! that tells of calls that wait for a person. None
//! of them ever holds a call up, except where the operator wants calls to wait for witnesses.

use std::{
    fs, io,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use grid_approve::Asked;
use grid_approve_notify::{Notice, Notifier};
use grid_audit::{Ledger, Reader};
use grid_audit_export::{Exporter, FileOptions, FileSink, HttpSink, Options, OtlpOptions, OtlpSink, Sink, WebOptions};
use grid_audit_verify::{Directory, Tiles};
use grid_audit_witness::{Address, Event, OnStale, Source, Witnessing};
use grid_config::{Config, Stale};
use grid_core::{Code, clock::SharedClock};
use grid_metrics::{Lag, Metrics};
use grid_tlog::Hash;

use crate::serve::Failure;

/// Exporters and witnesses that get time to end what they are at.
const GRACE: Duration = Duration::from_secs(2);
/// A longer list of witnesses is a mistake.
const LONGEST: u64 = 64 << 10;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Outlets {
    exporters: Mutex<Vec<Exporter>>,
    witnessing: Mutex<Option<Witnessing>>,
    notifier: Mutex<Option<Notifier>>,
    held: Arc<AtomicBool>,
}

impl Outlets {
    /// Starts what the configuration names.
    pub(crate) fn start(
        config: &Config,
        ledger: &Ledger,
        clock: &SharedClock,
        metrics: &Metrics,
    ) -> Result<Self, Failure> {
        let held = Arc::new(AtomicBool::new(false));
        let exporters = exporters(config, ledger, clock)?;
        let witnessing = witnessing(config, clock, Arc::clone(&held))?;
        let notifier = Mutex::new(notifier(config, clock, metrics)?);
        Ok(Self { exporters: Mutex::new(exporters), witnessing: Mutex::new(witnessing), notifier, held })
    }

    /// Whether nothing may be admitted until witnesses have caught up.
    pub(crate) fn hold(&self) -> bool {
        self.held.load(Ordering::Relaxed)
    }

    /// Tells whoever wants to know of calls that wait. Never waits.
    pub(crate) fn tell(&self, asked: &Asked) {
        if let Some(notifier) = &*self.notifier.lock().unwrap_or_else(PoisonError::into_inner) {
            notifier.tell(notice(asked));
        }
    }

    /// How the sinks stand.
    pub(crate) fn lags(&self) -> Vec<Lag> {
        let exporters = self.exporters.lock().unwrap_or_else(PoisonError::into_inner);
        exporters
            .iter()
            .map(|exporter| {
                let status = exporter.status();
                let is_down = status.down_since_ms.is_some() || status.ended;
                Lag { name: exporter.name().to_owned(), records: status.lag.unwrap_or(0), is_down }
            })
            .collect()
    }

    /// How long the oldest record without enough cosignatures has waited; none where no witness is asked.
    pub(crate) fn uncosigned(&self) -> Option<Duration> {
        self.witnessing.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Witnessing::age)
    }

    /// Ends them all. Blocks for up to [`GRACE`] each.
    pub(crate) fn stop(&self) {
        let exporters = std::mem::take(&mut *self.exporters.lock().unwrap_or_else(PoisonError::into_inner));
        for exporter in exporters {
            let name = exporter.name().to_owned();
            let status = exporter.stop(GRACE);
            if let Some(lag) = status.lag.filter(|lag| *lag > 0) {
                tracing::info!(name, lag, "an exporter stops behind the log; it goes on there at the next start");
            }
        }
        if let Some(witnessing) = self.witnessing.lock().unwrap_or_else(PoisonError::into_inner).take() {
            witnessing.stop();
        }
        if let Some(notifier) = self.notifier.lock().unwrap_or_else(PoisonError::into_inner).take() {
            notifier.stop();
        }
    }
}

fn notifier(config: &Config, clock: &SharedClock, metrics: &Metrics) -> Result<Option<Notifier>, Failure> {
    let approval = &config.approval;
    let refused = |why: String| Failure::config(Code::InvalidConfig, format!("`approval.webhook_url`: {why}"));
    let (url, secret) = match (&approval.webhook_url, &approval.webhook_secret_file) {
        (None, _) => return Ok(None),
        (Some(_), None) => return Err(refused("it needs `approval.webhook_secret_file`".to_owned())),
        (Some(url), Some(secret)) => (url, secret),
    };
    let mut options = grid_approve_notify::Options::new(url.reveal(), secret);
    options.ca_file.clone_from(&approval.webhook_ca_file);
    let metrics = metrics.clone();
    let told = move |outcome: grid_approve_notify::Outcome| metrics.notice(outcome.as_str());
    Notifier::start(options, clock.clone(), told).map(Some).map_err(|error| refused(error.to_string()))
}

fn notice(asked: &Asked) -> Notice {
    Notice {
        approval: asked.approval(),
        tenant: asked.principal().tenant.clone(),
        principal: asked.principal().id.clone(),
        tool: asked.tool().to_string(),
        role: asked.need().role.clone(),
        rule: asked.need().rule.clone(),
        contract: asked.contract(),
        args: asked.args_digest(),
        requested_at_ms: asked.requested_at_ms(),
        expires_at_ms: asked.expires_at_ms(),
    }
}

fn exporters(config: &Config, ledger: &Ledger, clock: &SharedClock) -> Result<Vec<Exporter>, Failure> {
    let export = &config.export;
    let refused = |error: String| Failure::config(Code::InvalidConfig, error);
    let web = |url: &grid_config::Url, token_file: &Option<PathBuf>| WebOptions {
        token_file: token_file.clone(),
        ca_file: export.ca_file.clone(),
        ..WebOptions::new(url.reveal())
    };
    let mut exporters = Vec::new();
    if let Some(path) = &export.file {
        let options = FileOptions { path: path.clone(), rotate_bytes: export.file_size.bytes() };
        let sink = FileSink::open(options).map_err(|error| {
            let why = format!("`export.file`: cannot write `{}`: {error}; correct the path", path.display());
            Failure::start(Code::EnvironmentError, why)
        })?;
        exporters.push(exporter(config, ledger, clock, "file", sink)?);
    }
    if let Some(url) = &export.http {
        let sink = HttpSink::new(&web(url, &export.http_token_file), clock.clone());
        let sink = sink.map_err(|error| refused(format!("`export.http`: {error}")))?;
        exporters.push(exporter(config, ledger, clock, "http", sink)?);
    }
    if let Some(url) = &export.otlp {
        let web = web(url, &export.otlp_token_file);
        let sink = OtlpSink::new(OtlpOptions { web, resource: Vec::new() }, clock.clone());
        let sink = sink.map_err(|error| refused(format!("`export.otlp`: {error}")))?;
        exporters.push(exporter(config, ledger, clock, "otlp", sink)?);
    }
    Ok(exporters)
}

fn exporter(
    config: &Config,
    ledger: &Ledger,
    clock: &SharedClock,
    name: &str,
    sink: impl Sink,
) -> Result<Exporter, Failure> {
    let ledger = ledger.clone();
    let mut options = Options::new(&config.audit.dir, name, clock.clone());
    options.end = Some(Arc::new(move || ledger.status().records));
    Exporter::start(options, sink).map_err(|error| {
        Failure::start(Code::EnvironmentError, format!("the exporter `{name}` did not start: {error}"))
    })
}

fn witnessing(config: &Config, clock: &SharedClock, held: Arc<AtomicBool>) -> Result<Option<Witnessing>, Failure> {
    let witness = &config.witness;
    let Some(file) = &witness.file else {
        return Ok(None);
    };
    let refused = |why: String| Failure::config(Code::InvalidConfig, format!("`witness.file`: {why}"));
    let witnesses = addresses(file).map_err(refused)?;
    let mut options = grid_audit_witness::Options::new(witnesses, config.audit.dir.clone());
    options.quorum = witness.quorum;
    options.interval = witness.interval;
    options.max_age = witness.max_age;
    options.on_stale = match witness.on_stale {
        Stale::Alert => OnStale::Alert,
        Stale::Stop => OnStale::Stop,
    };
    let source = Arc::new(Published(config.audit.dir.clone()));
    let started = Witnessing::start(options, source, clock.clone(), move |event| tell(event, &held));
    started.map(Some).map_err(|error| refused(error.to_string()))
}

fn tell(event: Event, held: &AtomicBool) {
    match event {
        Event::Stale { age, cosigned, newest, policy } => {
            held.store(policy == OnStale::Stop, Ordering::Relaxed);
            tracing::error!(age_s = age.as_secs(), cosigned, newest, ?policy, "witnesses have not cosigned the log");
        }
        Event::Healed { cosigned, .. } => {
            held.store(false, Ordering::Relaxed);
            tracing::info!(cosigned, "witnesses have cosigned the log again");
        }
    }
}

/// The witnesses of a file, a line each; empty lines and those that begin with `#` are left out.
fn addresses(file: &PathBuf) -> Result<Vec<Address>, String> {
    let shown = file.display();
    let length = fs::metadata(file).map_err(|error| format!("cannot read `{shown}`: {error}"))?.len();
    if length > LONGEST {
        return Err(format!("`{shown}` has {length} bytes; that is no list of witnesses"));
    }
    let text = fs::read_to_string(file).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let witnesses: Vec<Address> = lines
        .map(|(at, line)| line.parse().map_err(|error| format!("line {at} of `{shown}`: {error}")))
        .collect::<Result<_, _>>()?;
    if witnesses.is_empty() {
        return Err(format!("`{shown}` names no witness; write `<key> <URL>`, one a line"));
    }
    Ok(witnesses)
}

/// The public part of the log, as witnesses are shown it.
struct Published(PathBuf);

impl Source for Published {
    fn checkpoint(&self) -> io::Result<Option<String>> {
        match fs::read_to_string(self.0.join("checkpoint")) {
            Ok(note) => Ok(Some(note)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        let directory = Directory::open(&self.0).map_err(io::Error::other)?;
        Tiles::new(directory, new).consistency(old, new).map_err(io::Error::other)
    }

    fn recorded_ms(&self, index: u64) -> Option<u64> {
        let record = Reader::open(&self.0).ok()?.get(index).ok()??;
        Some(record.at_ms())
    }
}
