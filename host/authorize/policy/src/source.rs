//! The files of a policy directory, read once: nothing outside it, nothing too large, nothing that cannot be read.

use std::{fs, path::Path};

use grid_adm::Digest;

use crate::fault::{Fault, Place, Warning};

/// A file of policies may be that large.
const FILE_BYTES: u64 = 1 << 20;
/// A directory may hold that many files.
const FILES: usize = 2_000;
/// The roles of a directory.
pub(crate) const ROLES: &str = "roles.toml";
/// Where the tests of a directory are.
pub(crate) const TESTS: &str = "tests";

/// One file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) text: String,
}

impl Source {
    pub(crate) fn at(&self, offset: usize) -> Place {
        Place::within(&self.name, &self.text, offset)
    }

    /// The name without its ending.
    pub(crate) fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(&self.name, |(stem, _)| stem)
    }
}

/// What a directory holds.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) policies: Vec<Source>,
    pub(crate) roles: Option<Source>,
}

impl Sources {
    /// Reads the policies and roles of a directory, by name.
    pub(crate) fn read(dir: &Path, faults: &mut Vec<Fault>, warnings: &mut Vec<Warning>) -> Self {
        let mut own = Self::default();
        for name in names(dir, faults) {
            let warn = |message: &str| Warning(Fault::new(Place::file(&name), "policy.not-read", message));
            if name == ROLES {
                own.roles = read(dir, &name, faults);
            } else if name.ends_with(".cedar") {
                own.policies.extend(read(dir, &name, faults));
            } else if name != TESTS && !name.ends_with(".md") {
                warnings.push(warn("is not read; policies are in `*.cedar`, roles in `roles.toml`, tests in `tests/`"));
            }
        }
        own
    }

    /// Over names and bytes of policies and roles; each is preceded by its length, so that no two directories have the
    /// same bytes.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut bytes = b"grid-policies/v1\n".to_vec();
        for source in self.policies.iter().chain(&self.roles) {
            for part in [&source.name, &source.text] {
                bytes.extend((part.len() as u64).to_be_bytes());
                bytes.extend(part.as_bytes());
            }
        }
        *Digest::of_bytes(&bytes).as_bytes()
    }
}

/// The names in a directory, sorted; those that begin with a dot are left out.
pub(crate) fn names(dir: &Path, faults: &mut Vec<Fault>) -> Vec<String> {
    let mut names = Vec::new();
    let mut fault = |message: String| faults.push(Fault::new(Place::default(), "policy.directory", message));
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) => {
            fault(format!("the directory `{}` cannot be read: {error}", dir.display()));
            return names;
        }
    };
    for entry in entries {
        match entry.map(|entry| entry.file_name().into_string()) {
            Ok(Ok(name)) if name.starts_with('.') => {}
            Ok(Ok(name)) => names.push(name),
            Ok(Err(name)) => fault(format!("the name of `{}` is not UTF-8", name.display())),
            Err(error) => fault(format!("the directory cannot be read to its end: {error}")),
        }
    }
    if names.len() > FILES {
        fault(format!("the directory holds {} files; at most {FILES} are read", names.len()));
        names.clear();
    }
    names.sort();
    names
}

/// One file of a directory; `name` may have a directory before it.
pub(crate) fn read(dir: &Path, name: &str, faults: &mut Vec<Fault>) -> Option<Source> {
    let path = dir.join(name);
    let read = || -> Result<String, String> {
        let cannot = |error: std::io::Error| format!("cannot be read: {error}");
        let real = path.canonicalize().map_err(cannot)?;
        if !real.starts_with(dir.canonicalize().map_err(cannot)?) {
            return Err("is a link to a place outside of the directory; copy what it names".to_owned());
        }
        let about = fs::metadata(&real).map_err(cannot)?;
        if !about.is_file() {
            return Err("is not a file".to_owned());
        }
        if about.len() > FILE_BYTES {
            return Err(format!("has {} bytes; at most {FILE_BYTES} are read", about.len()));
        }
        String::from_utf8(fs::read(&real).map_err(cannot)?).map_err(|_| "is not UTF-8".to_owned())
    };
    match read() {
        Ok(text) => Some(Source { name: name.to_owned(), text }),
        Err(message) => {
            faults.push(Fault::new(Place::file(name), "policy.file", message));
            None
        }
    }
}
