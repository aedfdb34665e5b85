//! Runs tools in this process (LATER): finds the tool in the session's registry, checks the arguments against its
//! declaration, runs it, wraps what it gave. Every failure is a [`ToolResult`] too. It decides nothing; with a
//! host, [`LocalSession`](crate::LocalSession) asks first.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use grid_sdk::{Code, ToolError};
use grid_sdk_tool::{Answer, Work};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::registry::{Entry, SessionTools};
use crate::result::ToolResult;

/// Tools that run at the same time where nothing else is said.
const CONCURRENCY: usize = 64;

/// The largest content of an answer where nothing else is said: what fits into one message of 4 MiB.
const LONGEST_CONTENT: usize = (4 << 20) - (16 << 10);

/// Runs the tools of one session. Clones share its room.
#[derive(Debug, Clone)]
pub struct Executor {
    tools: SessionTools,
    slots: Arc<Semaphore>,
    longest: usize,
}

/// A call that is ready to run: its tool was found and its arguments were checked.
#[derive(Debug)]
pub(crate) struct Prepared {
    work: Work,
    longest: usize,
    slot: tokio::sync::OwnedSemaphorePermit,
}

impl Executor {
    /// For a session's tools; 64 of them run at the same time.
    #[must_use]
    pub fn new(tools: SessionTools) -> Self {
        Self { tools, slots: Arc::new(Semaphore::new(CONCURRENCY)), longest: LONGEST_CONTENT }
    }

    /// How many tools run at the same time.
    #[must_use]
    pub fn concurrency(self, tools: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(tools.clamp(1, Semaphore::MAX_PERMITS))), ..self }
    }

    /// The largest content of an answer, in bytes; a larger one becomes an error.
    #[must_use]
    pub const fn longest_content(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// Runs one call from beginning to end, at most `within` where that is set. No host is asked; this is for programs
    /// that have none.
    pub async fn execute(&self, call_id: &str, name: &str, args: &str, within: Option<Duration>) -> ToolResult {
        let answer = match self.find(name) {
            Some(entry) => match self.prepare(&entry, args).await {
                Ok(prepared) => prepared.run(within).await,
                Err(fault) => Err(fault),
            },
            None => Err(ToolError::new(Code::UNSUPPORTED_TOOL, format!("tool not found: {name}"))),
        };
        ToolResult { call_id: call_id.to_owned(), name: name.to_owned(), answer }
    }

    pub(crate) fn find(&self, name: &str) -> Option<Arc<Entry>> {
        self.tools.get(name)
    }

    /// Checks the arguments, a JSON object as text, and waits for room. The tool has not started when this is done.
    pub(crate) async fn prepare(&self, entry: &Entry, args: &str) -> Result<Prepared, ToolError> {
        let wrong = |message: String| ToolError::new(Code::PARAMETER_VALIDATION_FAILED, message);
        let value = grid_adm::json::parse(args);
        let value = value.map_err(|fault| wrong(format!("the arguments are not usable JSON: {fault}")))?;
        entry.checker.check(&value).map_err(|problems| {
            let each = problems.into_iter().map(|problem| problem.to_string());
            wrong(each.collect::<Vec<_>>().join("; "))
        })?;
        let work = match entry.checker.prepare(&value) {
            Cow::Borrowed(_) => entry.tool.prepare(args)?,
            Cow::Owned(rewritten) => entry.tool.prepare(&rewritten.to_text())?,
        };
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| ToolError::panicked())?;
        Ok(Prepared { work, longest: self.longest, slot })
    }
}

impl Prepared {
    /// Runs the tool. An `async fn` is stopped when the time is over or the future is dropped; a `fn` that has begun
    /// runs on, unheard, and keeps its room.
    pub(crate) async fn run(self, within: Option<Duration>) -> Answer {
        let Self { work, longest, slot } = self;
        let mut task = JoinSet::new();
        match work {
            Work::Async(work) => task.spawn(async move {
                let answer = work.await;
                drop(slot);
                answer
            }),
            Work::Blocking(work) => task.spawn_blocking(move || {
                let answer = work();
                drop(slot);
                answer
            }),
        };
        let ended = match within {
            None => task.join_next().await,
            Some(within) => match tokio::time::timeout(within, task.join_next()).await {
                Ok(ended) => ended,
                Err(_) => return Err(ToolError::late()),
            },
        };
        let answer = ended.and_then(Result::ok).unwrap_or_else(|| Err(crashed()));
        answer.and_then(|content| fit(content, longest))
    }
}

/// It did not get as far as an answer of its own.
fn crashed() -> ToolError {
    ToolError::new(Code::LOCAL_EXECUTION_FAILED, ToolError::panicked().message())
}

/// An answer that the host could not record is no answer.
fn fit(content: String, longest: usize) -> Answer {
    if content.len() > longest {
        let message = "the tool's answer is larger than one message may be; ask for less";
        return Err(ToolError::new(Code::MESSAGE_TOO_LARGE, message));
    }
    match grid_adm::json::parse(&content) {
        Ok(_) => Ok(content),
        Err(fault) => Err(ToolError::new(
            Code::DATA_PROCESSING_ERROR,
            format!("the tool's answer is not usable JSON: {fault}; report it to the tool's owner"),
        )),
    }
}
