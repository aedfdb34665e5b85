//! Where calls are worked on. Takes calls for accepted tools, runs each on its own task within the limit, gives a
//! result for each that was not cancelled; refuses unknown tools, wrong arguments, and more than it can hold.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use grid_proto::v1;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};

use super::context::{Context, Up};
use super::emitter::{Emitter, Features};
use super::frames;
use crate::Code;
use crate::clock;
use grid_sdk_tool::{Answer, Tool, ToolError, Work};

/// How long after a deadline the host may still speak first.
const HOST_FIRST: Duration = Duration::from_millis(500);

/// The tools that the host has accepted, by name.
pub(super) type Accepted = BTreeMap<String, Tool>;

/// What a result must repeat of its call.
#[derive(Debug, Clone)]
pub(super) struct Job {
    pub(super) invocation_id: String,
    pub(super) correlation_id: String,
    pub(super) call_id: String,
    pub(super) name: String,
}

pub(super) struct Bench {
    tools: Accepted,
    slots: Arc<Semaphore>,
    limit: usize,
    message_limit: usize,
    features: Features,
    /// For what a tool says before its end.
    outgoing: mpsc::Sender<v1::RuntimeFrame>,
    emitters: HashMap<String, Emitter>,
    tasks: JoinSet<Answer>,
    jobs: HashMap<Id, Job>,
    aborts: HashMap<String, AbortHandle>,
    up: Arc<Up>,
}

impl Drop for Bench {
    /// A tool that blocks a thread runs on; whatever it waits for does not come.
    fn drop(&mut self) {
        self.up.lost();
    }
}

impl Bench {
    pub(super) fn new(
        tools: Accepted,
        limit: usize,
        message_limit: usize,
        features: Features,
        outgoing: mpsc::Sender<v1::RuntimeFrame>,
    ) -> Self {
        let up = Up::new(features.nested);
        Self {
            tools,
            slots: Arc::new(Semaphore::new(limit)),
            limit,
            message_limit,
            features,
            outgoing,
            emitters: HashMap::new(),
            tasks: JoinSet::new(),
            jobs: HashMap::new(),
            aborts: HashMap::new(),
            up,
        }
    }

    /// The calls that its tools make.
    pub(super) const fn up(&self) -> &Arc<Up> {
        &self.up
    }

    pub(super) fn in_flight(&self) -> usize {
        self.jobs.len()
    }

    /// Calls that it would take besides, those that would have to wait among them.
    pub(super) fn room(&self) -> usize {
        self.limit.saturating_mul(2).saturating_sub(self.in_flight())
    }

    /// Share of its places that are taken.
    pub(super) fn busy_percent(&self) -> usize {
        let busy = self.limit.saturating_sub(self.slots.available_permits());
        busy.saturating_mul(100).checked_div(self.limit).unwrap_or(100)
    }

    /// Begins a call. A frame comes back where the call is refused at once.
    pub(super) fn take(&mut self, call: v1::ToolCall) -> Option<v1::RuntimeFrame> {
        let (Some(function), false) = (call.call, call.invocation_id.is_empty()) else {
            return Some(frames::protocol_error(
                &Code::MALFORMED_REQUEST,
                "the call lacks its invocation id or its function; send both",
                &call.invocation_id,
                &call.correlation_id,
            ));
        };
        if self.aborts.contains_key(&call.invocation_id) {
            return Some(frames::protocol_error(
                &Code::PROTOCOL_VIOLATION,
                "the invocation is in flight already; mint an id for each call",
                &call.invocation_id,
                &call.correlation_id,
            ));
        }
        let job = Job {
            invocation_id: call.invocation_id,
            correlation_id: call.correlation_id,
            call_id: function.call_id,
            name: function.name,
        };
        // As many again may wait as can run.
        if self.in_flight() >= self.limit.saturating_mul(2) {
            let fault =
                ToolError::new(Code::RESOURCE_EXHAUSTED, "the runtime has no room for the call; try again later");
            return Some(frames::result(job, Err(fault), self.message_limit));
        }
        let Some(tool) = self.tools.get(&job.name).cloned() else {
            let fault = ToolError::new(
                Code::UNSUPPORTED_TOOL,
                "the runtime does not serve this tool; call one that it fulfils",
            );
            return Some(frames::result(job, Err(fault), self.message_limit));
        };
        self.start(job, tool, function.args, call.deadline_unix_ms, call.streaming);
        None
    }

    fn start(&mut self, job: Job, tool: Tool, args: String, deadline_unix_ms: u64, streaming: bool) {
        tracing::debug!(
            tool = tool.name(),
            invocation_id = job.invocation_id,
            correlation_id = job.correlation_id,
            "call begins"
        );
        let context = Context::new(Arc::new(job.clone()), deadline_unix_ms, Arc::clone(&self.up));
        let room = frames::room(self.message_limit);
        let emitter = Emitter::new(&job, streaming, &self.features, self.outgoing.clone(), room);
        let run = run(Arc::clone(&self.slots), tool, args, (context, emitter.clone()));
        self.emitters.insert(job.invocation_id.clone(), emitter);
        let abort = self.tasks.spawn(within(deadline_unix_ms, run));
        self.aborts.insert(job.invocation_id.clone(), abort.clone());
        self.jobs.insert(abort.id(), job);
    }

    /// Drops a call; it gets no answer. A `fn` that has begun runs on, unheard.
    pub(super) fn cancel(&mut self, invocation_id: &str) -> bool {
        let Some(abort) = self.aborts.remove(invocation_id) else {
            return false;
        };
        self.jobs.remove(&abort.id());
        self.emitters.remove(invocation_id);
        abort.abort();
        true
    }

    /// Nothing is sent any more.
    pub(super) fn hang_up(&mut self) {
        self.outgoing = mpsc::channel(1).0;
        self.emitters.clear();
    }

    /// The host has room for so many bytes more of a stream.
    pub(super) fn grant(&self, invocation_id: &str, bytes: u64) {
        if let Some(emitter) = self.emitters.get(invocation_id) {
            emitter.grant(bytes);
        }
    }

    /// The next result; pending while nothing is in flight.
    pub(super) async fn finished(&mut self) -> v1::RuntimeFrame {
        loop {
            match self.tasks.join_next_with_id().await {
                None => std::future::pending().await,
                Some(Ok((id, answer))) => {
                    if let Some(frame) = self.conclude(id, answer) {
                        return frame;
                    }
                }
                Some(Err(fault)) => {
                    if let Some(frame) = self.conclude(fault.id(), Err(ToolError::panicked())) {
                        return frame;
                    }
                }
            }
        }
    }

    /// The result of a task; `None` where its call was cancelled.
    fn conclude(&mut self, id: Id, answer: Answer) -> Option<v1::RuntimeFrame> {
        let job = self.jobs.remove(&id)?;
        self.aborts.remove(&job.invocation_id);
        tracing::debug!(
            tool = job.name,
            invocation_id = job.invocation_id,
            correlation_id = job.correlation_id,
            code = answer.as_ref().err().map(|fault| fault.kind().as_str()),
            "call ends"
        );
        Some(self.ended(job, answer))
    }

    /// The end of a stream that has begun, or the result.
    fn ended(&mut self, job: Job, answer: Answer) -> v1::RuntimeFrame {
        let emitter = self.emitters.remove(&job.invocation_id);
        emitter
            .and_then(|emitter| emitter.end(&answer))
            .unwrap_or_else(|| frames::result(job, answer, self.message_limit))
    }

    /// Drops every call and gives an error result for each.
    pub(super) fn abandon(&mut self) -> Vec<v1::RuntimeFrame> {
        self.tasks.abort_all();
        self.aborts.clear();
        let jobs = std::mem::take(&mut self.jobs);
        jobs.into_values()
            .map(|job| {
                let fault = ToolError::new(
                    Code::SERVICE_UNAVAILABLE,
                    "the runtime stopped before the tool had finished; call again",
                );
                self.ended(job, Err(fault))
            })
            .collect()
    }
}

/// Stops the tool at its deadline. What the caller hears of that is the host's word, so the answer waits until the
/// host has had time to say it and to cancel the call; it goes out only where no host did.
async fn within(deadline_unix_ms: u64, run: impl Future<Output = Answer>) -> Answer {
    if deadline_unix_ms == 0 {
        return run.await;
    }
    if let Some(left) = clock::left_until(deadline_unix_ms)
        && let Ok(answer) = tokio::time::timeout(left, run).await
    {
        return answer;
    }
    tokio::time::sleep(HOST_FIRST).await;
    Err(ToolError::late())
}

async fn run(slots: Arc<Semaphore>, tool: Tool, args: String, (context, emitter): (Context, Emitter)) -> Answer {
    let work = tool.prepare(&args)?;
    let slot = slots.acquire_owned().await;
    let Ok(slot) = slot else {
        return Err(ToolError::panicked());
    };
    match work {
        Work::Async(work) => context.around(held(slot, emitter.during(work))).await,
        Work::Blocking(work) => {
            // The slot goes along: a blocking function that has been given up still takes its room.
            let run = move || {
                let answer = context.around_blocking(|| emitter.during_blocking(work));
                drop(slot);
                answer
            };
            tokio::task::spawn_blocking(run).await.unwrap_or_else(|_: JoinError| Err(ToolError::panicked()))
        }
    }
}

async fn held(slot: OwnedSemaphorePermit, work: impl Future<Output = Answer>) -> Answer {
    let answer = work.await;
    drop(slot);
    answer
}
