//! Checks a whole log in one pass over its entries.

use std::thread;

use grid_tlog::{Checkpoint, Note, VerifyingKey};

use crate::{
    Error, Evidence, Failure, Progress, Report, Source, Unreadable,
    checkpoints::{self, Lines},
    cosigned,
    keys::Keys,
    shelf::Shelf,
    signatures::Signatures,
    wal::Wal,
    walk::{State, Walk},
};

/// The newest published checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// A host that goes on meanwhile may take away what was just seen.
const TRIES: u32 = 5;

/// What to hold a log against.
#[derive(Clone, Copy)]
#[non_exhaustive]
pub struct Options<'a> {
    /// One of its keys, from somewhere else than the log itself. Without one the log's own is believed, and then it
    /// can be the work of anybody.
    pub key: Option<&'a VerifyingKey>,
    /// What was kept of earlier states.
    pub kept: &'a [Evidence],
    /// Witnesses of which [`Options::quorum`] must have cosigned the log; none need have where it is empty.
    pub witnesses: &'a [VerifyingKey],
    /// How many of them; 0 means all.
    pub quorum: usize,
    /// Whether every signature that was ever made is checked; else only the published one and those of `kept`.
    pub signatures: bool,
    /// Told every few thousand entries.
    pub progress: Option<&'a dyn Fn(Progress)>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { key: None, kept: &[], witnesses: &[], quorum: 0, signatures: true, progress: None }
    }
}

impl<'a> Options<'a> {
    /// Believes this key.
    #[must_use]
    pub fn key(self, key: &'a VerifyingKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Asks that the log continues these.
    #[must_use]
    pub fn kept(self, kept: &'a [Evidence]) -> Self {
        Self { kept, ..self }
    }

    /// Asks that so many of these witnesses have cosigned the log; 0 means all.
    #[must_use]
    pub fn witnesses(self, witnesses: &'a [VerifyingKey], quorum: usize) -> Self {
        Self { witnesses, quorum, ..self }
    }

    /// Leaves out the signatures of `checkpoints.log`.
    #[must_use]
    pub fn without_signatures(self) -> Self {
        Self { signatures: false, ..self }
    }

    /// Tells how far it is.
    #[must_use]
    pub fn progress(self, progress: &'a dyn Fn(Progress)) -> Self {
        Self { progress: Some(progress), ..self }
    }
}

impl std::fmt::Debug for Options<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { key, kept, witnesses, quorum, signatures, progress: _ } = self;
        let mut shown = f.debug_struct("Options");
        shown.field("key", key).field("kept", kept).field("witnesses", witnesses).field("quorum", quorum);
        shown.field("signatures", signatures).finish()
    }
}

/// Checks everything that there is to check: that the entries make the tiles, the roots and the signatures, that the
/// records are what a host writes and in an order that it can write, that keys were handed over as they should be,
/// that the log continues what was kept of it, and that the witnesses which are asked for cosigned it. In a directory also that nothing else lies about and that the
/// private segments agree.
///
/// # Errors
/// [`Error::Unverified`] with the first thing that is wrong, [`Error::Unreadable`].
pub fn verify<S: Source>(source: &S, options: &Options<'_>) -> Result<Report, Error> {
    let mut state = open(source, options)?;
    let cosigned = state.cosigned.take();
    let report = thread::scope(|scope| {
        let mut walk = Walk::new(source, options, state, Signatures::on(scope));
        let walked = walk.run();
        let (signatures, report) = walk.end(walked);
        match (signatures.end(), report) {
            (None, report) => report,
            (Some(unsigned), Err(Error::Unverified(failure))) if failure.index < unsigned.index => Err(failure.into()),
            (Some(unsigned), _) => Err(unsigned.into()),
        }
    });
    report.map(|report| Report { cosigned, ..report })
}

/// Reads the small files, in an order in which a host that goes on writing does no harm: what is read later covers
/// what was read before.
fn open<S: Source>(source: &S, options: &Options<'_>) -> Result<State, Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        let witnessed = Evidence::witnessed(source)?;
        let checkpoint = checkpoint(source)?;
        let lines = Lines::open(source)?;
        let (keys, behind) = Keys::read(source, options.key)?;
        let cosigned = cosigned::check(witnessed.as_ref(), &keys, options)?;
        let mut kept = options.kept.to_vec();
        kept.extend(witnessed);
        let shelf = Shelf::of(source)?;
        let wal = source.directory().map(Wal::open).transpose()?.flatten();
        let published = checkpoint.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        let first = wal.as_ref().map_or(0, Wal::first);
        // The host published and let segments go after the checkpoint was read.
        if first > whole(published) && tries < TRIES {
            continue;
        }
        let state = State { checkpoint, lines, keys, behind, kept, cosigned, shelf, wal };
        check(source, &state, options, first, published)?;
        return Ok(state);
    }
}

/// How many entries are in full tiles. Segments go when all that is in them is there.
fn whole(published: u64) -> u64 {
    published - published % 256
}

fn check<S: Source>(source: &S, state: &State, options: &Options<'_>, first: u64, published: u64) -> Result<(), Error> {
    if first > whole(published) {
        let what = format!("the segments begin with entry {first}, and only {published} entries are published");
        return Err(Failure::new(what).at(published).within("wal").into());
    }
    let Some((checkpoint, note)) = &state.checkpoint else {
        if source.directory().is_none() {
            let what = "there is no checkpoint there; is this the address of a log?";
            return Err(Unreadable::Missing(what.into()).into());
        }
        // A host that stopped before it published anything leaves all of it in the segments.
        if state.wal.is_none() {
            return Err(Failure::new("the file is missing").within(CHECKPOINT).into());
        }
        return kept(state);
    };
    if source.directory().is_some() && state.lines.is_none() {
        return Err(Failure::new("the file is missing").within(checkpoints::FILE).into());
    }
    let failed = |what: String| Error::from(Failure::new(what).within(CHECKPOINT));
    let origin = state.keys.origin();
    if checkpoint.origin != origin {
        return Err(failed(format!("it is a checkpoint of `{}`, not of `{origin}`", checkpoint.origin)));
    }
    let key = state.keys.at(published).ok_or_else(|| failed("the log had no key then".into()))?;
    note.verify(key).map_err(|error| failed(error.to_string()))?;
    if state.lines.is_none() && options.key.is_some_and(|trusted| trusted != key) {
        let what = "the log does not show its older signatures, so that the key which was given cannot be followed to \
                    the present one; give the present one";
        return Err(failed(what.into()));
    }
    kept(state)
}

fn kept(state: &State) -> Result<(), Error> {
    Ok(state.kept.iter().try_for_each(|kept| kept.verify(&state.keys))?)
}

/// Reads the published checkpoint. Its signature is not checked yet.
pub(crate) fn checkpoint<S: Source>(source: &S) -> Result<Option<(Checkpoint, Note)>, Error> {
    let Some(bytes) = source.fetch(CHECKPOINT)? else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(&bytes);
    let note = Note::parse(&text).and_then(|note| Ok((Checkpoint::parse(note.text())?, note)));
    note.map(Some).map_err(|error| Failure::new(error.to_string()).within(CHECKPOINT).into())
}
