//! Files into what a handshake needs. Everything is read before anything is used; a fault names its file.

use std::{fs, path::Path};

use aws_lc_rs::digest::{Context, SHA256};
use rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer, TrustAnchor,
    pem::{self, PemObject},
};
use webpki::{CertRevocationList, OwnedCertRevocationList, anchor_from_trusted_cert};
use zeroize::Zeroizing;

use crate::{
    bundle::Bundle,
    error::Error,
    leaf::{AuthorityFacts, Leaf},
    refused::Refused,
    reload::Settings,
    trust::{Anchors, Trust},
};

/// Bytes of a certificate, key or bundle file.
const LARGEST: u64 = 4 << 20;
/// Bytes of a revocation list.
const LARGEST_LIST: u64 = 64 << 20;

/// What the files hold.
pub(crate) struct Material {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
    pub(crate) trust: Trust,
    /// Over all of them.
    pub(crate) digest: [u8; 32],
}

/// The files as they are, unread.
pub(crate) struct Files {
    chain: Vec<u8>,
    key: Zeroizing<Vec<u8>>,
    bundles: Vec<Vec<u8>>,
    lists: Vec<Vec<u8>>,
}

impl Files {
    pub(crate) fn read(settings: &Settings) -> Result<Self, Error> {
        Ok(Self {
            chain: bytes(&settings.certificate, LARGEST)?,
            key: Zeroizing::new(bytes(&settings.key, LARGEST)?),
            bundles: settings.bundles.iter().map(|bundle| bytes(&bundle.file, LARGEST)).collect::<Result<_, _>>()?,
            lists: settings.revoked.iter().map(|list| bytes(list, LARGEST_LIST)).collect::<Result<_, _>>()?,
        })
    }

    /// Changes with every byte of every file.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        let all = [&self.chain, &*self.key].into_iter().chain(&self.bundles).chain(&self.lists);
        for file in all {
            context.update(&u64::try_from(file.len()).unwrap_or(u64::MAX).to_be_bytes());
            context.update(file);
        }
        let mut digest = [0; 32];
        digest.copy_from_slice(context.finish().as_ref());
        digest
    }

    pub(crate) fn parse(self, settings: &Settings, now_ms: u64) -> Result<Material, Error> {
        let digest = self.digest();
        let file = &settings.certificate;
        let chain = certificates(file, &self.chain)?;
        usable(file, &chain, now_ms)?;
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(|fault| {
            let why = match fault {
                pem::Error::NoItemsFound => "holds no private key in PEM; name the key's own file".to_owned(),
                other => format!("is no usable private key: {other}"),
            };
            Error::of(&settings.key, why)
        })?;
        let bundles = settings.bundles.iter().zip(&self.bundles);
        let lists = settings.revoked.iter().zip(&self.lists);
        let mut trust = Trust { bundles: Vec::new(), revoked: Vec::new() };
        for (bundle, pem) in bundles {
            trust.bundles.push(anchors(bundle, pem)?);
        }
        for (file, text) in lists {
            trust.revoked.extend(revoked(file, text)?);
        }
        Ok(Material { chain, key, trust, digest })
    }
}

fn bytes(file: &Path, largest: u64) -> Result<Vec<u8>, Error> {
    let meta = fs::metadata(file).map_err(|fault| Error::unreadable(file, &fault))?;
    if !meta.is_file() {
        return Err(Error::of(file, "is no file"));
    }
    if meta.len() > largest {
        return Err(Error::of(file, format!("is larger than {largest} bytes")));
    }
    fs::read(file).map_err(|fault| Error::unreadable(file, &fault))
}

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(file: &Path, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|fault| Error::of(file, format!("is no usable PEM: {fault}")))?;
    if all.is_empty() {
        return Err(Error::of(file, "holds no certificate in PEM"));
    }
    Ok(all)
}

/// The host's own certificate is one that clients can accept.
fn usable(file: &Path, chain: &[CertificateDer<'_>], now_ms: u64) -> Result<(), Error> {
    let Some(first) = chain.first() else {
        return Err(Error::of(file, "holds no certificate in PEM"));
    };
    let leaf = Leaf::read(first).map_err(|fault| Error::of(file, format!("cannot be used: {fault}")))?;
    if leaf.is_authority {
        return Err(Error::of(file, "begins with the certificate of an authority; put the host's own first"));
    }
    let out_of_time = leaf.faults(now_ms).into_iter().find(|fault| matches!(fault, Refused::Expired | Refused::NotYet));
    match out_of_time {
        Some(fault) => Err(Error::of(file, format!("cannot be used: {fault}; renew it, or check the clock"))),
        None => Ok(()),
    }
}

fn anchors(bundle: &Bundle, pem: &[u8]) -> Result<Anchors, Error> {
    let file = &bundle.file;
    let mut anchors: Vec<TrustAnchor<'static>> = Vec::new();
    let mut facts = Vec::new();
    for (place, certificate) in certificates(file, pem)?.iter().enumerate() {
        let wrong = |why: String| Error::of(file, format!("has in place {} {why}", place + 1));
        let fact =
            AuthorityFacts::read(certificate).map_err(|_| wrong("a certificate that cannot be read".to_owned()))?;
        if !fact.is_authority {
            return Err(wrong("a certificate that is no authority's; a bundle holds authorities alone".to_owned()));
        }
        let anchor = anchor_from_trusted_cert(certificate)
            .map_err(|fault| wrong(format!("an authority that cannot be used: {fault}")))?;
        anchors.push(anchor.to_owned());
        facts.push(fact);
    }
    Ok(Anchors { vouches: bundle.vouches.clone(), anchors, facts })
}

/// PEM with one or more lists, or DER with one.
fn revoked(file: &Path, text: &[u8]) -> Result<Vec<CertRevocationList<'static>>, Error> {
    let wrong = |why: &dyn std::fmt::Display| Error::of(file, format!("is no usable revocation list: {why}"));
    let is_pem = text.windows(10).any(|window| window == b"-----BEGIN");
    let all: Vec<CertificateRevocationListDer<'_>> = if is_pem {
        CertificateRevocationListDer::pem_slice_iter(text).collect::<Result<_, _>>().map_err(|fault| wrong(&fault))?
    } else {
        vec![CertificateRevocationListDer::from(text)]
    };
    if all.is_empty() {
        return Err(wrong(&"it holds none"));
    }
    all.iter()
        .map(|list| {
            OwnedCertRevocationList::from_der(list).map(CertRevocationList::Owned).map_err(|fault| wrong(&fault))
        })
        .collect()
}
