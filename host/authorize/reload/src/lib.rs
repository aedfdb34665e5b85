//! Sets of policies: read at the start, looked at for changes, and put in place of the one before as a whole. A set that
//! has a fault changes nothing; one that cannot be recorded is not taken. A candidate is asked beside the one that decides.

#![deny(missing_docs)]

mod files;
mod policies;
mod shadow;

pub use policies::{Cause, Policies, Reader, Set, reload, watching};
pub use shadow::shadowing;

use std::{future::Future, sync::Arc, time::Duration};

use grid_authorize::Authorize;
use grid_contract::Manifest;
use grid_core::{
    Refusal,
    event::{Event, Kind},
};
use tokio_util::sync::CancellationToken;

/// What is around: the host whose policies these are.
pub trait Home: Send + Sync + 'static {
    /// Where the sets come from.
    fn policies(&self) -> &Policies;

    /// The stage that they decide in.
    fn authorize(&self) -> &Authorize;

    /// The contracts that they are about.
    fn manifest(&self) -> &Manifest;

    /// A record of now.
    fn event(&self, kind: Kind) -> Event;

    /// Writes a record down.
    ///
    /// # Errors
    /// AUDIT_UNAVAILABLE: what it records must not happen.
    fn record(&self, event: Event) -> impl Future<Output = Result<(), Refusal>> + Send;

    /// Writes a record down that nobody waits for.
    fn note(&self, event: Event) -> impl Future<Output = ()> + Send;

    /// Another set decides from `epoch` on: what rests on earlier ones ends.
    fn moved(self: &Arc<Self>, epoch: u64) -> impl Future<Output = ()> + Send;

    /// A set was read, and taken or not.
    fn loaded(&self, taken: bool);

    /// The candidate was asked too.
    fn compared(&self, differs: bool);

    /// So many decisions went past the candidate.
    fn skipped(&self, decisions: u64);

    /// Monotonic.
    fn elapsed(&self) -> Duration;

    /// Cancelled when the host stops.
    fn stopping(&self) -> &CancellationToken;
}
