//! Why a peer's certificate is not believed: one closed list, for the host's own log and for `grid tls show`.

use crate::spiffe::IdFault;

/// A reason.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No DER of an X.509 certificate, or one with an extension twice.
    #[error("the certificate cannot be read")]
    Unreadable,
    /// An SVID must have one URI name, and no second of any scheme.
    #[error("it has {0} URI names, and a SPIFFE certificate has exactly one")]
    UriNames(usize),
    /// Neither a SPIFFE id, nor a bundle for certificates without one.
    #[error("it has no SPIFFE id, and no bundle vouches for certificates without one")]
    NoSpiffeId,
    /// A SPIFFE id that is not written as it must be.
    #[error("its SPIFFE id is not valid: {0}")]
    SpiffeId(IdFault),
    /// A certificate that may sign others does not identify anybody.
    #[error("it is the certificate of an authority")]
    Authority,
    /// keyCertSign or cRLSign on a leaf.
    #[error("its key usage lets it sign certificates or revocation lists")]
    SigningUsage,
    /// No digitalSignature where there is a key usage.
    #[error("its key usage does not let it sign a handshake")]
    NoSignatureUsage,
    /// Without clientAuth where there is an extended key usage.
    #[error("its extended key usage does not have clientAuth")]
    Purpose,
    /// Not after its beginning.
    #[error("it is not valid yet")]
    NotYet,
    /// After its end.
    #[error("it has expired")]
    Expired,
    /// The trust domain has no bundle here.
    #[error("there is no bundle for its trust domain `{0}`")]
    UnknownDomain(String),
    /// No chain to an authority of the bundle that may vouch for it.
    #[error("no authority of the bundle for `{0}` has signed it")]
    UnknownIssuer(String),
    /// The signature of a link of the chain.
    #[error("a signature of its chain does not hold")]
    Signature,
    /// By a revocation list.
    #[error("it has been revoked")]
    Revoked,
    /// The list of its issuer is out of date or cannot be used.
    #[error("whether it has been revoked cannot be told: {0}")]
    Revocation(String),
    /// An authority between it and the bundle is expired, of another domain, or may not sign.
    #[error("an authority of its chain may not vouch for it: {0}")]
    Intermediate(&'static str),
    /// Anything else that a chain can have.
    #[error("its chain does not hold: {0}")]
    Chain(String),
    /// More than anybody needs.
    #[error("it came with more than {0} certificates")]
    TooMany(usize),
}
