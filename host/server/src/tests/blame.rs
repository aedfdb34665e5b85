//! Breakers are about whoever failed: what one caller or one tenant does, or has, takes nothing from others.

use grid_breaker::{Phase, Scope};
use grid_core::{
    Code,
    envelope::Envelope,
    port::FrontDoor as _,
    runtime::Ending,
    stream::{CallEvent, Chunk, Heard, Progress},
};
use grid_testkit::{soon, until};

use super::desk::{Desk, SUM, ask, strict, strict_with, success};

fn crash() -> Ending {
    Ending::Crashed("it fell over".to_owned())
}

/// No breaker has counted anything.
fn untouched<C>(desk: &Desk<C>) -> bool {
    let breakers = desk.door.0.guard.breakers().unwrap();
    breakers.list(true).iter().all(|row| (row.view.failures, row.view.slow) == (0, 0))
}

#[tokio::test]
async fn a_tenant_whose_own_runtime_fails_takes_the_tool_from_nobody_else() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let other = desk.token("agent", "other", &["caller"]);
    let theirs = desk.session(&other).await;
    let (bad, good) = (desk.seated_for("mail/1", "demo", &["send"]), desk.seated_for("mail/2", "other", &["send"]));
    for at in 0..5 {
        desk.ended(&agent, ask(&session, &format!("k{at}"), "send", "{}"), &bad, crash()).await.unwrap_err();
    }
    let refusal = desk.call(&agent, ask(&session, "l", "send", "{}")).await.unwrap_err();
    assert_eq!((refusal.code(), bad.calls().len()), (Code::ServiceUnavailable, 5));
    let breakers = desk.host().guard.breakers().unwrap();
    let phases = [(Scope::Runtime, "mail/1"), (Scope::Provider, "mail"), (Scope::Tool, "send")];
    let phases = phases.map(|(scope, name)| breakers.phase(scope, name));
    assert_eq!(phases, [Phase::Open, Phase::Closed, Phase::Closed]);
    assert!(desk.ended(&other, ask(&theirs, "k", "send", "{}"), &good, success("1")).await.is_ok());
}

#[tokio::test]
async fn who_selects_one_that_fails_takes_the_tool_from_nobody_else() {
    let desk = strict().ruled(|rules| rules.select_role = "caller".to_owned());
    let (agent, session) = desk.agent().await;
    let (bad, good) = (desk.seated("bad", &["send"]), desk.seated("good", &["send"]));
    for at in 0..5 {
        let wished = Envelope { provider: "bad".to_owned(), ..ask(&session, &format!("k{at}"), "send", "{}") };
        desk.ended(&agent, wished, &bad, crash()).await.unwrap_err();
    }
    let breakers = desk.host().guard.breakers().unwrap();
    assert_eq!([Scope::Provider, Scope::Tool].map(|scope| breakers.phase(scope, "send")), [Phase::Closed; 2]);
    assert!(desk.ended(&agent, ask(&session, "l", "send", "{}"), &good, success("1")).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_does_not_read_its_stream_opens_no_breaker() {
    let chunk =
        |number, payload: &[u8]| Heard::Chunk(Chunk { number, payload: payload.to_vec().into(), is_final: false });
    for said in [vec![chunk(0, b"[1")], vec![chunk(0, b"[1"), chunk(1, b",2")]] {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let runtime = desk.seated("calc", &["sum"]);
        let call = Envelope { streaming: true, ..ask(&session, "k", "sum", SUM) };
        let mut events = desk.door.call_streaming(agent, call).await;
        until("the runtime has it", || runtime.waiting() > 0).await;
        let pipe = runtime.pipe().unwrap();
        said.into_iter().for_each(|heard| pipe.put(heard));
        while runtime.waiting() > 0 {
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        let refusal = loop {
            if let CallEvent::End(end) = soon("an event", events.recv()).await.unwrap() {
                break end.unwrap_err();
            }
        };
        assert_eq!(refusal.code(), Code::Timeout);
        assert!(refusal.details().contains(&("held_by", "caller".to_owned())), "{refusal:?}");
        assert!(untouched(&desk), "{:?}", desk.host().guard.breakers().unwrap().list(true));
    }
}

#[tokio::test]
async fn of_two_that_have_a_call_each_has_its_own_idle_time() {
    let contract = r#"{"manifest_version":"1.0.0","contracts":[{"name":"c","required_roles":["caller"],"effect":"pure",
        "timeout":"300s","hedge":"1ms","idle":"1s","function_declarations":[
            {"name":"f","description":"Does it.","parameters":{"type":"OBJECT"}}]}]}"#;
    let desk = strict_with(contract);
    let (agent, session) = desk.agent().await;
    let runtimes = [desk.seated("c/1", &["f"]), desk.seated("c/2", &["f"])];
    let call = desk.begin(&agent, ask(&session, "k", "f", "{}"));
    until("both have it", || runtimes.iter().all(|runtime| runtime.waiting() > 0)).await;
    tokio::time::pause();
    let begun = tokio::time::Instant::now();
    // One says that it is on its way; the other says nothing.
    let (busy, silent) = (&runtimes[0], &runtimes[1]);
    for _ in 0..4 {
        tokio::time::sleep(std::time::Duration::from_millis(900)).await;
        busy.pipe().unwrap().put(Heard::Progress(Progress { fraction: 0.5, message: String::new() }));
    }
    assert_eq!((busy.cancelled().len(), silent.cancelled().len()), (0, 1));
    assert_eq!(silent.cancelled()[0].1, "it was silent for too long");
    let refusal = call.await.unwrap().unwrap_err();
    assert!(refusal.code() == Code::Timeout && refusal.message().contains("idle time"), "{}", refusal.message());
    assert!(begun.elapsed() >= std::time::Duration::from_millis(4600), "{:?}", begun.elapsed());
    assert_eq!(busy.cancelled().len(), 1);
}
