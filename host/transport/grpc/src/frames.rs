//! The two conversions that every call pays for on a runtime's stream, for the bench that measures them.

use bytes::BufMut;
use grid_core::frame::{HostFrame, RuntimeFrame};
use grid_proto::v1;
use prost::Message as _;

use crate::convert::frame;

/// A frame of the host, as bytes at the end of `out`.
pub fn encode_host_frame(frame: HostFrame, out: &mut impl BufMut) {
    frame::outbound(frame).encode_raw(out);
}

/// A frame of a runtime; `None` where the bytes are none, or say nothing to the port.
#[must_use]
pub fn decode_runtime_frame(bytes: &[u8]) -> Option<RuntimeFrame> {
    v1::RuntimeFrame::decode(bytes)
        .ok()
        .and_then(frame::inbound)
}
