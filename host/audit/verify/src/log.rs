//! A log that is asked for proofs. What it gives was checked against a signed checkpoint before it is given, so a log
//! that was changed gives none.

use std::fmt;

use grid_core::id::InvocationId;
use grid_tlog::{Checkpoint, Extension, Hash, Nodes, Note, Proof, Signature, verify_consistency};

use crate::{
    Error, Failure, Keys, Source, Tiles, Unreadable,
    checkpoints::{Lines, Signed},
    record, verify,
    wal::{Step, Wal},
};

const WIDTH: u64 = 256;

/// A log, as its files are when it is opened.
pub struct Log<S> {
    tiles: Tiles<S>,
    keys: Keys,
    /// The published checkpoint, and the note that signs it.
    published: Option<(Checkpoint, String)>,
    tail: Tail,
}

/// What is signed and not published yet.
#[derive(Debug, Default)]
struct Tail {
    first: u64,
    entries: Vec<Vec<u8>>,
    leaves: Vec<Hash>,
    signed: Vec<Signed>,
}

impl<S: Source> Log<S> {
    /// Opens a log. Of a directory, also what only its private segments hold.
    ///
    /// # Errors
    /// [`Error`].
    pub fn open(source: S) -> Result<Self, Error> {
        let (keys, _) = Keys::read(&source, None)?;
        let checkpoint = verify::checkpoint(&source)?;
        let published = checkpoint.map(|(checkpoint, note)| (checkpoint, note.to_string()));
        let size = published.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        let wal = source.directory().map(Wal::open).transpose()?.flatten();
        let tail = wal.map(|wal| Tail::read(wal, size)).transpose()?.unwrap_or_default();
        let tail = Tail { first: size, ..tail };
        Ok(Self { tiles: Tiles::new(source, size), keys, published, tail })
    }

    /// The keys that the log says it has and had.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The published checkpoint, a signed note; none where nothing was published.
    #[must_use]
    pub fn checkpoint(&self) -> Option<&str> {
        self.published.as_ref().map(|(_, note)| note.as_str())
    }

    /// Entries that it has, published or not.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tail.first + self.tail.entries.len() as u64
    }

    /// The bytes of entry `index`.
    ///
    /// # Errors
    /// [`Error`], also where there is none.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, Error> {
        match index.checked_sub(self.tail.first) {
            None => self.tiles.entry(index),
            Some(place) => {
                let entry = usize::try_from(place).ok().and_then(|place| self.tail.entries.get(place));
                entry.cloned().ok_or_else(|| self.absent(index))
            }
        }
    }

    /// Proves entry `index`, under the published checkpoint or, where that does not cover it yet, under the newest
    /// that was signed.
    ///
    /// # Errors
    /// [`Error`], also where there is no such entry, and where the log's files do not lead to what was signed.
    pub fn prove(&self, index: u64) -> Result<Proof, Error> {
        let entry = self.entry(index)?;
        let (size, note) = match &self.published {
            Some((checkpoint, note)) if index < checkpoint.size => (checkpoint.size, note.clone()),
            _ => {
                let newest = self.tail.signed.last().ok_or_else(|| self.absent(index))?;
                (newest.size, self.note(newest)?)
            }
        };
        let path = grid_tlog::inclusion(self, index, size)?;
        let entry = String::from_utf8(entry).map_err(|_| Failure::new("it is not UTF-8").at(index))?;
        let proof = Proof::new(index, Hash::leaf(entry.as_bytes()), path, note).with_entry(entry);
        let key = self.keys.at(size).ok_or_else(|| Failure::new("the log had no key then"))?;
        proof.verify(key).map_err(|error| Failure::new(error.to_string()).at(index))?;
        Ok(proof)
    }

    /// Proves that the tree that one signed note is over begins with the tree of another.
    ///
    /// # Errors
    /// [`Error`], also where it does not, or a note is not of this log or larger than it.
    pub fn extend(&self, old: &str, new: &str) -> Result<Extension, Error> {
        let (from, to) = (self.signed(old)?, self.signed(new)?);
        if from.size > to.size {
            let what = format!(
                "the old one has {} entries and the new one {}; give them the other way round",
                from.size, to.size
            );
            return Err(Unreadable::Missing(what).into());
        }
        if to.size > self.size() {
            let what = format!(
                "the log has {} entries and had {} once: it was rolled back, or is behind",
                self.size(),
                to.size
            );
            return Err(Failure::new(what).at(self.size()).into());
        }
        let path = grid_tlog::consistency(self, from.size, to.size)?;
        let held = verify_consistency(from.size, from.root, to.size, to.root, &path);
        held.map_err(|error| Failure::new(format!("the one does not continue the other: {error}")).at(from.size))?;
        Ok(Extension::new(old.to_owned(), new.to_owned(), path))
    }

    fn signed(&self, note: &str) -> Result<Checkpoint, Error> {
        let parsed = Note::parse(note)?;
        let checkpoint = Checkpoint::parse(parsed.text())?;
        let key = self.keys.at(checkpoint.size).ok_or_else(|| Failure::new("the log had no key then"))?;
        Ok(Checkpoint::open(note, key)?.0)
    }

    /// The signed note over the first `size` entries, where the log's keeper ever signed that.
    ///
    /// # Errors
    /// [`Error`].
    pub fn checkpoint_at(&self, size: u64) -> Result<Option<String>, Error> {
        if let Some((_, note)) = self.published.as_ref().filter(|(checkpoint, _)| checkpoint.size == size) {
            return Ok(Some(note.clone()));
        }
        if let Some(signed) = self.tail.signed.iter().find(|signed| signed.size == size) {
            return self.note(signed).map(Some);
        }
        let mut lines = Lines::open(self.tiles.source())?;
        while let Some(lines) = lines.as_mut()
            && let Some(next) = lines.next_size().filter(|next| *next <= size)
        {
            let taken = lines.take(next)?;
            if let Some((signed, _)) = taken.filter(|(signed, _)| signed.size == size) {
                return self.note(&signed).map(Some);
            }
        }
        Ok(None)
    }

    /// What the log's key signed, as the note that it is.
    fn note(&self, signed: &Signed) -> Result<String, Error> {
        let key = self.keys.at(signed.size).ok_or_else(|| Failure::new("the log had no key then"))?;
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size: signed.size, root: signed.root };
        let signature = Signature { name: key.name().to_owned(), id: signed.key, bytes: signed.signature.to_vec() };
        Ok(Note::from_parts(checkpoint.to_string(), vec![signature]).to_string())
    }

    /// The index of the record of `kind` about an execution. Looks through the log from its end.
    ///
    /// # Errors
    /// [`Error`].
    pub fn find(&self, invocation: InvocationId, kind: &str) -> Result<Option<u64>, Error> {
        let text = invocation.to_string();
        let is_it = |entry: &[u8]| {
            // Most entries are of others: they are not worth reading.
            let mentions = str::from_utf8(entry).is_ok_and(|entry| entry.contains(&text));
            mentions
                && record::peek(entry)
                    .is_ok_and(|peek| peek.kind == kind && peek.invocation == Some(invocation.as_u128()))
        };
        if let Some(place) = self.tail.entries.iter().rposition(|entry| is_it(entry)) {
            return Ok(Some(self.tail.first + place as u64));
        }
        for number in (0..self.tail.first.div_ceil(WIDTH)).rev() {
            let bundle = self.tiles.bundle(number)?;
            if let Some(place) = bundle.iter().rposition(|entry| is_it(entry)) {
                return Ok(Some(number * WIDTH + place as u64));
            }
        }
        Ok(None)
    }

    fn absent(&self, index: u64) -> Error {
        let what = format!("the log has {} entries; there is no entry {index} in it", self.size());
        Unreadable::Missing(what).into()
    }
}

impl Tail {
    /// Everything behind the first `published` entries.
    fn read(mut wal: Wal, published: u64) -> Result<Self, Error> {
        let mut tail = Self::default();
        if wal.first() > published {
            let what = "the segments begin behind the published checkpoint; try again, a host may be at work";
            return Err(Failure::new(what).at(published).into());
        }
        loop {
            match wal.next()? {
                Step::End => return Ok(tail),
                Step::Segment(..) => {}
                Step::Batch(batch) => {
                    let sealed = &batch.sealed;
                    for index in sealed.first.max(published)..sealed.end() {
                        let (entry, _) = sealed.entry(index).unwrap_or_default();
                        tail.leaves.push(Hash::leaf(entry));
                        tail.entries.push(entry.to_vec());
                    }
                    if sealed.end() > published {
                        tail.signed.push(Signed::of(sealed));
                    }
                }
            }
        }
    }
}

impl<S: Source> Nodes for Log<S> {
    type Error = Error;

    fn node(&self, level: u32, index: u64) -> Result<Hash, Error> {
        if (index + 1) << level <= self.tail.first {
            return self.tiles.node(level, index);
        }
        let Some(below) = level.checked_sub(1) else {
            let place = usize::try_from(index - self.tail.first).ok();
            let leaf = place.and_then(|place| self.tail.leaves.get(place));
            return leaf.copied().ok_or_else(|| self.absent(index));
        };
        Ok(Hash::node(&self.node(below, index * 2)?, &self.node(below, index * 2 + 1)?))
    }
}

impl<S> fmt::Debug for Log<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("tiles", &self.tiles)
            .field("tail", &self.tail.entries.len())
            .finish_non_exhaustive()
    }
}
