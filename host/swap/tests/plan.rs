//! The order of a swap, on a clock that stands still: every way forward and every way back.
#![cfg(test)]

use std::{
    collections::VecDeque,
    future::pending,
    sync::{Arc, Mutex},
    time::Duration,
};

use grid_core::{Code, Refusal, Stage, provider::Swapped};
use grid_swap::{Hook, Hooks, Limits, Providers, Sick, Turns, Wish, run};
use tokio::sync::{oneshot, watch};

/// A host of one tool that writes down what is asked of it.
struct World {
    bound: Mutex<Option<Arc<str>>>,
    did: Mutex<Vec<String>>,
    activate: Result<(), String>,
    health: Health,
    failing: &'static str,
    unwritable: bool,
    slow_cleanup: bool,
    kept: Option<&'static str>,
    /// Calls of who leaves.
    left: watch::Sender<u32>,
}

#[derive(Clone)]
enum Health {
    Says(Result<(), Sick>),
    Hangs,
}

impl Default for World {
    fn default() -> Self {
        Self {
            bound: Mutex::new(Some("old".into())),
            did: Mutex::default(),
            activate: Ok(()),
            health: Health::Says(Ok(())),
            failing: "",
            unwritable: false,
            slow_cleanup: false,
            kept: None,
            left: watch::Sender::new(0),
        }
    }
}

impl World {
    fn note(&self, what: impl Into<String>) {
        self.did.lock().unwrap().push(what.into());
    }

    fn did(&self) -> Vec<String> {
        self.did.lock().unwrap().clone()
    }

    fn bound(&self) -> String {
        self.bound.lock().unwrap().as_deref().unwrap_or_default().to_owned()
    }
}

impl Providers for World {
    fn serving(&self, _: &str) -> Option<Arc<str>> {
        self.bound.lock().unwrap().clone()
    }

    fn hooks(&self, _: &str) -> Hooks {
        let hook = |name: &str| Hook { argv: vec![name.to_owned()], ..Hook::default() };
        Hooks { before: vec![hook("warm"), hook("tell")], after: vec![hook("check")] }
    }

    async fn activate(&self, wish: &Wish, look: bool) -> Result<(), String> {
        self.note(if look { "look".to_owned() } else { format!("activate {}", wish.provider) });
        self.activate.clone()
    }

    async fn health(&self, wish: &Wish) -> Result<(), Sick> {
        self.note(format!("health {}", wish.provider));
        match self.health.clone() {
            Health::Says(says) => says,
            Health::Hangs => pending().await,
        }
    }

    async fn hook(&self, hook: &Hook, _: Duration) -> Result<(), String> {
        self.note(format!("hook {} with {}", hook.argv[0], self.bound()));
        if hook.argv[0] == self.failing { Err("it failed".to_owned()) } else { Ok(()) }
    }

    fn flip(&self, _: &Arc<str>, provider: Option<&Arc<str>>) {
        *self.bound.lock().unwrap() = provider.cloned();
        self.note(format!("flip {}", self.bound()));
    }

    async fn committed(&self, _: &Wish, report: &Swapped) -> Result<(), Refusal> {
        self.note(format!("committed {} degraded={}", report.serving, report.degraded));
        if self.unwritable {
            return Err(Refusal::new(Code::AuditUnavailable, Stage::Audit, "full"));
        }
        Ok(())
    }

    async fn rolled_back(&self, _: &Wish, report: &Swapped) {
        self.note(format!("rolled_back {} at {}", report.serving, report.failed_step));
    }

    fn kept_for(&self, _: &str, _: &str) -> Option<String> {
        self.kept.map(str::to_owned)
    }

    fn in_flight(&self, _: &str, _: &str) -> u32 {
        *self.left.borrow()
    }

    async fn drained(&self, _: &str, provider: &str) {
        self.left.subscribe().wait_for(|left| *left == 0).await.unwrap();
        self.note(format!("drained {provider}"));
    }

    async fn cleanup(&self, _: &Arc<str>, provider: &str) -> Result<(), String> {
        self.note(format!("cleanup {provider}"));
        if self.slow_cleanup {
            pending::<()>().await;
        }
        Ok(())
    }
}

fn wish(provider: &str) -> Wish {
    Wish { tool: "get".into(), provider: provider.into(), force: false, dry_run: false }
}

async fn swapped(world: &World, turns: &Turns, wish: Wish) -> Result<Swapped, Refusal> {
    let turn = turns.take(&wish.tool, Duration::from_secs(1)).await.unwrap();
    let mut told = VecDeque::new();
    run(world, &wish, &Limits::default(), turn, |report| told.push_back(report)).await;
    assert_eq!(told.len(), 1, "one answer");
    told.pop_front().unwrap()
}

async fn once(world: &World, wish: Wish) -> Swapped {
    swapped(world, &Turns::default(), wish).await.unwrap()
}

const FORWARD: [&str; 7] = [
    "activate new",
    "health new",
    "hook warm with old",
    "hook tell with old",
    "flip new",
    "hook check with new",
    "committed new degraded=false",
];

#[tokio::test(start_paused = true)]
async fn a_swap_goes_its_way_and_cleans_the_old_one_up_once() {
    let world = World::default();
    let report = once(&world, wish("new")).await;
    assert_eq!(world.did(), [&FORWARD[..], &["drained old", "cleanup old"]].concat());
    let told = (report.outcome, report.before.as_str(), report.serving.as_str(), report.degraded, report.failed_step);
    assert_eq!(told, ("committed", "old", "new", false, ""));
    let steps: Vec<&str> = report.steps.iter().map(|step| step.step).collect();
    let want = ["activate", "health", "before_hook", "before_hook", "flip", "after_hook", "drain", "cleanup"];
    assert_eq!(steps, want);
    assert!(report.steps.iter().all(|step| step.ok));
}

#[tokio::test(start_paused = true)]
async fn who_does_not_start_is_refused_even_by_force_and_cleaned_up() {
    let world = World { activate: Err("no disk".to_owned()), ..World::default() };
    let report = once(&world, Wish { force: true, ..wish("new") }).await;
    assert_eq!(world.did(), ["activate new", "rolled_back old at activate", "drained new", "cleanup new"]);
    let told = (report.outcome, report.serving.as_str(), report.failed_step, report.reason.as_str());
    assert_eq!(told, ("rolled_back", "old", "activate", "no disk"));
}

#[tokio::test(start_paused = true)]
async fn who_is_not_well_is_taken_by_force_alone_and_who_is_gone_by_none() {
    let unwell = Health::Says(Err(Sick::Unwell("not serving".to_owned())));
    for health in [unwell, Health::Hangs] {
        let world = World { health: health.clone(), ..World::default() };
        let report = once(&world, wish("new")).await;
        assert_eq!((report.outcome, report.failed_step, world.bound().as_str()), ("rolled_back", "health", "old"));
        assert!(world.did().contains(&"cleanup new".to_owned()) && !world.did().contains(&"cleanup old".to_owned()));
        let world = World { health, ..World::default() };
        let report = once(&world, Wish { force: true, ..wish("new") }).await;
        assert_eq!((report.outcome, report.degraded, world.bound().as_str()), ("committed", true, "new"));
        assert!(!report.steps[1].ok, "what it said is told");
    }
    let world = World { health: Health::Says(Err(Sick::Gone("it went away".to_owned()))), ..World::default() };
    let report = once(&world, Wish { force: true, ..wish("new") }).await;
    assert_eq!((report.outcome, report.failed_step, report.reason.as_str()), ("rolled_back", "health", "it went away"));
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_fails_before_ends_it_and_one_after_takes_it_back() {
    let world = World { failing: "tell", ..World::default() };
    let report = once(&world, wish("new")).await;
    assert_eq!((report.failed_step, report.reason.as_str()), ("before_hook", "it failed"));
    assert!(!world.did().iter().any(|did| did.starts_with("flip")), "nothing was ever bound to it");
    let world = World { failing: "check", ..World::default() };
    let report = once(&world, wish("new")).await;
    assert_eq!((report.outcome, report.failed_step, report.serving.as_str()), ("rolled_back", "after_hook", "old"));
    let want = ["hook check with new", "flip old", "rolled_back old at after_hook", "drained new", "cleanup new"];
    assert_eq!(world.did()[5..], want);
}

#[tokio::test(start_paused = true)]
async fn one_that_cannot_be_written_down_is_taken_back() {
    let world = World { unwritable: true, ..World::default() };
    let refusal = swapped(&world, &Turns::default(), wish("new")).await.unwrap_err();
    assert_eq!((refusal.code(), world.bound().as_str()), (Code::AuditUnavailable, "old"));
    assert!(world.did().ends_with(&["flip old".into(), "drained new".into(), "cleanup new".into()]));
}

#[tokio::test(start_paused = true)]
async fn to_the_one_that_serves_is_a_reload_that_cleans_nobody_up() {
    let world = World::default();
    let report = once(&world, wish("old")).await;
    assert_eq!((report.outcome, report.before.as_str(), report.serving.as_str()), ("committed", "old", "old"));
    assert!(world.did().contains(&"activate old".to_owned()), "it is made ready anew");
    assert!(!world.did().iter().any(|did| did.starts_with("cleanup")));
    let world = World { failing: "check", ..World::default() };
    assert_eq!(once(&world, wish("old")).await.outcome, "rolled_back");
    assert!(!world.did().iter().any(|did| did.starts_with("cleanup")), "it serves on");
}

#[tokio::test(start_paused = true)]
async fn looking_changes_nothing() {
    let world = World::default();
    let report = once(&world, Wish { dry_run: true, ..wish("new") }).await;
    assert_eq!((world.did(), report.outcome), (vec!["look".to_owned(), "health new".to_owned()], "planned"));
    assert_eq!((report.failed_step, report.serving.as_str()), ("", "old"));
    let world = World { health: Health::Hangs, ..World::default() };
    let report = once(&world, Wish { dry_run: true, ..wish("new") }).await;
    assert_eq!((report.outcome, report.failed_step), ("planned", "health"));
}

#[tokio::test(start_paused = true)]
async fn who_is_still_chosen_by_somebody_is_left_as_it_is() {
    let world = World { kept: Some("chosen for the tenant `acme`"), ..World::default() };
    let report = once(&world, wish("new")).await;
    assert_eq!(world.did(), FORWARD);
    assert!(report.steps.last().unwrap().detail.contains("`acme`"));
}

#[tokio::test(start_paused = true)]
async fn an_old_one_that_does_not_clean_up_is_not_waited_for_longer_than_its_limit() {
    let world = World { slow_cleanup: true, ..World::default() };
    let begun = tokio::time::Instant::now();
    let report = once(&world, wish("new")).await;
    assert_eq!((report.outcome, begun.elapsed()), ("committed", Limits::default().cleanup));
    let last = report.steps.last().unwrap();
    assert_eq!((last.step, last.ok), ("cleanup", false));
}

/// Calls may take longer than an operator wants to wait: the answer comes, the cleanup waits, and so does the next swap.
#[tokio::test(start_paused = true)]
async fn calls_of_the_old_one_end_before_it_cleans_up_and_before_the_next_swap() {
    let world = Arc::new(World::default());
    world.left.send_replace(3);
    let turns = Arc::new(Turns::default());
    let turn = turns.take(&"get".into(), Duration::ZERO).await.unwrap();
    let (told, answer) = oneshot::channel();
    let swapping = Arc::clone(&world);
    let task = tokio_util::task::TaskTracker::new().spawn(async move {
        let tell = |report: Result<Swapped, Refusal>| told.send(report.unwrap()).unwrap();
        run(&*swapping, &wish("new"), &Limits::default(), turn, tell).await;
    });
    let report = answer.await.unwrap();
    assert_eq!((report.outcome, report.steps.last().unwrap().step), ("committed", "drain"));
    assert!(report.steps.last().unwrap().detail.starts_with("3 calls are still in flight at `old`"));
    assert_eq!(world.did(), FORWARD);
    let waited = turns.take(&"get".into(), Duration::from_secs(30)).await.unwrap_err();
    assert_eq!(waited.at, "drain", "who waits is told for what");
    world.left.send_replace(0);
    task.await.unwrap();
    assert_eq!(world.did()[7..], ["drained old", "cleanup old"]);
    assert_eq!(once(&world, wish("old")).await.before, "new", "it is the next one's turn");
}

/// Two at once: one after the other, and one lives in the end.
#[tokio::test(start_paused = true)]
async fn two_swaps_of_a_tool_go_one_after_the_other() {
    let (world, turns) = (World::default(), Turns::default());
    let (one, other) = tokio::join!(swapped(&world, &turns, wish("a")), swapped(&world, &turns, wish("b")));
    assert_eq!((one.unwrap().before, other.unwrap().before), ("old".to_owned(), "a".to_owned()));
    assert_eq!(world.bound(), "b");
    let cleaned: Vec<String> = world.did().into_iter().filter(|did| did.starts_with("cleanup")).collect();
    assert_eq!(cleaned, ["cleanup old", "cleanup a"]);
}

#[tokio::test(start_paused = true)]
async fn the_last_twenty_durations_are_kept() {
    let (world, turns) = (World::default(), Turns::default());
    let mut last = Swapped::default();
    for swap in 0..45 {
        last = swapped(&world, &turns, wish(if swap % 2 == 0 { "a" } else { "b" })).await.unwrap();
    }
    assert_eq!((last.p50_ms, last.p95_ms, last.p99_ms), (0, 0, 0), "nothing took any time on this clock");
    let turn = turns.take(&"other".into(), Duration::ZERO).await.unwrap();
    assert_eq!(turn.durations(), grid_swap::Durations::default(), "each tool has its own");
}
