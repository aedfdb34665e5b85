//! How a log is opened and what is written into it. The only file here that knows the options of a ledger.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use grid_audit::{Error, Ledger, Options, Recovered};
use grid_core::{
    clock::SharedClock,
    event::{Event, Kind, Outcome},
    id::{CallId, CorrelationId, InvocationId},
};
use grid_tlog::{Checkpoint, Proof, Signer};
use tokio::runtime::Handle;

/// A key that nobody else has a use for.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

/// Opens or begins the log in `directory`, in full durability.
pub(crate) fn open(
    directory: &Path,
    segment_bytes: u64,
    publish: Duration,
    clock: &SharedClock,
    runtime: &Handle,
) -> Result<(Ledger, Recovered), Error> {
    let signer = signer().ok_or_else(|| Error::Options("the key of the probe is none".into()))?;
    let options = Options { segment_bytes, publish, ..Options::new(directory, Arc::clone(signer)) };
    Ledger::open(options, clock.clone(), Arc::new(()), runtime)
}

fn signer() -> Option<&'static Arc<Signer>> {
    static SIGNER: OnceLock<Option<Arc<Signer>>> = OnceLock::new();
    SIGNER.get_or_init(|| Signer::parse(KEY).ok().map(Arc::new)).as_ref()
}

/// The tree that a proof proves its record to be in; nothing where it proves nothing.
pub(crate) fn verify(proof: &Proof) -> Option<Checkpoint> {
    proof.verify(signer()?.verifying_key()).ok()
}

/// An admission of a new invocation, `bytes` longer than it has to be.
pub(crate) fn admission(clock: &SharedClock, bytes: usize) -> Event {
    Event {
        args_shape: padding(bytes),
        args_digest: Some([1; 32]),
        rule: Some("roles".into()),
        epoch: Some(1),
        ..event(Kind::Admitted, InvocationId::mint(), clock)
    }
}

/// Its conclusion.
pub(crate) fn conclusion(clock: &SharedClock, of: InvocationId, bytes: usize) -> Event {
    Event {
        outcome: Some(Outcome::Success),
        detail: padding(bytes),
        result_digest: Some([2; 32]),
        ..event(Kind::Concluded, of, clock)
    }
}

/// A record that belongs to no invocation.
pub(crate) fn refusal(clock: &SharedClock) -> Event {
    Event { invocation: None, ..event(Kind::Refused, InvocationId::mint(), clock) }
}

fn event(kind: Kind, invocation: InvocationId, clock: &SharedClock) -> Event {
    let at_ms = clock.unix_ms();
    Event {
        invocation: Some(invocation),
        call_id: CallId::parse("call-1").ok(),
        tool: Some("files.read".into()),
        contract: Some([3; 32]),
        ..Event::new(kind, at_ms, CorrelationId::mint(at_ms))
    }
}

fn padding(bytes: usize) -> Option<String> {
    (bytes > 0).then(|| "p".repeat(bytes))
}
