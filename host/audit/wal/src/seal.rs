//! What makes a batch verifiable: the tree that it extends, and the log's signature over the tree with it. Takes
//! entries, gives frames; a batch that became durable gives its proofs.

use std::{fmt::Write as _, sync::Arc};

use grid_tlog::{Batch, Checkpoint, Frontier, Hash, Note, Proof, Signature, Signer, VerifyingKey};

use crate::frame::{Builder, NotAdded};

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

/// The tree as the writer has it, and the batch that it fills.
#[derive(Debug)]
pub struct Sealer {
    signer: Arc<Signer>,
    edge: Frontier,
    /// The edge with the batch.
    after: Frontier,
    leaves: Vec<Hash>,
    frame: Builder,
    checkpoint: Checkpoint,
    /// What is signed. Its memory is used again for the next one.
    text: String,
    trailer: Option<Trailer>,
}

impl Sealer {
    /// Goes on behind the tree with this edge; `signer` is the log's key.
    #[must_use]
    pub fn new(signer: Arc<Signer>, edge: Frontier) -> Self {
        let origin = signer.verifying_key().name().to_owned();
        let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root() };
        let (after, frame) = (edge.clone(), Builder::default());
        let mut new =
            Self { signer, edge, after, leaves: Vec::new(), frame, checkpoint, text: String::new(), trailer: None };
        new.begin();
        new
    }

    /// The tree's edge before the batch.
    #[must_use]
    pub fn edge(&self) -> &Frontier {
        &self.edge
    }

    /// Entries in the batch.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.frame.count()
    }

    /// Bytes of the frame so far, the trailer apart.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.frame.len()
    }

    /// Begins a batch behind what was kept; one that was not is forgotten.
    pub fn begin(&mut self) {
        self.after = self.edge.clone();
        self.leaves.clear();
        self.trailer = None;
        self.frame.begin(self.edge.size());
    }

    /// Lets `write` append one entry, and takes it back where the frame would be longer than `limit` bytes. Gives
    /// its index.
    ///
    /// # Errors
    /// [`NotAdded`]; the batch is as it was.
    pub fn push(&mut self, limit: usize, write: impl FnOnce(&mut Vec<u8>)) -> Result<u64, NotAdded> {
        let index = self.frame.push(limit, write)?;
        let leaf = Hash::leaf(self.frame.last());
        self.leaves.push(leaf);
        self.after.push(leaf);
        Ok(index)
    }

    /// Signs the tree with the batch. Gives the frame, and the edge of the tree before it, to append to a storage. The
    /// entries belong to the tree only after [`Sealer::keep`]; nothing may be pushed before that, or before
    /// [`Sealer::begin`].
    pub fn seal(&mut self) -> (&[u8], &Frontier) {
        let before = self.edge.root();
        (self.checkpoint.size, self.checkpoint.root) = (self.after.size(), self.after.root());
        self.text.clear();
        // Writing to a String cannot fail.
        let _ = write!(self.text, "{}", self.checkpoint);
        let trailer = Trailer {
            before,
            root: self.checkpoint.root,
            key: self.signer.verifying_key().id(),
            signature: self.signer.sign(self.text.as_bytes()),
        };
        self.trailer = Some(trailer);
        (self.frame.finish(&trailer), &self.edge)
    }

    /// What was sealed last is durable, and the next batch begins behind it. Nothing where nothing was sealed.
    pub fn keep(&mut self) -> Option<Arc<Kept>> {
        let trailer = self.trailer.take()?;
        let before = std::mem::replace(&mut self.edge, self.after.clone());
        let next = Vec::with_capacity(self.leaves.len());
        let batch = Batch::new(before, std::mem::replace(&mut self.leaves, next));
        self.frame.begin(self.edge.size());
        Some(Arc::new(Kept { batch, trailer, signer: Arc::clone(&self.signer) }))
    }
}

/// A batch that became durable.
#[derive(Debug)]
pub struct Kept {
    batch: Batch,
    trailer: Trailer,
    signer: Arc<Signer>,
}

impl Kept {
    /// What others can check of entry `index`, which is in the batch, without the log. Some hashes are made for it.
    #[must_use]
    pub fn proof(&self, index: u64) -> Proof {
        let leaf = self.batch.leaf(index).unwrap_or_default();
        let path = self.batch.inclusion(index).unwrap_or_default();
        let note = self.trailer.note(self.batch.size(), self.signer.verifying_key());
        Proof::new(index, leaf, path, note.to_string())
    }
}
