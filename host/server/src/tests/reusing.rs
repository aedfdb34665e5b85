//! Results that are used again: nothing runs, everything is on record, and nobody gets what is not theirs.

use grid_core::{
    Code,
    envelope::Envelope,
    outcome::{CallAnswer, ToolAnswer},
    port::{AdminDoor as _, ProviderDoor as _},
    provider::Swap,
    revocation::Invalidate,
    runtime::Runtime as _,
};

use super::desk::{Desk, ask, strict_with, success};

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"c","effect":"read","reuse":"60s","required_roles":["caller"],"function_declarations":[
        {"name":"f","description":"Does it.","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}]},
    {"name":"d","effect":"read","required_roles":["caller"],"function_declarations":[
        {"name":"g","description":"Does it.","parameters":{"type":"OBJECT"}}]}]}"#;

const ONE: &str = r#"{"a":1}"#;

type Host = Desk<grid_contract::Strict>;

fn envelope(session: &str, id: &str, args: &str) -> Envelope {
    ask(session, id, "f", args)
}

fn content(answer: &CallAnswer) -> (&str, bool, u32) {
    let ToolAnswer::Success(content) = &answer.answer else { panic!("a success") };
    (content, answer.carried.reused, answer.carried.attempts)
}

fn told(desk: &Host) -> Vec<String> {
    let details = |record: &grid_audit::Record| record.detail().unwrap_or_default().to_owned();
    desk.log.of("admitted").iter().map(details).collect()
}

#[tokio::test]
async fn an_equal_call_gets_the_result_of_before_and_nothing_runs() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("c", &["f"]);
    let first = desk.ended(&agent, envelope(&session, "k", ONE), &runtime, success("7")).await.unwrap();
    assert_eq!(content(&first), ("7", false, 1));
    let second = desk.call(&agent, envelope(&session, "l", "{ \"a\": 1.0 }")).await.unwrap();
    assert_eq!(content(&second), ("7", true, 0));
    assert_ne!(second.invocation_id, first.invocation_id, "an execution of its own");
    assert_eq!((runtime.calls().len(), runtime.card().load.in_flight()), (1, 0));
    let of = first.invocation_id.to_string();
    for kind in ["admitted", "concluded"] {
        let [_, record] = &desk.log.of(kind)[..] else { panic!("one of each call") };
        assert_eq!((record.text("reused"), record.runtime()), (Some(of.as_str()), None), "{kind}");
    }
    assert_eq!(told(&desk), ["no result is used again: none is kept", "a result of 0 ms before is used again"]);
    // Other arguments are another call.
    let other = desk.ended(&agent, envelope(&session, "m", r#"{"a":2}"#), &runtime, success("8")).await.unwrap();
    assert_eq!(content(&other), ("8", false, 1));
    desk.clock.advance(std::time::Duration::from_secs(60));
    let late = desk.ended(&agent, envelope(&session, "n", ONE), &runtime, success("9")).await.unwrap();
    assert_eq!(content(&late), ("9", false, 1));
}

#[tokio::test]
async fn a_contract_that_does_not_say_so_has_every_call_run() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("d", &["g"]);
    for id in ["k", "l"] {
        desk.ended(&agent, ask(&session, id, "g", "{}"), &runtime, success("7")).await.unwrap();
    }
    assert_eq!(runtime.calls().len(), 2);
}

#[tokio::test]
async fn tenants_share_nothing() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated_for("c", "*", &["f"]);
    desk.ended(&agent, envelope(&session, "k", ONE), &runtime, success("7")).await.unwrap();
    let stranger = desk.token("agent", "other", &["caller"]);
    let theirs = desk.session(&stranger).await;
    let answer = desk.ended(&stranger, envelope(&theirs, "k", ONE), &runtime, success("8")).await.unwrap();
    assert_eq!(content(&answer), ("8", false, 1));
}

#[tokio::test]
async fn providers_share_nothing() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("c", &["f"]);
    desk.ended(&agent, envelope(&session, "k", ONE), &runtime, success("7")).await.unwrap();
    // Whoever was first seen last goes first.
    let other = desk.seated("other", &["f"]);
    let answer = desk.ended(&agent, envelope(&session, "l", ONE), &other, success("8")).await.unwrap();
    assert_eq!(content(&answer), ("8", false, 1));
}

#[tokio::test]
async fn the_end_of_rights_ends_results_too() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("c", &["f"]);
    desk.ended(&agent, envelope(&session, "k", ONE), &runtime, success("7")).await.unwrap();
    let operator = desk.token("root", "demo", &["operator"]);
    let of = |tenant: &str, tool: &str| Invalidate {
        tenant: tenant.to_owned(),
        tool: tool.to_owned(),
        ..Invalidate::everything("a test")
    };
    desk.door.invalidate(operator.clone(), of("elsewhere", "")).await.unwrap();
    desk.door.invalidate(operator.clone(), of("", "g")).await.unwrap();
    let kept = desk.call(&agent, envelope(&session, "l", ONE)).await.unwrap();
    assert!(kept.carried.reused, "another tenant and another tool change nothing");
    desk.door.invalidate(operator, of("demo", "f")).await.unwrap();
    let answer = desk.ended(&agent, envelope(&session, "m", ONE), &runtime, success("8")).await.unwrap();
    assert_eq!(content(&answer), ("8", false, 1));
    assert_eq!(told(&desk)[2], "no result is used again: the one that was kept was made void");
}

#[tokio::test]
async fn a_provider_that_comes_back_is_asked_anew() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    for (id, content) in [("k", "7"), ("l", "8")] {
        let mut runtime = desk.attach("c").await;
        runtime.fulfil(&["f"]).await;
        let call = desk.begin(&agent, envelope(&session, id, ONE));
        let frame = runtime.called().await;
        runtime.result(&frame, content).await;
        let answer = call.await.unwrap().unwrap();
        assert_eq!(super::reusing::content(&answer), (content, false, 1));
        grid_core::port::RuntimePort::detach(runtime.port, "it stops".to_owned()).await;
    }
}

#[tokio::test]
async fn who_has_the_calls_again_after_a_swap_and_back_is_asked_anew() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let operator = desk.token("root", "demo", &["operator"]);
    let mut runtimes = [desk.attach("a").await, desk.attach("b").await];
    for runtime in &mut runtimes {
        runtime.fulfil(&["f"]).await;
    }
    // Whoever was first seen last begins.
    for (at, id, content) in [(1, "k", "7"), (0, "l", "8"), (1, "m", "9")] {
        let runtime = &mut runtimes[at];
        let call = desk.begin(&agent, envelope(&session, id, ONE));
        let frame = runtime.called().await;
        runtime.result(&frame, content).await;
        assert_eq!(super::reusing::content(&call.await.unwrap().unwrap()), (content, false, 1));
        let next = ["a", "b"][1 - at].to_owned();
        let swap = Swap { tool: "f".to_owned(), provider: next, ..Swap::default() };
        assert_eq!(desk.door.swap(operator.clone(), swap).await.unwrap().outcome, "committed");
    }
}

#[tokio::test]
async fn who_may_no_longer_call_gets_no_result_of_before() {
    let desk = strict_with(MANIFEST);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("c", &["f"]);
    desk.ended(&agent, envelope(&session, "k", ONE), &runtime, success("7")).await.unwrap();
    let other = desk.token("guest", "demo", &["nobody"]);
    let theirs = desk.session(&other).await;
    let refusal = desk.call(&other, envelope(&theirs, "k", ONE)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
}
