use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use grid_core::{
    Code, Stage,
    event::{Event, Invalidation, Kind, Outcome, Signal},
    id::{CallId, ConnectionId, CorrelationId, InvocationId, PrincipalId, RuntimeId, SessionId, TenantId},
    principal::{ClaimsDigest, Principal, Proof},
    revocation::Cause,
};
use serde_json::{Value, json};

use super::*;
use crate::Record;

fn full() -> Event {
    let principal = Principal {
        id: PrincipalId::parse("ann").unwrap(),
        tenant: TenantId::parse("acme").unwrap(),
        roles: BTreeSet::new(),
        claims: BTreeMap::new(),
        proof: Proof::Token,
        digest: ClaimsDigest([9; 32]),
        credential: None,
        runtime: None,
        issued_at_ms: None,
        expires_at_ms: None,
    };
    Event {
        kind: Kind::Admitted,
        at_ms: 1_700_000_000_123,
        correlation: CorrelationId::parse("host-1-00ff").unwrap(),
        principal: Some(Arc::new(principal)),
        session: Some(SessionId::mint()),
        invocation: Some(InvocationId::mint()),
        call_id: Some(CallId::parse("call \"7\" \\ x").unwrap()),
        tool: Some("files.read".into()),
        contract: Some([1; 32]),
        effect: Some("read"),
        dynamic: true,
        args_digest: Some([0xab; 32]),
        args_shape: Some("{path:string(12)}".into()),
        args_bytes: Some(14),
        rule: Some("role:reader".into()),
        epoch: Some(7),
        cache_age_ms: Some(0),
        policy: Some([0xef; 32]),
        approval: Some("a-00000000000000000000000000000004".parse().unwrap()),
        verdict: Some("ask"),
        cost: Some(3),
        deadline_ms: Some(u64::MAX),
        runtime: Some(RuntimeId::parse("files/a").unwrap()),
        connection: Some(ConnectionId::mint()),
        provider: Some("files".into()),
        chosen_by: Some("selection:host"),
        attempt: Some(2),
        parent: Some(InvocationId::mint()),
        reused: Some(InvocationId::mint()),
        chunks: Some(12),
        outcome: Some(Outcome::Failed),
        code: Some(Code::Timeout),
        stage: Some(Stage::Dispatch),
        detail: Some("\u{0}\u{1}\u{8}\t\n\u{b}\u{c}\r\u{1f} \u{7f}\u{80}€ 😀 \u{2028} </script>".into()),
        duration_us: Some(1_234_567),
        result_digest: Some([0; 32]),
        result_bytes: Some(10),
        result_shape: Some("string(8)".into()),
        local: true,
        expires_ms: Some(1_700_000_060_123),
        claimed: true,
        signal: Some(Signal::Reused),
        invalidation: Some(Box::new(Invalidation {
            cause: Some(Cause::RoleChange),
            event_id: Some("e \"1\"".to_owned()),
            scope: vec!["principal=ann".to_owned(), "revoke_proofs".to_owned()],
            ended_grants: 2,
            cancelled_calls: 0,
        })),
        read: Some("query"),
        filters: vec!["tool", "from_ms"],
        accepted: vec!["a".into(), "b\n".into()],
        rejected: vec![("c\"".into(), Code::UnsupportedTool), ("d".into(), Code::InvalidConfig)],
    }
}

fn encoded(event: &Event) -> Vec<u8> {
    let mut out = Vec::new();
    encode(event, &mut out);
    out
}

/// What another implementation of RFC 8785 makes of the same value.
fn canonical(entry: &[u8]) -> Vec<u8> {
    let value: Value = serde_json::from_slice(entry).unwrap();
    serde_json_canonicalizer::to_vec(&value).unwrap()
}

#[test]
fn a_full_event_is_canonical_json() {
    let entry = encoded(&full());
    assert_eq!(String::from_utf8(canonical(&entry)).unwrap(), String::from_utf8(entry).unwrap());
}

#[test]
fn every_kind_alone_is_canonical_json() {
    for kind in Kind::ALL {
        let event = Event::new(kind, 0, CorrelationId::parse("c").unwrap());
        let entry = encoded(&event);
        assert_eq!(canonical(&entry), entry);
        let expected = json!({"at_ms": 0, "correlation": "c", "kind": kind.as_str()});
        assert_eq!(serde_json::from_slice::<Value>(&entry).unwrap(), expected);
    }
}

#[test]
fn strings_of_any_characters_are_canonical() {
    let corners = (0..0x100).chain([0x2028, 0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff]);
    for character in corners.filter_map(char::from_u32) {
        let mut event = Event::new(Kind::Refused, 1, CorrelationId::parse("c").unwrap());
        event.detail = Some(format!("a{character}b{character}"));
        let entry = encoded(&event);
        assert_eq!(canonical(&entry), entry, "{character:?}");
        let record = Record::decode(0, &entry).unwrap();
        assert_eq!(record.detail(), event.detail.as_deref());
    }
}

#[test]
fn numbers_are_written_up_to_the_largest_exact_one() {
    for value in [0, 1, 9, 10, 99, 100, 123_456_789, MAX_NUMBER - 1, MAX_NUMBER, u64::MAX] {
        let mut event = Event::new(Kind::Refused, value, CorrelationId::parse("c").unwrap());
        event.epoch = Some(value);
        let entry = encoded(&event);
        assert_eq!(canonical(&entry), entry);
        let record = Record::decode(0, &entry).unwrap();
        assert_eq!(record.at_ms(), value.min(MAX_NUMBER));
    }
}

#[test]
fn every_field_can_be_read_back() {
    let event = full();
    let record = Record::decode(5, &encoded(&event)).unwrap();
    let digest = |byte: &str| format!("sha256:{}", byte.repeat(32));
    let mut expected = json!({
        "accepted": ["a", "b\n"],
        "args_digest": digest("ab"),
        "args_shape": "{path:string(12)}",
        "args_bytes": 14,
        "at_ms": 1_700_000_000_123_u64,
        "cache_age_ms": 0,
        "call_id": "call \"7\" \\ x",
        "claimed": true,
        "code": "TIMEOUT",
        "connection": event.connection.unwrap().to_string(),
        "contract": digest("01"),
        "correlation": "host-1-00ff",
        "deadline_ms": MAX_NUMBER,
        "detail": event.detail.unwrap(),
        "duration_us": 1_234_567,
        "dynamic": true,
        "effect": "read",
        "epoch": 7,
        "expires_ms": 1_700_000_060_123_u64,
        "filters": ["tool", "from_ms"],
        "invocation": event.invocation.unwrap().to_string(),
        "kind": "admitted",
        "local": true,
        "outcome": "failed",
        "principal": "ann",
        "proof": "token",
        "read": "query",
        "rejected": [
            {"code": "UNSUPPORTED_TOOL", "name": "c\""},
            {"code": "INVALID_CONFIG", "name": "d"},
        ],
        "result_bytes": 10,
        "result_digest": digest("00"),
        "result_shape": "string(8)",
        "rule": "role:reader",
        "runtime": "files/a",
        "session": event.session.unwrap().to_string(),
        "signal": "reused",
        "stage": "dispatch",
        "tenant": "acme",
        "tool": "files.read",
    });
    for (key, value) in [
        ("policy", Value::from(digest("ef"))),
        ("approval", "a-00000000000000000000000000000004".into()),
        ("verdict", "ask".into()),
        ("cost", 3.into()),
        ("provider", "files".into()),
        ("chosen_by", "selection:host".into()),
        ("attempt", 2.into()),
        ("parent", event.parent.unwrap().to_string().into()),
        ("reused", event.reused.unwrap().to_string().into()),
        ("chunks", 12.into()),
        ("cancelled_calls", 0.into()),
        ("ended_grants", 2.into()),
        ("event", "user_role_change".into()),
        ("event_id", "e \"1\"".into()),
        ("scope", json!(["principal=ann", "revoke_proofs"])),
    ] {
        expected[key] = value;
    }
    assert_eq!(Value::Object(record.fields().clone()), expected);
    assert_eq!((record.index(), record.kind()), (5, "admitted"));
    assert_eq!(record.principal(), Some("ann"));
}

#[test]
fn a_gap_is_canonical_json() {
    let mut entry = Vec::new();
    gap(12, 3, &mut entry);
    assert_eq!(canonical(&entry), entry);
    assert_eq!(Record::decode(0, &entry).unwrap().lost(), Some(3));
}
