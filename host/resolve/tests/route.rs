//! The stage resolve: a runtime, a place there, and how long the call may take.

use std::{sync::Arc, thread, time::Duration};

use grid_approve::Session;
use grid_core::{Code, Refusal, Stage, clock::Clock as _, envelope::TraceContext, event::Kind, runtime::Runtime};
use grid_resolve::{Roster, RoutedCall, Scope, admission, route};
use grid_testkit::{FakeRuntime, Scene, SessionRequest, Strict};

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","required_roles":["*"],"effect":"read","timeout":"10s","function_declarations":[
    {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}]}]}"#;

struct Desk {
    scene: Scene<Strict>,
    session: Arc<Session>,
    roster: Roster,
}

impl Desk {
    fn with(runtimes: &[&Arc<FakeRuntime>]) -> Self {
        let roster = Roster::default();
        for runtime in runtimes {
            let runtime: Arc<dyn Runtime> = (*runtime).clone();
            roster.seat(&Arc::from("sum"), &runtime, Scope::Every);
        }
        let scene = Scene::strict(MANIFEST);
        let session = scene.session("agent", "demo", &[]);
        Self { scene, session, roster }
    }

    async fn route(&self) -> Result<RoutedCall, Refusal> {
        self.send(self.scene.request("sum", r#"{"a":1}"#)).await
    }

    async fn send(&self, request: SessionRequest) -> Result<RoutedCall, Refusal> {
        let call = self.scene.approved(&self.session, request).await;
        route(&self.roster, &self.scene.clock.shared(), call).await
    }

    async fn within(&self, deadline: u64) -> Result<RoutedCall, Refusal> {
        let request = self.scene.request("sum", "{}");
        self.send(SessionRequest { deadline_unix_ms: Some(deadline), ..request }).await
    }
}

fn load(runtime: &FakeRuntime) -> (u32, u64, u64) {
    let load = &runtime.card().load;
    (load.in_flight(), load.calls(), load.failures())
}

#[tokio::test]
async fn a_call_takes_a_place_and_gives_it_back() {
    let runtime = FakeRuntime::new("calc", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let mut call = desk.route().await.unwrap();
    assert_eq!(load(&runtime), (1, 1, 0));
    desk.scene.clock.advance(Duration::from_secs(3));
    call.succeeded();
    drop(call);
    assert_eq!(load(&runtime), (0, 1, 0));
    assert_eq!(runtime.card().load.idle_since(), 3_000_000_000);
    assert!(desk.route().await.is_ok());
}

#[tokio::test]
async fn a_call_that_did_not_succeed_counts_as_a_failure() {
    let runtime = FakeRuntime::new("calc", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    drop(desk.route().await.unwrap());
    assert_eq!(load(&runtime), (0, 1, 1));
}

#[tokio::test]
async fn calls_go_round_among_idle_runtimes() {
    let runtimes = ["p/a", "p/b", "p/c"].map(|id| FakeRuntime::new(id, "demo", 5));
    let desk = Desk::with(&runtimes.each_ref());
    let mut order = Vec::new();
    for _ in 0..6 {
        desk.scene.clock.advance(Duration::from_secs(1));
        let call = desk.route().await.unwrap();
        order.push(call.runtime().card().id.to_string());
    }
    assert_eq!(order, ["p/a", "p/b", "p/c", "p/a", "p/b", "p/c"]);
}

#[tokio::test]
async fn where_nobody_serves_the_tool_the_service_is_unavailable() {
    let desk = Desk::with(&[]);
    let refusal = desk.route().await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::ServiceUnavailable, Stage::Resolve));
    assert!(refusal.message().contains("no runtime serves `sum`"), "{refusal}");
}

#[tokio::test]
async fn where_all_who_serve_it_are_full_the_resource_is_exhausted() {
    let runtimes = ["p/a", "p/b"].map(|id| FakeRuntime::new(id, "demo", 1));
    let desk = Desk::with(&runtimes.each_ref());
    let (one, _two) = (desk.route().await.unwrap(), desk.route().await.unwrap());
    let refusal = desk.route().await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::ResourceExhausted, Stage::Resolve));
    assert_eq!(load(&runtimes[0]).0 + load(&runtimes[1]).0, 2, "a refused call takes no place");
    let freed = one.runtime().card().id.clone();
    drop(one);
    assert_eq!(desk.route().await.unwrap().runtime().card().id, freed);
}

#[tokio::test]
async fn a_runtime_that_drains_does_not_make_the_others_look_full() {
    let runtime = FakeRuntime::new("a", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let _held = desk.route().await.unwrap();
    runtime.card().load.drain();
    assert_eq!(desk.route().await.unwrap_err().code(), Code::ServiceUnavailable);
}

#[tokio::test]
async fn a_refusal_says_when_to_look_again() {
    let context = grid_core::refusal::Context { repeatable: true, ..Default::default() };
    let refusal = Desk::with(&[]).route().await.unwrap_err().within(context);
    assert_eq!((refusal.retry_allowed(), refusal.retry_after_ms()), (true, 1000));
}

#[tokio::test]
async fn the_contracts_timeout_holds_where_the_caller_names_no_deadline() {
    let runtime = FakeRuntime::new("a", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let mut call = desk.route().await.unwrap();
    assert_eq!(call.timeout(), Duration::from_secs(10));
    assert_eq!(call.frame().deadline_unix_ms, desk.scene.clock.unix_ms() + 10_000);
}

#[tokio::test]
async fn a_callers_deadline_can_only_shorten_the_timeout() {
    let runtime = FakeRuntime::new("a", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let now = desk.scene.clock.unix_ms();
    assert_eq!(desk.within(now + 1).await.unwrap().timeout(), Duration::from_millis(1));
    let mut call = desk.within(now + 2_500).await.unwrap();
    assert_eq!((call.timeout(), call.frame().deadline_unix_ms), (Duration::from_millis(2_500), now + 2_500));
    drop(call);
    assert_eq!(desk.within(now + 3_600_000).await.unwrap().timeout(), Duration::from_secs(10));
    assert_eq!(desk.within(u64::MAX).await.unwrap().timeout(), Duration::from_secs(10));
}

#[tokio::test]
async fn a_deadline_that_has_passed_refuses_before_a_place_is_taken() {
    let runtime = FakeRuntime::new("a", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let now = desk.scene.clock.unix_ms();
    for deadline in [now, now - 1, 0] {
        let refusal = desk.within(deadline).await.unwrap_err();
        assert_eq!((refusal.code(), refusal.stage()), (Code::Timeout, Stage::Resolve));
    }
    assert_eq!(load(&runtime), (0, 0, 0));
}

#[tokio::test]
async fn the_frame_carries_the_callers_names_and_the_checked_arguments() {
    let runtime = FakeRuntime::new("a", "demo", 1);
    let desk = Desk::with(&[&runtime]);
    let trace = TraceContext { trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(), ..TraceContext::default() };
    let request = SessionRequest { trace: Some(Box::new(trace.clone())), ..desk.scene.request("sum", "{\"a\":1.0}") };
    let correlation = request.correlation.clone();
    let mut call = desk.send(request).await.unwrap();
    let frame = call.frame();
    assert_eq!((&*frame.name, frame.args.as_str(), frame.call_id.as_str()), ("sum", "{\"a\":1}", "call-1"));
    assert_eq!((frame.invocation_id, frame.session_id), (call.invocation(), desk.session.id()));
    assert_eq!((frame.correlation_id, frame.trace), (correlation, Some(Box::new(trace))));
}

#[tokio::test]
async fn the_admission_says_all_that_the_decision_rested_on() {
    let runtime = FakeRuntime::new("calc/2", "*", 1);
    let desk = Desk::with(&[&runtime]);
    let call = desk.route().await.unwrap();
    let event = admission(&call);
    assert_eq!((event.kind, event.invocation), (Kind::Admitted, Some(call.invocation())));
    assert_eq!(event.contract.as_ref(), Some(call.contract().digest().as_bytes()));
    assert_eq!(event.args_digest.as_ref(), Some(call.call().digest().as_bytes()));
    assert_eq!(event.args_shape.as_deref(), Some(r#"{"a":"integer"}"#));
    assert_eq!((event.effect, event.dynamic), (Some("read"), false));
    assert_eq!((event.rule.as_deref(), event.epoch, event.cache_age_ms), (Some("any-principal"), Some(1), None));
    assert_eq!(event.deadline_ms, Some(event.at_ms + 10_000));
    assert_eq!(event.connection, Some(runtime.card().connection));
    assert_eq!(event.runtime.unwrap().as_str(), "calc/2");
    assert_eq!((event.provider.as_deref(), event.chosen_by), (Some("calc"), Some("only_candidate")));
    let who = event.principal.unwrap();
    assert_eq!((who.id.as_str(), who.tenant.as_str()), ("agent", "demo"));
    assert_eq!((event.session, event.call_id.unwrap().as_str()), (Some(desk.session.id()), "call-1"));
}

#[tokio::test]
async fn each_call_is_an_invocation_of_its_own() {
    let runtime = FakeRuntime::new("a", "demo", 2);
    let desk = Desk::with(&[&runtime]);
    let (one, two) = (desk.route().await.unwrap(), desk.route().await.unwrap());
    assert_ne!(one.invocation(), two.invocation());
}

#[test]
fn threads_never_take_more_places_than_there_are() {
    let runtimes = ["p/a", "p/b"].map(|id| FakeRuntime::new(id, "demo", 2));
    let desk = Desk::with(&runtimes.each_ref());
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut refused = 0;
            for _ in 0..100 {
                let calls = [desk.route().await, desk.route().await];
                for runtime in &runtimes {
                    assert!(load(runtime).0 <= 2, "more than its limit");
                }
                refused += calls.iter().filter(|call| call.is_err()).count();
                for refusal in calls.iter().filter_map(|call| call.as_ref().err()) {
                    assert_eq!(refusal.code(), Code::ResourceExhausted);
                }
            }
            refused
        })
    };
    let refused: usize = thread::scope(|scope| {
        let workers = [(); 4].map(|()| scope.spawn(work));
        workers.map(|worker| worker.join().unwrap()).iter().sum()
    });
    let (one, two) = (load(&runtimes[0]), load(&runtimes[1]));
    assert_eq!((one.0, two.0), (0, 0), "every place came back");
    assert_eq!(usize::try_from(one.1 + two.1).unwrap() + refused, 800, "each call had a place or a refusal");
}
