//! The way to the decision point: its address, its token and who vouches for its certificate.

use std::{fmt, fs, net::IpAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client as Pooled, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// Below the root of a decision point (AuthZEN 1.0, section 10).
const PATH: &str = "/access/v1/evaluation";
/// Connections that wait for the next question.
const IDLE: usize = 64;
/// How long one does.
const IDLE_TIME: Duration = Duration::from_secs(30);

pub(crate) type Client = Pooled<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// Where a decision point is, and how it is asked.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// Its root; https, or http to this machine.
    pub url: &'a str,
    /// A bearer token.
    pub token_file: Option<&'a Path>,
    /// Certificates in PEM that are trusted, in place of the machine's.
    pub ca_file: Option<&'a Path>,
    /// An answer that takes longer denies.
    pub timeout: Duration,
    /// It gets the arguments, too.
    pub args: bool,
}

impl fmt::Debug for Setup<'_> {
    /// An address may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup").field("timeout", &self.timeout).field("args", &self.args).finish_non_exhaustive()
    }
}

/// Why a decision point cannot be asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unusable(String);

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unusable {}

pub(crate) fn prepare(setup: &Setup<'_>) -> Result<(Client, Uri, Option<HeaderValue>), Unusable> {
    let uri = address(setup.url)?;
    let token = setup.token_file.map(token).transpose()?;
    let roots = match setup.ca_file {
        Some(path) => roots_of(path)?,
        None => of_machine(),
    };
    if roots.is_empty() && uri.scheme_str() == Some("https") {
        let place = setup.ca_file.map_or("this machine".to_owned(), |path| format!("`{}`", path.display()));
        return Err(Unusable(format!(
            "{place} has no certificate to trust; name a file with one in `authorize.pdp_ca_file`"
        )));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Unusable(format!("TLS cannot be set up: {error}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
    let client = Pooled::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIME)
        .pool_max_idle_per_host(IDLE)
        .build(connector);
    Ok((client, uri, token))
}

fn address(root: &str) -> Result<Uri, Unusable> {
    let wrong = |why: &str| Unusable(format!("the address of the decision point is unusable: {why}"));
    let root = root.trim_end_matches('/');
    let uri: Uri = format!("{root}{PATH}").parse().map_err(|_| wrong("it is no URL"))?;
    let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') || uri.query().is_some() {
        return Err(wrong("it holds a user or a query; name the root alone, and put a token into a file"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if is_here(authority.host()) => Ok(uri),
        Some("http") => Err(wrong("whoever is on the way could decide; use https")),
        _ => Err(wrong("it begins neither with https:// nor with http://")),
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn token(path: &Path) -> Result<HeaderValue, Unusable> {
    let at = path.display();
    let text = fs::read_to_string(path).map_err(|error| Unusable(format!("`{at}` cannot be read: {error}")))?;
    let token = text.trim();
    let fit = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
    let header = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| fit);
    let mut header = header.ok_or_else(|| Unusable(format!("`{at}` holds no token; it must be one line of ASCII")))?;
    header.set_sensitive(true);
    Ok(header)
}

fn roots_of(path: &Path) -> Result<RootCertStore, Unusable> {
    let at = path.display();
    let mut roots = RootCertStore::empty();
    let items =
        CertificateDer::pem_file_iter(path).map_err(|error| Unusable(format!("`{at}` cannot be read: {error}")))?;
    for item in items {
        let certificate = item.map_err(|error| Unusable(format!("`{at}` holds no certificates: {error}")))?;
        roots.add(certificate).map_err(|error| Unusable(format!("a certificate of `{at}` is unusable: {error}")))?;
    }
    Ok(roots)
}

fn of_machine() -> RootCertStore {
    let mut roots = RootCertStore::empty();
    // Those that cannot be read vouch for nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    roots
}
