//! A text with signatures under it (C2SP signed-note).

use std::fmt::Write as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use crate::{Kind, Malformed, Signer, Unproved, VerifyingKey, key::is_name};

/// More than any checkpoint needs, with room for many witnesses.
const LONGEST: usize = 64 << 10;
const MOST_SIGNATURES: usize = 100;

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// Name of the key.
    pub name: String,
    /// Id of the key.
    pub id: u32,
    /// What the key's kind defines.
    pub bytes: Vec<u8>,
}

/// A note that was read. That somebody signed it is not checked yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Signature>,
}

impl Note {
    /// A text, signed by one key. The text must end with a newline.
    #[must_use]
    pub fn sign(text: String, signer: &Signer) -> Self {
        let key = signer.verifying_key();
        let bytes = signer.sign(text.as_bytes()).to_vec();
        Self { text, signatures: vec![Signature { name: key.name().to_owned(), id: key.id(), bytes }] }
    }

    /// A text with signatures that were made before.
    #[must_use]
    pub fn from_parts(text: String, signatures: Vec<Signature>) -> Self {
        Self { text, signatures }
    }

    /// Reads a whole note: text, empty line, signature lines.
    ///
    /// # Errors
    /// [`Malformed`], also for a note that is longer than 64 KiB or has more than 100 signatures.
    pub fn parse(note: &str) -> Result<Self, Malformed> {
        let malformed = |why: &str| Malformed::new("signed note", why);
        if note.len() > LONGEST {
            return Err(malformed("it is longer than 64 KiB"));
        }
        if note.chars().any(|c| c.is_ascii_control() && c != '\n') {
            return Err(malformed("it has control characters in it"));
        }
        let at = note.rfind("\n\n").ok_or_else(|| malformed("it has no empty line before its signatures"))?;
        let (text, signatures) = (note.get(..=at), note.get(at + 2..));
        let (Some(text), Some(signatures)) = (text, signatures) else {
            return Err(malformed("it has no empty line before its signatures"));
        };
        let signatures = signatures.strip_suffix('\n').ok_or_else(|| malformed("it does not end with a newline"))?;
        let signatures: Vec<Signature> = signatures.split('\n').map(Signature::parse).collect::<Result<_, _>>()?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(malformed("it has more than 100 signatures"));
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// What was signed, with its last newline.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines, checked or not.
    #[must_use]
    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// Adds a signature line.
    pub fn add(&mut self, signature: Signature) {
        self.signatures.push(signature);
    }

    /// Checks that `key` signed the text. Lines of other keys do not matter; two of the same key must both hold.
    ///
    /// # Errors
    /// [`Unproved::NotSigned`], [`Unproved::BadSignature`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<(), Unproved> {
        let mut signed = false;
        for signature in self.of(key) {
            if key.kind() != Kind::Note || !key.verifies(self.text.as_bytes(), &signature.bytes) {
                return Err(Unproved::BadSignature(key.to_string()));
            }
            signed = true;
        }
        if signed { Ok(()) } else { Err(Unproved::NotSigned(key.to_string())) }
    }

    /// The lines that claim to be of `key`.
    pub(crate) fn of<'a>(&'a self, key: &'a VerifyingKey) -> impl Iterator<Item = &'a Signature> {
        self.signatures.iter().filter(|line| line.id == key.id() && line.name == key.name())
    }
}

impl std::fmt::Display for Note {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)?;
        f.write_char('\n')?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl Signature {
    /// Reads a signature line without its newline.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(line: &str) -> Result<Self, Malformed> {
        let malformed = |why: &str| Malformed::new("signature line", why);
        let rest = line.strip_prefix("\u{2014} ").ok_or_else(|| malformed("it does not begin with a dash"))?;
        let (name, base64) = rest.split_once(' ').ok_or_else(|| malformed("it has no space behind the name"))?;
        let bytes = BASE64_STANDARD.decode(base64).map_err(|_| malformed("it is not base64"))?;
        let (id, bytes) = bytes.split_first_chunk().ok_or_else(|| malformed("it is too short"))?;
        if !is_name(name) || bytes.is_empty() {
            return Err(malformed("it has no name or no signature"));
        }
        Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

impl std::fmt::Display for Signature {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bytes = [&self.id.to_be_bytes(), self.bytes.as_slice()].concat();
        write!(f, "\u{2014} {} {}", self.name, BASE64_STANDARD.encode(bytes))
    }
}
