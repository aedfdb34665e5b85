//! One sync carries everything that waits, and nobody hears of a record before its sync.

use std::{
    io,
    sync::{Arc, Condvar, Mutex},
};

use grid_audit::{Chain, Durability, Error, MemoryStorage, Storage};
use grid_tlog::Frontier;

use crate::common::*;

/// A log whose syncs wait until they are let through.
#[derive(Debug, Clone, Default)]
struct Gated {
    memory: MemoryStorage,
    gate: Arc<(Mutex<Gate>, Condvar)>,
}

#[derive(Debug, Default)]
struct Gate {
    allowed: u64,
    begun: u64,
}

impl Gated {
    fn allow(&self, syncs: u64) {
        self.gate.0.lock().unwrap().allowed += syncs;
        self.gate.1.notify_all();
    }

    /// Returns when `syncs` were begun.
    async fn begun(&self, syncs: u64) {
        while self.gate.0.lock().unwrap().begun < syncs {
            tokio::task::yield_now().await;
        }
    }
}

impl Storage for Gated {
    fn recover(&mut self, chain: &mut Chain<'_>) -> Result<u64, Error> {
        self.memory.recover(chain)
    }

    fn append(&mut self, frame: &[u8], edge: &Frontier) -> io::Result<()> {
        self.memory.append(frame, edge)
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut gate = self.gate.0.lock().unwrap();
        gate.begun += 1;
        let mut gate = self.gate.1.wait_while(gate, |gate| gate.allowed == 0).unwrap();
        gate.allowed -= 1;
        drop(gate);
        self.memory.sync()
    }

    fn reset(&mut self) -> io::Result<()> {
        self.memory.reset()
    }

    fn has_room(&mut self, bytes: u64) -> bool {
        self.memory.has_room(bytes)
    }

    fn max_frame(&self) -> usize {
        self.memory.max_frame()
    }
}

#[tokio::test]
async fn one_sync_carries_everything_that_waits() {
    let storage = Gated::default();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let record = |detail: String| {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.record(refusal(detail)).await })
    };
    let first = record("first".into());
    storage.begun(1).await;
    let others: Vec<_> = (0..200).map(|at| record(format!("{at}"))).collect();
    while ledger.status().queued < 200 {
        tokio::task::yield_now().await;
    }
    storage.allow(1);
    assert_eq!(index(first.await.unwrap()), Ok(Some(0)));
    storage.begun(2).await;
    assert!(others.iter().all(|other| !other.is_finished()));
    storage.allow(1);
    for (at, other) in others.into_iter().enumerate() {
        assert_eq!(index(other.await.unwrap()), Ok(Some(at as u64 + 1)));
    }
    assert_eq!(storage.memory.syncs(), 2);
}

#[tokio::test]
async fn an_admission_is_durable_before_admit_returns() {
    let storage = Gated::default();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let admitted = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.admit(admission()).await }
    });
    storage.begun(1).await;
    // Written and not synced: this is where a host that does not wait would go on.
    assert_eq!(records(&storage.memory).len(), 1);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!admitted.is_finished());
    assert_eq!(ledger.status().records, 0);
    storage.allow(1);
    admitted.await.unwrap().unwrap();
    assert_eq!(storage.memory.syncs(), 1);
}

#[tokio::test]
async fn a_full_queue_makes_callers_wait_and_drops_nothing() {
    let storage = Gated::default();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let callers: Vec<_> = (0..5000)
        .map(|at| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.record(refusal(format!("{at}"))).await })
        })
        .collect();
    while ledger.status().queued < 1024 {
        tokio::task::yield_now().await;
    }
    storage.allow(u64::from(u32::MAX));
    for caller in callers {
        caller.await.unwrap().unwrap();
    }
    assert_eq!(records(&storage.memory).len(), 5000);
}

#[tokio::test]
async fn a_caller_that_goes_away_does_not_take_its_record_along() {
    let storage = Gated::default();
    let (ledger, _) = start(storage.clone(), Durability::Full);
    let gone = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.record(refusal("gone")).await }
    });
    storage.begun(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    storage.allow(2);
    assert_eq!(index(ledger.record(refusal("here")).await), Ok(Some(1)));
    assert_eq!(records(&storage.memory)[0].detail(), Some("gone"));
}

#[test]
fn callers_hear_of_their_records_when_the_runtime_of_the_ledger_is_gone() {
    let build = || tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (first, second) = (build().unwrap(), build().unwrap());
    let (ledger, _) = first.block_on(async { start(MemoryStorage::new(), Durability::Full) });
    drop(first);
    second.block_on(async {
        let waiting: Vec<_> = (0..100)
            .map(|_| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.record(refusal("x")).await })
            })
            .collect();
        for waiter in waiting {
            waiter.await.unwrap().unwrap();
        }
    });
}
