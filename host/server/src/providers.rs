//! The file of providers: read at the start, looked at for changes, and put in force as a whole. One that has a fault
//! changes nothing; one that cannot be recorded is not taken.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use grid_config::{Config, Mode};
use grid_contract::{Contracts, Manifest};
use grid_core::{
    Code, Refusal, Stage,
    clock::SharedClock,
    event::{Event, Kind},
    provider::Reread,
};
use grid_reload::Cause;
use grid_resolve::{Ranks, Roster, Selection, Whose, file};
use grid_swap::{Limits, Wish, run};
use tokio::{
    signal::unix,
    sync::{Mutex, oneshot},
    time::MissedTickBehavior,
};

use crate::{
    host::{Host, unwritable},
    serve::Failure,
    swapping::{By, Swapping},
};

/// Within `data.dir`: in which order providers were first seen, and what operators selected and paused.
const KEPT: &str = "providers.json";

/// The note of a selection by which whoever serves keeps its calls until another has taken its place.
const PIN: &str = "it serves until the provider that the file wants has taken its place";

/// Faults that a record names; the answer and the log of the host have all of them.
const TOLD: usize = 8;

/// Where the ranks come from.
#[derive(Debug, Default)]
pub(crate) struct ProvidersFile {
    path: Option<PathBuf>,
    /// One reads at a time; how the file looked then.
    seen: Mutex<Option<Stamp>>,
}

impl ProvidersFile {
    /// Where programs that it names run: beside it.
    pub(crate) fn folder(&self) -> Option<PathBuf> {
        self.path.as_deref().and_then(Path::parent).map(Path::to_owned)
    }

    /// Of the configuration; the next look finds it as it is now.
    pub(crate) fn of(config: &Config) -> Self {
        let path = config.providers.file.clone();
        let seen = path.as_deref().and_then(stamp);
        Self { path, seen: Mutex::new(seen) }
    }
}

/// Other bytes have another stamp: when and how long, and which file it is.
type Stamp = (SystemTime, u64, u64);

fn stamp(path: &Path) -> Option<Stamp> {
    use std::os::unix::fs::MetadataExt as _;
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len(), about.ino()))
}

/// Everything that is wrong with the file of providers that the configuration names: line and what.
#[must_use]
pub fn providers_faults(config: &Config, manifest: &Manifest) -> Vec<(Option<usize>, String)> {
    let unusable = config.providers.file.as_deref().and_then(|path| read(path, manifest).err());
    let faults = unusable.into_iter().flat_map(|unusable| unusable.faults);
    faults.map(|fault| (fault.line, fault.message)).collect()
}

fn read(path: &Path, manifest: &Manifest) -> Result<Ranks, file::Unusable> {
    file::load(path, &|tool| manifest.get(tool).is_some())
}

/// Who serves what, with what an earlier host left. A file that cannot be used, of ranks or of their order, stops the
/// start; in STRICT what nothing but the order of attachment decides is said.
pub(crate) fn roster(config: &Config, manifest: &Manifest, clock: &SharedClock) -> Result<Roster, Failure> {
    let kept = config.data.dir.join(KEPT);
    let roster = Roster::open(&kept, config.providers.queue, clock.unix_ms())
        .map_err(|error| Failure::config(Code::DataCorruption, error.to_string()))?;
    if let Some(path) = &config.providers.file {
        let ranks =
            read(path, manifest).map_err(|unusable| Failure::config(Code::InvalidConfig, unusable.to_string()))?;
        roster.replace(ranks);
    }
    if config.mode == Mode::Strict {
        for (tool, tied) in roster.ties() {
            tracing::warn!(
                %tool,
                providers = tied.join(", "),
                "these providers have the same priority and stack level: whoever was first seen last goes first; give them \
                 ranks in the file of providers, or select one"
            );
        }
    }
    Ok(roster)
}

/// Reads the file and puts it in force, where it is another one.
///
/// # Errors
/// INVALID_CONFIG where it has a fault or there is none, AUDIT_UNAVAILABLE where it cannot be recorded. The one before
/// stays in force in both.
pub(crate) async fn reload<C: Contracts>(host: &Arc<Host<C>>, cause: &Cause) -> Result<Reread, Refusal> {
    let mut seen = host.providers.seen.lock().await;
    reread(host, &mut seen, cause).await
}

async fn reread<C: Contracts>(host: &Arc<Host<C>>, seen: &mut Option<Stamp>, cause: &Cause) -> Result<Reread, Refusal> {
    let Some(path) = host.providers.path.clone() else {
        let message = "this host has no file of providers to read; set `providers.file` and start it again";
        return Err(Refusal::new(Code::InvalidConfig, Stage::Resolve, message));
    };
    let reader = Arc::clone(host);
    let reading = tokio::task::spawn_blocking(move || (stamp(&path), read(&path, reader.contracts.manifest())));
    let Ok((stamped, ranks)) = reading.await else {
        return Err(Refusal::new(Code::InvalidConfig, Stage::Resolve, "the reader of the file of providers failed"));
    };
    *seen = stamped;
    let ranks = match ranks {
        Ok(ranks) => ranks,
        Err(unusable) => return Err(refused(host, &unusable, cause).await),
    };
    if ranks == *host.roster.ranks() {
        return Ok(Reread::default());
    }
    let event = Event {
        principal: cause.principal(),
        detail: Some(format!("{}: {} providers are ranked", cause.as_str(), ranks.providers().len())),
        ..host.event(Kind::ProvidersChanged, &host.correlation(""))
    };
    // No ranks are in force that the log does not know.
    if let Err(error) = host.ledger.record(event).await {
        // At the next look it is as new as now.
        *seen = None;
        return Err(unwritable(&error));
    }
    let wanted = pin(host, &ranks);
    host.roster.replace(ranks);
    let swapped = swap_in(host, wanted, cause).await;
    tracing::info!(cause = cause.as_str(), swapped = swapped.len(), "another file of providers is in force");
    Ok(Reread { changed: true, swapped })
}

/// Where these ranks would give the calls of a tool to another provider, whoever has them keeps them until that one has
/// shown that it can serve. The tools, with who is wanted.
fn pin<C: Contracts>(host: &Host<C>, ranks: &Ranks) -> Vec<(Arc<str>, Arc<str>)> {
    let mut wanted = Vec::new();
    for (tool, now) in actives(host) {
        let contract = host.contracts.manifest().get(&tool);
        // A pin that an earlier file left is no operator's wish.
        let pinned = host.roster.selected(&tool, &Whose::Host).is_some_and(|one| *one.note == *PIN);
        let then = host.roster.foresee(ranks, &tool, contract.as_deref(), pinned);
        let (Some(now), Some(then)) = (now, then) else { continue };
        if now == then && pinned {
            host.roster.select(&tool, Whose::Host, None);
        }
        if now != then {
            let selection = Selection { provider: now, fallback: true, note: Arc::from(PIN) };
            host.roster.select(&tool, Whose::Host, Some(selection));
            wanted.push((tool, then));
        }
    }
    wanted
}

/// Has every one that is wanted take its place, each as an operator's swap would; those that did.
async fn swap_in<C: Contracts>(host: &Arc<Host<C>>, wanted: Vec<(Arc<str>, Arc<str>)>, cause: &Cause) -> Vec<String> {
    let limits = Limits::default();
    let mut swaps = Vec::new();
    for (tool, provider) in wanted {
        let (host, operator) = (Arc::clone(host), cause.principal());
        let (told, answer) = oneshot::channel();
        let tasks = host.tasks.clone();
        let name = tool.to_string();
        tasks.spawn(async move {
            let Ok(turn) = host.swaps.take(&tool, limits.turn).await else {
                tracing::warn!(%tool, "another swap of the tool takes too long; what the file wants has to be asked for");
                return;
            };
            let wish = Wish { tool, provider, force: false, dry_run: false };
            let swapping = Swapping::new(&host, host.correlation(""), operator, By::File);
            // Whoever waited may have left.
            let tell = |swapped| drop(told.send(swapped));
            run(&swapping, &wish, &limits, turn, tell).await;
        });
        swaps.push((name, answer));
    }
    let mut done = Vec::new();
    for (name, answer) in swaps {
        if let Ok(Ok(swapped)) = answer.await
            && swapped.outcome == "committed"
        {
            done.push(name);
        }
    }
    done
}

/// Who has the calls of each tool.
fn actives<C: Contracts>(host: &Host<C>) -> BTreeMap<Arc<str>, Option<Arc<str>>> {
    let manifest = host.contracts.manifest();
    let active = |tool: Arc<str>| {
        let active = host.roster.active(&tool, manifest.get(&tool).as_deref());
        (tool, active)
    };
    host.roster.tools().into_iter().map(active).collect()
}

/// Every fault is told; the record has the first ones.
async fn refused<C: Contracts>(host: &Host<C>, unusable: &file::Unusable, cause: &Cause) -> Refusal {
    tracing::error!("the file of providers is refused, the one before stays in force:\n{unusable}");
    let some: Vec<String> = unusable
        .faults
        .iter()
        .take(TOLD)
        .map(|fault| fault.line.map_or_else(|| fault.message.clone(), |line| format!("line {line}: {}", fault.message)))
        .collect();
    let detail = format!("{}: {} faults: {}", cause.as_str(), unusable.faults.len(), some.join("; "));
    let event = Event {
        principal: cause.principal(),
        detail: Some(detail.chars().take(1024).collect()),
        ..host.event(Kind::ProvidersRefused, &host.correlation(""))
    };
    host.ledger.note(event).await;
    let message = format!("the file of providers has faults and was not taken: {unusable}");
    Refusal::new(Code::InvalidConfig, Stage::Resolve, message)
}

/// Takes other files as they come, until the host stops: every `every` it looks, and SIGHUP is a wish.
pub(crate) async fn watching<C: Contracts>(host: Arc<Host<C>>, every: Duration) {
    let Some(path) = host.providers.path.clone() else { return };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut hangup = unix::signal(unix::SignalKind::hangup()).ok();
    loop {
        let asked = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let cause = tokio::select! {
            _ = tick.tick() => Cause::Changed,
            _ = asked => Cause::Signal,
            () = host.stopping.cancelled() => return,
        };
        let mut seen = host.providers.seen.lock().await;
        if matches!(cause, Cause::Changed) && stamp(&path) == *seen {
            continue;
        }
        if let Err(refusal) = reread(&host, &mut seen, &cause).await {
            tracing::error!(%refusal, "the file of providers was not taken");
        }
    }
}

impl<C: Contracts> Host<C> {
    /// Puts on the disk what changed of the order of providers, of selections and of pauses.
    pub(crate) async fn keep_providers(&self) -> Result<(), Refusal> {
        if !self.roster.is_kept() {
            return Ok(());
        }
        let roster = self.roster.clone();
        let kept = tokio::task::spawn_blocking(move || roster.keep()).await;
        let why = match kept {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "the task that writes it ended early".to_owned(),
        };
        tracing::error!(%why, "`{KEPT}` cannot be written: what changed of providers holds until the host stops");
        let message =
            "it holds until the host stops, but could not be written to its data folder; mend that and try again";
        Err(Refusal::new(Code::EnvironmentError, Stage::Resolve, message).because(why))
    }
}
