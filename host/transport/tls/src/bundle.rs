//! A trust bundle: authorities, and for which names they may vouch. A SPIFFE bundle vouches for the ids of its own trust
//! domain and for nothing else; any other bundle only for certificates without a SPIFFE id.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::spiffe::{IdFault, SpiffeId, TrustDomain};

/// For what the authorities of a bundle may vouch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Vouches {
    /// SPIFFE ids of this trust domain.
    Spiffe(TrustDomain),
    /// Subjects and DNS names, under a name that the operator gave the bundle.
    Names(String),
}

impl Vouches {
    /// The trust domain, or the bundle's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Spiffe(domain) => domain.as_str(),
            Self::Names(name) => name,
        }
    }
}

impl fmt::Display for Vouches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    /// For what it vouches.
    pub vouches: Vouches,
    /// A PEM file with one or more authorities.
    pub file: PathBuf,
}

impl Bundle {
    /// Reads `spiffe://dev.local=/etc/grid/dev.pem`, or `partners=/etc/grid/partners.pem`.
    ///
    /// # Errors
    /// What is wrong with it, and how it would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| {
            format!(
                "`{text}` {why}; write `spiffe://<trust domain>=<file>`, or `<name>=<file>` for certificates without a \
                 SPIFFE id"
            )
        };
        let (name, file) = text.split_once('=').ok_or_else(|| wrong("names no file"))?;
        let (name, file) = (name.trim(), file.trim());
        if file.is_empty() {
            return Err(wrong("names no file"));
        }
        let vouches = if SpiffeId::claims(name) {
            Vouches::Spiffe(
                SpiffeId::authority(name).map_err(|fault: IdFault| wrong(&format!("is not usable: {fault}")))?,
            )
        } else {
            // The same letters as in a trust domain, so that neither can be taken for anything else.
            let name = TrustDomain::parse(name).map_err(|_| {
                wrong("has no usable name: take lower-case letters, digits, dots, dashes and underscores")
            })?;
            Vouches::Names(name.to_string())
        };
        Ok(Self { vouches, file: Path::new(file).to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_says_for_whom_it_vouches() {
        let spiffe = Bundle::parse("spiffe://dev.local = /a=b.pem").unwrap();
        assert_eq!(spiffe.vouches, Vouches::Spiffe(TrustDomain::parse("dev.local").unwrap()));
        assert_eq!(spiffe.file, Path::new("/a=b.pem"));
        assert_eq!(Bundle::parse("partners=p.pem").unwrap().vouches, Vouches::Names("partners".into()));
        for bad in
            ["", "dev.local", "=a", "a=", "spiffe://a/b=c", "spiffe://A=c", "SPIFFE://a=c", "Partners=c", "a b=c"]
        {
            assert!(Bundle::parse(bad).unwrap_err().contains("write `spiffe://"), "{bad}");
        }
    }
}
