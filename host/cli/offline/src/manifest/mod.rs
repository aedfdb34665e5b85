//! `grid manifest`: what a host is given to serve, and who says so.

mod lint;
mod lock;
mod sign;

use std::{
    fmt,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use clap::Subcommand;
use grid_config::Config;

use super::{Context, Exit, Failure};

/// Locks, signs and reviews a manifest
#[derive(Debug, Subcommand)]
pub enum Manifest {
    Lint(lint::Lint),
    Lock(lock::Lock),
    Keygen(sign::Keygen),
    Sign(sign::Sign),
    Verify(sign::Verify),
    AcceptRollback(sign::AcceptRollback),
}

impl Manifest {
    /// Runs it.
    ///
    /// # Errors
    /// Where it did not do what it was asked for, or found what is wrong.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Lint(command) => command.run(context),
            Self::Lock(command) => command.run(context),
            Self::Keygen(command) => command.run(context),
            Self::Sign(command) => command.run(context),
            Self::Verify(command) => command.run(context),
            Self::AcceptRollback(command) => command.run(context),
        }
    }
}

/// The manifest that is meant: as said, or as configured.
fn manifest(said: Option<PathBuf>, config: &Config) -> Result<PathBuf, Failure> {
    said.or_else(|| config.manifest.path.clone()).ok_or_else(|| {
        Failure::new(Exit::Usage, "no manifest is named; give its path, or set `manifest.path`".to_owned())
    })
}

fn unreadable(path: &Path, error: &dyn fmt::Display) -> Failure {
    Failure::new(Exit::Error, format!("cannot read `{}`: {error}", path.display()))
}

/// A file that nobody sees half written, readable for all: it is for review.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}", std::process::id()));
    let written = File::create(&new).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&new, path)).and_then(|()| {
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(directory).and_then(|directory| directory.sync_all())
    });
    renamed.map_err(|error: io::Error| {
        // It is there only where a step before the renaming failed.
        let _ = fs::remove_file(&new);
        Failure::new(Exit::Error, format!("cannot write `{}`: {error}", path.display()))
    })
}

fn failed(failure: &grid_source::Failure) -> Failure {
    let exit = if failure.configuration { Exit::Invalid } else { Exit::Error };
    Failure::new(exit, failure.to_string())
}
