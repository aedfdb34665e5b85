//! Which records a command is about: flags that `grid audit export` and `grid audit report` share, and a file that
//! appears as a whole.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use grid_audit::Reader;
use grid_audit_export::Filter;
use grid_core::{
    clock::{Clock, SystemClock},
    event::Outcome,
};

use super::{Failure, when::When};

/// Nobody waits for a sign of life before.
const SILENT: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(200);

/// Conditions on records; all that are given must hold.
#[derive(Debug, Args)]
pub(super) struct Wanted {
    /// Not before: 2026-03-01T12:00:00Z, a date, or so long ago, such as 24h or 7d
    #[arg(long, value_name = "TIME", value_parser = When::parse)]
    since: Option<When>,
    /// Before that time, written the same way
    #[arg(long, value_name = "TIME", value_parser = When::parse)]
    until: Option<When>,
    /// Of this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// About this function
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// Of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Calls that ended so; a refusal has no outcome, use --kind refused
    #[arg(long, value_parser = Outcome::ALL.map(Outcome::as_str))]
    outcome: Option<String>,
    /// Records of this kind, such as refused, concluded, session_opened or violation
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// In this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Of the requests with this correlation id
    #[arg(long, value_name = "ID")]
    correlation: Option<String>,
}

impl Wanted {
    pub(super) fn filter(self, now_ms: u64) -> Filter {
        Filter {
            since_ms: self.since.map(|when| when.at_ms(now_ms)),
            until_ms: self.until.map(|when| when.at_ms(now_ms)),
            principal: self.principal,
            tool: self.tool,
            tenant: self.tenant,
            outcome: self.outcome,
            kind: self.kind,
            session: self.session,
            correlation: self.correlation,
        }
    }
}

/// How far a command is, on a terminal and only if it takes long.
pub(super) struct Progress {
    clock: std::sync::Arc<dyn Clock>,
    /// Records of the log, where it is worth knowing.
    all: Option<u64>,
    told: Option<Duration>,
}

impl Progress {
    pub(super) fn of(reader: &Reader) -> Self {
        let all = io::stderr().is_terminal().then(|| reader.next_index().ok()).flatten();
        Self { clock: SystemClock::shared(), all, told: None }
    }

    pub(super) fn read(&mut self, records: u64) {
        let now = self.clock.elapsed();
        let Some(all) = self.all.filter(|_| now >= SILENT && self.told.is_none_or(|told| now >= told + EVERY)) else {
            return;
        };
        self.told = Some(now);
        let percent = (records.saturating_mul(100) / all.max(1)).min(100);
        // Standard error may be gone, and then there is nobody to tell.
        let _ = write!(io::stderr(), "\r{percent:>3} %  {records} of {all} records\u{1b}[K");
    }

    /// Leaves nothing on the screen.
    pub(super) fn done(self) {
        if self.told.is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
    }
}

/// A file that has its name only when it is complete, and belongs to its owner alone.
pub(super) struct Whole {
    path: PathBuf,
    part: PathBuf,
    file: BufWriter<File>,
}

impl Whole {
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part);
        let file = BufWriter::new(file.map_err(|error| unwritable(path, &error))?);
        Ok(Self { path: path.to_owned(), part, file })
    }

    pub(super) fn finish(mut self) -> Result<(), Failure> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let written = written.and_then(|()| fs::rename(&self.part, &self.path));
        written.map_err(|error| unwritable(&self.path, &error))
    }
}

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Whole {
    /// Nothing is left of a file that was not finished; after a rename there is nothing of that name.
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.part);
    }
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot write `{}`: {error}; check its folder", path.display());
    Failure::new(super::Exit::Error, message)
}
