//! A witness's word that it saw a checkpoint, when, and that it continues all those before (C2SP tlog-cosignature,
//! version 1).

use crate::{Kind, Malformed, Note, Signature, Signer, Unproved, VerifyingKey};

/// A cosignature that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cosignature {
    /// When the witness signed, in seconds since 1970, by its own clock.
    pub time: u64,
}

/// Signs the text of a checkpoint as a witness, at `time` in seconds since 1970.
///
/// # Errors
/// [`Malformed`] where `signer` is no witness's key.
pub fn cosign(text: &str, time: u64, signer: &Signer) -> Result<Signature, Malformed> {
    let key = signer.verifying_key();
    if key.kind() != Kind::Cosignature {
        return Err(Malformed::new("witness's key", "it is a key for notes"));
    }
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend_from_slice(&signer.sign(message(text, time).as_bytes()));
    Ok(Signature { name: key.name().to_owned(), id: key.id(), bytes })
}

impl Note {
    /// Checks the cosignature of the witness `key`; of several the newest.
    ///
    /// # Errors
    /// [`Unproved::NotSigned`], [`Unproved::BadSignature`].
    pub fn cosigned(&self, key: &VerifyingKey) -> Result<Cosignature, Unproved> {
        let mut newest = None;
        for line in self.of(key) {
            let bad = || Unproved::BadSignature(key.to_string());
            let (time, signature) = line.bytes.split_first_chunk().ok_or_else(bad)?;
            let time = u64::from_be_bytes(*time);
            if key.kind() != Kind::Cosignature || !key.verifies(message(self.text(), time).as_bytes(), signature) {
                return Err(bad());
            }
            newest = newest.max(Some(time));
        }
        newest.map(|time| Cosignature { time }).ok_or_else(|| Unproved::NotSigned(key.to_string()))
    }
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}
