//! What makes a batch verifiable: the tree that it extends, and the log's signature over the tree with it. Whoever
//! waited for a record of the batch gets that as evidence.

use std::sync::Arc;

use grid_tlog::{Batch, Checkpoint, Frontier, Hash, Note, Proof, Signature, Signer, VerifyingKey};

/// What a frame says of the tree, behind its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trailer {
    /// Root of the tree before the batch.
    pub before: Hash,
    /// Root with it.
    pub root: Hash,
    /// Id of the key that signed.
    pub key: u32,
    /// Over the text of the checkpoint with the batch.
    pub signature: [u8; 64],
}

impl Trailer {
    /// The checkpoint that was signed, for a tree of `size` entries.
    #[must_use]
    pub fn checkpoint(&self, size: u64, key: &VerifyingKey) -> Checkpoint {
        Checkpoint { origin: key.name().to_owned(), size, root: self.root }
    }

    /// The same as a signed note.
    #[must_use]
    pub fn note(&self, size: u64, key: &VerifyingKey) -> Note {
        let bytes = self.signature.to_vec();
        let signature = Signature { name: key.name().to_owned(), id: self.key, bytes };
        Note::from_parts(self.checkpoint(size, key).to_string(), vec![signature])
    }

    /// Whether it is `key`'s signature, for a tree of `size` entries.
    #[must_use]
    pub fn is_signed_by(&self, size: u64, key: &VerifyingKey) -> bool {
        let text = self.checkpoint(size, key).to_string();
        self.key == key.id() && key.verifies(text.as_bytes(), &self.signature)
    }
}

/// The tree as the writer has it.
#[derive(Debug)]
pub(crate) struct Sealer {
    signer: Arc<Signer>,
    edge: Frontier,
    next: Option<(Frontier, Batch, Trailer)>,
}

impl Sealer {
    pub(crate) fn new(signer: Arc<Signer>, edge: Frontier) -> Self {
        Self { signer, edge, next: None }
    }

    /// The edge before the frame that is being written.
    pub(crate) fn edge(&self) -> &Frontier {
        &self.edge
    }

    /// Signs the tree with `entries`. They belong to it only after [`Sealer::keep`].
    pub(crate) fn seal<'a>(&mut self, entries: impl Iterator<Item = &'a [u8]>) -> Trailer {
        let leaves: Vec<Hash> = entries.map(Hash::leaf).collect();
        let mut after = self.edge.clone();
        leaves.iter().for_each(|leaf| after.push(*leaf));
        let key = self.signer.verifying_key();
        let checkpoint = Checkpoint { origin: key.name().to_owned(), size: after.size(), root: after.root() };
        let trailer = Trailer {
            before: self.edge.root(),
            root: checkpoint.root,
            key: key.id(),
            signature: self.signer.sign(checkpoint.to_string().as_bytes()),
        };
        self.next = Some((after, Batch::new(self.edge.clone(), leaves), trailer));
        trailer
    }

    /// What was sealed last is durable.
    pub(crate) fn keep(&mut self) -> Option<Arc<Sealed>> {
        let (after, batch, trailer) = self.next.take()?;
        self.edge = after;
        Some(Arc::new(Sealed { batch, trailer, signer: Arc::clone(&self.signer) }))
    }
}

/// A durable batch.
#[derive(Debug)]
pub(crate) struct Sealed {
    batch: Batch,
    trailer: Trailer,
    signer: Arc<Signer>,
}

/// Evidence that a record is in the log, on the disk, under a signed checkpoint. Only this crate makes one.
#[derive(Debug, Clone)]
pub struct Stored {
    index: u64,
    sealed: Arc<Sealed>,
}

impl Stored {
    pub(crate) fn new(index: u64, sealed: &Arc<Sealed>) -> Self {
        Self { index, sealed: Arc::clone(sealed) }
    }

    /// The record's place in the log.
    #[must_use]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// What others can check, without the log and without this host. Some hashes are made for it.
    #[must_use]
    pub fn proof(&self) -> Proof {
        let Sealed { batch, trailer, signer } = &*self.sealed;
        let leaf = batch.leaf(self.index).unwrap_or_default();
        let path = batch.inclusion(self.index).unwrap_or_default();
        let note = trailer.note(batch.size(), signer.verifying_key());
        Proof::new(self.index, leaf, path, note.to_string())
    }
}
