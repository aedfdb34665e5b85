//! Digests: what joins a contract, a decision, an execution and a record.
//! SHA-256 over canonical bytes, so that key order and white space do not matter.

use crate::{FunctionDeclaration, Map, Value, canonical};
use std::fmt;
use std::str::FromStr;

/// A SHA-256 digest. Shown as 64 hexadecimal digits; in serialised form `sha256:<hex>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// The digest of the canonical bytes of `value` ([`canonical`]).
#[must_use]
pub fn digest(value: &Value) -> Digest {
    Digest::of_bytes(&canonical::to_vec(value))
}

/// The digest of a contract: canonical `{"description","host","name","parameters"}`, where `host` are the fields that the host
/// set (version, effect, timeout, roles…) and `parameters` is the schema with its unknown keywords. They are kept under a key
/// of their own, so that no host field can pass for a declared one.
#[must_use]
pub fn contract_digest(declaration: &FunctionDeclaration, host_fields: &Value) -> Digest {
    let document: Map = [
        ("description", Value::from(declaration.description.as_str())),
        ("host", host_fields.clone()),
        ("name", Value::from(declaration.name.as_str())),
        ("parameters", declaration.parameters.to_value()),
    ]
    .into_iter()
    .collect();
    digest(&Value::Object(document))
}

impl Digest {
    /// The digest of `bytes` as they are.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes);
        let mut own = [0; 32];
        for (to, from) in own.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Self(own)
    }

    /// Takes the 32 bytes of a digest made elsewhere.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// A digest of bytes that come in pieces.
#[derive(Clone)]
pub struct Digesting(aws_lc_rs::digest::Context);

impl Default for Digesting {
    fn default() -> Self {
        Self(aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256))
    }
}

impl fmt::Debug for Digesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digesting").finish_non_exhaustive()
    }
}

impl Digesting {
    /// Takes the next piece.
    pub fn feed(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    /// The digest of what was fed so far.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let hash = self.0.clone().finish();
        let mut own = [0; 32];
        for (to, from) in own.iter_mut().zip(hash.as_ref()) {
            *to = *from;
        }
        Digest(own)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sha256:{self}")
    }
}

/// A text that is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a digest; expected 64 hexadecimal digits, with or without `sha256:` before them")]
pub struct NotADigest;

impl FromStr for Digest {
    type Err = NotADigest;

    fn from_str(text: &str) -> Result<Self, NotADigest> {
        let hex = text.strip_prefix("sha256:").unwrap_or(text).as_bytes();
        if hex.len() != 64 {
            return Err(NotADigest);
        }
        let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
        let mut bytes = [0; 32];
        for (to, pair) in bytes.iter_mut().zip(hex.chunks_exact(2)) {
            let (Some(high), Some(low)) = (digit(pair.first()), digit(pair.last())) else {
                return Err(NotADigest);
            };
            *to = u8::try_from(high * 16 + low).map_err(|_| NotADigest)?;
        }
        Ok(Self(bytes))
    }
}

impl serde::Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("sha256:{self}"))
    }
}

impl<'de> serde::Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
