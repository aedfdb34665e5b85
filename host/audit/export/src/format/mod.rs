//! The log as files for others: takes records in order, writes those that a filter lets through, one at a time and
//! never more than one in memory. What each format holds is told in `docs/audit-export.md`.

mod cef;
mod csv;
mod jsonl;
mod ocsf;

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use grid_audit::Record;

pub use csv::COLUMNS;
pub(crate) use jsonl::line as json_line;

use crate::Filter;

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON lines: what is stored, with `index` in front.
    Jsonl,
    /// JSON lines of the Open Cybersecurity Schema Framework 1.3.
    Ocsf,
    /// ArcSight Common Event Format, version 0.
    Cef,
    /// RFC 4180, safe to open in a spreadsheet.
    Csv,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Ocsf, Self::Cef, Self::Csv];

    /// As it is called on command lines.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Ocsf => "ocsf",
            Self::Cef => "cef",
            Self::Csv => "csv",
        }
    }

    /// What stands before the first record.
    fn head(self) -> Option<String> {
        (self == Self::Csv).then(csv::head)
    }

    /// Appends one record with its line end.
    pub fn write(self, record: &Record, out: &mut Vec<u8>) {
        match self {
            Self::Jsonl => jsonl::write(record, out),
            Self::Ocsf => ocsf::write(record, out),
            Self::Cef => cef::write(record, out),
            Self::Csv => csv::write(record, out),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::as_str).join(", ");
        let found = Self::ALL.into_iter().find(|format| format.as_str() == text);
        found.ok_or_else(|| format!("`{text}` is no format; there are {}", names()))
    }
}

/// How many records of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were written.
    pub written: u64,
    /// Records that were read.
    pub read: u64,
}

/// An export that did not reach the end of the log.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The log cannot be read further.
    #[error("{0}")]
    Log(#[from] grid_audit::Error),
    /// The other side takes no more.
    #[error("cannot write the export: {0}")]
    Output(#[from] io::Error),
}

/// Writes the wanted records of a log. `progress` is told now and then how far it is.
///
/// # Errors
/// [`Stopped`]; what was written until then stays written.
pub fn export(
    records: impl Iterator<Item = Result<Record, grid_audit::Error>>,
    filter: &Filter,
    format: Format,
    out: &mut impl Write,
    mut progress: impl FnMut(Counts),
) -> Result<Counts, Stopped> {
    let mut counts = Counts::default();
    if let Some(head) = format.head() {
        out.write_all(head.as_bytes())?;
    }
    let mut line = Vec::new();
    for record in records {
        let record = record?;
        counts.read += 1;
        if filter.matches(&record) {
            line.clear();
            format.write(&record, &mut line);
            out.write_all(&line)?;
            counts.written += 1;
        }
        if counts.read.is_multiple_of(1024) {
            progress(counts);
        }
    }
    out.flush()?;
    Ok(counts)
}
