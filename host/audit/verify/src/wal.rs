//! The private segments as the pass over the entries needs them: what tiles do not hold yet, and what they hold since
//! a short while.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use grid_audit_wal::{Found, Sealed, Segments};
use grid_tlog::Frontier;

use crate::{Error, Failure, Unreadable};

const FOLDER: &str = "wal";
/// The segment that is being made for later.
const SPARE: &str = "spare";

/// A batch and the file that it is in.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) file: Arc<str>,
    pub(crate) sealed: Sealed,
}

/// What comes next.
#[derive(Debug)]
pub(crate) enum Step {
    /// A segment begins in this file, after a tree with this edge.
    Segment(Arc<str>, Frontier),
    Batch(Batch),
    End,
}

#[derive(Debug)]
pub(crate) struct Wal {
    log: PathBuf,
    segments: Segments,
    file: Arc<str>,
    /// Bytes of a batch that is not complete, behind the last one.
    pub(crate) torn: u64,
}

impl Wal {
    /// None where there are no segments: the directory is a copy of what is public.
    pub(crate) fn open(log: &Path) -> Result<Option<Self>, Error> {
        let names = match fs::read_dir(log.join(FOLDER)) {
            Ok(names) => names,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Unreadable::io(FOLDER)(error).into()),
        };
        for name in names {
            let name = name.map_err(Unreadable::io(FOLDER))?.file_name();
            let name = name.to_string_lossy();
            if name != SPARE && !is_segment(&name) {
                let file = format!("{FOLDER}/{name}");
                return Err(Failure::new("this file is no segment and does not belong here").within(file).into());
            }
        }
        let segments = Segments::open(log).map_err(|error| told(log, error))?;
        let new = |segments| Self { log: log.to_path_buf(), segments, file: FOLDER.into(), torn: 0 };
        Ok(segments.map(new))
    }

    /// The first entry that is in them.
    pub(crate) fn first(&self) -> u64 {
        self.segments.first()
    }

    pub(crate) fn next(&mut self) -> Result<Step, Error> {
        match self.segments.advance().map_err(|error| told(&self.log, error))? {
            Found::Segment(path, edge) => {
                self.file = relative(&self.log, &path).into();
                Ok(Step::Segment(Arc::clone(&self.file), edge))
            }
            Found::Batch(sealed) => Ok(Step::Batch(Batch { file: Arc::clone(&self.file), sealed })),
            Found::End(torn) => {
                self.torn = torn;
                Ok(Step::End)
            }
        }
    }

    /// Where it is.
    pub(crate) fn place(&self) -> (Arc<str>, u64) {
        (Arc::clone(&self.file), self.segments.place().map_or(0, |(_, offset)| offset))
    }
}

fn is_segment(name: &str) -> bool {
    let digits = name.strip_suffix(".seg").unwrap_or_default();
    digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn relative(log: &Path, path: &Path) -> String {
    path.strip_prefix(log).unwrap_or(path).display().to_string()
}

fn told(log: &Path, error: grid_audit_wal::Error) -> Error {
    match error {
        grid_audit_wal::Error::Damaged { file, offset, index, what } => {
            Failure::new(what).at(index).within(relative(log, &file)).offset(offset).into()
        }
        grid_audit_wal::Error::Io { path, source, .. } => Unreadable::io(relative(log, &path))(source).into(),
        other => Unreadable::Missing(other.to_string()).into(),
    }
}
