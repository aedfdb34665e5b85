//! The host, as what reads and compares policies sees it.

use std::{sync::Arc, time::Duration};

use grid_authorize::Authorize;
use grid_contract::{Contracts, Manifest};
use grid_core::{
    Refusal,
    event::{Event, Kind},
};
use grid_reload::{Home, Policies};
use tokio_util::sync::CancellationToken;

use crate::host::{Host, unwritable};

impl<C: Contracts> Home for Host<C> {
    fn policies(&self) -> &Policies {
        &self.policies
    }

    fn authorize(&self) -> &Authorize {
        &self.authorize
    }

    fn manifest(&self) -> &Manifest {
        self.contracts.manifest()
    }

    fn event(&self, kind: Kind) -> Event {
        Host::event(self, kind, &self.correlation(""))
    }

    async fn record(&self, event: Event) -> Result<(), Refusal> {
        self.ledger.record(event).await.map(|_| ()).map_err(|error| unwritable(&error))
    }

    async fn note(&self, event: Event) {
        self.ledger.note(event).await;
    }

    async fn moved(self: &Arc<Self>, epoch: u64) {
        self.revoke_grants(epoch, "other policies").await;
    }

    fn loaded(&self, taken: bool) {
        self.metrics.policies_read(taken);
    }

    fn compared(&self, differs: bool) {
        self.metrics.policies_compared(differs);
    }

    fn skipped(&self, decisions: u64) {
        self.metrics.policies_skipped(decisions);
    }

    fn elapsed(&self) -> Duration {
        self.clock.elapsed()
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }
}
