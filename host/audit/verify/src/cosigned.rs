//! Whether witnesses saw the log. The log's keeper keeps their word beside it; here it is checked with keys that came
//! from somewhere else.

use grid_tlog::{Cosignature, VerifyingKey, witnessed};
use serde::Serialize;

use crate::{Error, Evidence, Failure, Options, evidence::WITNESSED, keys::Keys};

/// The newest state of the log that enough witnesses cosigned. What came later has its keeper's word alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cosigned {
    /// Entries under it.
    pub size: u64,
    /// Who cosigned.
    pub by: Vec<Witness>,
}

/// One witness's word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Witness {
    /// The name of its key.
    pub name: String,
    /// When it cosigned, by its own clock, in seconds since 1970.
    pub time: u64,
}

/// Checks the note that lies beside the log with the witnesses that were asked for. That the log continues it is
/// checked with its entries.
pub(crate) fn check(seen: Option<&Evidence>, keys: &Keys, options: &Options<'_>) -> Result<Option<Cosigned>, Error> {
    if options.witnesses.is_empty() {
        return Ok(None);
    }
    let failed = |what: String| Error::from(Failure::new(what).within(WITNESSED));
    let seen = seen.ok_or_else(|| failed("the file is missing: no witness has cosigned this log".into()))?;
    let size = seen.checkpoint.size;
    let key = keys.at(size).ok_or_else(|| failed("the log had no key then".into()))?;
    let quorum = if options.quorum == 0 { options.witnesses.len() } else { options.quorum };
    let cosigned = witnessed(seen.text(), key, options.witnesses, quorum).map_err(|error| failed(error.to_string()))?;
    let word = |(key, word): (VerifyingKey, Cosignature)| Witness { name: key.name().to_owned(), time: word.time };
    Ok(Some(Cosigned { size, by: cosigned.by.into_iter().map(word).collect() }))
}
