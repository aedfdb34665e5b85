//! Runtimes as their streams see the host: who may attach, what they fulfil, what becomes of their results.

use std::time::Duration;

use grid_core::{
    Code, Stage,
    frame::{Announce, Fulfil, HostFrame, Register, ResultFrame, RuntimeFrame},
    id::InvocationId,
    outcome::ToolAnswer,
    port::{RuntimeDoor as _, RuntimePort as _},
    runtime::Runtime as _,
};
use grid_testkit::until;

use super::desk::{SUM, ask, result, strict};

fn error(frame: HostFrame) -> (Code, String, String) {
    match frame {
        HostFrame::Error { refusal, invocation_id } => (refusal.code(), refusal.message().to_owned(), invocation_id),
        other => panic!("expected an error frame, got {other:?}"),
    }
}

#[tokio::test]
async fn an_attached_runtime_serves_calls() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    assert_eq!(runtime.fulfil(&["sum"]).await.accepted, ["sum"]);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    let frame = runtime.called().await;
    assert_eq!((&*frame.name, frame.args.as_str(), frame.correlation_id.as_str()), ("sum", SUM, "w-k"));
    runtime.result(&frame, "3").await;
    assert_eq!(call.await.unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
    let kinds: Vec<_> = desk.log.records().iter().map(|record| record.kind().to_owned()).collect();
    assert_eq!(kinds, ["session_opened", "runtime_attached", "fulfilled", "admitted", "concluded"]);
    let attached = &desk.log.of("runtime_attached")[0];
    assert_eq!(
        (attached.runtime(), attached.principal(), attached.correlation()),
        (Some("calc"), Some("calc"), Some("w-attach"))
    );
}

#[tokio::test]
async fn a_runtimes_id_begins_with_the_proved_principal() {
    let desk = strict();
    let calc = desk.token("calc", "demo", &["runtime"]);
    for id in ["other", "calc2", "cal", "Calc", "other/calc", "/calc"] {
        let refusal = desk.attach_as(&calc, id).await.err().expect(id);
        assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Link), "{id}");
    }
    for id in ["", " ", "calc/\n"] {
        assert_eq!(desk.attach_as(&calc, id).await.err().expect(id).code(), Code::MalformedRequest);
    }
    assert_eq!(desk.log.of("refused").len(), 9);
    assert!(desk.host().hub.is_empty());
    assert!(desk.attach_as(&calc, "calc").await.is_ok());
    assert!(desk.attach_as(&calc, "calc/2").await.is_ok());
}

#[tokio::test]
async fn who_lacks_the_role_of_runtimes_attaches_none() {
    let desk = strict();
    let agent = desk.token("agent", "demo", &["caller", "operator"]);
    let refusal = desk.attach_as(&agent, "agent").await.err().unwrap();
    assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Link));
    let [record] = &desk.log.of("refused")[..] else { panic!("one record") };
    assert_eq!(
        (record.principal(), record.runtime(), record.correlation()),
        (Some("agent"), Some("agent"), Some("w-attach"))
    );
}

#[tokio::test]
async fn a_second_runtime_with_the_same_id_is_refused_while_the_first_lives() {
    let desk = strict();
    let calc = desk.token("calc", "demo", &["runtime"]);
    let mut first = desk.attach_as(&calc, "calc").await.unwrap();
    let refusal = desk.attach_as(&calc, "calc").await.err().unwrap();
    assert_eq!((refusal.code(), refusal.stage()), (Code::PolicyViolation, Stage::Link));
    assert!(refusal.message().contains("`calc/2`"), "{refusal}");
    assert!(first.lives().await, "the first one is not disturbed");
    first.port.detach("its stream ended".to_owned()).await;
    assert!(desk.attach_as(&calc, "calc").await.is_ok());
}

#[tokio::test]
async fn an_attachment_without_its_record_is_none() {
    let desk = strict();
    let calc = desk.token("calc", "demo", &["runtime"]);
    desk.log.disk.set_full(true);
    assert_eq!(desk.attach_as(&calc, "calc").await.err().unwrap().code(), Code::AuditUnavailable);
    assert!(desk.host().hub.is_empty());
    desk.log.disk.set_full(false);
    assert!(desk.attach_as(&calc, "calc").await.is_ok());
}

#[tokio::test]
async fn both_sides_agree_on_the_lower_level_and_one_version() {
    let desk = strict();
    let calc = desk.token("calc", "demo", &["runtime"]);
    let announce = |versions: &[&str], level, id: &str| Announce {
        runtime_id: id.to_owned(),
        level,
        versions: versions.iter().map(ToString::to_string).collect(),
        features: vec!["enhanced-errors".to_owned(), "streaming".to_owned()],
        ..Announce::default()
    };
    let refusal = desk.door.attach(calc.clone(), announce(&["0.9", "2.0"], 1, "calc")).await.err().unwrap();
    assert_eq!(refusal.code(), Code::VersionMismatch);
    let both: &[&str] = &["enhanced-errors", "streaming"];
    for (level, agreed, features) in [(1, 1, &[][..]), (2, 2, both), (3, 2, both)] {
        let id = format!("calc/{level}");
        let (_port, mut frames) = desk.door.attach(calc.clone(), announce(&["2.0", "1.0"], level, &id)).await.unwrap();
        let Some(HostFrame::Announced(answer)) = frames.recv().await else { panic!("the answer comes first") };
        assert_eq!((answer.version.as_str(), answer.level), ("1.0", agreed));
        assert_eq!(answer.features, features);
        assert_eq!((answer.mode, answer.heartbeat_ms), ("strict", 10_000));
        assert_eq!(answer.available, ["sum", "text", "look", "send", "shut"], "`open` is for another provider");
    }
}

#[tokio::test]
async fn each_name_of_a_fulfilment_is_answered() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    let answer = runtime.fulfil(&["calc", "look", "nothing", "open", "vault"]).await;
    assert_eq!(answer.accepted, ["sum", "text", "look"]);
    let rejected: Vec<_> = answer.rejected.iter().map(|(name, refusal)| (name.as_str(), refusal.code())).collect();
    let expected =
        [("nothing", Code::UnsupportedTool), ("open", Code::PolicyViolation), ("open", Code::PolicyViolation)];
    assert_eq!(rejected, expected);
    assert_eq!(answer.correlation_id.as_str(), "w-fulfil");
    let [record] = &desk.log.of("fulfilled")[..] else { panic!("one record") };
    assert_eq!(record.fields()["accepted"], serde_json::json!(["sum", "text", "look"]));
    assert_eq!(record.fields()["rejected"][0], serde_json::json!({"code": "UNSUPPORTED_TOOL", "name": "nothing"}));
    assert_eq!(desk.call(&agent, ask(&session, "k", "send", "{}")).await.unwrap_err().code(), Code::ServiceUnavailable);
}

#[tokio::test]
async fn a_fulfilment_for_one_session_serves_that_session_only() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let other = desk.session(&agent).await;
    let mut runtime = desk.attach("calc").await;
    let fulfil = Fulfil { session_id: session.clone(), names: vec!["sum".to_owned()], ..Fulfil::default() };
    assert!(matches!(runtime.answered(RuntimeFrame::Fulfil(fulfil)).await, HostFrame::Fulfilled(_)));
    assert_eq!(desk.log.of("fulfilled")[0].session(), Some(session.as_str()), "the log tells it from one for all");
    let refusal = desk.call(&agent, ask(&other, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    let frame = runtime.called().await;
    runtime.result(&frame, "3").await;
    assert!(call.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_session_that_ends_while_a_fulfilment_is_recorded_leaves_no_seat() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    desk.log.disk.hold();
    let fulfil = Fulfil { session_id: session.clone(), names: vec!["sum".to_owned()], ..Fulfil::default() };
    let ends = async {
        until("the fulfilment is being written", || desk.log.disk.is_waiting()).await;
        let close = desk.begin_close(&agent, &session);
        until("the session is closed", || desk.host().sessions.open() == 0).await;
        desk.log.disk.release();
        close.await.unwrap().unwrap();
    };
    tokio::join!(runtime.receive(RuntimeFrame::Fulfil(fulfil)), ends);
    assert!(desk.host().roster.serving("sum").is_empty(), "a seat is left for a session that is gone");
    let HostFrame::Fulfilled(answer) = runtime.next().await else { panic!("an answer") };
    assert_eq!((answer.accepted.len(), answer.rejected[0].1.code()), (0, Code::InvalidSession));
}

#[tokio::test]
async fn a_fulfilment_in_anothers_name_or_for_no_session_is_rejected() {
    let desk = strict();
    let elsewhere = desk.token("agent", "other", &["caller"]);
    let foreign = desk.session(&elsewhere).await;
    let mut runtime = desk.attach("calc").await;
    let names = vec!["sum".to_owned()];
    for (fulfil, code) in [
        (Fulfil { runtime_id: "other".to_owned(), names: names.clone(), ..Fulfil::default() }, Code::PermissionDenied),
        (Fulfil { session_id: "s-1".to_owned(), names: names.clone(), ..Fulfil::default() }, Code::InvalidSession),
        (Fulfil { session_id: foreign, names: names.clone(), ..Fulfil::default() }, Code::InvalidSession),
        (Fulfil { names: vec!["sum".to_owned(); 1025], ..Fulfil::default() }, Code::MessageTooLarge),
    ] {
        let HostFrame::Fulfilled(answer) = runtime.answered(RuntimeFrame::Fulfil(fulfil)).await else {
            panic!("an answer")
        };
        assert!(answer.accepted.is_empty());
        assert!(answer.rejected.iter().all(|(_, refusal)| refusal.code() == code), "{code}");
    }
    assert!(desk.host().roster.serving("sum").is_empty());
}

#[tokio::test]
async fn a_fulfilment_without_its_record_is_none() {
    let desk = strict();
    let mut runtime = desk.attach("calc").await;
    desk.log.disk.set_full(true);
    let answer = runtime.fulfil(&["sum", "nothing"]).await;
    assert!(answer.accepted.is_empty());
    let codes: Vec<_> = answer.rejected.iter().map(|(name, refusal)| (name.as_str(), refusal.code())).collect();
    assert_eq!(codes, [("nothing", Code::UnsupportedTool), ("sum", Code::AuditUnavailable)]);
    assert!(desk.host().roster.serving("sum").is_empty());
}

#[tokio::test]
async fn a_runtime_that_goes_ends_its_calls_as_crashed() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    runtime.fulfil(&["sum"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    runtime.called().await;
    runtime.port.detach("its stream broke".to_owned()).await;
    let refusal = call.await.unwrap().unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::RuntimeCrash, Stage::Dispatch));
    assert_eq!(refusal.context().runtime_id.as_deref(), Some("calc"));
    until("it is recorded", || desk.log.of("runtime_detached").len() == 1).await;
    assert_eq!(desk.log.of("runtime_detached")[0].detail(), Some("its stream broke; 1 calls were in flight"));
    assert_eq!(desk.log.of("concluded")[0].code(), Some("RUNTIME_CRASH"));
    let refusal = desk.call(&agent, ask(&session, "k2", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable, "its seats are gone");
}

#[tokio::test]
async fn a_silent_runtime_is_ended_and_its_id_is_free() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    runtime.fulfil(&["sum"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    runtime.called().await;
    desk.clock.advance(Duration::from_secs(30));
    desk.host().sweep().await;
    assert!(!call.is_finished(), "30 s are allowed");
    desk.clock.advance(Duration::from_millis(1));
    desk.host().sweep().await;
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::RuntimeCrash);
    tokio::time::timeout(Duration::from_secs(60), runtime.port.ended()).await.expect("the attachment is ended");
    let mut second = desk.attach("calc").await;
    runtime.port.detach("ended by the host".to_owned()).await;
    assert!(second.lives().await && desk.host().hub.len() == 1, "the old one takes the new one along");
}

#[tokio::test]
async fn a_heartbeat_keeps_a_runtime() {
    let desk = strict();
    let mut runtime = desk.attach("calc").await;
    for _ in 0..5 {
        desk.clock.advance(Duration::from_secs(29));
        assert!(runtime.lives().await);
        desk.host().sweep().await;
    }
    assert!(!runtime.port.wire.ended().is_cancelled());
}

#[tokio::test]
async fn a_draining_runtime_ends_its_calls_and_gets_no_more() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    for bye in [false, true] {
        let mut runtime = desk.attach("calc").await;
        runtime.fulfil(&["sum"]).await;
        let call = desk.begin(&agent, ask(&session, &format!("k{bye}"), "sum", SUM));
        let frame = runtime.called().await;
        let reason = "update".to_owned();
        runtime.receive(if bye { RuntimeFrame::Bye { reason } } else { RuntimeFrame::Drain { reason } }).await;
        let refusal = desk.call(&agent, ask(&session, &format!("late{bye}"), "sum", SUM)).await.unwrap_err();
        assert_eq!(refusal.code(), Code::ServiceUnavailable);
        runtime.result(&frame, "3").await;
        assert!(call.await.unwrap().is_ok());
        runtime.port.detach("done".to_owned()).await;
    }
}

#[tokio::test]
async fn a_late_result_is_recorded_and_delivered_to_nobody() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut runtime = desk.attach("calc").await;
    runtime.fulfil(&["sum"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    let frame = runtime.called().await;
    assert!(desk.cancel(&agent, &session, "k").await.unwrap());
    assert_eq!(call.await.unwrap().unwrap_err().code(), Code::Cancelled);
    assert!(
        matches!(runtime.next().await, HostFrame::Cancel { invocation_id, .. } if invocation_id == frame.invocation_id)
    );
    runtime.result(&frame, "3").await;
    until("it is recorded", || desk.log.of("late_result").len() == 1).await;
    let record = &desk.log.of("late_result")[0];
    let invocation = frame.invocation_id.to_string();
    assert_eq!(
        (record.invocation(), record.runtime(), record.correlation()),
        (Some(invocation.as_str()), Some("calc"), Some("w-k"))
    );
    assert_eq!(desk.log.of("concluded").len(), 1, "it concludes nothing");
    assert!(runtime.lives().await, "being late breaks no rule");
}

#[tokio::test]
async fn an_answer_of_the_wrong_form_is_a_violation_for_caller_runtime_and_log() {
    type Spoil = fn(&mut ResultFrame);
    let spoils: [(Spoil, &str); 3] = [
        (|result| result.call_id = "other".to_owned(), "another call_id"),
        (|result| result.name = "other".to_owned(), "another name"),
        (|result| result.answer = Err("neither content nor error".to_owned()), "neither content nor error"),
    ];
    for (spoil, fault) in spoils {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let mut runtime = desk.attach("calc").await;
        runtime.fulfil(&["sum"]).await;
        let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
        let frame = runtime.called().await;
        let mut wrong = result(&frame, "3");
        spoil(&mut wrong);
        let (code, message, invocation) = error(runtime.answered(RuntimeFrame::Result(wrong)).await);
        assert_eq!((code, invocation), (Code::ProtocolViolation, frame.invocation_id.to_string()));
        assert!(message.contains(fault), "{message}");
        let refusal = call.await.unwrap().unwrap_err();
        assert_eq!(refusal.code(), Code::ProtocolViolation);
        assert!(!refusal.message().contains(fault), "that is the operator's: {refusal}");
        let [record] = &desk.log.of("violation")[..] else { panic!("one record") };
        assert_eq!((record.code(), record.runtime()), (Some("PROTOCOL_VIOLATION"), Some("calc")));
        assert!(record.detail().unwrap().contains(fault));
        assert!(runtime.lives().await, "the connection stays up");
    }
}

#[tokio::test]
async fn a_result_that_was_made_up_disturbs_nobody() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let (mut runtime, mut thief) = (desk.attach("calc").await, desk.attach("thief").await);
    runtime.fulfil(&["sum"]).await;
    let call = desk.begin(&agent, ask(&session, "k", "sum", SUM));
    let frame = runtime.called().await;
    let mut forged = result(&frame, r#""forged""#);
    assert_eq!(error(thief.answered(RuntimeFrame::Result(forged.clone())).await).0, Code::ProtocolViolation);
    forged.invocation_id = InvocationId::mint().to_string();
    assert_eq!(error(runtime.answered(RuntimeFrame::Result(forged.clone())).await).0, Code::ProtocolViolation);
    forged.invocation_id = "nonsense".to_owned();
    assert_eq!(error(runtime.answered(RuntimeFrame::Result(forged)).await).0, Code::ProtocolViolation);
    runtime.result(&frame, "3").await;
    assert_eq!(call.await.unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
    until("all are recorded", || desk.log.of("violation").len() == 3).await;
}

#[tokio::test]
async fn a_frame_that_the_host_does_not_know_gets_an_error_and_the_stream_stays() {
    let desk = strict();
    let mut runtime = desk.attach("calc").await;
    let (code, message, _) = error(runtime.answered(RuntimeFrame::Unsupported("Chunk")).await);
    assert_eq!(code, Code::FeatureUnavailable);
    assert!(message.contains("`Chunk`"), "{message}");
    let again = RuntimeFrame::Announce(Box::new(Announce { runtime_id: "root".to_owned(), ..Announce::default() }));
    assert_eq!(error(runtime.answered(again).await).0, Code::ProtocolViolation);
    assert_eq!(runtime.port.wire.card().id.as_str(), "calc");
    until("it is recorded", || desk.log.of("violation").len() == 1).await;
    runtime.receive(RuntimeFrame::Error { message: "what was that".to_owned() }).await;
    assert!(runtime.lives().await);
}

#[tokio::test]
async fn strict_takes_no_registration_and_keeps_the_connection() {
    let desk = strict();
    let mut runtime = desk.attach("calc").await;
    let declaration = |name: &str| grid_core::frame::Declaration {
        name: name.to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT"}"#.to_owned(),
    };
    let register = Register {
        tools: vec![vec![declaration("mine")], vec![declaration("sum")]],
        correlation_id: "w-register".to_owned(),
        ..Register::default()
    };
    let HostFrame::Registered(answer) = runtime.answered(RuntimeFrame::Register(register)).await else {
        panic!("an answer")
    };
    assert!(answer.accepted.is_empty());
    let rejected: Vec<_> = answer.rejected.iter().map(|(name, refusal)| (name.as_str(), refusal.code())).collect();
    assert_eq!(rejected, [("mine", Code::FeatureUnavailable), ("sum", Code::FeatureUnavailable)]);
    let [record] = &desk.log.of("registered")[..] else { panic!("the attempt is recorded") };
    assert_eq!((record.correlation(), record.runtime()), (Some("w-register"), Some("calc")));
    assert_eq!(record.fields()["rejected"].as_array().unwrap().len(), 2);
    assert!(runtime.lives().await);
    assert_eq!(desk.host().sessions.open(), 0, "no session was opened for it");
}

#[tokio::test]
async fn a_stream_that_never_announced_itself_is_recorded_unless_a_strangers() {
    let desk = strict();
    let fault = || grid_core::Refusal::new(Code::ProtocolViolation, Stage::Link, "the first frame must announce");
    let calc = desk.token("calc", "demo", &["runtime"]);
    let refusal = desk.door.unannounced(calc, fault()).await;
    assert_eq!(refusal.code(), Code::ProtocolViolation);
    assert!(refusal.context().correlation_id.is_some());
    let refusal = desk.door.unannounced(Default::default(), fault()).await;
    assert_eq!(refusal.code(), Code::ProtocolViolation);
    assert_eq!(desk.log.of("refused").len(), 1);
}
