//! A key that was made is on the disk before anybody relies on it.

use grid_audit::KeySource;
use tempfile::tempdir;

use crate::promise::{assert_kept, folder, promised};

/// Not a test of its own.
#[test]
#[ignore = "the process that the next test watches"]
fn makes_a_key() {
    let Some(folder) = folder() else { return };
    let key = KeySource::File(folder.join("keys/of/audit.key"));
    key.create("example.org/test/host/audit").unwrap();
    promised(&folder, "keys");
}

#[test]
fn a_new_key_is_durable() {
    let folder = tempdir().unwrap();
    assert_kept("promised::makes_a_key", folder.path(), 1);
}
