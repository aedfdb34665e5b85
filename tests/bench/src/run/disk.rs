//! The yardstick of durability: appending 500 bytes to a file of zeros and `fdatasync`, on the filesystem that
//! the audit logs of the run are on.

use std::{
    cell::Cell,
    fs::{File, OpenOptions},
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    time::Duration,
};

use crate::{Fallible, clock::now, sample::quantile};

const EVENT: usize = 500;
const SIZE: usize = 16 << 20;
/// Syncs of one measurement, or as many as there is time for.
const TIMES: usize = 300;
const LONGEST: Duration = Duration::from_millis(300);

/// A file to write into.
#[derive(Debug)]
pub(super) struct Disk {
    file: File,
    end: Cell<u64>,
}

impl Disk {
    pub(super) fn open(folder: &Path) -> Fallible<Self> {
        let path = folder.join("yardstick");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).open(path)?;
        file.write_all(&vec![0; SIZE])?;
        file.sync_all()?;
        Ok(Self { file, end: Cell::new(0) })
    }

    /// Microseconds of the middle one of many.
    pub(super) fn sync_p50_us(&self) -> Fallible<f64> {
        let mut took = Vec::with_capacity(TIMES);
        let start = now();
        while took.len() < TIMES && start.elapsed() < LONGEST {
            let begin = now();
            self.file.write_all_at(&[b'e'; EVENT], self.end.get())?;
            self.file.sync_data()?;
            took.push(u64::try_from(begin.elapsed().as_nanos())?);
            self.end.set((self.end.get() + EVENT as u64) % (SIZE - EVENT) as u64);
        }
        took.sort_unstable();
        Ok(quantile(&took, 0.5) / 1e3)
    }
}
