//! What the suites share.

use std::{path::Path, sync::Arc};

use grid_audit::{Durability, Error, Ledger, MemoryStorage, Options, Record, Recovered, Storage};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind, Outcome},
    id::{CorrelationId, InvocationId},
};
use tokio::runtime::Handle;

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
    Options { segment_bytes: 16 << 10, ..Options::new(directory) }
}

pub fn open(directory: &Path) -> Result<(Ledger, Recovered), Error> {
    let clock = SystemClock::shared();
    Ledger::open(options(directory), clock, Arc::new(()), &Handle::current())
}

pub fn start(storage: impl Storage, durability: Durability) -> (Ledger, Recovered) {
    let clock = SystemClock::shared();
    let runtime = Handle::current();
    Ledger::start(storage, durability, 1024, clock, Arc::new(()), &runtime).unwrap()
}

/// All records of a log in memory.
pub fn records(of: &MemoryStorage) -> Vec<Record> {
    let mut records = Vec::new();
    let visited = of.clone().recover(&mut |entry| {
        records.push(Record::decode(entry.index, entry.bytes).unwrap());
    });
    visited.unwrap();
    records
}
