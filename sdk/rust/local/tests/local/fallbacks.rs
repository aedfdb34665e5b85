//! When a call that was to run here goes to a runtime, and when it must not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use grid_sdk::{CallOptions, Code, Outcome};
use grid_sdk_local::{Answered, ExecutionMode, Fallback, LocalError, LocalSession, Ran};
use serde_json::json;

use crate::host::refusal;
use crate::scene::{RUNS, Scene, open, soon};

async fn call(session: &LocalSession, tool: &str) -> Result<Answered, LocalError> {
    let args = if tool == "add" { json!({"a": 1, "b": 2}) } else { json!({}) };
    soon(session.call_with(tool, args, CallOptions::default())).await
}

fn failure(answered: &Answered) -> &Code {
    match &answered.outcome {
        Outcome::Failed(failure) => &failure.code,
        Outcome::Succeeded(answer) => panic!("expected a failure, got {answer:?}"),
    }
}

#[tokio::test]
async fn a_tool_that_may_not_run_twice_ends_where_it_failed() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    for (tool, code) in
        [("fail", Code::TOOL_EXECUTION_FAILED), ("crash", Code::LOCAL_EXECUTION_FAILED), ("hang", Code::TIMEOUT)]
    {
        let answered = call(&session, tool).await.unwrap();
        assert_eq!(answered.ran, Ran::Here);
        assert_eq!(*failure(&answered), code);
    }
    scene.told().await;
    let state = scene.host.state();
    assert_eq!((state.remote.len(), state.reported().len()), (0, 3));
}

#[tokio::test]
async fn a_tool_without_side_effects_is_tried_once_more_and_then_at_a_runtime() {
    let scene = Scene::new().await;
    scene.list("read");
    let session = scene.session(ExecutionMode::GovernedLocal).await;
    for (tool, tries) in [("fail", 2), ("crash", 2), ("hang", 1)] {
        let before = scene.host.state().reported().len();
        let answered = call(&session, tool).await.unwrap();
        assert_eq!(answered.ran, Ran::Remotely);
        assert!(answered.fell_back.unwrap().started);
        scene.told().await;
        assert_eq!(scene.host.state().reported().len() - before, tries, "{tool}");
    }
    let state = scene.host.state();
    let ids: std::collections::BTreeSet<_> =
        state.remote.iter().map(|call| &call.call.as_ref().unwrap().call_id).collect();
    assert_eq!(ids.len(), 3);
    assert!(ids.iter().all(|id| !state.call_ids.contains(id)), "a used id would be answered with what failed here");
}

#[tokio::test]
async fn an_answer_of_the_tool_is_an_answer_whatever_its_effect() {
    let scene = Scene::new().await;
    scene.list("pure");
    let session = scene.session(ExecutionMode::LocalFirst).await;
    let answered = call(&session, "refuse").await.unwrap();
    assert_eq!((answered.ran, failure(&answered).as_str()), (Ran::Here, "BUSINESS_RULE_VIOLATION"));
    assert_eq!(scene.host.state().remote.len(), 0);
}

#[tokio::test]
async fn what_is_not_here_goes_to_a_runtime_at_once_or_nowhere() {
    let scene = Scene::new().await;
    let first = scene.session(ExecutionMode::LocalFirst).await;
    let answered = call(&first, "elsewhere").await.unwrap();
    let fell_back = answered.fell_back.unwrap();
    assert_eq!((fell_back.code, fell_back.started), (Code::UNSUPPORTED_TOOL, false));
    let only = scene.session(ExecutionMode::LocalOnly).await;
    let error = call(&only, "elsewhere").await.unwrap_err();
    assert!(matches!(error, LocalError::NotHere { .. }), "{error}");
    let state = scene.host.state();
    assert_eq!((state.remote.len(), state.grants.len()), (1, 0));
}

#[tokio::test]
async fn a_tool_of_another_shape_than_the_contract_does_not_run_here() {
    let scene = Scene::new().await;
    for listing in &mut scene.host.state().listings {
        let declaration = listing.declaration.as_mut().unwrap();
        declaration.parameters = declaration.parameters.replace("INTEGER", "NUMBER");
    }
    let session = scene.session(ExecutionMode::LocalOnly).await;
    let error = call(&session, "add").await.unwrap_err();
    assert!(error.to_string().contains("other arguments"), "{error}");
    assert!(scene.host.state().grants.is_empty());
}

#[tokio::test]
async fn a_call_that_did_not_start_goes_on_only_when_its_grant_is_surely_over() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    let runs = RUNS.load(Ordering::SeqCst);
    let large = json!({"by": 300});
    let answered = soon(session.call_with("count", &large, CallOptions::default())).await.unwrap();
    assert_eq!(answered.ran, Ran::Remotely);
    assert!(!answered.fell_back.unwrap().started);
    {
        let mut state = scene.host.state();
        assert_eq!((state.cancelled(), state.remote.len()), (1, 1));
        state.refuse_cancel = true;
    }
    let error = soon(session.call("count", &large)).await.unwrap_err();
    assert!(matches!(error, LocalError::NotCancelled { .. }), "{error}");
    assert_eq!(scene.host.state().remote.len(), 1, "no runtime may have it");
    // With nowhere to go the failure is the outcome.
    let only = scene.session(ExecutionMode::LocalOnly).await;
    let answered = soon(only.call_with("count", &large, CallOptions::default())).await.unwrap();
    assert_eq!(*failure(&answered), Code::PARAMETER_VALIDATION_FAILED);
    scene.told().await;
    assert_eq!(scene.host.state().reported().len(), 1);
    assert_eq!(RUNS.load(Ordering::SeqCst), runs, "the tool never ran");
}

#[tokio::test]
async fn too_many_open_grants_send_the_call_to_a_runtime() {
    let scene = Scene::new().await;
    scene.host.state().refuse = Some(refusal("RATE_LIMIT_EXCEEDED", true));
    let session = scene.session(ExecutionMode::LocalFirst).await;
    let answered = call(&session, "add").await.unwrap();
    assert_eq!(answered.ran, Ran::Remotely);
    assert_eq!(answered.fell_back.unwrap().code, Code::RATE_LIMIT_EXCEEDED);
}

#[tokio::test]
async fn a_host_that_cannot_be_asked_lets_nothing_run() {
    let scene = Scene::new().await;
    let session = scene.session(ExecutionMode::LocalFirst).await;
    call(&session, "add").await.unwrap();
    scene.told().await;
    scene.host.state().down = true;
    let error = call(&session, "add").await.unwrap_err();
    let LocalError::Host { fell_back: Some(fell_back), .. } = &error else { panic!("{error}") };
    assert_eq!(fell_back.code, Code::CONNECTION_FAILED);
    let state = scene.host.state();
    assert_eq!((state.grants.len(), state.remote.len()), (1, 0));
}

#[tokio::test]
async fn whoever_wants_no_fallback_gets_none() {
    let scene = Scene::new().await;
    scene.list("pure");
    let builder = scene.builder(ExecutionMode::LocalFirst).await;
    let session = open(&builder.fallback(Fallback::FailFast).build()).await;
    assert!(matches!(call(&session, "elsewhere").await, Err(LocalError::NotHere { .. })));
    assert_eq!(call(&session, "fail").await.unwrap().ran, Ran::Here);
    scene.told().await;
    assert_eq!(scene.host.state().reported().len(), 1);
    let builder = scene.builder(ExecutionMode::LocalFirst).await;
    let session = open(&builder.fallback(Fallback::Retry).build()).await;
    assert_eq!(call(&session, "fail").await.unwrap().ran, Ran::Here);
    scene.told().await;
    let state = scene.host.state();
    assert_eq!((state.reported().len(), state.remote.len()), (3, 0));
}

#[tokio::test]
async fn the_callers_deadline_holds_for_a_tool_that_hangs() {
    let scene = Scene::new().await;
    for listing in &mut scene.host.state().listings {
        listing.timeout_ms = 60_000;
    }
    let session = scene.session(ExecutionMode::LocalFirst).await;
    let options = CallOptions { deadline: Some(Duration::from_millis(300)), ..CallOptions::default() };
    let answered = soon(session.call_with("hang", (), options)).await.unwrap();
    assert_eq!((answered.ran, failure(&answered)), (Ran::Here, &Code::TIMEOUT));
}
