//! The claims of a token: read with their exact JSON types and no name twice, then checked against what the host
//! expects and against its clock (RFC 7519 4.1, RFC 8725 3.8 to 3.10). Who they name is for `mapping` to say.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{fault::Fault, header::clipped, json::Json};

/// As signed; nothing is believed yet.
#[derive(Debug)]
pub(crate) struct Claims(BTreeMap<String, Json>);

/// What a host believes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) audiences: &'a [String],
    pub(crate) leeway_ms: u64,
    pub(crate) now_ms: u64,
}

/// When a token is good, in milliseconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) issued_at_ms: u64,
    pub(crate) expires_at_ms: u64,
}

impl Claims {
    pub(crate) fn read(encoded: &str) -> Result<Self, Fault> {
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| Fault::Claim(error.to_string()))?;
        let members = Json::read(&bytes).map_err(Fault::Claim)?.members();
        members.map(Self).ok_or_else(|| Fault::Claim("they are no object".to_owned()))
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Json> {
        self.0.get(name)
    }

    /// A claim that must be a text.
    pub(crate) fn text(&self, name: &str) -> Result<&str, Fault> {
        let value = self.0.get(name).ok_or_else(|| missing(name))?;
        value.text().ok_or_else(|| odd(name, value, "a text"))
    }

    /// Follows names into objects within each other; `None` where one of them is not there.
    pub(crate) fn at(&self, path: &[String]) -> Option<&Json> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.0.get(first)?, |value, name| match value {
            Json::Object(members) => members.get(name),
            _ => None,
        })
    }

    /// Passes claims that are for this host and for now.
    pub(crate) fn check(&self, expected: Expected<'_>) -> Result<Times, Fault> {
        let audiences = self.audiences()?;
        if !audiences.iter().any(|audience| expected.audiences.iter().any(|own| own == audience)) {
            return Err(Fault::Audience(clipped(&audiences.join(" "))));
        }
        let (iat, exp) = (self.seconds("iat")?, self.seconds("exp")?);
        let (iat, exp) = (iat.ok_or_else(|| missing("iat"))?, exp.ok_or_else(|| missing("exp"))?);
        let nbf = self.seconds("nbf")?;
        if exp <= iat {
            return Err(Fault::Backwards { iat, exp });
        }
        let Expected { leeway_ms, now_ms, .. } = expected;
        if now_ms >= ms(exp).saturating_add(leeway_ms) {
            return Err(Fault::Expired { ago_ms: now_ms.saturating_sub(ms(exp)) });
        }
        for (claim, begin) in [("iat", iat), ("nbf", nbf.unwrap_or(0))] {
            if ms(begin) > now_ms.saturating_add(leeway_ms) {
                return Err(Fault::Early { claim, in_ms: ms(begin).saturating_sub(now_ms) });
            }
        }
        Ok(Times { issued_at_ms: ms(iat), expires_at_ms: ms(exp) })
    }

    /// One name, or several (RFC 7519 4.1.3).
    fn audiences(&self) -> Result<Vec<&str>, Fault> {
        match self.0.get("aud").ok_or_else(|| missing("aud"))? {
            Json::Text(one) => Ok(vec![one]),
            Json::List(several) => {
                let text = |value: &'_ Json| value.text().is_some();
                match several.iter().find(|value| !text(value)) {
                    Some(other) => Err(odd("aud", other, "a text or a list of texts")),
                    None => Ok(several.iter().filter_map(Json::text).collect()),
                }
            }
            other => Err(odd("aud", other, "a text or a list of texts")),
        }
    }

    fn seconds(&self, name: &'static str) -> Result<Option<u64>, Fault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Json::Whole(seconds)) => Ok(Some(*seconds)),
            Some(other) => Err(odd(name, other, "a whole number of seconds")),
        }
    }
}

pub(crate) fn missing(name: &str) -> Fault {
    Fault::Claim(format!("claim `{name}` is missing"))
}

pub(crate) fn odd(name: &str, found: &Json, wanted: &str) -> Fault {
    Fault::Claim(format!("claim `{name}` is {}, not {wanted}", found.kind()))
}

fn ms(seconds: u64) -> u64 {
    seconds.saturating_mul(1000)
}
