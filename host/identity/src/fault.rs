//! Why a token is not believed. The operator reads which of these it was; the caller reads one sentence that
//! tells an attacker nothing, except that a token which was good has ended.

use std::sync::Arc;

use thiserror::Error;

use grid_core::{Code, Refusal, Stage};

#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Fault {
    #[error("the token has {0} bytes, more than {max}", max = crate::verifier::MAX_TOKEN)]
    TooLong(usize),
    #[error("the token is not three parts joined by dots")]
    Shape,
    #[error("header: {0}")]
    Header(String),
    #[error("claims: {0}")]
    Claim(String),
    #[error("the signature does not hold")]
    Signature,
    #[error("issuer {0:?} is none that this host believes")]
    Issuer(String),
    #[error("the rules for this issuer do not take the algorithm {0}")]
    Algorithm(&'static str),
    #[error("the keys of issuer `{issuer}` have none of that name, or there are none yet")]
    UnknownKey { issuer: Arc<str> },
    #[error("the configured audience is not among {0:?}")]
    Audience(String),
    #[error("the tenant is none that this issuer may name")]
    Tenant,
    #[error("the name {0} is not 1 to 128 printable characters")]
    Name(&'static str),
    #[error("the token carries {0} roles, more than {max}", max = crate::mapping::MAX_ROLES)]
    TooManyRoles(usize),
    #[error("the token ends at {exp} s, before it begins at {iat} s")]
    Backwards { iat: u64, exp: u64 },
    #[error("the token ended {ago_ms} ms ago")]
    Expired { ago_ms: u64 },
    #[error("the token begins in {in_ms} ms by its claim `{claim}`")]
    Early { claim: &'static str, in_ms: u64 },
    #[error("whoever it names is revoked, and it was issued before that")]
    Revoked,
    #[error("no rule names the certificate {0:?}")]
    Certificate(String),
    #[error("the certificate ended {ago_ms} ms ago")]
    CertificateExpired { ago_ms: u64 },
    #[error("the rule for the certificate names `{certificate}`, and the token names `{token}`")]
    Bound { certificate: String, token: String },
    #[error("no rule names the user {0}")]
    LocalUser(u32),
    #[error("no token was sent")]
    Missing,
    #[error("no token was sent, and the peer is not on this machine")]
    Remote,
    #[error("a token was sent, and this host has no key to check it with")]
    Keyless,
}

impl Fault {
    /// What the caller reads: what to do, and no more than they may know.
    fn advice(&self) -> &'static str {
        match self {
            Self::Missing | Self::Remote => {
                "no token was sent; send one as `authorization: Bearer <token>`, made for example with `grid token new`"
            }
            // Only the holder of a token with a good signature reads this.
            Self::Expired { .. } => "the token has expired; get a new one, for example with `grid token new`",
            Self::Certificate(_) => {
                "nobody here is known by this certificate; ask an operator for a rule that names it, or send a token"
            }
            Self::CertificateExpired { .. } => {
                "the certificate of this connection has expired; connect again with a new one"
            }
            Self::Bound { .. } => {
                "the token names somebody else than the certificate of this connection; use one that fits"
            }
            Self::LocalUser(_) => {
                "nobody here is known by this user; ask an operator for a rule that names it, or send a token"
            }
            // And only the one whom it proves reads this.
            Self::Revoked => {
                "what proved you was revoked; ask an operator, then get a new token, for example with `grid token new`"
            }
            _ => "the token is not accepted; get a new one, for example with `grid token new`",
        }
    }

    pub(crate) fn refusal(&self) -> Refusal {
        Refusal::new(Code::InvalidCredentials, Stage::Identity, self.advice()).because(self.to_string())
    }
}
