//! Calls from within a call: a runtime asks for another tool, for a call that it has in hand. They walk the
//! one path, for whoever made the first call, with the runtime's own rights as a second bound. Each runs on a task of its
//! own; the stream of the runtime goes on meanwhile, so that it may serve the very call that it waits for.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};

use dashmap::DashMap;
use grid_contract::Contracts;
use grid_core::{
    Code, Refusal, Stage,
    envelope::Envelope,
    event::{Event, Kind, plain_name},
    feature::Feature,
    frame::{CancelNested, HostFrame},
    id::{CallId, CorrelationId, InvocationId},
    runtime::Runtime as _,
};
use grid_identity::Proven;
use grid_link::Held;
use grid_resolve::RoutedCall;
use grid_session::Session;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{asker::Asker, front_door, runtime_door::Port};

/// So many calls may be within one another, the client's own included.
pub(crate) const DEPTH: usize = 8;

/// Characters of a correlation id.
const CORRELATION: usize = 128;

/// What the calls of an execution inherit from it.
#[derive(Debug)]
struct Lineage {
    root: Proven,
    session: Arc<Session>,
    correlation: CorrelationId,
    deadline_ms: u64,
    /// The tools from the client's own call on, this execution's last.
    tools: Vec<Arc<str>>,
    children: AtomicU32,
}

/// The executions that runtimes have in hand.
#[derive(Debug, Default)]
pub(crate) struct Lineages(Arc<DashMap<InvocationId, Arc<Lineage>>>);

/// An execution may make calls as long as this is held.
#[derive(Debug)]
pub(crate) struct Within {
    table: Arc<DashMap<InvocationId, Arc<Lineage>>>,
    invocation: InvocationId,
}

impl Lineages {
    /// From here on runtimes may call for this execution, where it is in their hands.
    pub(crate) fn enter(&self, call: &RoutedCall, asker: &Asker) -> Within {
        let session_call = call.call().call().call().call();
        let ancestors = asker.nested().map_or(&[][..], |nested| &nested.lineage.tools);
        let tools = ancestors.iter().chain([call.contract().name()]).map(Arc::clone).collect();
        let lineage = Lineage {
            root: session_call.proven().clone(),
            session: Arc::clone(call.session()),
            correlation: session_call.request().correlation.clone(),
            deadline_ms: call.ends_ms(),
            tools,
            children: AtomicU32::new(0),
        };
        self.0.insert(call.invocation(), Arc::new(lineage));
        Within { table: Arc::clone(&self.0), invocation: call.invocation() }
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn get(&self, invocation: InvocationId) -> Option<Arc<Lineage>> {
        self.0.get(&invocation).map(|lineage| Arc::clone(&lineage))
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        if let Some((_, lineage)) = self.table.remove(&self.invocation) {
            lineage.session.end_under(self.invocation);
        }
    }
}

impl Lineage {
    /// The root's, with a number for each step down.
    fn child(&self) -> CorrelationId {
        let number = self.children.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let suffix = format!("-{number}");
        let kept: String = self.correlation.as_str().chars().take(CORRELATION.saturating_sub(suffix.len())).collect();
        CorrelationId::parse(&format!("{kept}{suffix}")).unwrap_or_else(|_| self.correlation.clone())
    }
}

/// A call that a runtime makes for an execution in its hands.
#[derive(Debug)]
pub(crate) struct Nested {
    lineage: Arc<Lineage>,
    runtime: Proven,
    parent: InvocationId,
    /// Cancelled when the execution ends at this runtime, or the runtime takes the call back.
    over: CancellationToken,
}

impl Nested {
    /// For whom it is.
    pub(crate) fn root(&self) -> &Proven {
        &self.lineage.root
    }

    /// Who makes it.
    pub(crate) fn runtime(&self) -> &Proven {
        &self.runtime
    }

    pub(crate) fn parent(&self) -> InvocationId {
        self.parent
    }

    pub(crate) fn over(&self) -> &CancellationToken {
        &self.over
    }

    /// What the runtime may not choose is that of its parent.
    fn inherit(&self, envelope: Envelope) -> Envelope {
        let deadline = envelope.deadline_unix_ms.unwrap_or(u64::MAX).min(self.lineage.deadline_ms);
        Envelope {
            correlation_id: self.lineage.child().as_str().to_owned(),
            session_id: self.lineage.session.id().to_string(),
            deadline_unix_ms: Some(deadline),
            claim: None,
            unseen: None,
            ..envelope
        }
    }

    /// Neither too deep nor in a circle: whatever waits for itself would wait until its deadline.
    ///
    /// # Errors
    /// POLICY_VIOLATION; FEATURE_UNAVAILABLE where a result in pieces is wanted.
    pub(crate) fn admits(&self, envelope: &Envelope) -> Result<(), Refusal> {
        let refused = |code, message: String| Refusal::new(code, Stage::Link, message);
        let tools = &self.lineage.tools;
        if envelope.streaming {
            let message = "results of calls from within a call are not streamed; call without `streaming`".to_owned();
            return Err(refused(Code::FeatureUnavailable, message).with("feature", Feature::Streaming.as_str()));
        }
        if tools.iter().any(|tool| **tool == *envelope.name) {
            let way = tools.iter().map(|tool| &**tool).chain([&*envelope.name]).collect::<Vec<_>>().join(" > ");
            let message = format!("the calls would go in a circle: {way}; have the tool work without itself");
            return Err(refused(Code::PolicyViolation, message).with("reason", "CYCLE"));
        }
        if tools.len() >= DEPTH {
            let message = format!("{DEPTH} calls are within one another, which is the limit; call this tool higher up");
            return Err(refused(Code::PolicyViolation, message).with("reason", "DEPTH"));
        }
        Ok(())
    }
}

/// The calls that one attached runtime makes and that have not ended.
#[derive(Debug)]
pub(crate) struct Upwards {
    places: Arc<Semaphore>,
    open: Open,
}

type Open = Arc<Mutex<HashMap<(InvocationId, String), CancellationToken>>>;

impl Upwards {
    /// For so many at once.
    pub(crate) fn new(most: u32) -> Self {
        Self { places: Arc::new(Semaphore::new(most as usize)), open: Open::default() }
    }
}

/// Gives back what an open call holds.
struct Opened {
    key: (InvocationId, String),
    open: Open,
    _place: OwnedSemaphorePermit,
}

impl Drop for Opened {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.key);
    }
}

fn lock(open: &Open) -> MutexGuard<'_, HashMap<(InvocationId, String), CancellationToken>> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why a call of a runtime is not taken.
enum Fault {
    /// It is no call that this runtime may make; a violation of the protocol.
    Violation(String),
    /// It came too late, too often, or without the feature.
    Refused(InvocationId, Refusal),
}

impl<C: Contracts> Port<C> {
    /// Takes a call from within a call. Returns as soon as it goes on by itself.
    pub(crate) async fn call(&self, envelope: Envelope) {
        let (parent, call_id) = (envelope.parent_invocation_id.clone(), envelope.call_id.clone());
        let refusal = match self.take(&envelope) {
            Ok((nested, opened)) => {
                let (door, wire) = (self.door.clone(), Arc::clone(&self.wire));
                self.door.0.tasks.spawn(Box::pin(async move {
                    let envelope = nested.inherit(envelope);
                    let trail = door.call_trail(&envelope).within(nested.parent());
                    let ended = Box::new(
                        front_door::call(Arc::clone(&door.0), Asker::Runtime(nested), envelope, trail, None).await,
                    );
                    drop(opened);
                    wire.send(HostFrame::Answer { parent, call_id, ended }).await;
                }));
                return;
            }
            Err(Fault::Violation(fault)) => {
                let detail = Some(fault.clone());
                let code = Some(Code::ProtocolViolation);
                let event = Event { code, detail, ..self.event(Kind::Violation, &envelope.correlation_id) };
                self.door.0.ledger.note(event).await;
                Refusal::new(Code::ProtocolViolation, Stage::Link, fault)
            }
            Err(Fault::Refused(parent, refusal)) => {
                let event = Event {
                    parent: Some(parent),
                    call_id: CallId::parse(&call_id).ok(),
                    tool: Some(plain_name(&envelope.name)).filter(|tool| !tool.is_empty()),
                    ..self.event(Kind::Refused, &envelope.correlation_id)
                };
                self.door.0.refused(&refusal, event).await;
                refusal
            }
        };
        let ended = Box::new(Err(self.fill(refusal, &envelope.correlation_id)));
        self.wire.send(HostFrame::Answer { parent, call_id, ended }).await;
    }

    /// Whether the runtime has the execution in hand that it names, and room for another call.
    fn take(&self, envelope: &Envelope) -> Result<(Box<Nested>, Opened), Fault> {
        let host = &self.door.0;
        let named = &envelope.parent_invocation_id;
        let Ok(parent) = named.parse::<InvocationId>() else {
            let fault = "a call names no execution in `parent_invocation_id`; copy the id of the call that it is for";
            return Err(Fault::Violation(fault.to_owned()));
        };
        let refused = |code, message: &str| Fault::Refused(parent, Refusal::new(code, Stage::Link, message));
        let held = self.wire.holds(parent);
        if let Held::Unknown = held {
            let fault = format!("a call is for the execution {parent}, which is not in this runtime's hands");
            return Err(Fault::Violation(fault));
        }
        if !self.wire.card().features.has(Feature::NestedCalls) {
            let name = Feature::NestedCalls.as_str();
            let message = format!("this attachment does not have the feature `{name}`; announce it");
            return Err(Fault::Refused(
                parent,
                Refusal::new(Code::FeatureUnavailable, Stage::Link, message).with("feature", name),
            ));
        }
        let (Held::InFlight(over), Some(lineage)) = (held, host.lineages.get(parent)) else {
            return Err(refused(Code::Cancelled, "the execution that this call is for has ended; nothing was begun"));
        };
        let Ok(_place) = Arc::clone(&self.upwards.places).try_acquire_owned() else {
            let message = "this runtime has as many calls open as it may; wait for one of them";
            return Err(refused(Code::ResourceExhausted, message));
        };
        let key = (parent, envelope.call_id.clone());
        let over = lock(&self.upwards.open).entry(key.clone()).or_insert_with(|| over.child_token()).clone();
        let opened = Opened { key, open: Arc::clone(&self.upwards.open), _place };
        let nested = Nested { lineage, runtime: self.proven.clone(), parent, over };
        Ok((Box::new(nested), opened))
    }

    /// Stops a call that the runtime made; its answer says so. One that has ended already stays as it is.
    pub(crate) async fn cancel_nested(&self, cancel: CancelNested) {
        let Ok(parent) = cancel.parent.parse::<InvocationId>() else {
            self.violation("", "a cancellation names no execution in `parent_invocation_id`").await;
            return;
        };
        let key = (parent, cancel.call_id);
        let Some(over) = lock(&self.upwards.open).get(&key).cloned() else { return };
        let lineage = self.door.0.lineages.get(parent);
        let event = Event {
            session: lineage.as_ref().map(|lineage| lineage.session.id()),
            parent: Some(parent),
            call_id: CallId::parse(&key.1).ok(),
            detail: Some(cancel.reason.chars().take(256).collect()),
            ..self.event(Kind::CancelRequested, lineage.as_ref().map_or("", |lineage| lineage.correlation.as_str()))
        };
        self.door.0.ledger.note(event).await;
        over.cancel();
    }
}
