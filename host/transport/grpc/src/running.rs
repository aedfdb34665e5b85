//! A port that serves. Its handle stops it: first politely, then not.

use std::{net::SocketAddr, time::Duration};

use tokio::time::timeout;
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use crate::side::Health;

/// Cut connections have this long to let go of what they hold.
const LAST: Duration = Duration::from_secs(1);

/// The handle of a serving port. Dropping it cuts every connection.
#[derive(Debug)]
#[must_use = "a port whose handle is dropped stops"]
pub struct Running {
    address: SocketAddr,
    health: Health,
    leave: CancellationToken,
    stop: CancellationToken,
    kill: CancellationToken,
    tasks: TaskTracker,
    _cut: DropGuard,
}

/// How a port stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Every request was answered within the grace.
    Drained,
    /// This many tasks were cut off.
    Cut(usize),
}

impl Running {
    pub(crate) fn new(
        address: SocketAddr,
        health: Health,
        (leave, stop, kill): (CancellationToken, CancellationToken, CancellationToken),
        tasks: TaskTracker,
    ) -> Self {
        Self { address, health, leave, stop, _cut: kill.clone().drop_guard(), kill, tasks }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it answers to health checks.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// Asks every connection that is there to go after its requests (GOAWAY). Others may come: whoever has a call here can
    /// still stop it, and report what they ran themselves.
    pub fn retire(&self) {
        self.leave.cancel();
    }

    /// Takes no connection and no request more, waits for those it has, and cuts what is left after `grace`.
    pub async fn shutdown(self, grace: Duration) -> Stopped {
        self.health.set(false).await;
        self.stop.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return Stopped::Drained;
        }
        let left = self.tasks.len();
        self.kill.cancel();
        if timeout(LAST, self.tasks.wait()).await.is_err() {
            tracing::warn!(tasks = self.tasks.len(), "some tasks did not end");
        }
        Stopped::Cut(left)
    }
}
