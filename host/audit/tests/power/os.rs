//! The operating system's own disk: that what it is asked for reaches the operating system.

use std::{fs, path::Path};

use grid_audit_wal::{
    OsDisk,
    disk::{Disk, File, How},
};

/// Linux refuses to sync a device that keeps nothing, so a refusal shows that it was asked.
#[test]
fn syncs_reach_the_operating_system() {
    let device = OsDisk.open(Path::new("/dev/null"), How::Write).unwrap();
    // By the port's names: the device has methods of its own with the same ones.
    File::sync_data(&device).unwrap_err();
    File::sync_all(&device).unwrap_err();
    OsDisk.sync_dir(Path::new("/proc")).unwrap_err();
}

#[test]
fn files_are_opened_as_asked() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    let disk = OsDisk;
    disk.open(&path, How::Write).unwrap_err();
    let file = disk.open(&path, How::CreateNew).unwrap();
    disk.open(&path, How::CreateNew).unwrap_err();
    file.write_all_at(b"abc", 2).unwrap();
    for how in [How::Read, How::Write, How::Create] {
        assert_eq!(disk.open(&path, how).unwrap().size().unwrap(), 5, "{how:?}");
    }
    disk.open(&path, How::Read).unwrap().write_all_at(b"x", 0).unwrap_err();
    file.set_size(3).unwrap();
    assert_eq!(disk.read(&path).unwrap(), b"\0\0a");
    disk.rename(&path, &directory.path().join("b")).unwrap();
    assert_eq!(disk.list(directory.path()).unwrap(), ["b"]);
    assert_eq!(disk.open(&directory.path().join("b"), How::Truncate).unwrap().size().unwrap(), 0);
    disk.remove(&directory.path().join("b")).unwrap();
    assert!(!disk.exists(&directory.path().join("b")).unwrap());
}

#[test]
fn directories_are_made_with_those_above_them() {
    let directory = tempfile::tempdir().unwrap();
    let deep = directory.path().join("a/b/c");
    for _ in 0..2 {
        OsDisk.make_directories(&deep).unwrap();
        assert!(deep.is_dir());
    }
}

#[test]
fn a_file_is_replaced_whatever_an_earlier_try_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a");
    fs::write(directory.path().join("a.new"), "left over, and longer").unwrap();
    for content in ["one", "two, longer", ""] {
        OsDisk.replace(&path, content.as_bytes()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), content);
    }
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
