//! The log's keys: which public key signed which part of the log (`log.vkeys`, `log.vkey`), and the private key in a
//! file of its own or in the environment.

use std::{
    fmt, fs,
    io::{self, Read as _},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use grid_audit_wal::{
    Disk, Error, Keys, OsDisk,
    disk::{self, File, How},
};
use grid_tlog::{Kind, Malformed, NoKey, Signer, VerifyingKey};
use zeroize::Zeroizing;

/// Every key that a log ever had.
pub(crate) const KEYS: &str = "log.vkeys";
/// The present one, alone, for tools that want one line.
pub(crate) const KEY: &str = "log.vkey";
const MAX_FILE: u64 = 16 << 10;

/// The public keys of a log, each from a size on. In its file a line each: the size, a space, the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    keys: Vec<(u64, VerifyingKey)>,
}

impl History {
    /// Of a log that never had another.
    #[must_use]
    pub fn of(key: VerifyingKey) -> Self {
        Self { keys: vec![(0, key)] }
    }

    /// Reads the file of a log's directory; none where there is no such file.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Damaged`] where it is no list of keys.
    pub fn read(directory: &Path) -> Result<Option<Self>, Error> {
        Self::read_on(&OsDisk, directory)
    }

    pub(crate) fn read_on<D: Disk>(disk: &D, directory: &Path) -> Result<Option<Self>, Error> {
        let path = directory.join(KEYS);
        let bytes = match disk.read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &path)(error)),
        };
        let text = String::from_utf8(bytes).unwrap_or_default();
        let damaged = |error: Malformed| Error::Damaged { file: path, offset: 0, index: 0, what: error.to_string() };
        text.parse().map(Some).map_err(damaged)
    }

    /// The key whose signatures count for a tree of `size` entries.
    #[must_use]
    pub fn at(&self, size: u64) -> Option<&VerifyingKey> {
        self.keys.iter().rev().find(|(from, _)| *from <= size).map(|(_, key)| key)
    }

    /// The key that signs now.
    #[must_use]
    pub fn present(&self) -> Option<&VerifyingKey> {
        self.keys.last().map(|(_, key)| key)
    }

    /// All of them, oldest first, each with the first size that it signs.
    pub fn all(&self) -> impl Iterator<Item = (u64, &VerifyingKey)> {
        self.keys.iter().map(|(from, key)| (*from, key))
    }

    /// What it was before `key`, and from which size on that one counts where it is the present one.
    pub(crate) fn without(mut self, key: &VerifyingKey) -> (Self, Option<u64>) {
        let from = self.keys.pop_if(|(from, last)| last == key && *from > 0).map(|(from, _)| from);
        (self, from)
    }

    pub(crate) fn and_then(mut self, from: u64, key: VerifyingKey) -> Self {
        self.keys.push((from, key));
        self
    }

    /// Leaves a file that says so already: on a full disk it could not be written again, and a log must open there. Its
    /// name is durable, since whoever opens a log syncs the directory first.
    pub(crate) fn write_on<D: Disk>(&self, disk: &D, directory: &Path) -> Result<(), Error> {
        let key = self.present().map(|key| format!("{key}\n")).unwrap_or_default();
        for (name, text) in [(KEYS, self.to_string()), (KEY, key)] {
            let path = directory.join(name);
            match disk.read(&path) {
                Ok(there) if there == text.as_bytes() => {}
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(Error::io("read", &path)(error)),
                _ => disk.replace(&path, text.as_bytes()).map_err(Error::io("write", &path))?,
            }
        }
        Ok(())
    }
}

impl Keys for History {
    fn key_at(&self, size: u64) -> Option<&VerifyingKey> {
        self.at(size)
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.keys.iter().try_for_each(|(from, key)| writeln!(f, "{from} {key}"))
    }
}

impl FromStr for History {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = |why: &str| Malformed::new("list of keys", why);
        let mut keys: Vec<(u64, VerifyingKey)> = Vec::new();
        for line in text.lines() {
            let (from, key) = line.split_once(' ').ok_or_else(|| malformed("a line has no space"))?;
            let from: u64 = from.parse().map_err(|_| malformed("a line does not begin with a size"))?;
            let key: VerifyingKey = key.parse()?;
            let follows = keys.last().map_or(from == 0, |(last, first)| from > *last && key.name() == first.name());
            if !follows {
                return Err(malformed("its sizes do not ascend from 0, or a key is of another log"));
            }
            keys.push((from, key));
        }
        if keys.is_empty() {
            return Err(malformed("it is empty"));
        }
        Ok(Self { keys })
    }
}

/// Where the private key is: a file, or `env:NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// A file of mode 0600.
    File(PathBuf),
    /// A variable of the environment.
    Environment(String),
}

/// A private key that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// There is none.
    #[error("there is no audit key {0}; make one with `grid audit init`")]
    Missing(String),
    /// It cannot be read or written.
    #[error("the audit key `{}` cannot be read or written: {source}", .path.display())]
    Io {
        /// Of the file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others may read it.
    #[error("the audit key `{path}` has mode {mode:o}, so that others may use it; run `chmod 600 {path}`", path = .path.display())]
    Exposed {
        /// Of the file.
        path: PathBuf,
        /// Permission bits.
        mode: u32,
    },
    /// One is there already.
    #[error("there is an audit key in `{}` already; a log with another key would be another log", .0.display())]
    Exists(PathBuf),
    /// It is no key.
    #[error("the audit key {place}: {why}")]
    Unusable {
        /// Where it is.
        place: String,
        /// Why not. Shows nothing of it.
        why: NoKey,
    },
}

impl KeySource {
    /// `env:NAME`, or a path.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        match text.strip_prefix("env:") {
            Some(name) => Self::Environment(name.to_owned()),
            None => Self::File(text.into()),
        }
    }

    /// Reads the key.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn load(&self) -> Result<Signer, KeyError> {
        let text = match self {
            Self::File(path) => read_secret(path)?,
            Self::Environment(name) => {
                let value = std::env::var(name).map_err(|_| KeyError::Missing(format!("in the variable `{name}`")))?;
                Zeroizing::new(value)
            }
        };
        let signer = Signer::parse(&text).and_then(|signer| match signer.verifying_key().kind() {
            Kind::Note => Ok(signer),
            Kind::Cosignature => Err(Malformed::new("log's key", "it is a witness's").into()),
        });
        signer.map_err(|why| KeyError::Unusable { place: self.to_string(), why })
    }

    /// Makes a new key for a log named `origin` and stores it, where none is there. Only in a file.
    ///
    /// # Errors
    /// [`KeyError`].
    pub fn create(&self, origin: &str) -> Result<Signer, KeyError> {
        let unusable = |why| KeyError::Unusable { place: self.to_string(), why };
        let signer = Signer::generate(origin, Kind::Note).map_err(unusable)?;
        let Self::File(path) = self else {
            return Err(KeyError::Missing(format!("in {self}, and none can be put there from here")));
        };
        store_new(path, &signer)?;
        Ok(signer)
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Environment(name) => write!(f, "in the variable `{name}`"),
        }
    }
}

fn read_secret(path: &Path) -> Result<Zeroizing<String>, KeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => KeyError::Missing(format!("in `{}`", path.display())),
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let file = fs::File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(KeyError::Exposed { path: path.to_owned(), mode });
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// A file that nobody sees half written: it gets its name when it is complete, and only if none has it.
fn store_new(path: &Path, signer: &Signer) -> Result<(), KeyError> {
    let failed = |source: io::Error| match source.kind() {
        io::ErrorKind::AlreadyExists => KeyError::Exists(path.to_owned()),
        _ => KeyError::Io { path: path.to_owned(), source },
    };
    let directory = disk::parent(path);
    OsDisk.make_directories(&directory).map_err(failed)?;
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let new = PathBuf::from(new);
    let text = Zeroizing::new(format!("{}\n", *signer.secret()));
    let written = OsDisk.open(&new, How::Truncate).and_then(|file| {
        file.write_all_at(text.as_bytes(), 0)?;
        File::sync_all(&file)
    });
    let linked = written.and_then(|()| fs::hard_link(&new, path));
    // Whether or not the name could be given, the other one goes.
    let removed = fs::remove_file(&new);
    linked.and(removed).and_then(|()| OsDisk.sync_dir(&directory)).map_err(failed)
}
/// A name for a log that has none yet; no two are alike.
#[must_use]
pub fn new_origin() -> String {
    format!("localhost/grid/{:08x}/audit", grid_core::id::InvocationId::mint().as_u128() >> 96)
}
