//! Results in pieces, both ways.

use grid_core::{
    frame::RuntimeFrame,
    stream::{CallEvent, Chunk, ChunkFrame, Ids, Progress, ProgressFrame, Streamed},
};
use grid_proto::v1::{self, call_event::Event};

use super::call;
use crate::fault::plain;

/// Characters of a runtime's own words that are kept.
const WORDS: usize = 512;

/// A piece as a runtime sent it.
pub(super) fn chunk(wire: v1::StreamChunk) -> RuntimeFrame {
    let error = match (wire.error, wire.enhanced_error) {
        (Some(error), _) => Some((error.message, error.r#type)),
        (None, Some(error)) => Some((error.message, error.r#type)),
        (None, None) => None,
    };
    RuntimeFrame::Chunk(Box::new(ChunkFrame {
        invocation_id: wire.invocation_id,
        correlation_id: wire.correlation_id,
        chunk_id: wire.chunk_id,
        payload: wire.payload,
        is_final: wire.is_final,
        error,
    }))
}

/// How far a runtime says that it has come; what is no part of a whole counts as nothing or all.
pub(super) fn progress(wire: v1::Progress) -> RuntimeFrame {
    let fraction = if wire.fraction.is_nan() { 0.0 } else { wire.fraction.clamp(0.0, 1.0) };
    let message = plain(&wire.message, WORDS);
    RuntimeFrame::Progress(Box::new(ProgressFrame {
        invocation_id: wire.invocation_id,
        correlation_id: wire.correlation_id,
        progress: Progress { fraction, message },
    }))
}

/// What the caller of a streamed call reads, within `limit` bytes.
pub(crate) fn event(event: CallEvent, limit: usize) -> v1::CallEvent {
    let event = match event {
        CallEvent::Chunk(ids, chunk) => Event::Chunk(piece(&ids, chunk)),
        CallEvent::Progress(ids, progress) => Event::Progress(v1::Progress {
            invocation_id: ids.invocation.to_string(),
            correlation_id: ids.correlation.to_string(),
            fraction: progress.fraction,
            message: progress.message,
        }),
        CallEvent::End(ended) => Event::End(call::answered(*ended, limit)),
    };
    v1::CallEvent { event: Some(event) }
}

fn piece(ids: &Ids, chunk: Chunk) -> v1::StreamChunk {
    v1::StreamChunk {
        invocation_id: ids.invocation.to_string(),
        chunk_id: chunk.number,
        payload: chunk.payload,
        is_final: chunk.is_final,
        correlation_id: ids.correlation.to_string(),
        ..v1::StreamChunk::default()
    }
}

/// The end of a result that was sent.
pub(super) fn streamed(streamed: &Streamed) -> v1::StreamEnd {
    let hex: String = streamed.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    v1::StreamEnd { chunks: streamed.chunks, bytes: streamed.bytes, digest: format!("sha256:{hex}") }
}

#[cfg(test)]
mod tests;
