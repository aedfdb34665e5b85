//! The two that a question needs, as ports: the log that is asked about, and whoever is asked.

use std::{io, sync::Arc};

use grid_tlog::{Checkpoint, Hash, Note, Signature};

use super::witness::Answer;

/// A witness may tell another size than it was asked with, once because we forgot, and perhaps once more because
/// another process asked in between.
const ATTEMPTS: u32 = 3;

/// The log that is to be cosigned. Called by the threads of [`Witnessing`](super::Witnessing) alone.
pub trait Source: Send + Sync + 'static {
    /// The newest published checkpoint, a signed note; none before the first. Its origin never changes.
    ///
    /// # Errors
    /// Where it cannot be read now.
    fn checkpoint(&self) -> io::Result<Option<String>>;

    /// The hashes that prove that the tree of `new` entries begins with that of `old`, where `0 < old < new` and
    /// `new` was published.
    ///
    /// # Errors
    /// Where they cannot be had now.
    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>>;

    /// When entry `index` was recorded, in milliseconds since 1970. Without it an age is counted from when the
    /// checkpoint before the entry was taken, which is never too young.
    fn recorded_ms(&self, index: u64) -> Option<u64> {
        let _ = index;
        None
    }
}

/// Whoever can be asked.
pub(crate) trait Ask: Send + Sync + 'static {
    fn ask(&self, old: u64, proof: &[Hash], note: &Note) -> Result<Answer, Trouble>;
}

/// Why a witness did not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// No whole answer came in time, or it was too large.
    #[error("it gave no answer: {0}")]
    Unreachable(String),
    /// It answered with another status.
    #[error("it refused with status {status}: {why}")]
    Refused {
        /// Of HTTP.
        status: u16,
        /// Its words, clipped.
        why: String,
    },
    /// Its answer is none.
    #[error("its answer cannot be used: {0}")]
    Garbage(&'static str),
    /// It knows more of the log than there is.
    #[error(
        "it knows {theirs} entries of this log, which has {ours}: the log went back, or somebody else signs with its key"
    )]
    Ahead {
        /// What it has cosigned.
        theirs: u64,
        /// What there is.
        ours: u64,
    },
    /// Its clock and ours are too far apart, or it repeats what it signed before.
    #[error("its cosignature is of another time, {seconds} s from now; compare the clocks")]
    Time {
        /// Negative where it lies in the past.
        seconds: i64,
    },
    /// It tells another size each time.
    #[error("it tells another size each time it is asked")]
    Restless,
    /// The log cannot be read.
    #[error("the proof for it cannot be made: {0}")]
    NoProof(String),
    /// A fault of ours.
    #[error("asking it ended with a fault of this program")]
    Fault,
}

/// A checkpoint that witnesses are asked to cosign.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
    /// When it was first seen, in milliseconds since 1970.
    pub(crate) taken_ms: u64,
}

/// Ask a witness, beginning with the size that it cosigned last as far as we know.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) witness: usize,
    pub(crate) old: u64,
    pub(crate) offer: Arc<Offer>,
}

/// What came of it.
pub(crate) type Outcome = Result<(Signature, u64), Trouble>;

/// Asks, and asks again with the size that the witness names.
pub(crate) fn submit(source: &dyn Source, witness: &dyn Ask, job: &Job) -> Outcome {
    let (note, size) = (&job.offer.note, job.offer.checkpoint.size);
    let mut old = job.old;
    for _ in 0..ATTEMPTS {
        if old > size {
            return Err(Trouble::Ahead { theirs: old, ours: size });
        }
        let proof = match old {
            old if old == 0 || old == size => Vec::new(),
            old => source.consistency(old, size).map_err(|error| Trouble::NoProof(error.to_string()))?,
        };
        match witness.ask(old, &proof, note)? {
            Answer::Cosigned { line, time } => return Ok((line, time)),
            Answer::Conflict(told) if told == old => return Err(Trouble::Restless),
            Answer::Conflict(told) => old = told,
        }
    }
    Err(Trouble::Restless)
}
