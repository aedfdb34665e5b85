//! Values of arguments and results, tokens and keys: where they must never appear.

use std::{collections::HashMap, fs, path::Path};

use grid_proto::{
    adm,
    v1::{self, runtime_frame::Frame as Said},
};
use tokio::task::JoinSet;

use crate::common::{Host, Peer, Setup, answer, check_log, failure, files, refusal, soon};

/// Looked for in every place. Never part of a name that the host may show.
const CANARY: &str = "kanarienvogel";

#[tokio::test]
async fn neither_arguments_nor_results_nor_tokens_are_written_anywhere() {
    let host = Setup::strict().set("log.level=trace").set("log.format=json").start().await;
    let token = host.token("alice", "acme", &["caller"]);
    let mut caller = host.stranger(&token).await;
    let opened = caller
        .open_with(v1::CreateSession {
            metadata: HashMap::from([("note".to_owned(), CANARY.to_owned())]),
            compliance_level: 1,
            ..Default::default()
        })
        .await;
    caller.session = opened.session_id;
    let mut peer = Peer::serving(&host, "calc", &["echo", "fail", "add"]).await;

    let good = v1::ToolCall {
        metadata: HashMap::from([("note".to_owned(), CANARY.to_owned())]),
        trace_context: Some(v1::TraceContext {
            trace_id: "4bf92f3577b34da6a3ce929d0e0e4736".to_owned(),
            span_id: "00f067aa0ba902b7".to_owned(),
            baggage: HashMap::from([("user".to_owned(), CANARY.to_owned())]),
            ..Default::default()
        }),
        ..caller.message("good", "echo", &format!(r#"{{"text": "{CANARY}"}}"#))
    };
    let through = async |message: v1::ToolCall, peer: &mut Peer, result: &dyn Fn(&v1::ToolCall) -> v1::ToolResult| {
        let mut waiting = JoinSet::new();
        let caller = caller.clone();
        waiting.spawn(async move { caller.send(message).await.unwrap() });
        let call = peer.called().await;
        peer.say(Said::Result(result(&call))).await;
        soon("the call is answered", waiting.join_next()).await.unwrap().unwrap()
    };
    through(good, &mut peer, &|call| answer(call, &format!("\"{CANARY}\""))).await;
    // The tool's own error goes to the caller and nowhere else.
    let failed = through(caller.message("failed", "fail", "{}"), &mut peer, &|call| {
        let mut result = answer(call, "");
        let inner = result.result.as_mut().unwrap();
        inner.status = adm::ToolResultStatus::Error.into();
        inner.content = None;
        inner.error = Some(adm::ErrorObject { message: CANARY.to_owned(), r#type: "SOMETHING".to_owned() });
        result
    })
    .await;
    assert_eq!(failure(&failed).message, CANARY);
    // An answer that cannot be used is not shown in pieces.
    let broken = through(caller.message("broken", "fail", "{}"), &mut peer, &|call| {
        answer(call, &format!(r#"{{"{CANARY}": {CANARY}}}"#))
    })
    .await;
    let mut refusals = vec![refusal(&broken).clone()];
    for args in [
        format!(r#"{{"a": "{CANARY}", "b": 1}}"#),
        format!(r#"{{"a": 1, "b": 2}} {CANARY}"#),
        format!(r#"{{"a": {CANARY}, "b": 1}}"#),
        CANARY.to_owned(),
    ] {
        refusals.push(refusal(&caller.call("add", &args).await).clone());
    }
    let bad = caller.with_token(&format!("{CANARY}.{CANARY}.{CANARY}"));
    refusals.push(bad.open_with(v1::CreateSession::default()).await.error.unwrap());
    refusals.push(refusal(&bad.call("add", "{}").await).clone());

    let page = host.get("/metrics").await;
    let audit = bytes_of(&host.folder().join("data/audit"));
    let said = host.said();
    let key = fs::read_to_string(host.folder().join("data/grid-key.pem")).unwrap();
    let private = key.lines().nth(1).unwrap();
    let signature = token.rsplit_once('.').unwrap().1;
    for secret in [CANARY, &token, signature, private] {
        let what: String = secret.chars().take(13).collect();
        assert!(!page.contains(secret), "`{what}` is in the metrics");
        assert!(!said.contains(secret), "`{what}` is in the log lines");
        assert!(!contains(&audit, secret.as_bytes()), "`{what}` is in the audit log");
        assert!(!format!("{refusals:?}").contains(secret), "`{what}` is in a refusal: {refusals:#?}");
    }
    check_log(&host.audit());
}

#[tokio::test]
async fn what_the_operator_reads_is_not_what_the_caller_reads() {
    let host = Host::strict().await;
    let alice = host.caller().await;
    let mut bob = alice.with_token(&host.token("bob", "acme", &["caller"]));
    bob.session.clone_from(&alice.session);
    let answer = bob.call("add", "{}").await;
    let told = format!("{:?}", refusal(&answer));
    assert!(!told.contains("another principal") && !told.contains("alice"), "{told}");
    let refused = host.records("refused");
    assert!(refused[0].to_string().contains("belongs to another principal"), "{refused:?}");
}

#[tokio::test]
#[cfg(unix)]
async fn what_the_host_writes_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let host = Host::strict().await;
    let data = host.folder().join("data");
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&data.join("audit")), 0o700);
    for path in files(&data.join("audit")) {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    host.token("a", "t", &[]);
    assert_eq!(mode(&data.join("grid-key.pem")), 0o600);
}

fn bytes_of(folder: &Path) -> Vec<u8> {
    let bytes: Vec<u8> = files(folder).into_iter().flat_map(|path| fs::read(path).unwrap()).collect();
    assert!(contains(&bytes, b"\"kind\":\"admitted\""), "this is the log");
    bytes
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
