//! The door for operators.

use grid_core::{
    Code, Refusal, Stage,
    envelope::Credentials,
    port::AdminDoor as _,
    revocation::{Invalidate, Restore},
};
use grid_testkit::until;

use super::desk::{Desk, SUM, ask, strict, success};

/// Asks for everything that an operator may ask for.
async fn all(desk: &Desk<grid_contract::Strict>, who: &Credentials) -> Vec<Option<Refusal>> {
    let door = &desk.door;
    vec![
        door.status(who.clone()).await.err(),
        door.runtimes(who.clone(), String::new()).await.err(),
        door.sessions(who.clone(), String::new()).await.err(),
        door.contracts(who.clone(), String::new()).await.err(),
        door.revocations(who.clone()).await.err(),
        door.restore(who.clone(), Restore::default()).await.err(),
        door.invalidate(who.clone(), Invalidate::everything("because")).await.err(),
        door.reload_policies(who.clone()).await.err(),
    ]
}

#[tokio::test]
async fn an_admin_without_the_role_is_refused_everything_and_recorded() {
    let desk = strict();
    for who in [desk.token("agent", "demo", &["caller"]), desk.token("calc", "demo", &["runtime"])] {
        for refusal in all(&desk, &who).await {
            let refusal = refusal.expect("refused");
            assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Authorize));
        }
    }
    let refused = desk.log.of("refused");
    assert_eq!(refused.len(), 16);
    assert!(refused.iter().all(|record| record.code() == Some("PERMISSION_DENIED")));
    assert_eq!(desk.host().authorize.epoch(), 1, "nothing was invalidated");
}

#[tokio::test]
async fn a_stranger_is_refused_everything() {
    let desk = strict();
    for refusal in all(&desk, &Credentials { bearer: None, loopback: true, ..Credentials::default() }).await {
        assert_eq!(refusal.expect("refused").code(), Code::InvalidCredentials);
    }
    assert_eq!(desk.host().authorize.epoch(), 1);
}

#[tokio::test]
async fn an_operator_sees_the_host_as_it_is() {
    let desk = strict();
    let operator = desk.token("root", "demo", &["operator"]);
    let (agent, session) = desk.agent().await;
    let mut attached = desk.attach("calc").await;
    attached.fulfil(&["calc"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    let frame = attached.called().await;
    let status = desk.door.status(operator.clone()).await.unwrap();
    assert_eq!((status.mode.as_str(), status.contracts, status.runtimes), ("strict", 6, 1));
    assert_eq!((status.sessions, status.in_flight, status.policy_epoch), (1, 1, 1));
    assert!(status.audit_writable && status.audit_records == 4);
    let runtimes = desk.door.runtimes(operator.clone(), String::new()).await.unwrap();
    assert_eq!((runtimes[0].runtime_id.as_str(), runtimes[0].provider.as_str()), ("calc", "calc"));
    assert_eq!((&runtimes[0].tools[..], runtimes[0].in_flight), (&["sum".to_owned(), "text".to_owned()][..], 1));
    let sessions = desk.door.sessions(operator.clone(), String::new()).await.unwrap();
    assert_eq!((sessions[0].session_id.as_str(), sessions[0].principal.as_str()), (session.as_str(), "agent"));
    assert_eq!(sessions[0].in_flight, 1);
    let contracts = desk.door.contracts(operator, String::new()).await.unwrap();
    assert_eq!((contracts.len(), contracts[0].name.as_str()), (6, "sum"));
    assert_eq!(contracts[0].runtimes, ["calc"]);
    assert!(contracts[0].digest.starts_with("sha256:"), "as the log writes it");
    attached.result(&frame, "3").await;
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn an_invalidation_is_recorded_and_decisions_are_made_anew() {
    let desk = strict();
    let operator = desk.token("root", "demo", &["operator"]);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k1", "sum", SUM), &runtime, success("3")).await.unwrap();
    assert_eq!(desk.door.invalidate(operator, Invalidate::everything("a role was revoked")).await.unwrap().epoch, 2);
    let [record] = &desk.log.of("invalidated")[..] else { panic!("one record") };
    assert_eq!((record.principal(), record.number("epoch")), (Some("root"), Some(2)));
    assert_eq!(record.detail(), Some("a role was revoked"));
    desk.ended(&agent, ask(&session, "k2", "sum", SUM), &runtime, success("3")).await.unwrap();
    let epochs: Vec<_> = desk.log.of("admitted").iter().map(|record| record.number("epoch")).collect();
    assert_eq!(epochs, [Some(1), Some(2)]);
    assert_eq!(desk.host().authorize.hits_and_misses(), (0, 2));
}

#[tokio::test]
async fn rights_end_also_where_that_cannot_be_recorded() {
    let desk = strict();
    let operator = desk.token("root", "demo", &["operator"]);
    desk.log.disk.break_down();
    let refusal = desk.door.invalidate(operator.clone(), Invalidate::default()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    assert_eq!(desk.host().authorize.epoch(), 2);
    until("the log is known as broken", || !desk.log.ledger.status().writable).await;
    assert!(!desk.door.status(operator).await.unwrap().audit_writable);
}
