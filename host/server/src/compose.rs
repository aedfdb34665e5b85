//! From the configuration to a host. The mode is chosen here, once, as a type; nothing later asks for it.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::AtomicU64},
};

use grid_approve::Approvals;
use grid_audit::{Durability, KeyError, KeySource, Ledger, Observer, Options as AuditOptions, Recovered};
use grid_audit_index::Options as IndexOptions;
use grid_authorize::{Authorize, Disclosure};
use grid_contract::Contracts;
use grid_core::{Code, clock::SharedClock, port::Authorizer};
use grid_identity::{
    Beside, Development as Named, Identity, Revocations, RuleFault, Rules as IdentityRules, SigningKey, Verifier,
};
use grid_link::Hub;
use grid_local::Grants;
use grid_metrics::Metrics;
use grid_reload::Policies;
use grid_resolve::Roster;
use grid_session::{Limits, Sessions};
use grid_swap::Turns;
use grid_tlog::Signer;
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use grid_config::{Config, Mode};

use crate::{
    archive::Archive,
    events::Events,
    guard::Guard,
    host::{Host, Rules, WATCHERS},
    nested::Lineages,
    outlets::Outlets,
    places::Places,
    providers::ProvidersFile,
    serve::Failure,
};

/// Within `data.dir`: whose proofs are void.
const REVOCATIONS: &str = "revocations.json";

/// The first stage of the host that this configuration is of, for whoever wants to try it without a host.
///
/// # Errors
/// Key, rules or revocations cannot be used; nothing is made.
pub fn identity_of(config: &Config, clock: &SharedClock) -> Result<Identity, Failure> {
    if !config.identity.key.exists() {
        let message = format!("there is no key file `{}`; `grid token new` makes one", config.identity.key.display());
        return Err(Failure::config(Code::CertificateError, message));
    }
    identity(config, clock)
}

/// Who is believed: tokens of the host's own key, and in DEVELOPMENT a named principal for local callers.
pub(crate) fn identity(config: &Config, clock: &SharedClock) -> Result<Identity, Failure> {
    let key = SigningKey::load_or_create(&config.identity.key)
        .map_err(|error| Failure::config(Code::CertificateError, error.to_string()))?;
    let verifier = Verifier::new(
        key.verifying_key(),
        config.identity.issuer.clone(),
        config.identity.audience.clone(),
        config.identity.leeway,
    );
    let revocations = Revocations::open(&config.data.dir.join(REVOCATIONS))
        .map_err(|error| Failure::config(Code::DataCorruption, error.to_string()))?;
    let identity = match config.mode {
        Mode::Strict => Identity::strict(verifier, clock.clone()),
        Mode::Development => {
            let named = Named {
                principal: config.development.principal.clone(),
                tenant: config.development.tenant.clone(),
                roles: config.development.roles.iter().map(|role| Arc::from(role.as_str())).collect::<BTreeSet<_>>(),
            };
            Identity::development(Some(verifier), named, clock.clone())
        }
    };
    let rules = identity_rules(config).map_err(|faults| Failure::config(Code::InvalidConfig, faults.join("\n")))?;
    let resource = config.identity.resource.as_ref().map(|url| url.reveal().to_owned());
    let ruled = identity.keeping(revocations).known_as(resource).ruled(rules);
    ruled.map_err(|error| Failure::start(Code::EnvironmentError, format!("cannot start a thread: {error}")))
}

/// Whom others prove; nobody where no file says so.
fn identity_rules(config: &Config) -> Result<IdentityRules, Vec<String>> {
    let Some(path) = &config.identity.rules else { return Ok(IdentityRules::default()) };
    IdentityRules::load(path, beside(config)).map_err(|faults| {
        let place = |line: Option<usize>| line.map_or_else(String::new, |line| format!(":{line}"));
        faults.iter().map(|fault| format!("{}{}: {fault}", path.display(), place(fault.line))).collect()
    })
}

fn beside(config: &Config) -> Beside<'_> {
    Beside { issuer: &config.identity.issuer, runtime_role: &config.authorize.runtime_role }
}

/// Everything that is wrong with the identity rules, where there are any.
#[must_use]
pub fn identity_faults(config: &Config) -> Vec<RuleFault> {
    let rules = config.identity.rules.as_ref();
    rules.and_then(|path| IdentityRules::load(path, beside(config)).err()).unwrap_or_default()
}

/// Opens the log; without it nothing is served.
pub(crate) fn ledger(config: &Config, clock: &SharedClock, metrics: &Metrics) -> Result<(Ledger, Recovered), Failure> {
    let options = AuditOptions {
        directory: config.audit.dir.clone(),
        signer: Arc::new(audit_key(config)?),
        segment_bytes: config.audit.segment.bytes(),
        durability: match config.audit.durability {
            grid_config::Durability::Full => Durability::Full,
            grid_config::Durability::Relaxed => Durability::Relaxed,
        },
        queue: config.audit.queue,
        publish: config.audit.publish,
    };
    let observer = Arc::new(Commits(metrics.clone()));
    Ledger::open(options, clock.clone(), observer, &tokio::runtime::Handle::current())
        .map_err(|error| Failure::start(Code::AuditUnavailable, error.to_string()))
}

/// Keeps the index of the log that `ledger` opened.
pub(crate) fn archive(config: &Config, clock: &SharedClock) -> Result<Archive, Failure> {
    let options = IndexOptions::new(config.audit.dir.clone());
    Archive::open(options, config.server.max_message.as_usize(), clock.clone())
        .map_err(|error| Failure::start(Code::EnvironmentError, format!("cannot start a thread: {error}")))
}

/// The key that signs the log. DEVELOPMENT makes one where there is none; STRICT wants to be given one, because a
/// log that changes its key unasked is another log.
fn audit_key(config: &Config) -> Result<Signer, Failure> {
    let source = KeySource::parse(&config.audit.key.to_string_lossy());
    let signer = match (source.load(), config.mode) {
        (Err(KeyError::Missing(_)), Mode::Development) => {
            source.create(&config.audit.origin.clone().unwrap_or_else(grid_audit::new_origin))
        }
        (loaded, _) => loaded,
    };
    let named = signer.map_err(|error| error.to_string()).and_then(|signer| named(config, signer));
    named.map_err(|message| Failure::config(Code::CertificateError, message))
}

/// Why the key of the log cannot be used; nothing is made.
#[must_use]
pub fn audit_key_fault(config: &Config) -> Option<String> {
    let source = KeySource::parse(&config.audit.key.to_string_lossy());
    let can_be_made = config.mode == Mode::Development && matches!(source, KeySource::File(_));
    match source.load() {
        Err(KeyError::Missing(_)) if can_be_made => None,
        Err(error) => Some(error.to_string()),
        Ok(signer) => named(config, signer).err(),
    }
}

fn named(config: &Config, signer: Signer) -> Result<Signer, String> {
    let name = signer.verifying_key().name();
    match &config.audit.origin {
        Some(origin) if origin != name => Err(format!(
            "`audit.origin` is `{origin}`, but the key of the log is that of `{name}`; correct one of them"
        )),
        _ => Ok(signer),
    }
}

#[derive(Debug)]
struct Commits(Metrics);

impl Observer for Commits {
    fn committed(&self, entries: usize, took: std::time::Duration) {
        self.0.committed(entries, took);
    }
}

fn approvals(config: &Config) -> grid_approve::Settings {
    let approval = &config.approval;
    grid_approve::Settings {
        timeout: approval.timeout,
        per_principal: approval.per_principal,
        per_tenant: approval.per_tenant,
        total: approval.total,
        kept_args: approval.kept_args.as_usize(),
    }
}

fn grants(config: &Config) -> grid_local::Settings {
    let local = &config.local;
    grid_local::Settings { ttl: local.ttl, outstanding: local.outstanding, total: local.total }
}

fn disclosure(config: &Config) -> Disclosure {
    match config.authorize.disclosure {
        grid_config::Disclosure::None => Disclosure::None,
        grid_config::Disclosure::Rule => Disclosure::Rule,
        grid_config::Disclosure::Full => Disclosure::Full,
    }
}

/// Puts the stages together.
pub(crate) fn host<C: Contracts>(
    config: &Config,
    contracts: C,
    (identity, limits, roster): (Identity, grid_limits::Limits, Roster),
    (policies, deciding): (Policies, Arc<dyn Authorizer>),
    (ledger, archive, outlets): (Ledger, Archive, Outlets),
    clock: SharedClock,
    metrics: Metrics,
) -> Host<C> {
    let sessions = Limits {
        ttl: config.session.ttl,
        max_ttl: config.session.max_ttl,
        per_principal: config.session.max_per_principal as usize,
        idempotency_window: config.session.idempotency_window,
    };
    let decisions = grid_authorize::Settings {
        cache: config.authorize.cache,
        ttl: config.authorize.cache_ttl,
        deny_ttl: config.authorize.deny_ttl,
        entries: config.authorize.cache_entries.into(),
        timeout: config.authorize.timeout,
        disclosure: disclosure(config),
    };
    Host {
        guard: Guard::new(config, &clock, &roster),
        reuse: crate::reusing::reuse(config),
        grants: Grants::new(grants(config), clock.clone()),
        approvals: Approvals::new(approvals(config), clock.clone()),
        epochs: watch::Sender::default(),
        watchers: Places::new(WATCHERS),
        events: Events::new(clock.clone()),
        identity,
        sessions: Sessions::new(sessions, clock.clone()),
        contracts,
        authorize: Authorize::new(deciding, decisions, clock.clone()),
        policies,
        limits,
        gate: config.limits.adaptive.then(|| crate::limits::gate(config, &clock)),
        roster,
        providers: ProvidersFile::of(config),
        swaps: Turns::default(),
        hub: Hub::default(),
        lineages: Lineages::default(),
        ledger,
        archive,
        outlets,
        clock,
        metrics,
        tasks: TaskTracker::new(),
        rules: rules(config),
        strangers: AtomicU64::new(0),
        stopping: CancellationToken::new(),
    }
}

fn rules(config: &Config) -> Rules {
    Rules {
        admin_role: config.authorize.admin_role.clone(),
        runtime_role: config.authorize.runtime_role.clone(),
        select_role: config.providers.select_role.clone(),
        reader_role: config.audit.reader_role.clone(),
        operator_role: config.audit.operator_role.clone(),
        denied_tools: config.authorize.denied_tools,
        heartbeat: config.runtime.heartbeat,
        silent_limit: config.runtime.heartbeat.saturating_mul(config.runtime.missed_heartbeats),
        max_in_flight: config.runtime.max_in_flight,
        frame_queue: config.runtime.queue,
        local: config.local.enabled,
        require_digests: config.runtime.require_digests,
    }
}
