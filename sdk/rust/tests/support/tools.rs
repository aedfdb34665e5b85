//! Tools that end in every way, and a runtime that serves them on a task of its own.

use std::time::Duration;

use grid_sdk::{Backoff, Error, Runtime, RuntimeBuilder, State, Status, ToolError, tool};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::{Host, soon};

/// Adds two numbers.
#[tool]
pub async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Fails as tools do.
#[tool]
pub fn fail() -> Result<(), ToolError> {
    Err(ToolError::new("RESOURCE_NOT_FOUND", "there is no such thing; name another"))
}

/// Panics on its task.
#[tool]
pub async fn panic_softly() {
    panic!("secret in /home/someone/src/main.rs");
}

/// Panics on a thread.
#[tool]
pub fn panic_hard() {
    panic!("secret in /home/someone/src/main.rs");
}

/// Never ends.
#[tool]
pub async fn hang() {
    std::future::pending().await
}

pub static GATE: Semaphore = Semaphore::const_new(0);

/// Ends when the test lets it.
#[tool]
pub async fn wait_for_gate() -> &'static str {
    if let Ok(permit) = GATE.acquire().await {
        permit.forget();
    }
    "through"
}

/// A runtime on a task, and how to stop it.
pub struct Running {
    pub stop: CancellationToken,
    pub status: watch::Receiver<Status>,
    pub tasks: JoinSet<Result<(), Error>>,
}

impl Running {
    pub async fn serving(&mut self) {
        let serving = self.status.wait_for(|status| status.state == State::Serving);
        soon(serving).await.unwrap();
    }

    pub async fn ended(&mut self) -> Result<(), Error> {
        soon(self.tasks.join_next()).await.unwrap().unwrap()
    }
}

pub fn builder(host: &Host) -> RuntimeBuilder {
    Runtime::builder()
        .endpoint(&host.endpoint)
        .token("abc.def")
        .runtime_id("r1")
        .backoff(Backoff::new(Duration::from_millis(1), Duration::from_millis(2)))
        .tool(add)
        .tool(fail)
        .tool(panic_softly)
        .tool(panic_hard)
        .tool(hang)
        .tool(wait_for_gate)
}

pub fn start(builder: RuntimeBuilder) -> Running {
    let runtime = builder.build().unwrap();
    let status = runtime.status();
    let stop = CancellationToken::new();
    let mut tasks = JoinSet::new();
    let stopped = stop.clone().cancelled_owned();
    tasks.spawn(runtime.run_until(stopped));
    Running { stop, status, tasks }
}
