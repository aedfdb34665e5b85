//! A witness's key, its memory and what it cosigned are on the disk before anybody hears of them.

use grid_audit_witness::{Answered, Cosigner, create, load_key};
use grid_core::clock::SystemClock;
use tempfile::tempdir;

use crate::{
    kit::Log,
    promise::{assert_kept, folder, promised},
};

/// Not a test of its own.
#[test]
#[ignore = "the process that the next test watches"]
fn cosigns() {
    let Some(folder) = folder() else { return };
    let (key, memory) = (folder.join("keys/of/witness"), folder.join("memory/of/it"));
    create("witness.example/w1", &key, &memory).unwrap();
    promised(&folder, "keys");
    promised(&folder, "memory");
    let log = Log::new(9);
    let cosigner = Cosigner::open(load_key(&key).unwrap(), &memory, vec![log.key()], SystemClock::shared()).unwrap();
    for (old, new) in [(0, 1), (1, 5), (5, 9)] {
        let answered = cosigner.add_checkpoint(log.request(old, new).as_bytes());
        assert!(matches!(answered, Answered::Cosigned(_)), "{answered:?}");
        promised(&folder, "memory");
    }
}

#[test]
fn what_a_witness_says_is_durable() {
    let folder = tempdir().unwrap();
    assert_kept("promised::cosigns", folder.path(), 5);
}
