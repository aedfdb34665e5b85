use std::time::Duration;

use grid_approve::Contract;
use grid_core::provider::Rule;
use grid_testkit::{Contracts as _, Declaration, Development, FakeRuntime, Scene, manifest, options};

use super::*;
use crate::order::replica;

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","required_roles":["*"],"function_declarations":[
    {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT"}},
    {"name":"diff","description":"Subtracts.","parameters":{"type":"OBJECT"}},
    {"name":"bound","description":"For one provider.","providers":["calc"],"parameters":{"type":"OBJECT"}},
    {"name":"both","description":"Needs two.","requires":{"all":["lru","ttl"]},"parameters":{"type":"OBJECT"}},
    {"name":"either","description":"Needs one.","requires":{"any":["lru","ttl"]},"parameters":{"type":"OBJECT"}},
    {"name":"none","description":"Needs one of none.","requires":{"any":[]},"parameters":{"type":"OBJECT"}},
    {"name":"kept","description":"Has state.","stateful":true,"parameters":{"type":"OBJECT"}}]}]}"#;

pub(super) fn scene() -> Scene<Development> {
    Scene::new(Development::new(manifest(MANIFEST), options(), 50))
}

pub(super) fn contract(scene: &Scene<Development>, name: &str) -> Arc<Contract> {
    scene.contracts.manifest().get(name).unwrap()
}

pub(super) fn seat(roster: &Roster, tool: &str, runtime: &Arc<FakeRuntime>, scope: Scope) {
    let runtime: Arc<dyn Runtime> = runtime.clone();
    roster.seat(&Arc::from(tool), &runtime, scope);
}

pub(super) fn busy(runtime: &FakeRuntime, calls: u32) {
    for _ in 0..calls {
        assert!(runtime.card().load.enter(u32::MAX));
    }
}

/// Provider, runtime with room, rule.
pub(super) type Pick = Option<(String, Option<String>, Rule)>;

/// The head of the order and one of its runtimes, without taking a place.
pub(super) fn pick(roster: &Roster, contract: &Contract, session: &Session, wish: Option<&str>) -> Pick {
    let (guard, tenant) = (roster.0.guard(), &session.principal().tenant);
    let stateful = contract.conduct().stateful;
    let ask = Ask {
        tool: contract.name(),
        contract: Some(contract),
        tenant: Some(tenant),
        session: Some(session.id()),
        wish,
        bound: stateful.then(|| roster.0.bound(session.id(), contract.group())).flatten(),
        avoid: &[],
        admits: &**guard,
    };
    let head = |entry: &Arc<Entry>| {
        let table = entry.table.load();
        let (first, rule) = Order::new(&table, &entry.state, &ask).choose().ok()?;
        let runtime = replica(first, &ask).map(|seat| seat.card().id.to_string());
        Some((first.provider.name.to_string(), runtime, rule))
    };
    roster.0.tools.read(contract.name(), head).flatten()
}

fn chosen(roster: &Roster, contract: &Contract, session: &Session) -> Option<String> {
    pick(roster, contract, session, None).and_then(|(_, runtime, _)| runtime)
}

#[test]
fn the_runtime_with_fewest_calls_in_flight_is_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    for (id, calls) in [("p/a", 3), ("p/b", 1), ("p/c", 2)] {
        let runtime = FakeRuntime::new(id, "demo", 10);
        busy(&runtime, calls);
        seat(&roster, "sum", &runtime, Scope::Every);
    }
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("p/b"));
}

#[test]
fn among_equally_busy_runtimes_the_one_idle_longest_is_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    for (id, ended) in [("p/a", 30), ("p/b", 10), ("p/c", 20)] {
        let runtime = FakeRuntime::new(id, "demo", 10);
        busy(&runtime, 1);
        runtime.card().load.leave(Duration::from_secs(ended), false);
        seat(&roster, "sum", &runtime, Scope::Every);
    }
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("p/b"));
    let fresh = FakeRuntime::new("p/d", "demo", 10);
    seat(&roster, "sum", &fresh, Scope::Every);
    assert_eq!(
        chosen(&roster, &contract(&scene, "sum"), &session).as_deref(),
        Some("p/d"),
        "never used is idle longest"
    );
    busy(&fresh, 1);
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("p/b"), "calls count before time");
}

#[test]
fn who_serves_one_function_serves_no_other() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    seat(&roster, "sum", &FakeRuntime::new("a", "demo", 1), Scope::Every);
    assert!(chosen(&roster, &contract(&scene, "diff"), &session).is_none());
}

#[test]
fn a_seat_for_one_session_serves_that_session_only() {
    let (scene, roster) = (scene(), Roster::default());
    let (one, two) = (scene.session("agent", "demo", &[]), scene.session("agent", "demo", &[]));
    seat(&roster, "sum", &FakeRuntime::new("a", "demo", 1), Scope::Only(one.id()));
    let sum = contract(&scene, "sum");
    assert!(chosen(&roster, &sum, &one).is_some() && roster.any(&sum, &one));
    assert!(chosen(&roster, &sum, &two).is_none() && !roster.any(&sum, &two));
    roster.forget(one.id());
    assert!(chosen(&roster, &sum, &one).is_none(), "it goes with its session");
}

#[test]
fn a_runtime_serves_its_own_tenant_or_every_one() {
    let (scene, roster) = (scene(), Roster::default());
    let (mine, foreign) = (scene.session("agent", "demo", &[]), scene.session("agent", "other", &[]));
    seat(&roster, "sum", &FakeRuntime::new("a", "demo", 1), Scope::Every);
    seat(&roster, "diff", &FakeRuntime::new("b", "*", 1), Scope::Every);
    let (sum, diff) = (contract(&scene, "sum"), contract(&scene, "diff"));
    assert!(chosen(&roster, &sum, &mine).is_some() && chosen(&roster, &sum, &foreign).is_none());
    assert!(chosen(&roster, &diff, &mine).is_some() && chosen(&roster, &diff, &foreign).is_some());
}

#[test]
fn a_contract_that_names_its_providers_is_served_by_no_other() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let bound = contract(&scene, "bound");
    for id in ["thief", "calc2", "thief/calc"] {
        seat(&roster, "bound", &FakeRuntime::new(id, "demo", 1), Scope::Every);
    }
    assert!(chosen(&roster, &bound, &session).is_none());
    seat(&roster, "bound", &FakeRuntime::new("calc/2", "demo", 1), Scope::Every);
    assert_eq!(chosen(&roster, &bound, &session).as_deref(), Some("calc/2"));
}

#[test]
fn a_registered_tool_is_served_in_its_session_and_never_from_a_seat_for_all() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("calc", "demo", &[]);
    let mine = Declaration {
        name: "mine".to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT"}"#.to_owned(),
    };
    let registered = scene.contracts.register(session.id(), "calc", &[vec![mine]]);
    assert_eq!(registered.accepted.len(), 1);
    let mine = scene.contracts.find(&session, "mine").unwrap();
    let runtime = FakeRuntime::new("calc", "demo", 1);
    seat(&roster, "mine", &runtime, Scope::Every);
    assert!(chosen(&roster, &mine, &session).is_none());
    seat(&roster, "mine", &runtime, Scope::Only(session.id()));
    assert!(chosen(&roster, &mine, &session).is_some());
}

#[test]
fn a_draining_runtime_gets_no_new_calls() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let runtime = FakeRuntime::new("a", "demo", 1);
    seat(&roster, "sum", &runtime, Scope::Every);
    runtime.card().load.drain();
    let sum = contract(&scene, "sum");
    assert!(chosen(&roster, &sum, &session).is_none());
    assert!(!roster.any(&sum, &session), "and does not count as one that is full");
}

#[test]
fn a_full_runtime_counts_as_serving_and_is_not_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let runtime = FakeRuntime::new("a", "demo", 2);
    seat(&roster, "sum", &runtime, Scope::Every);
    let sum = contract(&scene, "sum");
    busy(&runtime, 2);
    let (provider, runtime, _) = pick(&roster, &sum, &session, None).unwrap();
    assert_eq!((provider.as_str(), runtime), ("a", None));
    assert!(roster.any(&sum, &session));
}

#[test]
fn who_leaves_leaves_all_its_seats_and_nobody_elses() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let (one, two) = (FakeRuntime::new("a", "demo", 1), FakeRuntime::new("a", "demo", 1));
    for tool in ["sum", "diff"] {
        seat(&roster, tool, &one, Scope::Every);
        seat(&roster, tool, &one, Scope::Only(session.id()));
    }
    seat(&roster, "sum", &two, Scope::Every);
    roster.leave(one.card().connection, 7, "gone");
    assert_eq!(roster.served_by(one.card().connection), [""; 0]);
    assert_eq!(roster.served_by(two.card().connection), ["sum"], "the same id, another connection");
    assert!(chosen(&roster, &contract(&scene, "diff"), &session).is_none());
}

#[test]
fn a_seat_is_taken_once() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let runtime = FakeRuntime::new("a", "demo", 1);
    for _ in 0..3 {
        seat(&roster, "sum", &runtime, Scope::Every);
        seat(&roster, "sum", &runtime, Scope::Only(session.id()));
    }
    let seats = |entry: &Arc<Entry>| entry.table.load().candidates.iter().map(|one| one.seats.len()).sum::<usize>();
    assert_eq!(roster.0.tools.read("sum", seats), Some(2));
    assert_eq!(roster.serving("sum"), ["a"]);
    assert_eq!(roster.served_by(runtime.card().connection), ["sum"]);
}
