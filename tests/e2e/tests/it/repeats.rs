//! The same call twice, calls that are called back, and callers that leave.

use grid_proto::v1::{self, host_frame::Frame as Heard, runtime_frame::Frame as Said};
use grid_sdk::{CallOptions, Client, SessionOptions};
use tokio::task::JoinSet;

use crate::common::{Host, Peer, answered, check_log, content, kind, refusal, serve, soon, text, until};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

#[tokio::test]
async fn a_repeat_gets_the_same_answer_and_does_not_run_again() {
    let host = Host::strict().await;
    let mut runtimes = JoinSet::new();
    Peer::serving(&host, "calc", &["add", "write"]).await.answering(&mut runtimes);
    let caller = host.caller().await;
    let first = caller.call_as("once", "write", r#"{"text": "x"}"#).await;
    let second = caller.call_as("once", "write", r#"{ "text":"x" }"#).await;
    assert_eq!((first.repeated, second.repeated), (false, true));
    assert_eq!((content(&first), &first.invocation_id), (content(&second), &second.invocation_id));
    // Other arguments or another tool under the same id are no repeat.
    for (tool, args) in [("write", r#"{"text": "y"}"#), ("add", SUM)] {
        assert_eq!(refusal(&caller.call_as("once", tool, args).await).r#type, "MALFORMED_REQUEST");
    }
    // In another session the id is free.
    let mut other = caller.clone();
    other.open().await;
    assert!(!other.call_as("once", "write", r#"{"text": "x"}"#).await.repeated);
    let records = host.audit();
    assert_eq!(check_log(&records), 2);
    let repeated: Vec<_> = records.iter().filter(|record| kind(record) == "repeated").collect();
    assert_eq!(repeated.len(), 1);
    assert_eq!(text(repeated[0], "invocation"), first.invocation_id);
    drop(host);
    let seen = soon("the runtime ends", runtimes.join_next()).await.unwrap().unwrap();
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn parallel_repeats_run_once_and_all_get_the_one_answer() {
    let host = Host::strict().await;
    let mut peer = Peer::serving(&host, "calc", &["write"]).await;
    let caller = host.caller().await;
    let mut waiting = JoinSet::new();
    for _ in 0..20 {
        let caller = caller.clone();
        waiting.spawn(async move { caller.call_as("once", "write", r#"{"text": "x"}"#).await });
    }
    let call = peer.called().await;
    // The others wait at the host; the stream stays empty.
    peer.lives().await;
    peer.say(Said::Result(answered(&call))).await;
    let answers = soon("all are answered", waiting.join_all()).await;
    assert_eq!(answers.iter().filter(|answer| !answer.repeated).count(), 1);
    for answer in &answers {
        assert_eq!((content(answer), &answer.invocation_id), (r#"{"text": "x"}"#, &call.invocation_id));
    }
    peer.lives().await;
    assert_eq!(host.records("admitted").len(), 1);
    assert_eq!(host.records("repeated").len(), 19);
}

#[tokio::test]
async fn a_refusal_before_admission_is_not_held_against_a_repeat() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    assert_eq!(refusal(&caller.call_as("once", "add", SUM).await).r#type, "SERVICE_UNAVAILABLE");
    let _runtime = serve(&host, "calc").await;
    let answer = caller.call_as("once", "add", SUM).await;
    assert_eq!((content(&answer), answer.repeated), ("42", false));
}

#[tokio::test]
async fn a_cancelled_call_ends_for_the_caller_the_runtime_and_the_log() {
    let host = Host::strict().await;
    let mut peer = Peer::serving(&host, "calc", &["hang"]).await;
    let token = host.token("alice", "acme", &["caller"]);
    let client = Client::builder().endpoint(host.endpoint()).token(token).connect().await.unwrap();
    let session = client.open_session(SessionOptions::default()).await.unwrap();
    let mut waiting = JoinSet::new();
    let own = session.clone();
    waiting.spawn(async move {
        let options = CallOptions { call_id: Some("stop-me".to_owned()), ..CallOptions::default() };
        own.call_with("hang", (), options).await
    });
    let call = peer.called().await;
    assert!(!session.cancel("another").await.unwrap());
    // Nobody else can cancel it, not even by its name.
    let mut bob = host.stranger(&host.token("bob", "acme", &["caller"])).await;
    bob.open().await;
    assert!(!bob.cancel("stop-me").await.cancelled);
    assert!(session.cancel("stop-me").await.unwrap());
    let error = soon("the caller is answered", waiting.join_next()).await.unwrap().unwrap().unwrap_err();
    assert_eq!(error.code().as_str(), "CANCELLED");
    match peer.hear().await {
        Some(Heard::Cancel(cancel)) => assert_eq!(cancel.invocation_id, call.invocation_id),
        other => panic!("expected a cancellation, heard {other:?}"),
    }
    assert!(!session.cancel("stop-me").await.unwrap(), "it has ended");
    let concluded = host.records("concluded");
    assert_eq!((text(&concluded[0], "code"), text(&concluded[0], "call_id")), ("CANCELLED", "stop-me"));
    assert_eq!(host.records("cancel_requested").len(), 4);
}

#[tokio::test]
async fn a_session_that_is_closed_by_force_takes_its_calls_along() {
    let host = Host::strict().await;
    let mut peer = Peer::serving(&host, "calc", &["hang"]).await;
    let caller = host.caller().await;
    let mut waiting = JoinSet::new();
    let own = caller.clone();
    waiting.spawn(async move { own.call("hang", "{}").await });
    peer.called().await;
    let close = async |force| {
        let message = v1::DestroySession { session_id: caller.session.clone(), force, ..Default::default() };
        caller.service().destroy_session(caller.request(message)).await.unwrap().into_inner()
    };
    let busy = close(false).await;
    assert!(!busy.destroyed);
    assert_eq!(busy.error.unwrap().details["state"], "busy");
    let closed = close(true).await;
    assert_eq!((closed.destroyed, closed.cancelled_invocations), (true, 1));
    let answer = soon("the caller is answered", waiting.join_next()).await.unwrap().unwrap();
    assert_eq!(refusal(&answer).r#type, "CANCELLED");
    check_log(&host.audit());
}

#[tokio::test]
async fn a_caller_that_leaves_in_the_middle_does_not_take_the_conclusion_along() {
    let host = Host::strict().await;
    let mut peer = Peer::serving(&host, "calc", &["write"]).await;
    let caller = host.caller().await;
    let mut waiting = JoinSet::new();
    let own = host.stranger(&host.token("alice", "acme", &["caller"])).await;
    let message = caller.message("left", "write", r#"{"text": "x"}"#);
    waiting.spawn(async move { own.send(message).await });
    let call = peer.called().await;
    waiting.abort_all();
    while waiting.join_next().await.is_some() {}
    peer.say(Said::Result(answered(&call))).await;
    let concluded = host.record("the conclusion", |record| kind(record) == "concluded").await;
    assert_eq!((text(&concluded, "outcome"), text(&concluded, "invocation")), ("success", call.invocation_id.as_str()));
    until("nothing is in flight", async || (host.metric("grid_calls_in_flight").await == 0).then_some(())).await;
    // Who comes back with the same id gets what happened.
    let answer = caller.call_as("left", "write", r#"{"text": "x"}"#).await;
    assert!(answer.repeated);
    assert_eq!(content(&answer), r#"{"text": "x"}"#);
}
