//! What an exporter has said to have is on the disk: the lines of a file before the position moves, the position
//! before the next batch.

use std::{
    fs,
    path::{Path, PathBuf},
};

use grid_audit_export::{Batch, Exporter, Failure, FileOptions, FileSink, Sink, Taken};

use crate::{
    common::{Log, quick, until_delivered},
    promise::{assert_kept, folder, promised},
};

const FILE: &str = "out.jsonl";
const RECORDS: u64 = 100;

/// A file that says when it has something. Each batch that comes shows that the position stands before it.
struct Saying {
    folder: PathBuf,
    file: FileSink,
    is_first: bool,
}

impl Saying {
    fn open(folder: &Path) -> Self {
        let file = FileSink::open(FileOptions { path: folder.join(FILE), rotate_bytes: 6_000 }).unwrap();
        promised(folder, FILE);
        Self { folder: folder.to_owned(), file, is_first: true }
    }
}

impl Sink for Saying {
    fn describe(&self) -> String {
        self.file.describe()
    }

    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure> {
        if !std::mem::take(&mut self.is_first) {
            promised(&self.folder, "exports/file.position");
        }
        let taken = self.file.deliver(batch)?;
        promised(&self.folder, FILE);
        Ok(taken)
    }
}

/// Refuses a part of everything.
struct Choosy {
    folder: PathBuf,
    is_first: bool,
}

impl Sink for Choosy {
    fn describe(&self) -> String {
        "choosy".into()
    }

    fn deliver(&mut self, _batch: &Batch) -> Result<Taken, Failure> {
        if !std::mem::take(&mut self.is_first) {
            promised(&self.folder, "exports/choosy.rejected");
        }
        Ok(Taken { rejected: 1, message: None })
    }
}

/// Not a test of its own.
#[test]
#[ignore = "the process that the next test watches"]
fn exports() {
    let Some(folder) = folder() else { return };
    let choosy = Choosy { folder: folder.clone(), is_first: true };
    let exporter = Exporter::start(quick(&folder, "choosy"), choosy).unwrap();
    until_delivered(&exporter, RECORDS);
    drop(exporter);
    let exporter = Exporter::start(quick(&folder, "file"), Saying::open(&folder)).unwrap();
    until_delivered(&exporter, RECORDS);
}

#[test]
fn what_was_taken_is_durable_before_the_exporter_goes_on() {
    let mut log = Log::new();
    log.append(RECORDS - log.len());
    // Cut off by a crash, so that opening the file changes it.
    fs::write(log.folder.path().join(FILE), "{\"index\":").unwrap();
    assert_kept("promised::exports", log.folder.path(), 3 * usize::try_from(RECORDS / 16).unwrap());
}
