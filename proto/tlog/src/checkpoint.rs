//! What the keeper of a log signs: its name, its size, its root (C2SP tlog-checkpoint).

use std::fmt;

use crate::{Hash, Malformed, Note, Signer, Unproved, VerifyingKey};

/// The state of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// Entries in it.
    pub size: u64,
    /// Root over them.
    pub root: Hash,
}

impl Checkpoint {
    /// Reads the text of a note. Further lines are allowed and mean nothing here.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = |why: &str| Malformed::new("checkpoint", why);
        let text = text.strip_suffix('\n').ok_or_else(|| malformed("it does not end with a newline"))?;
        let mut lines = text.split('\n');
        let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
            return Err(malformed("it has fewer than three lines"));
        };
        if origin.is_empty() || lines.any(str::is_empty) {
            return Err(malformed("one of its lines is empty"));
        }
        let size = decimal(size).ok_or_else(|| malformed("its second line is no size"))?;
        Ok(Self { origin: origin.to_owned(), size, root: root.parse()? })
    }

    /// Reads a whole signed note and checks that `key` signed it, for a log of that key's name.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn open(note: &str, key: &VerifyingKey) -> Result<(Self, Note), Unproved> {
        let note = Note::parse(note)?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != key.name() {
            return Err(Unproved::OtherLog { expected: key.name().to_owned(), found: checkpoint.origin });
        }
        note.verify(key)?;
        Ok((checkpoint, note))
    }

    /// As a signed note.
    #[must_use]
    pub fn sign(&self, signer: &Signer) -> Note {
        Note::sign(self.to_string(), signer)
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, self.root)
    }
}

/// A number that is written in the one way that is allowed.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let shortest = text == "0" || !text.starts_with('0');
    text.parse().ok().filter(|_| plain && shortest)
}
