//! SPIFFE ids: `spiffe://<trust domain>/<path>`, read by the letter of the SPIFFE-ID specification, section 2. There is
//! no normal form to bring one into: what is not written as it must be is refused.

use std::fmt;

/// Bytes of a whole id.
const LONGEST: usize = 2_048;
/// Bytes of a trust domain.
const LONGEST_DOMAIN: usize = 255;
const SCHEME: &str = "spiffe://";

/// The authority that vouches for ids: lower-case letters, digits, dots, dashes and underscores.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Reads a trust domain without its scheme.
    ///
    /// # Errors
    /// [`IdFault::TrustDomain`].
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let usable = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        if text.is_empty() || text.len() > LONGEST_DOMAIN || !text.bytes().all(usable) {
            return Err(IdFault::TrustDomain);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of one workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiffeId {
    text: String,
    domain: TrustDomain,
}

impl SpiffeId {
    /// Whether a name claims to be a SPIFFE id, however badly it is written.
    pub(crate) fn claims(text: &str) -> bool {
        text.split_once(':').is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("spiffe"))
    }

    /// Reads the id of a workload, which has a path. The trust domain is read first.
    ///
    /// # Errors
    /// [`IdFault`], the first fault.
    pub fn parse(text: &str) -> Result<Self, IdFault> {
        let (domain, path) = parts(text)?;
        let path = path.ok_or(IdFault::NoPath)?;
        let usable = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        for segment in path.split('/') {
            match segment {
                "" => return Err(IdFault::EmptySegment),
                "." | ".." => return Err(IdFault::DotSegment),
                _ if !segment.bytes().all(usable) => return Err(IdFault::Character),
                _ => {}
            }
        }
        Ok(Self { text: text.to_owned(), domain })
    }

    /// Reads the id of an authority, which has no path.
    pub(crate) fn authority(text: &str) -> Result<TrustDomain, IdFault> {
        match parts(text)? {
            (domain, None) => Ok(domain),
            (_, Some(_)) => Err(IdFault::Path),
        }
    }

    /// The whole id.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose bundle must vouch for it.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The trust domain, and what follows its slash.
fn parts(text: &str) -> Result<(TrustDomain, Option<&str>), IdFault> {
    if text.len() > LONGEST {
        return Err(IdFault::TooLong);
    }
    let rest = text.strip_prefix(SCHEME).ok_or(IdFault::Scheme)?;
    let (domain, path) = rest.split_once('/').map_or((rest, None), |(domain, path)| (domain, Some(path)));
    Ok((TrustDomain::parse(domain)?, path))
}

/// What is wrong with an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdFault {
    /// More than 2,048 bytes.
    #[error("it is longer than 2048 bytes")]
    TooLong,
    /// Not `spiffe://`.
    #[error("it does not begin with `spiffe://` in lower case")]
    Scheme,
    /// User, port, upper case or another character.
    #[error(
        "its trust domain is not 1 to 255 lower-case letters, digits, dots, dashes and underscores, without user or port"
    )]
    TrustDomain,
    /// Nothing after the trust domain.
    #[error("it has no path, so it names an authority and no workload")]
    NoPath,
    /// `//`, or a slash at the end.
    #[error("its path has an empty segment")]
    EmptySegment,
    /// `.` or `..`.
    #[error("its path has a segment of dots")]
    DotSegment,
    /// Percent, query, fragment and others.
    #[error("its path has a character that is no letter, digit, dot, dash or underscore")]
    Character,
    /// Of an authority.
    #[error("it has a path, and it is that of an authority")]
    Path,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_as_it_is_written_or_not_at_all() {
        let id = SpiffeId::parse("spiffe://dev.local/runtime/quick-start_1.2").unwrap();
        assert_eq!(
            (id.trust_domain().as_str(), id.as_str()),
            ("dev.local", "spiffe://dev.local/runtime/quick-start_1.2")
        );
        let bad = [
            ("", IdFault::Scheme),
            ("SPIFFE://dev.local/a", IdFault::Scheme),
            ("spiffe:/dev.local/a", IdFault::Scheme),
            ("https://dev.local/a", IdFault::Scheme),
            ("spiffe:///a", IdFault::TrustDomain),
            ("spiffe://Dev.local/a", IdFault::TrustDomain),
            ("spiffe://dev.local:443/a", IdFault::TrustDomain),
            ("spiffe://user@dev.local/a", IdFault::TrustDomain),
            ("spiffe://dev%2elocal/a", IdFault::TrustDomain),
            ("spiffe://dev.local?a", IdFault::TrustDomain),
            ("spiffe://dev.local", IdFault::NoPath),
            ("spiffe://dev.local/", IdFault::EmptySegment),
            ("spiffe://dev.local//a", IdFault::EmptySegment),
            ("spiffe://dev.local/a/", IdFault::EmptySegment),
            ("spiffe://dev.local/a/../b", IdFault::DotSegment),
            ("spiffe://dev.local/./b", IdFault::DotSegment),
            ("spiffe://dev.local/a%2fb", IdFault::Character),
            ("spiffe://dev.local/a?b", IdFault::Character),
            ("spiffe://dev.local/a#b", IdFault::Character),
            ("spiffe://dev.local/a b", IdFault::Character),
            ("spiffe://dev.local/é", IdFault::Character),
            ("spiffe://dev.local/a\0", IdFault::Character),
        ];
        for (text, fault) in bad {
            assert_eq!(SpiffeId::parse(text), Err(fault), "{text}");
        }
        let long = format!("spiffe://dev.local/{}", "a".repeat(LONGEST));
        assert_eq!(SpiffeId::parse(&long), Err(IdFault::TooLong));
        assert_eq!(SpiffeId::parse(&format!("spiffe://{}/a", "a".repeat(256))), Err(IdFault::TrustDomain));
    }

    #[test]
    fn what_only_looks_like_an_id_claims_to_be_one() {
        assert!(SpiffeId::claims("SPIFFE:x") && SpiffeId::claims("spiffe://a/b"));
        assert!(!SpiffeId::claims("https://a/spiffe:") && !SpiffeId::claims("spiffe"));
    }

    #[test]
    fn an_authority_has_no_path() {
        assert_eq!(SpiffeId::authority("spiffe://dev.local").map(|domain| domain.to_string()), Ok("dev.local".into()));
        assert_eq!(SpiffeId::authority("spiffe://dev.local/a"), Err(IdFault::Path));
    }
}
