//! The certificates in use, and their replacement while connections go on. What is in use is one value that is swapped
//! whole: a handshake sees the old files or the new ones, and never some of each. A set that cannot be used is refused,
//! and the old one stays.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use grid_core::clock::SharedClock;
use rustls::{
    ServerConfig,
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::UnixTime,
    time_provider::TimeProvider,
    version::{TLS12, TLS13},
};
use tokio::{sync::watch, time::MissedTickBehavior};
use tokio_util::sync::CancellationToken;

use crate::{
    bundle::Bundle,
    error::Error,
    material::{Files, Material},
    notice::Notices,
    trust::Trust,
    verifier::Verifier,
};

/// What is asked of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// No certificate.
    Off,
    /// One that holds, or none.
    Optional,
    /// One that holds.
    Required,
}

/// Where the certificates are, and what is asked of clients.
#[derive(Debug, Clone)]
pub struct Settings {
    /// A PEM file: the host's certificate, then those between it and its authority.
    pub certificate: PathBuf,
    /// A PEM file with the key of the first of them.
    pub key: PathBuf,
    /// What is asked of clients.
    pub clients: Clients,
    /// Who vouches for clients; needed unless none is asked.
    pub bundles: Vec<Bundle>,
    /// Revocation lists, PEM or DER.
    pub revoked: Vec<PathBuf>,
    /// Speaks TLS 1.2 beside TLS 1.3.
    pub tls12: bool,
    /// A handshake must be over by then.
    pub handshake_timeout: Duration,
}

/// What came of looking at the files again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reloaded {
    /// They are as they were.
    Same,
    /// New connections use the new ones.
    Changed,
}

/// The certificates of a host, in use. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Tls(pub(crate) Arc<Shared>);

#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: SharedClock,
    pub(crate) current: watch::Sender<Arc<Active>>,
    pub(crate) notices: Notices,
    provider: Arc<CryptoProvider>,
    /// One looks at a time, so that the newest files win.
    looking: Mutex<()>,
}

/// One set of files.
#[derive(Debug)]
pub(crate) struct Active {
    /// For callers and runtimes: HTTP/2 alone.
    pub(crate) http2: Arc<ServerConfig>,
    /// For operators: HTTP/1.1 too.
    pub(crate) any: Arc<ServerConfig>,
    pub(crate) trust: Arc<Trust>,
    digest: [u8; 32],
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn open(settings: Settings, clock: SharedClock) -> Result<Self, Error> {
        let provider = Arc::new(default_provider());
        let material = Files::read(&settings)?.parse(&settings, clock.unix_ms())?;
        let active = active(material, &settings, &provider, &clock)?;
        let (current, _) = watch::channel(Arc::new(active));
        let (notices, looking) = (Notices::default(), Mutex::new(()));
        Ok(Self(Arc::new(Shared { settings, clock, current, notices, provider, looking })))
    }

    /// Looks at the files again. Connections go on; those whose certificate no bundle vouches for any more are told by
    /// their proof.
    ///
    /// # Errors
    /// The first file that cannot be used; what was in use stays so.
    pub fn reload(&self) -> Result<Reloaded, Error> {
        let shared = &*self.0;
        let _looking = shared.looking.lock().unwrap_or_else(PoisonError::into_inner);
        let files = Files::read(&shared.settings)?;
        if shared.current.borrow().digest == files.digest() {
            return Ok(Reloaded::Same);
        }
        let material = files.parse(&shared.settings, shared.clock.unix_ms())?;
        let active = active(material, &shared.settings, &shared.provider, &shared.clock)?;
        shared.current.send_replace(Arc::new(active));
        tracing::info!(certificate = %shared.settings.certificate.display(), "certificates were replaced");
        Ok(Reloaded::Changed)
    }

    /// Looks at the files every `every` until `stop`.
    pub async fn watch(self, every: Duration, stop: CancellationToken) {
        let mut tick = tokio::time::interval(every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut trouble = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            let tls = self.clone();
            let Ok(looked) = tokio::task::spawn_blocking(move || tls.reload()).await else {
                tracing::error!("certificates could not be looked at");
                continue;
            };
            let now = looked.err();
            if let Some(error) = now.as_ref().filter(|error| trouble.as_ref() != Some(*error)) {
                tracing::error!(%error, "new certificates are not used; those before stay in use");
            }
            trouble = now;
        }
    }
}

fn active(
    material: Material,
    settings: &Settings,
    provider: &Arc<CryptoProvider>,
    clock: &SharedClock,
) -> Result<Active, Error> {
    let Material { chain, key, trust, digest } = material;
    let trust = Arc::new(trust);
    let unusable = |fault: rustls::Error| {
        let why = match fault {
            rustls::Error::InconsistentKeys(_) => {
                format!("is not the key of the certificate in `{}`", settings.certificate.display())
            }
            other => format!("cannot be used with `{}`: {other}", settings.certificate.display()),
        };
        Error::of(&settings.key, why)
    };
    let versions: &[_] = if settings.tls12 { &[&TLS13, &TLS12] } else { &[&TLS13] };
    let builder = ServerConfig::builder_with_details(Arc::clone(provider), Arc::new(Time(clock.clone())))
        .with_protocol_versions(versions)
        .map_err(unusable)?;
    let builder = match settings.clients {
        Clients::Off => builder.with_no_client_auth(),
        asked => builder.with_client_cert_verifier(Arc::new(Verifier {
            trust: Arc::clone(&trust),
            provider: Arc::clone(provider),
            required: asked == Clients::Required,
        })),
    };
    let mut http2 = builder.with_single_cert(chain, key).map_err(unusable)?;
    // A resumed session is held against the bundles again, in the acceptor; nothing is taken before that.
    http2.max_early_data_size = 0;
    http2.alpn_protocols = vec![b"h2".to_vec()];
    let mut any = http2.clone();
    any.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Active { http2: Arc::new(http2), any: Arc::new(any), trust, digest })
}

/// rustls asks the host's own clock.
#[derive(Debug)]
struct Time(SharedClock);

impl TimeProvider for Time {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_millis(self.0.unix_ms())))
    }
}
