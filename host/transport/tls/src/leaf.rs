//! What a certificate says of itself, as far as it matters whom it identifies: names, purposes, times.

use aws_lc_rs::digest::{SHA256, digest};
use grid_core::envelope::PeerCertificate;
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, time::ASN1Time};

use crate::{refused::Refused, spiffe::SpiffeId};

/// A certificate, read and not yet believed.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    pub(crate) uris: Vec<String>,
    pub(crate) dns_names: Vec<String>,
    pub(crate) common_name: String,
    pub(crate) is_authority: bool,
    /// keyCertSign or cRLSign.
    signs_others: bool,
    /// digitalSignature, or no key usage at all.
    signs_handshakes: bool,
    /// clientAuth, or no extended key usage at all.
    is_client: bool,
    pub(crate) not_before_ms: u64,
    pub(crate) not_after_ms: u64,
    pub(crate) thumbprint: [u8; 32],
}

/// Whom a leaf claims to be.
#[derive(Debug, Clone)]
pub(crate) enum Claimed {
    Workload(SpiffeId),
    /// Subject and DNS names.
    Names,
}

impl Leaf {
    pub(crate) fn read(der: &[u8]) -> Result<Self, Refused> {
        let (rest, certificate) = parse_x509_certificate(der).map_err(|_| Refused::Unreadable)?;
        if !rest.is_empty() {
            return Err(Refused::Unreadable);
        }
        let mut thumbprint = [0; 32];
        thumbprint.copy_from_slice(digest(&SHA256, der).as_ref());
        let names = Names::of(&certificate)?;
        // Each of these fails where an extension is there twice.
        let unreadable = |_| Refused::Unreadable;
        let basic = certificate.basic_constraints().map_err(unreadable)?;
        let usage = certificate.key_usage().map_err(unreadable)?.map(|usage| usage.value);
        let purposes = certificate.extended_key_usage().map_err(unreadable)?.map(|purposes| purposes.value);
        Ok(Self {
            uris: names.uris,
            dns_names: names.dns,
            common_name: common_name(&certificate),
            is_authority: basic.is_some_and(|basic| basic.value.ca),
            signs_others: usage.is_some_and(|usage| usage.key_cert_sign() || usage.crl_sign()),
            signs_handshakes: usage.is_none_or(|usage| usage.digital_signature()),
            is_client: purposes.is_none_or(|purposes| purposes.client_auth),
            not_before_ms: millis(certificate.validity().not_before),
            not_after_ms: millis(certificate.validity().not_after),
            thumbprint,
        })
    }

    /// Whom it claims to be; the trust domain is all that is believed of it, and that only to choose a bundle.
    pub(crate) fn claimed(&self) -> Result<Claimed, Refused> {
        if !self.uris.iter().any(|uri| SpiffeId::claims(uri)) {
            return Ok(Claimed::Names);
        }
        match self.uris.as_slice() {
            [only] => SpiffeId::parse(only).map(Claimed::Workload).map_err(Refused::SpiffeId),
            all => Err(Refused::UriNames(all.len())),
        }
    }

    /// Everything that keeps it from being a client's, whoever signed it.
    pub(crate) fn faults(&self, now_ms: u64) -> Vec<Refused> {
        let all = [
            (self.is_authority, Refused::Authority),
            (self.signs_others, Refused::SigningUsage),
            (!self.signs_handshakes, Refused::NoSignatureUsage),
            (!self.is_client, Refused::Purpose),
            (now_ms < self.not_before_ms, Refused::NotYet),
            (now_ms >= self.not_after_ms, Refused::Expired),
        ];
        all.into_iter().filter_map(|(holds, refused)| holds.then_some(refused)).collect()
    }

    pub(crate) fn into_peer(self, id: Option<&SpiffeId>, vouches: &str) -> PeerCertificate {
        PeerCertificate {
            spiffe_id: id.map(|id| id.as_str().to_owned()).unwrap_or_default(),
            common_name: self.common_name,
            dns_names: self.dns_names,
            thumbprint: self.thumbprint,
            trust_domain: vouches.to_owned(),
            not_before_ms: self.not_before_ms,
            not_after_ms: self.not_after_ms,
        }
    }
}

/// What an authority says of itself that is held against those below it.
#[derive(Debug)]
pub(crate) struct AuthorityFacts {
    pub(crate) uris: Vec<String>,
    pub(crate) is_authority: bool,
    /// keyCertSign, or no key usage at all.
    pub(crate) may_sign: bool,
    pub(crate) not_before_ms: u64,
    pub(crate) not_after_ms: u64,
}

impl AuthorityFacts {
    pub(crate) fn read(der: &[u8]) -> Result<Self, Refused> {
        let leaf = Leaf::read(der)?;
        let (_, certificate) = parse_x509_certificate(der).map_err(|_| Refused::Unreadable)?;
        let usage = certificate.key_usage().map_err(|_| Refused::Unreadable)?;
        Ok(Self {
            uris: leaf.uris,
            is_authority: leaf.is_authority,
            may_sign: usage.is_none_or(|usage| usage.value.key_cert_sign()),
            not_before_ms: leaf.not_before_ms,
            not_after_ms: leaf.not_after_ms,
        })
    }
}

struct Names {
    uris: Vec<String>,
    dns: Vec<String>,
}

impl Names {
    fn of(certificate: &X509Certificate<'_>) -> Result<Self, Refused> {
        let mut names = Self { uris: Vec::new(), dns: Vec::new() };
        let Some(all) = certificate.subject_alternative_name().map_err(|_| Refused::Unreadable)? else {
            return Ok(names);
        };
        for name in &all.value.general_names {
            match name {
                GeneralName::URI(uri) => names.uris.push((*uri).to_owned()),
                GeneralName::DNSName(name) => names.dns.push((*name).to_owned()),
                // A name that cannot be read might be another URI.
                GeneralName::Invalid(..) => return Err(Refused::Unreadable),
                _ => {}
            }
        }
        Ok(names)
    }
}

fn common_name(certificate: &X509Certificate<'_>) -> String {
    certificate.subject().iter_common_name().next().and_then(|name| name.as_str().ok()).unwrap_or_default().to_owned()
}

/// What is before 1970 counts as 1970.
fn millis(time: ASN1Time) -> u64 {
    u64::try_from(time.timestamp()).unwrap_or(0).saturating_mul(1_000)
}
