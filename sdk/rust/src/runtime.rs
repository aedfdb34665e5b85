//! The serving side: tools, and one stream to the host on which their calls arrive. A [`Runtime`] announces itself,
//! offers its tools, answers calls, and comes back after every loss until it is told to stop.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::backoff::Backoff;
use crate::connect::{Connector, connection_settings};
use crate::error::{Error, Setting};
use grid_sdk_tool::{IntoTool, Tool};

mod attachment;
mod bench;
mod emitter;
mod frames;
mod handshake;
mod life;
mod lifecycle;
mod machine;
mod signal;

pub use emitter::Emitter;
pub use lifecycle::Phase;
pub use machine::State;
pub use signal::stop_signal;

const CONCURRENCY: usize = 64;
const GRACE: Duration = Duration::from_secs(30);

/// How tools are offered to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// The host's manifest has a contract for each; this runtime fulfils it.
    #[default]
    Fulfil,
    /// The tools are brought along and live as long as one session (DEVELOPMENT hosts only).
    Register,
}

/// What a runtime tells about itself while it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Status {
    /// Where it stands.
    pub state: State,
    /// The tools that the host accepted last.
    pub tools: Vec<String>,
    /// The host's id of the last attachment.
    pub connection_id: String,
    /// The session that the tools belong to; empty for every session.
    pub session_id: String,
}

/// Sets up a [`Runtime`].
#[derive(Debug, Clone)]
pub struct RuntimeBuilder {
    connector: Connector,
    runtime_id: String,
    session_id: String,
    mode: Mode,
    tools: Vec<Tool>,
    lock: Option<String>,
    /// Function name and digest of the contract that this program was built against.
    digests: BTreeMap<String, String>,
    concurrency: usize,
    grace: Duration,
    backoff: Backoff,
    lifecycle: lifecycle::Handlers,
}

impl Default for RuntimeBuilder {
    fn default() -> Self {
        Self {
            connector: Connector::default(),
            runtime_id: String::new(),
            session_id: String::new(),
            mode: Mode::Fulfil,
            tools: Vec::new(),
            lock: None,
            digests: BTreeMap::new(),
            concurrency: CONCURRENCY,
            grace: GRACE,
            backoff: Backoff::new(Duration::from_millis(500), Duration::from_secs(30)),
            lifecycle: lifecycle::Handlers::default(),
        }
    }
}

impl RuntimeBuilder {
    connection_settings!();

    /// Who this is: the name that the host knows it by, alone or followed by `/` and a replica's name.
    #[must_use]
    pub fn runtime_id(mut self, id: impl Into<String>) -> Self {
        self.runtime_id = id.into();
        self
    }

    /// Serves one session only; every session where nothing is set.
    #[must_use]
    pub fn session(mut self, id: impl Into<String>) -> Self {
        self.session_id = id.into();
        self
    }

    /// How the tools are offered.
    #[must_use]
    pub const fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Adds a tool: what [`macro@crate::tool`] made of a function.
    #[must_use]
    pub fn tool(mut self, tool: impl IntoTool) -> Self {
        self.tools.push(tool.into_tool());
        self
    }

    /// The text of the `grid.lock` that this program was built against, such as `include_str!("grid.lock")`. The host does
    /// not use a tool whose contract is another one there. Each tool must be in it.
    #[must_use]
    pub fn built_against(mut self, lock: &str) -> Self {
        self.lock = Some(lock.to_owned());
        self
    }

    /// How many calls run at the same time; 64 where nothing is set. As many again may wait.
    #[must_use]
    pub const fn concurrency(mut self, calls: usize) -> Self {
        self.concurrency = calls;
        self
    }

    /// How long calls may go on once the program is told to stop; 30 s where nothing is set.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// The pauses between tries to reach the host; from 500 ms to 30 s where nothing is set.
    #[must_use]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// What to do when the host asks something of a tool around a swap, a pause or a drain; an error is a no, and tells
    /// operators why. What has no handler is answered with a yes.
    #[must_use]
    pub fn on<F, D>(mut self, tool: impl Into<String>, phase: Phase, handler: F) -> Self
    where
        F: Fn() -> D + Send + Sync + 'static,
        D: Future<Output = Result<(), String>> + Send + 'static,
    {
        self.lifecycle.add(tool.into(), phase, handler);
        self
    }

    /// Checks the settings; all problems of the tools are reported at once.
    ///
    /// # Errors
    /// `Setting`.
    pub fn build(mut self) -> Result<Runtime, Error> {
        if self.runtime_id.trim().is_empty() {
            return Err(Error::setting(
                Setting::RuntimeId,
                "the runtime has no id; set `runtime_id` to the name that the host knows it by",
            ));
        }
        let mut problems = self.problems();
        // Tools of a session have no contract before they are registered.
        if let Some(lock) = self.lock.as_ref().filter(|_| self.mode == Mode::Fulfil) {
            match grid_lock::digests(lock, self.tools.iter().map(Tool::name)) {
                Ok(digests) => self.digests = digests,
                Err(faults) => problems.extend(faults),
            }
        }
        if !problems.is_empty() {
            return Err(Error::setting(Setting::Tools, problems.join("; ")));
        }
        self.concurrency = self.concurrency.max(1);
        Ok(Runtime { setup: Arc::new(self), status: watch::Sender::new(Status::default()) })
    }

    fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        if self.tools.is_empty() {
            problems.push("the runtime has no tools; add one with `tool`".to_owned());
        }
        for name in self.lifecycle.tools().filter(|name| !self.tools.iter().any(|tool| tool.name() == *name)) {
            problems.push(format!("there is a handler for `{name}`, which is no tool here; add the tool or drop it"));
        }
        for (index, tool) in self.tools.iter().enumerate() {
            let name = tool.name();
            let earlier = self.tools.iter().take(index);
            if earlier.into_iter().any(|earlier| earlier.name() == name) {
                problems
                    .push(format!("two tools are called `{name}`; name one of them anew with `#[tool(name = \"…\")]`"));
            }
            let own = tool.problems().iter();
            problems.extend(own.map(|problem| format!("the tool `{name}`: {problem}")));
        }
        problems
    }
}

/// Tools and the host that they are served to. Nothing happens until it runs.
#[must_use = "a runtime does nothing until it runs"]
pub struct Runtime {
    setup: Arc<RuntimeBuilder>,
    status: watch::Sender<Status>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("runtime_id", &self.setup.runtime_id)
            .field("connector", &self.setup.connector)
            .field("tools", &self.setup.tools)
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// Begins to set up a runtime.
    #[must_use]
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Follows what the runtime does, for health checks and tests.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Serves until SIGTERM or ctrl-c, then finishes what is in flight.
    ///
    /// # Errors
    /// As [`Runtime::run_until`].
    pub async fn run(self) -> Result<(), Error> {
        self.run_until(stop_signal()).await
    }

    /// Serves until `shutdown` is done, then finishes what is in flight within the grace period.
    ///
    /// # Errors
    /// `Refused` where the host does not let the runtime in and no further try can mend it; `Transport` or
    /// `Setting` where the host could not be reached as set up.
    pub async fn run_until(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        let stop = CancellationToken::new();
        let life = life::Life::new(self.setup, self.status, stop.clone()).run();
        tokio::pin!(life);
        tokio::select! {
            ended = &mut life => return ended,
            () = shutdown => stop.cancel(),
        }
        life.await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Says nothing.
    #[crate::tool]
    fn silent() {}

    /// Says nothing either.
    #[crate::tool(name = "silent")]
    fn mute() {}

    #[test]
    fn a_runtime_without_an_id_or_tools_is_refused() {
        let error = Runtime::builder().tool(silent).build().unwrap_err();
        assert!(error.to_string().contains("`runtime_id`"), "{error}");
        let error = Runtime::builder().runtime_id("r").build().unwrap_err();
        assert!(error.to_string().contains("no tools"), "{error}");
    }

    #[test]
    fn a_lock_that_is_none_or_lacks_a_tool_is_refused() {
        let builder = || Runtime::builder().runtime_id("r").tool(silent);
        let error = builder().built_against("{}").build().unwrap_err();
        assert!(error.to_string().contains("not a `grid.lock`"), "{error}");
        let empty = r#"{"lock_version":1,"manifest":{"version":"1.0.0","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"contracts":{}}"#;
        let error = builder().built_against(empty).build().unwrap_err();
        assert!(error.to_string().contains("`silent` is not in the lock"), "{error}");
        let registering = builder().built_against(empty).mode(Mode::Register).build();
        assert!(registering.is_ok(), "what is registered has no contract before");
    }

    #[test]
    fn two_tools_of_one_name_are_refused() {
        let builder = Runtime::builder().runtime_id("r").tool(silent).tool(mute);
        let error = builder.build().unwrap_err();
        assert!(error.to_string().contains("called `silent`"), "{error}");
    }
}
