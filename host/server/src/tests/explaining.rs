//! Why a call was permitted or refused.

use grid_contract::Strict;
use grid_core::{explain::Explanation, port::AdminDoor as _, revocation::Invalidate};

use super::desk::{Desk, SUM, ask, strict, success};

async fn explained(desk: &Desk<Strict>, kind: &str) -> Explanation {
    let records = desk.log.records();
    let decisive = records.iter().rev().find(|record| record.kind() == kind).unwrap();
    desk.host().explain(decisive, &records).await
}

fn says(explanation: &Explanation, stage: &str, words: &str) -> bool {
    explanation.grounds.iter().any(|ground| ground.stage == stage && ground.text.contains(words))
}

#[tokio::test]
async fn a_permitted_call_is_explained_by_its_records_and_by_the_rights_of_now() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.unwrap();
    let told = explained(&desk, "admitted").await;
    assert_eq!((told.decision, &*told.tool, &*told.rule, told.epoch), ("permitted", "sum", "roles:caller", 1));
    assert_eq!((&*told.principal, &*told.tenant, &*told.correlation), ("agent", "demo", "w-k"));
    assert!(says(&told, "identity", "`agent` of `demo` asked, proved by token"), "{told:?}");
    assert!(says(&told, "contract", "it still is") && says(&told, "authorize", "is that of now"), "{told:?}");
    assert!(says(&told, "resolve", "`calc`") && says(&told, "conclude", "success"), "{told:?}");
    assert!(told.grounds.iter().all(|ground| ground.entry.is_some() || ground.stage == "now"));
    assert_eq!(told.now, "permitted");
    let root = desk.token("root", "ops", &["operator"]);
    desk.door.invalidate(root.clone(), Invalidate::everything("x")).await.unwrap();
    assert!(says(&explained(&desk, "admitted").await, "authorize", "is past: now it is 2"));
    let proofs = Invalidate {
        tenant: "demo".to_owned(),
        principal: "agent".to_owned(),
        revoke_proofs: true,
        ..Invalidate::default()
    };
    desk.door.invalidate(root, proofs).await.unwrap();
    assert_eq!(explained(&desk, "admitted").await.now, "refused", "nobody would be proved");
}

#[tokio::test]
async fn a_refused_call_is_explained_too_and_what_is_not_known_is_not_said() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    desk.call(&agent, ask(&session, "k", "open", "{}")).await.unwrap_err();
    let told = explained(&desk, "refused").await;
    assert_eq!((told.decision, &*told.code, told.now), ("refused", "PERMISSION_DENIED", "refused"));
    assert!(told.invocation.is_empty() && says(&told, "refuse", "PERMISSION_DENIED at authorize"), "{told:?}");
    desk.close(&agent, &session, true).await.unwrap();
    let told = explained(&desk, "refused").await;
    assert_eq!(told.now, "");
    assert!(says(&told, "now", "roles"), "{told:?}");
}
