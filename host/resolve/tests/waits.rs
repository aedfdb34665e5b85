//! The wait for a place where all who serve a tool are full: in turn, bounded, and no longer than the contract says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{sync::Arc, time::Duration};

use grid_approve::Session;
use grid_core::{
    Code, Refusal,
    provider::{Reason, Serving},
    runtime::Runtime,
};
use grid_resolve::{Roster, RoutedCall, Scope, Selection, What, Whose, route, route_again};
use grid_testkit::{FakeRuntime, Scene, Strict};
use tokio::task::JoinHandle;

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","required_roles":["*"],"effect":"read","timeout":"60s","function_declarations":[
    {"name":"sum","description":"Adds.","queue":"10s","parameters":{"type":"OBJECT"}},
    {"name":"diff","description":"Subtracts.","queue":"10s","parameters":{"type":"OBJECT"}},
    {"name":"now","description":"Waits for nobody.","parameters":{"type":"OBJECT"}}]}]}"#;

type Ended = JoinHandle<Result<RoutedCall, Refusal>>;

struct Desk {
    scene: Arc<Scene<Strict>>,
    session: Arc<Session>,
    roster: Roster,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new(queue: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let roster = Roster::open(&folder.path().join("providers.json"), queue, 0).unwrap();
        let scene = Arc::new(Scene::strict(MANIFEST));
        let session = scene.session("agent", "demo", &[]);
        Self { scene, session, roster, _folder: folder }
    }

    fn seat(&self, id: &str, limit: u32, tools: &[&str]) -> Arc<FakeRuntime> {
        let fake = FakeRuntime::new(id, "demo", limit);
        let runtime: Arc<dyn Runtime> = fake.clone();
        for tool in tools {
            self.roster.seat(&Arc::from(*tool), &runtime, Scope::Every);
        }
        fake
    }

    async fn route_within(&self, tool: &str, deadline: Option<u64>) -> Result<RoutedCall, Refusal> {
        let mut request = self.scene.request(tool, "{}");
        request.deadline_unix_ms = deadline;
        let call = self.scene.approved(&self.session, request).await;
        route(&self.roster, &self.scene.clock.shared(), call).await
    }

    async fn route(&self, tool: &str) -> Result<RoutedCall, Refusal> {
        self.route_within(tool, None).await
    }

    /// Waits beside, and is in the line when this returns.
    async fn queued(&self, tool: &'static str) -> Ended {
        let (roster, clock) = (self.roster.clone(), self.scene.clock.shared());
        let call = self.scene.approved(&self.session, self.scene.request(tool, "{}")).await;
        let task = tokio_util::task::TaskTracker::new().spawn(async move { route(&roster, &clock, call).await });
        settle().await;
        task
    }
}

async fn settle() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

fn reason(refusal: &Refusal) -> &str {
    refusal.details().iter().find(|(key, _)| *key == Reason::DETAIL).map_or("", |(_, value)| value)
}

#[tokio::test(start_paused = true)]
async fn a_place_that_comes_back_goes_to_who_came_first() {
    let desk = Desk::new(100);
    desk.seat("p", 1, &["sum"]);
    let mut held = desk.route("sum").await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..50 {
        waiting.push(desk.queued("sum").await);
    }
    assert_eq!(desk.roster.waiting("p"), 50);
    for (at, task) in waiting.into_iter().enumerate() {
        drop(held);
        settle().await;
        assert_eq!(desk.roster.waiting("p"), 49 - at, "one place is for one call");
        assert!(task.is_finished(), "the one that waits for longest has it");
        held = task.await.unwrap().unwrap();
    }
    drop(held);
    assert_eq!(desk.roster.in_flight(&What::Provider(Arc::from("p"))), 0);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_later_goes_behind_those_who_wait() {
    let desk = Desk::new(100);
    let runtime = desk.seat("p", 1, &["sum", "now"]);
    let held = desk.route("sum").await.unwrap();
    let first = desk.queued("sum").await;
    let second = desk.queued("sum").await;
    assert_eq!(desk.route("now").await.unwrap_err().code(), Code::ResourceExhausted, "its contract does not wait");
    drop(held);
    settle().await;
    assert!(first.is_finished() && !second.is_finished());
    let held = first.await.unwrap().unwrap();
    assert_eq!(runtime.card().load.in_flight(), 1);
    drop(held);
    drop(second.await.unwrap().unwrap());
}

#[tokio::test(start_paused = true)]
async fn the_line_is_bounded_and_says_when_to_come_again() {
    let desk = Desk::new(3);
    desk.seat("p", 1, &["sum"]);
    let _held = desk.route("sum").await.unwrap();
    let mut waiting = Vec::new();
    for _ in 0..3 {
        waiting.push(desk.queued("sum").await);
    }
    let context = grid_core::refusal::Context { repeatable: true, ..Default::default() };
    let refusal = desk.route("sum").await.unwrap_err().within(context);
    assert_eq!((refusal.code(), refusal.retry_after_ms()), (Code::ResourceExhausted, 1000));
    assert!(refusal.message().contains('3'), "{refusal}");
    waiting.pop().unwrap().abort();
    settle().await;
    assert_eq!(desk.roster.waiting("p"), 2, "whoever gives up leaves the line");
    let again = desk.queued("sum").await;
    assert!(!again.is_finished());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_the_contract_or_the_caller_says() {
    let desk = Desk::new(10);
    desk.seat("p", 1, &["sum"]);
    let held = desk.route("sum").await.unwrap();
    let began = tokio::time::Instant::now();
    let refusal = desk.route("sum").await.unwrap_err();
    assert_eq!((refusal.code(), began.elapsed()), (Code::ResourceExhausted, Duration::from_secs(10)));
    let deadline = desk.scene.clock.shared().unix_ms() + 2_000;
    let refusal = desk.route_within("sum", Some(deadline)).await.unwrap_err();
    assert_eq!((refusal.code(), began.elapsed()), (Code::Timeout, Duration::from_secs(12)));
    assert_eq!(desk.roster.waiting("p"), 0, "nobody is left in the line");
    drop(held);
    assert!(desk.route("sum").await.is_ok(), "and no place was lost");
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_attaches_takes_those_who_wait() {
    let desk = Desk::new(10);
    desk.seat("p/1", 1, &["sum"]);
    let _held = desk.route("sum").await.unwrap();
    let (one, two) = (desk.queued("sum").await, desk.queued("sum").await);
    desk.seat("p/2", 1, &["sum"]);
    settle().await;
    assert!(one.is_finished() && !two.is_finished(), "it has one place");
    let one = one.await.unwrap().unwrap();
    assert_eq!(one.runtime().card().id.as_str(), "p/2");
    desk.seat("q", 1, &["sum"]);
    assert_eq!(two.await.unwrap().unwrap().provider().as_ref(), "q", "another provider goes first now");
}

#[tokio::test(start_paused = true)]
async fn those_who_wait_hear_of_a_pause_and_follow_a_selection() {
    let desk = Desk::new(10);
    desk.seat("q", 1, &["sum"]);
    desk.seat("p", 1, &["sum", "diff"]);
    let _held = desk.route("sum").await.unwrap();
    let (one, two) = (desk.queued("sum").await, desk.queued("sum").await);
    let select = Selection { provider: Arc::from("q"), fallback: false, note: Arc::from("") };
    desk.roster.select(&Arc::from("sum"), Whose::Host, Some(select));
    settle().await;
    assert!(one.is_finished() && !two.is_finished(), "q has one place");
    assert_eq!((desk.roster.waiting("p"), desk.roster.waiting("q")), (0, 1), "whoever waits, waits at the right place");
    let one = one.await.unwrap().unwrap();
    assert_eq!(one.provider().as_ref(), "q");
    desk.roster.set_state(&What::Provider(Arc::from("q")), Serving::Paused, "");
    let refusal = two.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::ServiceUnavailable, "PAUSED"));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_tried_again_goes_to_another_runtime_or_stays_where_it_is() {
    let desk = Desk::new(10);
    let one = desk.seat("p/1", 1, &["sum"]);
    let mut call = desk.route("sum").await.unwrap();
    let first = call.runtime().card().connection;
    let refusal = route_again(&desk.roster, &mut call, &[first]).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    assert_eq!((call.runtime().card().connection, one.card().load.in_flight()), (first, 1));
    let two = desk.seat("p/2", 1, &["sum"]);
    route_again(&desk.roster, &mut call, &[first]).await.unwrap();
    assert_eq!(call.runtime().card().connection, two.card().connection);
    assert_eq!((one.card().load.in_flight(), two.card().load.in_flight()), (0, 1), "the place before went back");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_by_its_reason_what_keeps_calls_away() {
    let desk = Desk::new(10);
    desk.seat("p", 1, &["sum"]);
    let (tool, provider) = (What::Tool(Arc::from("sum")), What::Provider(Arc::from("p")));
    let refused = async || {
        let refusal = desk.route("sum").await.unwrap_err();
        assert_eq!(refusal.code(), Code::ServiceUnavailable, "{refusal}");
        assert!(refusal.retry_after_ms() > 0, "{refusal}");
        reason(&refusal).to_owned()
    };
    for what in [&tool, &provider] {
        desk.roster.set_state(what, Serving::Paused, "");
        assert_eq!(refused().await, "PAUSED");
        desk.roster.set_state(what, Serving::Draining, "");
        assert_eq!(refused().await, "DRAINING");
        desk.roster.set_state(what, Serving::Serving, "");
    }
    let select = |name: &str| Some(Selection { provider: Arc::from(name), fallback: false, note: Arc::from("") });
    desk.roster.select(&Arc::from("sum"), Whose::Host, select("typo"));
    assert_eq!(refused().await, "PROVIDER_UNAVAILABLE");
    desk.roster.select(&Arc::from("sum"), Whose::Host, select("p"));
    desk.roster.set_state(&provider, Serving::Paused, "");
    assert_eq!(refused().await, "PAUSED");
}

#[tokio::test(start_paused = true)]
async fn calls_in_flight_end_where_they_began_when_the_last_provider_is_withdrawn() {
    let desk = Desk::new(10);
    let runtime = desk.seat("p", 2, &["sum"]);
    let call = desk.route("sum").await.unwrap();
    desk.roster.leave(runtime.card().connection, 42, "it was withdrawn");
    assert_eq!(call.runtime().card().connection, runtime.card().connection);
    assert_eq!(desk.route("sum").await.unwrap_err().code(), Code::ServiceUnavailable);
    let told = desk.roster.explain("sum", &grid_resolve::View::default());
    let row = &told.candidates[0];
    assert_eq!((row.provider.as_str(), row.gone_at_ms, told.chosen.as_str()), ("p", 42, ""));
    assert!(row.reason.contains("it was withdrawn"));
    drop(call);
    assert_eq!(runtime.card().load.in_flight(), 0);
}

#[test]
fn many_threads_wait_for_few_places_and_every_one_is_served() {
    let desk = Arc::new(Desk::new(1_000));
    let runtimes = ["p/1", "p/2"].map(|id| desk.seat(id, 2, &["sum"]));
    let work = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..16 {
                let desk = Arc::clone(&desk);
                tasks.spawn(async move {
                    for _ in 0..20 {
                        let call = desk.route("sum").await.unwrap();
                        assert!(call.runtime().card().load.in_flight() <= 2, "more than its limit");
                        tokio::task::yield_now().await;
                    }
                });
            }
            tasks.join_all().await;
        });
    };
    std::thread::scope(|scope| {
        let workers = [(); 4].map(|()| scope.spawn(work));
        for worker in workers {
            worker.join().unwrap();
        }
    });
    let counts = runtimes.each_ref().map(|runtime| runtime.card().load.in_flight());
    assert_eq!((counts, desk.roster.waiting("p")), ([0, 0], 0), "every place came back");
}
