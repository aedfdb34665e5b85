//! A host without ports, threads and files of its own: whoever makes one brings its log, its clock and whom it
//! believes, and knocks at its doors. The stages, their order and their settings are those of `grid serve`.

use std::sync::Arc;

use grid_audit::{Ledger, Recovered};
use grid_config::Config;
use grid_contract::Contracts;
use grid_core::{
    Code,
    clock::SharedClock,
    port::{AdminDoor, ApprovalDoor, FrontDoor, LocalDoor, ProviderDoor, RuntimeDoor},
};
use grid_identity::Identity;
use grid_metrics::Metrics;
use grid_resolve::Roster;

use crate::{archive::Archive, compose, deciding, front_door::Door, limits, outlets::Outlets, serve::Failure};

/// A host in somebody else's hands. `C` is its mode.
#[derive(Debug)]
pub struct Embedded<C: Contracts>(Door<C>);

/// What a host holds at a moment. All of it is zero where nobody is attached, in a session or being served.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Held {
    /// Open sessions.
    pub sessions: usize,
    /// Attached runtimes.
    pub runtimes: usize,
    /// Functions of the manifest that a runtime serves.
    pub served: usize,
    /// Admissions without a conclusion.
    pub open: u64,
    /// Records that wait to be stored.
    pub queued: usize,
    /// Tasks of requests.
    pub tasks: usize,
}

impl<C: Contracts> Embedded<C> {
    /// Puts one together and takes up what an earlier process left in the log.
    ///
    /// # Errors
    /// [`Failure`] where the settings cannot be used.
    pub fn compose(
        config: &Config,
        contracts: C,
        identity: Identity,
        (ledger, recovered): (Ledger, &Recovered),
        clock: SharedClock,
    ) -> Result<Self, Failure> {
        let metrics = Metrics::new().map_err(|error| Failure::start(Code::EnvironmentError, error.to_string()))?;
        let limits = limits::limits(config, &clock)?;
        // What outlives a process is in the log alone here.
        let roster = Roster::default();
        let policies = deciding::policies(config, contracts.manifest())?;
        let log = (ledger, Archive::closed(config.server.max_message.as_usize()), Outlets::default());
        let host = compose::host(config, contracts, (identity, limits, roster), policies, log, clock, metrics);
        host.take_up(recovered);
        Ok(Self(Door(Arc::new(host))))
    }

    /// Its doors.
    pub fn door(
        &self,
    ) -> impl FrontDoor + LocalDoor + RuntimeDoor + AdminDoor + ApprovalDoor + ProviderDoor + Clone + use<C> {
        self.0.clone()
    }

    /// What a host does every second: it ends sessions, grants and waits whose time is over, and runtimes that fell
    /// silent.
    pub async fn sweep(&self) {
        let host = &self.0.0;
        host.sweep().await;
        host.settle_grants().await;
        host.settle_approvals().await;
    }

    /// The policy epoch now: what was decided in an earlier one is void.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.0.0.authorize.epoch()
    }

    /// What it holds now.
    #[must_use]
    pub fn held(&self) -> Held {
        let host = &self.0.0;
        let log = host.ledger.status();
        let served =
            host.contracts.manifest().iter().filter(|contract| !host.roster.serving(contract.name()).is_empty());
        Held {
            sessions: host.sessions.open(),
            runtimes: host.hub.len(),
            served: served.count(),
            open: log.open,
            queued: log.queued,
            tasks: host.tasks.len(),
        }
    }
}
