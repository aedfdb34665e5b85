//! Revocations: at once, for what was issued before, and across a restart.

use std::{fs, sync::Arc, time::Duration};

use grid_core::{
    envelope::Credentials,
    id::{PrincipalId, TenantId},
};
use grid_identity::{Identity, Revocations, mint, revocation::Error};
use serde_json::json;

use super::common::{FakeClock, Forge, NOW_S, assert_refused, bearer, claims, claims_of, developer, shared};

const NOW_MS: u64 = NOW_S * 1000;

fn acme() -> TenantId {
    TenantId::parse("acme").unwrap()
}

fn alice() -> PrincipalId {
    PrincipalId::parse("alice").unwrap()
}

#[test]
fn a_revoked_token_is_refused_at_once_though_it_is_remembered() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock);
    let token = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    let other = mint(&forge.key, &claims_of("bob", 60), &*clock).unwrap();
    identity.prove(&bearer(&token)).unwrap();
    identity.prove(&bearer(&other)).unwrap();
    clock.advance(Duration::from_secs(5));
    let revoked = identity.revoke(&acme(), &alice(), "left the company", NOW_MS + 5_000).unwrap();
    assert_eq!(revoked.issued_until_ms, NOW_MS + 5_000);
    for _ in 0..2 {
        let refusal = identity.prove(&bearer(&token)).unwrap_err();
        assert_refused(&refusal, &token);
        assert!(refusal.message().contains("revoked"), "{refusal}");
        assert!(!refusal.message().contains("company"), "the reason is the operator's: {refusal}");
    }
    identity.prove(&bearer(&other)).expect("somebody else");
    // What is issued later is good, what is issued in the same second is not.
    let same = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    assert!(identity.prove(&bearer(&same)).is_err());
    clock.advance(Duration::from_secs(1));
    let later = mint(&forge.key, &claims_of("alice", 60), &*clock).unwrap();
    identity.prove(&bearer(&later)).unwrap();
    assert!(identity.prove(&bearer(&token)).is_err(), "the old one stays void");
}

#[test]
fn the_same_name_of_another_tenant_is_somebody_else() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock);
    let mut other = claims();
    other["tenant"] = json!("globex");
    let token = forge.token(&other);
    identity.revoke(&acme(), &alice(), "", NOW_MS).unwrap();
    identity.prove(&bearer(&token)).unwrap();
}

#[test]
fn a_restored_principal_is_believed_again() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock);
    let token = forge.token(&claims());
    assert!(identity.restore(&acme(), &alice()).unwrap().is_none(), "nothing to restore");
    identity.revoke(&acme(), &alice(), "by mistake", NOW_MS).unwrap();
    assert!(identity.prove(&bearer(&token)).is_err());
    assert_eq!(identity.restore(&acme(), &alice()).unwrap().unwrap().reason, "by mistake");
    assert!(identity.revoked().is_empty());
    identity.prove(&bearer(&token)).unwrap();
}

#[test]
fn a_later_revocation_never_shortens_an_earlier_one() {
    let table = Revocations::in_memory();
    table.revoke(&acme(), &alice(), "first", NOW_MS + 9_000).unwrap();
    let second = table.revoke(&acme(), &alice(), "second", NOW_MS).unwrap();
    assert_eq!((second.issued_until_ms, second.reason.as_str()), (NOW_MS + 9_000, "second"));
    let long = table.revoke(&acme(), &alice(), &"x".repeat(1_000), NOW_MS).unwrap();
    assert_eq!(long.reason.len(), 256);
    assert_eq!(table.list().len(), 1);
}

#[test]
fn what_has_no_date_is_void_until_it_is_restored() {
    let clock = FakeClock::new();
    let identity = Identity::development(None, developer(), shared(&clock));
    let here = Credentials { loopback: true, ..Credentials::default() };
    identity.prove(&here).unwrap();
    let (tenant, id) = (TenantId::parse("dev").unwrap(), PrincipalId::parse("developer").unwrap());
    identity.revoke(&tenant, &id, "", NOW_MS).unwrap();
    clock.advance(Duration::from_secs(3_600));
    assert_refused(&identity.prove(&here).unwrap_err(), "");
    identity.restore(&tenant, &id).unwrap();
    identity.prove(&here).unwrap();
}

#[test]
fn revocations_outlive_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/revocations.json");
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let token = forge.token(&claims());
    let start = || forge.strict(&clock).keeping(Revocations::open(&path).unwrap());
    let first = start();
    first.revoke(&acme(), &alice(), "lost \"laptop\"\n", NOW_MS).unwrap();
    first.revoke(&acme(), &PrincipalId::parse("bob").unwrap(), "", NOW_MS).unwrap();
    let second = start();
    assert_eq!(second.revoked(), first.revoked());
    assert!(second.prove(&bearer(&token)).is_err());
    second.restore(&acme(), &alice()).unwrap();
    start().prove(&bearer(&token)).unwrap();
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing else is left behind");
}

#[test]
fn a_file_that_cannot_be_read_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("revocations.json");
    let entry = r#"{"tenant":"acme","principal":"alice","issued_until_ms":1,"reason":""}"#;
    for (what, text) in [
        ("empty", String::new()),
        ("cut short", r#"{"version":1,"revocations":["#.to_owned()),
        ("another version", r#"{"version":2,"revocations":[]}"#.to_owned()),
        ("an unknown field", r#"{"version":1,"revocations":[],"x":1}"#.to_owned()),
        ("a name that is none", format!(r#"{{"version":1,"revocations":[{}]}}"#, entry.replace("acme", ""))),
        ("one twice", format!(r#"{{"version":1,"revocations":[{entry},{entry}]}}"#)),
    ] {
        fs::write(&path, text).unwrap();
        let fault = Revocations::open(&path).map(|_| ()).unwrap_err();
        assert!(matches!(fault, Error::Read { .. }), "{what}: {fault}");
        assert!(fault.to_string().contains("revocations.json"), "{fault}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Revocations::open(&path).is_err(), "a folder");
}

#[test]
fn a_revocation_that_cannot_be_written_holds_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("file");
    let table = Revocations::open(&blocked.join("revocations.json")).unwrap();
    fs::write(&blocked, "").unwrap();
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = forge.strict(&clock).keeping(table);
    let token = forge.token(&claims());
    let fault = identity.revoke(&acme(), &alice(), "", NOW_MS).unwrap_err();
    assert!(matches!(fault, Error::Write { .. }), "{fault}");
    assert!(identity.prove(&bearer(&token)).is_err(), "it holds");
    assert!(identity.restore(&acme(), &alice()).is_err());
    assert!(identity.prove(&bearer(&token)).is_err(), "and is not taken back unwritten");
}

#[test]
fn no_thread_is_proved_after_a_revocation_has_returned() {
    let (forge, clock) = (Forge::new(), FakeClock::new());
    let identity = Arc::new(forge.strict(&clock));
    let token = forge.token(&claims());
    for round in 0..200 {
        let revoked = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            for _ in 0..3 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let was_revoked = revoked.load(std::sync::atomic::Ordering::SeqCst);
                        let proved = identity.prove(&bearer(&token)).is_ok();
                        assert!(!(was_revoked && proved), "round {round}: proved after revoke returned");
                    }
                });
            }
            identity.revoke(&acme(), &alice(), "", NOW_MS).unwrap();
            revoked.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        identity.restore(&acme(), &alice()).unwrap();
    }
}
