//! Each rule of the order on its own, and its edges.

use grid_approve::Contract;
use grid_core::{id::TenantId, provider::Rule, runtime::Card};
use grid_testkit::FakeRuntime;

use super::tests::{busy, contract, pick, scene, seat};
use super::*;
use crate::{View, file, table::Barrier};

const PLAIN: View<'static> = View { contract: None, tenant: None, session: None, wish: None };

fn ranks(text: &str) -> Ranks {
    file::read(text, &|_| true).unwrap()
}

fn attach(roster: &Roster, tool: &str, id: &str) -> Arc<FakeRuntime> {
    let runtime = FakeRuntime::new(id, "*", 4);
    seat(roster, tool, &runtime, Scope::Every);
    runtime
}

fn order(roster: &Roster, tool: &str) -> Vec<String> {
    roster.explain(tool, &PLAIN).candidates.into_iter().map(|row| row.provider).collect()
}

fn selection(provider: &str, fallback: bool) -> Option<Selection> {
    Some(Selection { provider: Arc::from(provider), fallback, note: Arc::from("") })
}

fn sum() -> Arc<str> {
    Arc::from("sum")
}

#[test]
fn a_priority_that_is_absent_is_zero_and_goes_before_a_negative_one() {
    let roster = Roster::default();
    for id in ["absent", "negative", "zero"] {
        attach(&roster, "sum", id);
    }
    roster.replace(ranks("[providers.zero]\npriority = 0\n[providers.negative]\npriority = -1"));
    assert_eq!(order(&roster, "sum"), ["zero", "absent", "negative"], "equal ones by who was seen last");
    assert_eq!(roster.explain("sum", &PLAIN).decided_by, "registration_order");
}

#[test]
fn stack_levels_decide_among_those_of_one_priority() {
    let roster = Roster::default();
    for id in ["redis", "memcached", "memory", "custom"] {
        attach(&roster, "sum", id);
    }
    let text = "[providers.redis]\nstack_level = 10\n[providers.memcached]\nstack_level = 5\n[providers.custom]\npriority = 100";
    roster.replace(ranks(text));
    assert_eq!(order(&roster, "sum"), ["custom", "redis", "memcached", "memory"]);
    assert_eq!(roster.explain("sum", &PLAIN).decided_by, "priority");
    let custom = roster.runtimes("sum", "custom").remove(0).card().connection;
    roster.leave(custom, 9, "it was stopped");
    let told = roster.explain("sum", &PLAIN);
    assert_eq!((told.chosen.as_str(), told.decided_by.as_str()), ("redis", "stack_level"));
    let last = told.candidates.last().unwrap();
    assert_eq!((last.provider.as_str(), last.gone_at_ms), ("custom", 9), "it is listed with time and cause");
    assert!(last.reason.contains("it was stopped"), "{}", last.reason);
}

#[test]
fn who_comes_back_keeps_its_place_in_the_order() {
    let roster = Roster::default();
    let first = attach(&roster, "sum", "first");
    attach(&roster, "sum", "second");
    assert_eq!(order(&roster, "sum"), ["second", "first"]);
    for _ in 0..20 {
        for runtime in roster.runtimes("sum", "first") {
            roster.leave(runtime.card().connection, 1, "flapping");
        }
        attach(&roster, "sum", "first");
        assert_eq!(order(&roster, "sum"), ["second", "first"]);
    }
    roster.leave(first.card().connection, 1, "again");
    let told = roster.explain("sum", &PLAIN);
    assert_eq!(told.decided_by, "registration_order");
    assert_eq!(told.candidates.iter().map(|row| row.sequence).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn the_order_selections_and_pauses_outlive_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.json");
    let demo = Whose::Tenant(TenantId::parse("demo").unwrap());
    {
        let roster = Roster::open(&path, 8, 5).unwrap();
        attach(&roster, "sum", "first");
        attach(&roster, "sum", "second");
        roster.select(&sum(), demo.clone(), selection("first", true));
        roster.set_state(&What::Provider(Arc::from("second")), Serving::Paused, "for the night");
        roster.set_state(&What::Tool(Arc::from("diff")), Serving::Draining, "");
        roster.keep().unwrap();
    }
    let roster = Roster::open(&path, 8, 77).unwrap();
    let told = roster.explain("sum", &PLAIN);
    assert_eq!(told.candidates.iter().map(|row| row.gone_at_ms).collect::<Vec<_>>(), [77, 77], "{told:#?}");
    attach(&roster, "sum", "second");
    attach(&roster, "sum", "first");
    assert_eq!(roster.selected("sum", &demo), selection("first", true));
    assert_eq!(roster.state(&What::Provider(Arc::from("second"))), Serving::Paused);
    assert_eq!(roster.state(&What::Tool(Arc::from("diff"))), Serving::Draining);
    assert_eq!(roster.set_state(&What::Provider(Arc::from("second")), Serving::Serving, ""), Serving::Paused);
    assert_eq!(order(&roster, "sum"), ["second", "first"], "the order of the first time, not of this one");
}

#[test]
fn a_file_of_the_order_that_cannot_be_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("providers.json");
    let faults = [
        "",
        "{}",
        r#"{"version":2,"order":{},"selected":[],"serving":[]}"#,
        r#"{"version":1,"order":{"sum":["a","a"]},"selected":[],"serving":[]}"#,
        r#"{"version":1,"order":{},"selected":[],"serving":[{"state":"paused"}]}"#,
        r#"{"version":1,"order":{},"selected":[],"serving":[],"more":1}"#,
    ];
    for text in faults {
        std::fs::write(&path, text).unwrap();
        let error = Roster::open(&path, 8, 0).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains("providers.json") && error.contains("restore"), "{text}: {error}");
    }
    std::fs::remove_file(&path).unwrap();
    assert!(Roster::open(&path, 8, 0).is_ok(), "none is there before the first");
}

#[test]
fn a_selection_of_somebody_who_cannot_serve_is_nobodys_call() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let sum_contract = contract(&scene, "sum");
    let own = |roster: &Roster| pick(roster, &sum_contract, &session, None);
    attach(&roster, "sum", "redis");
    attach(&roster, "sum", "memory");
    roster.select(&sum(), Whose::Host, selection("typo", false));
    assert!(own(&roster).is_none(), "not the next one");
    let told = roster.explain("sum", &PLAIN);
    assert_eq!(told.chosen, "");
    assert!(told.decided_by.contains("selection:host") && told.decided_by.contains("typo"), "{}", told.decided_by);
    roster.select(&sum(), Whose::Host, selection("typo", true));
    assert_eq!(own(&roster).unwrap().0, "memory", "unless it says so");
    roster.select(&sum(), Whose::Host, selection("redis", false));
    assert_eq!(own(&roster).map(|one| (one.0, one.2)), Some(("redis".to_owned(), Rule::SelectionHost)));
    roster.set_state(&What::Provider(Arc::from("redis")), Serving::Paused, "");
    assert!(own(&roster).is_none(), "a pause is no reason to take another");
    roster.set_state(&What::Provider(Arc::from("redis")), Serving::Serving, "");
    assert_eq!(roster.select(&sum(), Whose::Host, None), selection("redis", false));
    assert_eq!(own(&roster).unwrap().0, "memory", "a selection that is taken back leaves nothing");
}

#[test]
fn the_narrowest_selection_holds_and_an_operators_before_the_files() {
    let (scene, roster) = (scene(), Roster::default());
    let (one, two) = (scene.session("agent", "demo", &[]), scene.session("agent", "demo", &[]));
    let other = scene.session("agent", "other", &[]);
    for id in ["a", "b", "c", "d", "e"] {
        attach(&roster, "sum", id);
    }
    roster.replace(ranks("[select]\nsum = \"a\"\n[tenants.demo.select]\nsum = { provider = \"b\", fallback = true }"));
    roster.select(&sum(), Whose::Session(one.id()), selection("c", false));
    let sum_contract = contract(&scene, "sum");
    let by = |session: &Session, wish| pick(&roster, &sum_contract, session, wish).map(|one| (one.0, one.2.as_str()));
    let told = |name: &str, rule| Some((name.to_owned(), rule));
    assert_eq!(by(&one, Some("d")), told("d", "selection:call"));
    assert_eq!(by(&one, None), told("c", "selection:session"));
    assert_eq!(by(&two, None), told("b", "selection:tenant"), "that session alone");
    assert_eq!(by(&other, None), told("a", "selection:host"));
    roster.select(&sum(), Whose::Host, selection("e", false));
    assert_eq!(by(&other, None), told("e", "selection:host"));
    roster.forget(one.id());
    assert_eq!(by(&one, None), told("b", "selection:tenant"), "it goes with its session");
}

#[test]
fn capabilities_are_all_or_any_and_any_of_none_is_no_demand() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let may = |tool: &str, words: &str| {
        roster.replace(ranks(&format!("[providers.p]\ncapabilities = {words}")));
        attach(&roster, tool, "p");
        pick(&roster, &contract(&scene, tool), &session, None).is_some()
    };
    assert!(may("both", r#"["ttl", "lru", "x"]"#) && !may("both", r#"["lru"]"#) && !may("both", "[]"));
    assert!(may("either", r#"["ttl"]"#) && !may("either", r#"["x"]"#) && !may("either", "[]"));
    assert!(may("none", "[]") && may("sum", "[]"));
    attach(&roster, "both", "p");
    let both = contract(&scene, "both");
    let told = roster.explain("both", &View { contract: Some(&both), ..PLAIN });
    assert!(told.candidates[0].reason.contains("`lru`"), "{told:#?}");
}

#[test]
fn the_files_tenants_and_functions_bound_a_provider() {
    let (scene, roster) = (scene(), Roster::default());
    let (demo, other) = (scene.session("agent", "demo", &[]), scene.session("agent", "other", &[]));
    roster.replace(ranks("[providers.p]\ntenants = [\"demo\"]\nfulfils = [\"sum\"]"));
    attach(&roster, "sum", "p");
    attach(&roster, "diff", "p");
    let may = |tool: &str, session: &Session| pick(&roster, &contract(&scene, tool), session, None).is_some();
    assert!(may("sum", &demo) && !may("sum", &other) && !may("diff", &demo));
}

#[test]
fn calls_of_a_session_with_state_stay_at_their_runtime() {
    let (scene, roster) = (scene(), Roster::default());
    let (one, two) = (scene.session("agent", "demo", &[]), scene.session("agent", "demo", &[]));
    let kept = contract(&scene, "kept");
    let clock = scene.clock.shared();
    let call = |session: &Arc<Session>| {
        let want = Want { contract: &kept, session, wish: None, avoid: &[] };
        match roster.0.attempt(&clock, &want, true) {
            Attempt::Taken(place) => place,
            other => panic!("no place: {other:?}"),
        }
    };
    let runtimes = ["p/1", "p/2"].map(|id| attach(&roster, "kept", id));
    drop(call(&one));
    let home = pick(&roster, &kept, &one, None).unwrap();
    assert_eq!(home.2, Rule::Affinity);
    let at = runtimes.iter().find(|runtime| runtime.card().id.as_str() == home.1.clone().unwrap()).unwrap();
    busy(at, 3);
    assert_eq!(pick(&roster, &kept, &one, None).unwrap().1, home.1, "however busy it is");
    assert_ne!(pick(&roster, &kept, &two, None).unwrap().1, home.1, "for that session alone");
    attach(&roster, "kept", "later");
    assert_eq!(pick(&roster, &kept, &one, None).unwrap(), home, "whoever comes");
    assert_eq!(pick(&roster, &kept, &two, None).unwrap().0, "later");
    busy(at, 1);
    assert_eq!(pick(&roster, &kept, &one, None), Some(("p".to_owned(), None, Rule::Affinity)), "full, and no other");
    roster.leave(at.card().connection, 1, "gone");
    assert_eq!(pick(&roster, &kept, &one, None).unwrap().0, "later", "until it goes");
    assert_eq!(pick(&roster, &contract(&scene, "sum"), &one, None), None);
}

#[test]
fn a_provider_that_is_full_is_still_the_one_that_is_chosen() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    attach(&roster, "sum", "first");
    let last = attach(&roster, "sum", "last");
    busy(&last, 4);
    let (name, runtime, _) = pick(&roster, &contract(&scene, "sum"), &session, None).unwrap();
    assert_eq!(
        (name.as_str(), runtime),
        ("last", None),
        "its calls wait, they do not go where the work is done otherwise"
    );
}

#[derive(Debug)]
struct Against(&'static str);

impl Admits for Against {
    fn admits(&self, _tool: &str, card: &Card) -> Result<(), Barrier> {
        match card.id.as_str() == self.0 {
            true => Err(Barrier { retry_after: std::time::Duration::from_secs(3) }),
            false => Ok(()),
        }
    }
}

#[test]
fn breakers_keep_calls_from_one_runtime_and_from_a_provider_that_has_no_other() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let sum = contract(&scene, "sum");
    attach(&roster, "sum", "p/1");
    attach(&roster, "sum", "p/2");
    roster.guarded(Arc::new(Against("p/1")));
    assert_eq!(pick(&roster, &sum, &session, None).unwrap().1.as_deref(), Some("p/2"));
    roster.leave(roster.runtimes("sum", "p")[1].card().connection, 1, "gone");
    assert!(pick(&roster, &sum, &session, None).is_none());
    let told = roster.explain("sum", &PLAIN);
    assert!(told.candidates[0].reason.contains("breaker"), "{told:#?}");
}

#[test]
fn exact_ties_are_those_that_nothing_but_the_order_decides() {
    let roster = Roster::default();
    let names = |roster: &Roster| roster.ties().into_iter().map(|(_, tied)| tied.join("+")).collect::<Vec<_>>();
    attach(&roster, "sum", "a");
    assert!(names(&roster).is_empty());
    attach(&roster, "sum", "b");
    assert_eq!(names(&roster), ["a+b"]);
    roster.replace(ranks("[providers.a]\nstack_level = 1\n[providers.c]\nstack_level = 1\nfulfils = [\"sum\"]"));
    assert_eq!(names(&roster), ["a+c"], "one that the file names may come at any time");
    roster.select(&sum(), Whose::Host, selection("a", false));
    assert!(names(&roster).is_empty(), "whoever is selected ties with nobody");
}

#[test]
fn explaining_a_tool_that_nobody_knows_is_an_answer() {
    let told = Roster::default().explain("nothing", &PLAIN);
    assert_eq!((told.tool.as_str(), told.candidates.len(), told.chosen.as_str()), ("nothing", 0, ""));
    assert!(!told.decided_by.is_empty());
}

#[test]
fn counts_are_those_of_the_tool_at_the_connection() {
    let (scene, roster) = (scene(), Roster::default());
    let session = scene.session("agent", "demo", &[]);
    let runtime = attach(&roster, "sum", "p");
    attach(&roster, "diff", "q");
    seat(&roster, "diff", &runtime, Scope::Every);
    let clock = scene.clock.shared();
    let take = |contract: &Arc<Contract>, wish| {
        let want = Want { contract, session: &session, wish, avoid: &[] };
        match roster.0.attempt(&clock, &want, true) {
            Attempt::Taken(place) => place,
            other => panic!("no place: {other:?}"),
        }
    };
    let (sum, diff) = (contract(&scene, "sum"), contract(&scene, "diff"));
    let calls = [take(&sum, None), take(&sum, None), take(&diff, Some("p"))];
    let at = runtime.card().connection;
    assert_eq!((roster.in_flight_at("sum", at), roster.in_flight_at("diff", at)), (2, 1));
    assert_eq!(roster.in_flight(&What::Tool(Arc::from("diff"))), 1);
    assert_eq!(roster.in_flight(&What::Provider(Arc::from("p"))), 3);
    assert_eq!(runtime.card().load.in_flight(), 3);
    drop(calls);
    assert_eq!((roster.in_flight(&What::Provider(Arc::from("p"))), runtime.card().load.in_flight()), (0, 0));
}
