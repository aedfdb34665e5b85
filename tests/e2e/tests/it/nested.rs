//! Calls from within a call, and what peers of other levels and versions agree on, over the wire.

use grid_proto::v1::{self, call_tool_response::Outcome, host_frame::Frame as Heard, runtime_frame::Frame as Said};
use grid_sdk::{Context, Runtime, State, ToolError, tool};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{Host, Peer, announcement, answer, check_log, content, failure, kind, refusal, serve, soon, text};

/// Has somebody else add.
#[tool]
async fn echo(text: Option<String>) -> Result<i64, ToolError> {
    let context = Context::current().ok_or_else(|| ToolError::new("NO_CALL", "no call is in hand"))?;
    assert!(context.deadline().is_some() && context.invocation_id().starts_with("i-"));
    let tool = text.unwrap_or_else(|| "add".to_owned());
    Ok(context.call(&tool, json!({ "a": 2, "b": 40 })).await?.json()?)
}

/// The same, and blocks its thread.
#[tool]
fn write() -> Result<i64, ToolError> {
    let context = Context::current().ok_or_else(|| ToolError::new("NO_CALL", "no call is in hand"))?;
    Ok(context.call_blocking("add", json!({ "a": 2, "b": 40 }))?.json()?)
}

#[tokio::test]
async fn a_tool_of_the_rust_sdk_calls_another_runtimes() {
    let host = Host::strict().await;
    let mut tasks = JoinSet::new();
    let runtime = Runtime::builder().runtime_id("asks").endpoint(host.endpoint()).tool(echo).tool(write);
    let runtime = runtime.token(host.token("asks", "acme", &["grid_runtime", "caller"])).build().unwrap();
    let mut status = runtime.status();
    tasks.spawn(runtime.run_until(std::future::pending()));
    soon("it serves", status.wait_for(|status| status.state == State::Serving)).await.unwrap();
    let mut adds = Peer::serving(&host, "adds", &["add"]).await;
    let caller = host.caller().await;
    for tool in ["echo", "write"] {
        let (asking, name) = (caller.clone(), tool.to_owned());
        let mut waiting = JoinSet::new();
        waiting.spawn(async move { asking.call(&name, "{}").await });
        let call = tokio::select! {
            call = adds.called() => call,
            early = waiting.join_next() => panic!("`{tool}` ended before it asked: {early:?}"),
        };
        adds.say(Said::Result(answer(&call, "42"))).await;
        assert_eq!(content(&soon("it is answered", waiting.join_next()).await.unwrap().unwrap()), "42");
    }
    // What the host refuses is the tool's own error by its code.
    for (tool, code) in
        [("echo", "POLICY_VIOLATION"), ("open_vault", "PERMISSION_DENIED"), ("none", "UNSUPPORTED_TOOL")]
    {
        let answer = caller.call("echo", &json!({ "text": tool }).to_string()).await;
        assert_eq!(failure(&answer).r#type, code, "{tool}");
    }
    let admitted = host.records("admitted");
    let nested = admitted.iter().find(|record| text(record, "tool") == "add").unwrap();
    assert_eq!((text(nested, "principal"), text(nested, "runtime")), ("alice", "adds"));
    assert_eq!(text(nested, "parent"), text(&admitted[0], "invocation"));
    let tree = host.grid(&["audit", "show", "--tree", text(&admitted[0], "invocation")]);
    assert!(tree.out.contains("\n└─ add  for alice  at adds  success  i-"), "{tree:?}");
    check_log(&host.audit());
}

#[tokio::test]
async fn a_stolen_parent_is_a_violation_and_the_stream_lives() {
    let host = Host::strict().await;
    let mut owner = Peer::serving(&host, "owner", &["echo"]).await;
    let mut thief = Peer::open(&host, &host.token("thief", "acme", &["grid_runtime", "caller"])).await;
    let wish = v1::AnnounceRuntime { optional_features: vec!["nested-calls".to_owned()], ..announcement("thief") };
    assert_eq!(thief.announce(wish).await.enabled_features, ["nested-calls"]);
    let caller = host.caller().await;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { caller.call("echo", "{}").await });
    let held = owner.called().await;
    let mut call = host.caller().await.message("k", "add", r#"{"a": 2, "b": 40}"#);
    call.parent_invocation_id.clone_from(&held.invocation_id);
    thief.say(Said::Call(call)).await;
    let Some(Heard::Answer(answer)) = thief.hear().await else { panic!("an answer") };
    assert_eq!((&*answer.call_id, &*answer.parent_invocation_id), ("k", &*held.invocation_id));
    assert_eq!(refusal(&answer).r#type, "PROTOCOL_VIOLATION");
    thief.lives().await;
    assert_eq!(text(&host.record("a violation", |record| kind(record) == "violation").await, "runtime"), "thief");
    owner.say(Said::Result(crate::common::answer(&held, "1"))).await;
    assert_eq!(content(&soon("it is answered", waiting.join_next()).await.unwrap().unwrap()), "1");
}

const WORDS: [&str; 3] = ["enhanced-errors", "nested-calls", "teleport"];

/// Levels 1 to 3, sets of features, sets of versions: what a runtime is told, and that it serves all the same.
#[tokio::test]
async fn runtimes_of_every_level_agree_and_serve() {
    let host = Host::strict().await;
    let caller = host.caller().await;
    for level in 1..=3_u8 {
        for bits in 0..8_usize {
            let wished: Vec<String> = (0..3).filter(|at| bits >> at & 1 == 1).map(|at| WORDS[at].to_owned()).collect();
            for versions in [&["1.0"][..], &["2.0", "1.0"], &["1.9", "1.0"], &["2.0"]] {
                let mut peer = Peer::open(&host, &host.runtime_token("calc")).await;
                let answer = peer
                    .announce(v1::AnnounceRuntime {
                        compliance_level: i32::from(level) - 1,
                        optional_features: wished.clone(),
                        protocol_version: versions[0].to_owned(),
                        supported_versions: versions.iter().map(ToString::to_string).collect(),
                        ..announcement("calc")
                    })
                    .await;
                if !versions.contains(&"1.0") {
                    assert_eq!(answer.error.unwrap().r#type, "VERSION_MISMATCH");
                    continue;
                }
                assert_eq!((answer.error.clone(), &*answer.negotiated_version), (None, "1.0"));
                assert_eq!(answer.negotiated_level, i32::from(level.min(2)) - 1);
                let both: Vec<&String> = wished.iter().filter(|word| level > 1 && *word != "teleport").collect();
                assert_eq!(answer.enabled_features.iter().collect::<Vec<_>>(), both, "{level} {wished:?}");
                assert_eq!(answer.available_features.is_empty(), level == 1);
                if versions == ["1.0"] {
                    works(&host, &caller, peer, level, &wished).await;
                } else {
                    drop(peer);
                }
                gone(&host).await;
            }
        }
    }
    let attached = host.records("runtime_attached");
    let lost = |text: &str| attached.iter().filter(|record| record["detail"].as_str().unwrap().contains(text)).count();
    assert_eq!(attached.len(), 3 * 8 * 3);
    assert_eq!((lost("level 1 in place of 2"), lost("level 2 in place of 3")), (24, 24));
    assert_eq!(lost("teleport"), 36);
    check_log(&host.audit());
}

/// Its id is free again.
async fn gone(host: &Host) {
    let detached = host.records("runtime_attached").len();
    crate::common::until("it has gone", async || (host.records("runtime_detached").len() == detached).then_some(()))
        .await;
}

/// An attached runtime serves a call, says what it takes for switched on, changes it, and sends what nobody knows.
async fn works(host: &Host, caller: &crate::common::Caller, mut peer: Peer, level: u8, wished: &[String]) {
    assert_eq!(peer.fulfil(&["add"]).await.fulfilled_tools, ["add"]);
    peer.say(Said::ValidateFeatures(v1::ValidateFeatures { enabled_features: WORDS.map(str::to_owned).to_vec() }))
        .await;
    let Some(Heard::Validated(valid)) = peer.hear().await else { panic!("an answer") };
    let on: Vec<&str> =
        WORDS.into_iter().filter(|word| level > 1 && *word != "teleport" && wished.iter().any(|w| w == word)).collect();
    assert_eq!(valid.confirmed_features, on);
    assert_eq!(valid.disabled_features.len(), 3 - on.len());
    let update = v1::CapabilityUpdate {
        new_features: vec!["nested-calls".to_owned(), "teleport".to_owned()],
        ..Default::default()
    };
    peer.say(Said::CapabilityUpdate(update)).await;
    let Some(Heard::CapabilityUpdated(updated)) = peer.hear().await else { panic!("an answer") };
    use v1::capability_update_response::Status::{Partial, Rejected};
    assert_eq!(updated.status(), if level > 1 { Partial } else { Rejected });
    assert_eq!(updated.accepted_features.len(), usize::from(level > 1));
    peer.say_raw(v1::RuntimeFrame { frame: None }).await;
    let error = peer.told().await.error.unwrap();
    assert_eq!(error.r#type, "FEATURE_UNAVAILABLE");
    assert_eq!(error.remediation_steps.is_empty() && error.details.is_empty(), level == 1, "{error:?}");
    let (asking, mut waiting) = (caller.clone(), JoinSet::new());
    waiting.spawn(async move { asking.call("add", r#"{"a": 2, "b": 40}"#).await });
    let call = peer.called().await;
    peer.say(Said::Result(answer(&call, "42"))).await;
    assert_eq!(content(&soon("it is answered", waiting.join_next()).await.unwrap().unwrap()), "42");
    assert_eq!(host.records("late_result").len(), 0);
}

/// The same for callers.
#[tokio::test]
async fn callers_of_every_level_agree_and_call() {
    let host = Host::strict().await;
    let _calc = serve(&host, "calc").await;
    let mut caller = host.caller().await;
    for level in 1..=3_i32 {
        for features in [&[][..], &["batch-authorization"], &["teleport"], &["batch-authorization", "teleport"]] {
            for versions in [&[][..], &["1.0"], &["2.0", "1.0"], &["2.0"]] {
                let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
                let opened = caller
                    .open_with(v1::CreateSession {
                        compliance_level: level - 1,
                        optional_features: names(features),
                        supported_versions: names(versions),
                        ..Default::default()
                    })
                    .await;
                if versions == ["2.0"] {
                    assert_eq!(opened.error.unwrap().r#type, "VERSION_MISMATCH");
                    continue;
                }
                assert_eq!((&*opened.negotiated_version, opened.negotiated_level), ("1.0", level.min(2) - 1));
                let has = level > 1 && features.contains(&"batch-authorization");
                assert_eq!(opened.enabled_features.is_empty(), !has, "{level} {features:?}");
                caller.session = opened.session_id;
                caller.still_served().await;
                let answer = caller.call("none", "{}").await;
                let Some(Outcome::Error(error)) = &answer.outcome else { panic!("a refusal") };
                assert_eq!(error.remediation_steps.is_empty() && error.details.is_empty(), level == 1, "{error:?}");
                caller
                    .service()
                    .destroy_session(
                        caller.request(v1::DestroySession { session_id: caller.session.clone(), ..Default::default() }),
                    )
                    .await
                    .unwrap();
            }
        }
    }
    let opened = host.records("session_opened");
    assert!(opened.iter().any(|record| text(record, "detail").contains("level 2 in place of 3")));
    check_log(&host.audit());
}
