//! Who is believed: the bundles, and the one way in which a certificate is held against them. The trust domain is looked
//! at first, and only its own bundle is asked.

use grid_core::envelope::PeerCertificate;
use rustls::pki_types::{CertificateDer, TrustAnchor, UnixTime};
use webpki::{
    CertRevocationList, EndEntityCert, ExpirationPolicy, KeyUsage, RevocationOptionsBuilder, UnknownStatusPolicy,
    VerifiedPath,
};

use crate::{
    bundle::Vouches,
    leaf::{AuthorityFacts, Claimed, Leaf},
    refused::Refused,
    spiffe::{SpiffeId, TrustDomain},
};

/// Certificates that a peer may send beside its own.
const LONGEST_CHAIN: usize = 8;

/// Authorities, for whom they vouch, and what they have revoked.
#[derive(Debug, Default)]
pub struct Trust {
    pub(crate) bundles: Vec<Anchors>,
    pub(crate) revoked: Vec<CertRevocationList<'static>>,
}

/// The authorities of one bundle.
#[derive(Debug)]
pub(crate) struct Anchors {
    pub(crate) vouches: Vouches,
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    /// Of each anchor, in the same order.
    pub(crate) facts: Vec<AuthorityFacts>,
}

impl Trust {
    /// Proves whose certificate it is, at `now_ms` since 1970.
    ///
    /// # Errors
    /// The first reason why it proves nothing.
    pub fn verify(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now_ms: u64,
    ) -> Result<PeerCertificate, Refused> {
        if others.len() > LONGEST_CHAIN {
            return Err(Refused::TooMany(LONGEST_CHAIN));
        }
        let read = Leaf::read(leaf)?;
        let claimed = read.claimed()?;
        let bundles = self.asked(&claimed)?;
        if let Some(fault) = read.faults(now_ms).into_iter().next() {
            return Err(fault);
        }
        let id = match &claimed {
            Claimed::Workload(id) => Some(id),
            Claimed::Names => None,
        };
        let mut why = Refused::NoSpiffeId;
        for bundle in bundles {
            match self.chain(bundle, leaf, others, id.map(SpiffeId::trust_domain), now_ms) {
                Ok(()) => return Ok(read.into_peer(id, bundle.vouches.name())),
                Err(fault) => why = sooner(why, fault),
            }
        }
        Err(why)
    }

    /// The bundles that may vouch for what is claimed: one at most for a SPIFFE id.
    fn asked(&self, claimed: &Claimed) -> Result<Vec<&Anchors>, Refused> {
        let may = |bundle: &&Anchors| match (&bundle.vouches, claimed) {
            (Vouches::Spiffe(domain), Claimed::Workload(id)) => domain == id.trust_domain(),
            (Vouches::Names(_), Claimed::Names) => true,
            _ => false,
        };
        let bundles: Vec<_> = self.bundles.iter().filter(may).collect();
        match claimed {
            _ if !bundles.is_empty() => Ok(bundles),
            Claimed::Workload(id) => Err(Refused::UnknownDomain(id.trust_domain().to_string())),
            Claimed::Names => Err(Refused::NoSpiffeId),
        }
    }

    fn chain(
        &self,
        bundle: &Anchors,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        domain: Option<&TrustDomain>,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let told = |fault: webpki::Error| told(fault, bundle.vouches.name());
        let leaf = EndEntityCert::try_from(leaf).map_err(told)?;
        let lists: Vec<&CertRevocationList<'_>> = self.revoked.iter().collect();
        // An authority without a list revokes nothing; one whose list has run out vouches for nobody.
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options
                .with_status_policy(UnknownStatusPolicy::Allow)
                .with_expiration_policy(ExpirationPolicy::Enforce)
                .build()
        });
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_millis(now_ms));
        let path = leaf
            .verify_for_usage(
                webpki::ALL_VERIFICATION_ALGS,
                &bundle.anchors,
                others,
                now,
                KeyUsage::client_auth(),
                revocation,
                None,
            )
            .map_err(told)?;
        authorities(&path, bundle, domain, now_ms)
    }
}

/// What webpki does not ask of the authorities of a path: that they may sign (RFC 5280, 4.2.1.3), are of the same trust
/// domain where they say one (X.509-SVID, 3.2), and that the one of the bundle is within its times.
fn authorities(
    path: &VerifiedPath<'_>,
    bundle: &Anchors,
    domain: Option<&TrustDomain>,
    now_ms: u64,
) -> Result<(), Refused> {
    for authority in path.intermediate_certificates() {
        judge(&AuthorityFacts::read(&authority.der())?, domain, now_ms)?;
    }
    let anchor = path.anchor();
    let facts = bundle.anchors.iter().zip(&bundle.facts).find(|(known, _)| *known == anchor).map(|(_, facts)| facts);
    judge(facts.ok_or(Refused::Intermediate("it is not in the bundle"))?, domain, now_ms)
}

fn judge(facts: &AuthorityFacts, domain: Option<&TrustDomain>, now_ms: u64) -> Result<(), Refused> {
    if !facts.may_sign {
        return Err(Refused::Intermediate("its key usage does not let it sign certificates"));
    }
    if now_ms < facts.not_before_ms || now_ms >= facts.not_after_ms {
        return Err(Refused::Intermediate("it is not within its times"));
    }
    let mut named = facts.uris.iter().filter(|uri| SpiffeId::claims(uri));
    let foreign = |uri: &String| match (SpiffeId::authority(uri), domain) {
        (Ok(named), Some(domain)) => named != *domain,
        _ => true,
    };
    if named.any(foreign) {
        return Err(Refused::Intermediate("it names another trust domain, or a workload"));
    }
    Ok(())
}

/// Of two reasons by two bundles, that which says more: not to have signed it says least.
fn sooner(one: Refused, other: Refused) -> Refused {
    match (&one, &other) {
        (Refused::NoSpiffeId, _) => other,
        (_, Refused::UnknownIssuer(_)) => one,
        (Refused::UnknownIssuer(_), _) => other,
        _ => one,
    }
}

fn told(fault: webpki::Error, bundle: &str) -> Refused {
    use webpki::Error;
    match fault {
        Error::BadDer | Error::BadDerTime | Error::TrailingData(_) | Error::MalformedExtensions => Refused::Unreadable,
        Error::CaUsedAsEndEntity => Refused::Authority,
        Error::CertExpired { .. } => Refused::Intermediate("it has expired"),
        Error::CertNotValidYet { .. } => Refused::Intermediate("it is not valid yet"),
        Error::CertRevoked => Refused::Revoked,
        Error::CrlExpired { .. } => Refused::Revocation("the revocation list is out of date".to_owned()),
        Error::UnknownRevocationStatus
        | Error::IssuerNotCrlSigner
        | Error::InvalidCrlSignatureForPublicKey
        | Error::UnsupportedCrlIssuingDistributionPoint => Refused::Revocation(fault.to_string()),
        Error::InvalidSignatureForPublicKey => Refused::Signature,
        Error::RequiredEkuNotFoundContext(_) | Error::EmptyEkuExtension => Refused::Purpose,
        Error::UnknownIssuer => Refused::UnknownIssuer(bundle.to_owned()),
        Error::EndEntityUsedAsCa => Refused::Intermediate("it is no authority"),
        Error::PathLenConstraintViolated => Refused::Intermediate("it may not sign for another authority"),
        Error::NameConstraintViolation => Refused::Intermediate("the name is outside what it may vouch for"),
        other => Refused::Chain(other.to_string()),
    }
}
