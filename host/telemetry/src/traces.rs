//! W3C trace context between the wire and the spans of the path. What a caller sends is a parent for the
//! host's own span, and that one is the parent of what a runtime does.

use std::collections::BTreeMap;

use grid_core::envelope::TraceContext;
use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Makes the caller's span the parent of the host's. One that cannot be read is left out.
pub fn adopt(span: &Span, trace: &TraceContext) {
    if span.is_disabled() {
        return;
    }
    if let Some(parent) = parent(trace)
        && let Err(error) = span.set_parent(Context::new().with_remote_span_context(parent))
    {
        tracing::debug!(%error, "a caller's trace was not taken up");
    }
}

/// The host's span as a parent for others; the caller's own where the host keeps no traces.
#[must_use]
pub fn handed_on(span: &Span, given: Option<Box<TraceContext>>) -> Option<Box<TraceContext>> {
    if span.is_disabled() {
        return given;
    }
    let context = span.context();
    let own = context.span().span_context().clone();
    if !own.is_valid() {
        return given;
    }
    let (parent, baggage) = given.map_or((String::new(), BTreeMap::new()), |given| (given.span_id, given.baggage));
    Some(Box::new(TraceContext {
        trace_id: own.trace_id().to_string(),
        span_id: own.span_id().to_string(),
        parent_span_id: parent,
        flags: u32::from(own.trace_flags().to_u8()),
        baggage,
    }))
}

fn parent(trace: &TraceContext) -> Option<SpanContext> {
    let trace_id = TraceId::from_hex(&trace.trace_id).ok()?;
    let span_id = SpanId::from_hex(&trace.span_id).ok()?;
    let flags = TraceFlags::new(u8::try_from(trace.flags & 0xff).unwrap_or(0));
    Some(SpanContext::new(trace_id, span_id, flags, true, TraceState::default())).filter(SpanContext::is_valid)
}

#[cfg(test)]
mod tests;
