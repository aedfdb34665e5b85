use std::sync::Arc;

use grid_core::{
    feature::Feature,
    frame::{CallFrame, ResultFrame},
    outcome::ToolAnswer,
    runtime::{Runtime as _, Unreachable},
    stream::{LEAST, Pipe, Progress},
};
use tokio::sync::{mpsc, oneshot};

use super::*;
use crate::wire::tests::{call, wire};

/// A streamed call of a runtime that streams.
struct Scene {
    wire: Arc<Wire>,
    frames: mpsc::Receiver<HostFrame>,
    call: CallFrame,
    pipe: Arc<Pipe>,
    ending: oneshot::Receiver<Ending>,
}

fn scene() -> Scene {
    let (wire, mut frames) = wire();
    wire.card().features.switch_on(Feature::Streaming);
    let (pipe, call) = (Arc::new(Pipe::default()), CallFrame { streaming: true, ..call() });
    let ending = wire.start_heard(call.clone(), Arc::clone(&pipe)).unwrap();
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Call(sent) if sent.streaming));
    Scene { wire, frames, call, pipe, ending }
}

impl Scene {
    fn chunk(&self, number: u64, payload: &[u8]) -> ChunkFrame {
        ChunkFrame {
            invocation_id: self.call.invocation_id.to_string(),
            chunk_id: number,
            payload: payload.to_vec().into(),
            ..ChunkFrame::default()
        }
    }

    fn last(&self, number: u64, payload: &[u8]) -> ChunkFrame {
        ChunkFrame { is_final: true, ..self.chunk(number, payload) }
    }

    fn failed(&self) -> ChunkFrame {
        let error = Some(("gone".to_owned(), "DISK_FULL".to_owned()));
        ChunkFrame { error, ..self.last(0, b"ignored") }
    }

    fn heard(&self) -> Vec<(u64, Vec<u8>)> {
        std::iter::from_fn(|| self.pipe.take())
            .filter_map(|heard| match heard {
                Heard::Chunk(chunk) => Some((chunk.number, chunk.payload.into())),
                Heard::Progress(_) => None,
            })
            .collect()
    }

    /// The call ended as violated, the runtime was told to stop, and the line is as good as before.
    fn violated(&mut self, settled: &Settled, part: &str) {
        assert!(
            matches!(settled, Settled::Violation(Some(id), fault)
            if *id == self.call.invocation_id && fault.contains(part)),
            "{settled:?}"
        );
        assert!(matches!(self.ending.try_recv().unwrap(), Ending::Violated(fault) if fault.contains(part)));
        assert!(matches!(self.frames.try_recv().unwrap(), HostFrame::Cancel { .. }));
        assert_eq!(self.wire.chunk(self.chunk(9, b"under way")), Settled::Ignored);
        let other = call();
        let mut ending = self.wire.start(other.clone()).unwrap();
        let answer = ResultFrame {
            invocation_id: other.invocation_id.to_string(),
            correlation_id: String::new(),
            call_id: other.call_id.to_string(),
            name: other.name.to_string(),
            answer: Ok(ToolAnswer::Success("3".to_owned())),
        };
        assert_eq!(self.wire.settle(answer), Settled::Delivered, "another call is not touched");
        assert!(matches!(ending.try_recv().unwrap(), Ending::Answered(_)));
    }
}

#[test]
fn chunks_come_out_in_order_and_the_final_one_ends_the_call() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.chunk(0, b"[1")), Settled::Delivered);
    assert_eq!(scene.wire.chunk(scene.chunk(1, b",2")), Settled::Delivered);
    assert!(scene.ending.try_recv().is_err());
    assert_eq!(scene.wire.chunk(scene.last(2, b"]")), Settled::Delivered);
    assert!(matches!(scene.ending.try_recv().unwrap(), Ending::Streamed));
    assert_eq!(scene.heard(), [(0, b"[1".to_vec()), (1, b",2".to_vec()), (2, b"]".to_vec())]);
}

#[test]
fn a_gap_a_repeat_and_another_beginning_end_their_call_alone() {
    let numbers: [&[u64]; 4] = [&[0, 2], &[0, 0], &[1], &[0, 1, 0]];
    for numbers in numbers {
        let mut scene = scene();
        let (last, before) = numbers.split_last().unwrap();
        for number in before {
            assert_eq!(scene.wire.chunk(scene.chunk(*number, b"x")), Settled::Delivered);
        }
        let settled = scene.wire.chunk(scene.chunk(*last, b"x"));
        scene.violated(&settled, "was due");
    }
}

#[test]
fn a_chunk_after_the_final_one_is_a_violation() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.last(0, b"1")), Settled::Delivered);
    let settled = scene.wire.chunk(scene.chunk(1, b"2"));
    assert!(matches!(settled, Settled::Violation(Some(_), fault) if fault.contains("after the result")));
    assert!(matches!(scene.ending.try_recv().unwrap(), Ending::Streamed), "what was whole stays so");
}

#[test]
fn an_error_in_the_stream_is_the_tools_answer() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.chunk(0, b"[1")), Settled::Delivered);
    assert_eq!(scene.wire.chunk(scene.failed()), Settled::Delivered);
    let ended = scene.ending.try_recv().unwrap();
    assert!(matches!(ended, Ending::Answered(ToolAnswer::Error { kind, .. }) if kind == "DISK_FULL"));
    assert_eq!(scene.heard().len(), 1, "its payload counts for nothing");
}

#[test]
fn an_error_that_is_not_final_is_a_violation() {
    let mut scene = scene();
    let settled = scene.wire.chunk(ChunkFrame { is_final: false, ..scene.failed() });
    scene.violated(&settled, "not the final one");
}

#[test]
fn no_more_is_taken_than_was_granted() {
    let mut scene = scene();
    let piece = vec![b' '; 64 << 10];
    for number in 0..4 {
        assert_eq!(scene.wire.chunk(scene.chunk(number, &piece)), Settled::Delivered);
    }
    assert!(scene.wire.grant(scene.call.invocation_id, 300));
    assert!(matches!(scene.frames.try_recv().unwrap(), HostFrame::Credit { bytes: 300, .. }));
    assert_eq!(scene.wire.chunk(scene.chunk(4, &piece[..44])), Settled::Delivered, "it costs {LEAST}");
    let settled = scene.wire.chunk(scene.chunk(5, b"x"));
    scene.violated(&settled, "44 bytes of credit left");
}

#[test]
fn the_empty_end_needs_no_credit() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.chunk(0, &vec![b' '; 256 << 10])), Settled::Delivered);
    assert_eq!(scene.wire.chunk(scene.last(1, b"")), Settled::Delivered);
    assert!(matches!(scene.ending.try_recv().unwrap(), Ending::Streamed));
}

#[test]
fn small_chunks_cost_what_they_take() {
    let scene = scene();
    let most = CREDIT / LEAST;
    let taken = (0..most + 10).take_while(|number| scene.wire.chunk(scene.chunk(*number, b"x")) == Settled::Delivered);
    assert_eq!(taken.count() as u64, most);
}

#[test]
fn credit_that_cannot_be_said_is_not_counted() {
    let scene = scene();
    while scene.wire.frames.try_send(HostFrame::HeartbeatAck { sequence: 0 }).is_ok() {}
    assert!(!scene.wire.grant(scene.call.invocation_id, 1000));
    assert_eq!(scene.wire.chunk(scene.chunk(0, &vec![b' '; 256 << 10])), Settled::Delivered);
    assert!(matches!(scene.wire.chunk(scene.chunk(1, b"x")), Settled::Violation(..)));
}

#[test]
fn a_runtime_that_cannot_stream_is_not_asked_to() {
    let (wire, mut frames) = wire();
    let asked = CallFrame { streaming: true, ..call() };
    let _ending = wire.start_heard(asked, Arc::default()).unwrap();
    assert!(matches!(frames.try_recv().unwrap(), HostFrame::Call(sent) if !sent.streaming));
}

#[test]
fn a_call_that_is_not_streamed_has_no_chunks() {
    let mut scene = scene();
    scene.call = call();
    scene.ending = scene.wire.start(scene.call.clone()).unwrap();
    drop(scene.frames.try_recv());
    let settled = scene.wire.chunk(scene.chunk(0, b"1"));
    scene.violated(&settled, "not streamed");
}

#[test]
fn a_whole_result_after_a_part_of_it_is_a_violation() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.chunk(0, b"[1")), Settled::Delivered);
    let answer = ResultFrame {
        invocation_id: scene.call.invocation_id.to_string(),
        correlation_id: String::new(),
        call_id: scene.call.call_id.to_string(),
        name: scene.call.name.to_string(),
        answer: Ok(ToolAnswer::Success("[1]".to_owned())),
    };
    assert!(matches!(scene.wire.settle(answer), Settled::Violation(..)));
    assert!(matches!(scene.ending.try_recv().unwrap(), Ending::Violated(_)));
}

#[test]
fn what_is_under_way_when_a_call_is_given_up_is_dropped_and_its_end_is_late() {
    let scene = scene();
    scene.wire.cancel(scene.call.invocation_id, "enough");
    assert_eq!(scene.wire.chunk(scene.chunk(0, b"[1")), Settled::Ignored);
    assert_eq!(scene.wire.chunk(scene.last(1, b"]")), Settled::Late(scene.call.invocation_id));
    assert_eq!(scene.wire.progress(progress(&scene, 0.5)), Settled::Ignored);
}

#[test]
fn of_progress_the_last_word_is_kept() {
    let scene = scene();
    for step in 1..100 {
        assert_eq!(scene.wire.progress(progress(&scene, f64::from(step) / 100.0)), Settled::Delivered);
    }
    let heard: Vec<_> = std::iter::from_fn(|| scene.pipe.take()).collect();
    assert_eq!(heard, [Heard::Progress(Progress { fraction: 0.99, message: String::new() })]);
    let stranger = ProgressFrame { invocation_id: InvocationId::mint().to_string(), ..ProgressFrame::default() };
    assert!(matches!(scene.wire.progress(stranger), Settled::Violation(..)));
}

#[test]
fn a_runtime_that_goes_ends_its_streams() {
    let mut scene = scene();
    assert_eq!(scene.wire.chunk(scene.chunk(0, b"[1")), Settled::Delivered);
    assert_eq!(scene.wire.crash("it left"), 1);
    assert!(matches!(scene.ending.try_recv().unwrap(), Ending::Crashed(_)));
    assert_eq!(scene.heard().len(), 1, "what came before is still the caller's");
    assert_eq!(scene.wire.start(call()).err(), Some(Unreachable::Gone));
}

fn progress(scene: &Scene, fraction: f64) -> ProgressFrame {
    let progress = Progress { fraction, message: String::new() };
    ProgressFrame { invocation_id: scene.call.invocation_id.to_string(), progress, ..ProgressFrame::default() }
}
