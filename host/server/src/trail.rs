//! What is known about a request so far: for its refusal, its span, its metrics. Grows along the path.

use std::{future::Future, sync::Arc, time::Duration};

use grid_audit::Stored;
use grid_contract::Contract;
use grid_core::{
    Refusal, Stage,
    clock::SharedClock,
    envelope::TraceContext,
    event::{Event, Kind, plain_name},
    id::{ApprovalId, CallId, CorrelationId, InvocationId, SessionId},
    outcome::AuditReceipt,
    principal::Principal,
    refusal::Context,
};
use grid_local::Held;
use grid_metrics::Metrics;
use grid_resolve::RoutedCall;
use grid_session::Session;
use grid_telemetry::traces;
use grid_tlog::Proof;
use tracing::{Instrument as _, Span, field};

/// The trail of one request.
#[derive(Debug)]
pub(crate) struct Trail {
    clock: SharedClock,
    metrics: Metrics,
    span: Span,
    correlation: CorrelationId,
    principal: Option<Arc<Principal>>,
    session: Option<SessionId>,
    sent_session: String,
    tool: Arc<str>,
    call_id: Option<CallId>,
    invocation: Option<InvocationId>,
    approval: Option<ApprovalId>,
    parent: Option<InvocationId>,
    runtime: Option<String>,
    trace_id: Option<String>,
    contract: Option<[u8; 32]>,
    repeatable: bool,
    plain: bool,
    receipt: bool,
    lap: Duration,
    /// What the host itself took of the time, its runtimes and people apart.
    own: Duration,
}

impl Trail {
    pub(crate) fn new(
        clock: SharedClock,
        metrics: Metrics,
        correlation: CorrelationId,
        session: &str,
        tool: &str,
        call_id: &str,
        trace: Option<&TraceContext>,
    ) -> Self {
        let tool = plain_name(tool);
        let span = tracing::info_span!(
            target: "grid::path",
            "call",
            "grid.tool_name" = %tool,
            "grid.correlation_id" = %correlation,
            "grid.session_id" = field::Empty,
            "grid.tenant" = field::Empty,
            "grid.invocation_id" = field::Empty,
            "grid.code" = field::Empty,
        );
        if let Some(trace) = trace {
            traces::adopt(&span, trace);
        }
        Self {
            lap: clock.elapsed(),
            clock,
            metrics,
            span,
            correlation,
            principal: None,
            session: None,
            sent_session: session.chars().take(64).collect(),
            tool,
            call_id: CallId::parse(call_id).ok(),
            invocation: None,
            approval: None,
            parent: None,
            runtime: None,
            trace_id: trace.map(|trace| trace.trace_id.clone()),
            contract: None,
            repeatable: true,
            plain: false,
            receipt: false,
            own: Duration::ZERO,
        }
    }

    /// Walks a stage that does not wait.
    pub(crate) fn stage<T>(&mut self, stage: Stage, walk: impl FnOnce() -> T) -> T {
        let done = stage_span(&self.span, stage).in_scope(walk);
        self.lap(stage);
        done
    }

    /// Walks a stage that waits.
    pub(crate) async fn wait<T>(&mut self, stage: Stage, walk: impl Future<Output = T>) -> T {
        let span = stage_span(&self.span, stage);
        let done = if span.is_disabled() { walk.await } else { walk.instrument(span).await };
        self.lap(stage);
        done
    }

    /// One reading of the clock a stage: what lies between two of them belongs to the later one.
    fn lap(&mut self, stage: Stage) {
        let now = self.clock.elapsed();
        let took = now.saturating_sub(self.lap);
        self.metrics.stage(stage, took);
        if !matches!(stage, Stage::Dispatch | Stage::Approve | Stage::Limits) {
            self.own += took;
        }
        self.lap = now;
    }

    /// What the host itself took so far: neither runtimes nor people, nor waiting for a place.
    pub(crate) fn own(&self) -> Duration {
        self.own
    }

    pub(crate) fn correlation(&self) -> CorrelationId {
        self.correlation.clone()
    }

    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// What a runtime gets as its parent.
    pub(crate) fn handed_on(&self, given: Option<Box<TraceContext>>) -> Option<Box<TraceContext>> {
        traces::handed_on(&self.span, given)
    }

    pub(crate) fn tool(&self) -> &str {
        &self.tool
    }

    pub(crate) fn principal(&mut self, principal: &Arc<Principal>) {
        self.span.record("grid.tenant", field::display(&principal.tenant));
        self.principal = Some(Arc::clone(principal));
    }

    pub(crate) fn session(&mut self, session: &Session) {
        self.span.record("grid.session_id", field::display(session.id()));
        self.session = Some(session.id());
        self.plain = !session.is_enhanced();
    }

    pub(crate) fn contract(&mut self, contract: &Contract) {
        self.contract = Some(*contract.digest().as_bytes());
    }

    pub(crate) fn routed(&mut self, call: &RoutedCall) {
        self.invocation(call.invocation());
        self.runtime = Some(call.runtime().card().id.to_string());
        self.repeatable = call.contract().effect().is_repeatable();
    }

    /// Whatever is refused from here on, nothing ran.
    pub(crate) fn held(&mut self, call: &Held) {
        self.invocation(call.invocation());
    }

    pub(crate) fn invocation(&mut self, invocation: InvocationId) {
        self.span.record("grid.invocation_id", field::display(invocation));
        self.invocation = Some(invocation);
    }

    /// A person is asked, or decides.
    pub(crate) fn approval(&mut self, approval: ApprovalId) {
        self.approval = Some(approval);
    }

    /// What passed since the last stage belongs to none: people were thinking.
    pub(crate) fn thought(&mut self) {
        self.lap = self.clock.elapsed();
    }

    /// The request was not about a call that may be sent again.
    pub(crate) fn is_final(&mut self) {
        self.repeatable = false;
    }

    /// Says in a refusal where it happened.
    pub(crate) fn fill(&self, refusal: Refusal) -> Refusal {
        self.span.record("grid.code", refusal.code().as_str());
        let not_sent = refusal.details().iter().any(|(key, value)| *key == "sent" && value == "false");
        refusal.within(Context {
            correlation_id: Some(self.correlation.clone()),
            session_id: Some(self.sent_session.clone()).filter(|session| !session.is_empty()),
            tool: Some(self.tool.to_string()).filter(|tool| !tool.is_empty()),
            invocation_id: self.invocation,
            runtime_id: self.runtime.clone(),
            at_ms: self.clock.unix_ms(),
            trace_id: self.trace_id.clone(),
            repeatable: self.repeatable || not_sent,
            plain: self.plain,
            ..Context::default()
        })
    }

    /// Makes a refusal that an earlier request met this one's own; where the call ran stays as it was.
    pub(crate) fn adopt(&self, refusal: Refusal, receipt: Option<Arc<AuditReceipt>>) -> Refusal {
        self.span.record("grid.code", refusal.code().as_str());
        let met = refusal.context().clone();
        refusal.within(Context {
            correlation_id: Some(self.correlation.clone()),
            trace_id: self.trace_id.clone(),
            plain: self.plain,
            receipt,
            ..met
        })
    }

    /// The execution that makes the call.
    pub(crate) fn within(mut self, parent: InvocationId) -> Self {
        self.parent = Some(parent);
        self
    }

    /// The caller wants evidence of the record.
    pub(crate) fn wants_receipt(mut self, wanted: bool) -> Self {
        self.receipt = wanted;
        self
    }

    /// That evidence, made only where it is wanted.
    pub(crate) fn receipt(&self, stored: Option<&Stored>) -> Option<Arc<AuditReceipt>> {
        stored.filter(|_| self.receipt).map(|stored| Arc::new(receipt(stored.proof())))
    }

    /// A record of what happened to the request.
    pub(crate) fn event(&self, kind: Kind) -> Event {
        Event {
            principal: self.principal.clone(),
            session: self.session,
            invocation: self.invocation,
            approval: self.approval,
            call_id: self.call_id.clone(),
            tool: Some(Arc::clone(&self.tool)).filter(|tool| !tool.is_empty()),
            contract: self.contract,
            parent: self.parent,
            ..Event::new(kind, self.clock.unix_ms(), self.correlation.clone())
        }
    }
}

/// A proof as the vocabulary has it.
pub(crate) fn receipt(proof: Proof) -> AuditReceipt {
    AuditReceipt {
        index: proof.index,
        leaf: *proof.leaf.as_bytes(),
        inclusion: proof.inclusion.iter().map(|hash| *hash.as_bytes()).collect(),
        checkpoint: proof.checkpoint,
    }
}

fn stage_span(parent: &Span, stage: Stage) -> Span {
    tracing::info_span!(target: "grid::path", parent: parent, "stage", "otel.name" = stage.as_str())
}
