use std::task::Poll;

use grid_core::{
    feature::Features,
    id::{ConnectionId, CorrelationId, RuntimeId, SessionId, TenantId},
    outcome::ToolAnswer,
    runtime::Load,
};
use grid_testkit::FakeClock;

use super::*;
use crate::{Hub, Taken};

fn card(id: &str) -> Card {
    Card {
        id: RuntimeId::parse(id).unwrap(),
        tenant: TenantId::parse("demo").unwrap(),
        scope: None,
        connection: ConnectionId::mint(),
        language: "test".to_owned(),
        version: "0".to_owned(),
        attached_at_ms: 0,
        limit: 8,
        features: Features::default(),
        load: Load::default(),
    }
}

pub(super) fn wire() -> (Arc<Wire>, mpsc::Receiver<HostFrame>) {
    Wire::new(card("calc"), FakeClock::default().shared(), 4)
}

pub(super) fn call() -> CallFrame {
    CallFrame {
        invocation_id: InvocationId::mint(),
        correlation_id: CorrelationId::mint(0),
        session_id: SessionId::mint(),
        call_id: CallId::parse("c1").unwrap(),
        name: Arc::from("sum"),
        args: "{}".to_owned(),
        deadline_unix_ms: 0,
        trace: None,
        streaming: false,
    }
}

fn result(call: &CallFrame) -> ResultFrame {
    ResultFrame {
        invocation_id: call.invocation_id.to_string(),
        correlation_id: call.correlation_id.to_string(),
        call_id: call.call_id.to_string(),
        name: call.name.to_string(),
        answer: Ok(ToolAnswer::Success("3".to_owned())),
    }
}

#[test]
fn a_result_reaches_the_call_that_it_answers() {
    let (wire, mut frames) = wire();
    let call = call();
    let mut ending = wire.start(call.clone()).unwrap();
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Call(sent) if sent.invocation_id == call.invocation_id));
    assert_eq!(wire.settle(result(&call)), Settled::Delivered);
    assert!(matches!(ending.try_recv().unwrap(), Ending::Answered(ToolAnswer::Success(content)) if content == "3"));
}

#[test]
fn a_second_result_is_late_and_an_invented_one_a_violation() {
    let (wire, _frames) = wire();
    let call = call();
    let _ending = wire.start(call.clone()).unwrap();
    assert_eq!(wire.settle(result(&call)), Settled::Delivered);
    assert_eq!(wire.settle(result(&call)), Settled::Late(call.invocation_id));
    let other = self::call();
    assert!(matches!(wire.settle(result(&other)), Settled::Violation(Some(id), _) if id == other.invocation_id));
    let garbage = ResultFrame { invocation_id: "i-1".to_owned(), ..result(&call) };
    assert!(matches!(wire.settle(garbage), Settled::Violation(None, _)));
}

#[test]
fn a_runtime_cannot_answer_for_another() {
    let ((one, _one), (other, _other)) = (wire(), wire());
    let call = call();
    let mut ending = one.start(call.clone()).unwrap();
    assert!(matches!(other.settle(result(&call)), Settled::Violation(..)));
    assert!(ending.try_recv().is_err(), "the call must still wait");
}

#[test]
fn another_call_id_or_name_ends_the_call_as_a_violation() {
    for change in [
        |frame: &mut ResultFrame| frame.call_id = "c2".to_owned(),
        |frame: &mut ResultFrame| frame.name = "other".to_owned(),
        |frame: &mut ResultFrame| frame.answer = Err("neither content nor error".to_owned()),
    ] {
        let (wire, _frames) = wire();
        let call = call();
        let mut ending = wire.start(call.clone()).unwrap();
        let mut frame = result(&call);
        change(&mut frame);
        assert!(matches!(wire.settle(frame), Settled::Violation(Some(_), _)));
        assert!(matches!(ending.try_recv().unwrap(), Ending::Violated(_)));
    }
}

#[test]
fn a_cancelled_call_is_told_to_the_runtime_once_and_its_result_is_late() {
    let (wire, mut frames) = wire();
    let call = call();
    let _ending = wire.start(call.clone()).unwrap();
    wire.cancel(call.invocation_id, "deadline passed");
    wire.cancel(call.invocation_id, "deadline passed");
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Call(_)));
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Cancel { .. }));
    assert!(frames.try_recv().is_err());
    assert_eq!(wire.settle(result(&call)), Settled::Late(call.invocation_id));
}

#[test]
fn a_runtime_that_goes_ends_its_calls_and_takes_no_more() {
    let (wire, _frames) = wire();
    let mut ending = wire.start(call()).unwrap();
    assert_eq!(wire.crash("gone"), 1);
    assert!(matches!(ending.try_recv().unwrap(), Ending::Crashed(_)));
    assert_eq!(wire.start(call()).unwrap_err(), Unreachable::Gone);
    assert!(wire.ended().is_cancelled() && wire.card().load.is_draining());
}

#[test]
fn a_full_queue_refuses_and_leaves_nothing_behind() {
    let (wire, frames) = wire();
    let endings: Vec<_> = (0..4).map(|_| wire.start(call()).unwrap()).collect();
    let refused = call();
    assert_eq!(wire.start(refused.clone()).unwrap_err(), Unreachable::Busy);
    assert!(matches!(wire.settle(result(&refused)), Settled::Violation(..)), "it was never in flight");
    drop(frames);
    assert_eq!(wire.start(call()).unwrap_err(), Unreachable::Gone);
    drop(endings);
}

#[test]
fn one_id_is_attached_once_until_its_runtime_has_ended() {
    let hub = Hub::default();
    let clock = FakeClock::default();
    let new = || Wire::new(card("calc"), clock.shared(), 4).0;
    let (first, second) = (new(), new());
    hub.attach(&first).unwrap();
    clock.advance(Duration::from_secs(5));
    assert_eq!(hub.attach(&second), Err(Taken { silent_for: Duration::from_secs(5) }));
    assert!(hub.end_silent(Duration::from_secs(30)).is_empty());
    clock.advance(Duration::from_secs(26));
    assert_eq!(hub.end_silent(Duration::from_secs(30)).len(), 1);
    assert!(hub.end_silent(Duration::from_secs(30)).is_empty(), "ended once");
    hub.attach(&second).unwrap();
    hub.detach(first.card());
    assert_eq!(hub.len(), 1, "the first cannot detach its successor");
    hub.detach(second.card());
    assert!(hub.is_empty());
}

#[tokio::test]
async fn a_frame_that_waits_for_room_is_given_up_with_its_runtime() {
    let (wire, _unread) = wire();
    let farewell = || HostFrame::Bye { reason: "the host stops".to_owned() };
    for _ in 0..4 {
        wire.send(farewell()).await;
    }
    wire.offer(farewell());
    let mut waiting = std::pin::pin!(wire.send(farewell()));
    assert!(std::future::poll_fn(|cx| Poll::Ready(waiting.as_mut().poll(cx).is_pending())).await);
    wire.crash("it does not read");
    waiting.await;
}

#[test]
fn a_call_is_held_until_it_ends_here_whatever_ends_it() {
    let ends: [fn(&Wire, &CallFrame); 3] = [
        |wire, call| assert_eq!(wire.settle(result(call)), Settled::Delivered),
        |wire, call| wire.cancel(call.invocation_id, "enough"),
        |wire, _| assert_eq!(wire.crash("gone"), 1),
    ];
    for (at, end) in ends.into_iter().enumerate() {
        let (wire, _frames) = wire();
        let (other, _other_frames) = self::wire();
        let call = call();
        assert!(matches!(wire.holds(call.invocation_id), Held::Unknown));
        let _ending = wire.start(call.clone()).unwrap();
        let Held::InFlight(over) = wire.holds(call.invocation_id) else { panic!("it is in flight") };
        assert!(!over.is_cancelled());
        assert!(matches!(other.holds(call.invocation_id), Held::Unknown), "another runtime's");
        end(&wire, &call);
        assert!(over.is_cancelled(), "{at}");
        assert!(!matches!(wire.holds(call.invocation_id), Held::InFlight(_)), "{at}");
    }
}

fn oversized(id: &str, part: bool) -> OversizedFrame {
    OversizedFrame { invocation_id: id.to_owned(), part, found: 9, limit: 8 }
}

#[test]
fn a_result_that_is_too_large_ends_its_call_and_nothing_else() {
    let (wire, mut frames) = wire();
    let (one, other) = (call(), call());
    let mut ending = wire.start(one.clone()).unwrap();
    let mut beside = wire.start(other.clone()).unwrap();
    let id = one.invocation_id.to_string();
    let settled = wire.oversized(&oversized(&id, false));
    assert!(matches!(settled, Settled::TooLarge(Some(about), _) if about == one.invocation_id), "{settled:?}");
    assert!(matches!(ending.try_recv().unwrap(), Ending::TooLarge { found: 9, limit: 8 }));
    assert_eq!(wire.settle(result(&one)), Settled::Late(one.invocation_id), "once over, it stays over");
    assert_eq!(wire.oversized(&oversized(&id, false)), Settled::Late(one.invocation_id));
    assert_eq!(wire.settle(result(&other)), Settled::Delivered);
    assert!(matches!(beside.try_recv().unwrap(), Ending::Answered(_)));
    let sent = std::iter::from_fn(|| frames.try_recv().ok());
    assert_eq!(sent.filter(|frame| !matches!(frame, HostFrame::Call(_))).count(), 0, "it has finished already");
}

#[test]
fn a_chunk_that_is_too_large_stops_its_call() {
    let (wire, mut frames) = wire();
    let call = call();
    let mut ending = wire.start(call.clone()).unwrap();
    let id = call.invocation_id.to_string();
    assert!(matches!(wire.oversized(&oversized(&id, true)), Settled::TooLarge(Some(_), _)));
    assert!(matches!(ending.try_recv().unwrap(), Ending::TooLarge { .. }));
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Call(_)));
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Cancel { .. }), "it may have more to say");
    assert_eq!(wire.oversized(&oversized(&id, true)), Settled::Ignored, "it was on its way");
}

#[test]
fn a_frame_that_is_too_large_and_about_no_call_ends_none() {
    let (wire, _frames) = wire();
    let mut ending = wire.start(call()).unwrap();
    assert!(matches!(wire.oversized(&oversized("", false)), Settled::TooLarge(None, _)));
    let other = InvocationId::mint();
    assert!(matches!(wire.oversized(&oversized(&other.to_string(), false)), Settled::Violation(Some(_), _)));
    assert!(ending.try_recv().is_err());
}
