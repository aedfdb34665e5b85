//! Authorities that sign whatever they are told, a client that shows whatever it has, and a host that is asked by it.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use grid_core::clock::{Clock, SharedClock};
use grid_tls::{Bundle, Clients, Failed, Protocols, Secured, Settings, Tls};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SanType,
    SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, ConfigBuilder, RootCertStore, SignatureScheme,
    client::{ResolvesClientCert, WantsClientCert},
    crypto::{CryptoProvider, aws_lc_rs},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
    sign::CertifiedKey,
};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// The first of 2026.
pub const NOW_MS: u64 = 1_767_225_600_000;

#[derive(Debug)]
pub struct Fixed(pub AtomicU64);

impl Fixed {
    pub fn now() -> Arc<Self> {
        Arc::new(Self(AtomicU64::new(NOW_MS)))
    }
}

impl Clock for Fixed {
    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.unix_ms() - NOW_MS)
    }

    fn unix_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

pub type Authority = CertifiedIssuer<'static, KeyPair>;

/// Good from 2025 to 2027.
pub fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    (params.not_before, params.not_after) = (date_time_ymd(2025, 1, 1), date_time_ymd(2027, 1, 1));
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

pub fn root_params(name: &str) -> CertificateParams {
    let mut params = params(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

pub fn root(name: &str) -> Authority {
    CertifiedIssuer::self_signed(root_params(name), KeyPair::generate().unwrap()).unwrap()
}

pub fn between(params: CertificateParams, above: &Authority) -> Authority {
    CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), above).unwrap()
}

pub fn uri(text: &str) -> SanType {
    SanType::URI(text.try_into().unwrap())
}

/// As an SVID should be.
pub fn svid(id: &str) -> CertificateParams {
    let mut params = params("workload");
    params.subject_alt_names = vec![uri(id)];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

/// A certificate, those it comes with, and its key.
#[derive(Debug, Clone)]
pub struct Shown {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: Arc<KeyPair>,
}

impl Shown {
    pub fn signed(params: &CertificateParams, by: &Issuer<'_, KeyPair>) -> Self {
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, by).unwrap();
        Self { chain: vec![leaf.der().clone()], key: Arc::new(key) }
    }

    /// With those between it and its root.
    pub fn with<'a>(mut self, others: impl IntoIterator<Item = &'a Authority>) -> Self {
        self.chain.extend(others.into_iter().map(|other| other.der().clone()));
        self
    }

    /// With other bytes for the leaf.
    pub fn bytes(mut self, change: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut der = self.chain[0].to_vec();
        change(&mut der);
        self.chain[0] = der.into();
        self
    }
}

/// Shows a certificate without having a look at it.
#[derive(Debug)]
struct Blindly(Arc<CertifiedKey>);

impl ResolvesClientCert for Blindly {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Files of a host in a folder of their own.
pub struct Desk {
    pub folder: TempDir,
    pub server: Authority,
    pub clock: Arc<Fixed>,
    bundles: Vec<Bundle>,
    revoked: Vec<std::path::PathBuf>,
}

impl Desk {
    pub fn new() -> Self {
        let desk = Self {
            folder: tempfile::tempdir().unwrap(),
            server: root("authority of servers"),
            clock: Fixed::now(),
            bundles: Vec::new(),
            revoked: Vec::new(),
        };
        desk.renew(1);
        desk
    }

    pub fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// A new certificate and key for the host; `serial` tells it from others.
    pub fn renew(&self, serial: u64) {
        let mut params = params("host");
        params.serial_number = Some(SerialNumber::from(serial));
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.server).unwrap();
        replace(&self.file("host.key"), &key.serialize_pem());
        replace(&self.file("host.pem"), &certificate.pem());
    }

    #[must_use]
    pub fn bundle(mut self, name: &str, authorities: &[&Authority]) -> Self {
        let file = self.file(&format!("bundle-{}.pem", self.bundles.len()));
        fs::write(&file, authorities.iter().map(|authority| authority.pem()).collect::<String>()).unwrap();
        self.bundles.push(Bundle::parse(&format!("{name}={}", file.display())).unwrap());
        self
    }

    #[must_use]
    pub fn revoked(mut self, list: &str) -> Self {
        let file = self.file(&format!("list-{}.pem", self.revoked.len()));
        fs::write(&file, list).unwrap();
        self.revoked.push(file);
        self
    }

    pub fn settings(&self) -> Settings {
        Settings {
            certificate: self.file("host.pem"),
            key: self.file("host.key"),
            clients: if self.bundles.is_empty() { Clients::Off } else { Clients::Required },
            bundles: self.bundles.clone(),
            revoked: self.revoked.clone(),
            tls12: false,
            handshake_timeout: Duration::from_secs(5),
        }
    }

    pub fn shared_clock(&self) -> SharedClock {
        Arc::clone(&self.clock) as _
    }

    pub fn open(&self) -> Tls {
        Tls::open(self.settings(), self.shared_clock()).unwrap()
    }

    fn trusting(&self) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(self.server.der().clone()).unwrap();
        // The client's clock is that of the host.
        let provider = Arc::new(aws_lc_rs::default_provider());
        ClientConfig::builder_with_details(provider, Arc::new(At(Arc::clone(&self.clock))))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
    }

    pub fn stranger(&self) -> ClientConfig {
        self.trusting().with_no_client_auth()
    }

    pub fn client(&self, shown: &Shown) -> ClientConfig {
        let key = PrivateKeyDer::from_pem_slice(shown.key.serialize_pem().as_bytes()).unwrap();
        let key = CryptoProvider::get_default()
            .map_or_else(aws_lc_rs::default_provider, |provider| (**provider).clone())
            .key_provider
            .load_private_key(key)
            .unwrap();
        let certified = CertifiedKey::new(shown.chain.clone(), key);
        self.trusting().with_client_cert_resolver(Arc::new(Blindly(Arc::new(certified))))
    }
}

#[derive(Debug)]
struct At(Arc<Fixed>);

impl rustls::time_provider::TimeProvider for At {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        Some(rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_millis(self.0.unix_ms())))
    }
}

pub fn replace(file: &Path, text: &str) {
    let draft = file.with_extension("new");
    fs::write(&draft, text).unwrap();
    fs::rename(draft, file).unwrap();
}

/// A list of `issuer` that revokes a serial number.
pub fn list(issuer: &Issuer<'_, KeyPair>, serial: u64, until_year: i32) -> String {
    let params = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 1, 1),
        next_update: date_time_ymd(until_year, 1, 1),
        crl_number: SerialNumber::from(1),
        issuing_distribution_point: None,
        revoked_certs: vec![RevokedCertParams {
            serial_number: SerialNumber::from(serial),
            revocation_time: date_time_ymd(2025, 6, 1),
            reason_code: None,
            invalidity_date: None,
        }],
        key_identifier_method: KeyIdMethod::Sha256,
    };
    params.signed_by(issuer).unwrap().pem().unwrap()
}

/// Both ends of a handshake.
pub async fn shake(
    tls: &Tls,
    config: ClientConfig,
) -> (Result<Secured<DuplexStream>, Failed>, Option<TlsStream<DuplexStream>>) {
    let (near, far) = tokio::io::duplex(64 << 10);
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let (accepted, connected) = tokio::join!(tls.accept(far, Protocols::Http2), connector.connect(name, near));
    (accepted, connected.ok())
}

/// Whether bytes go both ways.
pub async fn talks(secured: &mut Secured<DuplexStream>, client: &mut TlsStream<DuplexStream>) -> bool {
    let mut heard = [0; 4];
    client.write_all(b"ping").await.is_ok()
        && secured.stream.read_exact(&mut heard).await.is_ok()
        && secured.stream.write_all(&heard).await.is_ok()
        && secured.stream.flush().await.is_ok()
        && client.read_exact(&mut heard).await.is_ok()
        && &heard == b"ping"
}
