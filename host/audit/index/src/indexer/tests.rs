use std::sync::Arc;

use grid_audit::{Durability, Ledger};
use grid_core::{
    clock::SystemClock,
    event::{Event, Kind},
    id::CorrelationId,
};

use super::*;

#[tokio::test]
async fn an_index_that_cannot_be_read_is_made_again_while_others_wait() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Arc::new(grid_tlog::Signer::generate("example.org/log", grid_tlog::Kind::Note).unwrap());
    let options =
        grid_audit::Options { durability: Durability::Relaxed, ..grid_audit::Options::new(folder.path(), signer) };
    let runtime = tokio::runtime::Handle::current();
    let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &runtime).unwrap();
    for _ in 0..100 {
        ledger.note(Event::new(Kind::HostStarted, 1, CorrelationId::mint(1))).await;
    }
    ledger.close().await.unwrap();
    let indexer = Indexer::start(Options::new(folder.path()), SystemClock::shared()).unwrap();
    let ask = || indexer.find(&Query::default(), 1 << 20, 100, Duration::from_secs(30));
    let first = ask().unwrap();
    for _ in 0..3 {
        // Whoever has the old one goes on with it.
        let old = indexer.shared.lock().index.clone().unwrap();
        indexer.condemn();
        assert_eq!(ask().unwrap().records, first.records);
        let new = indexer.shared.lock().index.clone().unwrap();
        assert!(!Arc::ptr_eq(&old, &new));
        assert_eq!(old.find(&Query::default(), 1 << 20).unwrap().records, first.records);
    }
}
