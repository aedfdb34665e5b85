//! What the suites share.

use std::{path::Path, sync::Arc};

use grid_audit::{Durability, Error, Ledger, MemoryStorage, Options, Record, Recovered, Storage, Stored, Unavailable};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use grid_tlog::Signer;
use tokio::runtime::Handle;

/// A key that nobody else has a use for.
const KEY: &str = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";

pub fn signer() -> Arc<Signer> {
    Arc::new(Signer::parse(KEY).unwrap())
}

/// Where a record went.
pub fn index(stored: Result<Option<Stored>, Unavailable>) -> Result<Option<u64>, Unavailable> {
    stored.map(|stored| stored.map(|stored| stored.index()))
}

pub fn event(kind: Kind) -> Event {
    Event::new(kind, 1_700_000_000_000, CorrelationId::parse("c-1").unwrap())
}

pub fn admission() -> Event {
    let mut event = event(Kind::Admitted);
    event.invocation = Some(InvocationId::mint());
    event.tool = Some("files.read".into());
    event
}

pub fn conclusion(of: InvocationId) -> Event {
    let mut event = event(Kind::Concluded);
    event.invocation = Some(of);
    event.outcome = Some(Outcome::Success);
    event
}

pub fn refusal(detail: impl Into<String>) -> Event {
    let mut event = event(Kind::Refused);
    event.detail = Some(detail.into());
    event
}

/// Small segments, so that suites roll them.
pub fn options(directory: &Path) -> Options {
    Options { segment_bytes: 16 << 10, ..Options::new(directory, signer()) }
}

pub fn open(directory: &Path) -> Result<(Ledger, Recovered), Error> {
    let clock = SystemClock::shared();
    Ledger::open(options(directory), clock, Arc::new(()), &Handle::current())
}

pub fn start(storage: impl Storage, durability: Durability) -> (Ledger, Recovered) {
    let clock = SystemClock::shared();
    let runtime = Handle::current();
    let options = Options { durability, queue: 1024, ..options(Path::new("unused")) };
    Ledger::start(storage, &options, clock, Arc::new(()), &runtime).unwrap()
}

/// All records of a log in memory.
pub fn records(of: &MemoryStorage) -> Vec<Record> {
    (0..).zip(of.entries()).map(|(index, entry)| Record::decode(index, &entry).unwrap()).collect()
}
