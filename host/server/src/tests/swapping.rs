//! Swaps, pauses and drains through the operators' door, with runtimes that are attached and asked.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use grid_contract::Strict;
use grid_core::{
    Code, Refusal,
    envelope::Credentials,
    frame::{Announce, CallFrame, HostFrame, RuntimeFrame},
    lifecycle::{FEATURE, Phase, Report},
    outcome::{CallAnswer, ToolAnswer},
    port::{ProviderDoor as _, RuntimeDoor as _, RuntimePort as _},
    provider::{Action, Serving, ServingSet, SetServing, Swap, Swapped},
};
use grid_testkit::until;
use tokio::{sync::watch, task::JoinHandle};

use super::desk::{Attached, Desk, ask, result, strict};

/// A provider of `look` on a task of its own: it notes what it is asked, and answers calls with its name once it may.
struct Played {
    asked: Arc<Mutex<Vec<&'static str>>>,
    may_answer: watch::Sender<bool>,
    has: watch::Receiver<usize>,
    _task: JoinHandle<()>,
}

impl Played {
    async fn start(desk: &Desk<Strict>, name: &'static str, no: Option<Phase>) -> Self {
        let who = desk.token(name, "demo", &["runtime"]);
        let announce = Announce {
            runtime_id: name.to_owned(),
            level: 2,
            features: vec![FEATURE.to_owned()],
            ..Announce::default()
        };
        let (port, frames) = desk.door.attach(who, announce).await.unwrap();
        let mut attached = Attached { port, frames };
        let HostFrame::Announced(told) = attached.next().await else { panic!("no answer") };
        assert_eq!(told.features, [FEATURE]);
        assert_eq!(attached.fulfil(&["look"]).await.accepted, ["look"]);
        let asked = Arc::<Mutex<Vec<&'static str>>>::default();
        let (may_answer, may) = watch::channel(true);
        let (count, has) = watch::channel(0);
        let noted = Arc::clone(&asked);
        let task = tokio_util::task::TaskTracker::new()
            .spawn(async move { play(attached, name, no, &noted, may, count).await });
        Self { asked, may_answer, has, _task: task }
    }

    fn asked(&self) -> Vec<&'static str> {
        self.asked.lock().unwrap().clone()
    }

    async fn has(&self, calls: usize) {
        self.has.clone().wait_for(|has| *has == calls).await.unwrap();
    }
}

async fn play(
    mut attached: Attached<Strict>,
    name: &str,
    no: Option<Phase>,
    asked: &Mutex<Vec<&'static str>>,
    mut may: watch::Receiver<bool>,
    count: watch::Sender<usize>,
) {
    let mut held: Vec<CallFrame> = Vec::new();
    loop {
        if *may.borrow_and_update() {
            for call in held.drain(..) {
                attached.port.receive(RuntimeFrame::Result(result(&call, &format!("\"{name}\"")))).await;
            }
        }
        count.send_replace(held.len());
        tokio::select! {
            frame = attached.frames.recv() => match frame {
                Some(HostFrame::Call(call)) => held.push(*call),
                Some(HostFrame::Lifecycle(ask)) => {
                    asked.lock().unwrap().push(ask.phase.as_str());
                    let ok = no != Some(ask.phase);
                    let report = Report { sequence: ask.sequence, ok, message: "no disk".to_owned() };
                    attached.port.receive(RuntimeFrame::Lifecycle(report)).await;
                }
                Some(_) => {}
                None => return,
            },
            changed = may.changed() => if changed.is_err() { return },
        }
    }
}

async fn swap(desk: &Desk<Strict>, provider: &str, force: bool) -> Result<Swapped, Refusal> {
    let operator = desk.token("op", "demo", &["operator"]);
    let swap = Swap { tool: "look".to_owned(), provider: provider.to_owned(), force, ..Swap::default() };
    desk.door.swap(operator, swap).await
}

async fn set(desk: &Desk<Strict>, action: Action, tool: &str, provider: &str) -> Result<ServingSet, Refusal> {
    let operator = desk.token("op", "demo", &["operator"]);
    let (tool, provider) = (tool.to_owned(), provider.to_owned());
    let note = "being moved".to_owned();
    desk.door
        .set_serving(operator, SetServing { action: Some(action), tool, provider, note, ..SetServing::default() })
        .await
}

async fn look(desk: &Desk<Strict>, who: &(Credentials, String), call: &str) -> Result<CallAnswer, Refusal> {
    desk.call(&who.0, ask(&who.1, call, "look", "{}")).await
}

fn reason(refusal: &Refusal) -> Option<&str> {
    refusal.details().iter().find(|(key, _)| *key == "reason").map(|(_, word)| word.as_str())
}

fn by(name: &str) -> ToolAnswer {
    ToolAnswer::Success(format!("\"{name}\""))
}

#[tokio::test]
async fn calls_end_where_they_began_and_then_the_old_one_cleans_up_once() {
    let desk = strict();
    let agent = desk.agent().await;
    let old = Played::start(&desk, "old", None).await;
    assert!(look(&desk, &agent, "first").await.unwrap().answer == by("old"));
    let new = Played::start(&desk, "new", None).await;
    assert!(swap(&desk, "old", false).await.unwrap().outcome == "committed", "whoever came last was chosen before");
    old.may_answer.send_replace(false);
    let long = desk.begin(&agent.0, ask(&agent.1, "long", "look", "{}"));
    old.has(1).await;
    let (door, operator) = (desk.door.clone(), desk.token("op", "demo", &["operator"]));
    let wish = Swap { tool: "look".to_owned(), provider: "new".to_owned(), ..Swap::default() };
    let swapping = tokio_util::task::TaskTracker::new().spawn(async move { door.swap(operator, wish).await });
    until("the swap is committed", || desk.log.of("swap_committed").len() == 2).await;
    for call in ["a", "b", "c"] {
        assert_eq!(look(&desk, &agent, call).await.unwrap().answer, by("new"));
    }
    assert!(!old.asked().contains(&"cleanup"), "it has a call");
    old.may_answer.send_replace(true);
    assert_eq!(long.await.unwrap().unwrap().answer, by("old"));
    let swapped = swapping.await.unwrap().unwrap();
    assert_eq!((swapped.outcome, swapped.before.as_str(), swapped.serving.as_str()), ("committed", "old", "new"));
    assert_eq!(old.asked(), ["init", "health", "cleanup"]);
    assert_eq!(new.asked(), ["cleanup", "init", "health"]);
    let record = desk.log.of("swap_committed").pop().unwrap();
    assert_eq!((record.tool(), record.principal(), record.text("provider")), (Some("look"), Some("op"), Some("new")));
}

#[tokio::test]
async fn one_that_is_not_well_is_taken_by_force_alone_and_one_that_does_not_start_by_none() {
    let desk = strict();
    let agent = desk.agent().await;
    let _sick = Played::start(&desk, "sick", Some(Phase::Health)).await;
    let _dead = Played::start(&desk, "dead", Some(Phase::Init)).await;
    let good = Played::start(&desk, "good", None).await;
    for (name, step, force) in [("sick", "health", false), ("dead", "activate", false), ("dead", "activate", true)] {
        let swapped = swap(&desk, name, force).await.unwrap();
        assert_eq!((swapped.outcome, swapped.failed_step, swapped.serving.as_str()), ("rolled_back", step, "good"));
        assert!(swapped.reason.contains("no disk"), "{}", swapped.reason);
    }
    assert_eq!(desk.log.of("swap_rolled_back").len(), 3);
    assert_eq!(look(&desk, &agent, "a").await.unwrap().answer, by("good"));
    assert!(good.asked().is_empty(), "whoever serves on is asked nothing");
    let swapped = swap(&desk, "sick", true).await.unwrap();
    assert_eq!((swapped.outcome, swapped.degraded), ("committed", true));
    assert_eq!(look(&desk, &agent, "b").await.unwrap().answer, by("sick"));
}

#[tokio::test]
async fn what_is_not_there_cannot_be_swapped_and_a_paused_one_is_not() {
    let desk = strict();
    let _one = Played::start(&desk, "one", None).await;
    let refusal = swap(&desk, "nobody", true).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::ServiceUnavailable, Some("PROVIDER_UNAVAILABLE")));
    set(&desk, Action::Pause, "", "one").await.unwrap();
    let refusal = swap(&desk, "one", false).await.unwrap_err();
    assert_eq!((refusal.code(), reason(&refusal)), (Code::ServiceUnavailable, Some("PAUSED")));
    let operator = desk.token("op", "demo", &["operator"]);
    let wish = Swap { tool: "nothing".to_owned(), provider: "one".to_owned(), ..Swap::default() };
    assert_eq!(desk.door.swap(operator, wish.clone()).await.unwrap_err().code(), Code::UnsupportedTool);
    let agent = desk.agent().await;
    assert_eq!(desk.door.swap(agent.0, wish).await.unwrap_err().code(), Code::PermissionDenied);
    assert!(desk.log.of("swap_committed").is_empty());
}

#[tokio::test]
async fn what_is_paused_or_drains_takes_no_new_calls_and_ends_those_it_has() {
    let desk = strict();
    let agent = desk.agent().await;
    let one = Played::start(&desk, "one", None).await;
    for (action, tool, provider, word, state) in [
        (Action::Pause, "look", "", "PAUSED", Serving::Paused),
        (Action::Drain, "look", "", "DRAINING", Serving::Draining),
        (Action::Pause, "", "one", "PAUSED", Serving::Paused),
        (Action::Drain, "", "one", "DRAINING", Serving::Draining),
    ] {
        one.may_answer.send_replace(false);
        let long = desk.begin(&agent.0, ask(&agent.1, &format!("long-{word}{tool}"), "look", "{}"));
        one.has(1).await;
        let told = set(&desk, action, tool, provider).await.unwrap();
        assert_eq!((told.before, told.now, told.in_flight), (Serving::Serving, state, 1));
        let refusal = look(&desk, &agent, &format!("refused-{word}{tool}")).await.unwrap_err();
        assert_eq!((refusal.code(), reason(&refusal)), (Code::ServiceUnavailable, Some(word)));
        assert!(refusal.retry_after_ms() > 0, "it says when to try again");
        one.may_answer.send_replace(true);
        assert_eq!(long.await.unwrap().unwrap().answer, by("one"), "what it has goes on");
        let told = set(&desk, Action::Resume, tool, provider).await.unwrap();
        assert_eq!((told.before, told.now), (state, Serving::Serving));
        assert_eq!(look(&desk, &agent, &format!("resumed-{word}{tool}")).await.unwrap().answer, by("one"));
    }
    let records = desk.log.of("serving_changed");
    assert_eq!(records.len(), 8);
    assert_eq!((records[0].tool(), records[0].text("detail")), (Some("look"), Some("paused: being moved")));
    assert_eq!(records[4].text("provider"), Some("one"));
    until("the runtime was told each time", || one.asked().len() == 8).await;
}

#[tokio::test]
async fn a_swap_of_a_tool_that_drains_waits_until_it_has() {
    let desk = strict();
    let agent = desk.agent().await;
    let old = Played::start(&desk, "old", None).await;
    old.may_answer.send_replace(false);
    let long = desk.begin(&agent.0, ask(&agent.1, "long", "look", "{}"));
    old.has(1).await;
    let new = Played::start(&desk, "new", None).await;
    set(&desk, Action::Drain, "look", "").await.unwrap();
    let (swapped, ()) = tokio::join!(swap(&desk, "new", false), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(!new.asked().contains(&"init"), "it waits");
        old.may_answer.send_replace(true);
    });
    assert_eq!(swapped.unwrap().outcome, "committed");
    assert_eq!(long.await.unwrap().unwrap().answer, by("old"));
}
