//! The version of a signed manifest only rises: an old one keeps its signature, and whoever can put files in place could
//! bring back a contract that was mended. What was served last is one line: version, digest, and what was rolled back.

use std::{cmp::Ordering, fmt, str::FromStr};

use grid_adm::Digest;
use semver::Version;

/// The manifest that was served last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// `manifest_version`.
    pub version: Version,
    /// Over the bytes of the file.
    pub digest: Digest,
    /// An operator accepted a lower version than this one; until a host has started and recorded it.
    pub rolled_back: Option<Version>,
}

/// A text that is no line of ours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not a version, a space and a digest")]
pub struct NotServed;

/// Why a manifest does not follow the one before.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Back {
    /// An older one.
    #[error("this host has served version {served}, and the manifest is version {offered}")]
    Lower {
        /// Before.
        served: Version,
        /// Now.
        offered: Version,
    },
    /// A version says what it is once.
    #[error("this host has served another manifest of the same version {0}")]
    Other(Version),
}

impl Served {
    /// Whether a manifest may follow this one.
    ///
    /// # Errors
    /// [`Back`].
    pub fn admits(&self, version: &Version, digest: Digest) -> Result<(), Back> {
        match version.cmp_precedence(&self.version) {
            Ordering::Greater => Ok(()),
            Ordering::Equal if digest == self.digest => Ok(()),
            Ordering::Equal => Err(Back::Other(self.version.clone())),
            Ordering::Less => Err(Back::Lower { served: self.version.clone(), offered: version.clone() }),
        }
    }
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} sha256:{}", self.version, self.digest)?;
        if let Some(version) = &self.rolled_back {
            write!(f, " instead-of {version}")?;
        }
        f.write_str("\n")
    }
}

impl FromStr for Served {
    type Err = NotServed;

    fn from_str(text: &str) -> Result<Self, NotServed> {
        let line = text.strip_suffix('\n').ok_or(NotServed)?;
        let words: Vec<&str> = line.split(' ').collect();
        let (version, digest, rolled_back) = match words.as_slice() {
            [version, digest] => (version, digest, None),
            [version, digest, "instead-of", before] => (version, digest, Some(*before)),
            _ => return Err(NotServed),
        };
        let parse = |text: &str| Version::parse(text).map_err(|_| NotServed);
        let digest = digest.strip_prefix("sha256:").and_then(|digest| digest.parse().ok()).ok_or(NotServed)?;
        Ok(Self { version: parse(version)?, digest, rolled_back: rolled_back.map(parse).transpose()? })
    }
}

#[cfg(test)]
mod tests;
