//! Events of other systems, by the webhook.

use std::fs;

use bytes::Bytes;
use grid_approve_notify::{SIGNATURE, Secret};
use grid_contract::Strict;
use grid_core::envelope::Credentials;
use grid_grpc::{Hooks as _, Posted, Unread};
use grid_testkit::until;
use http::{Method, Request, StatusCode, header};
use serde_json::{Value, json};

use super::{
    desk::{Desk, SUM, ask, development, strict},
    local::authorize,
};
use crate::admin_door::Webhook;

const EVENT: &str =
    r#"{"event":"user_role_change","event_id":"siem-1","tenant":"acme","principal":"alice","reason":"left"}"#;

fn secret(text: &str) -> Secret {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    fs::write(&path, text).unwrap();
    Secret::read(&path).unwrap()
}

fn shared() -> Secret {
    secret("0123456789abcdef0123456789abcdef")
}

fn hook(desk: &Desk<Strict>) -> Webhook<Strict> {
    Webhook::new(desk.door.clone(), Some(shared()))
}

fn now_s(desk: &Desk<Strict>) -> u64 {
    desk.host().clock.unix_ms() / 1000
}

fn posted(body: &str, headers: &[(&str, &str)], credentials: Credentials) -> Posted {
    let kind = ("content-type", "application/json");
    let mut request = Request::builder().method(Method::POST).uri("/v1/invalidations");
    for (name, value) in [kind].iter().filter(|_| !headers.iter().any(|(name, _)| *name == kind.0)).chain(headers) {
        request = request.header(*name, *value);
    }
    let body = Bytes::from(body.to_owned());
    Posted { head: request.body(()).unwrap().into_parts().0, credentials, body: Box::pin(async move { Ok(body) }) }
}

fn signed(desk: &Desk<Strict>, body: &str) -> Posted {
    posted(body, &[(SIGNATURE, &shared().sign(now_s(desk), body.as_bytes()))], Credentials::default())
}

async fn answered<C: grid_contract::Contracts>(hook: &Webhook<C>, posted: Posted) -> (StatusCode, Value) {
    let response = hook.answer(posted).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "application/json");
    (response.status(), serde_json::from_slice(response.body()).unwrap())
}

/// Nothing came of it.
fn untouched(desk: &Desk<Strict>) {
    assert_eq!((desk.host().authorize.epoch(), desk.log.of("invalidated").len()), (1, 0));
}

#[tokio::test]
async fn a_signed_event_ends_grants_once_and_the_record_names_the_webhook() {
    let (desk, alice) = (strict(), "alice");
    let who = desk.token(alice, "acme", &["caller"]);
    let session = desk.session(&who).await;
    authorize(&desk, &who, ask(&session, "k", "sum", SUM)).await.unwrap();
    let hook = hook(&desk);
    let (status, first) = answered(&hook, signed(&desk, EVENT)).await;
    assert_eq!(
        (status, &first),
        (StatusCode::OK, &json!({"policy_epoch": 2, "ended_grants": 1, "cancelled_calls": 0, "repeated": false}))
    );
    assert_eq!(desk.host().grants.count(), 0);
    let (status, again) = answered(&hook, signed(&desk, EVENT)).await;
    assert_eq!((status, &again["repeated"], &again["policy_epoch"]), (StatusCode::OK, &json!(true), &json!(2)));
    let [record] = &desk.log.of("invalidated")[..] else { panic!("one record") };
    assert_eq!((record.principal(), record.tenant()), (Some("invalidation-webhook"), Some("*")));
    assert_eq!(record.proof(), Some("shared_secret"), "no token proved it");
    assert_eq!((record.text("event"), record.text("event_id")), (Some("user_role_change"), Some("siem-1")));
}

#[tokio::test]
async fn a_signature_that_is_not_exactly_right_is_a_strangers_and_is_counted_with_them() {
    let desk = strict();
    let (hook, now, body) = (hook(&desk), now_s(&desk), EVENT.as_bytes());
    let other = secret("another-secret-another-secret-another");
    let before = desk.log.records().len();
    let good = shared().sign(now, body);
    let bad = [
        other.sign(now, body),
        shared().sign(now - 301, body),
        shared().sign(now + 301, body),
        shared().sign(now, b"{}"),
        good[..good.len() - 2].to_owned(),
        good.replace("v1=", "v0="),
        format!("t={},{}", now + 1, good.split_once(',').unwrap().1),
        String::new(),
    ];
    for signature in &bad {
        let (status, answer) = answered(&hook, posted(EVENT, &[(SIGNATURE, signature)], Credentials::default())).await;
        assert_eq!((status, &answer["error"]["code"]), (StatusCode::UNAUTHORIZED, &json!("INVALID_CREDENTIALS")));
    }
    let two = posted(EVENT, &[(SIGNATURE, &good), (SIGNATURE, &good)], Credentials::default());
    assert_eq!(answered(&hook, two).await.0, StatusCode::UNAUTHORIZED);
    // An operator's token does not mend a signature.
    let root = desk.token("root", "ops", &["operator"]);
    assert_eq!(answered(&hook, posted(EVENT, &[(SIGNATURE, &bad[0])], root)).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(desk.log.records().len(), before, "strangers cannot fill the disk");
    desk.host().sweep().await;
    until("the strangers are recorded", || !desk.log.of("refused").is_empty()).await;
    let [record] = &desk.log.of("refused")[..] else { panic!("one record") };
    assert_eq!(record.detail(), Some("10 requests since the last such record"));
    untouched(&desk);
}

#[tokio::test]
async fn a_signature_is_good_for_five_minutes_by_the_hosts_clock() {
    let desk = strict();
    let (hook, now) = (hook(&desk), now_s(&desk));
    for (at, id) in [(now - 300, "a"), (now + 300, "b")] {
        let body = format!(r#"{{"event_id":"{id}"}}"#);
        let signature = shared().sign(at, body.as_bytes());
        let (status, _) = answered(&hook, posted(&body, &[(SIGNATURE, &signature)], Credentials::default())).await;
        assert_eq!(status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_event_that_cannot_be_read_ends_nothing_and_is_recorded() {
    let desk = strict();
    let hook = hook(&desk);
    let bad = [
        "",
        "[]",
        r#"{"event_id":"a""#,
        r#"{"event_id":"a"} {}"#,
        r#"{"event_id":"a","event_id":"a"}"#,
        r#"{"event_id":"a","tenant":"acme","\u0074enant":"other"}"#,
        "{}",
        r#"{"event_id":""}"#,
        r#"{"event_id":"a b"}"#,
        r#"{"event_id":1}"#,
        r#"{"event_id":"a","event":"fire"}"#,
        r#"{"event_id":"a","event":null}"#,
        r#"{"event_id":"a","principle":"alice"}"#,
        r#"{"event_id":"a","principal":""}"#,
        r#"{"event_id":"a","principal":null}"#,
        r#"{"event_id":"a","cancel_running":"yes"}"#,
        r#"{"event_id":"a","revoke_proofs":true}"#,
        r#"{"event_id":"a","tool":{"a":[[[[1]]]]}}"#,
    ];
    for (at, body) in bad.into_iter().enumerate() {
        let (status, answer) = answered(&hook, signed(&desk, body)).await;
        assert_eq!(
            (status, &answer["error"]["code"]),
            (StatusCode::BAD_REQUEST, &json!("MALFORMED_REQUEST")),
            "{body}"
        );
        assert_eq!(desk.log.of("refused").len(), at + 1, "{body}");
    }
    untouched(&desk);
}

#[tokio::test]
async fn method_kind_and_length_are_told_apart() {
    let desk = strict();
    let hook = hook(&desk);
    let mut get = signed(&desk, EVENT);
    get.head.method = Method::GET;
    assert_eq!(answered(&hook, get).await.0, StatusCode::METHOD_NOT_ALLOWED);
    for headers in [[("content-type", "text/plain")].as_slice(), &[("content-encoding", "gzip")]] {
        let (status, _) = answered(&hook, posted(EVENT, headers, Credentials::default())).await;
        assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    let unread = [
        (Unread::TooLarge, StatusCode::PAYLOAD_TOO_LARGE),
        (Unread::Slow, StatusCode::REQUEST_TIMEOUT),
        (Unread::Interrupted, StatusCode::BAD_REQUEST),
    ];
    for (why, expected) in unread {
        let request = Posted { body: Box::pin(async move { Err(why) }), ..signed(&desk, EVENT) };
        assert_eq!(answered(&hook, request).await.0, expected);
    }
    untouched(&desk);
}

#[tokio::test]
async fn an_operators_proof_does_as_well_and_no_other() {
    let desk = strict();
    let hook = hook(&desk);
    let (root, agent) = (desk.token("root", "ops", &["operator"]), desk.token("agent", "demo", &["caller"]));
    assert_eq!(answered(&hook, posted(EVENT, &[], agent)).await.0, StatusCode::FORBIDDEN);
    assert_eq!(answered(&hook, posted(EVENT, &[], Credentials::default())).await.0, StatusCode::UNAUTHORIZED);
    untouched(&desk);
    assert_eq!(answered(&hook, posted(EVENT, &[], root)).await.0, StatusCode::OK);
    let [record] = &desk.log.of("invalidated")[..] else { panic!("one record") };
    assert_eq!(record.principal(), Some("root"));
}

#[tokio::test]
async fn without_a_secret_no_signature_is_believed() {
    let desk = strict();
    let hook = Webhook::new(desk.door.clone(), None);
    assert_eq!(answered(&hook, signed(&desk, EVENT)).await.0, StatusCode::UNAUTHORIZED);
    untouched(&desk);
    let hook = Webhook::new(development().door, None);
    let (status, _) = answered(&hook, posted(EVENT, &[], Credentials::default())).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}
