//! Calls that run here: under a grant, once, reported; and what keeps them from starting.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use grid_proto::{adm, v1};
use grid_sdk::{CallOptions, Code, Error, Outcome};
use grid_sdk_local::{
    ExecutionMode, Executor, LocalError, LocalSessionOptions, NotRegistered, OutcomeLog, OutcomeSettings, Ran,
    Registry, SessionTools,
};
use serde_json::json;
use tokio::task::JoinSet;

use crate::host::{SESSION, digest, refusal};
use crate::scene::{GATE, HANGS, Scene, add, crash, fail, open, quick, soon};

#[tokio::test]
async fn a_tool_runs_here_under_a_grant_and_its_outcome_reaches_the_host() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    let args = json!({"a": 2, "b": 40});
    let answered = soon(session.call_with("add", &args, CallOptions::default())).await.unwrap();
    assert_eq!(answered.ran, Ran::Here);
    assert_eq!(answered.fell_back, None);
    let Outcome::Succeeded(answer) = answered.outcome else { panic!("a success") };
    assert_eq!(answer.content, "42");
    scene.told().await;
    let state = scene.host.state();
    let reported = state.reported();
    assert_eq!((reported.len(), state.remote.len(), state.rejected.len()), (1, 0, 0));
    let report = reported[0];
    assert_eq!(report.invocation_id, answer.invocation_id);
    assert_eq!(report.session_id, SESSION);
    assert_eq!(report.args_digest, digest(&args.to_string()).as_bytes());
    let result = report.result.clone().unwrap();
    assert_eq!((result.status(), result.content), (adm::ToolResultStatus::Success, Some("42".into())));
}

#[tokio::test]
async fn a_denial_is_final_and_nothing_runs() {
    let scene = Scene::new().await;
    for mode in [ExecutionMode::LocalFirst, ExecutionMode::GovernedLocal, ExecutionMode::LocalOnly] {
        for code in ["PERMISSION_DENIED", "POLICY_VIOLATION", "INVALID_TOOL_ARGS", "SECURITY_VIOLATION"] {
            scene.host.state().refuse = Some(refusal(code, false));
            let session = scene.session(mode).await;
            let error = soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap_err();
            assert_eq!(error.code(), code, "{error}");
        }
    }
    scene.told().await;
    let state = scene.host.state();
    assert_eq!((state.remote.len(), state.grants.len(), state.reports), (0, 0, 0));
}

#[tokio::test]
async fn an_approval_that_proves_nothing_is_a_denial() {
    type Change = fn(&mut v1::AuthorizeToolCallResponse);
    let changes: [(Change, &str); 7] = [
        (|answer| answer.status = None, "unset status"),
        (|answer| answer.status = Some(7), "unknown status"),
        (|answer| answer.status = Some(v1::authorize_tool_call_response::Status::Pending.into()), "pending"),
        (|answer| answer.invocation_id.clear(), "no invocation"),
        (|answer| answer.grant = None, "no grant"),
        (|answer| answer.grant.as_mut().unwrap().receipt = None, "no receipt"),
        (|answer| *answer = v1::AuthorizeToolCallResponse::default(), "empty"),
    ];
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    for (change, what) in changes {
        scene.host.state().forge = Some(Box::new(change));
        let error = soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap_err();
        assert!(matches!(error, LocalError::Host { error: Error::BadAnswer(_) | Error::Refused(_), .. }), "{what}");
    }
    scene.told().await;
    let state = scene.host.state();
    assert_eq!((state.remote.len(), state.reports), (0, 0), "nothing ran anywhere");
}

#[tokio::test]
async fn a_grant_for_something_else_stops_the_call_and_is_given_back() {
    let changes: [fn(String) -> String; 5] = [
        |record| record.replace("\"acme\"", "\"other\""),
        |record| record.replace("\"agent\"", "\"other\""),
        |record| record.replace("\"tool\":\"add\"", "\"tool\":\"count\""),
        |record| record.replace("\"local\":true", "\"local\":false"),
        |record| record.replace(SESSION, "s-9999"),
    ];
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    for (number, change) in changes.into_iter().enumerate() {
        scene.host.state().change_record = Some(Box::new(change));
        let error = soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap_err();
        assert_eq!(error.code(), Code::SECURITY_VIOLATION, "{error}");
        assert_eq!(scene.host.state().cancelled(), number + 1);
    }
    let state = scene.host.state();
    assert_eq!((state.remote.len(), state.reports), (0, 0));
}

/// The host approves these arguments, whatever was sent.
fn approves(scene: &Scene, sent: &'static str, approved: &'static str) {
    let mut state = scene.host.state();
    state.forge = Some(Box::new(move |answer| {
        answer.execution_context.insert("args".into(), approved.into());
    }));
    state.change_record =
        Some(Box::new(move |record| record.replace(&digest(sent).to_string(), &digest(approved).to_string())));
}

#[tokio::test]
async fn approved_arguments_are_those_that_were_sent_or_what_the_contract_makes_of_them() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalOnly).await;
    approves(&scene, r#"{"a":1,"b":1,"c":1}"#, r#"{"a":1,"b":1}"#);
    let answer = soon(session.call("add", json!({"a": 1, "b": 1, "c": 1}))).await.unwrap();
    assert_eq!(answer.content, "2");
    approves(&scene, r#"{"a":1,"b":1}"#, r#"{"a":9,"b":9}"#);
    let error = soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap_err();
    assert_eq!(error.code(), Code::SECURITY_VIOLATION, "{error}");
}

#[tokio::test]
async fn no_tool_starts_under_rights_that_were_made_void() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalOnly).await;
    soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
    scene.host.service.epoch.send_replace(9);
    // The host decides by an older epoch than it has told of; until the new one is heard of, calls run.
    scene.host.state().change_record = Some(Box::new(|record| record.replace("\"epoch\":9", "\"epoch\":1")));
    let void = async {
        loop {
            match session.call("add", json!({"a": 1, "b": 1})).await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => return error,
            }
        }
    };
    let error = soon(void).await;
    assert_eq!(error.code(), Code::PERMISSION_DENIED, "{error}");
    assert_eq!(scene.host.state().cancelled(), 2, "one try, one more, both given back");
    scene.host.state().change_record = None;
    soon(session.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
}

#[tokio::test]
async fn a_full_log_stops_local_runs_before_anything_is_asked() {
    let mut scene = Scene::new().await;
    scene.log = OutcomeLog::open(OutcomeSettings {
        directory: scene.directory.path().join("small"),
        capacity: 1,
        ..quick(&scene.directory)
    })
    .unwrap();
    let held = scene.log.reserve().unwrap();
    let only = scene.session(ExecutionMode::LocalOnly).await;
    let error = soon(only.call("add", json!({"a": 1, "b": 1}))).await.unwrap_err();
    assert!(matches!(error, LocalError::Full(_)), "{error}");
    assert!(scene.host.state().grants.is_empty());
    let first = scene.session(ExecutionMode::LocalFirst).await;
    let answered = soon(first.call_with("add", json!({"a": 1, "b": 1}), CallOptions::default())).await.unwrap();
    assert_eq!(answered.ran, Ran::Remotely);
    assert_eq!(answered.fell_back.unwrap().code, Code::RESOURCE_EXHAUSTED);
    drop(held);
    soon(only.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_hundred_calls_at_once_are_each_reported_once_and_no_place_is_lost() {
    let mut scene = Scene::new().await;
    let directory = scene.directory.path().join("many");
    scene.log = OutcomeLog::open(OutcomeSettings { directory, capacity: 600, ..quick(&scene.directory) }).unwrap();
    let session = Arc::new(scene.session(ExecutionMode::LocalOnly).await);
    let mut calls = JoinSet::new();
    for a in 0..500 {
        let session = Arc::clone(&session);
        calls.spawn(async move { session.call("add", json!({"a": a, "b": 1})).await.unwrap().content });
    }
    let mut sums: Vec<u32> = soon(calls.join_all()).await.iter().map(|sum| sum.parse().unwrap()).collect();
    sums.sort_unstable();
    assert_eq!(sums, (1..=500).collect::<Vec<_>>());
    scene.told().await;
    let state = scene.host.state();
    assert_eq!((state.reported().len(), state.reports, state.rejected.len()), (500, 500, 0));
    let places: Vec<_> = (0..600).map(|_| scene.log.reserve().unwrap()).collect();
    assert!(scene.log.reserve().is_err(), "{}", places.len());
}

#[tokio::test]
async fn modes_of_tool_session_client_and_process_take_precedence_in_this_order() {
    let scene = Scene::new().await;
    let builder = scene.builder(ExecutionMode::LocalOnly).await;
    let client = builder.tool_mode("count", ExecutionMode::Remote).build();
    let ran = async |options: LocalSessionOptions, tool: &str, args| {
        let session = soon(client.open_session(options)).await.unwrap();
        soon(session.call_with(tool, args, CallOptions::default())).await.unwrap().ran
    };
    let usual = LocalSessionOptions::default;
    assert_eq!(ran(usual(), "add", json!({"a": 1, "b": 1})).await, Ran::Here);
    assert_eq!(ran(usual(), "count", json!({"by": 1})).await, Ran::Remotely);
    let remote = LocalSessionOptions { mode: Some(ExecutionMode::Remote), ..usual() };
    assert_eq!(ran(remote, "add", json!({"a": 1, "b": 1})).await, Ran::Remotely);
}

#[tokio::test]
async fn arguments_may_stay_here_and_be_known_by_their_digest() {
    let scene = Scene::new().await;
    let client = scene.builder(ExecutionMode::LocalOnly).await.digest_only("add").build();
    let session = open(&client).await;
    let answer = soon(session.call("add", json!({"b": 40, "a": 2}))).await.unwrap();
    assert_eq!(answer.content, "42");
    scene.told().await;
    let state = scene.host.state();
    assert_eq!(state.grants.values().next().unwrap().call.args, "");
    assert_eq!(state.reported()[0].args_digest, digest(r#"{"a":2,"b":40}"#).as_bytes());
}

#[tokio::test]
async fn a_tool_that_started_is_reported_although_its_caller_has_gone() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalOnly).await;
    let hangs = HANGS.load(Ordering::SeqCst);
    let started = async {
        while HANGS.load(Ordering::SeqCst) == hangs {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = started => (),
        ended = session.call("slow", ()) => panic!("{ended:?}"),
    }
    let heard = async {
        while scene.host.state().reported().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    soon(heard).await;
    let state = scene.host.state();
    assert_eq!(state.reported()[0].result.clone().unwrap().content.unwrap(), "\"done\"");
}

#[tokio::test]
async fn a_grant_whose_caller_has_gone_before_the_start_is_given_back() {
    let scene = Scene::new().await;
    let client = scene.builder(ExecutionMode::LocalOnly).await.concurrency(1).build();
    let session = open(&client).await;
    let first = async { soon(session.call("gated", ())).await.unwrap() };
    let gone = async {
        while scene.host.state().grants.len() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // It has its grant, or will have it soon, and then waits for room.
        tokio::time::sleep(Duration::from_millis(700)).await;
    };
    let second = async {
        while scene.host.state().grants.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::select! {
            () = gone => GATE.add_permits(1),
            ended = session.call("gated", ()) => panic!("{ended:?}"),
        }
    };
    tokio::join!(first, second);
    let back = async {
        while scene.host.state().cancelled() == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    soon(back).await;
    scene.told().await;
    assert_eq!(scene.host.state().reported().len(), 1);
}

#[tokio::test]
async fn the_executor_answers_every_failure_as_a_result() {
    let registry = Registry::new();
    for register in [registry.register(add), registry.register(fail), registry.register(crash)] {
        register.unwrap();
    }
    assert!(matches!(registry.register(add), Err(NotRegistered::AlreadyRegistered(_))));
    let mut tools = SessionTools::none(registry.clone());
    assert!(matches!(tools.add("nobody"), Err(NotRegistered::NotFound(_))));
    for name in ["add", "fail", "crash"] {
        tools.add(name).unwrap();
    }
    let executor = Executor::new(tools);
    let run = async |name: &str, args: &str| soon(executor.execute("c1", name, args, None)).await;
    let sum = run("add", r#"{"a":1,"b":2}"#).await;
    assert_eq!(sum.to_text(), r#"{"call_id":"c1","name":"add","status":"SUCCESS","content":3}"#);
    let failures = [
        ("nobody", "{}", "UNSUPPORTED_TOOL"),
        ("add", "{}", "PARAMETER_VALIDATION_FAILED"),
        ("add", r#"{"a":1,"a":1,"b":2}"#, "PARAMETER_VALIDATION_FAILED"),
        ("add", r#"{"a":1,"b":2,"c":3}"#, "PARAMETER_VALIDATION_FAILED"),
        ("add", r#"{"a":"1","b":2}"#, "PARAMETER_VALIDATION_FAILED"),
        ("fail", "{}", "TOOL_EXECUTION_FAILED"),
        ("crash", "{}", "LOCAL_EXECUTION_FAILED"),
    ];
    for (name, args, kind) in failures {
        let result = run(name, args).await;
        let error = result.answer.clone().unwrap_err();
        assert_eq!(error.kind(), kind, "{name} {args}");
        assert!(!error.message().contains("secret"), "{error}");
        let (read, _) = grid_adm::ToolResult::read(&result.to_text()).unwrap();
        assert_eq!((read.call_id.as_str(), read.name.as_str()), ("c1", name));
    }
    let unknown = run("nobody", "{}").await.answer.unwrap_err();
    assert_eq!(unknown.message(), "tool not found: nobody");
    // Another session of the same program has its own names.
    let other = Executor::new(SessionTools::none(registry));
    assert!(soon(other.execute("c1", "add", r#"{"a":1,"b":2}"#, None)).await.answer.is_err());
}
