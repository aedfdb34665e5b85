//! Messages to the vocabulary of the host and back. Strings move; nothing is checked here but the form, because
//! checking is the path's work.

pub(crate) mod admin;
pub(crate) mod approval;
pub(crate) mod audit;
pub(crate) mod call;
pub(crate) mod error;
pub(crate) mod frame;
mod lifecycle;
pub(crate) mod local;
pub(crate) mod provider;
pub(crate) mod session;
pub(crate) mod stream;

use grid_core::envelope::TraceContext;
use grid_proto::v1;

/// A peer that says nothing, or less than nothing, is at level 1; one from the future is at level 3.
pub(crate) fn level(wire: i32) -> u8 {
    match wire {
        ..=0 => 1,
        1 => 2,
        2.. => 3,
    }
}

/// The other way.
pub(crate) fn wire_level(level: u8) -> i32 {
    let wire = match level {
        0 | 1 => v1::ComplianceLevel::Level1Core,
        2 => v1::ComplianceLevel::Level2Enhanced,
        3.. => v1::ComplianceLevel::Level3Enterprise,
    };
    wire.into()
}

pub(crate) fn trace(wire: v1::TraceContext) -> Box<TraceContext> {
    Box::new(TraceContext {
        trace_id: wire.trace_id,
        span_id: wire.span_id,
        parent_span_id: wire.parent_span_id,
        flags: wire.trace_flags,
        baggage: wire.baggage.into_iter().collect(),
    })
}

pub(crate) fn wire_trace(trace: TraceContext) -> v1::TraceContext {
    v1::TraceContext {
        trace_id: trace.trace_id,
        span_id: trace.span_id,
        parent_span_id: trace.parent_span_id,
        baggage: trace.baggage.into_iter().collect(),
        trace_flags: trace.flags,
    }
}
