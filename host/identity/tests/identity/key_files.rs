//! Key files: made once, readable by their owner alone, refused otherwise.
use std::{fs, os::unix::fs::PermissionsExt, path::Path, thread};

use grid_identity::{SigningKey, VerifyingKey, key::Error};

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_missing_key_is_made_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/keys/grid-key.pem");
    let made = SigningKey::load_or_create(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    let found = SigningKey::load_or_create(&path).unwrap();
    assert_eq!(made.verifying_key(), found.verifying_key());
    let left: Vec<_> = fs::read_dir(path.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing else is left behind");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));
}

#[test]
fn hosts_that_start_at_once_share_one_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid-key.pem");
    let keys: Vec<Result<VerifyingKey, Error>> = thread::scope(|scope| {
        let hosts: Vec<_> = (0..8).map(|_| scope.spawn(|| SigningKey::load_or_create(&path))).collect();
        let keys = hosts.into_iter().map(|host| host.join().unwrap());
        keys.map(|key| key.map(|key| key.verifying_key().clone())).collect()
    });
    let first = keys[0].as_ref();
    assert!(keys.iter().all(|key| key.is_ok() && key.as_ref().ok() == first.ok()), "{keys:?}");
}

#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid-key.pem");
    SigningKey::load_or_create(&path).unwrap();
    for exposed in [0o640, 0o604, 0o644, 0o660, 0o666, 0o777] {
        fs::set_permissions(&path, fs::Permissions::from_mode(exposed)).unwrap();
        let fault = SigningKey::load_or_create(&path).unwrap_err();
        assert!(matches!(fault, Error::Exposed { mode, .. } if mode == exposed));
        assert!(fault.to_string().contains("chmod 600"), "{fault}");
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    SigningKey::load(&path).unwrap();
}

#[test]
fn what_is_no_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid-key.pem");
    let public = SigningKey::generate().unwrap().verifying_key().to_pem();
    for text in ["", "hello", public.as_str(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(SigningKey::load(&path), Err(Error::Malformed(_))));
    }
}

#[test]
fn a_public_key_survives_its_file() {
    let key = SigningKey::generate().unwrap();
    let read = VerifyingKey::from_pem(&key.verifying_key().to_pem()).unwrap();
    assert_eq!(&read, key.verifying_key());
    assert!(VerifyingKey::from_pem("hello").is_err());
}
