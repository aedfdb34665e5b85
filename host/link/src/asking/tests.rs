use grid_core::{
    id::{ConnectionId, RuntimeId, TenantId},
    runtime::{Card, Load},
};
use grid_testkit::FakeClock;
use tokio::sync::mpsc;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn wire() -> (Arc<Wire>, mpsc::Receiver<HostFrame>) {
    let card = Card {
        id: RuntimeId::parse("redis/1").unwrap(),
        tenant: TenantId::parse("demo").unwrap(),
        scope: None,
        connection: ConnectionId::mint(),
        language: "test".to_owned(),
        version: "0".to_owned(),
        attached_at_ms: 0,
        limit: 8,
        features: grid_core::feature::Features::default(),
        load: Load::default(),
    };
    Wire::new(card, FakeClock::default().shared(), 256)
}

async fn ask(wire: &Wire, phase: Phase) -> Result<(), Unwell> {
    wire.ask(phase, &Arc::from("get"), &CorrelationId::mint(0), LIMIT).await
}

async fn asked(frames: &mut mpsc::Receiver<HostFrame>) -> Ask {
    match frames.recv().await {
        Some(HostFrame::Lifecycle(ask)) => ask,
        other => panic!("no question: {other:?}"),
    }
}

fn say(sequence: u64, ok: bool, message: &str) -> Report {
    Report { sequence, ok, message: message.to_owned() }
}

#[tokio::test(start_paused = true)]
async fn a_runtime_says_yes_or_why_not() {
    let (wire, mut frames) = wire();
    wire.may_be_asked();
    let (answer, ()) = tokio::join!(ask(&wire, Phase::Health), async {
        let ask = asked(&mut frames).await;
        assert_eq!((ask.phase, &*ask.tool), (Phase::Health, "get"));
        assert!(wire.answered(say(ask.sequence, true, "")));
        assert!(!wire.answered(say(ask.sequence, false, "again")), "one answer a question");
    });
    assert_eq!(answer, Ok(()));
    let (answer, ()) = tokio::join!(ask(&wire, Phase::Health), async {
        let ask = asked(&mut frames).await;
        assert!(!wire.answered(say(ask.sequence + 1, true, "")), "an answer to no question");
        assert!(wire.answered(say(ask.sequence, false, "no disk")));
    });
    assert_eq!(answer, Err(Unwell::Said("no disk".to_owned())));
}

#[tokio::test(start_paused = true)]
async fn one_that_takes_no_questions_is_as_well_as_it_is_there() {
    let (wire, mut frames) = wire();
    assert_eq!(ask(&wire, Phase::Init).await, Ok(()));
    assert!(frames.try_recv().is_err(), "nothing is sent to it");
    wire.crash("over");
    assert_eq!(ask(&wire, Phase::Init).await, Err(Unwell::Gone));
}

#[tokio::test(start_paused = true)]
async fn silence_ends_at_the_limit_and_a_crash_ends_it_at_once() {
    let (wire, mut frames) = wire();
    wire.may_be_asked();
    assert_eq!(ask(&wire, Phase::Cleanup).await, Err(Unwell::Late(LIMIT)));
    let late = asked(&mut frames).await;
    assert!(!wire.answered(say(late.sequence, true, "")), "what comes after the limit is for nobody");
    let (answer, ()) = tokio::join!(ask(&wire, Phase::Health), async {
        asked(&mut frames).await;
        wire.crash("over");
    });
    assert_eq!(answer, Err(Unwell::Gone));
}

#[tokio::test(start_paused = true)]
async fn few_questions_are_open_at_once() {
    let (wire, _frames) = wire();
    wire.may_be_asked();
    let open = (0..OPEN).map(|_| {
        let wire = Arc::clone(&wire);
        tokio_util::task::TaskTracker::new().spawn(async move { ask(&wire, Phase::Health).await })
    });
    let open: Vec<_> = open.collect();
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(ask(&wire, Phase::Health).await, Err(Unwell::Busy));
    for asking in open {
        assert_eq!(asking.await.unwrap(), Err(Unwell::Late(LIMIT)));
    }
    assert_eq!(ask(&wire, Phase::Health).await, Err(Unwell::Late(LIMIT)), "there is room again");
}
