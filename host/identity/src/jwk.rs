//! Keys of an issuer, from a JSON Web Key Set (RFC 7517) or from the host itself. A key says by which algorithm it
//! checks; what cannot be used, or should not be, is left out.

use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::DecodingKey;

use crate::json::Json;

/// Keys of one set at most.
const MAX_KEYS: usize = 64;
/// Keys that one token is checked with at most.
const MAX_TRIES: usize = 8;
const MAX_KEY_ID: usize = 128;
/// Bytes of an RSA modulus: 2048 to 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;

/// How a token is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Algorithm {
    /// Ed25519 (RFC 8037).
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256, of 2048 to 8192 bits.
    Rs256,
}

impl Algorithm {
    /// Every one that this host checks.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// As a token spells it, and in no other way.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == name)
    }

    /// Its registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    fn library(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::EdDsa => jsonwebtoken::Algorithm::EdDSA,
            Self::Es256 => jsonwebtoken::Algorithm::ES256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }
}

/// One key and the only algorithm that it is used with.
#[derive(Clone)]
pub(crate) struct Key {
    id: Option<String>,
    pub(crate) algorithm: Algorithm,
    key: DecodingKey,
}

impl Key {
    /// `message` is what was signed, `signature` is in base64url.
    pub(crate) fn verifies(&self, message: &[u8], signature: &str) -> bool {
        jsonwebtoken::crypto::verify(signature, message, &self.key, self.algorithm.library()).unwrap_or(false)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.id.as_deref().unwrap_or("-"))
    }
}

/// The keys of one issuer.
#[derive(Debug, Clone)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
    /// Names mean nothing: there is one key, and it is the host's own.
    is_own: bool,
    /// Over what it was read from.
    digest: [u8; 32],
}

/// Keys of a set that were left out, each with the reason.
pub(crate) type LeftOut = Vec<String>;

impl KeySet {
    /// The host's own key, that every name means.
    pub(crate) fn of(key: DecodingKey) -> Self {
        let key = Key { id: None, algorithm: Algorithm::EdDsa, key };
        Self { keys: vec![key], is_own: true, digest: [0; 32] }
    }

    /// Reads a key set. One without a key that can be used is a fault.
    pub(crate) fn read(bytes: &[u8]) -> Result<(Self, LeftOut), String> {
        let mut members = Json::read(bytes)?.members().ok_or("it is no object with the member `keys`")?;
        let Some(Json::List(listed)) = members.remove("keys") else {
            return Err("its member `keys` is no list".to_owned());
        };
        if listed.len() > MAX_KEYS {
            return Err(format!("it has {} keys, more than {MAX_KEYS}", listed.len()));
        }
        let (mut keys, mut left_out) = (Vec::new(), LeftOut::new());
        for (at, listed) in listed.into_iter().enumerate() {
            match key(&listed) {
                Ok(key) => keys.push(key),
                Err(why) => left_out.push(format!("key {}: {why}", at + 1)),
            }
        }
        if keys.is_empty() {
            let why = if left_out.is_empty() { "it is empty".to_owned() } else { left_out.join("; ") };
            return Err(format!("no key of it can be used: {why}"));
        }
        let digest = digest(&SHA256, bytes).as_ref().try_into().unwrap_or_default();
        Ok((Self { keys, is_own: false, digest }, left_out))
    }

    /// Whether it was read from the same text.
    pub(crate) fn is_as(&self, other: &Self) -> bool {
        self.digest == other.digest
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// What a token with this header may have been signed with. The name decides where there is one; without it, every
    /// key of the algorithm is meant, and a few are tried.
    pub(crate) fn meant(&self, id: Option<&str>, algorithm: Algorithm) -> Meant<'_> {
        let named = |key: &&Key| self.is_own || id.is_none() || key.id.as_deref() == id;
        let found: Vec<&Key> = self.keys.iter().filter(named).collect();
        if found.is_empty() {
            return Meant::Unknown;
        }
        Meant::These(found.into_iter().filter(|key| key.algorithm == algorithm).take(MAX_TRIES).collect())
    }
}

/// The keys that a header means.
pub(crate) enum Meant<'a> {
    /// None of that name: there may be one tomorrow.
    Unknown,
    /// These, and none where the name is that of a key with another algorithm.
    These(Vec<&'a Key>),
}

/// A key that checks signatures, or why it is left out.
fn key(json: &Json) -> Result<Key, &'static str> {
    let Json::Object(members) = json else { return Err("it is no object") };
    let text = |name: &str| members.get(name).and_then(Json::text);
    if members.contains_key("d") || members.contains_key("k") {
        return Err("it is published with its private half");
    }
    if members.contains_key("use") && text("use") != Some("sig") {
        return Err("its `use` is not `sig`");
    }
    if let Some(uses) = members.get("key_ops") {
        let verifies = Json::Text("verify".to_owned());
        if !matches!(uses, Json::List(uses) if uses.contains(&verifies)) {
            return Err("its `key_ops` is without `verify`");
        }
    }
    let bytes = |name: &str| text(name).and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
    let (algorithm, key) = match (text("kty"), text("crv")) {
        (Some("OKP"), Some("Ed25519")) => (Algorithm::EdDsa, ed25519(bytes("x"))?),
        (Some("EC"), Some("P-256")) => (Algorithm::Es256, p256(bytes("x"), bytes("y"))?),
        (Some("RSA"), _) => (Algorithm::Rs256, rsa(bytes("n"), bytes("e"))?),
        _ => return Err("it is neither Ed25519, nor EC on P-256, nor RSA"),
    };
    if members.contains_key("alg") && text("alg") != Some(algorithm.as_str()) {
        return Err("its `alg` is not the one that this host uses with such a key");
    }
    let id = match members.get("kid") {
        None => None,
        Some(Json::Text(id)) if id.len() <= MAX_KEY_ID => Some(id.clone()),
        Some(_) => return Err("its `kid` is no text of at most 128 bytes"),
    };
    Ok(Key { id, algorithm, key })
}

fn ed25519(x: Option<Vec<u8>>) -> Result<DecodingKey, &'static str> {
    let x = x.filter(|x| x.len() == 32).ok_or("its `x` has not 32 bytes")?;
    Ok(DecodingKey::from_ed_der(&x))
}

fn p256(x: Option<Vec<u8>>, y: Option<Vec<u8>>) -> Result<DecodingKey, &'static str> {
    let half = |half: Option<Vec<u8>>| half.filter(|half| half.len() == 32).ok_or("its `x` and `y` have not 32 bytes");
    let point = [&[4][..], half(x)?.as_slice(), half(y)?.as_slice()].concat();
    Ok(DecodingKey::from_ec_der(&point))
}

fn rsa(n: Option<Vec<u8>>, e: Option<Vec<u8>>) -> Result<DecodingKey, &'static str> {
    let (n, e) = (n.ok_or("its `n` is missing")?, e.ok_or("its `e` is missing")?);
    let (n, e) = (without_zeros(&n), without_zeros(&e));
    let whole = n.first().is_some_and(|first| *first >= 0x80);
    if !MODULUS.contains(&n.len()) || (n.len() == *MODULUS.start() && !whole) {
        return Err("it is RSA of less than 2048 or more than 8192 bits");
    }
    let is_odd = e.last().is_some_and(|last| last % 2 == 1);
    if !is_odd || e == [1] || e.len() > 4 {
        return Err("its `e` is no exponent that is used");
    }
    Ok(DecodingKey::from_rsa_raw_components(n, e))
}

fn without_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}
