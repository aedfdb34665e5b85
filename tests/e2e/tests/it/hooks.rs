//! Webhooks over the wire, signed here by the rule that the documentation gives and not by the host's own code: events of
//! other systems that end rights, and what the host tells others of calls that wait for a person.

use std::{
    fs,
    sync::{Arc, Mutex},
    time::{SystemTime, UNIX_EPOCH},
};

use aws_lc_rs::hmac;
use grid_sdk::{Approvals, Client, SessionOptions, Verdict, client::CallOptions};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use crate::common::{Host, Setup, free_port, kind, manifest, serve, soon, text, until};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// `t=<second>,v1=<HMAC-SHA256 of "<second>.<body>" in hex>`.
fn signed(secret: &str, at_s: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{at_s}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={at_s},v1={hex}")
}

#[expect(clippy::disallowed_methods, reason = "the host compares it with the time of the machine")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Posts an event to the operators' port as any HTTP client does; gives the status and the body.
async fn post(host: &Host, body: &str, signature: &str) -> (u16, Value) {
    let mut stream = TcpStream::connect(("127.0.0.1", host.admin_port())).await.unwrap();
    let head = format!(
        "POST /v1/invalidations HTTP/1.1\r\nhost: grid\r\ncontent-type: application/json\r\n\
         grid-signature: {signature}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    soon("the answer comes", stream.read_to_string(&mut answer)).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body.trim()).unwrap())
}

async fn host(settings: &[&str]) -> Host {
    let setup = Setup::strict().manifest(Some(manifest()));
    let mut host = settings.iter().fold(setup, |setup, setting| setup.set(setting)).desk();
    fs::write(host.folder().join("webhook.secret"), format!("{SECRET}\n")).unwrap();
    host.start().await;
    host
}

#[tokio::test]
async fn a_signed_event_ends_rights_once_and_any_other_signature_ends_none() {
    let mut host = host(&["invalidation.secret_file=webhook.secret"]).await;
    let event = |id: &str| format!(r#"{{"event":"security_incident","event_id":"{id}","tenant":"acme"}}"#);
    let (now, body) = (now_s(), event("siem-1"));
    let refused = [
        ("of another secret", signed("another-secret-another-secret-xx", now, &body)),
        ("of another body", signed(SECRET, now, &event("siem-2"))),
        ("too old", signed(SECRET, now - 400, &body)),
        ("of a time to come", signed(SECRET, now + 400, &body)),
        ("none at all", "v1=00".to_owned()),
    ];
    for (what, signature) in refused {
        let (status, answer) = post(&host, &body, &signature).await;
        assert_eq!((status, text(&answer["error"], "code")), (401, "INVALID_CREDENTIALS"), "{what}: {answer}");
    }
    assert!(host.records("invalidated").is_empty());

    let (status, first) = post(&host, &body, &signed(SECRET, now, &body)).await;
    assert_eq!((status, &first["repeated"]), (200, &json!(false)), "{first}");
    // Sent again, also later and signed anew, it is the same event.
    let (status, again) = post(&host, &body, &signed(SECRET, now + 1, &body)).await;
    assert_eq!((status, &again["repeated"]), (200, &json!(true)), "{again}");
    assert_eq!(again["policy_epoch"], first["policy_epoch"]);
    let (_, next) = post(&host, &event("siem-2"), &signed(SECRET, now, &event("siem-2"))).await;
    assert!(next["policy_epoch"].as_u64() > first["policy_epoch"].as_u64(), "{next}");

    let records = host.records("invalidated");
    let told: Vec<_> =
        records.iter().map(|one| (text(one, "principal"), text(one, "proof"), text(one, "event_id"))).collect();
    let webhook = |id| ("invalidation-webhook", "shared_secret", id);
    assert_eq!(told, [webhook("siem-1"), webhook("siem-2")]);
    // What was refused is on record as a stranger's, with no secret in it.
    host.stop().await;
    let all = format!("{:?}", host.audit());
    assert!(!all.contains(SECRET) && !host.said().contains(SECRET));
}

/// A web address of somebody else; keeps each request, head and body.
async fn listener(port: u16) -> Arc<Mutex<Vec<(String, String)>>> {
    let (listener, taken) = (TcpListener::bind(("127.0.0.1", port)).await.unwrap(), Arc::default());
    let requests: Arc<Mutex<Vec<(String, String)>>> = Arc::clone(&taken);
    tokio_util::task::TaskTracker::new().spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (mut all, mut part) = (Vec::new(), [0; 4096]);
            let request = loop {
                let read = stream.read(&mut part).await.unwrap_or(0);
                all.extend_from_slice(&part[..read]);
                let text = String::from_utf8_lossy(&all).into_owned();
                let whole = text.split_once("\r\n\r\n").filter(|(head, body)| {
                    let length = head.lines().find_map(|line| {
                        line.to_ascii_lowercase()
                            .strip_prefix("content-length:")
                            .map(|of| of.trim().parse::<usize>().unwrap())
                    });
                    length == Some(body.len())
                });
                if whole.is_some() || read == 0 {
                    break whole.map(|(head, body)| (head.to_owned(), body.to_owned()));
                }
            };
            requests.lock().unwrap().extend(request);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    taken
}

#[tokio::test]
async fn a_call_that_waits_is_told_to_the_webhook_signed_and_without_its_arguments() {
    let port = free_port();
    let told = listener(port).await;
    let mut contracts = manifest();
    contracts["contracts"][0]["approval"] = json!({ "role": "lead" });
    let url = format!("approval.webhook_url=http://127.0.0.1:{port}/desk");
    let setup = Setup::strict().manifest(Some(contracts)).set(&url).set("approval.webhook_secret_file=webhook.secret");
    let mut host = setup.desk();
    fs::write(host.folder().join("webhook.secret"), SECRET).unwrap();
    host.start().await;
    let _runtime = serve(&host, "calc").await;
    let client = Client::builder().endpoint(host.endpoint()).token(host.token("alice", "acme", &["caller"]));
    let session = client.connect().await.unwrap().open_session(SessionOptions::default()).await.unwrap();
    let call = tokio_util::task::TaskTracker::new().spawn(async move {
        let args = json!({ "a": 471_147, "b": 1 });
        session.call_with("add", args, CallOptions::default()).await.map(|answer| answer.content)
    });
    let (head, body) = until("the webhook is told", async || told.lock().unwrap().first().cloned()).await;
    assert!(head.starts_with("POST /desk HTTP/1.1"), "{head}");
    let header = |name: &str| {
        let value = |line: &str| {
            line.split_once(':')
                .filter(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.trim().to_owned())
        };
        head.lines().find_map(value).unwrap_or_default()
    };
    let signature = header("grid-signature");
    let at_s = signature.strip_prefix("t=").and_then(|rest| rest.split(',').next()).unwrap().parse().unwrap();
    assert_eq!(signature, signed(SECRET, at_s, &body), "by the secret, over the second and the body");
    assert!(now_s().abs_diff(at_s) < 300);
    let notice: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((text(&notice, "event"), text(&notice, "tool")), ("approval_requested", "add"));
    assert!(!body.contains("471147"), "{body}");
    // What was told names what is decided.
    let boss = Approvals::builder().endpoint(host.endpoint()).token(host.token("boss", "acme", &["lead"]));
    let boss = boss.connect().await.unwrap();
    let waiting = until("the call waits", async || boss.list().await.unwrap().pop()).await;
    assert_eq!(text(&notice, "approval_id"), waiting.approval_id);
    boss.decide(&waiting, Verdict::Approve, "").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), "471148");
    assert_eq!(host.audit().iter().filter(|record| kind(record) == "approval_decided").count(), 1);
}
