//! The secret that signs webhooks, those that the host sends and those that it takes: at least 32 bytes in a file, read
//! once at the start.

use std::{fmt, fs, path::Path};

use aws_lc_rs::{constant_time, hmac};

use crate::notice::hex;

/// A shorter one can be guessed.
const SHORTEST: usize = 32;
/// A longer one is a mistake.
const LONGEST: u64 = 4096;

/// The notifier cannot be started, or the secret cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Fault(pub(crate) String);

/// A secret that two parties share.
pub struct Secret(hmac::Key);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// The value of the header, as somebody sent it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    at_s: u64,
    mac: [u8; 32],
}

impl Signature {
    /// Reads `t=<second since 1970>,v1=<64 hex digits>`, exactly that.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (at, mac) = text.strip_prefix("t=")?.split_once(",v1=")?;
        if at.is_empty() || at.len() > 15 || !at.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (pairs, rest) = mac.as_bytes().as_chunks::<2>();
        let mut read = [0; 32];
        if !rest.is_empty() || pairs.len() != read.len() {
            return None;
        }
        for (byte, [high, low]) in read.iter_mut().zip(pairs) {
            *byte = (digit(*high)? << 4) | digit(*low)?;
        }
        Some(Self { at_s: at.parse().ok()?, mac: read })
    }

    /// When it was made, by whoever made it, in seconds since 1970.
    #[must_use]
    pub fn at_s(&self) -> u64 {
        self.at_s
    }
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

impl Secret {
    /// Reads the file; blanks around the secret are not of it.
    ///
    /// # Errors
    /// [`Fault`]: it cannot be read, or the secret is shorter than 32 bytes or longer than 4 KiB.
    pub fn read(path: &Path) -> Result<Self, Fault> {
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
    #[must_use]
    pub fn sign(&self, at_s: u64, body: &[u8]) -> String {
        format!("t={at_s},v1={}", hex(self.mac(at_s, body).as_ref()))
    }

    /// Whether `signature` is of this body by this secret; takes as long wherever it differs. How old it may be is for
    /// the caller to say.
    #[must_use]
    pub fn signed(&self, signature: &Signature, body: &[u8]) -> bool {
        constant_time::verify_slices_are_equal(self.mac(signature.at_s, body).as_ref(), &signature.mac).is_ok()
    }

    fn mac(&self, at_s: u64, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(format!("{at_s}.").as_bytes());
        context.update(body);
        context.sign()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::{Secret, Signature};

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

    #[test]
    fn a_signature_is_read_as_it_is_written_and_no_other_way() {
        let path = std::env::temp_dir().join(format!("grid-hook-secret-{}", std::process::id()));
        fs::write(&path, "0123456789abcdef0123456789abcdef\n").unwrap_or_default();
        let secret = Secret::read(&path);
        fs::remove_file(&path).unwrap_or_default();
        let Ok(secret) = secret else { panic!("the secret is good") };
        let text = secret.sign(1_700_000_000, b"body");
        let Some(read) = Signature::read(&text) else { panic!("{text} is a signature") };
        assert_eq!(read.at_s(), 1_700_000_000);
        assert!(secret.signed(&read, b"body") && !secret.signed(&read, b"Body"));
        let other_time = Signature { at_s: 1_700_000_001, ..read.clone() };
        assert!(!secret.signed(&other_time, b"body"), "the second is signed too");
        let mac = text.split_once("v1=").map_or("", |(_, mac)| mac);
        for bad in [
            String::new(),
            format!("v1={mac}"),
            format!("t=,v1={mac}"),
            format!("t=+1,v1={mac}"),
            format!("t=99999999999999999999,v1={mac}"),
            format!("t=1,v1={}", mac.get(1..).unwrap_or_default()),
            format!("t=1,v1={mac}00"),
            format!("t=1,v1={mac},v1={mac}"),
            format!("t=1, v1={mac}"),
            format!("t=1,v1={}", "g".repeat(64)),
        ] {
            assert_eq!(Signature::read(&bad), None, "{bad}");
        }
    }
}
