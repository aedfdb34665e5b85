//! A runtime without a connection: it keeps the calls that it is handed, and a test ends them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use grid_core::{
    feature::Features,
    frame::CallFrame,
    id::{ConnectionId, InvocationId, RuntimeId, TenantId},
    runtime::{Card, Ending, Load, Runtime, Unreachable},
    stream::Pipe,
};
use tokio::sync::oneshot;

/// A runtime that does as it is told.
#[derive(Debug)]
pub struct FakeRuntime {
    card: Card,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    refuse: Option<Unreachable>,
    calls: Vec<(CallFrame, Option<oneshot::Sender<Ending>>)>,
    cancelled: Vec<(InvocationId, String)>,
    pipes: Vec<Arc<Pipe>>,
    granted: Vec<(InvocationId, u64)>,
    deaf: bool,
}

impl FakeRuntime {
    /// With room for `limit` calls.
    ///
    /// # Panics
    /// Where the names are no ids.
    #[must_use]
    #[expect(clippy::expect_used, reason = "a test with a bad name should stop")]
    pub fn new(id: &str, tenant: &str, limit: u32) -> Arc<Self> {
        let card = Card {
            id: RuntimeId::parse(id).expect("a runtime's id"),
            tenant: TenantId::parse(tenant).expect("a tenant's name"),
            scope: None,
            connection: ConnectionId::mint(),
            language: "test".to_owned(),
            version: "0".to_owned(),
            attached_at_ms: 0,
            limit,
            features: Features::default(),
            load: Load::default(),
        };
        Arc::new(Self { card, inner: Mutex::default() })
    }

    /// From now on calls cannot be handed over.
    pub fn refuse(&self, error: Unreachable) {
        self.lock().refuse = Some(error);
    }

    /// From now on they can again.
    pub fn accept(&self) {
        self.lock().refuse = None;
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<CallFrame> {
        self.lock().calls.iter().map(|(frame, _)| frame.clone()).collect()
    }

    /// What was to be stopped, and why.
    #[must_use]
    pub fn cancelled(&self) -> Vec<(InvocationId, String)> {
        self.lock().cancelled.clone()
    }

    /// The pipe of the newest call that has one.
    #[must_use]
    pub fn pipe(&self) -> Option<Arc<Pipe>> {
        self.lock().pipes.last().cloned()
    }

    /// What it was let send, in order.
    #[must_use]
    pub fn granted(&self) -> Vec<(InvocationId, u64)> {
        self.lock().granted.clone()
    }

    /// Whether it can be let send more.
    pub fn deafen(&self, deaf: bool) {
        self.lock().deaf = deaf;
    }

    /// How many calls somebody waits for.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.lock().calls.iter().filter(|(_, sender)| is_waited_for(sender)).count()
    }

    /// Ends the oldest call that somebody waits for; false where there is none.
    pub fn end(&self, ending: Ending) -> bool {
        let mut inner = self.lock();
        let waiting = inner.calls.iter_mut().find(|(_, sender)| is_waited_for(sender));
        let sender = waiting.and_then(|(_, sender)| sender.take());
        sender.is_some_and(|sender| sender.send(ending).is_ok())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Runtime for FakeRuntime {
    fn card(&self) -> &Card {
        &self.card
    }

    fn start(&self, call: CallFrame) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        let mut inner = self.lock();
        if let Some(error) = inner.refuse {
            return Err(error);
        }
        let (sender, receiver) = oneshot::channel();
        inner.calls.push((call, Some(sender)));
        Ok(receiver)
    }

    fn start_heard(&self, call: CallFrame, pipe: Arc<Pipe>) -> Result<oneshot::Receiver<Ending>, Unreachable> {
        self.lock().pipes.push(pipe);
        self.start(call)
    }

    fn grant(&self, invocation: InvocationId, bytes: u64) -> bool {
        let mut inner = self.lock();
        let taken = !inner.deaf;
        if taken {
            inner.granted.push((invocation, bytes));
        }
        taken
    }

    fn cancel(&self, invocation: InvocationId, reason: &str) {
        self.lock().cancelled.push((invocation, reason.to_owned()));
    }
}

fn is_waited_for(sender: &Option<oneshot::Sender<Ending>>) -> bool {
    sender.as_ref().is_some_and(|sender| !sender.is_closed())
}
