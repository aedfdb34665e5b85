//! What callers may send by mistake or on purpose. Each is refused with its code, and afterwards the same connection
//! and the host still serve.

use std::time::Duration;

use grid_proto::v1;
use prost::Message as _;
use tokio::task::JoinSet;
use tonic::Code;

use crate::common::{Caller, Host, Peer, Setup, content, kind, refusal, text, until};

struct Scene {
    host: Host,
    caller: Caller,
    _runtimes: JoinSet<Vec<v1::ToolCall>>,
}

/// A host whose calculator answers, and a caller of it.
async fn scene(setup: Setup) -> Scene {
    let host = setup.start().await;
    let mut runtimes = JoinSet::new();
    Peer::serving(&host, "calc", &["add", "echo", "weigh", "brief"]).await.answering(&mut runtimes);
    let caller = host.caller().await;
    Scene { host, caller, _runtimes: runtimes }
}

#[tokio::test]
async fn bytes_that_are_no_message_are_a_status_and_the_connection_stays() {
    let scene = scene(Setup::strict()).await;
    let good = scene.caller.message("c", "add", r#"{"a": 1, "b": 2}"#).encode_to_vec();
    let cut = &good[..good.len() - 3];
    // A field of text that is no UTF-8; a length beyond the end; wire types that do not exist; a varint without end.
    let hostile: [&[u8]; 7] =
        [cut, &[0xff; 16], &[0x12, 2, 0xc3, 0x28], &[0x1a, 0xff, 0xff, 0xff, 0x7f], &[0x0f], &[0x80; 11], &[0x00]];
    for bytes in hostile {
        let status = scene.caller.send_bytes(bytes).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{bytes:?}: {status:?}");
        assert!(status.message().starts_with("MALFORMED_REQUEST: "), "{}", status.message());
        scene.caller.still_served().await;
    }
    // A message with fields that nobody knows is a message.
    let unknown = [good.as_slice(), &[0xf8, 0x7f, 1]].concat();
    let answer = v1::CallToolResponse::decode(scene.caller.send_bytes(&unknown).await.unwrap()).unwrap();
    assert_eq!(content(&answer), "3");
}

#[tokio::test]
async fn a_message_without_a_call_or_with_unusable_ids_is_malformed() {
    let scene = scene(Setup::strict()).await;
    let caller = &scene.caller;
    let empty = v1::ToolCall { session_id: caller.session.clone(), ..Default::default() };
    assert_eq!(refusal(&caller.send(empty).await.unwrap()).r#type, "MALFORMED_REQUEST");
    for call_id in ["", "  ", "line\nbreak", "ümlaut", &"x".repeat(129)] {
        let answer = caller.call_as(call_id, "add", r#"{"a": 1, "b": 2}"#).await;
        assert_eq!(refusal(&answer).r#type, "MALFORMED_REQUEST", "{call_id:?}");
    }
    let correlation = v1::ToolCall {
        correlation_id: "no\u{7}good".to_owned(),
        ..caller.message("c-2", "add", r#"{"a": 1, "b": 2}"#)
    };
    let answer = caller.send(correlation).await.unwrap();
    assert!(!answer.correlation_id.is_empty() && !answer.correlation_id.contains('\u{7}'));
    caller.still_served().await;
}

#[tokio::test]
async fn features_that_the_host_does_not_have_are_named_as_such() {
    let scene = scene(Setup::strict()).await;
    let caller = &scene.caller;
    let good = |id: &str| caller.message(id, "add", r#"{"a": 1, "b": 2}"#);
    let streaming = v1::ToolCall { streaming: true, ..good("s") };
    let nested = v1::ToolCall { parent_invocation_id: "i-1".to_owned(), ..good("n") };
    for message in [streaming, nested] {
        assert_eq!(refusal(&caller.send(message).await.unwrap()).r#type, "FEATURE_UNAVAILABLE");
    }
    caller.still_served().await;
}

#[tokio::test]
async fn arguments_that_two_parsers_could_read_differently_are_refused() {
    let scene = scene(Setup::strict()).await;
    let depth = |levels: usize| format!(r#"{{"text": {}1{}}}"#, "[".repeat(levels - 1), "]".repeat(levels - 1));
    let malformed = [
        "".to_owned(),
        "{".to_owned(),
        "nonsense".to_owned(),
        r#"{"a": 1, "b": 2} {}"#.to_owned(),
        r#"{"a": 1, "a": 2, "b": 2}"#.to_owned(),
        r#"{"a": 1, "\u0061": 2, "b": 2}"#.to_owned(),
        r#"{"text": "\ud800"}"#.to_owned(),
        r#"{"text": "\udc00\ud800"}"#.to_owned(),
        r#"{"number": 1e400}"#.to_owned(),
        r#"{"number": NaN}"#.to_owned(),
        r#"{"a": 01, "b": 2}"#.to_owned(),
        "{\"text\": \"\u{1}\"}".to_owned(),
        depth(65),
        "[".repeat(100_000),
    ];
    for args in malformed {
        let tool = if args.contains("text") {
            "echo"
        } else if args.contains("number") {
            "weigh"
        } else {
            "add"
        };
        let answer = scene.caller.call(tool, &args).await;
        let shown: String = args.chars().take(60).collect();
        assert_eq!(refusal(&answer).r#type, "MALFORMED_REQUEST", "{shown}: {answer:?}");
    }
    scene.caller.still_served().await;
    assert!(scene.host.records("admitted").len() == 1, "only the good call was admitted");
}

#[tokio::test]
async fn arguments_that_do_not_fit_the_contract_are_refused_with_every_place() {
    let scene = scene(Setup::strict()).await;
    let wrong = [
        ("add", "[]"),
        ("add", "{}"),
        ("add", r#"{"a": 1}"#),
        ("add", r#"{"a": 1, "b": 9223372036854775808}"#),
        ("add", r#"{"a": 1, "b": 18446744073709551616}"#),
        ("add", r#"{"a": 1.5, "b": 2}"#),
        ("add", r#"{"a": 1, "b": null}"#),
        ("add", r#"{"a": 1, "b": 2, "c": 3}"#),
        ("echo", r#"{"text": 1}"#),
        ("weigh", r#"{"number": "1"}"#),
    ];
    for (tool, args) in wrong {
        let answer = scene.caller.call(tool, args).await;
        let error = refusal(&answer);
        assert_eq!(error.r#type, "INVALID_TOOL_ARGS", "{tool} {args}");
        assert!(!error.retry_allowed, "the same arguments fail again");
        let violations: serde_json::Value = serde_json::from_str(&error.details["violations"]).unwrap();
        assert!(!violations.as_array().unwrap().is_empty(), "{args}: {error:?}");
    }
    let both = scene.caller.call("add", r#"{"a": "x", "c": 3}"#).await;
    let violations = refusal(&both).details["violations"].clone();
    assert!(violations.contains("/a") && violations.contains("b") && violations.contains("/c"), "{violations}");
    // The greatest and the least whole number pass unharmed.
    let edge = r#"{"a":9223372036854775807,"b":-9223372036854775808}"#;
    assert_eq!(content(&scene.caller.call("add", edge).await), "-1");
    scene.caller.still_served().await;
}

#[tokio::test]
async fn a_request_at_the_limit_passes_and_one_above_it_does_not() {
    let scene = scene(Setup::strict().set("server.max_message=64KiB")).await;
    let padded =
        |size: usize| scene.caller.message("at-the-limit", "echo", &format!(r#"{{"text": "{}"}}"#, "x".repeat(size)));
    let limit = 64 << 10;
    let around = padded(60_000).encoded_len() - 60_000;
    let over = padded(limit - around + 1);
    assert_eq!(over.encoded_len(), limit + 1);
    let status = scene.caller.send(over).await.unwrap_err();
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().starts_with("MESSAGE_TOO_LARGE: "), "{}", status.message());
    scene.caller.still_served().await;
    // The request passes; with the ids that the host adds, it may not fit into a frame or an answer any more. That is
    // said, and to nobody else's harm.
    let at = padded(limit - around);
    assert_eq!(at.encoded_len(), limit);
    let answer = scene.caller.send(at).await.unwrap();
    assert!(["PROTOCOL_VIOLATION", "MESSAGE_TOO_LARGE"].contains(&refusal(&answer).r#type.as_str()), "{answer:?}");
    scene.caller.still_served().await;
    let below = scene.caller.send(padded(limit - around - 512)).await.unwrap();
    assert_eq!(content(&below).len(), limit - around - 512 + r#"{"text": ""}"#.len());
}

#[tokio::test]
async fn an_unknown_session_and_one_of_somebody_else_are_answered_alike() {
    let scene = scene(Setup::strict()).await;
    let good = r#"{"a": 1, "b": 2}"#;
    let mut bob = scene.caller.with_token(&scene.host.token("bob", "acme", &["caller"]));
    let mut foreign_tenant = scene.caller.with_token(&scene.host.token("alice", "other", &["caller"]));
    let mut unknown = scene.caller.clone();
    let mut nonsense = scene.caller.clone();
    bob.session.clone_from(&scene.caller.session);
    foreign_tenant.session.clone_from(&scene.caller.session);
    unknown.session = format!("s-{}", "0".repeat(32));
    nonsense.session = "../../etc/passwd".to_owned();
    let mut seen = Vec::new();
    for caller in [&unknown, &nonsense, &bob, &foreign_tenant] {
        let answer = caller.call_as("same", "add", good).await;
        let mut error = refusal(&answer).clone();
        assert_eq!(error.r#type, "INVALID_SESSION");
        // All but what the caller sent himself and when.
        error.correlation_id.clear();
        error.session_id.clear();
        error.timestamp = 0;
        seen.push(error);
        let closing = v1::DestroySession { session_id: caller.session.clone(), force: true, ..Default::default() };
        let closed = caller.service().destroy_session(caller.request(closing)).await.unwrap().into_inner();
        assert!(!closed.destroyed);
        assert_eq!(closed.error.unwrap().r#type, "INVALID_SESSION");
        assert_eq!(caller.cancel("x").await.error.unwrap().r#type, "INVALID_SESSION");
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:#?}");
    scene.caller.still_served().await;
}

#[tokio::test]
async fn an_expired_session_says_so_to_its_owner_alone() {
    let scene = scene(Setup::strict()).await;
    let opened =
        scene.caller.open_with(v1::CreateSession { ttl_seconds: 1, compliance_level: 1, ..Default::default() }).await;
    let mut caller = scene.caller.clone();
    caller.session = opened.session_id;
    assert_eq!(content(&caller.call("add", r#"{"a": 1, "b": 2}"#).await), "3");
    let code = until("the session expires", async || {
        let answer = caller.call("add", r#"{"a": 1, "b": 2}"#).await;
        matches!(answer.outcome, Some(v1::call_tool_response::Outcome::Error(_)))
            .then(|| refusal(&answer).r#type.clone())
    })
    .await;
    assert_eq!(code, "SESSION_EXPIRED");
    scene
        .host
        .record("the end of the session", |record| {
            kind(record) == "session_expired" && text(record, "session") == caller.session
        })
        .await;
    assert_eq!(refusal(&caller.call("add", "{}").await).r#type, "SESSION_EXPIRED", "after the sweep too");
    let bob = caller.with_token(&scene.host.token("bob", "acme", &["caller"]));
    assert_eq!(refusal(&bob.call("add", "{}").await).r#type, "INVALID_SESSION");
    scene.caller.still_served().await;
}

#[tokio::test]
async fn without_a_good_token_nobody_gets_in_and_the_log_is_not_flooded() {
    let scene = scene(Setup::strict()).await;
    let host = &scene.host;
    let short =
        host.grid(&["token", "new", "--principal", "alice", "--tenant", "acme", "--role", "caller", "--ttl", "1s"]);
    let short = short.out.trim().to_owned();
    let other = Setup::strict().desk();
    let foreign = other.token("alice", "acme", &["caller"]);
    let good = host.token("alice", "acme", &["caller"]);
    let unsigned = format!("{}.", good.rsplit_once('.').unwrap().0);
    let mut headers: Vec<String> = [
        "",
        "Bearer",
        "Bearer ",
        "Bearer garbage",
        "Bearer a.b.c",
        "Basic YWxpY2U6eA==",
        &format!("Bearer {foreign}"),
        &format!("Bearer {unsigned}"),
        &format!("Bearer {good} {good}"),
        &format!("Bearer {}", "x".repeat(8000)),
        &good,
    ]
    .map(str::to_owned)
    .to_vec();
    let expiring = scene.caller.with_token(&short);
    until("the token expires", async || {
        let opened = expiring.open_with(v1::CreateSession::default()).await;
        opened.error.is_some().then_some(())
    })
    .await;
    headers.push(format!("Bearer {short}"));
    for header in &headers {
        let stranger = scene.caller.with_header(header);
        let opened = stranger.open_with(v1::CreateSession::default()).await;
        assert_eq!(opened.session_id, "");
        assert_eq!(opened.error.unwrap().r#type, "INVALID_CREDENTIALS", "{header}");
        let answer = stranger.call("add", r#"{"a": 1, "b": 2}"#).await;
        assert_eq!(refusal(&answer).r#type, "INVALID_CREDENTIALS", "{header}");
    }
    scene.caller.still_served().await;
    let record = host.record("strangers are counted", |record| text(record, "code") == "INVALID_CREDENTIALS").await;
    assert!(text(&record, "detail").contains("requests since"), "{record}");
    let count = host.records("refused").len();
    assert!(count < headers.len(), "{count} records of {} strangers", 2 * headers.len());
}

#[tokio::test]
async fn a_claim_about_oneself_narrows_and_never_widens() {
    let scene = scene(Setup::strict()).await;
    let claim = |principal: &str, tenant: &str| v1::CreateSession {
        security_context: Some(v1::SecurityContext {
            principal_id: principal.to_owned(),
            tenant_id: tenant.to_owned(),
            ..Default::default()
        }),
        ..Default::default()
    };
    for (principal, tenant) in [("root", "acme"), ("alice", "other")] {
        let opened = scene.caller.open_with(claim(principal, tenant)).await;
        assert!(opened.session_id.is_empty() && opened.error.is_some(), "{principal} {tenant}: {opened:?}");
    }
    assert_eq!(scene.caller.open_with(claim("alice", "acme")).await.error, None);
    scene.caller.still_served().await;
}

#[tokio::test]
async fn a_caller_of_level_1_gets_message_and_type_and_nothing_else() {
    let scene = scene(Setup::strict()).await;
    let mut caller = scene.caller.clone();
    caller.session = caller.open_with(v1::CreateSession::default()).await.session_id;
    let answer = caller.call("add", "{}").await;
    let error = refusal(&answer);
    assert!(!error.message.is_empty());
    let plain = v1::EnhancedError {
        message: error.message.clone(),
        r#type: "INVALID_TOOL_ARGS".to_owned(),
        ..Default::default()
    };
    assert_eq!(*error, plain);
    // Read with the message of level 1 it is the same.
    let old = v1::Error::decode(error.encode_to_vec().as_slice()).unwrap();
    assert_eq!((old.message, old.r#type), (plain.message, plain.r#type));
    caller.still_served().await;
}

#[tokio::test]
async fn a_deadline_that_has_passed_is_a_timeout_before_anything_runs() {
    let scene = scene(Setup::strict()).await;
    let past = v1::ToolCall { deadline_unix_ms: 1, ..scene.caller.message("late", "add", r#"{"a": 1, "b": 2}"#) };
    assert_eq!(refusal(&scene.caller.send(past).await.unwrap()).r#type, "TIMEOUT");
    assert!(scene.host.records("admitted").is_empty());
    // The transport's own deadline counts as well.
    let mut request = scene.caller.request(scene.caller.message("later", "add", r#"{"a": 1, "b": 2}"#));
    request.set_timeout(Duration::from_secs(3600));
    let answer = scene.caller.service().call_tool(request).await.unwrap().into_inner();
    assert_eq!(content(&answer), "3");
}

#[tokio::test]
async fn an_unknown_method_and_plain_http_harm_nobody() {
    let scene = scene(Setup::strict()).await;
    let page = scene.host.get("/nothing").await;
    assert!(page.starts_with("HTTP/1.1 4"), "{page}");
    for _ in 0..3 {
        // A connection that speaks nothing at all and goes.
        let port = scene.host.endpoint().rsplit_once(':').unwrap().1.parse::<u16>().unwrap();
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.try_write(b"GET / HTTP/1.0\r\n\r\n\0\0\0\xff").unwrap();
    }
    scene.caller.still_served().await;
}
