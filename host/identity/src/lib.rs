//! Stage `identity`, the first of the path: takes [`Credentials`](grid_core::envelope::Credentials), gives a
//! [`Caller`], refuses with INVALID_CREDENTIALS. What a message says of its sender is compared, never believed (Q29).

#![deny(missing_docs)]

mod caller;
mod claims;
mod compare;
mod digest;
mod fault;
mod fetch;
mod header;
mod json;
mod jwk;
mod keeper;
pub mod key;
mod mapping;
mod metadata;
pub mod mint;
pub mod revocation;
mod rules;
mod stage;
mod verifier;

pub use caller::{Caller, Proven};
pub use compare::{Narrowed, agree, compare};
pub use jwk::Algorithm;
pub use key::{SigningKey, VerifyingKey};
pub use metadata::PATH as METADATA_PATH;
pub use mint::{Claims, mint};
pub use revocation::{Revocation, Revocations};
pub use rules::{Beside, RuleFault, Rules};
pub use stage::{Development, Identity};
pub use verifier::Verifier;
