//! Calls from within calls, beside all else that goes up a runtime's one stream.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

#[cfg(test)]
mod support;

use std::collections::HashSet;

use grid_proto::v1::host_frame::Frame as Says;
use grid_proto::v1::runtime_frame::Frame as Heard;
use grid_proto::{adm, v1};
use grid_sdk::{Context, Emitter, Phase, Runtime, ToolError, tool};
use support::{Host, Peer, outcome, success};
use tokio::task::JoinSet;

fn here() -> Result<(Emitter, Context), ToolError> {
    Emitter::current().zip(Context::current()).ok_or_else(|| ToolError::new("NO_CALL", "there is no call"))
}

fn failed(error: grid_sdk::Error) -> ToolError {
    ToolError::new("INNER", error.to_string())
}

/// Sends a piece, says how far it is, sends what another tool answers.
#[tool]
async fn mixed(of: u32) -> Result<(), ToolError> {
    let (emitter, context) = here()?;
    emitter.item(&"first").await?;
    emitter.progress(0.5, "half");
    let inner: u32 = context.call("double", Double { of }).await.and_then(|answer| answer.json()).map_err(failed)?;
    emitter.item(&inner).await?;
    emitter.finish_items().await
}

/// The same on a thread.
#[tool]
fn mixed_on_a_thread(of: u32) -> Result<(), ToolError> {
    let (emitter, context) = here()?;
    emitter.send_blocking("[\"first\"")?;
    emitter.progress(0.5, "half");
    let inner: u32 = context.call_blocking("double", Double { of }).and_then(|answer| answer.json()).map_err(failed)?;
    emitter.send_blocking(format!(",{inner}]"))
}

/// Makes many calls at once and waits for the first answer only.
#[tool]
async fn first_of(many: u32) -> Result<u32, ToolError> {
    let (_, context) = here()?;
    let mut asked = JoinSet::new();
    for of in 0..many {
        let context = context.clone();
        asked.spawn(async move { context.call("double", Double { of }).await.and_then(|answer| answer.json::<u32>()) });
    }
    let first = asked.join_next().await.ok_or_else(|| ToolError::new("NONE", "nothing was asked"))?;
    first.map_err(|_| ToolError::new("NONE", "it ended"))?.map_err(failed)
}

#[derive(serde::Serialize)]
struct Double {
    of: u32,
}

struct Scene {
    peer: Peer,
    _host: Host,
    _running: JoinSet<()>,
}

/// A runtime that serves them all, to a host that takes all that it offers.
async fn scene() -> Scene {
    let mut host = Host::start().await;
    let builder = Runtime::builder().runtime_id("r1").token("abc.def").endpoint(&host.endpoint);
    let builder = builder.on("mixed", Phase::Health, || async { Err("half of it".to_owned()) });
    let runtime = builder.tool(mixed).tool(mixed_on_a_thread).tool(first_of).build().unwrap();
    let mut running = JoinSet::new();
    running.spawn(async move { drop(runtime.run_until(std::future::pending()).await) });
    let mut peer = host.attached().await;
    peer.welcome_streaming(Some("40000")).await;
    peer.accept_all().await;
    Scene { peer, _host: host, _running: running }
}

impl Scene {
    async fn call(&self, name: &str, args: &str, streaming: bool) {
        let call = adm::FunctionCall { call_id: "k".into(), name: name.into(), args: args.into() };
        let (invocation_id, correlation_id) = ("i1".to_owned(), "w1".to_owned());
        let call = v1::ToolCall { invocation_id, correlation_id, call: Some(call), streaming, ..Default::default() };
        self.peer.say(Says::Call(call)).await;
    }

    async fn answer(&self, call: &v1::ToolCall, content: &str) {
        let function = call.call.clone().unwrap();
        self.peer
            .say(Says::Answer(Box::new(v1::CallToolResponse {
                call_id: function.call_id.clone(),
                parent_invocation_id: call.parent_invocation_id.clone(),
                ..success(&function.call_id, &function.name, content)
            })))
            .await;
    }
}

#[tokio::test]
async fn a_tool_that_streams_and_tells_how_far_it_is_calls_another() {
    for name in ["mixed", "mixed_on_a_thread"] {
        let mut scene = scene().await;
        scene.call(name, r#"{"of":21}"#, true).await;
        let (mut bytes, mut progress, mut reports) = (Vec::new(), 0, 0);
        let end = loop {
            match scene.peer.hear().await {
                Some(Heard::Chunk(chunk)) if chunk.is_final => break chunk,
                Some(Heard::Chunk(chunk)) => bytes.extend(chunk.payload),
                Some(Heard::Progress(said)) => {
                    assert_eq!((said.invocation_id.as_str(), said.message.as_str()), ("i1", "half"));
                    progress += 1;
                }
                Some(Heard::Call(call)) => {
                    let function = call.call.clone().unwrap();
                    assert_eq!((function.name.as_str(), function.args.as_str()), ("double", r#"{"of":21}"#));
                    assert_eq!((call.parent_invocation_id.as_str(), call.correlation_id.as_str()), ("i1", "w1"));
                    // While the tool waits, the host asks how the runtime is.
                    let (tool, phase) = ("mixed".to_owned(), v1::lifecycle::Phase::Health.into());
                    let ask = v1::Lifecycle { sequence: 7, phase, tool, correlation_id: "swap".to_owned() };
                    scene.peer.say(Says::Lifecycle(ask)).await;
                    let mut early = Vec::new();
                    loop {
                        match scene.peer.hear().await {
                            Some(Heard::Lifecycle(report)) => {
                                assert_eq!((report.sequence, report.message.as_str()), (7, "half of it"));
                                reports += 1;
                                break;
                            }
                            Some(Heard::Chunk(chunk)) => early.extend(chunk.payload),
                            Some(Heard::Progress(_)) => progress += 1,
                            other => panic!("{other:?}"),
                        }
                    }
                    bytes.extend(early);
                    scene.answer(&call, "42").await;
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(end.error, None, "{name}");
        assert_eq!(String::from_utf8(bytes).unwrap(), r#"["first",42]"#, "{name}");
        assert_eq!((progress, reports), (1, 1), "{name}");
    }
}

#[tokio::test]
async fn without_a_stream_the_same_is_one_result_and_a_fault_of_the_inner_call_its_error() {
    for name in ["mixed", "mixed_on_a_thread"] {
        let mut scene = scene().await;
        for fails in [false, true] {
            scene.call(name, r#"{"of":21}"#, false).await;
            let result = loop {
                match scene.peer.hear().await {
                    Some(Heard::Result(result)) => break result.result.unwrap(),
                    Some(Heard::Progress(_)) => {}
                    Some(Heard::Call(call)) if !fails => scene.answer(&call, "42").await,
                    Some(Heard::Call(call)) => {
                        let function = call.call.clone().unwrap();
                        let error = adm::ErrorObject { message: "no room".into(), r#type: "DISK_FULL".into() };
                        let answer = v1::CallToolResponse {
                            call_id: function.call_id.clone(),
                            parent_invocation_id: call.parent_invocation_id,
                            ..outcome(adm::ToolResult {
                                call_id: function.call_id,
                                name: function.name,
                                status: adm::ToolResultStatus::Error.into(),
                                content: None,
                                error: Some(error),
                            })
                        };
                        scene.peer.say(Says::Answer(Box::new(answer))).await;
                    }
                    other => panic!("{other:?}"),
                }
            };
            match fails {
                false => assert_eq!(result.content.as_deref(), Some(r#"["first",42]"#), "{name}"),
                true => {
                    let error = result.error.unwrap();
                    assert_eq!(error.r#type, "INNER", "{name}");
                    assert!(error.message.contains("no room"), "{}", error.message);
                }
            }
        }
    }
}

#[tokio::test]
async fn more_calls_at_once_than_may_wait_are_all_made_and_each_that_nobody_awaits_is_taken_back() {
    const MANY: usize = 500;
    let mut scene = scene().await;
    scene.call("first_of", r#"{"many":500}"#, false).await;
    let mut open = HashSet::new();
    let mut last = None;
    while open.len() < MANY {
        let Some(Heard::Call(call)) = scene.peer.hear().await else { panic!("only calls so far") };
        assert!(open.insert(call.call.clone().unwrap().call_id));
        last = Some(call);
    }
    let last = last.unwrap();
    scene.answer(&last, "7").await;
    open.remove(&last.call.unwrap().call_id);
    let mut content = None;
    while !open.is_empty() || content.is_none() {
        match scene.peer.hear().await {
            Some(Heard::CancelCall(cancel)) => {
                assert_eq!(cancel.parent_invocation_id, "i1");
                assert!(open.remove(&cancel.call_id), "{} was not open", cancel.call_id);
            }
            Some(Heard::Result(result)) => content = result.result.unwrap().content,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(content.as_deref(), Some("7"));
}
