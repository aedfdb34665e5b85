//! Signed manifests: a C2SP signed note in a file beside the manifest, over its version and the digest of its bytes.
//! Whoever verifies has the bytes in memory and uses those and no others.

use std::path::{Path, PathBuf};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_adm::Digest;
use grid_tlog::{Kind, Malformed, Note, Signer, VerifyingKey};

/// The first line of what is signed.
const HEADER: &str = "grid-manifest/v1";

/// Why a signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unsigned {
    /// It is no signed note of ours.
    #[error("the signature is none: {0}")]
    Malformed(String),
    /// It is over other bytes.
    #[error("the signature is of another manifest: the bytes of this one differ from those that were signed")]
    OtherBytes,
    /// It is over another version.
    #[error("the signature is of version `{signed}`, but the manifest says `{said}`")]
    OtherVersion {
        /// In the signature.
        signed: String,
        /// In the manifest.
        said: String,
    },
    /// None of the trusted keys signed it.
    #[error("none of the {0} trusted keys signed it")]
    NotTrusted(usize),
    /// One of the trusted keys is named, and the signature is not its.
    #[error("the signature of `{0}` does not hold")]
    Forged(String),
}

/// A manifest's bytes that a trusted key signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    /// That was signed.
    pub version: String,
    /// Name of the key.
    pub by: String,
}

impl Signed {
    /// Compares with the version that the manifest says itself.
    ///
    /// # Errors
    /// [`Unsigned::OtherVersion`].
    pub fn is_version(&self, said: &str) -> Result<(), Unsigned> {
        if self.version == said {
            return Ok(());
        }
        Err(Unsigned::OtherVersion { signed: self.version.clone(), said: said.to_owned() })
    }
}

/// Where the signature of a manifest is.
#[must_use]
pub fn path(manifest: &Path) -> PathBuf {
    let mut path = manifest.as_os_str().to_owned();
    path.push(".sig");
    path.into()
}

fn text(version: &str, manifest: &[u8]) -> String {
    let digest = BASE64_STANDARD.encode(Digest::of_bytes(manifest).as_bytes());
    format!("{HEADER}\n{version}\n{digest}\n")
}

/// Signs a manifest of that version. The signature is a note with all signers' lines.
#[must_use]
pub fn sign(version: &str, manifest: &[u8], signer: &Signer) -> Note {
    Note::sign(text(version, manifest), signer)
}

/// Adds a signature to those that `note` has, where it is over the same.
///
/// # Errors
/// [`Unsigned`].
pub fn add(note: &str, version: &str, manifest: &[u8], signer: &Signer) -> Result<Note, Unsigned> {
    let mut note = Note::parse(note).map_err(|error| Unsigned::Malformed(error.to_string()))?;
    if note.text() != text(version, manifest) {
        return Err(Unsigned::OtherBytes);
    }
    let own = Note::sign(note.text().to_owned(), signer);
    let there = note.signatures().to_vec();
    for line in own.signatures().iter().filter(|line| !there.contains(line)) {
        note.add(line.clone());
    }
    Ok(note)
}

/// Verifies the bytes of a manifest. Any one of `keys` will do.
///
/// # Errors
/// [`Unsigned`].
pub fn verify(note: &str, manifest: &[u8], keys: &[VerifyingKey]) -> Result<Signed, Unsigned> {
    let note = Note::parse(note).map_err(|error| Unsigned::Malformed(error.to_string()))?;
    let lines: Vec<&str> = note.text().lines().collect();
    let [HEADER, version, _] = lines.as_slice() else {
        return Err(Unsigned::Malformed(format!("it does not say `{HEADER}`, a version and a digest")));
    };
    let mut forged = None;
    for key in keys {
        let named = note.signatures().iter().any(|line| line.id == key.id() && line.name == key.name());
        match note.verify(key) {
            Ok(()) if note.text() == text(version, manifest) => {
                return Ok(Signed { version: (*version).to_owned(), by: key.name().to_owned() });
            }
            Ok(()) => return Err(Unsigned::OtherBytes),
            Err(_) if named => forged = Some(Unsigned::Forged(key.name().to_owned())),
            Err(_) => {}
        }
    }
    Err(forged.unwrap_or(Unsigned::NotTrusted(keys.len())))
}

/// Reads a list of trusted keys, one a line; empty lines and those that begin with `#` do not count.
///
/// # Errors
/// [`Malformed`], also where there is none, or one of a witness.
pub fn keys(text: &str) -> Result<Vec<VerifyingKey>, Malformed> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let keys = lines.map(str::parse).collect::<Result<Vec<VerifyingKey>, _>>()?;
    match keys.iter().find(|key| key.kind() != Kind::Note) {
        Some(_) => Err(Malformed::new("list of keys", "one of them is a witness's")),
        None if keys.is_empty() => Err(Malformed::new("list of keys", "there is none in it")),
        None => Ok(keys),
    }
}

#[cfg(test)]
mod tests;
