//! Results in pieces, from a runtime's frames to what a caller hears and what the log has.

use std::time::Duration;

use grid_adm::Digest;
use grid_contract::Strict;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope},
    frame::{Announce, CallFrame, HostFrame, RuntimeFrame},
    outcome::{CallAnswer, ToolAnswer},
    port::{FrontDoor as _, RuntimeDoor as _, RuntimePort as _},
    stream::{CREDIT, CallEvent, ChunkFrame, Progress, ProgressFrame, Streamed},
};
use grid_testkit::{soon, until};
use tokio::sync::mpsc::Receiver;

use super::desk::{Attached, Desk, SUM, ask, result, strict, strict_with};

const IDLE: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"calc","effect":"pure","timeout":"10s","idle":"1s","required_roles":["caller"],"function_declarations":[
        {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT"}}]}]}"#;

/// A caller with a session, and a runtime that serves `sum`.
struct Scene {
    desk: Desk<Strict>,
    agent: Credentials,
    session: String,
    runtime: Attached<Strict>,
}

async fn scene() -> Scene {
    scene_of(strict(), &["streaming", "progress"]).await
}

async fn scene_of(desk: Desk<Strict>, features: &[&str]) -> Scene {
    let (agent, session) = desk.agent().await;
    let announce = Announce {
        runtime_id: "calc".to_owned(),
        level: 2,
        features: features.iter().map(ToString::to_string).collect(),
        ..Announce::default()
    };
    let calc = desk.token("calc", "demo", &["runtime"]);
    let (port, frames) = desk.door.attach(calc, announce).await.unwrap();
    let mut runtime = Attached { port, frames };
    let HostFrame::Announced(announced) = runtime.next().await else { panic!("the answer comes first") };
    let credit = announced.config.get("streaming.credit").map(String::as_str);
    assert_eq!(credit, features.contains(&"streaming").then_some("262144"));
    runtime.fulfil(&["sum"]).await;
    Scene { desk, agent, session, runtime }
}

impl Scene {
    async fn begin(&mut self, call_id: &str) -> (CallFrame, Receiver<CallEvent>) {
        let events = self.ask(call_id).await;
        (self.runtime.called().await, events)
    }

    async fn ask(&self, call_id: &str) -> Receiver<CallEvent> {
        let call = Envelope { streaming: true, ..ask(&self.session, call_id, "sum", SUM) };
        self.desk.door.call_streaming(self.agent.clone(), call).await
    }

    async fn chunk(&mut self, call: &CallFrame, number: u64, payload: &[u8], is_final: bool) {
        let chunk = ChunkFrame { is_final, ..chunk(call, number, payload) };
        self.runtime.receive(RuntimeFrame::Chunk(Box::new(chunk))).await;
    }

    async fn progress(&mut self, call: &CallFrame, fraction: f64) {
        let progress = Progress { fraction, message: "on the way".to_owned() };
        let invocation_id = call.invocation_id.to_string();
        let frame = ProgressFrame { invocation_id, progress, ..ProgressFrame::default() };
        self.runtime.receive(RuntimeFrame::Progress(Box::new(frame))).await;
    }

    /// The only conclusion: its outcome, code, chunks and bytes, and the digest.
    fn concluded(&self) -> (String, Option<String>, Option<u64>, Option<u64>, Option<String>) {
        let [record] = &self.desk.log.of("concluded")[..] else { panic!("one conclusion") };
        let fields = record.fields();
        let text = |name: &str| fields.get(name).and_then(|value| value.as_str()).map(str::to_owned);
        let number = |name: &str| fields.get(name).and_then(serde_json::Value::as_u64);
        (text("outcome").unwrap(), text("code"), number("chunks"), number("result_bytes"), text("result_digest"))
    }
}

fn chunk(call: &CallFrame, number: u64, payload: &[u8]) -> ChunkFrame {
    let (invocation_id, payload) = (call.invocation_id.to_string(), payload.to_vec().into());
    ChunkFrame { invocation_id, chunk_id: number, payload, ..ChunkFrame::default() }
}

/// What comes until the end, and the end.
async fn all(events: &mut Receiver<CallEvent>) -> (Vec<u8>, Vec<f64>, Result<CallAnswer, Refusal>) {
    let (mut bytes, mut progress, mut next) = (Vec::new(), Vec::new(), 0);
    loop {
        match soon("an event", events.recv()).await.expect("an end comes") {
            CallEvent::Chunk(_, chunk) => {
                assert_eq!(chunk.number, next);
                next += 1;
                bytes.extend(chunk.payload);
            }
            CallEvent::Progress(_, said) => progress.push(said.fraction),
            CallEvent::End(end) => return (bytes, progress, *end),
        }
    }
}

fn digest(bytes: &[u8]) -> [u8; 32] {
    *Digest::of_bytes(bytes).as_bytes()
}

fn recorded(bytes: &[u8]) -> Option<String> {
    Some(format!("sha256:{}", Digest::of_bytes(bytes)))
}

#[tokio::test]
async fn pieces_come_in_order_and_the_log_has_their_digest_before_the_end() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    assert!(call.streaming);
    scene.progress(&call, 0.25).await;
    scene.chunk(&call, 0, b"[1,\"\xc3", false).await;
    scene.desk.log.disk.hold();
    scene.chunk(&call, 1, b"\xa4\",2", false).await;
    scene.chunk(&call, 2, b"]", true).await;
    let whole = "[1,\"ä\",2]".as_bytes();
    let mut heard = Vec::new();
    while heard.len() < whole.len() {
        if let CallEvent::Chunk(_, chunk) = events.recv().await.unwrap() {
            heard.extend(chunk.payload);
        }
    }
    assert_eq!(heard, whole);
    until("the conclusion waits for the disk", || scene.desk.log.disk.is_waiting()).await;
    assert!(events.try_recv().is_err(), "no end before its record");
    scene.desk.log.disk.release();
    let (_, _, end) = all(&mut events).await;
    let streamed = Streamed { chunks: 3, bytes: whole.len() as u64, digest: digest(whole) };
    assert_eq!(end.unwrap().answer, ToolAnswer::Streamed(streamed));
    let bytes = Some(whole.len() as u64);
    assert_eq!(scene.concluded(), ("success".to_owned(), None, Some(3), bytes, recorded(whole)));
}

#[tokio::test]
async fn a_fault_in_the_order_ends_its_call_and_not_the_connection() {
    for numbers in [[0, 2], [0, 0], [0, 7]] {
        let mut scene = scene().await;
        let (call, mut events) = scene.begin("k").await;
        scene.chunk(&call, numbers[0], b"[1", false).await;
        scene.chunk(&call, numbers[1], b",2", false).await;
        let (_, _, end) = all(&mut events).await;
        assert_eq!(end.unwrap_err().code(), Code::ProtocolViolation);
        until("it is on record", || scene.desk.log.of("violation").len() == 1).await;
        let (other, mut events) = {
            let events = scene.ask("k2").await;
            loop {
                // What it is told of the fault comes first.
                if let HostFrame::Call(call) = scene.runtime.next().await {
                    break (*call, events);
                }
            }
        };
        scene.chunk(&other, 0, b"7", true).await;
        assert!(all(&mut events).await.2.is_ok(), "the connection lives");
    }
}

#[tokio::test]
async fn content_that_is_no_json_ends_the_call_where_it_is_noticed() {
    for (pieces, sent) in [(&["[1", ",]", "2"][..], 1), (&["[1", ",2"], 2), (&["1", " 2"], 1), (&["\"\u{1}\""], 0)] {
        let mut scene = scene().await;
        let (call, mut events) = scene.begin("k").await;
        for (number, piece) in pieces.iter().enumerate() {
            let last = number + 1 == pieces.len();
            scene.chunk(&call, number as u64, piece.as_bytes(), last).await;
        }
        let (bytes, _, end) = all(&mut events).await;
        assert_eq!(end.unwrap_err().code(), Code::ProtocolViolation, "{pieces:?}");
        assert_eq!(bytes, pieces[..sent].concat().as_bytes());
        let (outcome, code, chunks, ..) = scene.concluded();
        assert_eq!((outcome.as_str(), code.as_deref()), ("failed", Some("PROTOCOL_VIOLATION")));
        assert_eq!(chunks.unwrap_or_default(), sent as u64, "{pieces:?}");
    }
}

#[tokio::test]
async fn an_error_in_the_stream_is_the_tools_and_what_came_before_is_on_record() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    scene.chunk(&call, 0, b"[1", false).await;
    let error = Some(("full".to_owned(), "DISK_FULL".to_owned()));
    let failed = ChunkFrame { error, is_final: true, ..chunk(&call, 1, b"x") };
    scene.runtime.receive(RuntimeFrame::Chunk(Box::new(failed))).await;
    let (bytes, _, end) = all(&mut events).await;
    assert_eq!(bytes, b"[1");
    assert!(matches!(end.unwrap().answer, ToolAnswer::Error { kind, .. } if kind == "DISK_FULL"));
    assert_eq!(scene.concluded(), ("tool_error".to_owned(), None, Some(1), Some(2), recorded(b"[1")));
}

#[tokio::test]
async fn a_runtime_that_goes_in_the_middle_ends_the_stream_after_what_came() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    scene.chunk(&call, 0, b"[1", false).await;
    scene.chunk(&call, 1, b",2", false).await;
    let Scene { runtime, desk, .. } = scene;
    runtime.port.detach("it left".to_owned()).await;
    let (bytes, _, end) = all(&mut events).await;
    assert_eq!(bytes, b"[1,2");
    let refusal = end.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::RuntimeCrash, Stage::Dispatch));
    assert_eq!(desk.log.of("concluded").len(), 1);
}

#[tokio::test]
async fn a_caller_that_leaves_stops_its_call() {
    let mut scene = scene().await;
    let (call, events) = scene.begin("k").await;
    drop(events);
    let HostFrame::Cancel { invocation_id, reason } = scene.runtime.next().await else { panic!("told to stop") };
    assert_eq!((invocation_id, reason.as_str()), (call.invocation_id, "the caller left its stream"));
    until("it is concluded", || !scene.desk.log.of("concluded").is_empty()).await;
    let (outcome, code, ..) = scene.concluded();
    assert_eq!((outcome.as_str(), code.as_deref()), ("failed", Some("CANCELLED")));
    scene.chunk(&call, 0, b"[1", false).await;
    assert!(scene.runtime.lives().await, "what was under way is dropped without a word");
}

#[tokio::test]
async fn a_call_can_be_cancelled_in_the_middle() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    scene.chunk(&call, 0, b"[1", false).await;
    assert!(matches!(events.recv().await, Some(CallEvent::Chunk(..))));
    assert!(scene.desk.cancel(&scene.agent, &scene.session, "k").await.unwrap());
    assert_eq!(all(&mut events).await.2.unwrap_err().code(), Code::Cancelled);
    scene.chunk(&call, 1, b"]", true).await;
    until("the end is late", || scene.desk.log.of("late_result").len() == 1).await;
}

#[tokio::test]
async fn a_caller_that_does_not_read_holds_the_runtime_at_its_credit() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    let piece = vec![b' '; 32 << 10];
    let (mut sent, mut credit) = (0_u64, CREDIT);
    while credit >= piece.len() as u64 {
        scene.chunk(&call, sent, &piece, false).await;
        (sent, credit) = (sent + 1, credit - piece.len() as u64);
    }
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(scene.runtime.frames.try_recv().is_err(), "nothing was taken, so nothing is granted");
    // Two are a portion; one alone follows when nothing more is taken for a while.
    for taken in [2, 2, 1] {
        for _ in 0..taken {
            assert!(matches!(events.recv().await, Some(CallEvent::Chunk(..))));
        }
        let HostFrame::Credit { bytes, .. } = scene.runtime.next().await else { panic!("credit for {taken}") };
        assert_eq!(bytes, taken * piece.len() as u64);
    }
    for number in sent..sent + 5 {
        scene.chunk(&call, number, &piece, false).await;
    }
    scene.chunk(&call, sent + 5, &piece, false).await;
    assert!(matches!(scene.runtime.next().await, HostFrame::Cancel { .. }), "one more than was granted");
    let end = loop {
        if let CallEvent::End(end) = events.recv().await.expect("an end comes") {
            break *end;
        }
    };
    assert_eq!(end.unwrap_err().code(), Code::ProtocolViolation);
}

#[tokio::test]
async fn a_long_stream_passes_through_a_small_credit() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    let reader = tokio_util::task::TaskTracker::new().spawn(async move { all(&mut events).await });
    let piece = "1,".repeat(16 << 10);
    let (pieces, mut credit) = (512, CREDIT);
    scene.chunk(&call, 0, b"[", false).await;
    credit -= 256;
    for number in 1..=pieces {
        while credit < piece.len() as u64 {
            let HostFrame::Credit { bytes, .. } = scene.runtime.next().await else { panic!("only credit comes") };
            credit += bytes;
        }
        scene.chunk(&call, number, piece.as_bytes(), false).await;
        credit -= piece.len() as u64;
    }
    while credit < 256 {
        let HostFrame::Credit { bytes, .. } = scene.runtime.next().await else { panic!("only credit comes") };
        credit += bytes;
    }
    scene.chunk(&call, pieces + 1, b"0]", true).await;
    let (bytes, _, end) = reader.await.unwrap();
    assert_eq!(bytes.len(), piece.len() * 512 + 3);
    let ToolAnswer::Streamed(streamed) = end.unwrap().answer else { panic!("streamed") };
    assert_eq!((streamed.chunks, streamed.digest), (514, digest(&bytes)));
}

#[tokio::test]
async fn a_runtime_that_cannot_stream_answers_in_one_piece() {
    let mut scene = scene_of(strict(), &[]).await;
    let (call, mut events) = scene.begin("k").await;
    assert!(!call.streaming);
    scene.runtime.result(&call, "[1, 2]").await;
    let (bytes, _, end) = all(&mut events).await;
    assert_eq!(bytes, b"[1, 2]");
    let streamed = Streamed { chunks: 1, bytes: 6, digest: digest(b"[1, 2]") };
    assert_eq!(end.unwrap().answer, ToolAnswer::Streamed(streamed));
}

#[tokio::test]
async fn a_call_with_one_answer_is_not_streamed() {
    let mut scene = scene().await;
    let begun = scene.desk.begin(&scene.agent, ask(&scene.session, "k", "sum", SUM));
    let call = scene.runtime.called().await;
    assert!(!call.streaming);
    scene.chunk(&call, 0, b"3", true).await;
    assert_eq!(begun.await.unwrap().unwrap_err().code(), Code::ProtocolViolation);
    let asked = Envelope { streaming: true, ..ask(&scene.session, "k2", "sum", SUM) };
    let refusal = scene.desk.call(&scene.agent, asked).await.unwrap_err();
    assert_eq!((refusal.code(), refusal.stage()), (Code::FeatureUnavailable, Stage::Transport));
    assert!(refusal.message().contains("StreamToolCall"), "{}", refusal.message());
}

#[tokio::test]
async fn a_repeat_of_a_streamed_call_learns_what_it_was_and_runs_nothing() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    scene.chunk(&call, 0, b"[1]", true).await;
    assert!(all(&mut events).await.2.is_ok());
    let unary = scene.desk.call(&scene.agent, ask(&scene.session, "k", "sum", SUM)).await;
    let (bytes, _, streamed) = all(&mut scene.ask("k").await).await;
    assert!(bytes.is_empty());
    for refusal in [unary.unwrap_err(), streamed.unwrap_err()] {
        assert_eq!((refusal.code(), refusal.stage()), (Code::FeatureUnavailable, Stage::Repeat));
        assert_eq!(refusal.context().invocation_id, Some(call.invocation_id));
        let digest = ("digest", recorded(b"[1]").unwrap());
        assert!(refusal.details().contains(&digest), "{:?}", refusal.details());
    }
    assert_eq!((scene.desk.log.of("admitted").len(), scene.desk.log.of("repeated").len()), (1, 2));
}

#[tokio::test]
async fn a_repeat_as_a_stream_of_a_call_that_was_not_gets_its_answer() {
    let mut scene = scene().await;
    let begun = scene.desk.begin(&scene.agent, ask(&scene.session, "k", "sum", SUM));
    let call = scene.runtime.called().await;
    scene.runtime.receive(RuntimeFrame::Result(result(&call, "3"))).await;
    assert!(begun.await.unwrap().is_ok());
    let (bytes, _, end) = all(&mut scene.ask("k").await).await;
    assert_eq!((bytes, end.unwrap().repeated), (b"3".to_vec(), true));
}

#[tokio::test]
async fn what_is_refused_before_it_runs_is_the_only_event() {
    let scene = scene().await;
    let call = ask(&scene.session, "k", "nothing", "{}");
    let mut events = scene.desk.door.call_streaming(scene.agent.clone(), call).await;
    let (bytes, progress, end) = all(&mut events).await;
    assert!(bytes.is_empty() && progress.is_empty());
    assert_eq!(end.unwrap_err().code(), Code::UnsupportedTool);
    assert!(events.recv().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn progress_and_chunks_renew_the_idle_time_and_silence_ends_the_call() {
    let mut scene = scene_of(strict_with(IDLE), &["streaming", "progress"]).await;
    let (call, mut events) = scene.begin("k").await;
    let reader = tokio_util::task::TaskTracker::new().spawn(async move { all(&mut events).await });
    scene.chunk(&call, 0, b"[1", false).await;
    for step in 1..6 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        scene.progress(&call, f64::from(step) / 10.0).await;
    }
    tokio::time::sleep(Duration::from_millis(900)).await;
    scene.chunk(&call, 1, b",2", false).await;
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert!(!reader.is_finished(), "5.4 s passed, and never 1 s without a word");
    let (bytes, progress, end) = reader.await.unwrap();
    assert_eq!((bytes.as_slice(), progress.len()), (&b"[1,2"[..], 5));
    let refusal = end.unwrap_err();
    assert_eq!(refusal.code(), Code::Timeout);
    assert!(refusal.message().contains("idle time"), "{}", refusal.message());
    assert!(refusal.details().contains(&("idle_ms", "1000".to_owned())));
    loop {
        if let HostFrame::Cancel { reason, .. } = scene.runtime.next().await {
            assert_eq!(reason, "it was silent for too long");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn progress_renews_the_idle_time_of_a_call_with_one_answer_too() {
    let mut scene = scene_of(strict_with(IDLE), &["progress"]).await;
    let begun = scene.desk.begin(&scene.agent, ask(&scene.session, "k", "sum", SUM));
    let call = scene.runtime.called().await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        scene.progress(&call, 0.5).await;
    }
    scene.runtime.result(&call, "3").await;
    assert_eq!(begun.await.unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
    let begun = scene.desk.begin(&scene.agent, ask(&scene.session, "k2", "sum", SUM));
    scene.runtime.called().await;
    let refusal = begun.await.unwrap().unwrap_err();
    assert!(refusal.code() == Code::Timeout && refusal.message().contains("idle time"), "{}", refusal.message());
}

#[tokio::test(start_paused = true)]
async fn a_runtime_that_waits_for_a_slow_caller_is_not_idle() {
    let mut scene = scene_of(strict_with(IDLE), &["streaming"]).await;
    let (call, mut events) = scene.begin("k").await;
    scene.chunk(&call, 0, b"[1", false).await;
    scene.chunk(&call, 1, b",2", false).await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    let reader = tokio_util::task::TaskTracker::new().spawn(async move { all(&mut events).await });
    scene.chunk(&call, 2, b"]", true).await;
    let (bytes, _, end) = reader.await.unwrap();
    assert_eq!(bytes, b"[1,2]");
    assert!(end.is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_a_stream_as_a_whole() {
    let mut scene = scene().await;
    let (call, mut events) = scene.begin("k").await;
    let reader = tokio_util::task::TaskTracker::new().spawn(async move { all(&mut events).await });
    scene.chunk(&call, 0, b"[1", false).await;
    for number in 1..15 {
        tokio::time::sleep(Duration::from_millis(900)).await;
        scene.chunk(&call, number, b",1", false).await;
    }
    let (_, _, end) = reader.await.unwrap();
    let refusal = end.unwrap_err();
    assert_eq!(refusal.code(), Code::Timeout);
    assert!(refusal.message().contains("10000 ms"), "{}", refusal.message());
}
