//! Reads a key set from a file, or from an address that is a stranger: its answer is bounded in bytes and time, no
//! redirect is followed, nothing is taken from the environment, and only `https` leaves this machine.

use std::{fs::File, io::Read, net::IpAddr, path::Path, sync::Arc, time::Duration};

use ureq::{
    Agent,
    http::Uri,
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

/// A key set is not longer.
pub(crate) const MAX_SET: u64 = 256 * 1024;
const MAX_HEAD: usize = 16 * 1024;
const TIMEOUT: Duration = Duration::from_secs(5);

pub(crate) fn file(path: &Path) -> Result<Vec<u8>, String> {
    let failed = |error: std::io::Error| format!("`{}` cannot be read: {error}", path.display());
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MAX_SET + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_SET {
        return Err(format!("`{}` has more than {MAX_SET} bytes", path.display()));
    }
    Ok(bytes)
}

/// An address of a key set.
#[derive(Debug, Clone)]
pub(crate) struct Web {
    agent: Agent,
    uri: Uri,
}

impl Web {
    /// `ca_file` holds the only roots that are trusted; without it those of the machine are.
    pub(crate) fn new(url: &str, ca_file: Option<&Path>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|_| "it cannot be read as a URL".to_owned())?;
        let host = uri.host().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
        if host.is_empty() || uri.authority().is_some_and(|place| place.as_str().contains('@')) {
            return Err("it has no host, or a user; write `https://host/path`".to_owned());
        }
        let config = Agent::config_builder()
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // What is asked depends on the rules alone, never on the environment.
            .proxy(None)
            .user_agent("grid")
            .timeout_global(Some(TIMEOUT))
            .max_response_header_size(MAX_HEAD)
            .max_idle_connections(0);
        let config = match uri.scheme_str() {
            Some("https") => config.https_only(true).tls_config(tls(ca_file)?).build(),
            Some("http") if is_here => config.build(),
            _ => return Err("keys are taken over `https://` alone, or `http://` on this machine".to_owned()),
        };
        Ok(Self { agent: config.new_agent(), uri })
    }

    /// Asks once. Blocks, for 5 seconds at most.
    pub(crate) fn get(&self) -> Result<Vec<u8>, String> {
        let place = || self.uri.authority().map_or("", |place| place.as_str());
        let failed = |error: ureq::Error| format!("`{}` cannot be reached: {error}", place());
        let mut answer = self.agent.get(&self.uri).header("accept", "application/json").call().map_err(failed)?;
        if answer.status() != 200 {
            let why = if answer.status().is_redirection() { "; redirects are not followed" } else { "" };
            return Err(format!("`{}` answered {}{why}", place(), answer.status().as_u16()));
        }
        answer.body_mut().with_config().limit(MAX_SET).read_to_vec().map_err(failed)
    }
}

fn tls(ca_file: Option<&Path>) -> Result<TlsConfig, String> {
    let roots: Vec<Certificate<'static>> = match ca_file {
        Some(path) => {
            let pem = file(path)?;
            let certificates = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            certificates.collect()
        }
        None => {
            let found = rustls_native_certs::load_native_certs().certs;
            found.iter().map(|der| Certificate::from_der(der).to_owned()).collect()
        }
    };
    if roots.is_empty() {
        return Err(match ca_file {
            Some(path) => format!("`{}` holds no certificate in PEM", path.display()),
            None => "no certificate authorities were found on this machine; set `ca_file`".to_owned(),
        });
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .root_certs(RootCerts::from(roots.into_iter()))
        .build())
}
