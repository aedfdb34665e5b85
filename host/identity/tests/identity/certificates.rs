//! Whom certificates and local users name, and what a token beside a certificate means.

use std::{sync::Arc, time::Duration};

use grid_core::{
    envelope::{Credentials, LocalPeer, PeerCertificate},
    principal::{Principal, Proof},
};
use grid_identity::{Identity, mint};

use super::{
    common::{FakeClock, Forge, NOW_S, bearer, claims_of, developer, shared},
    issuers::{Login, Signer},
};

const RULES: &str = r#"
[[certificate]]
spiffe = "spiffe://prod.example/ns/acme/runtime/weather"
principal = "weather"
runtime = true
runtime_id = ["weather", "weather/eu-*"]
tenants = ["acme", "beta"]

[[certificate]]
spiffe = "spiffe://prod.example/ns/acme/sa/*"
tenant = "acme"
principal = "sa-*"
roles = ["reader"]

[[certificate]]
dns = "batch.example"
trust_domain = "legacy.example"
principal = "batch"
tenant = "acme"
bind_token = true

[[local_user]]
uid = 1000
principal = "dev"
tenant = "acme"
roles = ["reader"]
"#;

fn host(text: &str, forge: &Forge, clock: &Arc<FakeClock>) -> Identity {
    let login = Login { folder: tempfile::tempdir().unwrap(), ed: Signer::ed(), ec: Signer::ec(), rsa: Signer::ed() };
    Identity::strict(forge.verifier(), shared(clock)).ruled(login.rules(text).unwrap()).unwrap()
}

fn certificate(spiffe_id: &str) -> PeerCertificate {
    let trust_domain = spiffe_id.strip_prefix("spiffe://").and_then(|rest| rest.split('/').next());
    let mut thumbprint = [7; 32];
    spiffe_id.bytes().zip(&mut thumbprint).for_each(|(from, to)| *to ^= from);
    PeerCertificate {
        spiffe_id: spiffe_id.to_owned(),
        common_name: String::new(),
        dns_names: Vec::new(),
        thumbprint,
        trust_domain: trust_domain.unwrap_or_default().to_owned(),
        not_before_ms: (NOW_S - 60) * 1000,
        not_after_ms: (NOW_S + 3_600) * 1000,
    }
}

fn shows(certificate: PeerCertificate) -> Credentials {
    Credentials { certificate: Some(Arc::new(certificate)), ..Credentials::default() }
}

fn proved(identity: &Identity, credentials: &Credentials) -> Result<Arc<Principal>, String> {
    let proved = identity.prove(credentials);
    proved.map(|caller| Arc::clone(caller.principal())).map_err(|refusal| refusal.internal().unwrap_or("").to_owned())
}

#[test]
fn a_certificate_is_whom_its_rule_names() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let shown = certificate("spiffe://prod.example/ns/acme/sa/tills");
    let tills = proved(&identity, &shows(shown.clone())).unwrap();
    assert_eq!((tills.id.as_str(), tills.tenant.as_str(), tills.proof), ("sa-tills", "acme", Proof::Certificate));
    assert_eq!(tills.credential, Some(shown.thumbprint));
    assert_eq!(tills.issued_at_ms, Some(shown.not_before_ms));
    assert!(tills.has_role("reader") && tills.roles.len() == 1);
    let again = proved(&identity, &shows(shown.clone())).unwrap();
    assert!(Arc::ptr_eq(&tills, &again), "remembered");
    let renewed = PeerCertificate { thumbprint: [9; 32], ..shown };
    let renewed = proved(&identity, &shows(renewed)).unwrap();
    assert_ne!(renewed.digest, tills.digest, "decisions are kept by credential");
}

#[test]
fn a_certificate_that_no_rule_names_is_nobody() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let strict = host(RULES, &forge, &clock);
    let development = Identity::development(Some(forge.verifier()), developer(), shared(&clock));
    let of = |spiffe_id: &str| certificate(spiffe_id);
    let domain = |spiffe_id: &str, domain: &str| PeerCertificate { trust_domain: domain.to_owned(), ..of(spiffe_id) };
    let dns = |name: &str, domain: &str| PeerCertificate {
        dns_names: vec![name.to_owned()],
        trust_domain: domain.to_owned(),
        ..of("")
    };
    let plain = |name: &str| PeerCertificate { common_name: name.to_owned(), ..domain("", "legacy.example") };
    for (what, shown) in [
        ("another trust domain", of("spiffe://test.example/ns/acme/sa/tills")),
        ("vouched for by another trust domain", domain("spiffe://prod.example/ns/acme/sa/tills", "test.example")),
        ("two segments", of("spiffe://prod.example/ns/acme/sa/tills/root")),
        ("no segment", of("spiffe://prod.example/ns/acme/sa/")),
        ("less", of("spiffe://prod.example/ns/acme/sa")),
        ("another namespace", of("spiffe://prod.example/ns/globex/sa/tills")),
        ("case", of("spiffe://prod.example/ns/ACME/sa/tills")),
        ("a name that is none", of("spiffe://prod.example/ns/acme/sa/a\nb")),
        ("more behind the name", of("spiffe://prod.example/ns/acme/runtime/weather2")),
        ("a DNS name of another trust domain", dns("batch.example", "prod.example")),
        ("a DNS name in another case", dns("Batch.example", "legacy.example")),
        ("a DNS name as common name", plain("batch.example")),
        ("a SPIFFE id as DNS name", dns("spiffe://prod.example/ns/acme/sa/tills", "prod.example")),
        ("nothing", domain("", "legacy.example")),
    ] {
        let why = proved(&strict, &shows(shown.clone())).map(|who| who.id.clone()).unwrap_err();
        assert!(why.contains("no rule names"), "{what}: {why}");
        // Who shows what nobody knows is not the developer.
        let here = Credentials { loopback: true, ..shows(shown) };
        assert!(proved(&development, &here).is_err(), "{what}");
    }
}

#[test]
fn a_certificate_ends_with_its_time_also_on_an_old_connection() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let shown = shows(certificate("spiffe://prod.example/ns/acme/sa/tills"));
    clock.advance(Duration::from_secs(3_599));
    proved(&identity, &shown).unwrap();
    clock.advance(Duration::from_secs(1));
    assert!(proved(&identity, &shown).unwrap_err().contains("ended 0 ms ago"));
}

#[test]
fn the_same_certificate_vouched_for_otherwise_is_looked_at_again() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let shown = certificate("spiffe://prod.example/ns/acme/sa/tills");
    proved(&identity, &shows(shown.clone())).unwrap();
    let otherwise = PeerCertificate { trust_domain: "test.example".to_owned(), ..shown };
    assert!(proved(&identity, &shows(otherwise)).is_err());
}

#[test]
fn a_revoked_certificate_is_void_and_a_later_one_is_not() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let shown = certificate("spiffe://prod.example/ns/acme/sa/tills");
    let tills = proved(&identity, &shows(shown.clone())).unwrap();
    identity.revoke(&tills.tenant, &tills.id, "", NOW_S * 1000).unwrap();
    assert!(proved(&identity, &shows(shown.clone())).unwrap_err().contains("revoked"));
    let renewed = PeerCertificate { thumbprint: [9; 32], not_before_ms: NOW_S * 1000 + 1, ..shown.clone() };
    proved(&identity, &shows(renewed)).unwrap();
    identity.restore(&tills.tenant, &tills.id).unwrap();
    proved(&identity, &shows(shown)).unwrap();
}

#[test]
fn a_token_goes_before_a_certificate_unless_a_rule_binds_them() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let token = |name: &str| mint(&forge.key, &claims_of(name, 60), &*clock).unwrap();
    let both = |name: &str, shown: PeerCertificate| Credentials { bearer: Some(token(name)), ..shows(shown) };
    let tills = certificate("spiffe://prod.example/ns/acme/sa/tills");
    let unknown = certificate("spiffe://prod.example/proxy");
    let batch = PeerCertificate {
        dns_names: vec!["batch.example".to_owned()],
        trust_domain: "legacy.example".to_owned(),
        ..certificate("")
    };
    let weather = certificate("spiffe://prod.example/ns/acme/runtime/weather");
    let is = |credentials: &Credentials| proved(&identity, credentials).map(|who| who.id.to_string());
    assert_eq!(is(&both("alice", tills)).as_deref(), Ok("alice"), "the certificate is the channel");
    assert_eq!(is(&both("alice", unknown)).as_deref(), Ok("alice"), "also one that names nobody");
    assert_eq!(is(&both("batch", batch.clone())).as_deref(), Ok("batch"));
    assert!(is(&both("alice", batch.clone())).unwrap_err().contains("token names `alice of acme`"));
    assert!(is(&both("alice", weather)).is_err(), "a runtime's certificate binds unless its rule says otherwise");
    let bad = Credentials { bearer: Some("x".to_owned()), ..shows(batch) };
    assert!(is(&bad).is_err(), "a bad token is no good for the certificate beside it");
}

#[test]
fn a_runtime_has_the_scope_of_its_rule() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let weather = proved(&identity, &shows(certificate("spiffe://prod.example/ns/acme/runtime/weather"))).unwrap();
    assert!(weather.has_role("grid_runtime"));
    let serves = |name: &str| weather.serves(&grid_core::id::TenantId::parse(name).unwrap());
    assert!(serves("acme") && serves("beta") && !serves("gamma") && !serves("*"));
    assert_eq!(weather.tenants(), "acme,beta");
    let scope = weather.runtime.as_ref().unwrap();
    assert!(scope.admits("weather") && scope.admits("weather/eu-1"));
    assert!(!scope.admits("weather/us-1") && !scope.admits("weather2") && !scope.admits(""));
}

#[test]
fn a_local_user_is_whom_its_rule_names() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = host(RULES, &forge, &clock);
    let of = |uid: u32| Credentials {
        local: Some(LocalPeer { uid, gid: 1000, pid: Some(1) }),
        loopback: true,
        ..Credentials::default()
    };
    let dev = proved(&identity, &of(1000)).unwrap();
    assert_eq!((dev.id.as_str(), dev.tenant.as_str(), dev.proof), ("dev", "acme", Proof::LocalUser));
    for uid in [0, 1, 1001, u32::MAX] {
        assert!(proved(&identity, &of(uid)).unwrap_err().contains("no rule names the user"), "{uid}");
    }
    let token = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    let both = Credentials { bearer: Some(token), ..of(0) };
    assert_eq!(proved(&identity, &both).unwrap().id.as_str(), "alice", "a token goes before");
    assert!(identity.prove(&bearer("x")).is_err());
    identity.revoke(&dev.tenant, &dev.id, "", NOW_S * 1000).unwrap();
    assert!(proved(&identity, &of(1000)).is_err(), "what has no date is void while it is listed");
    // DEVELOPMENT takes local users whom no rule names for the developer.
    let development = Identity::development(None, developer(), shared(&clock));
    assert_eq!(proved(&development, &of(1)).unwrap().id.as_str(), "developer");
}
