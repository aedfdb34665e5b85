//! A client whose tools may run in this process: what all its sessions share, and the delivery of outcomes that goes
//! with it.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use grid_sdk::{Client, SessionOptions};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::error::LocalError;
use crate::fallback::Fallback;
use crate::mode::{Environment, ExecutionMode, Modes};
use crate::outcomes::OutcomeLog;
use crate::permit::Trust;
use crate::registry::{Registry, SessionTools};
use crate::session::LocalSession;

pub(crate) struct Shared {
    pub(crate) client: Client,
    pub(crate) outcomes: OutcomeLog,
    pub(crate) trust: Trust,
    pub(crate) fallback: Fallback,
    pub(crate) environment: Environment,
    pub(crate) digest_only: BTreeSet<String>,
    pub(crate) approval: Duration,
    pub(crate) concurrency: usize,
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    modes: Modes,
    registry: Registry,
    _stop_at_the_end: DropGuard,
}

/// A connection to a host, for callers that have tools of their own. Clones share it.
#[derive(Clone)]
pub struct LocalClient {
    shared: Arc<Shared>,
}

impl fmt::Debug for LocalClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalClient")
            .field("client", &self.shared.client)
            .field("registry", &self.shared.registry)
            .field("modes", &self.shared.modes)
            .finish_non_exhaustive()
    }
}

/// Sets up a [`LocalClient`].
#[derive(Debug)]
pub struct LocalClientBuilder {
    client: Client,
    outcomes: OutcomeLog,
    trust: Trust,
    registry: Registry,
    modes: Modes,
    fallback: Fallback,
    environment: Environment,
    digest_only: BTreeSet<String>,
    approval: Duration,
    concurrency: usize,
}

impl LocalClientBuilder {
    /// The tools that are here; [`Registry::global`] where nothing is set.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Where calls run that no closer setting speaks of; [`ExecutionMode::global`] where nothing is set.
    #[must_use]
    pub fn mode(mut self, mode: ExecutionMode) -> Self {
        self.modes.client = Some(mode);
        self
    }

    /// Where calls of one tool run, whatever else is set.
    #[must_use]
    pub fn tool_mode(mut self, tool: impl Into<String>, mode: ExecutionMode) -> Self {
        self.modes.tools.insert(tool.into(), mode);
        self
    }

    /// How failures of local runs are met.
    #[must_use]
    pub const fn fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Where this program runs; production where nothing is set.
    #[must_use]
    pub const fn environment(mut self, environment: Environment) -> Self {
        self.environment = environment;
        self
    }

    /// Sends digest and size of this tool's arguments in place of them, which its contract must permit (Q17).
    #[must_use]
    pub fn digest_only(mut self, tool: impl Into<String>) -> Self {
        self.digest_only.insert(tool.into());
        self
    }

    /// How long a call waits where a person has to approve it first; not at all where nothing is set: then it ends with
    /// a refusal whose `waits_for` names the approval. Nothing runs before the yes.
    #[must_use]
    pub const fn approval(mut self, patience: Duration) -> Self {
        self.approval = patience;
        self
    }

    /// How many tools of one session run at the same time; 64 where nothing is set.
    #[must_use]
    pub const fn concurrency(mut self, tools: usize) -> Self {
        self.concurrency = tools;
        self
    }

    /// Begins to tell the host what is in the log of outcomes. It must be called within a tokio runtime.
    #[must_use]
    pub fn build(self) -> LocalClient {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (client, outcomes) = (self.client.clone(), self.outcomes.clone());
        let delivery = async move { outcomes.deliver(&client).await };
        tasks.spawn(stop.clone().run_until_cancelled_owned(delivery));
        LocalClient {
            shared: Arc::new(Shared {
                client: self.client,
                outcomes: self.outcomes,
                trust: self.trust,
                fallback: self.fallback,
                environment: self.environment,
                digest_only: self.digest_only,
                approval: self.approval,
                concurrency: self.concurrency,
                tasks,
                stop: stop.clone(),
                modes: self.modes,
                registry: self.registry,
                _stop_at_the_end: stop.drop_guard(),
            }),
        }
    }
}

/// What a session has of its own.
#[derive(Debug, Clone, Default)]
pub struct LocalSessionOptions {
    /// How the host opens it.
    pub session: SessionOptions,
    /// Where its calls run; as the client was told where nothing is set.
    pub mode: Option<ExecutionMode>,
    /// The tools that run here in this session; all of the client's registry where nothing is set.
    pub tools: Option<SessionTools>,
}

impl LocalClient {
    /// Begins to set up a client.
    #[must_use]
    pub fn builder(client: Client, outcomes: OutcomeLog, trust: Trust) -> LocalClientBuilder {
        LocalClientBuilder {
            client,
            outcomes,
            trust,
            registry: Registry::global(),
            modes: Modes::default(),
            fallback: Fallback::default(),
            environment: Environment::default(),
            digest_only: BTreeSet::new(),
            approval: Duration::ZERO,
            concurrency: 64,
        }
    }

    /// Opens a session.
    ///
    /// # Errors
    /// `Host`.
    pub async fn open_session(&self, options: LocalSessionOptions) -> Result<LocalSession, LocalError> {
        let session = self.shared.client.open_session(options.session).await?;
        let modes = Modes { session: options.mode, ..self.shared.modes.clone() };
        let tools = options.tools.unwrap_or_else(|| SessionTools::all(self.shared.registry.clone()));
        Ok(LocalSession::new(Arc::clone(&self.shared), session, modes, tools))
    }

    /// The log of outcomes.
    #[must_use]
    pub fn outcomes(&self) -> &OutcomeLog {
        &self.shared.outcomes
    }
}
