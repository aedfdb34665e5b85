//! What a call and a result cost at the edge: bytes to the vocabulary and back, without a socket.

#![expect(clippy::expect_used, reason = "a bench that cannot run says so")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use grid_core::{
    frame::{CallFrame, HostFrame, RuntimeFrame},
    id::{CallId, CorrelationId, InvocationId, SessionId},
};
use grid_grpc::frames::{decode_runtime_frame, encode_host_frame};
use grid_proto::{
    adm,
    v1::{self, runtime_frame::Frame},
};
use prost::Message as _;

fn call() -> HostFrame {
    HostFrame::Call(Box::new(CallFrame {
        invocation_id: InvocationId::mint(),
        correlation_id: CorrelationId::mint(0),
        session_id: SessionId::mint(),
        call_id: CallId::parse("call-1").expect("plain"),
        name: "add".into(),
        args: format!("{{\"text\":\"{}\"}}", "x".repeat(188)),
        deadline_unix_ms: 1_700_000_000_000,
        trace: None,
        streaming: false,
    }))
}

fn result() -> Vec<u8> {
    v1::RuntimeFrame {
        frame: Some(Frame::Result(v1::ToolResult {
            invocation_id: InvocationId::mint().to_string(),
            correlation_id: CorrelationId::mint(0).to_string(),
            result: Some(adm::ToolResult {
                call_id: "call-1".to_owned(),
                name: "add".to_owned(),
                status: adm::ToolResultStatus::Success.into(),
                content: Some(format!("\"{}\"", "x".repeat(198))),
                error: None,
            }),
        })),
    }
    .encode_to_vec()
}

fn frames(c: &mut Criterion) {
    let mut group = c.benchmark_group("frames");
    let mut out = Vec::with_capacity(4096);
    encode_host_frame(call(), &mut out);
    group.throughput(Throughput::Bytes(out.len() as u64));
    group.bench_function("call, encoded", |b| {
        b.iter_batched(
            call,
            |frame| {
                out.clear();
                encode_host_frame(black_box(frame), &mut out);
            },
            criterion::BatchSize::SmallInput,
        );
    });
    let bytes = result();
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("result, decoded", |b| {
        b.iter(|| -> Option<RuntimeFrame> { decode_runtime_frame(black_box(&bytes)) });
    });
    group.finish();
}

criterion_group!(benches, frames);
criterion_main!(benches);
