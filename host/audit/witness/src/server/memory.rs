//! What a witness must never forget: of each log the checkpoint that it cosigned last, with its own signature, on the
//! disk before anybody gets that signature.
//!
//! One folder: `witness.vkey` says whose memory it is and was made with the key, `lock` is held by the process that
//! writes, and each log has a file that is named by the SHA-256 of its origin and holds the cosigned note.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use grid_tlog::{Checkpoint, Note, Unproved, VerifyingKey};

use crate::durable::{self, Fault};

const OWNER: &str = "witness.vkey";

/// A witness cannot start, because what it remembers is not there or not its own.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NoMemory {
    /// The folder was never made, or was lost.
    #[error(
        "`{}` is not the memory of a witness: it has no `witness.vkey`; `grid witness init` makes it together with a \
         new key, and a witness whose memory was lost must not be started again with its old key",
        .0.display()
    )]
    Missing(PathBuf),
    /// It is there where a new one should be made.
    #[error("`{}` is the memory of a witness already; give another folder", .0.display())]
    There(PathBuf),
    /// It belongs to another key.
    #[error("`{}` is the memory of the witness `{owner}`; start that one with it", folder.display())]
    NotOurs {
        /// The folder.
        folder: PathBuf,
        /// Its owner's key.
        owner: String,
    },
    /// Another process has it.
    #[error("another process uses `{}`; two witnesses with one key would contradict each other", .0.display())]
    Taken(PathBuf),
    /// A note in it is not what this witness wrote.
    #[error(
        "`{}` is not what this witness cosigned ({why}); restore the file as it was: without it the witness could \
         contradict itself",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        why: Unproved,
    },
    /// The operating system does not give it.
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The last that a witness cosigned of a log.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) checkpoint: Checkpoint,
    /// With the log's signature and the cosignature.
    pub(crate) note: Note,
    /// Of the cosignature, in seconds since 1970.
    pub(crate) time: u64,
}

/// The folder, locked.
#[derive(Debug)]
pub(crate) struct Memory {
    folder: PathBuf,
    owner: VerifyingKey,
    _lock: File,
}

impl Memory {
    pub(crate) fn create(folder: &Path, owner: &VerifyingKey) -> Result<(), super::Error> {
        let mark = folder.join(OWNER);
        if mark.exists() {
            return Err(NoMemory::There(folder.to_owned()).into());
        }
        durable::create_folder(folder)?;
        Ok(durable::create(&mark, format!("{owner}\n").as_bytes())?)
    }

    pub(crate) fn open(folder: &Path, owner: &VerifyingKey) -> Result<Self, NoMemory> {
        let unreadable = |path: &Path| {
            let path = path.to_owned();
            move |source| NoMemory::Unreadable { path, source }
        };
        let mark = folder.join(OWNER);
        let found = match std::fs::read_to_string(&mark) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(NoMemory::Missing(folder.to_owned())),
            read => read.map_err(unreadable(&mark))?,
        };
        if found.trim_end() != owner.to_string() {
            return Err(NoMemory::NotOurs { folder: folder.to_owned(), owner: found.trim_end().to_owned() });
        }
        let path = folder.join("lock");
        let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = opened.map_err(unreadable(&path))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), owner: owner.clone(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(NoMemory::Taken(folder.to_owned())),
            Err(TryLockError::Error(source)) => Err(unreadable(&path)(source)),
        }
    }

    /// What was cosigned last of the log `origin`, whose file is named `name`.
    pub(crate) fn load(&self, name: &str, origin: &str) -> Result<Option<Seen>, NoMemory> {
        let file = self.folder.join(name);
        let text = match std::fs::read_to_string(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(NoMemory::Unreadable { path: file, source }),
            Ok(text) => text,
        };
        let read = || -> Result<Seen, Unproved> {
            let note = Note::parse(&text)?;
            let checkpoint = Checkpoint::parse(note.text())?;
            if checkpoint.origin != origin {
                return Err(Unproved::OtherLog { expected: origin.to_owned(), found: checkpoint.origin });
            }
            let time = note.cosigned(&self.owner)?.time;
            Ok(Seen { checkpoint, note, time })
        };
        read().map(Some).map_err(|why| NoMemory::Damaged { file, why })
    }

    /// One writer at a time for each name.
    pub(crate) fn store(&self, name: &str, note: &Note) -> Result<(), Fault> {
        durable::replace(&self.folder.join(name), note.to_string().as_bytes())
    }
}
