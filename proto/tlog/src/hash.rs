//! Hashes of the tree (RFC 6962 section 2.1): SHA-256, with another first byte for leaves than for nodes, so that
//! neither can pass for the other.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256, digest};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::Malformed;

const LEAF: u8 = 0;
const NODE: u8 = 1;

/// 32 bytes of SHA-256. Shown, read and serialised as base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash([u8; 32]);

impl Hash {
    /// Bytes that it takes.
    pub const LENGTH: usize = 32;

    /// Of an entry.
    #[must_use]
    pub fn leaf(entry: &[u8]) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(&[LEAF]);
        context.update(entry);
        Self::taken(context.finish().as_ref())
    }

    /// Of two subtrees.
    #[must_use]
    pub fn node(left: &Self, right: &Self) -> Self {
        let mut bytes = [NODE; 65];
        let (from_left, rest) = bytes.split_at_mut(33);
        for (to, from) in from_left.iter_mut().skip(1).zip(left.0) {
            *to = from;
        }
        rest.copy_from_slice(&right.0);
        Self::taken(digest(&SHA256, &bytes).as_ref())
    }

    /// Of the tree that has no entry.
    #[must_use]
    pub fn empty() -> Self {
        Self::taken(digest(&SHA256, &[]).as_ref())
    }

    /// Takes a hash that was made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Takes a hash from a slice of exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    fn taken(digest: &[u8]) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(digest) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64_STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let bytes = BASE64_STANDARD.decode(text).ok();
        let hash = bytes.and_then(|bytes| Self::from_slice(&bytes));
        hash.ok_or_else(|| Malformed::new("hash", "it is not 32 bytes in base64"))
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}
