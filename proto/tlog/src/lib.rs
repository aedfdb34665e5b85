//! What a transparency log is made of, as values and without IO: those who write one, those who check one and those
//! who keep a receipt share it.
//!
//! A log is a list of entries under a Merkle tree ([`Hash`], [`Frontier`], RFC 6962 section 2.1). Whoever keeps it
//! signs its size and root ([`Checkpoint`], [`Note`], [`Signer`]; C2SP tlog-checkpoint and signed-note). The tree and
//! the entries lie in files that anybody can fetch ([`Tile`]; C2SP tlog-tiles). That an entry is in the tree of a
//! checkpoint, and that a later checkpoint only added to an earlier one, is proved by a few hashes ([`inclusion`],
//! [`consistency`], [`Proof`], [`Extension`]).
//!
//! Everything that is read here comes from strangers: nothing is believed before it was checked, lengths are bounded,
//! and there is one way to write each thing.

#![deny(missing_docs)]

mod batch;
mod checkpoint;
mod cosignature;
mod error;
mod frontier;
mod hash;
mod key;
mod note;
mod proof;
mod receipt;
mod tile;
mod tree;
mod witnessed;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use cosignature::{Cosignature, cosign};
pub use error::{Malformed, Unproved};
pub use frontier::Frontier;
pub use hash::Hash;
pub use key::{Kind, NoKey, Signer, VerifyingKey};
pub use note::{Note, Signature};
pub use proof::{verify_consistency, verify_inclusion};
pub use receipt::{Extension, Proof};
pub use tile::{Bundle, Part, TILE_WIDTH, Tile, read_bundle, read_hashes, write_bundle_entry};
pub use tree::{Nodes, consistency, inclusion, root};
pub use witnessed::{Witnessed, witnessed};

/// The longest entry that a bundle can hold: its length is written in two bytes.
pub const MAX_ENTRY: usize = 65_535;
