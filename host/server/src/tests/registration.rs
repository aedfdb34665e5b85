//! DEVELOPMENT: tools that a runtime brings along.

use grid_contract::Development;
use grid_core::{
    Code,
    frame::{BatchAnswer, Declaration, HostFrame, Register, RuntimeFrame},
    outcome::ToolAnswer,
    port::RuntimePort as _,
};
use grid_testkit::until;

use super::desk::{Attached, Desk, ask, development};

fn tools(names: &[&str]) -> Vec<Vec<Declaration>> {
    let declaration = |name: &&str| Declaration {
        name: (*name).to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}"#.to_owned(),
    };
    vec![names.iter().map(declaration).collect()]
}

async fn register(runtime: &mut Attached<Development>, session: &str, names: &[&str]) -> BatchAnswer {
    let register = Register {
        session_id: session.to_owned(),
        tools: tools(names),
        correlation_id: "w-register".to_owned(),
        ..Register::default()
    };
    match runtime.answered(RuntimeFrame::Register(register)).await {
        HostFrame::Registered(answer) => *answer,
        other => panic!("expected an answer to the registration, got {other:?}"),
    }
}

fn rejected(answer: &BatchAnswer) -> Vec<(&str, Code)> {
    answer.rejected.iter().map(|(name, refusal)| (name.as_str(), refusal.code())).collect()
}

/// A principal that calls and serves.
async fn calc(desk: &Desk<Development>) -> (grid_core::envelope::Credentials, String, Attached<Development>) {
    let who = desk.token("calc", "demo", &["runtime", "caller"]);
    let session = desk.session(&who).await;
    let runtime = desk.attach_as(&who, "calc").await.unwrap();
    (who, session, runtime)
}

#[tokio::test]
async fn a_registered_tool_is_called_like_any_other_and_marked_in_the_log() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    let answer = register(&mut runtime, &session, &["mine", "sum"]).await;
    assert_eq!((&answer.accepted[..], answer.session_id.as_str()), (&["mine".to_owned()][..], session.as_str()));
    assert_eq!(rejected(&answer), [("sum", Code::PolicyViolation)]);
    let refusal = desk.call(&who, ask(&session, "k0", "mine", r#"{"a":"x"}"#)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidToolArgs, "its arguments are checked by the host");
    let call = desk.begin(&who, ask(&session, "k", "mine", r#"{"a":1}"#));
    let frame = runtime.called().await;
    runtime.result(&frame, "1").await;
    assert_eq!(call.await.unwrap().unwrap().answer, ToolAnswer::Success("1".to_owned()));
    let [admitted] = &desk.log.of("admitted")[..] else { panic!("one admission") };
    assert_eq!(admitted.fields()["dynamic"], serde_json::json!(true));
    assert_eq!(admitted.rule(), Some("registered-for-this-session"));
    let [record] = &desk.log.of("registered")[..] else { panic!("one record") };
    assert_eq!(record.fields()["accepted"], serde_json::json!(["mine"]));
    assert_eq!(record.fields()["rejected"], serde_json::json!([{"code": "POLICY_VIOLATION", "name": "sum"}]));
    assert_eq!((record.session(), record.correlation()), (Some(session.as_str()), Some("w-register")));
}

#[tokio::test]
async fn a_registration_without_a_session_opens_one_of_its_own() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    let answer = register(&mut runtime, "", &["mine"]).await;
    assert_eq!(answer.accepted, ["mine"]);
    assert_ne!(answer.session_id, session);
    let call = desk.begin(&who, ask(&answer.session_id, "k", "mine", "{}"));
    let frame = runtime.called().await;
    runtime.result(&frame, "1").await;
    assert!(call.await.unwrap().is_ok());
    assert_eq!(desk.log.of("session_opened").len(), 2);
}

#[tokio::test]
async fn a_runtime_registers_in_no_session_but_its_own_principals() {
    let desk = development();
    let (_, _, mut runtime) = calc(&desk).await;
    let (_, foreign) = desk.agent().await;
    let elsewhere = desk.token("calc", "other", &["caller"]);
    let other_tenant = desk.session(&elsewhere).await;
    for session in [foreign.as_str(), &other_tenant, "s-1", "nonsense"] {
        let answer = register(&mut runtime, session, &["mine"]).await;
        assert!(answer.accepted.is_empty());
        assert_eq!(rejected(&answer), [("mine", Code::InvalidSession)]);
    }
    assert_eq!(desk.log.of("registered").len(), 4, "each attempt is recorded");
}

#[tokio::test]
async fn a_registration_without_its_record_is_none() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    desk.log.disk.set_full(true);
    let answer = register(&mut runtime, &session, &["mine"]).await;
    assert!(answer.accepted.is_empty());
    assert_eq!(rejected(&answer), [("mine", Code::AuditUnavailable)]);
    assert!(!desk.listed(&who, &session).await.contains(&"mine".to_owned()));
    desk.log.disk.set_full(false);
    let refusal = desk.call(&who, ask(&session, "k", "mine", "{}")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::UnsupportedTool);
}

#[tokio::test]
async fn registered_tools_go_with_their_session() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    register(&mut runtime, &session, &["mine"]).await;
    assert_eq!(desk.host().roster.serving("mine"), ["calc"]);
    desk.close(&who, &session, false).await.unwrap();
    assert!(desk.host().roster.serving("mine").is_empty());
    assert_eq!(desk.host().contracts.registered(session.parse().unwrap()), 0);
    assert_eq!(rejected(&register(&mut runtime, &session, &["mine"]).await), [("mine", Code::InvalidSession)]);
}

#[tokio::test]
async fn a_session_that_ends_while_a_registration_is_recorded_leaves_nothing_behind() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    desk.log.disk.hold();
    let request = Register { session_id: session.clone(), tools: tools(&["mine"]), ..Register::default() };
    let ends = async {
        until("the registration is being written", || desk.log.disk.is_waiting()).await;
        let close = desk.begin_close(&who, &session);
        until("the session is closed", || desk.host().sessions.open() == 0).await;
        desk.log.disk.release();
        close.await.unwrap().unwrap();
    };
    tokio::join!(runtime.port.receive(RuntimeFrame::Register(request)), ends);
    assert!(desk.host().roster.serving("mine").is_empty(), "a seat is left for a session that is gone");
    assert_eq!(desk.host().contracts.registered(session.parse().unwrap()), 0);
}

#[tokio::test]
async fn a_tool_that_is_being_replaced_stays_as_it_was_until_that_is_on_record() {
    let desk = development();
    let (who, session, mut runtime) = calc(&desk).await;
    register(&mut runtime, &session, &["mine"]).await;
    let changed = Declaration {
        parameters: r#"{"type":"OBJECT","properties":{"b":{"type":"STRING"}},"required":["b"]}"#.to_owned(),
        ..tools(&["mine"]).remove(0).remove(0)
    };
    desk.log.disk.set_full(true);
    let request = Register { session_id: session.clone(), tools: vec![vec![changed]], ..Register::default() };
    let HostFrame::Registered(answer) = runtime.answered(RuntimeFrame::Register(request)).await else {
        panic!("an answer")
    };
    assert_eq!(rejected(&answer), [("mine", Code::AuditUnavailable)]);
    desk.log.disk.set_full(false);
    let ended = desk.call(&who, ask(&session, "k", "mine", r#"{"b":"x"}"#)).await.unwrap_err();
    assert_ne!(ended.code(), Code::ServiceUnavailable, "the unrecorded one is live: {ended}");
}
