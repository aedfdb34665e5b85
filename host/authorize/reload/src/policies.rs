//! The sets themselves: where they come from, and how one takes the place of another.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use grid_adm::Digest;
use grid_authorize::{Chain, Roles};
use grid_contract::Manifest;
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind, Sha256},
    listing::Reloaded,
    port::Authorizer,
    principal::Principal,
};
use tokio::{signal::unix, sync::Mutex, time::MissedTickBehavior};

use crate::{Home, files::fingerprint};

/// Faults that a record names; the log of the host has all of them.
const TOLD: usize = 8;

/// A set that was read, or every fault of it with its place.
pub type Set = Result<Arc<dyn Authorizer>, Vec<String>>;

/// Reads a directory of policies for these contracts; blocks its thread.
pub type Reader = fn(&Path, &Manifest) -> Set;

/// Where the sets come from.
#[derive(Debug)]
pub struct Policies {
    live: Option<PathBuf>,
    shadow: Option<PathBuf>,
    /// Has to permit too.
    pdp: Option<Arc<dyn Authorizer>>,
    reader: Reader,
    /// One reads at a time; what it found.
    seen: Mutex<Seen>,
    candidate: RwLock<Option<Arc<dyn Authorizer>>>,
}

#[derive(Debug, Default)]
struct Seen {
    live: Trace,
    shadow: Trace,
}

/// How a directory looked, by its files.
#[derive(Debug, Default)]
struct Trace {
    /// When its set was taken or refused.
    read: Option<Sha256>,
    /// At the last look: what changes is read when it has come to rest.
    last: Option<Sha256>,
}

impl Trace {
    /// Whether this look finds another directory than was read, the same as at the look before.
    fn settled(&mut self, now: Option<Sha256>) -> bool {
        let rests = now == self.last;
        self.last = now;
        rests && now != self.read
    }
}

impl Policies {
    /// The set in `live`, roles alone where there is none; a candidate in `shadow`; `pdp` has to permit too.
    #[must_use]
    pub fn new(
        live: Option<PathBuf>,
        shadow: Option<PathBuf>,
        pdp: Option<Arc<dyn Authorizer>>,
        reader: Reader,
    ) -> Self {
        Self { live, shadow, pdp, reader, seen: Mutex::default(), candidate: RwLock::default() }
    }

    /// What decides at the start.
    ///
    /// # Errors
    /// Every fault of the live set.
    pub fn start(&mut self, manifest: &Manifest) -> Set {
        let Some(dir) = &self.live else { return Ok(self.chain(None)) };
        let seen = fingerprint(dir).ok();
        let set = (self.reader)(dir, manifest).map_err(|faults| placed(dir, faults))?;
        self.seen.get_mut().live = Trace { read: seen, last: seen };
        Ok(self.chain(Some(set)))
    }

    /// Roles alone without policies; and the external decision point, where there is one.
    fn chain(&self, set: Option<Arc<dyn Authorizer>>) -> Arc<dyn Authorizer> {
        let first: Arc<dyn Authorizer> = set.unwrap_or_else(|| Arc::new(Roles));
        match &self.pdp {
            None => first,
            Some(pdp) => Arc::new(Chain::new(vec![first, Arc::clone(pdp)])),
        }
    }

    /// The set that is asked beside the one that decides.
    #[must_use]
    pub fn candidate(&self) -> Option<Arc<dyn Authorizer>> {
        self.candidate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn propose(&self, candidate: Option<Arc<dyn Authorizer>>) {
        *self.candidate.write().unwrap_or_else(PoisonError::into_inner) = candidate;
    }

    /// Whether a candidate is looked for.
    pub(crate) fn has_candidate(&self) -> bool {
        self.shadow.is_some()
    }
}

fn placed(dir: &Path, faults: Vec<String>) -> Vec<String> {
    faults.into_iter().map(|fault| format!("{}: {fault}", dir.display())).collect()
}

/// Whose wish it is that files which operators write are read.
#[derive(Debug)]
pub enum Cause {
    /// The host starts.
    Started,
    /// A look found others.
    Changed,
    /// SIGHUP.
    Signal,
    /// An operator asked for it.
    Operator(Arc<Principal>),
}

impl Cause {
    /// As records and logs say it.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Started => "the host starts",
            Self::Changed => "it changed on the disk",
            Self::Signal => "SIGHUP",
            Self::Operator(_) => "an operator asked for it",
        }
    }

    /// The operator, where one asked.
    #[must_use]
    pub fn principal(&self) -> Option<Arc<Principal>> {
        match self {
            Self::Operator(principal) => Some(Arc::clone(principal)),
            Self::Started | Self::Changed | Self::Signal => None,
        }
    }
}

/// Reads the live set and puts it in place of the one that decides, where it is another one. The candidate is read
/// beside it; what is wrong with that is told and changes nothing.
///
/// # Errors
/// INVALID_CONFIG where the set has a fault or there is none, AUDIT_UNAVAILABLE where it cannot be recorded. The one
/// before decides in both.
pub async fn reload<H: Home>(home: &Arc<H>, cause: &Cause) -> Result<Reloaded, Refusal> {
    let mut seen = home.policies().seen.lock().await;
    reload_candidate(home, &mut seen.shadow, cause).await;
    reload_live(home, &mut seen.live, cause).await
}

async fn reload_live<H: Home>(home: &Arc<H>, trace: &mut Trace, cause: &Cause) -> Result<Reloaded, Refusal> {
    let Some(dir) = home.policies().live.clone() else {
        let message = "this host has no policies to read; set `policy.dir` and start it again";
        return Err(Refusal::new(Code::InvalidConfig, Stage::Authorize, message));
    };
    let (seen, set) = read(home, dir).await;
    *trace = Trace { read: seen, last: seen };
    let set = match set {
        Ok(set) => set,
        Err(faults) => return Err(refuse(home, &faults, "the set", cause).await),
    };
    let digest = set.digest();
    let (epoch, now) = home.authorize().deciding();
    if now.digest() == digest {
        return Ok(Reloaded { changed: false, policy: digest, epoch });
    }
    let least = epoch.saturating_add(1);
    let event = Event {
        principal: cause.principal(),
        policy: digest,
        epoch: Some(least),
        detail: Some(cause.as_str().to_owned()),
        ..home.event(Kind::PolicyChanged)
    };
    // No set decides that the log does not know.
    if let Err(refusal) = home.record(event).await {
        tracing::error!(%refusal, "a policy set could not be recorded, so the one before still decides");
        // At the next look it is as new as now.
        *trace = Trace::default();
        return Err(refusal);
    }
    let epoch = home.authorize().replace(home.policies().chain(Some(set)), least);
    home.loaded(true);
    tracing::info!(epoch, policy = %hex(digest), cause = cause.as_str(), "another policy set decides");
    home.moved(epoch).await;
    Ok(Reloaded { changed: true, policy: digest, epoch })
}

async fn reload_candidate<H: Home>(home: &Arc<H>, trace: &mut Trace, cause: &Cause) {
    let Some(dir) = home.policies().shadow.clone() else { return };
    let (seen, set) = read(home, dir).await;
    *trace = Trace { read: seen, last: seen };
    match set {
        Ok(set) => {
            tracing::info!(policy = %hex(set.digest()), "a candidate policy set is asked beside the one that decides");
            home.policies().propose(Some(set));
        }
        // An older candidate would be compared under a false name.
        Err(faults) => {
            home.policies().propose(None);
            refuse(home, &faults, "the candidate", cause).await;
        }
    }
}

/// Off the threads that serve calls.
async fn read<H: Home>(home: &Arc<H>, dir: PathBuf) -> (Option<Sha256>, Set) {
    let home = Arc::clone(home);
    let reading = tokio::task::spawn_blocking(move || {
        let seen = fingerprint(&dir).ok();
        let set = (home.policies().reader)(&dir, home.manifest());
        (seen, set.map_err(|faults| placed(&dir, faults)))
    });
    reading.await.unwrap_or_else(|_| (None, Err(vec!["the reader of policies failed".to_owned()])))
}

/// Every fault is told; the record has the first ones.
async fn refuse<H: Home>(home: &Arc<H>, faults: &[String], what: &str, cause: &Cause) -> Refusal {
    for fault in faults {
        tracing::error!("{fault}");
    }
    tracing::error!(faults = faults.len(), "{what} of policies was not taken; what decided before decides on");
    home.loaded(false);
    let some = faults.iter().take(TOLD).map(String::as_str).collect::<Vec<_>>().join("; ");
    let event = Event {
        principal: cause.principal(),
        detail: Some(format!("{what}, because {}: {} faults: {some}", cause.as_str(), faults.len())),
        ..home.event(Kind::PolicyRefused)
    };
    if let Err(refusal) = home.record(event).await {
        tracing::error!(%refusal, "a set of policies that was not taken could not be recorded");
    }
    let message = format!("{what} has {} faults and was not taken: {}", faults.len(), faults.join("; "));
    Refusal::new(Code::InvalidConfig, Stage::Authorize, message)
}

/// Looks whether a directory is another one than was read and has come to rest, and reads it then.
async fn look<H: Home>(home: &Arc<H>) {
    let looker = Arc::clone(home);
    let looking = tokio::task::spawn_blocking(move || {
        let look = |dir: &Option<PathBuf>| dir.as_deref().and_then(|dir| fingerprint(dir).ok());
        let policies = looker.policies();
        (look(&policies.live), look(&policies.shadow))
    });
    let Ok((live, shadow)) = looking.await else { return };
    let policies = home.policies();
    let mut seen = policies.seen.lock().await;
    if policies.live.is_some() && seen.live.settled(live) {
        // What came of it is told and recorded where it happens.
        let _ = reload_live(home, &mut seen.live, &Cause::Changed).await;
    }
    if policies.shadow.is_some() && seen.shadow.settled(shadow) {
        reload_candidate(home, &mut seen.shadow, &Cause::Changed).await;
    }
}

/// Takes other sets of policies as they come, until the host stops: every `every` it looks, and SIGHUP is a wish.
pub async fn watching<H: Home>(home: Arc<H>, every: Duration) {
    {
        let mut seen = home.policies().seen.lock().await;
        reload_candidate(&home, &mut seen.shadow, &Cause::Started).await;
    }
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
        tokio::select! {
            _ = tick.tick() => look(&home).await,
            _ = asked => {
                if let Err(refusal) = reload(&home, &Cause::Signal).await {
                    tracing::error!(%refusal, "policies were not read again");
                }
            }
            () = home.stopping().cancelled() => return,
        }
    }
}

fn hex(digest: Option<Sha256>) -> String {
    digest.map_or_else(|| "none".to_owned(), |digest| format!("sha256:{}", Digest::from_bytes(digest)))
}
