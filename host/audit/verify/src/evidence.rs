//! What somebody kept of an earlier state of a log: a checkpoint, or a receipt. A log that was rolled back, forked or
//! written anew does not continue it.

use grid_tlog::{Checkpoint, Note, Proof, VerifyingKey};

use crate::{Error, Failure, Source, keys::Keys};

/// The newest checkpoint that witnesses have signed too, kept beside the log.
pub(crate) const WITNESSED: &str = "checkpoint.witnessed";

/// Something that was kept. That the log's keeper signed it is checked with the log.
#[derive(Debug, Clone)]
pub struct Evidence {
    name: String,
    text: String,
    note: Note,
    proof: Option<Proof>,
    pub(crate) checkpoint: Checkpoint,
}

impl Evidence {
    /// Reads a signed note, or a proof as `grid audit prove` and a call's receipt have it. `name` is for messages.
    ///
    /// # Errors
    /// [`Failure`] where it is neither.
    pub fn parse(name: &str, text: &str) -> Result<Self, Failure> {
        let unusable = |what: String| Failure::new(what).within(name);
        let proof = if text.trim_start().starts_with('{') {
            let proof: Proof = serde_json::from_str(text).map_err(|error| unusable(format!("not a proof: {error}")))?;
            Some(proof)
        } else {
            None
        };
        let text = proof.as_ref().map_or(text, |proof| &proof.checkpoint).to_owned();
        let note = Note::parse(&text).map_err(|error| unusable(error.to_string()))?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| unusable(error.to_string()))?;
        Ok(Self { name: name.to_owned(), text, note, proof, checkpoint })
    }

    /// The one that the log's keeper holds against itself, where there is one.
    pub(crate) fn witnessed<S: Source>(source: &S) -> Result<Option<Self>, Error> {
        let Some(bytes) = source.fetch(WITNESSED)? else {
            return Ok(None);
        };
        Ok(Some(Self::parse(WITNESSED, &String::from_utf8_lossy(&bytes))?))
    }

    /// For messages.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The signed note as it was kept.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Checks its signature with the key that the log has for its size.
    pub(crate) fn verify(&self, keys: &Keys) -> Result<(), Failure> {
        let failed = |what: String| Failure::new(what).within(&self.name);
        let size = self.checkpoint.size;
        if self.checkpoint.origin != keys.origin() {
            let (kept, log) = (&self.checkpoint.origin, keys.origin());
            return Err(failed(format!("it is a checkpoint of `{kept}`, not of `{log}`")));
        }
        let key: &VerifyingKey = keys.at(size).ok_or_else(|| failed("the log had no key then".into()))?;
        let held = match &self.proof {
            Some(proof) => proof.verify(key).map(drop),
            None => self.note.verify(key),
        };
        held.map_err(|error| failed(error.to_string()))
    }
}
