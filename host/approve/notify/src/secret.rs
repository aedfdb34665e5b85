//! The secret that signs what is sent: at least 32 bytes in a file, read once at the start.

use std::{fmt, fs, path::Path};

use aws_lc_rs::hmac;

use crate::notice::hex;

/// A shorter one can be guessed.
const SHORTEST: usize = 32;
/// A longer one is a mistake.
const LONGEST: u64 = 4096;

/// The notifier cannot be started.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

pub(crate) struct Secret(hmac::Key);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Secret {
    pub(crate) fn read(path: &Path) -> Result<Self, Fault> {
        let unusable = |why: &str| Fault(format!("the secret in `{}` cannot be used: {why}", path.display()));
        let length = fs::metadata(path).map_err(|error| unusable(&error.to_string()))?.len();
        if length > LONGEST {
            return Err(unusable("it is too long"));
        }
        let bytes = fs::read(path).map_err(|error| unusable(&error.to_string()))?;
        let secret = bytes.trim_ascii();
        if secret.len() < SHORTEST {
            return Err(unusable("it has fewer than 32 bytes; make one with `openssl rand -hex 32`"));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// The value of the header, at this second.
    pub(crate) fn sign(&self, at_s: u64, body: &[u8]) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{at_s}.").as_bytes());
        context.update(body);
        format!("t={at_s},v1={}", hex(context.sign().as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::Secret;

    #[test]
    fn the_signature_is_that_of_everybody_else() {
        let path = std::env::temp_dir().join(format!("grid-notify-secret-{}", std::process::id()));
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap_or_default();
        let signed = Secret::read(&path).map(|secret| secret.sign(1_700_000_000, br#"{"a":1}"#)).unwrap_or_default();
        fs::write(&path, "short").unwrap_or_default();
        let short = Secret::read(&path).is_err();
        fs::remove_file(&path).unwrap_or_default();
        assert_eq!(signed, "t=1700000000,v1=f05f2539e3ae1c49aec5f8cfdad75ef6b06480b133973ffbb7ec9e18827af177");
        assert!(short && Secret::read(&path).is_err());
    }
}
