//! What the stage gives to those who prove who they are, how long it believes them, and whom development takes in.

use std::time::Duration;

use grid_core::{
    Code,
    envelope::Credentials,
    principal::{Principal, Proof, SecurityClaim},
};
use grid_identity::{Identity, SigningKey, Verifier, compare, mint};
use serde_json::json;

use super::common::{
    AUDIENCE, FakeClock, Forge, ISSUER, NOW_S, assert_refused, bearer, claims, claims_of, developer, shared,
};

fn proved(forge: &Forge, token: &str) -> std::sync::Arc<Principal> {
    let identity = forge.strict(&FakeClock::new());
    identity.prove(&bearer(token)).unwrap().principal().clone()
}

#[test]
fn a_minted_token_proves_its_principal() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let token = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    let principal = proved(&forge, &token);
    assert_eq!(principal.id.as_str(), "alice");
    assert_eq!(principal.tenant.as_str(), "acme");
    assert!(principal.has_role("reader") && principal.has_role("writer"));
    assert_eq!(principal.roles.len(), 2);
    assert_eq!(principal.proof, Proof::Token);
    assert_eq!(principal.expires_at_ms, Some((NOW_S + 60) * 1000));
}

#[test]
fn tokens_that_no_host_would_take_are_not_minted() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let mut bad = claims_of("alice", 0);
    assert!(mint(&forge.key, &bad, &*clock).is_err());
    bad = claims_of("alice", 60);
    bad.roles = vec![String::new()];
    assert!(mint(&forge.key, &bad, &*clock).is_err());
    bad.roles = (0..65).map(|n| n.to_string()).collect();
    assert!(mint(&forge.key, &bad, &*clock).is_err());
}

#[test]
fn a_remembered_token_ends_when_it_says() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let rules = Verifier::new(forge.key.verifying_key(), ISSUER, AUDIENCE, Duration::ZERO);
    let identity = Identity::strict(rules, shared(&clock));
    let token = mint(&forge.key, &claims_of("alice", 10), &*clock).unwrap();
    identity.prove(&bearer(&token)).unwrap();
    clock.advance(Duration::from_millis(9_999));
    identity.prove(&bearer(&token)).unwrap();
    clock.advance(Duration::from_millis(1));
    let refusal = identity.prove(&bearer(&token)).unwrap_err();
    assert_refused(&refusal, &token);
    assert!(refusal.message().contains("expired"));
}

#[test]
fn a_token_is_looked_at_again_after_a_minute() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock);
    let token = forge.token(&claims());
    let first = identity.prove(&bearer(&token)).unwrap().principal().clone();
    clock.advance(Duration::from_millis(59_999));
    let second = identity.prove(&bearer(&token)).unwrap().principal().clone();
    assert!(std::sync::Arc::ptr_eq(&first, &second), "remembered");
    clock.advance(Duration::from_millis(1));
    let third = identity.prove(&bearer(&token)).unwrap().principal().clone();
    assert!(!std::sync::Arc::ptr_eq(&first, &third), "verified again");
    assert_eq!(first.digest, third.digest);
}

#[test]
fn leeway_is_never_more_than_half_a_minute() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let day = Duration::from_secs(86_400);
    let rules = Verifier::new(forge.key.verifying_key(), ISSUER, AUDIENCE, day);
    let identity = Identity::strict(rules, shared(&clock));
    let token = mint(&forge.key, &claims_of("alice", 10), &*clock).unwrap();
    clock.advance(Duration::from_secs(39));
    identity.prove(&bearer(&token)).unwrap();
    clock.advance(Duration::from_secs(1));
    assert!(identity.prove(&bearer(&token)).is_err());
}

#[test]
fn the_digest_covers_all_that_a_decision_reads() {
    let forge = Forge::new();
    let digest = |name: &str, value: serde_json::Value| {
        let mut claims = claims();
        claims[name] = value;
        proved(&forge, &forge.token(&claims)).digest
    };
    let same = digest("jti", json!("another"));
    assert_eq!(same, digest("roles", json!(["writer", "reader", "reader"])));
    let mut all = vec![
        same,
        digest("sub", json!("bob")),
        digest("tenant", json!("other")),
        digest("roles", json!(["reader"])),
        digest("roles", json!(["readerwriter"])),
        digest("claims", json!({"a": "b"})),
        digest("claims", json!({"ab": ""})),
    ];
    let count = all.len();
    all.sort_by_key(|digest| digest.0);
    all.dedup();
    assert_eq!(all.len(), count, "two principals share a digest");
    let clock = FakeClock::new();
    let identity = Identity::development(None, developer(), shared(&clock));
    let local = Credentials { bearer: None, loopback: true, ..Credentials::default() };
    assert!(!all.contains(&identity.prove(&local).unwrap().principal().digest));
}

#[test]
fn strict_takes_nobody_without_a_token() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock);
    for loopback in [true, false] {
        let refusal = identity.prove(&Credentials { bearer: None, loopback, ..Credentials::default() }).unwrap_err();
        assert_refused(&refusal, "");
    }
}

#[test]
fn development_takes_local_peers_without_a_token_and_no_others() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = Identity::development(Some(forge.verifier()), developer(), shared(&clock));
    let local = identity.prove(&Credentials { bearer: None, loopback: true, ..Credentials::default() }).unwrap();
    assert_eq!(local.principal().id.as_str(), "developer");
    assert_eq!(local.principal().proof, Proof::Development);
    let remote = identity.prove(&Credentials { bearer: None, loopback: false, ..Credentials::default() });
    assert_refused(&remote.unwrap_err(), "");
    let token = forge.token(&claims());
    let named = identity.prove(&bearer(&token)).unwrap();
    assert_eq!(named.principal().id.as_str(), "alice");
}

#[test]
fn development_refuses_a_token_that_it_cannot_check() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = Identity::development(None, developer(), shared(&clock));
    let token = forge.token(&claims());
    assert_refused(&identity.prove(&bearer(&token)).unwrap_err(), &token);
    assert_refused(&identity.prove(&bearer("")).unwrap_err(), "");
}

#[test]
fn a_claim_narrows_and_never_widens() {
    let forge = Forge::new();
    let alice = proved(&forge, &forge.token(&claims()));
    let claim = |principal: &str, tenant: &str| SecurityClaim {
        principal: principal.to_owned(),
        tenant: tenant.to_owned(),
        ..SecurityClaim::default()
    };
    assert!(compare(&alice, &claim("", "")).unwrap().is_none());
    let equal = compare(&alice, &claim("alice", "acme")).unwrap().unwrap();
    assert_eq!(equal.claim().principal, "alice");
    for (principal, tenant) in [("bob", ""), ("", "other"), ("alice", "*"), ("Alice", "acme"), ("alice ", "")] {
        let refusal = compare(&alice, &claim(principal, tenant)).unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied);
        assert!(!refusal.message().contains("acme"), "{refusal}");
    }
    let mut further = claim("", "");
    further.claims.insert("purpose".to_owned(), "test".to_owned());
    let narrowed = compare(&alice, &further).unwrap().unwrap();
    assert_eq!(*narrowed.into_claim(), further);
}

#[test]
fn a_runtime_of_every_tenant_may_name_one() {
    let forge = Forge::new();
    let mut every = claims();
    every["tenant"] = json!("*");
    let runtime = proved(&forge, &forge.token(&every));
    let claim = SecurityClaim { tenant: "acme".to_owned(), ..SecurityClaim::default() };
    assert_eq!(compare(&runtime, &claim).unwrap().unwrap().claim().tenant, "acme");
    let odd = SecurityClaim { tenant: "a\nb".to_owned(), ..SecurityClaim::default() };
    assert!(compare(&runtime, &odd).is_err());
}

#[test]
fn secrets_are_not_printed() {
    let forge = Forge::new();
    assert_eq!(format!("{:?}", forge.key), "SigningKey(…)");
    let text = format!("{:?}{:?}", forge.verifier(), forge.strict(&FakeClock::new()));
    assert!(text.contains("grid-host"));
    let key = SigningKey::generate().unwrap();
    assert_ne!(key.verifying_key(), forge.key.verifying_key());
}
