//! A runtime of the SDK, on a task of the test.

use std::time::Duration;

use grid_sdk::{Backoff, Error, Runtime, RuntimeBuilder, State, Status, ToolError, tool};
use tokio::{sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::{Host, soon};

/// Adds two numbers.
#[tool]
pub async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Says it again.
#[tool]
pub async fn echo(text: Option<String>) -> String {
    text.unwrap_or_default()
}

/// Says that it was called, and never ends.
#[tool]
pub async fn hang() {
    println!("hang was called");
    std::future::pending().await
}

/// Fails as tools do.
#[tool]
pub async fn fail() -> Result<(), ToolError> {
    Err(ToolError::new("RESOURCE_NOT_FOUND", "there is no such thing; name another"))
}

/// A runtime that runs until it is stopped or dropped.
#[derive(Debug)]
pub struct Serving {
    pub status: watch::Receiver<Status>,
    stop: CancellationToken,
    task: JoinSet<Result<(), Error>>,
}

/// Serves add, echo, hang and fail, and waits until the host has taken them.
pub async fn serve(host: &Host, id: &str) -> Serving {
    let token = host.runtime_token(id.split('/').next().unwrap());
    let builder = Runtime::builder().tool(add).tool(echo).tool(hang).tool(fail);
    let mut serving = start(builder.runtime_id(id).token(token).endpoint(host.endpoint()));
    serving.reaches(State::Serving).await;
    serving
}

fn start(builder: RuntimeBuilder) -> Serving {
    let backoff = Backoff::new(Duration::from_millis(20), Duration::from_millis(100));
    let runtime = builder.backoff(backoff).build().unwrap();
    let (status, stop) = (runtime.status(), CancellationToken::new());
    let mut task = JoinSet::new();
    task.spawn(runtime.run_until(stop.clone().cancelled_owned()));
    Serving { status, stop, task }
}

impl Serving {
    pub async fn reaches(&mut self, state: State) {
        let reached = self.status.wait_for(|status| status.state == state);
        soon(&format!("the runtime is {state:?}"), reached).await.unwrap();
    }

    /// Stops it in order.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.cancel();
        soon("the runtime stops", self.task.join_next()).await.unwrap().unwrap()
    }
}
