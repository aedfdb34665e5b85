//! R-052: a value that goes in as an argument comes out nowhere but at its tool. Over real processes, with files, traces
//! and every form of a value, the same is in `tests/e2e/tests/it/canaries.rs`.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use grid_core::{Refusal, outcome::CallAnswer, runtime::Ending};
use grid_metrics::Glance;
use grid_testkit::until;
use tracing_subscriber::fmt::{MakeWriter, format::FmtSpan};

use super::desk::{ask, failure, strict, success};

const CANARY: &str = "canary-5f2c91";
/// A name that no contract declares. Its caller is told which of its arguments is wrong; nobody else is.
const KEY: &str = "key-81d4a7";

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Lines {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

fn told(refusal: &Refusal) -> String {
    format!("{refusal} {refusal:?} {:?} {:?} {:?}", refusal.details(), refusal.internal(), refusal.context())
}

fn refused(ended: Result<CallAnswer, Refusal>) -> String {
    told(&ended.expect_err("a refusal"))
}

#[tokio::test]
async fn the_value_of_an_argument_is_told_nowhere() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .with_writer(lines.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let plain = desk.token("agent", "demo", &[]);
    let runtime = desk.seated("calc", &["text", "send"]);
    let args = format!(r#"{{"t":"{CANARY}"}}"#);
    let mail = format!(r#"{{"to":"{CANARY}"}}"#);

    let mut told = Vec::new();
    let content = format!(r#"{{"echo":"{CANARY}"}}"#);
    let answer = desk.ended(&agent, ask(&session, "success", "text", &args), &runtime, success(&content)).await;
    assert!(answer.is_ok());
    desk.call(&agent, ask(&session, "success", "text", &args)).await.unwrap();
    let error = failure(&format!("cannot do {CANARY}"));
    assert!(desk.ended(&agent, ask(&session, "tool-error", "text", &args), &runtime, error).await.is_ok());

    for (id, bad) in [
        ("schema-1", format!(r#"{{"t":["{CANARY}"]}}"#)),
        ("schema-2", format!(r#"{{"size":"{CANARY}"}}"#)),
        ("schema-3", format!(r#"{{"other":"{CANARY}"}}"#)),
        ("schema-4", format!(r#""{CANARY}""#)),
        ("syntax-1", format!(r#"{{"t":"{CANARY}"#)),
        ("syntax-2", format!(r#"{{"t":"{CANARY}","t":"{CANARY}"}}"#)),
        ("syntax-3", CANARY.to_owned()),
    ] {
        told.push(refused(desk.call(&agent, ask(&session, id, "text", &bad)).await));
    }
    for (id, named) in [
        ("name-1", format!(r#"{{"{KEY}":1}}"#)),
        ("name-2", format!(r#"{{"t":{{"{KEY}":1}}}}"#)),
        ("name-3", format!(r#"{{"{KEY}":1,"{KEY}":2}}"#)),
    ] {
        refused(desk.call(&agent, ask(&session, id, "text", &named)).await);
    }
    let named = success(&format!(r#"{{"{KEY}":1,"{KEY}":2}}"#));
    told.push(refused(desk.ended(&agent, ask(&session, "name-4", "text", "{}"), &runtime, named).await));
    tokio::time::pause();
    told.push(refused(desk.call(&agent, ask(&session, "timeout", "text", &args)).await));
    tokio::time::resume();
    told.push(refused(desk.call(&plain, ask(&session, "denied", "text", &args)).await));
    told.push(refused(desk.call(&agent, ask(&session, "unknown", "nothing", &args)).await));
    told.push(refused(desk.call(&agent, ask(&session, "nobody", "look", &args)).await));
    told.push(refused(desk.call(&agent, ask("s-1", "no-session", "text", &args)).await));
    told.push(refused(desk.call(&agent, ask(&session, "success", "text", &args.replace("5f", "6f"))).await));
    let crashed = Ending::Crashed("gone".to_owned());
    told.push(refused(desk.ended(&agent, ask(&session, "crash", "send", &mail), &runtime, crashed).await));
    told.push(refused(desk.call(&agent, ask(&session, "crash", "send", &mail)).await));
    let garbage = success(&format!("{{{CANARY}"));
    told.push(refused(desk.ended(&agent, ask(&session, "garbage", "text", &args), &runtime, garbage).await));
    let call = desk.begin(&agent, ask(&session, "cancelled", "text", &args));
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert!(desk.cancel(&agent, &session, "cancelled").await.unwrap());
    told.push(refused(call.await.unwrap()));

    let with_it = runtime.calls().iter().filter(|call| call.args.contains(CANARY)).count();
    assert_eq!(with_it + 1, runtime.calls().len(), "the tool itself has it");
    let log = String::from_utf8_lossy(&desk.log.disk.bytes()).into_owned();
    let lines = lines.text();
    assert!(log.contains("timeout") && log.contains("string(13)"), "the log holds these calls");
    assert!(lines.contains("a call was not answered by its tool") && lines.contains("stage"), "lines were caught");
    for told in told {
        assert!(!told.contains(CANARY), "a refusal tells it: {told}");
    }
    let metrics = desk.host().metrics.render(&Glance::default());
    for secret in [CANARY, KEY] {
        assert!(!log.contains(secret), "the log tells it");
        assert!(!metrics.contains(secret), "the metrics tell it: {metrics}");
        let told = lines.lines().find(|line| line.contains(secret));
        assert_eq!(told, None, "a line tells it");
    }
}

#[tokio::test]
async fn a_token_is_told_nowhere() {
    let lines = Lines::default();
    let subscriber =
        tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE).with_writer(lines.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut forged = agent.clone();
    forged.bearer = forged.bearer.map(|token| format!("{token}x"));
    let refusal = told(&desk.call(&forged, ask(&session, "k", "text", "{}")).await.unwrap_err());
    desk.host().sweep().await;
    let secret = agent.bearer.clone().unwrap();
    let log = String::from_utf8_lossy(&desk.log.disk.bytes()).into_owned();
    assert!(!refusal.contains(&secret) && !log.contains(&secret) && !lines.text().contains(&secret));
    assert!(!format!("{agent:?}").contains(&secret));
}
