//! Plain HTTP on the operators' port: `/metrics`, `/healthz`, `/readyz`, and whose tokens are taken.

use std::sync::Arc;

use bytes::Bytes;
use grid_contract::Contracts;
use grid_core::{gate::Lane, runtime::Runtime as _};
use grid_metrics::{Breaker, Carried, Gate, Glance};
use grid_resolve::What;
use http::{Method, Response, StatusCode, request::Parts};
use serde_json::{Value, json};

use crate::host::Host;

/// Answers GET requests for the known paths.
pub(crate) fn pages<C: Contracts>(
    host: Arc<Host<C>>,
) -> impl Fn(&Parts) -> Option<Response<Bytes>> + Send + Sync + 'static {
    move |request| match (&request.method, request.uri.path()) {
        (&Method::GET, "/metrics") => {
            let text = host.metrics.render(&glance(&host));
            Some(answer(StatusCode::OK, "text/plain; version=0.0.4", text))
        }
        (&Method::GET, "/healthz") => Some(answer(StatusCode::OK, "text/plain", "alive\n".to_owned())),
        (&Method::GET, "/readyz") => Some(ready(&host)),
        (&Method::GET, grid_identity::METADATA_PATH) => {
            let document = host.identity.metadata()?;
            Some(answer(StatusCode::OK, "application/json", format!("{document}\n")))
        }
        _ => None,
    }
}

fn glance<C: Contracts>(host: &Host<C>) -> Glance {
    let audit = host.ledger.status();
    Glance {
        cache: host.authorize.hits_and_misses(),
        in_flight: host.hub.list().iter().map(|wire| u64::from(wire.card().load.in_flight())).sum(),
        runtimes: host.hub.len() as u64,
        sessions: host.sessions.open() as u64,
        grants: host.grants.count() as u64,
        approvals: host.approvals.count() as u64,
        audit_writable: audit.writable,
        audit_published: audit.published,
        audit_publishing: audit.publishing.is_none(),
        audit_uncosigned: host.outlets.uncosigned(),
        audit_held: host.outlets.hold(),
        gate: host.gate.as_deref().map(|gate| {
            let flow = gate.flow();
            Gate {
                limit: flow.limit,
                inside: flow.inside,
                latency: flow.latency,
                shed: [flow.shed.saturating_sub(flow.shed_share), flow.shed_share],
                passed: Lane::ALL.iter().map(|lane| lane.as_str()).zip(flow.passed).collect(),
            }
        }),
        exports: host.outlets.lags(),
        carried: carried(host),
    }
}

fn carried<C: Contracts>(host: &Host<C>) -> Carried {
    let kept = host.reuse.counts();
    let carried = Carried { reuse: (kept.hits, kept.misses), kept: (kept.entries, kept.bytes), ..Carried::default() };
    let Some(breakers) = host.guard.breakers() else { return carried };
    let counts = breakers.counts();
    let rows = breakers.list(false).into_iter();
    let breakers = rows.map(|row| Breaker {
        scope: row.scope.as_str(),
        name: row.name.to_string(),
        state: row.view.phase.gauge(),
        away: row.view.away.as_secs_f64(),
    });
    Carried {
        breakers: breakers.collect(),
        changes: counts.changes.to_vec(),
        rejected: counts.rejected,
        slow: counts.slow,
        failures: counts.failures,
        recoveries: counts.recoveries,
        reports: counts.reports,
        elsewhere: counts.elsewhere,
        ..carried
    }
}

/// Ready means that calls are taken; contracts that no runtime serves are named as degraded.
fn ready<C: Contracts>(host: &Host<C>) -> Response<Bytes> {
    let audit = host.ledger.status();
    let writable = audit.writable;
    let stopping = host.stopping.is_cancelled();
    let manifest = host.contracts.manifest();
    let unserved: Vec<&str> = manifest
        .iter()
        .map(|contract| contract.name().as_ref())
        .filter(|name| host.roster.serving(name).is_empty())
        .collect();
    let held = host.outlets.hold();
    let degraded = degraded(host, &unserved);
    let ready = writable && !stopping && !held;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = json!({
        "ready": ready,
        "mode": C::MODE,
        "contracts": manifest.len(),
        "audit_writable": writable,
        "audit_publishing": audit.publishing.is_none(),
        "audit_waits_for_witnesses": held,
        "stopping": stopping,
        "unserved": unserved,
        "degraded": degraded,
    });
    answer(status, "application/json", format!("{body}\n"))
}

/// Everything that is not as it should be though calls are taken, each with why.
fn degraded<C: Contracts>(host: &Host<C>, unserved: &[&str]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut name = |what: &str, name: &str, why: String| all.push(json!({ "what": what, "name": name, "why": why }));
    let audit = host.ledger.status();
    if !audit.writable {
        name("audit", "log", "it cannot be written, so nothing runs".to_owned());
    }
    if let Some(why) = audit.publishing {
        name("audit", "publishing", why.to_string());
    }
    if host.outlets.hold() {
        name("audit", "witnesses", "they have not cosigned for too long, so nothing runs".to_owned());
    }
    for tool in unserved {
        name("contract", tool, "no runtime serves it".to_owned());
    }
    for (what, serving, note) in host.roster.closed() {
        let why = if note.is_empty() { serving.as_str().to_owned() } else { format!("{}: {note}", serving.as_str()) };
        match what {
            What::Tool(tool) => name("contract", &tool, why),
            What::Provider(provider) => name("provider", &provider, why),
        }
    }
    for row in host.guard.breakers().map(|breakers| breakers.list(false)).unwrap_or_default() {
        name(row.scope.as_str(), &row.name, format!("its breaker is {}", row.view.phase.as_str()));
    }
    for wire in host.hub.list() {
        let card = wire.card();
        if card.load.is_draining() {
            name("runtime", card.id.as_str(), "it asked for no new calls".to_owned());
        }
    }
    all
}

fn answer(status: StatusCode, kind: &str, body: String) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
    }
    response
}
