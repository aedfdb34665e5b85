//! Witnesses of the audit log: who keeps a log's key and its disk could rewrite its past, and only somebody else who
//! remembers an earlier state can tell. A witness remembers one state of each log, and cosigns another only after a
//! proof that it continues that one.
//!
//! [`Cosigner`] and [`serve()`] are such a witness, for `grid witness serve`. [`Witness`] asks one, whoever runs it;
//! [`Witnessing`] is the thread that keeps a host's log cosigned and says when it is not.
//!
//! The protocol is C2SP tlog-witness, by its editor's copy of autumn 2026, which differs from version 1.0.0 in three
//! answers: another root at the same size is 422 (1.0.0: 409), a tree of size zero must have the root of the empty
//! tree, and a signature that names a trusted key and does not hold is 403. The cosignature is `cosignature/v1`
//! (Ed25519) of C2SP tlog-cosignature. The optional `sign-subtree` and ML-DSA-44 are not there.

#![deny(missing_docs)]

mod client;
mod durable;
mod server;
mod wire;

pub use client::{
    Address, Answer, Event, OnStale, Options, Source, Standing, Status, Trouble, Unusable, Witness, Witnessing,
};
pub use durable::Fault;
pub use server::{Answered, Cosigner, Error, Limits, NoMemory, create, load_key, log_keys, serve};
pub use wire::{LONGEST_BODY, MOST_HASHES};
