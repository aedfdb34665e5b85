//! The index is nothing but a help: whatever happens to its file, answers are right.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use grid_audit_index::{Error, Index, rebuild};

use crate::common::*;

fn file(folder: &Path) -> PathBuf {
    folder.join("index.redb")
}

fn copy_all(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()) {
        let target = to.join(entry.file_name().unwrap());
        if entry.is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_all(&entry, &target);
        } else {
            fs::copy(&entry, target).unwrap();
        }
    }
}

/// A log of some blocks with its index.
async fn made(folder: &Path, seed: u64, count: usize) -> Maker {
    let mut maker = Maker::seeded(seed);
    write(folder, &mut maker, count).await;
    Index::open(folder).unwrap().catch_up(|_| ()).unwrap();
    maker
}

#[tokio::test]
async fn a_deleted_index_is_made_again_and_belongs_to_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 11, 500).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file(folder.path())), 0o600);
    fs::remove_file(file(folder.path())).unwrap();
    let index = Index::open(folder.path()).unwrap();
    assert_eq!(index.indexed().unwrap(), 0);
    index.catch_up(|_| ()).unwrap();
    check(&index, folder.path(), &mut maker, 40);
    assert_eq!(mode(&file(folder.path())), 0o600);
}

#[tokio::test]
async fn an_index_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 12, 4_000).await;
    for _ in 0..3 {
        write(folder.path(), &mut maker, 333).await;
        let before = all(folder.path()).len() as u64 - 333;
        let index = Index::open(folder.path()).unwrap();
        assert_eq!(index.indexed().unwrap(), before, "what was there is not read again");
        index.catch_up(|_| ()).unwrap();
        check(&index, folder.path(), &mut maker, 30);
    }
}

#[tokio::test]
async fn whatever_is_changed_in_the_file_answers_stay_right() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 13, 4_500).await;
    let good = fs::read(file(folder.path())).unwrap();
    let mut thrown_away = 0;
    for round in 0..40 {
        let mut bytes = good.clone();
        // Most of a young file is room for later; what is in use lies in front.
        let near = if maker.dice.coin() { 64 << 10 } else { bytes.len() };
        let at = maker.dice.below(near);
        match round % 4 {
            0 => bytes[at] ^= 1 << maker.dice.below(8),
            1 => bytes.iter_mut().skip(at).take(4096).for_each(|byte| *byte = 0),
            2 => bytes.iter_mut().skip(at).take(700).for_each(|byte| *byte = maker.dice.roll().to_le_bytes()[0]),
            _ => bytes.truncate(at),
        }
        fs::write(file(folder.path()), bytes).unwrap();
        let index = Index::open(folder.path()).unwrap();
        thrown_away += usize::from(index.indexed().unwrap() == 0);
        index.catch_up(|_| ()).unwrap();
        check(&index, folder.path(), &mut maker, 4);
    }
    assert!(thrown_away > 14, "only {thrown_away} changes were found; the others have to have hit nothing");
}

#[tokio::test]
async fn what_is_no_index_at_all_is_thrown_away() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 14, 400).await;
    for content in [&b""[..], b"x", b"an index is a database and this is none", &[0; 9000], &[0xff; 9000]] {
        fs::write(file(folder.path()), content).unwrap();
        let index = Index::open(folder.path()).unwrap();
        index.catch_up(|_| ()).unwrap();
        check(&index, folder.path(), &mut maker, 10);
    }
}

#[tokio::test]
async fn an_index_of_another_log_is_thrown_away() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    made(one.path(), 15, 900).await;
    let mut maker = made(other.path(), 16, 700).await;
    fs::copy(file(one.path()), file(other.path())).unwrap();
    let index = Index::open(other.path()).unwrap();
    assert_eq!(index.indexed().unwrap(), 0);
    index.catch_up(|_| ()).unwrap();
    check(&index, other.path(), &mut maker, 40);
}

#[tokio::test]
async fn an_index_that_is_ahead_of_a_restored_log_is_thrown_away() {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut maker = made(folder.path(), 17, 500).await;
    copy_all(folder.path(), copy.path());
    // The log goes on and so does its index; then the copy comes back, and goes on in another way.
    write(folder.path(), &mut maker, 100).await;
    Index::open(folder.path()).unwrap().catch_up(|_| ()).unwrap();
    fs::copy(file(folder.path()), file(copy.path())).unwrap();
    assert_eq!(Index::open(copy.path()).unwrap().indexed().unwrap(), 0, "it has what the log has not");
    fs::copy(file(folder.path()), file(copy.path())).unwrap();
    write(copy.path(), &mut Maker::seeded(99), 200).await;
    let index = Index::open(copy.path()).unwrap();
    assert_eq!(index.indexed().unwrap(), 0, "its last record is another one");
    index.catch_up(|_| ()).unwrap();
    check(&index, copy.path(), &mut maker, 40);
}

#[tokio::test]
async fn an_index_is_made_anew_on_demand_and_tells_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 18, 500).await;
    fs::write(file(folder.path()), b"nonsense").unwrap();
    let mut told = Vec::new();
    assert_eq!(rebuild(folder.path(), |done| told.push(done)).unwrap(), 500);
    assert_eq!(told.last(), Some(&500));
    check(&Index::open(folder.path()).unwrap(), folder.path(), &mut maker, 20);
}

#[tokio::test]
async fn an_index_has_one_user_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut maker = made(folder.path(), 19, 300).await;
    let index = Index::open(folder.path()).unwrap();
    assert!(matches!(Index::open(folder.path()), Err(Error::InUse { .. })));
    assert!(matches!(rebuild(folder.path(), |_| ()), Err(Error::InUse { .. })));
    check(&index, folder.path(), &mut maker, 10);
}
