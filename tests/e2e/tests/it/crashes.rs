//! Hosts that end, in order and out of it. What the log says afterwards is the measure.

use std::collections::HashMap;

use grid_proto::v1::{call_tool_response::Outcome, runtime_frame::Frame as Said};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::common::{
    Caller, Host, Peer, Setup, answered, check_log, content, kind, refusal, serve, signal, soon, text, until,
};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

/// Calls until the host refuses or is gone; gives the invocations that were answered.
async fn call_until_the_end(caller: Caller, answered: tokio::sync::mpsc::Sender<String>) {
    for at in 0.. {
        match caller.send(caller.message(&format!("c-{at}"), "add", SUM)).await {
            Ok(answer) if matches!(answer.outcome, Some(Outcome::Result(_))) => {
                assert_eq!(content(&answer), "42");
                answered.send(answer.invocation_id).await.unwrap();
            }
            Ok(answer) => {
                let code = &refusal(&answer).r#type;
                assert!(
                    ["SERVICE_UNAVAILABLE", "RUNTIME_CRASH", "CONNECTION_FAILED"].contains(&code.as_str()),
                    "{code}"
                );
                return;
            }
            Err(_) => return,
        }
    }
}

/// How each call ended, by invocation.
fn conclusions(records: &[Value]) -> HashMap<&str, &Value> {
    let concluded = records.iter().filter(|record| kind(record) == "concluded");
    concluded.map(|record| (text(record, "invocation"), record)).collect()
}

#[tokio::test]
async fn a_call_whose_host_was_killed_is_closed_as_of_unknown_outcome_once() {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["write", "add"]).await;
    let mut waiting = JoinSet::new();
    let own = caller.clone();
    waiting.spawn(async move { own.send(own.message("open", "write", "{}")).await });
    let open = peer.called().await;
    let before = host.audit();
    host.kill();
    let lost = soon("the caller learns of it", waiting.join_next()).await.unwrap().unwrap();
    assert!(lost.is_err(), "{lost:?}");
    for _ in 0..2 {
        host.start().await;
        let after = host.audit();
        assert_eq!(after[..before.len()], before[..], "what was written stays");
        let conclusions = conclusions(&after);
        assert_eq!(text(conclusions[open.invocation_id.as_str()], "outcome"), "outcome_unknown");
        assert_eq!(check_log(&after), 1, "it is closed once, however often the host starts");
        host.stop().await;
    }
    host.start().await;
    let _runtime = serve(&host, "calc").await;
    // A session lives as long as its host.
    let mut stale = host.stranger(&host.token("alice", "acme", &["caller"])).await;
    stale.session.clone_from(&caller.session);
    assert_eq!(refusal(&stale.call("add", SUM).await).r#type, "INVALID_SESSION");
    host.caller().await.still_served().await;
}

#[tokio::test]
async fn a_host_that_is_told_to_stop_finishes_what_is_in_flight_and_takes_nothing_new() {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let mut waiting = JoinSet::new();
    let mut calls = Vec::new();
    for _ in 0..5 {
        let caller = caller.clone();
        waiting.spawn(async move { caller.call("add", SUM).await });
        calls.push(peer.called().await);
    }
    signal("TERM", host.pid());
    until("the host says that it stops", async || host.get("/readyz").await.contains("503").then_some(())).await;
    let caller = caller.again(&host).await;
    assert_eq!(refusal(&caller.call("add", SUM).await).r#type, "SERVICE_UNAVAILABLE");
    for call in &calls {
        peer.say(Said::Result(answered(call))).await;
    }
    for answer in soon("all are answered", waiting.join_all()).await {
        assert_eq!(content(&answer), "42");
    }
    assert_eq!(host.ended().await.code(), Some(0));
    peer.end().await.unwrap();
    let records = host.audit();
    assert_eq!(check_log(&records), 5);
    assert_eq!(kind(records.last().unwrap()), "host_stopped");
}

#[tokio::test]
async fn a_host_that_is_told_to_stop_under_load_ends_in_order_with_a_whole_log() {
    let mut host = Host::strict().await;
    let mut runtimes = JoinSet::new();
    for id in ["calc/1", "calc/2"] {
        Peer::serving(&host, id, &["add"]).await.answering(&mut runtimes);
    }
    let (sender, mut seen) = tokio::sync::mpsc::channel(100_000);
    let mut callers = JoinSet::new();
    for _ in 0..8 {
        callers.spawn(call_until_the_end(host.caller().await, sender.clone()));
    }
    drop(sender);
    let mut invocations = Vec::new();
    while invocations.len() < 100 {
        invocations.push(soon("calls are answered", seen.recv()).await.unwrap());
    }
    assert_eq!(host.stop().await, Some(0));
    soon("the callers end", callers.join_all()).await;
    while let Some(invocation) = seen.recv().await {
        invocations.push(invocation);
    }
    let records = host.audit();
    let conclusions = conclusions(&records);
    for invocation in &invocations {
        assert_eq!(text(conclusions[invocation.as_str()], "outcome"), "success");
    }
    assert!(check_log(&records) >= invocations.len());
}

#[tokio::test]
async fn a_grace_that_is_over_ends_the_host_and_the_next_start_says_what_it_left() {
    let mut host = Setup::strict().set("server.drain_grace=200ms").start().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["hang"]).await;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { caller.send(caller.message("c", "hang", "{}")).await });
    peer.called().await;
    assert_eq!(host.stop().await, Some(0));
    soon("the caller is answered", waiting.join_next()).await.unwrap().unwrap().ok();
    host.start().await;
    let records = host.audit();
    assert_eq!(check_log(&records), 1);
}

#[tokio::test]
async fn ten_kills_under_load_lose_no_answered_call() {
    let mut host = Host::strict().await;
    let mut answered = Vec::new();
    for round in 0..10 {
        if round > 0 {
            host.start().await;
        }
        let mut runtimes = JoinSet::new();
        Peer::serving(&host, "calc", &["add"]).await.answering(&mut runtimes);
        let (sender, mut seen) = tokio::sync::mpsc::channel(100_000);
        let mut callers = JoinSet::new();
        for _ in 0..6 {
            callers.spawn(call_until_the_end(host.caller().await, sender.clone()));
        }
        drop(sender);
        for _ in 0..(20 + round * 7) {
            answered.push(soon("calls are answered", seen.recv()).await.unwrap());
        }
        host.kill();
        soon("the callers end", callers.join_all()).await;
        while let Some(invocation) = seen.recv().await {
            answered.push(invocation);
        }
    }
    host.start().await;
    let records = host.audit();
    let conclusions = conclusions(&records);
    for invocation in &answered {
        let conclusion = conclusions.get(invocation.as_str()).unwrap_or_else(|| panic!("`{invocation}` is lost"));
        assert_eq!(text(conclusion, "outcome"), "success");
    }
    check_log(&records);
    assert_eq!(records.iter().filter(|record| kind(record) == "host_started").count(), 11);
    let _runtime = serve(&host, "calc").await;
    host.caller().await.still_served().await;
}

#[tokio::test]
async fn a_runtime_of_the_sdk_comes_back_by_itself_after_its_host() {
    let mut host = Host::strict().await;
    // The ports stay the same, as in a restart by a service manager.
    let mut runtime = serve(&host, "calc").await;
    host.caller().await.still_served().await;
    let connection = runtime.status.borrow().connection_id.clone();
    host.kill();
    host.start_again().await;
    let back = runtime
        .status
        .wait_for(|status| status.state == grid_sdk::State::Serving && status.connection_id != connection);
    soon("the runtime is back", back).await.unwrap();
    host.caller().await.still_served().await;
}
