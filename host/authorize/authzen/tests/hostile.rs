//! A decision point that answers well, badly, late or never.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test stops at what it did not expect")]

use std::{collections::BTreeMap, fs, sync::Arc, time::Duration};

use grid_authzen::{Authzen, Setup};
use grid_core::{
    id::SessionId,
    port::{Authorizer as _, Question, SessionFacts, Undecided, Verdict},
    principal::SecurityContext,
};
use grid_testkit::principal;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};
use tokio_util::task::TaskTracker;

const PATIENCE: Duration = Duration::from_secs(5);

/// Answers every request with these bytes, and hands on what it was asked.
struct Point {
    url: String,
    asked: mpsc::Receiver<String>,
    connections: mpsc::Receiver<()>,
}

async fn point(reply: impl Into<Vec<u8>>) -> Point {
    let reply: Arc<[u8]> = reply.into().into();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (told, asked) = mpsc::channel(256);
    let (connected, connections) = mpsc::channel(256);
    let tasks = TaskTracker::new();
    let each = tasks.clone();
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever listened has seen enough.
            let _ = connected.try_send(());
            each.spawn(serve(stream, Arc::clone(&reply), told.clone()));
        }
    });
    Point { url, asked, connections }
}

async fn serve(mut stream: TcpStream, reply: Arc<[u8]>, told: mpsc::Sender<String>) {
    while let Some(request) = request(&mut stream).await {
        let _ = told.try_send(request);
        if reply.is_empty() {
            std::future::pending::<()>().await;
        }
        if stream.write_all(&reply).await.is_err() {
            return;
        }
    }
}

/// One request, head and body.
async fn request(stream: &mut TcpStream) -> Option<String> {
    let mut text = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.ok().filter(|read| *read > 0)?;
        text.extend_from_slice(&part[..read]);
        let got = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = got.split_once("\r\n\r\n") else { continue };
        let length = head
            .to_lowercase()
            .split_once("content-length: ")
            .map_or(0, |(_, rest)| rest.split("\r\n").next().unwrap().parse::<usize>().unwrap());
        if body.len() >= length {
            return Some(got);
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn setup(url: &str) -> Setup<'_> {
    Setup { url, token_file: None, ca_file: None, timeout: PATIENCE, args: false }
}

async fn ask(setup: &Setup<'_>, args: Option<&str>) -> Result<Verdict, Undecided> {
    let authzen = Authzen::new(setup).unwrap();
    decide(&authzen, args).await
}

async fn decide(authzen: &Authzen, args: Option<&str>) -> Result<Verdict, Undecided> {
    let context = SecurityContext { principal: principal("agent", "demo", &["a", "b"]), claim: None };
    let (metadata, roles) = (BTreeMap::from([("desk".to_owned(), "7".to_owned())]), vec!["a".to_owned()]);
    let question = Question {
        context: &context,
        tool: "sum",
        group: "calc",
        contract: [0xa5; 32],
        version: "1",
        required_roles: &roles,
        effect: "pure",
        tags: &[],
        classification: "",
        providers: None,
        dynamic: false,
        session: SessionFacts { id: SessionId::mint(), created_at_ms: 5, metadata: &metadata },
        local: true,
        now_ms: 9,
        args,
    };
    authzen.decide(question).await
}

#[tokio::test]
async fn true_permits_and_false_denies() {
    let yes = point(ok(r#"{"decision": true, "context": {"reason": "x"}}"#)).await;
    assert!(matches!(ask(&setup(&yes.url), None).await, Ok(Verdict::Allow { .. })));
    let no = point(ok(r#"{"decision": false}"#)).await;
    assert!(matches!(ask(&setup(&no.url), None).await, Ok(Verdict::Deny { .. })));
}

#[tokio::test]
async fn nothing_but_a_plain_true_permits() {
    let long = format!(r#"{{"decision": true, "pad": "{}"}}"#, "x".repeat(70_000));
    let redirect = point(ok(r#"{"decision": true}"#)).await;
    let moved =
        format!("HTTP/1.1 307 Moved\r\nlocation: {}/access/v1/evaluation\r\ncontent-length: 0\r\n\r\n", redirect.url);
    let status = |line: &str| ok(r#"{"decision": true}"#).replace("200 OK", line);
    let replies = [
        ok(r#"{"decision": "true"}"#),
        ok(r#"{"decision": 1}"#),
        ok(r#"{"decision": null}"#),
        ok(r#"{"decision": [true]}"#),
        ok(r#"{"Decision": true}"#),
        ok(r#"{"decision": true, "decision": false}"#),
        ok(r#"{"decision": false, "decision": true}"#),
        ok(r#"{"decision": true} {"decision": true}"#),
        ok(r#"{"decision": true"#),
        ok(r#"[{"decision": true}]"#),
        ok(r#"{"evaluations": [{"decision": true}]}"#),
        ok("true"),
        ok(""),
        ok(&long),
        ok(&format!("{}{}", "[".repeat(100), "]".repeat(100))),
        ok(r#"{"decision": true}"#).replace("application/json", "text/html"),
        ok(r#"{"decision": true}"#).replace("content-type: application/json\r\n", ""),
        status("201 Created"),
        status("400 Bad Request"),
        status("401 Unauthorized"),
        status("500 Oops"),
        moved,
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        "garbage".repeat(100),
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_owned(),
    ];
    for reply in replies {
        let point = point(reply.clone()).await;
        let answer = ask(&setup(&point.url), None).await;
        assert!(answer.is_err(), "{answer:?} came of {:?}", reply.chars().take(200).collect::<String>());
    }
    let mut redirected = redirect.connections;
    assert!(redirected.try_recv().is_err(), "a redirect was followed");
}

#[tokio::test]
async fn half_an_answer_and_none_at_all_deny_when_the_time_is_over() {
    let half = ok(r#"{"decision": true}"#);
    let silent = [half[..half.len() - 3].to_owned(), half[..20].to_owned(), String::new()];
    for reply in silent {
        let point = point(reply).await;
        let soon = Setup { timeout: Duration::from_millis(50), ..setup(&point.url) };
        let Err(Undecided(why)) = ask(&soon, None).await else { panic!("half an answer was one") };
        assert!(why.contains("in time"), "{why}");
    }
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    assert!(ask(&setup(&nobody), None).await.is_err(), "nobody is there");
}

#[tokio::test]
async fn the_question_says_who_wants_what_and_the_token_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("token");
    fs::write(&token, "s3cret\n").unwrap();
    let mut point = point(ok(r#"{"decision": true}"#)).await;
    let with = Setup { token_file: Some(&token), ..setup(&point.url) };
    let authzen = Authzen::new(&with).unwrap();
    assert!(!format!("{authzen:?} {with:?}").contains("s3cret"));
    decide(&authzen, Some(r#"{"n": 1}"#)).await.unwrap();
    let asked = point.asked.recv().await.unwrap();
    assert!(asked.starts_with("POST /access/v1/evaluation HTTP/1.1\r\n"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: bearer s3cret\r\n"), "{asked}");
    let body: serde_json::Value = serde_json::from_str(asked.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["subject"]["id"], "agent");
    assert_eq!(body["subject"]["properties"]["tenant"], "demo");
    assert_eq!(body["subject"]["properties"]["roles"], serde_json::json!(["a", "b"]));
    assert_eq!((&body["action"]["name"], &body["action"]["properties"]["local"]), (&"call".into(), &true.into()));
    assert_eq!((&body["resource"]["type"], &body["resource"]["id"]), (&"tool".into(), &"sum".into()));
    assert_eq!(body["context"]["session"]["metadata"]["desk"], "7");
    assert_eq!(body["context"].get("args"), None, "arguments were sent unasked");
    assert!(!authzen.reads("sum").args);
}

#[tokio::test]
async fn with_arguments_it_is_asked_when_they_are_known() {
    let mut point = point(ok(r#"{"decision": false}"#)).await;
    let with = Setup { args: true, ..setup(&point.url) };
    let authzen = Authzen::new(&with).unwrap();
    assert!(authzen.reads("sum").args);
    assert!(matches!(decide(&authzen, None).await, Ok(Verdict::Allow { .. })), "some arguments may be permitted");
    assert!(point.asked.try_recv().is_err(), "it was asked too early");
    assert!(matches!(decide(&authzen, Some(r#"{"n":12345678901234567}"#)).await, Ok(Verdict::Deny { .. })));
    assert!(point.asked.recv().await.unwrap().contains(r#""args":{"n":12345678901234567}"#));
}

#[tokio::test]
async fn connections_are_used_again() {
    let mut point = point(ok(r#"{"decision": true}"#)).await;
    let with = setup(&point.url);
    let authzen = Authzen::new(&with).unwrap();
    for _ in 0..20 {
        decide(&authzen, None).await.unwrap();
    }
    point.connections.recv().await.unwrap();
    let further = std::iter::from_fn(|| point.connections.try_recv().ok()).count();
    assert!(further < 5, "{further} further connections for 20 questions");
}

#[test]
fn what_cannot_be_asked_safely_is_refused_at_the_start() {
    for bad in [
        "http://pdp.example",
        "ftp://localhost",
        "localhost",
        "",
        "https://user@pdp.example",
        "https://pdp.example/?q=1",
    ] {
        assert!(Authzen::new(&setup(bad)).is_err(), "{bad}");
    }
    for good in ["http://localhost:1", "http://[::1]:1/", "http://127.0.0.1:1/pdp"] {
        assert!(Authzen::new(&setup(good)).is_ok(), "{good}");
    }
    let dir = tempfile::tempdir().unwrap();
    let (empty, missing) = (dir.path().join("empty"), dir.path().join("missing"));
    fs::write(&empty, "\n").unwrap();
    for file in [&empty, &missing] {
        assert!(Authzen::new(&Setup { token_file: Some(file), ..setup("http://localhost:1") }).is_err());
        assert!(Authzen::new(&Setup { ca_file: Some(file), ..setup("https://localhost:1") }).is_err());
    }
}
