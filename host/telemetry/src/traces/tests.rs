use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;

fn sent() -> TraceContext {
    TraceContext {
        trace_id: "0af7651916cd43dd8448eb211c80319c".to_owned(),
        span_id: "b7ad6b7169203331".to_owned(),
        flags: 1,
        ..TraceContext::default()
    }
}

#[test]
fn the_host_continues_the_callers_trace_and_hands_its_own_span_on() {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let span = tracing::info_span!("call");
        adopt(&span, &sent());
        let handed_on = handed_on(&span, Some(Box::new(sent()))).unwrap();
        assert_eq!(handed_on.trace_id, sent().trace_id);
        assert_eq!(handed_on.parent_span_id, sent().span_id);
        assert_ne!(handed_on.span_id, sent().span_id);
    });
}

#[test]
fn without_traces_of_its_own_the_host_hands_on_what_it_got() {
    let span = Span::none();
    adopt(&span, &sent());
    assert_eq!(handed_on(&span, Some(Box::new(sent()))), Some(Box::new(sent())));
    assert_eq!(handed_on(&span, None), None);
}

#[test]
fn garbage_is_no_parent() {
    for trace_id in ["", "zz", "00000000000000000000000000000000", "0af7651916cd43dd8448eb211c80319c00"] {
        assert_eq!(parent(&TraceContext { trace_id: trace_id.to_owned(), ..sent() }), None, "{trace_id}");
    }
}
