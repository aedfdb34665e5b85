//! What a runtime serves: contracts of the manifest that it fulfils, and in DEVELOPMENT tools
//! that it registers for one session. Each name is answered; each attempt is recorded before
//! anything is live.

use std::sync::Arc;

use grid_contract::{Contract, Contracts, Development, Registration, pin};
use grid_core::{
    Code, Refusal, Stage,
    event::{Event, Kind, plain_name},
    frame::{BatchAnswer, Fulfil, Register},
    id::{SessionId, TenantId},
    runtime::{Card, Runtime},
};
use grid_resolve::Scope;
use grid_session::Session;

use crate::{host::unwritable, runtime_door::Port};

/// At most so many names in one message.
const NAMES: usize = 1024;

type Rejected = Vec<(String, Refusal)>;

/// Answers a fulfilment.
pub(crate) async fn fulfil<C: Contracts>(port: &Port<C>, request: Fulfil) -> BatchAnswer {
    let host = &port.door.0;
    let (contracts, scope, mut rejected) = match scope(port, &request) {
        Ok(scope) => {
            let (mut contracts, mut rejected) = sort(port, &request.names);
            pin::sift(&mut contracts, &mut rejected, &request.digests, host.rules.require_digests);
            (contracts, scope, rejected)
        }
        Err(refusal) => (Vec::new(), Scope::Every, reject_all(&request.names, &refusal)),
    };
    let mut accepted: Vec<String> = contracts.iter().map(|contract| contract.name().to_string()).collect();
    let session = match scope {
        Scope::Every => None,
        Scope::Only(session) => Some(session),
    };
    if let Err(refusal) = record(port, Kind::Fulfilled, &request.correlation_id, session, &accepted, &rejected).await {
        rejected.extend(reject_all(&accepted, &refusal));
        accepted.clear();
    } else {
        let runtime: Arc<dyn Runtime> = port.wire.clone();
        for contract in &contracts {
            host.roster.seat(contract.name(), &runtime, scope);
        }
        // Where this fails the order holds as long as the host runs, which is told where it happens.
        let _ = host.keep_providers().await;
        if let Scope::Only(id) = scope
            && let Err(refusal) = still_open(port, id)
        {
            rejected.extend(reject_all(&accepted, &refusal));
            accepted.clear();
        }
    }
    answer(port, accepted, rejected, request.session_id, &request.correlation_id)
}

/// Answers a registration. What is registered cannot be called before it has a seat, and it gets that only when
/// its record is durable.
pub(crate) async fn register<C: Contracts>(port: &Port<C>, request: Register) -> BatchAnswer {
    let host = &port.door.0;
    let names: Vec<String> = request.tools.iter().flatten().map(|declaration| declaration.name.clone()).collect();
    let (session, mut registration) = match session_for(port, &request, names.len()).await {
        Ok((session, registrar)) => {
            let registration = registrar.register(session.id(), port.wire.card().provider(), &request.tools);
            (Some(session), registration)
        }
        Err(refusal) => (None, Registration { accepted: Vec::new(), rejected: reject_all(&names, &refusal) }),
    };
    let id = session.as_ref().map(|session| session.id());
    let accepted = names_of(&registration.accepted);
    let recorded = record(port, Kind::Registered, &request.correlation_id, id, &accepted, &registration.rejected).await;
    if let (Err(refusal), Some(id), Some(registrar)) = (&recorded, id, host.contracts.registrar()) {
        registrar.withdraw(id, &accepted);
        registration = Registration { accepted: Vec::new(), rejected: reject_all(&names, refusal) };
    }
    let runtime: Arc<dyn Runtime> = port.wire.clone();
    for contract in &registration.accepted {
        if let Some(id) = id {
            host.roster.seat(contract.name(), &runtime, Scope::Only(id));
            tracing::warn!(
                tool = %contract.name(),
                runtime = %port.wire.card().id,
                session = %id,
                "DEVELOPMENT: a runtime registered a tool that nobody reviewed"
            );
        }
    }
    if let Some(id) = id
        && let Err(refusal) = still_open(port, id)
    {
        registration = Registration { accepted: Vec::new(), rejected: reject_all(&names, &refusal) };
    }
    let accepted = names_of(&registration.accepted);
    let session_id = id.map_or(request.session_id, |id| id.to_string());
    answer(port, accepted, registration.rejected, session_id, &request.correlation_id)
}

/// The session to register in: the named one, which must be the runtime's own principal's, or a new one.
async fn session_for<'a, C: Contracts>(
    port: &'a Port<C>,
    request: &Register,
    names: usize,
) -> Result<(Arc<Session>, &'a Development), Refusal> {
    let host = &port.door.0;
    let Some(registrar) = host.contracts.registrar() else {
        let message =
            "this host takes no registrations; add the contract to its manifest, or use a host in DEVELOPMENT mode";
        return Err(Refusal::new(Code::FeatureUnavailable, Stage::Link, message));
    };
    own_id(port, &request.runtime_id)?;
    bounded(names)?;
    if request.session_id.is_empty() {
        return Ok((port.door.open_for(&port.principal).await?, registrar));
    }
    let session = request.session_id.parse().ok().and_then(|id| host.sessions.peek(&id));
    let own = session.filter(|session| {
        let owner = session.principal();
        owner.id == port.principal.id && owner.tenant == port.principal.tenant
    });
    own.map(|session| (session, registrar)).ok_or_else(|| no_session("a session of this runtime's own principal"))
}

fn scope<C: Contracts>(port: &Port<C>, request: &Fulfil) -> Result<Scope, Refusal> {
    own_id(port, &request.runtime_id)?;
    bounded(request.names.len().max(request.digests.len()))?;
    if request.session_id.is_empty() {
        return Ok(Scope::Every);
    }
    let id: Option<SessionId> = request.session_id.parse().ok();
    let session = id.and_then(|id| port.door.0.sessions.peek(&id));
    match session.filter(|session| port.wire.card().serves(&session.principal().tenant)) {
        Some(session) => Ok(Scope::Only(session.id())),
        None => Err(no_session("an open session of the runtime's tenant")),
    }
}

/// A session that ended while the record was being written has been cleared up already; what was seated since
/// would stay for ever.
fn still_open<C: Contracts>(port: &Port<C>, session: SessionId) -> Result<(), Refusal> {
    let host = &port.door.0;
    if host.sessions.peek(&session).is_some() {
        return Ok(());
    }
    host.forget(session);
    Err(no_session("one that is open"))
}

fn no_session(which: &str) -> Refusal {
    let message = format!("no such session; name {which}, or leave `session_id` out");
    Refusal::new(Code::InvalidSession, Stage::Link, message)
}

fn own_id<C: Contracts>(port: &Port<C>, claimed: &str) -> Result<(), Refusal> {
    let own = port.wire.card().id.as_str();
    if claimed.is_empty() || claimed == own {
        return Ok(());
    }
    let message = format!("this connection is `{own}`; leave `runtime_id` out or repeat that");
    Err(Refusal::new(Code::PermissionDenied, Stage::Link, message))
}

fn bounded(names: usize) -> Result<(), Refusal> {
    if names <= NAMES {
        return Ok(());
    }
    let message = format!("{names} names in one message; send at most {NAMES}");
    Err(Refusal::new(Code::MessageTooLarge, Stage::Link, message))
}

/// The contracts that the names mean and that this provider may fulfil, and the names that mean none.
fn sort<C: Contracts>(port: &Port<C>, names: &[String]) -> (Vec<Arc<Contract>>, Rejected) {
    let manifest = port.door.0.contracts.manifest();
    let provider = port.wire.card().provider();
    let (mut contracts, mut rejected) = (Vec::new(), Vec::new());
    for name in names {
        let mut named = manifest.named(name);
        named.retain(|contract| may_know(port.wire.card(), contract));
        if named.is_empty() {
            let message = "there is no such contract here; runtimes fulfil the host's contracts, they do not make them";
            rejected.push((name.clone(), Refusal::new(Code::UnsupportedTool, Stage::Link, message)));
        }
        for contract in named {
            if contract.admits_provider(provider) {
                contracts.push(contract);
            } else {
                let message = format!("the contract does not name `{provider}` among its providers");
                let refusal = Refusal::new(Code::PolicyViolation, Stage::Link, message);
                rejected.push((contract.name().to_string(), refusal));
            }
        }
    }
    (contracts, rejected)
}

/// Contracts of other tenants do not exist for a runtime.
pub(crate) fn may_know(card: &Card, contract: &Contract) -> bool {
    contract.is_for_any(|tenant| TenantId::parse(tenant).is_ok_and(|tenant| card.serves(&tenant)))
}

fn names_of(contracts: &[Arc<Contract>]) -> Vec<String> {
    contracts.iter().map(|contract| contract.name().to_string()).collect()
}

fn reject_all(names: &[String], refusal: &Refusal) -> Rejected {
    names.iter().map(|name| (name.clone(), refusal.clone())).collect()
}

/// Names in one record: an entry of the log holds 64 KiB.
const NAMES_A_RECORD: usize = 256;

/// Nothing is live that is not on record. Long lists take several records.
async fn record<C: Contracts>(
    port: &Port<C>,
    kind: Kind,
    correlation: &str,
    session: Option<SessionId>,
    accepted: &[String],
    rejected: &Rejected,
) -> Result<(), Refusal> {
    let coded = |(name, refusal): &(String, Refusal)| (plain_name(name).to_string(), refusal.code());
    let records = accepted.len().div_ceil(NAMES_A_RECORD).max(rejected.len().div_ceil(NAMES_A_RECORD)).max(1);
    for at in 0..records {
        let event = Event {
            session,
            accepted: accepted.iter().skip(at * NAMES_A_RECORD).take(NAMES_A_RECORD).cloned().collect(),
            rejected: rejected.iter().skip(at * NAMES_A_RECORD).take(NAMES_A_RECORD).map(coded).collect(),
            ..port.event(kind, correlation)
        };
        port.door.0.ledger.record(event).await.map_err(|error| unwritable(&error))?;
    }
    Ok(())
}

fn answer<C: Contracts>(
    port: &Port<C>,
    accepted: Vec<String>,
    rejected: Rejected,
    session_id: String,
    correlation: &str,
) -> BatchAnswer {
    for (name, refusal) in &rejected {
        tracing::warn!(
            tool = %plain_name(name),
            runtime = %port.wire.card().id,
            code = refusal.code().as_str(),
            "a name was rejected: {}",
            refusal.message()
        );
    }
    let filled = |(name, refusal): (String, Refusal)| {
        let refusal = port.fill(refusal.with("tool_name", plain_name(&name).to_string()), correlation);
        (name, refusal)
    };
    BatchAnswer {
        accepted,
        rejected: rejected.into_iter().map(filled).collect(),
        session_id,
        correlation_id: port.door.0.correlation(correlation),
    }
}
