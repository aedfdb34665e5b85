//! Proofs as documents that stand alone: whoever has one and the log's public key needs neither the log nor its host.

use serde::{Deserialize, Serialize};

use crate::{Checkpoint, Hash, Unproved, VerifyingKey, verify_consistency, verify_inclusion};

/// That an entry is in a log. As JSON it is the file that `grid audit prove` writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proof {
    format: ProofFormat,
    /// Place of the entry.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Hash,
    /// Its bytes, where the proof shows them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<String>,
    /// The hashes beside the way to the root, lowest first.
    pub inclusion: Vec<Hash>,
    /// The signed note over the tree that has the entry.
    pub checkpoint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ProofFormat {
    #[serde(rename = "grid-audit-proof/v1")]
    V1,
}

impl Proof {
    /// That `leaf` is entry `index` under `checkpoint`, a signed note.
    #[must_use]
    pub fn new(index: u64, leaf: Hash, inclusion: Vec<Hash>, checkpoint: String) -> Self {
        Self { format: ProofFormat::V1, index, leaf, entry: None, inclusion, checkpoint }
    }

    /// Shows the entry's bytes too.
    #[must_use]
    pub fn with_entry(self, entry: String) -> Self {
        Self { entry: Some(entry), ..self }
    }

    /// Checks all of it and gives the checkpoint.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify(&self, key: &VerifyingKey) -> Result<Checkpoint, Unproved> {
        let (checkpoint, _) = Checkpoint::open(&self.checkpoint, key)?;
        if self.entry.as_ref().is_some_and(|entry| Hash::leaf(entry.as_bytes()) != self.leaf) {
            return Err(Unproved::Entry);
        }
        verify_inclusion(self.index, checkpoint.size, self.leaf, &self.inclusion, checkpoint.root)?;
        Ok(checkpoint)
    }
}

/// That one state of a log begins with an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extension {
    format: ExtensionFormat,
    /// The earlier signed note.
    pub old: String,
    /// The later one.
    pub new: String,
    /// The hashes.
    pub proof: Vec<Hash>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ExtensionFormat {
    #[serde(rename = "grid-audit-consistency/v1")]
    V1,
}

impl Extension {
    /// That `new` continues `old`, both signed notes.
    #[must_use]
    pub fn new(old: String, new: String, proof: Vec<Hash>) -> Self {
        Self { format: ExtensionFormat::V1, old, new, proof }
    }

    /// Checks all of it, with the key of each state (the same where it did not change), and gives both checkpoints.
    ///
    /// # Errors
    /// [`Unproved`].
    pub fn verify(&self, old: &VerifyingKey, new: &VerifyingKey) -> Result<(Checkpoint, Checkpoint), Unproved> {
        let (old, _) = Checkpoint::open(&self.old, old)?;
        let (new, _) = Checkpoint::open(&self.new, new)?;
        if old.origin != new.origin {
            return Err(Unproved::OtherLog { expected: old.origin, found: new.origin });
        }
        verify_consistency(old.size, old.root, new.size, new.root, &self.proof)?;
        Ok((old, new))
    }
}
