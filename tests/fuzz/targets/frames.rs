//! Bytes from runtimes and callers, through the conversions of the transport and on to the line of a runtime.
//! Besides crashes it looks for a frame that changes when it is written again, a result or a piece of one that reaches a
//! call which is not its own, a piece that is counted twice, a call that does not reach a runtime as its caller sent it, and an answer above the limit.

#![no_main]

use std::sync::Arc;

use grid_core::{
    clock::SystemClock,
    feature::{Feature, Features},
    frame::{CallFrame, HostFrame, ResultFrame, RuntimeFrame},
    id::{CallId, ConnectionId, CorrelationId, InvocationId, RuntimeId, SessionId, TenantId},
    outcome::{CallAnswer, Carried, ToolAnswer},
    runtime::{Card, Ending, Load, Runtime as _},
    stream::{CREDIT, ChunkFrame, Heard, Pipe, cost},
};
use grid_grpc::frames::{decode_call, decode_runtime_frame, encode_answer, encode_host_frame};
use grid_link::{Settled, Wire};
use grid_proto::v1::{self, call_tool_response::Outcome, host_frame::Frame};
use libfuzzer_sys::fuzz_target;
use prost::Message;

/// The smallest that the host can be set to.
const LIMIT: usize = 64 << 10;

fuzz_target!(|input: &[u8]| {
    again::<v1::RuntimeFrame>(input);
    again::<v1::HostFrame>(input);
    again::<v1::ToolCall>(input);
    match decode_runtime_frame(input) {
        Some(RuntimeFrame::Result(result)) => settled(result),
        Some(RuntimeFrame::Chunk(chunk)) => streamed(*chunk),
        Some(RuntimeFrame::Announce(announce)) => assert!((1..=3).contains(&announce.level)),
        Some(RuntimeFrame::Error { message }) => assert!(!message.contains(char::is_control), "{message:?}"),
        _ => {}
    }
    called(input);
});

/// What is written is read again, and has the same size then. Maps have no order, so the bytes may differ.
fn again<M: Message + Default>(input: &[u8]) {
    let Ok(message) = M::decode(input) else {
        return;
    };
    let bytes = message.encode_to_vec();
    assert_eq!(bytes.len(), message.encoded_len());
    assert_eq!(M::decode(bytes.as_slice()).expect("what is written is read").encoded_len(), bytes.len());
}

/// A result against a runtime with two calls in flight: one that it names, one that it does not.
fn settled(result: ResultFrame) {
    let (named, other) = (result.invocation_id.parse::<InvocationId>().ok(), InvocationId::mint());
    let (wire, _frames) = Wire::new(card(), SystemClock::shared(), 4);
    let own = CallId::parse(&result.call_id).unwrap_or_else(|_| CallId::parse("own").expect("it is plain"));
    let fits = own.as_str() == result.call_id && result.answer.is_ok();
    let call = |invocation_id| CallFrame {
        invocation_id,
        correlation_id: CorrelationId::mint(0),
        session_id: SessionId::mint(),
        call_id: own.clone(),
        name: Arc::from(result.name.as_str()),
        args: "{}".to_owned(),
        deadline_unix_ms: 0,
        trace: None,
        streaming: false,
    };
    let mut untouched = wire.start(call(other)).expect("there is room");
    let ending = named.map(|id| wire.start(call(id)).expect("there is room"));
    match (ending, wire.settle(result)) {
        (None, settled) => assert!(matches!(settled, Settled::Violation(None, _)), "{settled:?}"),
        (Some(mut ending), Settled::Delivered) => {
            assert!(fits && matches!(ending.try_recv(), Ok(Ending::Answered(_))));
        }
        (Some(mut ending), Settled::Violation(Some(_), _)) => {
            assert!(!fits && matches!(ending.try_recv(), Ok(Ending::Violated(_))));
        }
        (Some(_), settled) => panic!("{settled:?}"),
    }
    assert!(untouched.try_recv().is_err(), "a call of another result has ended");
}

/// A piece of a result against a runtime with two streamed calls in flight: one that it names, one that it does not.
fn streamed(chunk: ChunkFrame) {
    let (wire, _frames) = Wire::new(card(), SystemClock::shared(), 8);
    let start = |invocation_id| {
        let pipe = Arc::new(Pipe::default());
        let call = CallFrame {
            invocation_id,
            correlation_id: CorrelationId::mint(0),
            session_id: SessionId::mint(),
            call_id: CallId::parse("own").expect("it is plain"),
            name: Arc::from("name"),
            args: "{}".to_owned(),
            deadline_unix_ms: 0,
            trace: None,
            streaming: true,
        };
        (wire.start_heard(call, Arc::clone(&pipe)).expect("there is room"), pipe)
    };
    let (mut untouched, silent) = start(InvocationId::mint());
    let named = chunk.invocation_id.parse::<InvocationId>().ok().map(start);
    let first = chunk.chunk_id == 0 && cost(chunk.payload.len(), chunk.is_final) <= CREDIT;
    let fits = if chunk.error.is_some() { chunk.is_final } else { first };
    let settled = wire.chunk(chunk.clone());
    match named {
        None => assert!(matches!(settled, Settled::Violation(None, _)), "{settled:?}"),
        Some((mut ending, pipe)) => {
            let ended = ending.try_recv();
            let heard = pipe.take();
            match (&settled, &chunk.error) {
                (Settled::Delivered, None) => {
                    assert!(fits && matches!(&heard, Some(Heard::Chunk(piece)) if piece.payload == chunk.payload));
                    assert_eq!(matches!(ended, Ok(Ending::Streamed)), chunk.is_final);
                }
                (Settled::Delivered, Some(_)) => {
                    assert!(fits && heard.is_none());
                    assert!(matches!(ended, Ok(Ending::Answered(ToolAnswer::Error { .. }))));
                }
                (Settled::Violation(Some(_), _), _) => {
                    assert!(!fits && heard.is_none() && matches!(ended, Ok(Ending::Violated(_))));
                }
                _ => panic!("{settled:?}"),
            }
            // The same once more is never a second piece: it ends its call, or finds it ended.
            let again = wire.chunk(chunk.clone());
            assert!(!matches!(again, Settled::Delivered), "{again:?}");
            assert!(pipe.take().is_none(), "a piece was heard twice");
        }
    }
    assert!(untouched.try_recv().is_err() && silent.take().is_none(), "a piece of another result was heard");
}

/// A request on its way to the runtime, and an answer of its size on the way back.
fn called(input: &[u8]) {
    let Some(envelope) = decode_call(input) else {
        return;
    };
    assert_ne!(envelope.deadline_unix_ms, Some(0));
    // The path lets no other ids and names through.
    let (Ok(call_id), true) = (CallId::parse(&envelope.call_id), envelope.name.len() <= 64) else {
        return;
    };
    let correlation_id = CorrelationId::parse(&envelope.correlation_id).unwrap_or_else(|_| CorrelationId::mint(0));
    let (invocation_id, name) = (InvocationId::mint(), Arc::from(envelope.name.as_str()));
    let sent = CallFrame {
        invocation_id,
        correlation_id: correlation_id.clone(),
        session_id: SessionId::mint(),
        call_id: call_id.clone(),
        name: Arc::clone(&name),
        args: envelope.args.clone(),
        deadline_unix_ms: envelope.deadline_unix_ms.unwrap_or_default(),
        trace: envelope.trace.clone(),
        streaming: envelope.streaming,
    };
    let mut bytes = Vec::new();
    encode_host_frame(HostFrame::Call(Box::new(sent)), &mut bytes);
    match v1::HostFrame::decode(bytes.as_slice()).expect("what is written is read").frame {
        Some(Frame::Call(v1::ToolCall { call: Some(call), invocation_id: id, trace_context, streaming, .. })) => {
            assert_eq!((call.call_id, call.name, call.args), (envelope.call_id, envelope.name, envelope.args.clone()));
            assert_eq!(id, invocation_id.to_string());
            assert_eq!((trace_context.is_some(), streaming), (envelope.trace.is_some(), envelope.streaming));
        }
        other => panic!("{other:?}"),
    }
    let error = envelope.streaming;
    let answer = match error {
        true => ToolAnswer::Error { message: envelope.args, kind: envelope.session_id },
        false => ToolAnswer::Success(envelope.args),
    };
    let carried = Carried::default();
    let answer =
        CallAnswer { invocation_id, correlation_id, call_id, name, answer, carried, repeated: false, receipt: None };
    let mut bytes = Vec::new();
    encode_answer(Ok(answer), LIMIT, &mut bytes);
    assert!(bytes.len() <= LIMIT, "{} bytes", bytes.len());
    let answer = v1::CallToolResponse::decode(bytes.as_slice()).expect("what is written is read");
    assert_eq!(answer.invocation_id, invocation_id.to_string());
    match answer.outcome.expect("an answer has an outcome") {
        Outcome::Result(result) => assert_eq!(result.result.expect("it is there").error.is_some(), error),
        Outcome::Error(error) => assert_eq!(error.r#type, "MESSAGE_TOO_LARGE"),
        Outcome::Streamed(end) => panic!("an answer in one piece is the end of a stream: {end:?}"),
    }
}

fn card() -> Card {
    Card {
        id: RuntimeId::parse("calc").expect("it is plain"),
        tenant: TenantId::parse("acme").expect("it is plain"),
        scope: None,
        connection: ConnectionId::mint(),
        language: String::new(),
        version: String::new(),
        attached_at_ms: 0,
        limit: 8,
        features: Features::of([Feature::Streaming]),
        load: Load::default(),
    }
}
