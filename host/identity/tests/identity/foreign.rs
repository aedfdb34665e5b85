//! Tokens of other issuers: each with its own keys, and what its claims mean here.

use grid_identity::{Identity, mint};
use serde_json::{Value, json};

use super::{
    common::{FakeClock, Forge, bearer, claims_of, shared},
    issuers::{LOGIN, Login, Signer, login_claims, proved},
};

fn with(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

#[test]
fn a_token_of_each_algorithm_names_whom_its_claims_mean() {
    let (login, clock) = (Login::new(), FakeClock::new());
    let identity = login.host(&login.rule(), &clock);
    for (kid, _) in login.named() {
        let alice = proved(&identity, &login.token(kid, &login_claims())).unwrap();
        assert_eq!((alice.id.as_str(), alice.tenant.as_str()), ("corp:alice", "acme"), "{kid}");
        assert!(alice.has_role("reader") && alice.has_role("writer") && alice.roles.len() == 2, "{kid}");
        assert_eq!(alice.claims.get("department").map(String::as_str), Some("tills"));
        assert_eq!(alice.claims.len(), 1, "what no rule names is not kept");
    }
}

#[test]
fn the_hosts_own_tokens_are_believed_beside_others() {
    let (login, clock, forge) = (Login::new(), FakeClock::new(), Forge::new());
    let rules = login.rules(&login.rule()).unwrap();
    let identity = Identity::strict(forge.verifier(), shared(&clock)).ruled(rules).unwrap();
    let own = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    assert_eq!(identity.prove(&bearer(&own)).unwrap().principal().id.as_str(), "alice");
    proved(&identity, &login.token("ed", &login_claims())).unwrap();
}

#[test]
fn the_key_of_one_issuer_proves_nobody_of_another() {
    let (one, other, clock, forge) = (Login::new(), Login::new(), FakeClock::new(), Forge::new());
    std::fs::copy(other.folder.path().join("keys.json"), one.folder.path().join("other.json")).unwrap();
    let second = one.rule().replace(LOGIN, "https://other.example").replace("keys.json", "other.json");
    let rules = one.rules(&format!("{}{second}", one.rule())).unwrap();
    let identity = Identity::strict(forge.verifier(), shared(&clock)).ruled(rules).unwrap();
    let elsewhere = with(login_claims(), "iss", json!("https://other.example"));
    proved(&identity, &one.token("ed", &login_claims())).unwrap();
    proved(&identity, &other.token("rsa", &elsewhere)).unwrap();
    for kid in ["ed", "ec", "rsa"] {
        assert!(proved(&identity, &one.token(kid, &elsewhere)).is_err(), "{kid}");
        assert!(proved(&identity, &other.token(kid, &login_claims())).is_err(), "{kid}");
    }
    let as_host = with(with(login_claims(), "iss", json!("grid")), "tenant", json!("acme"));
    assert!(proved(&identity, &one.token("ed", &as_host)).is_err(), "nor the host's own");
    let as_login = forge.token(&login_claims());
    assert!(proved(&identity, &as_login).is_err(), "nor the host's own key another's");
}

#[test]
fn without_a_key_id_keys_of_the_algorithm_are_tried() {
    let (login, clock) = (Login::new(), FakeClock::new());
    let second = Signer::ed();
    let mut keys = login.keys();
    keys["keys"].as_array_mut().unwrap().push(second.jwk("ed-2"));
    login.publish(&keys);
    let identity = login.host(&login.rule(), &clock);
    let header = json!({"alg": "EdDSA"});
    proved(&identity, &login.ed.token(&header, &login_claims())).unwrap();
    proved(&identity, &second.token(&header, &login_claims())).unwrap();
    assert!(proved(&identity, &Signer::ed().token(&header, &login_claims())).is_err());
    assert!(proved(&identity, &login.ec.token(&header, &login_claims())).is_err(), "an ES256 signature as EdDSA");
}

#[test]
fn roles_are_those_that_the_rules_mean() {
    let (login, clock) = (Login::new(), FakeClock::new());
    let roles = |text: &str, claims: Value| {
        let identity = login.host(text, &clock);
        let found = proved(&identity, &login.token("ed", &claims)).unwrap();
        found.roles.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    };
    let plain = login.rule().split("[issuer.role_map]").next().unwrap().to_owned()
        + "[issuer.tenant_map]\nacme-corp = \"acme\"\n";
    let listed = |names: &[&str]| with(login_claims(), "realm_access", json!({ "roles": names }));
    assert_eq!(roles(&plain, listed(&["b", "a"])), "a b");
    assert_eq!(roles(&plain, with(login_claims(), "realm_access", json!({}))), "", "no claim, no role");
    let prefixed = plain.replace("principal_prefix", "role_prefix = \"grid:\"\nprincipal_prefix");
    assert_eq!(roles(&prefixed, listed(&["grid:reader", "reader", "x-grid:writer"])), "reader");
    let always = plain.replace("principal_prefix", "roles = [\"guest\"]\nprincipal_prefix");
    assert_eq!(roles(&always, listed(&["reader"])), "guest reader");
    let scope = plain
        .replace("roles_claim = \"realm_access.roles\"", "roles_claim = \"scope\"\nroles_split = true")
        .replace("principal_prefix", "role_prefix = \"tool:\"\nprincipal_prefix");
    assert_eq!(roles(&scope, with(login_claims(), "scope", json!("openid tool:read  tool:write"))), "read write");
    let dotted = plain.replace("\"realm_access.roles\"", "[\"https://acme.example/roles\"]");
    assert_eq!(roles(&dotted, with(login_claims(), "https://acme.example/roles", json!(["reader"]))), "reader");
}

#[test]
fn a_tenant_is_one_that_the_issuer_may_name() {
    let (login, clock) = (Login::new(), FakeClock::new());
    let tenant = |rule: &str, name: &str| {
        let text = login.rule().split("[issuer.role_map]").next().unwrap().replace("tenant_claim = \"org.name\"\n", "");
        let text = text + rule;
        let claims = with(login_claims(), "org", json!({ "name": name }));
        proved(&login.host(&text, &clock), &login.token("ed", &claims)).map(|alice| alice.tenant.to_string())
    };
    assert_eq!(tenant("tenant = \"acme\"", "globex").as_deref(), Ok("acme"));
    assert_eq!(tenant("tenant_claim = \"org.name\"", "globex").as_deref(), Ok("globex"));
    assert!(tenant("tenant_claim = \"org.name\"", "*").is_err(), "no claim makes a runtime of every tenant");
    let only = "tenant_claim = \"org.name\"\ntenants = [\"acme\", \"globex\"]";
    assert_eq!(tenant(only, "globex").as_deref(), Ok("globex"));
    assert!(tenant(only, "initech").is_err());
    let map = "tenant_claim = \"org.name\"\n[issuer.tenant_map]\n\"0f3a\" = \"acme\"";
    assert_eq!(tenant(map, "0f3a").as_deref(), Ok("acme"));
    assert!(tenant(map, "acme").is_err(), "where there is a map, nothing else means anything");
}

#[test]
fn an_issuer_whose_clock_is_ahead_cannot_outrun_a_revocation() {
    let (login, clock) = (Login::new(), FakeClock::new());
    let identity = login.host(&login.rule(), &clock);
    // Issued before the revocation by a clock that is 20 s ahead.
    let ahead = with(login_claims(), "iat", json!(super::common::NOW_S + 20));
    let token = login.token("ed", &ahead);
    let alice = proved(&identity, &token).unwrap();
    identity.revoke(&alice.tenant, &alice.id, "", super::common::NOW_S * 1000).unwrap();
    assert!(proved(&identity, &token).is_err());
}
