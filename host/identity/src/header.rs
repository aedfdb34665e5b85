//! The header of a token, read before anything is believed. It says which algorithm was used, never which one is used
//! to check (RFC 8725 3.1), and it may not bring a key of its own (3.5, 3.10).

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{fault::Fault, json::Json, jwk::Algorithm};

/// Names that would let a token say how it is to be checked.
const REFUSED: [&str; 7] = ["jwk", "jku", "x5u", "x5c", "crit", "b64", "zip"];
const MAX_KEY_ID: usize = 128;
/// Of the header in its encoded form.
const MAX_HEADER: usize = 2 * 1024;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) algorithm: Algorithm,
    /// A name to look up, and nothing else: no path, no pattern, no query.
    pub(crate) key: Option<String>,
}

/// Passes a header with an algorithm that this host knows and nothing that could change how the token is checked.
pub(crate) fn read(encoded: &str) -> Result<Header, Fault> {
    let fault = |why: String| Fault::Header(why);
    if encoded.len() > MAX_HEADER {
        return Err(fault(format!("it has {} bytes, more than {MAX_HEADER}", encoded.len())));
    }
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|error| fault(error.to_string()))?;
    let members = Json::read(&bytes).map_err(fault)?.members().ok_or_else(|| fault("it is no object".to_owned()))?;
    if let Some(name) = REFUSED.iter().find(|name| members.contains_key(**name)) {
        return Err(fault(format!("`{name}` is not allowed")));
    }
    let text = |name: &str| match members.get(name) {
        None => Ok(None),
        Some(Json::Text(text)) => Ok(Some(text.as_str())),
        Some(other) => Err(fault(format!("`{name}` is {}, not a text", other.kind()))),
    };
    let algorithm = text("alg")?.ok_or_else(|| fault("`alg` is missing".to_owned()))?;
    let algorithm = Algorithm::parse(algorithm)
        .ok_or_else(|| fault(format!("`alg` is {:?}, not EdDSA, ES256 or RS256", clipped(algorithm))))?;
    if let Some(kind) = text("typ")?
        && !["jwt", "at+jwt", "application/at+jwt"].contains(&kind.to_ascii_lowercase().as_str())
    {
        return Err(fault(format!("`typ` is {:?}", clipped(kind))));
    }
    let key = text("kid")?;
    if key.is_some_and(|key| key.len() > MAX_KEY_ID) {
        return Err(fault("`kid` is too long".to_owned()));
    }
    Ok(Header { algorithm, key: key.map(str::to_owned) })
}

/// As much of a stranger's text as a log line needs.
pub(crate) fn clipped(text: &str) -> String {
    text.chars().take(64).collect()
}
