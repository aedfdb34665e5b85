//! One request to a web address: what sinks that speak HTTP share. It blocks, follows no redirect, takes no proxy
//! from the environment, and tells a token to nobody but the address that it was given for.

use std::{fmt, fs, net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use grid_core::clock::SharedClock;
use jiff::fmt::rfc2822::DateTimeParser;
use ureq::{
    Agent,
    http::{HeaderMap, Uri, header::RETRY_AFTER},
    tls::{Certificate, PemItem, RootCerts, TlsConfig, TlsProvider, parse_pem},
};

use super::Failure;
use crate::{Error, text};

/// An answer is read no further.
const MAX_ANSWER: u64 = 64 << 10;
/// A token is not longer.
const MAX_TOKEN: u64 = 16 << 10;

/// Where to send, and how.
#[derive(Debug, Clone)]
pub struct WebOptions {
    /// `https://…`, or `http://…` for a sink on this machine or one that asks for no token.
    pub url: String,
    /// A file with the bearer token. It is read for every request, so that a new token needs no restart.
    pub token_file: Option<PathBuf>,
    /// A PEM file with the roots to trust instead of those of this machine.
    pub ca_file: Option<PathBuf>,
    /// How long one request may take as a whole.
    pub timeout: Duration,
}

impl WebOptions {
    /// The address alone, 30 seconds.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), token_file: None, ca_file: None, timeout: Duration::from_secs(30) }
    }
}

/// An address that is asked again and again.
pub struct Web {
    agent: Agent,
    uri: Uri,
    token_file: Option<PathBuf>,
    clock: SharedClock,
}

impl fmt::Debug for Web {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Web {
    /// `path` is put behind the address unless it ends so.
    ///
    /// # Errors
    /// The address or the certificates cannot be used.
    pub fn new(options: &WebOptions, path: &str, clock: SharedClock) -> Result<Self, Error> {
        let uri = address(options, path)?;
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent(concat!("grid/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(options.timeout));
        let config = match uri.scheme_str() {
            Some("https") => config.https_only(true).tls_config(tls(options)?).build(),
            _ => config.build(),
        };
        Ok(Self { agent: config.new_agent(), uri, token_file: options.token_file.clone(), clock })
    }

    /// Without what may be secret.
    #[must_use]
    pub fn shown(&self) -> String {
        let authority = self.uri.authority().map_or("", |authority| authority.as_str());
        format!("{}://{authority}{}", self.uri.scheme_str().unwrap_or(""), self.uri.path())
    }

    /// Whether nobody on the way reads what is sent: it is encrypted, or stays on this machine.
    #[must_use]
    pub fn is_private(&self) -> bool {
        self.uri.scheme_str() == Some("https") || self.uri.host().is_some_and(is_here)
    }

    /// Sends `body`; gives what a sink that took it answers.
    pub(super) fn post(&self, content_type: &str, key: Option<&str>, body: &[u8]) -> Result<Vec<u8>, Failure> {
        let key = key.map(|key| ("idempotency-key", key));
        self.post_with(content_type, key.as_slice(), body)
    }

    /// Sends `body` under these headers; gives what the address answers where it takes it.
    ///
    /// # Errors
    /// It cannot be reached, or does not take it.
    pub fn post_with(&self, content_type: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<Vec<u8>, Failure> {
        let mut request = self.agent.post(&self.uri).header("content-type", content_type);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if let Some(token) = self.token()? {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let shown = self.shown();
        let broken = |error: ureq::Error| Failure::new(format!("`{shown}` cannot be reached: {error}"));
        let mut answer = request.send(body).map_err(broken)?;
        let status = answer.status();
        let retry_after = self.retry_after(answer.headers());
        // What the sink says of a failure is a comfort, not more.
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec();
        if status.is_success() {
            return text.map_err(broken);
        }
        let said = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
        let said = text::cut(text::plain(said.trim()).as_ref(), 200).into_owned();
        let message = format!("`{shown}` answered {}{}", status.as_u16(), advice(status.as_u16()));
        let message = if said.is_empty() { message } else { format!("{message}: {said}") };
        Err(Failure { message, retry_after, too_large: status.as_u16() == 413 })
    }

    fn token(&self) -> Result<Option<String>, Failure> {
        let Some(path) = &self.token_file else {
            return Ok(None);
        };
        let unusable = |why: &str| Failure::new(format!("cannot use the token file `{}`: {why}", path.display()));
        if fs::metadata(path).map_err(|error| unusable(&error.to_string()))?.len() > MAX_TOKEN {
            return Err(unusable("it is too large"));
        }
        let token = fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
        let token = token.trim();
        let is_one = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one { Ok(Some(token.to_owned())) } else { Err(unusable("it does not hold one token")) }
    }

    /// Seconds, or a date (RFC 9110 section 10.2.3).
    fn retry_after(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let parser = DateTimeParser::new().relaxed_weekday(true);
        let date = parser.parse_timestamp(text).ok()?.as_millisecond();
        let now = self.clock.unix_ms();
        Some(Duration::from_millis(u64::try_from(date).ok()?.saturating_sub(now)))
    }
}

/// What an operator can do about an answer.
fn advice(status: u16) -> &'static str {
    match status {
        300..=399 => " (redirects are not followed; give the address that it leads to)",
        401 | 403 => " (check the token file)",
        404 => " (check the address)",
        _ => "",
    }
}

fn address(options: &WebOptions, path: &str) -> Result<Uri, Error> {
    // Neither what is before an `@` nor a query is for others.
    let shown = options.url.rsplit('@').next().and_then(|rest| rest.split(['?', '#']).next()).unwrap_or_default();
    let shown = text::plain(shown);
    let wrong = |why: &str| Error::Options(format!("the address of a sink, `{shown}`, cannot be used: {why}"));
    let (base, query) = options.url.split_once('?').map_or((options.url.as_str(), ""), |(base, query)| (base, query));
    let base = if base.ends_with(path) { base.to_owned() } else { format!("{}{path}", base.trim_end_matches('/')) };
    let full = if query.is_empty() { base } else { format!("{base}?{query}") };
    let uri: Uri = full.parse().map_err(|_| wrong("it is no URL"))?;
    let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
    if authority.as_str().contains('@') {
        return Err(wrong("it holds a user; put a token into a file and name that instead"));
    }
    match uri.scheme_str() {
        Some("https") => Ok(uri),
        Some("http") if options.token_file.is_none() || is_here(authority.host()) => Ok(uri),
        Some("http") => Err(wrong("a token would travel in the open; use https")),
        _ => Err(wrong("it begins neither with https:// nor with http://")),
    }
}

/// Whether what is sent there stays on this machine.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// aws-lc-rs, with the roots of this machine or those of a file.
fn tls(options: &WebOptions) -> Result<TlsConfig, Error> {
    let roots = match &options.ca_file {
        Some(path) => {
            let pem = fs::read(path).map_err(Error::io("read", path))?;
            let items = parse_pem(&pem).filter_map(|item| match item {
                Ok(PemItem::Certificate(certificate)) => Some(certificate),
                _ => None,
            });
            items.collect::<Vec<_>>()
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
        }
    };
    if roots.is_empty() {
        let place = options.ca_file.as_ref().map_or("this machine".to_owned(), |path| format!("`{}`", path.display()));
        let what = format!("{place} has no certificate to trust; install the system's, or name a file with one");
        return Err(Error::Options(what));
    }
    Ok(TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::Specific(Arc::new(roots)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .build())
}
