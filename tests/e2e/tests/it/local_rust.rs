//! Tools that the Rust SDK runs where their caller is, under grants of a real host.

use std::{
    process::{Command, Output},
    time::Duration,
};

use grid_sdk::{Backoff, CallOptions, Client, Code, Outcome, Retries, SessionOptions, ToolError, tool};
use grid_sdk_local::{
    ExecutionMode, LocalClient, LocalClientBuilder, LocalSession, LocalSessionOptions, OutcomeLog, OutcomeSettings,
    Ran, Registry, Trust,
};
use serde_json::{Value, json};

use crate::common::{Host, Setup, check_log, kind, root, soon, text, until};

/// Adds.
#[tool]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Changes the world, where there is something to write.
#[tool]
fn write(text: Option<String>) -> Result<usize, ToolError> {
    text.map(|text| text.len()).ok_or_else(|| ToolError::new("BUSINESS_RULE_VIOLATION", "there is nothing to write"))
}

/// Opens it.
#[tool]
fn open_vault() {}

struct Scene {
    outcomes: OutcomeLog,
    client: LocalClient,
    session: LocalSession,
}

async fn connected(host: &Host) -> Client {
    let retries =
        Retries { backoff: Backoff::new(Duration::from_millis(5), Duration::from_millis(20)), ..Retries::up_to(2) };
    let token = host.token("alice", "acme", &["caller"]);
    Client::builder().endpoint(host.endpoint()).token(token).retries(retries).connect().await.unwrap()
}

fn log(host: &Host) -> OutcomeLog {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    OutcomeLog::open(OutcomeSettings { backoff, ..OutcomeSettings::at(host.folder().join("outcomes")) }).unwrap()
}

fn builder(host: &Host, client: Client, outcomes: OutcomeLog) -> LocalClientBuilder {
    let registry = Registry::new();
    registry.register(add).unwrap();
    registry.register(write).unwrap();
    registry.register(open_vault).unwrap();
    let key = std::fs::read_to_string(host.folder().join("data/audit/log.vkey")).unwrap();
    let trust = Trust::log(vec![key.parse().unwrap()], "alice", "acme");
    LocalClient::builder(client, outcomes, trust).registry(registry).mode(ExecutionMode::LocalFirst)
}

async fn scene(host: &Host) -> Scene {
    let outcomes = log(host);
    let client = builder(host, connected(host).await, outcomes.clone()).build();
    let session = soon("the session", client.open_session(LocalSessionOptions::default())).await.unwrap();
    Scene { outcomes, client, session }
}

impl Scene {
    async fn told(&self) {
        assert_eq!(self.outcomes.flushed(Duration::from_secs(20)).await, 0, "{:?}", self.outcomes);
        assert_eq!(self.outcomes.status().borrow().rejected, 0, "{:?}", self.outcomes);
    }
}

fn end_of(host: &Host, invocation: &str) -> Option<Value> {
    host.records("concluded").into_iter().find(|record| text(record, "invocation") == invocation)
}

#[tokio::test]
async fn a_rust_tool_runs_at_its_caller_and_the_log_has_its_claim() {
    let mut host = Host::strict().await;
    let scene = scene(&host).await;
    let answer = soon("the sum", scene.session.call("add", json!({"a": 2, "b": 40}))).await.unwrap();
    assert_eq!(answer.content, "42");
    let failed = scene.session.call_with("write", (), CallOptions::default());
    let failed = soon("the failure", failed).await.unwrap();
    assert_eq!((failed.ran, failed.fell_back), (Ran::Here, None));
    let Outcome::Failed(failure) = failed.outcome else { panic!("nothing was written") };
    scene.told().await;
    let end = end_of(&host, &answer.invocation_id).unwrap();
    assert_eq!((text(&end, "outcome"), &end["claimed"]), ("success", &Value::Bool(true)));
    assert_eq!(text(&end_of(&host, &failure.invocation_id).unwrap(), "outcome"), "tool_error");
    soon("the session ends", scene.session.close(Duration::from_secs(5))).await.unwrap();
    drop(scene.client);
    assert_eq!(host.stop().await, Some(0));
    assert_eq!(check_log(&host.audit()), 2);
    assert_eq!(host.grid(&["audit", "verify"]).code, 0);
}

#[tokio::test]
async fn what_the_host_denies_does_not_run_at_its_caller() {
    let host = Host::strict().await;
    let scene = scene(&host).await;
    // It is not even listed, so it is taken to a runtime, which the host does not allow either.
    let error = soon("the denial", scene.session.call("open_vault", ())).await.unwrap_err();
    assert_eq!(error.code(), Code::PERMISSION_DENIED, "{error}");
    assert!(host.records("admitted").is_empty());
    let error = scene.session.remote().authorize("open_vault", (), Default::default());
    assert_eq!(*soon("the bare denial", error).await.unwrap_err().code(), Code::PERMISSION_DENIED);
}

#[tokio::test]
async fn an_outage_and_a_restart_of_the_host_cost_no_outcome_and_double_none() {
    let mut host = Setup::strict().set("local.ttl=120s").start().await;
    let endpoint_before = host.endpoint();
    let first = scene(&host).await;
    let answer = soon("the first", first.session.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
    first.told().await;
    // Granted and run while the host is there; reported to nobody, since the delivery has ended.
    let Scene { outcomes, client, session } = first;
    let raw =
        soon("a grant", session.remote().authorize("add", json!({"a": 2, "b": 2}), Default::default())).await.unwrap();
    let invocation = raw.invocation_id.clone();
    host.kill();
    let permit = grid_sdk_local::Permit::check(
        raw,
        &Trust::connection(),
        grid_sdk_local::Expected { contract: &contract_of(&host, &invocation), asked_at: tokio::time::Instant::now() },
    )
    .unwrap();
    outcomes.reserve().unwrap().record(permit.report(Ok("4".to_owned()), Duration::from_millis(1))).await;
    drop((session, client, outcomes));
    host.start().await;
    // The next process of the caller: the same log, a new connection.
    let outcomes =
        until("the log is free", async || OutcomeLog::open(OutcomeSettings::at(host.folder().join("outcomes"))).ok())
            .await;
    let second = builder(&host, connected(&host).await, outcomes.clone()).build();
    assert_eq!(outcomes.flushed(Duration::from_secs(20)).await, 0);
    assert_eq!(outcomes.status().borrow().rejected, 0, "{outcomes:?} {endpoint_before}");
    drop(second);
    for invocation in [&answer.invocation_id, &invocation] {
        assert_eq!(text(&end_of(&host, invocation).unwrap(), "outcome"), "success");
    }
    assert_eq!(check_log(&host.audit()), 2);
}

/// The digest of the contract that a call was admitted by, as the log has it.
fn contract_of(host: &Host, invocation: &str) -> String {
    let admitted = host.records("admitted");
    let own = admitted.iter().find(|record| text(record, "invocation") == invocation).unwrap();
    text(own, "contract").to_owned()
}

#[tokio::test]
async fn grants_that_an_operator_made_void_are_over_and_the_next_call_gets_another() {
    let host = Host::strict().await;
    let scene = scene(&host).await;
    soon("the first", scene.session.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
    scene.told().await;
    let session = scene.session.remote();
    let open = soon("a grant", session.authorize("write", json!({"text": "x"}), Default::default())).await.unwrap();
    let operator = host.admin().await;
    operator.invalidate_authorizations("role taken away").await.unwrap();
    assert_eq!(text(&end_of(&host, &open.invocation_id).unwrap(), "outcome"), "revoked");
    assert!(soon("it is over", session.cancel_grant(&open, "too late")).await.unwrap());
    // The rights are still there, so the next one is granted, under the new epoch.
    soon("the next", scene.session.call("add", json!({"a": 1, "b": 1}))).await.unwrap();
    scene.told().await;
}

#[tokio::test]
async fn a_contract_says_whether_a_call_may_run_here_and_with_arguments_that_stay_here() {
    let mut manifest = crate::common::manifest();
    let functions = manifest["contracts"][0]["function_declarations"].as_array_mut().unwrap();
    functions.iter_mut().find(|own| own["name"] == "write").unwrap()["local"] = false.into();
    functions.iter_mut().find(|own| own["name"] == "add").unwrap()["local"] = json!({"args_digest_only": true});
    let host = Setup::strict().manifest(Some(manifest)).start().await;
    let outcomes = log(&host);
    let client = builder(&host, connected(&host).await, outcomes.clone()).digest_only("add").build();
    let session = soon("the session", client.open_session(LocalSessionOptions::default())).await.unwrap();
    let answer = soon("the sum", session.call("add", json!({"b": 40, "a": 2}))).await.unwrap();
    assert_eq!(answer.content, "42");
    let admitted = host.records("admitted");
    assert_eq!((admitted.len(), &admitted[0]["args_bytes"]), (1, &json!(14)));
    // That is no decision about the call, so a runtime is asked; there is none.
    let unserved = soon("the refusal", session.call("write", json!({"text": "x"}))).await.unwrap_err();
    assert_eq!(unserved.code(), Code::SERVICE_UNAVAILABLE, "{unserved}");
    assert_eq!(outcomes.flushed(Duration::from_secs(20)).await, 0);
    assert_eq!(text(&end_of(&host, &answer.invocation_id).unwrap(), "outcome"), "success");
    assert_eq!(host.records("admitted").len(), 1);
}

#[tokio::test]
async fn several_grants_are_had_at_once_where_the_session_has_that() {
    let host = Host::strict().await;
    let client = connected(&host).await;
    let options = SessionOptions { features: vec!["batch-authorization".into()], ..SessionOptions::default() };
    let session = soon("the session", client.open_session(options)).await.unwrap();
    assert_eq!(session.features(), ["batch-authorization"]);
    let calls = [("add", r#"{"a":1,"b":1}"#), ("open_vault", "{}"), ("add", r#"{"a":1}"#)];
    let answers = soon("the answers", session.authorize_all(&calls)).await.unwrap();
    let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().map(|error| error.code().clone())).collect();
    assert_eq!(codes, [None, Some(Code::PERMISSION_DENIED), Some(Code::INVALID_TOOL_ARGS)]);
}

#[tokio::test]
async fn the_example_runs_as_its_page_says() {
    let manifest = std::fs::read_to_string(root().join("examples/local-rust/tools.json")).unwrap();
    let host = Setup::strict().manifest(Some(serde_json::from_str(&manifest).unwrap())).start().await;
    let token = host.token_file("alice", "demo", &["support"]);
    let mut example = Command::new(env!("CARGO"));
    example.args(["run", "--quiet", "--locked", "--package", "local-rust"]).current_dir(root());
    example.env("GRID_ENDPOINT", host.endpoint()).env("GRID_TOKEN_FILE", token);
    example.env("GRID_LOG_KEY", host.folder().join("data/audit/log.vkey"));
    example.env("GRID_OUTCOMES", host.folder().join("outcomes"));
    let ended: Output = tokio::task::spawn_blocking(move || example.output().unwrap()).await.unwrap();
    let said = String::from_utf8(ended.stdout).unwrap();
    assert!(ended.status.success(), "{said}{}", String::from_utf8_lossy(&ended.stderr));
    assert!(said.contains("6 words, counted here (i-"), "{said}");
    assert!(said.contains("refused: PERMISSION_DENIED"), "{said}");
    assert!(said.ends_with("0 outcomes that the host has not heard of\n"), "{said}");
    let claimed = host.record("the claim", |record| kind(record) == "concluded" && record["claimed"] == true).await;
    assert_eq!((text(&claimed, "tool"), text(&claimed, "outcome")), ("count_words", "success"));
}
