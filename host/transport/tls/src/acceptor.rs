//! A connection into an encrypted one, within its own time, in the task of the connection.

use std::{future::pending, io, sync::Arc, time::Duration};

use grid_core::{clock::SharedClock, envelope::PeerCertificate};
use rustls::pki_types::CertificateDer;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use crate::{
    refused::Refused,
    reload::{Active, Tls},
    verifier::reason,
};

/// An encrypted stream over another.
pub type Stream<S> = tokio_rustls::server::TlsStream<S>;

/// What a port speaks below TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocols {
    /// HTTP/2.
    Http2,
    /// HTTP/2 or HTTP/1.1, as the peer likes.
    Any,
}

/// A connection after its handshake.
#[derive(Debug)]
pub struct Secured<S> {
    /// To be read and written.
    pub stream: Stream<S>,
    /// Whose it is; absent where no certificate was asked or sent.
    pub certificate: Option<Arc<PeerCertificate>>,
    /// Tells when that is over.
    pub proof: Proof,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum Failed {
    /// The handshake took too long.
    #[error("the handshake was not over in time")]
    Slow,
    /// No TLS, no common version, no certificate where one is required.
    #[error("{0}")]
    Handshake(io::Error),
    /// A certificate that is not believed, or no more where an earlier session brought it.
    #[error("the peer's certificate was refused: {0}")]
    Certificate(#[from] Refused),
}

impl Tls {
    /// Shakes hands with the certificates that are in use now.
    ///
    /// # Errors
    /// [`Failed`]; it has been counted and told.
    pub async fn accept<S>(&self, stream: S, protocols: Protocols) -> Result<Secured<S>, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let accepted = self.shake(stream, protocols).await;
        if let Err(failed) = &accepted {
            self.0.notices.add(&self.0.clock, failed);
        }
        accepted
    }

    /// Handshakes that failed since the start.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.0.notices.all()
    }

    async fn shake<S>(&self, stream: S, protocols: Protocols) -> Result<Secured<S>, Failed>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut current = self.0.current.subscribe();
        let active = Arc::clone(&current.borrow_and_update());
        let config = match protocols {
            Protocols::Http2 => &active.http2,
            Protocols::Any => &active.any,
        };
        let shake = TlsAcceptor::from(Arc::clone(config)).accept(stream);
        let stream =
            timeout(self.0.settings.handshake_timeout, shake).await.map_err(|_| Failed::Slow)?.map_err(failed)?;
        let chain = stream.get_ref().1.peer_certificates().map(<[_]>::to_vec).unwrap_or_default();
        // Also what a session that is taken up again brings: its certificate was verified when it began, and not since.
        let certificate = match chain.split_first() {
            Some((leaf, others)) => Some(Arc::new(active.trust.verify(leaf, others, self.0.clock.unix_ms())?)),
            None => None,
        };
        let until_ms = certificate.as_ref().map(|certificate| certificate.not_after_ms);
        let proof = Proof { chain, until_ms, current, clock: self.0.clock.clone() };
        Ok(Secured { stream, certificate, proof })
    }
}

fn failed(fault: io::Error) -> Failed {
    match fault.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(why)) => Failed::Certificate(reason(why)),
        _ => Failed::Handshake(fault),
    }
}

/// The certificate behind a connection, for as long as the connection lives.
#[derive(Debug)]
pub struct Proof {
    chain: Vec<CertificateDer<'static>>,
    until_ms: Option<u64>,
    current: watch::Receiver<Arc<Active>>,
    clock: SharedClock,
}

impl Proof {
    /// Completes when the certificate is over, or new files no longer vouch for it; never where there is none.
    pub async fn void(&mut self) -> Refused {
        let Some(until_ms) = self.until_ms else {
            return pending().await;
        };
        loop {
            let left = until_ms.saturating_sub(self.clock.unix_ms());
            let changed = tokio::select! {
                changed = self.current.changed() => changed,
                () = sleep(Duration::from_millis(left)) => return Refused::Expired,
            };
            if changed.is_err() {
                // Nobody looks at files any more.
                sleep(Duration::from_millis(left)).await;
                return Refused::Expired;
            }
            let active = Arc::clone(&self.current.borrow_and_update());
            if let Some((leaf, others)) = self.chain.split_first()
                && let Err(refused) = active.trust.verify(leaf, others, self.clock.unix_ms())
            {
                return refused;
            }
        }
    }
}
