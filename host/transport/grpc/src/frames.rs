//! The conversions that every call pays for, from bytes and to bytes: for the bench that measures them and for the
//! fuzz target that looks for bytes which break them.

use bytes::BufMut;
use grid_core::{
    Refusal,
    envelope::Envelope,
    frame::{HostFrame, RuntimeFrame},
    outcome::CallAnswer,
};
use grid_proto::v1;
use prost::Message as _;

use crate::convert::{call, frame};

/// A frame of the host, as bytes at the end of `out`.
pub fn encode_host_frame(frame: HostFrame, out: &mut impl BufMut) {
    frame::outbound(frame, usize::MAX).encode_raw(out);
}

/// A frame of a runtime; `None` where the bytes are none, or say nothing to the port.
#[must_use]
pub fn decode_runtime_frame(bytes: &[u8]) -> Option<RuntimeFrame> {
    v1::RuntimeFrame::decode(bytes).ok().and_then(frame::inbound)
}

/// A caller's request; `None` where the bytes are none, or have no call in them.
#[must_use]
pub fn decode_call(bytes: &[u8]) -> Option<Envelope> {
    v1::ToolCall::decode(bytes).ok().and_then(|call| call::envelope(call).ok())
}

/// The answer to a call within `limit` bytes, at the end of `out`.
pub fn encode_answer(answer: Result<CallAnswer, Refusal>, limit: usize, out: &mut impl BufMut) {
    call::answered(answer, limit).encode_raw(out);
}
