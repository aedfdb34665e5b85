use std::time::Duration;

use grid_testkit::{Contracts as _, Declaration, Development, Dice, FakeRuntime, Scene, manifest, options};

use super::*;

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","required_roles":["*"],"function_declarations":[
    {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT"}},
    {"name":"diff","description":"Subtracts.","parameters":{"type":"OBJECT"}},
    {"name":"bound","description":"For one provider.","providers":["calc"],"parameters":{"type":"OBJECT"}}]}]}"#;

fn scene() -> Scene<Development> {
    Scene::new(Development::new(manifest(MANIFEST), options(), 50))
}

fn contract(scene: &Scene<Development>, name: &str) -> Arc<Contract> {
    scene.contracts.manifest().get(name).unwrap()
}

fn seat(roster: &Roster, tool: &str, runtime: &Arc<FakeRuntime>, scope: Scope) {
    let runtime: Arc<dyn Runtime> = runtime.clone();
    roster.seat(&Arc::from(tool), &runtime, scope);
}

fn busy(runtime: &FakeRuntime, calls: u32) {
    for _ in 0..calls {
        assert!(runtime.card().load.enter(u32::MAX));
    }
}

fn chosen(roster: &Roster, contract: &Contract, session: &Session) -> Option<String> {
    roster.choose(contract, session).map(|runtime| runtime.card().id.to_string())
}

#[test]
fn the_runtime_with_fewest_calls_in_flight_is_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    for (id, calls) in [("a", 3), ("b", 1), ("c", 2)] {
        let runtime = FakeRuntime::new(id, "demo", 10);
        busy(&runtime, calls);
        seat(&roster, "sum", &runtime, Scope::Every);
    }
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("b"));
}

#[test]
fn among_equally_busy_runtimes_the_one_idle_longest_is_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    for (id, ended) in [("a", 30), ("b", 10), ("c", 20)] {
        let runtime = FakeRuntime::new(id, "demo", 10);
        busy(&runtime, 1);
        runtime.card().load.leave(Duration::from_secs(ended), false);
        seat(&roster, "sum", &runtime, Scope::Every);
    }
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("b"));
    let fresh = FakeRuntime::new("d", "demo", 10);
    seat(&roster, "sum", &fresh, Scope::Every);
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("d"), "never used is idle longest");
    busy(&fresh, 1);
    assert_eq!(chosen(&roster, &contract(&scene, "sum"), &session).as_deref(), Some("b"), "calls count before time");
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
    busy(&runtime, 1);
    assert!(!roster.all_full(&sum, &session));
    busy(&runtime, 1);
    assert!(chosen(&roster, &sum, &session).is_none());
    assert!(roster.any(&sum, &session) && roster.all_full(&sum, &session));
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
    roster.leave(one.card().connection);
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
    assert_eq!(roster.by_tool.get("sum").unwrap().len(), 2);
    assert_eq!(roster.serving("sum"), ["a"]);
    assert_eq!(roster.served_by(runtime.card().connection), ["sum"]);
}

/// A seat as the reference knows it.
struct Known {
    id: String,
    tool: &'static str,
    scope: Option<SessionId>,
    tenant: &'static str,
    draining: bool,
    limit: u32,
    in_flight: u32,
    idle_since: u64,
}

impl Known {
    /// Written from the rules, not from the code: one reason after another why not.
    fn may(&self, tool: &str, session: &Session) -> bool {
        if self.tool != tool || self.draining || self.in_flight >= self.limit {
            return false;
        }
        if self.scope.is_some_and(|only| only != session.id()) {
            return false;
        }
        if self.tenant != "*" && self.tenant != session.principal().tenant.as_str() {
            return false;
        }
        tool != "bound" || self.id == "calc" || self.id.starts_with("calc/")
    }
}

fn reference<'a>(known: &'a [Known], tool: &str, session: &Session) -> Option<&'a Known> {
    let mut best: Option<&Known> = None;
    for one in known.iter().filter(|one| one.may(tool, session)) {
        let better = best.is_none_or(|best| (one.in_flight, one.idle_since) < (best.in_flight, best.idle_since));
        if better {
            best = Some(one);
        }
    }
    best
}

#[test]
fn the_choice_is_that_of_a_naive_chooser_over_random_rosters() {
    let scene = scene();
    let sessions = [
        scene.session("agent", "demo", &[]),
        scene.session("agent", "demo", &[]),
        scene.session("agent", "other", &[]),
    ];
    let tools = ["sum", "diff", "bound"];
    let mut dice = Dice::seeded(11);
    let (mut some, mut none) = (0, 0);
    for round in 0..2_000 {
        let roster = Roster::default();
        let mut known = Vec::new();
        for at in 0..dice.below(8) {
            let provider = ["calc", "other", "calcx"][dice.below(3)];
            let id = format!("{provider}/{at}");
            let tenant = ["demo", "other", "*"][dice.below(3)];
            let limit = 1 + u32::try_from(dice.below(3)).unwrap();
            let runtime = FakeRuntime::new(&id, tenant, limit);
            let idle = dice.roll() % 4;
            busy(&runtime, 1 + u32::try_from(dice.below(4)).unwrap());
            runtime.card().load.leave(Duration::from_nanos(idle), dice.coin());
            let draining = dice.below(6) == 0;
            if draining {
                runtime.card().load.drain();
            }
            for tool in dice.some(&tools) {
                let scope = dice.coin().then(|| sessions[dice.below(3)].id());
                seat(&roster, tool, &runtime, scope.map_or(Scope::Every, Scope::Only));
                known.push(Known {
                    id: id.clone(),
                    tool: tools.into_iter().find(|name| *name == tool).unwrap(),
                    scope,
                    tenant,
                    draining,
                    limit,
                    in_flight: runtime.card().load.in_flight(),
                    idle_since: runtime.card().load.idle_since(),
                });
            }
        }
        for tool in tools {
            let contract = contract(&scene, tool);
            for session in &sessions {
                let expected = reference(&known, tool, session).map(|one| one.id.clone());
                assert_eq!(chosen(&roster, &contract, session), expected, "round {round}, {tool}");
                assert_eq!(roster.all_full(&contract, session), expected.is_none(), "round {round}, {tool}");
                if expected.is_some() { some += 1 } else { none += 1 }
            }
        }
    }
    assert!(some > 2_000 && none > 2_000, "{some} chosen, {none} not: too one-sided to show anything");
}
