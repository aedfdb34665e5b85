//! Runtimes that a certificate proves: who they may be, and whose calls they may see.

use std::sync::Arc;

use grid_core::{
    Code,
    clock::Clock as _,
    envelope::{Credentials, PeerCertificate},
    frame::{Announce, Fulfil, HostFrame, RuntimeFrame},
    outcome::ToolAnswer,
    port::{FrontDoor as _, RuntimeDoor as _, RuntimePort as _},
};

use super::{
    desk::{Attached, Desk, SUM, ask, strict_ruled, strict_with},
    tenants_world::TWO,
};

const RULES: &str = r#"
[[certificate]]
spiffe = "spiffe://prod.example/runtime/calc"
principal = "calc"
runtime = true
runtime_id = ["calc", "calc/eu-*"]
tenants = ["demo", "beta"]

[[certificate]]
spiffe = "spiffe://prod.example/runtime/every"
principal = "every"
runtime = true
tenants = "*"

[[certificate]]
spiffe = "spiffe://prod.example/caller"
principal = "agent"
tenant = "demo"
roles = ["caller"]
"#;

fn shows<C>(desk: &Desk<C>, path: &str) -> Credentials {
    let now = desk.clock.unix_ms();
    let certificate = PeerCertificate {
        spiffe_id: format!("spiffe://prod.example/{path}"),
        common_name: String::new(),
        dns_names: Vec::new(),
        thumbprint: [u8::try_from(path.len()).unwrap(); 32],
        trust_domain: "prod.example".to_owned(),
        not_before_ms: now - 1,
        not_after_ms: now + 3_600_000,
    };
    Credentials { certificate: Some(Arc::new(certificate)), ..Credentials::default() }
}

#[tokio::test]
async fn a_runtime_of_named_tenants_is_given_no_call_of_another() {
    let desk = strict_ruled(RULES);
    let mut runtime = desk.attach_as(&shows(&desk, "runtime/calc"), "calc").await.unwrap();
    assert_eq!(runtime.fulfil(&["sum"]).await.accepted, ["sum"]);
    let attached = &desk.log.of("runtime_attached")[0];
    assert!(attached.text("detail").unwrap().contains("serves beta,demo"), "{attached:?}");
    for tenant in ["demo", "beta"] {
        let who = desk.token("agent", tenant, &["caller"]);
        let session = desk.session(&who).await;
        let call = desk.begin(&who, ask(&session, tenant, "sum", SUM));
        let frame = runtime.called().await;
        assert_eq!(frame.correlation_id.as_str(), format!("w-{tenant}"));
        runtime.result(&frame, "3").await;
        assert_eq!(call.await.unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
    }
    for tenant in ["gamma", "demo2", "demo,beta", "Demo"] {
        let who = desk.token("agent", tenant, &["caller"]);
        let session = desk.session(&who).await;
        let refusal = desk.call(&who, ask(&session, tenant, "sum", SUM)).await.unwrap_err();
        assert_eq!(refusal.code(), Code::ServiceUnavailable, "{tenant}");
        let listed = desk.door.list_tools(who.clone(), session.clone(), String::new()).await.unwrap();
        assert!(listed.tools.iter().all(|tool| !tool.available), "{tenant}: it seems to be served");
        // Nor by naming the session, which a runtime of another tenant may have heard of.
        let fulfil = Fulfil { names: vec!["sum".to_owned()], session_id: session.clone(), ..Fulfil::default() };
        match runtime.answered(RuntimeFrame::Fulfil(fulfil)).await {
            HostFrame::Fulfilled(answer) => assert!(answer.accepted.is_empty(), "{tenant}"),
            other => panic!("{tenant}: {other:?}"),
        }
        let refusal = desk.call(&who, ask(&session, "again", "sum", SUM)).await.unwrap_err();
        assert_eq!(refusal.code(), Code::ServiceUnavailable, "{tenant}");
    }
    assert!(runtime.lives().await, "the next frame is the answer to this one: no call came meanwhile");
}

#[tokio::test]
async fn a_runtime_of_every_tenant_serves_each() {
    let desk = strict_ruled(RULES);
    let mut runtime = desk.attach_as(&shows(&desk, "runtime/every"), "every/1").await.unwrap();
    runtime.fulfil(&["sum"]).await;
    let who = desk.token("agent", "gamma", &["caller"]);
    let session = desk.session(&who).await;
    let call = desk.begin(&who, ask(&session, "k", "sum", SUM));
    let frame = runtime.called().await;
    runtime.result(&frame, "3").await;
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_certificate_attaches_only_ids_that_its_rule_names() {
    let desk = strict_ruled(RULES);
    let calc = shows(&desk, "runtime/calc");
    for id in ["calc/us-1", "calc2", "every", "calc/", "calc/eu"] {
        let refusal = desk.attach_as(&calc, id).await.err().expect(id);
        assert_eq!(refusal.code(), Code::PermissionDenied, "{id}");
    }
    assert_eq!(desk.log.of("refused").len(), 5);
    assert!(desk.attach_as(&calc, "calc/eu-1").await.is_ok());
    assert!(desk.attach_as(&calc, "calc").await.is_ok());
    let refusal = desk.attach_as(&shows(&desk, "caller"), "agent").await.err().unwrap();
    assert_eq!(refusal.code(), Code::PermissionDenied, "a caller's certificate attaches nothing");
    let refusal = desk.attach_as(&shows(&desk, "nobody"), "calc").await.err().unwrap();
    assert_eq!(refusal.code(), Code::InvalidCredentials);
}

#[tokio::test]
async fn a_runtime_of_several_tenants_opens_no_session() {
    let desk = strict_ruled(RULES);
    for path in ["runtime/calc", "runtime/every"] {
        let request = grid_core::envelope::OpenSession::default();
        let refusal = desk.door.open_session(shows(&desk, path), request).await.unwrap_err();
        assert_eq!(refusal.code(), Code::MalformedRequest, "{path}: {refusal}");
    }
    assert_eq!(desk.host().sessions.open(), 0);
}

#[tokio::test]
async fn a_certificate_calls_in_its_own_sessions_until_it_is_revoked() {
    let desk = strict_ruled(RULES);
    let agent = shows(&desk, "caller");
    let session = desk.session(&agent).await;
    let runtime = desk.seated("calc", &["sum"]);
    let answer = desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, super::desk::success("3")).await;
    assert_eq!(answer.unwrap().answer, ToolAnswer::Success("3".to_owned()));
    assert_eq!(desk.log.of("admitted")[0].proof(), Some("certificate"));
    let who = desk.host().identity.prove(&agent).unwrap();
    let (tenant, principal) = (&who.principal().tenant, &who.principal().id);
    desk.host().identity.revoke(tenant, principal, "", desk.clock.unix_ms()).unwrap();
    let refusal = desk.call(&agent, ask(&session, "l", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidCredentials);
}

#[tokio::test]
async fn a_contract_of_other_tenants_does_not_exist_for_a_runtime() {
    let desk = strict_with(TWO);
    for (tenant, own) in [("acme", &["acmes"][..]), ("globex", &["globexes"]), ("*", &["acmes", "globexes"])] {
        let who = desk.token("probe", tenant, &["runtime"]);
        let announce = Announce { runtime_id: "probe".to_owned(), level: 2, ..Announce::default() };
        let (port, frames) = desk.door.attach(who, announce).await.unwrap();
        let mut runtime = Attached { port, frames };
        let HostFrame::Announced(told) = runtime.next().await else { panic!("the answer comes first") };
        assert_eq!(told.available, [&["sum", "pay"], own].concat());
        let answer = runtime.fulfil(&["acmes", "globexes"]).await;
        assert_eq!(answer.accepted, own);
        assert!(answer.rejected.iter().all(|(_, refusal)| refusal.code() == Code::UnsupportedTool));
        runtime.port.detach("done".to_owned()).await;
    }
}
