//! rustls asks here whether a peer's certificate is believed. Signatures of the handshake are rustls' own matter.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, UnixTime},
    server::danger::{ClientCertVerified, ClientCertVerifier},
};

use crate::{refused::Refused, trust::Trust};

#[derive(Debug)]
pub(crate) struct Verifier {
    pub(crate) trust: Arc<Trust>,
    pub(crate) provider: Arc<CryptoProvider>,
    pub(crate) required: bool,
}

impl ClientCertVerifier for Verifier {
    fn client_auth_mandatory(&self) -> bool {
        self.required
    }

    /// None: who is trusted here is nobody's business, and a client sends what it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        match self.trust.verify(leaf, others, now.as_secs().saturating_mul(1_000)) {
            Ok(_) => Ok(ClientCertVerified::assertion()),
            Err(refused) => Err(Error::InvalidCertificate(alert(refused))),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// The alert that tells the peer most, where TLS has one for the reason.
fn alert(refused: Refused) -> CertificateError {
    match refused {
        Refused::Expired => CertificateError::Expired,
        Refused::NotYet => CertificateError::NotValidYet,
        Refused::Revoked => CertificateError::Revoked,
        Refused::Unreadable => CertificateError::BadEncoding,
        Refused::Signature => CertificateError::BadSignature,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    }
}

/// The reason behind an alert.
pub(crate) fn reason(why: &CertificateError) -> Refused {
    match why {
        CertificateError::Expired => Refused::Expired,
        CertificateError::NotValidYet => Refused::NotYet,
        CertificateError::Revoked => Refused::Revoked,
        CertificateError::BadEncoding => Refused::Unreadable,
        CertificateError::BadSignature => Refused::Signature,
        CertificateError::Other(OtherError(other)) if other.is::<Refused>() => {
            other.downcast_ref::<Refused>().cloned().unwrap_or(Refused::Unreadable)
        }
        other => Refused::Chain(other.to_string()),
    }
}
