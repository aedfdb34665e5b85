//! What a runtime does when the host swaps, pauses or resumes one of its tools. Each handler runs on a task of its own,
//! so that one that takes its time holds no call up.

use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use grid_proto::v1::{self, runtime_frame::Frame};
use tokio::task::{Id, JoinSet};

use super::frames;

/// Handlers that run at the same time; what is asked beyond that is answered at once with a no.
const OPEN: usize = 64;

/// What the host asks of a tool's provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Phase {
    /// Make ready: calls of the tool may come here soon. At most 30 s.
    Init,
    /// Say whether the tool could be served now. At most 5 s.
    Health,
    /// Another serves the tool, and no call of it is left here. At most 10 s.
    Cleanup,
    /// No calls of the tool come for a while.
    Pause,
    /// They come again.
    Resume,
}

type Doing = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;
type Handler = Arc<dyn Fn() -> Doing + Send + Sync>;

/// The handlers of a runtime. What has none is answered with a yes.
#[derive(Clone, Default)]
pub(super) struct Handlers(BTreeMap<(String, Phase), Handler>);

impl fmt::Debug for Handlers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Handlers {
    pub(super) fn add<F, D>(&mut self, tool: String, phase: Phase, handler: F)
    where
        F: Fn() -> D + Send + Sync + 'static,
        D: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.0.insert((tool, phase), Arc::new(move || Box::pin(handler())));
    }

    /// The tools that have one.
    pub(super) fn tools(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|(tool, _)| tool.as_str())
    }
}

/// What is being done of it for one attachment.
pub(super) struct Moments {
    handlers: Handlers,
    doing: JoinSet<Result<(), String>>,
    asked: BTreeMap<Id, u64>,
}

impl Moments {
    pub(super) fn new(handlers: Handlers) -> Self {
        Self { handlers, doing: JoinSet::new(), asked: BTreeMap::new() }
    }

    /// Begins what is asked. A frame comes back where the answer is known at once.
    pub(super) fn take(&mut self, ask: v1::Lifecycle) -> Option<v1::RuntimeFrame> {
        let phase = match ask.phase() {
            v1::lifecycle::Phase::Init => Phase::Init,
            v1::lifecycle::Phase::Health => Phase::Health,
            v1::lifecycle::Phase::Cleanup => Phase::Cleanup,
            v1::lifecycle::Phase::Pause => Phase::Pause,
            v1::lifecycle::Phase::Resume => Phase::Resume,
            v1::lifecycle::Phase::Unspecified => {
                return Some(report(ask.sequence, Err("this phase is not known here".to_owned())));
            }
        };
        tracing::debug!(tool = ask.tool, ?phase, correlation_id = ask.correlation_id, "the host asks");
        let Some(handler) = self.handlers.0.get(&(ask.tool, phase)) else {
            return Some(report(ask.sequence, Ok(())));
        };
        if self.doing.len() >= OPEN {
            return Some(report(ask.sequence, Err("too much is asked at once".to_owned())));
        }
        let handler = Arc::clone(handler);
        // Called on the task: a handler that panics before it awaits anything is caught there too.
        let task = self.doing.spawn(async move { handler().await });
        self.asked.insert(task.id(), ask.sequence);
        None
    }

    /// The next answer; pending while nothing is asked.
    pub(super) async fn finished(&mut self) -> v1::RuntimeFrame {
        loop {
            let (id, done) = match self.doing.join_next_with_id().await {
                None => std::future::pending().await,
                Some(Ok(ended)) => ended,
                Some(Err(fault)) => (fault.id(), Err("the handler failed unexpectedly".to_owned())),
            };
            if let Some(sequence) = self.asked.remove(&id) {
                return report(sequence, done);
            }
        }
    }
}

fn report(sequence: u64, done: Result<(), String>) -> v1::RuntimeFrame {
    let (ok, message) = done.map_or_else(|message| (false, message), |()| (true, String::new()));
    frames::frame(Frame::Lifecycle(v1::LifecycleReport { sequence, ok, message }))
}
