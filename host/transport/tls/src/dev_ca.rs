//! A throw-away authority for trying TLS out: one folder with an authority, the host's certificate and those of
//! clients. Not for production; its key lies beside what it signed.

use std::{
    fs,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use grid_core::clock::SharedClock;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType, date_time_ymd,
};

use crate::{
    error::Error,
    spiffe::{SpiffeId, TrustDomain},
};

/// Clocks of two machines may differ by this much.
const SKEW: Duration = Duration::from_secs(300);

/// What to make.
#[derive(Debug, Clone)]
pub struct DevCa {
    /// The folder, made if it is not there. An authority that is in it signs again; the rest is replaced.
    pub folder: PathBuf,
    /// The trust domain of all ids.
    pub domain: TrustDomain,
    /// Names of the host beside localhost, 127.0.0.1 and ::1.
    pub names: Vec<String>,
    /// Clients that get a certificate.
    pub clients: Vec<SpiffeId>,
    /// How long all of them are good.
    pub life: Duration,
}

/// What was made.
#[derive(Debug, Clone)]
pub struct Made {
    /// The authority.
    pub authority: PathBuf,
    /// Of the host: certificate and key.
    pub server: (PathBuf, PathBuf),
    /// Of each client: id, certificate and key.
    pub clients: Vec<(SpiffeId, PathBuf, PathBuf)>,
}

impl DevCa {
    /// Makes the files; keys get mode 600.
    ///
    /// # Errors
    /// A name that no certificate can have, or a file that cannot be written.
    pub fn make(&self, clock: &SharedClock) -> Result<Made, Error> {
        let wrong = |fault: rcgen::Error| Error::of(&self.folder, format!("was not filled: {fault}"));
        fs::create_dir_all(&self.folder).map_err(|fault| unwritable(&self.folder, &fault))?;
        let file = |name: &str| self.folder.join(name);
        let authority = self.authority(&file("ca.pem"), &file("ca.key"), clock)?;
        let server = self.server(clock).map_err(wrong)?;
        let server = self.issue("server", &server, &authority)?;
        let mut clients = Vec::new();
        for id in &self.clients {
            let name = file_name(id);
            let params = self.client(id, clock).map_err(wrong)?;
            let (certificate, key) = self.issue(&name, &params, &authority)?;
            clients.push((id.clone(), certificate, key));
        }
        Ok(Made { authority: file("ca.pem"), server, clients })
    }

    fn issue(
        &self,
        name: &str,
        params: &CertificateParams,
        authority: &Issuer<'_, KeyPair>,
    ) -> Result<(PathBuf, PathBuf), Error> {
        let wrong = |fault: rcgen::Error| Error::of(&self.folder, format!("was not filled: {fault}"));
        let key = KeyPair::generate().map_err(wrong)?;
        let certificate = params.signed_by(&key, authority).map_err(wrong)?;
        let (certificate_file, key_file) =
            (self.folder.join(format!("{name}.pem")), self.folder.join(format!("{name}.key")));
        write(&key_file, key.serialize_pem().as_bytes(), 0o600)?;
        write(&certificate_file, certificate.pem().as_bytes(), 0o644)?;
        Ok((certificate_file, key_file))
    }

    fn params(&self, common_name: &str, clock: &SharedClock) -> CertificateParams {
        let mut params = CertificateParams::default();
        let now = Duration::from_millis(clock.unix_ms());
        params.not_before = date_time_ymd(1970, 1, 1) + now.saturating_sub(SKEW);
        params.not_after = date_time_ymd(1970, 1, 1) + now + self.life;
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params
    }

    /// The one that is there, or a new one.
    fn authority(
        &self,
        certificate: &Path,
        key: &Path,
        clock: &SharedClock,
    ) -> Result<Issuer<'static, KeyPair>, Error> {
        if certificate.exists() && key.exists() {
            let read = |file: &Path| fs::read_to_string(file).map_err(|fault| Error::unreadable(file, &fault));
            let unusable = |file: &Path, fault: rcgen::Error| {
                Error::of(
                    file,
                    format!("cannot be used again: {fault}; remove `{}` for a new one", certificate.display()),
                )
            };
            let pair = KeyPair::from_pem(&read(key)?).map_err(|fault| unusable(key, fault))?;
            return Issuer::from_ca_cert_pem(&read(certificate)?, pair).map_err(|fault| unusable(certificate, fault));
        }
        let wrong = |fault: rcgen::Error| Error::of(&self.folder, format!("was not filled: {fault}"));
        let made = self.new_authority(clock).map_err(wrong)?;
        write(key, made.key().serialize_pem().as_bytes(), 0o600)?;
        write(certificate, made.pem().as_bytes(), 0o644)?;
        let pair = KeyPair::from_pem(&made.key().serialize_pem()).map_err(wrong)?;
        Issuer::from_ca_cert_pem(&made.pem(), pair).map_err(wrong)
    }

    fn new_authority(&self, clock: &SharedClock) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
        let mut params = self.params(&format!("throw-away authority of {}", self.domain), clock);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.subject_alt_names = vec![SanType::URI(format!("spiffe://{}", self.domain).try_into()?)];
        CertifiedIssuer::self_signed(params, KeyPair::generate()?)
    }

    fn server(&self, clock: &SharedClock) -> Result<CertificateParams, rcgen::Error> {
        let mut params = self.params("localhost", clock);
        let mut names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
            SanType::IpAddress(Ipv6Addr::LOCALHOST.into()),
        ];
        for name in &self.names {
            names.push(match name.parse::<IpAddr>() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(name.as_str().try_into()?),
            });
        }
        params.subject_alt_names = names;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params)
    }

    fn client(&self, id: &SpiffeId, clock: &SharedClock) -> Result<CertificateParams, rcgen::Error> {
        let mut params = self.params(&file_name(id), clock);
        params.subject_alt_names = vec![SanType::URI(id.as_str().try_into()?)];
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params)
    }
}

/// `runtime-quickstart` of `spiffe://dev.local/runtime/quickstart`.
fn file_name(id: &SpiffeId) -> String {
    let path = id.as_str().splitn(4, '/').nth(3).unwrap_or_default();
    path.replace('/', "-")
}

fn unwritable(file: &Path, fault: &io::Error) -> Error {
    Error::of(file, format!("cannot be written: {fault}; check its path and permissions"))
}

/// The file is whole or not there, and never wider than `mode`: a running host may read it meanwhile.
fn write(file: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = file.with_file_name(name);
    // One of a process before, that had the same id, is in nobody's way.
    let _ = fs::remove_file(&draft);
    let written = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&draft)
        .and_then(|mut open| open.write_all(bytes))
        .and_then(|()| fs::rename(&draft, file));
    written.map_err(|fault| {
        // It may not be there at all.
        let _ = fs::remove_file(&draft);
        unwritable(file, &fault)
    })
}
