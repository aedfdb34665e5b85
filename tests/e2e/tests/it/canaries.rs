//! Values of arguments, results, errors, metadata and tokens are planted a thousand times, and then looked for wherever
//! the host writes or answers: no file, line, trace, metric or refusal has one, in whatever form (AUD-10, R-052).

use std::{collections::HashMap, fs, time::Duration};

use grid_proto::{
    adm,
    v1::{self, call_tool_response::Outcome, host_frame::Frame as Heard, runtime_frame::Frame as Said},
};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::common::{
    Caller, Collector, Form, Host, Peer, Setup, announcement, answer, assert_clean, assert_clean_files, check_log,
    forms_of_number, forms_of_text, kind, until,
};

/// Begins every text that is planted. Never part of a name that the host may show.
const STEM: &str = "kanarienvogel";
/// Begins every name of an argument that is planted. A caller is told which of its own arguments is wrong; nobody else is.
const KEY: &str = "schluesselblume";
/// Is every number that is planted.
const NUMBER: u64 = 7_310_598_264_193;
/// Of each way in which a call can end.
const ROUNDS: usize = 84;
/// Those whose answer the caller may read the value in, for it is its own.
const ANSWERED: [&str; 2] = ["success", "failed"];
const ENDINGS: [&str; 11] = [
    "success",
    "failed",
    "garbage",
    "crashed",
    "cancelled",
    "denied",
    "unknown",
    "strange",
    "schema",
    "syntax",
    "repeat",
];

/// Arguments that have a value at the place of the round: a text, a key, deep within, a number, behind escapes.
fn arguments(round: usize, canary: &str) -> String {
    match round % 5 {
        0 => format!(r#"{{"text": "{canary}"}}"#),
        1 => format!(r#"{{"text": "x", "{KEY}-{round}": {NUMBER}}}"#),
        2 => format!(r#"{{"text": "x", "deep": [{{"{KEY}-{round}": [{NUMBER}.5, "{canary}"]}}]}}"#),
        3 => format!(r#"{{"text": "{NUMBER} {canary}"}}"#),
        _ => format!(r#"{{"text": "\u006b{}"}}"#, &canary[1..]),
    }
}

/// What no contract takes, or no JSON is.
fn unusable(ending: &str, round: usize, canary: &str) -> String {
    match (ending, round % 5) {
        ("schema", 0) => format!(r#"{{"text": ["{canary}"]}}"#),
        ("schema", 1) => format!(r#"{{"text": {{"{KEY}-{round}": {NUMBER}}}}}"#),
        ("schema", 2) => format!(r#"{{"text": {NUMBER}}}"#),
        ("schema", 3) => format!(r#""{canary}""#),
        ("schema", _) => format!(r#"["{canary}", {NUMBER}]"#),
        (_, 0) => format!(r#"{{"text": "{canary}""#),
        (_, 1) => format!(r#"{{"text": {canary}}}"#),
        (_, 2) => format!(r#"{{"{KEY}": "{canary}", "{KEY}": 2}}"#),
        (_, 3) => canary.to_owned(),
        _ => format!(r#"{{"text": "x"}} {canary} {NUMBER}"#),
    }
}

/// One call, from somebody who tells the host in every field that is not a name.
async fn call(caller: Caller, ending: &'static str, round: usize) -> (&'static str, v1::CallToolResponse) {
    let canary = format!("{STEM}-{ending}-{round}");
    let (name, args) = match ending {
        "schema" | "syntax" => ("echo", unusable(ending, round, &canary)),
        "crashed" => ("write", arguments(round, &canary)),
        "denied" => ("open_vault", arguments(round, &canary)),
        "unknown" => ("no_such_tool", arguments(round, &canary)),
        _ => ("echo", arguments(round, &canary)),
    };
    let metadata = || HashMap::from([("note".to_owned(), canary.clone()), (canary.clone(), NUMBER.to_string())]);
    let mut message = v1::ToolCall {
        metadata: metadata(),
        trace_context: Some(v1::TraceContext {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            trace_flags: 1,
            baggage: metadata(),
            ..Default::default()
        }),
        ..caller.message(&format!("{ending}-{round}"), name, &args)
    };
    match ending {
        "late" => message.deadline_unix_ms = soon_ms(),
        "strange" => message.session_id = "s-00000000000000000000000000000000".to_owned(),
        "repeat" => drop(caller.send(caller.message(&format!("repeat-{round}"), "echo", "{}")).await.unwrap()),
        _ => {}
    }
    let sent = caller.send(message);
    if ending == "cancelled" {
        let call_id = format!("{ending}-{round}");
        tokio::pin!(sent);
        loop {
            tokio::select! {
                answer = &mut sent => return (ending, answer.unwrap()),
                _ = caller.cancel(&call_id) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
    (ending, sent.await.unwrap())
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a time of the clock that host and caller share")]
fn soon_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from((since + Duration::from_secs(1)).as_millis()).unwrap()
}

/// Answers as the call's id says, and then tells what it heard of the host's own words.
async fn play(mut peer: Peer) -> String {
    let (mut told, mut waiting) = (String::new(), HashMap::new());
    while let Some(frame) = peer.hear().await {
        match frame {
            Heard::Call(call) => {
                let id = call.call.as_ref().unwrap().call_id.clone();
                let canary = format!("{STEM}-result-{id}");
                match id.split('-').next().unwrap() {
                    "success" | "repeat" => peer.say(Said::Result(answer(&call, &format!(r#""{canary}""#)))).await,
                    "garbage" => peer.say(Said::Result(answer(&call, &garbage(&id, &canary)))).await,
                    "failed" => peer.say(Said::Result(failing(&call, &canary))).await,
                    _ => drop(waiting.insert(call.invocation_id.clone(), (call, canary))),
                }
            }
            // What comes after its call has ended, and what was never asked for.
            Heard::Cancel(cancel) => {
                let Some((call, canary)) = waiting.remove(&cancel.invocation_id) else { continue };
                peer.say(Said::Result(answer(&call, &format!(r#""{canary}""#)))).await;
                let mut invented = answer(&call, &format!(r#""{canary}""#));
                invented.invocation_id = "i-00000000000000000000000000000000".to_owned();
                peer.say(Said::Result(invented)).await;
            }
            Heard::Error(error) => told.push_str(&format!("{error:?}\n")),
            Heard::Bye(_) => return told,
            _ => {}
        }
    }
    told
}

/// A result that no program can read, in one way or the other.
fn garbage(id: &str, canary: &str) -> String {
    if id.ends_with(['0', '5']) {
        return format!(r#"{{"{KEY}": "{canary}", "{KEY}": {NUMBER}}}"#);
    }
    format!(r#"{{"{canary}": {canary}}}"#)
}

fn failing(call: &v1::ToolCall, canary: &str) -> v1::ToolResult {
    let mut result = answer(call, "");
    let inner = result.result.as_mut().unwrap();
    inner.status = adm::ToolResultStatus::Error.into();
    inner.content = None;
    inner.error = Some(adm::ErrorObject { message: format!("{canary} {NUMBER}"), r#type: "SOMETHING".to_owned() });
    result
}

/// A runtime that tells the host more than it has to, and goes when it has so many calls.
async fn crash(host: &Host, token: String, calls: usize) {
    let mut peer = Peer::open(host, &token).await;
    let metadata = HashMap::from([("note".to_owned(), format!("{STEM}-announced"))]);
    let answer = peer.announce(v1::AnnounceRuntime { metadata, ..announcement("crash") }).await;
    assert_eq!(answer.error, None);
    peer.fulfil(&["write"]).await;
    for _ in 0..calls {
        peer.called().await;
    }
}

/// Tokens, headers and bytes that are not what they should be; gives what the host says to them.
async fn bad_proofs(host: &Host, caller: &Caller) -> Vec<String> {
    let mut told = Vec::new();
    for header in [
        format!("Bearer {STEM}.{STEM}.{STEM}"),
        format!("Bearer {STEM}"),
        format!("Basic {STEM}"),
        format!("{STEM} {NUMBER}"),
    ] {
        let stranger = caller.with_header(&header);
        told.push(format!("{:?}", stranger.open_with(v1::CreateSession::default()).await));
        told.push(format!("{:?}", stranger.call("add", "{}").await));
    }
    let text = format!("{STEM} {NUMBER}");
    for bytes in
        [text.as_bytes(), &[&[0x1a, 0xff, 0x01], text.as_bytes()].concat(), &[&[0x22, 24], text.as_bytes()].concat()]
    {
        told.push(format!("{:?}", caller.send_bytes(bytes).await));
    }
    told.push(host.get(&format!("/{STEM}?{STEM}={NUMBER}")).await);
    told
}

/// What operators and auditors are shown of it.
fn shown(host: &Host) -> Vec<String> {
    host.token_file("operator", "acme", &["grid_admin"]);
    let operator = [("GRID_TOKEN_FILE", "operator.token")];
    let mut shown = Vec::new();
    for command in [
        &["sessions", "--json"][..],
        &["runtimes", "--json"],
        &["audit", "tail", "-n", "1000000"],
        &["audit", "export", "--format", "jsonl"],
        &["audit", "export", "--format", "ocsf"],
        &["audit", "export", "--format", "cef"],
        &["audit", "export", "--format", "csv"],
        &["audit", "report", "--html", "report.html"],
        &["audit", "report", "--json"],
    ] {
        let ended = host.grid_with(command, &operator);
        assert_eq!(ended.code, 0, "{ended:?}");
        shown.push(ended.out + &ended.err);
    }
    fs::remove_file(host.folder().join("operator.token")).unwrap();
    shown
}

/// A host that says and sends as much as it can.
async fn talkative(collector: &Collector) -> (Host, Caller, String) {
    let setup = Setup::strict().set("log.level=trace").set("log.format=json").set("export.file=export.jsonl");
    // Every call reaches its runtime, however many failed before it.
    let setup =
        setup.environment("RUST_LOG", "trace").environment("RUST_BACKTRACE", "full").set("breaker.enabled=false");
    let host = setup.set(&format!("telemetry.otlp_endpoint={}", collector.endpoint)).start().await;
    let token = host.token("alice", "acme", &["caller"]);
    let mut caller = host.stranger(&token).await;
    let metadata = HashMap::from([("note".to_owned(), format!("{STEM}-session"))]);
    let opened = caller.open_with(v1::CreateSession { metadata, compliance_level: 2, ..Default::default() }).await;
    caller.session = opened.session_id;
    (host, caller, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_planted_value_is_written_or_told_anywhere() {
    let collector = Collector::start().await;
    let (mut host, caller, token) = talkative(&collector).await;
    let peer = Peer::serving(&host, "calc", &["echo", "add"]).await;
    let mut runtime = JoinSet::new();
    runtime.spawn(play(peer));
    let crashing = host.runtime_token("crash");
    // Some of the arguments are refused, and calls that come when it has gone find nobody.
    let crash = crash(&host, crashing.clone(), ROUNDS * 3 / 5);
    let mut calls = JoinSet::new();
    let ended = async {
        host.serves("write").await;
        // Those first that have little time.
        let late =
            (0..ROUNDS).map(|round| call(caller.clone(), "late", round)).collect::<JoinSet<_>>().join_all().await;
        for ending in ENDINGS {
            (0..ROUNDS).for_each(|round| drop(calls.spawn(call(caller.clone(), ending, round))));
        }
        [late, calls.join_all().await].concat()
    };
    let (ended, ()) = tokio::join!(ended, crash);
    assert_eq!(ended.len(), (ENDINGS.len() + 1) * ROUNDS);
    let mut answers = bad_proofs(&host, &caller).await;
    for (ending, answer) in &ended {
        match &answer.outcome {
            Some(Outcome::Result(_)) => assert!(ANSWERED.contains(ending), "{ending}: {answer:?}"),
            Some(Outcome::Error(_)) => answers.push(format!("{answer:?}")),
            Some(Outcome::Streamed(_)) | None => panic!("no outcome: {answer:?}"),
        }
    }
    let mut told = vec![host.get("/metrics").await, host.get("/readyz").await];
    told.extend(shown(&host));
    let late = || host.records("late_result").len() >= ROUNDS / 2;
    until("what came late is on record", async || late().then_some(())).await;
    let log = host.audit();
    assert_eq!(host.stop().await, Some(0));
    answers.push(runtime.join_next().await.unwrap().unwrap());

    // There is something to look at.
    for (what, least) in
        [("concluded", 3 * ROUNDS), ("refused", 5 * ROUNDS), ("late_result", ROUNDS / 2), ("violation", ROUNDS / 2)]
    {
        let found = log.iter().filter(|record| kind(record) == what).count();
        assert!(found >= least, "{found} × {what}");
    }
    let traces = collector.bytes();
    assert!(String::from_utf8_lossy(&traces).contains("dispatch"), "{} bytes of traces", traces.len());
    assert!(host.said().lines().filter(|line| line.contains("TRACE")).count() > 100, "lines were written");

    let mut forms = [forms_of_text(STEM), forms_of_number(NUMBER)].concat();
    let key = fs::read_to_string(host.folder().join("data/grid-key.pem")).unwrap();
    let signing = fs::read_to_string(host.folder().join("audit.key")).unwrap();
    for secret in [token.as_str(), token.rsplit_once('.').unwrap().1, crashing.rsplit_once('.').unwrap().1] {
        forms.extend(forms_of_text(secret));
    }
    let private = [key.lines().nth(1).unwrap(), signing.trim().rsplit_once('+').unwrap().1];
    private.iter().for_each(|private| forms.extend(forms_of_text(private)));
    for answer in &answers {
        assert_clean("an answer", answer.as_bytes(), &forms);
    }
    forms.extend(forms_of_text(KEY));
    nowhere(&host, &told, &traces, &forms);
    check_log(&log);
}

fn nowhere(host: &Host, told: &[String], traces: &[u8], forms: &[Form]) {
    for told in told {
        assert_clean("what operators are told", told.as_bytes(), forms);
    }
    assert_clean("the traces", traces, forms);
    assert_clean_files(host.folder(), forms, &["data/grid-key.pem", "audit.key"]);
    let exported = fs::read_to_string(host.folder().join("export.jsonl")).unwrap();
    assert!(exported.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()) && exported.contains("concluded"));
}
