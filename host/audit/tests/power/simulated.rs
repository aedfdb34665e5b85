//! The simulation itself: what is not synced can go, piece by piece, and what is synced stays.

use std::path::Path;

use grid_audit_wal::disk::{Disk, File, How};

use crate::{
    image::Image,
    random::Random,
    sim::{Full, Plan, SimDisk},
};

fn disk(image: Image, plan: Plan) -> SimDisk {
    SimDisk::new(image, plan, Random::new(1))
}

fn fresh() -> SimDisk {
    disk(Image::new(), Plan::default())
}

/// After a loss of power that kept the pieces whose bits are set, the first piece being the lowest bit.
fn after(before: &SimDisk, grain: usize, kept: u64) -> SimDisk {
    let mut piece = 0;
    let image = before.image().survivor(grain, &mut || {
        piece += 1;
        kept >> (piece - 1) & 1 == 1
    });
    disk(image, Plan::default())
}

fn read(disk: &SimDisk, path: &str) -> Option<Vec<u8>> {
    disk.read(Path::new(path)).ok()
}

/// A file with a durable name and these durable bytes.
fn with_file(bytes: &[u8]) -> (SimDisk, <SimDisk as Disk>::File) {
    let disk = fresh();
    let file = disk.open(Path::new("/a"), How::CreateNew).unwrap();
    file.write_all_at(bytes, 0).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    (disk, file)
}

#[test]
fn a_file_needs_its_own_sync_and_that_of_its_directory() {
    let disk = fresh();
    let file = disk.open(Path::new("/a"), How::Create).unwrap();
    file.write_all_at(b"x", 0).unwrap();
    file.sync_data().unwrap();
    assert_eq!(read(&after(&disk, 512, 0), "/a"), None);
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(read(&after(&disk, 512, 0), "/a").unwrap(), b"x");
    let (disk, file) = with_file(b"");
    file.write_all_at(b"x", 0).unwrap();
    disk.sync_dir(Path::new("/")).unwrap();
    assert_eq!(read(&after(&disk, 512, 0), "/a").unwrap(), b"");
}

#[test]
fn a_write_tears_at_sectors_in_any_order() {
    let (disk, file) = with_file(&[0; 2048]);
    file.write_all_at(&[1; 1024], 256).unwrap();
    let image = disk.image();
    assert_eq!((image.unsynced(512), image.unsynced(4096), image.unsynced(usize::MAX)), (3, 1, 1));
    let bytes = read(&after(&disk, 512, 0b101), "/a").unwrap();
    let expected = [vec![0; 256], vec![1; 256], vec![0; 512], vec![1; 256], vec![0; 768]].concat();
    assert_eq!(bytes, expected);
}

#[test]
fn a_length_and_the_bytes_behind_it_are_lost_apart() {
    let (disk, file) = with_file(b"ab");
    file.write_all_at(b"cd", 2).unwrap();
    let kept = |kept| read(&after(&disk, 512, kept), "/a").unwrap();
    assert_eq!(kept(0b00), b"ab");
    assert_eq!(kept(0b01), b"ab\0\0");
    assert_eq!(kept(0b10), b"ab");
    assert_eq!(kept(0b11), b"abcd");
}

#[test]
fn names_are_lost_one_by_one_and_a_rename_is_one_step() {
    let (disk, _) = with_file(b"old");
    let new = disk.open(Path::new("/b"), How::Create).unwrap();
    new.write_all_at(b"new", 0).unwrap();
    new.sync_all().unwrap();
    disk.rename(Path::new("/b"), Path::new("/a")).unwrap();
    let kept = |kept| {
        let disk = after(&disk, 512, kept);
        (read(&disk, "/a").unwrap(), read(&disk, "/b"))
    };
    assert_eq!(kept(0b00), (b"old".to_vec(), None));
    assert_eq!(kept(0b01), (b"old".to_vec(), Some(b"new".to_vec())));
    assert_eq!(kept(0b10), (b"new".to_vec(), None));
    assert_eq!(kept(0b11), (b"new".to_vec(), None));
    disk.remove(Path::new("/a")).unwrap();
    assert_eq!(read(&after(&disk, 512, 0b000), "/a").unwrap(), b"old");
    assert_eq!(read(&after(&disk, 512, 0b100), "/a"), None);
}

#[test]
fn everything_below_a_lost_directory_is_lost() {
    let disk = fresh();
    disk.make_directory(Path::new("/d")).unwrap();
    let file = disk.open(Path::new("/d/a"), How::Create).unwrap();
    file.sync_all().unwrap();
    disk.sync_dir(Path::new("/d")).unwrap();
    assert!(!after(&disk, 512, 0).exists(Path::new("/d/a")).unwrap());
    disk.sync_dir(Path::new("/")).unwrap();
    assert!(after(&disk, 512, 0).exists(Path::new("/d/a")).unwrap());
}

/// Some of the chances of the random must be each of the three fates.
#[test]
fn what_a_failed_sync_forgot_is_shown_and_no_later_sync_writes_it() {
    let mut lost = 0;
    for seed in 0..50 {
        let plan = Plan { failing_syncs: vec![1], ..Plan::default() };
        let (before, _) = with_file(&[0; 4096]);
        let disk = SimDisk::new(before.image(), plan, Random::new(seed));
        let file = disk.open(Path::new("/a"), How::Write).unwrap();
        file.write_all_at(&[1; 4096], 0).unwrap();
        file.sync_data().unwrap_err();
        assert_eq!(read(&disk, "/a").unwrap(), [1; 4096]);
        file.sync_data().unwrap();
        assert_eq!(read(&disk, "/a").unwrap(), [1; 4096]);
        lost += u64::from(read(&after(&disk, 512, 0), "/a").unwrap() != [1; 4096]);
        file.write_all_at(&[1; 4096], 0).unwrap();
        file.sync_data().unwrap();
        assert_eq!(read(&after(&disk, 512, 0), "/a").unwrap(), [1; 4096]);
    }
    assert!((1..50).contains(&lost), "{lost} of 50 lost something");
}

#[test]
fn a_stopped_disk_takes_nothing_and_shows_nothing() {
    let (before, _) = with_file(b"a");
    let plan = Plan { stop_at: Some(2), ..Plan::default() };
    let disk = disk(before.image(), plan);
    let file = disk.open(Path::new("/a"), How::Write).unwrap();
    file.write_all_at(b"b", 0).unwrap();
    file.sync_data().unwrap_err();
    file.sync_data().unwrap_err();
    assert!(disk.has_stopped() && disk.read(Path::new("/a")).is_err());
    assert_eq!(read(&after(&disk, 512, 0), "/a").unwrap(), b"a");
    assert_eq!(read(&after(&disk, 512, 1), "/a").unwrap(), b"b");
}

#[test]
fn a_full_disk_says_so_when_it_is_told_to() {
    for full in [Full::AtWrite, Full::AtSync] {
        let disk = disk(Image::new(), Plan { capacity: Some((1000, full)), ..Plan::default() });
        let file = disk.open(Path::new("/a"), How::Create).unwrap();
        file.write_all_at(&[1; 1000], 0).unwrap();
        file.sync_data().unwrap();
        file.write_all_at(&[2; 1000], 0).unwrap();
        file.sync_data().unwrap();
        let said = [file.write_all_at(&[1], 1000), file.sync_data()];
        let expected = if full == Full::AtWrite { [false, true] } else { [true, false] };
        assert_eq!(said.map(|said| said.is_ok()), expected);
    }
}
