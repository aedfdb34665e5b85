//! What the host would see in a certificate file: for `grid tls show`.

use std::path::Path;

use rustls::pki_types::CertificateDer;

use crate::{
    error::Error,
    leaf::{Claimed, Leaf},
    material::certificates,
    refused::Refused,
};

/// One certificate of a file.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The SPIFFE id that it claims; empty where it claims none, or one that is not valid.
    pub spiffe_id: String,
    /// The common name of its subject.
    pub common_name: String,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// URI names, as they are written.
    pub uris: Vec<String>,
    /// It may sign others.
    pub is_authority: bool,
    /// Milliseconds since 1970.
    pub not_before_ms: u64,
    /// Milliseconds since 1970.
    pub not_after_ms: u64,
    /// SHA-256 over its DER form.
    pub thumbprint: [u8; 32],
    /// Why it would not be believed of a client, whoever signed it.
    pub refused: Vec<Refused>,
}

/// Reads every certificate of a PEM file, the first first. Chains and revocation lists are not looked at.
///
/// # Errors
/// The file cannot be read, or holds something else.
pub fn show(file: &Path, now_ms: u64) -> Result<Vec<Shown>, Error> {
    let pem = std::fs::read(file).map_err(|fault| Error::unreadable(file, &fault))?;
    certificates(file, &pem)?.iter().map(|certificate| one(file, certificate, now_ms)).collect()
}

fn one(file: &Path, certificate: &CertificateDer<'_>, now_ms: u64) -> Result<Shown, Error> {
    let leaf = Leaf::read(certificate).map_err(|fault| Error::of(file, fault.to_string()))?;
    let mut refused = leaf.faults(now_ms);
    let spiffe_id = match leaf.claimed() {
        Ok(Claimed::Workload(id)) => id.to_string(),
        Ok(Claimed::Names) => String::new(),
        Err(fault) => {
            refused.insert(0, fault);
            String::new()
        }
    };
    Ok(Shown {
        spiffe_id,
        common_name: leaf.common_name,
        dns_names: leaf.dns_names,
        uris: leaf.uris,
        is_authority: leaf.is_authority,
        not_before_ms: leaf.not_before_ms,
        not_after_ms: leaf.not_after_ms,
        thumbprint: leaf.thumbprint,
        refused,
    })
}
