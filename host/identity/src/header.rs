//! The header of a token, read before anything is believed. It says which algorithm was used, never which one is
//! used to check (RFC 8725 3.1), and it may not bring a key of its own (3.5, 3.10).

use std::{collections::BTreeSet, fmt};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, Visitor},
};

use crate::fault::Fault;

/// Names that would let a token say how it is to be checked.
const REFUSED: [&str; 6] = ["jwk", "jku", "x5u", "x5c", "crit", "b64"];
const ALGORITHM: &str = "EdDSA";
const MAX_KEY_ID: usize = 128;

/// Passes a header that says `EdDSA` and nothing that could change how the token is checked.
pub(crate) fn check(encoded: &str) -> Result<(), Fault> {
    let bytes = URL_SAFE_NO_PAD
        .decode(encoded)
        .map_err(|fault| Fault::Header(fault.to_string()))?;
    serde_json::from_slice::<Accepted>(&bytes)
        .map(|_| ())
        .map_err(|fault| Fault::Header(fault.to_string()))
}

struct Accepted;

impl<'de> Deserialize<'de> for Accepted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Walk)
    }
}

struct Walk;

impl<'de> Visitor<'de> for Walk {
    type Value = Accepted;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Accepted, A::Error> {
        let mut seen = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            match name.as_str() {
                "alg" => {
                    let alg: String = map.next_value()?;
                    if alg != ALGORITHM {
                        return Err(A::Error::custom(format!(
                            "`alg` is `{alg}`, not `{ALGORITHM}`"
                        )));
                    }
                }
                "typ" => {
                    let typ: String = map.next_value()?;
                    if !["jwt", "at+jwt"].contains(&typ.to_ascii_lowercase().as_str()) {
                        return Err(A::Error::custom(format!("`typ` is `{typ}`")));
                    }
                }
                "kid" => {
                    let kid: String = map.next_value()?;
                    if kid.len() > MAX_KEY_ID {
                        return Err(A::Error::custom("`kid` is too long"));
                    }
                }
                name if REFUSED.contains(&name) => {
                    return Err(A::Error::custom(format!("`{name}` is not allowed")));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            if !seen.insert(name) {
                return Err(A::Error::custom("a name is there twice"));
            }
        }
        if seen.contains("alg") {
            Ok(Accepted)
        } else {
            Err(A::Error::custom("`alg` is missing"))
        }
    }
}
