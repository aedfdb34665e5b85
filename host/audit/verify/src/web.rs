//! A log behind an address, as any server of files gives it (C2SP tlog-tiles). It blocks, follows no redirect and
//! takes no proxy from the environment.

use std::{fmt, io::Read, path::Path, sync::Arc, thread, time::Duration};

use ureq::{
    Agent, Body,
    http::{Response, StatusCode, Uri},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use crate::{Source, Unreadable, source::MAX_FILE};

/// For one file.
const TIMEOUT: Duration = Duration::from_secs(60);
/// Before each further try.
const PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(2)];

/// The files below an address.
pub struct Web {
    agent: Agent,
    base: String,
}

impl Web {
    /// Takes an address that begins with `https://` or `http://`. `roots` is a file of certificates (PEM) to trust
    /// instead of this machine's.
    ///
    /// # Errors
    /// [`Unreadable`] where it is no such address, or there is no certificate to trust.
    pub fn open(url: &str, roots: Option<&Path>) -> Result<Self, Unreadable> {
        let wrong = |why: &str| Unreadable::Missing(format!("the log's address `{url}` cannot be used: {why}"));
        let uri: Uri = url.parse().map_err(|_| wrong("it is no URL"))?;
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if uri.query().is_some() || authority.as_str().contains('@') {
            return Err(wrong("it holds a user or a query"));
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("grid/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(TIMEOUT));
        let config = match uri.scheme_str() {
            Some("https") => config.https_only(true).tls_config(tls(roots)?).build(),
            Some("http") => config.build(),
            _ => return Err(wrong("it begins neither with https:// nor with http://")),
        };
        Ok(Self { agent: config.new_agent(), base: url.trim_end_matches('/').to_owned() })
    }

    fn get(&self, path: &str) -> Result<Option<Response<Body>>, Unreadable> {
        let url = format!("{}/{path}", self.base);
        let mut pauses = PAUSES.iter();
        loop {
            let answer = self.agent.get(&url).call();
            let failed = match answer {
                Ok(answer) if answer.status() == StatusCode::OK => return Ok(Some(answer)),
                Ok(answer) if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::GONE) => return Ok(None),
                Ok(answer) if answer.status().is_server_error() => format!("the server answered {}", answer.status()),
                Ok(answer) => return Err(broken(&url)(format!("the server answered {}", answer.status()))),
                Err(error) => error.to_string(),
            };
            match pauses.next() {
                Some(pause) => thread::sleep(*pause),
                None => return Err(broken(&url)(failed)),
            }
        }
    }
}

impl Source for Web {
    fn fetch(&self, path: &str) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut pauses = PAUSES.iter();
        loop {
            let Some(answer) = self.get(path)? else {
                return Ok(None);
            };
            let read = answer.into_body().with_config().limit(MAX_FILE as u64 + 1).read_to_vec();
            match (read, pauses.next()) {
                (Ok(bytes), _) if bytes.len() <= MAX_FILE => return Ok(Some(bytes)),
                (Ok(_) | Err(ureq::Error::BodyExceedsLimit(_)), _) => {
                    return Err(Unreadable::TooLong { path: path.to_owned() });
                }
                (Err(_), Some(pause)) => thread::sleep(*pause),
                (Err(error), None) => return Err(broken(path)(error.to_string())),
            }
        }
    }

    fn stream(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, Unreadable> {
        let answer = self.get(path)?;
        Ok(answer.map(|answer| {
            let body = answer.into_body().into_with_config().limit(u64::MAX).reader();
            Box::new(body) as Box<dyn Read + Send>
        }))
    }
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Web").field(&self.base).finish()
    }
}

fn broken(path: &str) -> impl FnOnce(String) -> Unreadable + use<> {
    let failed = Unreadable::io(path.to_owned());
    move |why| failed(std::io::Error::other(why))
}

/// aws-lc-rs, with the roots of this machine or those of a file.
fn tls(roots: Option<&Path>) -> Result<TlsConfig, Unreadable> {
    let roots: Vec<Certificate<'static>> = match roots {
        Some(path) => {
            let pem = std::fs::read(path).map_err(Unreadable::io(path.display().to_string()))?;
            let items = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            items.collect()
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
        }
    };
    if roots.is_empty() {
        let what = "there is no certificate to trust; install the system's, or name a file with one";
        return Err(Unreadable::Missing(what.into()));
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}
