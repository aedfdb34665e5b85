//! Proofs about the log's tree. Nothing that the host says of itself is believed here: each answer is checked with the
//! log's key, which the caller has from somewhere else, before it is given.

use grid_proto::v1::{self, audit_inclusion_proof_request::Which as Wanted};
use grid_tlog::{Checkpoint, Extension, Hash, Proof, Unproved, VerifyingKey};

use super::{Auditor, Record, ask, refusal};
use crate::clock;
use crate::error::Error;

/// Which record is to be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which {
    /// The one at this place.
    Index(u64),
    /// The last one of this execution. That no later one exists is not proved.
    Invocation(String),
}

impl Auditor {
    /// The newest checkpoint: a signed note to be kept, and what it says. Whoever keeps it sees later, with
    /// [`Auditor::consistency`], whether the log was rolled back or written anew.
    ///
    /// # Errors
    /// `Refused`, `Transport`; `BadAnswer` for one that `key` did not sign.
    pub async fn checkpoint(&self, key: &VerifyingKey) -> Result<(String, Checkpoint), Error> {
        let correlation_id = clock::correlation_id("client");
        let message = v1::AuditCheckpointRequest { correlation_id: correlation_id.clone() };
        let mut service = self.service.clone();
        let answer = ask(service.checkpoint(self.request(message)), &correlation_id).await?;
        refusal(answer.error)?;
        let (checkpoint, _) = Checkpoint::open(&answer.checkpoint, key)
            .map_err(|error| unproved("checkpoint", &error, &correlation_id))?;
        Ok((answer.checkpoint, checkpoint))
    }

    /// A proof that a record is in the log, with the record in it; none where there is none that the caller may see.
    /// It is of the form that `grid audit prove` writes, and convinces whoever has the log's key and nothing else.
    ///
    /// # Errors
    /// `Refused`, `Transport`; `BadAnswer` for a proof that does not hold, or one of another record.
    pub async fn prove(&self, which: Which, key: &VerifyingKey) -> Result<Option<Proof>, Error> {
        let correlation_id = clock::correlation_id("client");
        let wanted = match &which {
            Which::Index(index) => Wanted::Index(*index),
            Which::Invocation(invocation) => Wanted::Invocation(invocation.clone()),
        };
        let message = v1::AuditInclusionProofRequest {
            which: Some(wanted),
            tree_size: None,
            correlation_id: correlation_id.clone(),
        };
        let mut service = self.service.clone();
        let answer = ask(service.inclusion_proof(self.request(message)), &correlation_id).await?;
        refusal(answer.error)?;
        if answer.leaf_hash.is_empty() {
            return Ok(None);
        }
        let bad = |what: &str| Error::bad_answer(what, &correlation_id);
        let leaf = Hash::from_slice(&answer.leaf_hash).ok_or_else(|| bad("a leaf hash has not 32 bytes"))?;
        let inclusion = hashes(&answer.hashes).ok_or_else(|| bad("a hash of a proof has not 32 bytes"))?;
        let record =
            self.get(answer.index).await?.ok_or_else(|| bad("the host proves a record that it does not show"))?;
        if record.index != answer.index || !is_meant(&which, &record) {
            return Err(bad("the host proves another record than the one that was asked for"));
        }
        let proof = Proof::new(answer.index, leaf, inclusion, answer.checkpoint).with_entry(record.entry);
        proof.verify(key).map_err(|error| unproved("proof", &error, &correlation_id))?;
        Ok(Some(proof))
    }

    /// A proof that the log as it is now continues `old`, a checkpoint that was kept, and what it says now. `key` signed
    /// the newest checkpoint, `old_key` the kept one; they are the same where the log's key was not changed.
    ///
    /// # Errors
    /// `Refused`, `Transport`; `BadAnswer` where the log does not continue it, or says so without a proof. Then keep
    /// `old`: with a checkpoint of now it shows that there are two histories.
    pub async fn consistency(
        &self,
        old: &str,
        old_key: &VerifyingKey,
        key: &VerifyingKey,
    ) -> Result<(Extension, Checkpoint), Error> {
        let correlation_id = clock::correlation_id("client");
        let (kept, _) = Checkpoint::open(old, old_key).map_err(|error| {
            let message = format!("the kept checkpoint cannot be used: {error}");
            Error::setting(crate::error::Setting::Evidence, message)
        })?;
        let message = v1::AuditConsistencyProofRequest {
            old_size: kept.size,
            new_size: None,
            correlation_id: correlation_id.clone(),
        };
        let mut service = self.service.clone();
        let answer = ask(service.consistency_proof(self.request(message)), &correlation_id).await?;
        refusal(answer.error)?;
        let proof = hashes(&answer.hashes);
        let proof = proof.ok_or_else(|| Error::bad_answer("a hash of a proof has not 32 bytes", &correlation_id))?;
        let extension = Extension::new(old.to_owned(), answer.checkpoint, proof);
        let (_, new) =
            extension.verify(old_key, key).map_err(|error| unproved("consistency proof", &error, &correlation_id))?;
        Ok((extension, new))
    }
}

/// Whether a record is the one that was asked for. Its bytes are held against the proof elsewhere.
fn is_meant(which: &Which, record: &Record) -> bool {
    match which {
        Which::Index(index) => record.index == *index,
        Which::Invocation(invocation) => {
            let entry: Option<serde_json::Value> = serde_json::from_str(&record.entry).ok();
            entry.is_some_and(|entry| entry.get("invocation").and_then(|text| text.as_str()) == Some(invocation))
        }
    }
}

fn hashes(wire: &[Vec<u8>]) -> Option<Vec<Hash>> {
    wire.iter().map(|hash| Hash::from_slice(hash)).collect()
}

fn unproved(what: &str, error: &Unproved, correlation_id: &str) -> Error {
    let message = format!("the host's {what} does not hold: {error}");
    Error::bad_answer(message, correlation_id)
}
