//! Which host a command talks to, and what proves who is asking. Commands that connect begin with [`Target::caller`] or
//! [`Target::admin`].

use std::{fmt, fs, net::SocketAddr, path::PathBuf};

use http::Uri;

use grid_console::{Context, Exit, Failure};

const MAX_TOKEN_FILE: u64 = 16 * 1024;

/// One door of one host.
#[derive(Debug)]
pub struct Target {
    /// For example `http://127.0.0.1:9090` or `unix:/run/grid.sock`.
    pub endpoint: String,
    /// To be sent as `authorization: Bearer …`; none is sent without `--token-file`.
    pub token: Option<Token>,
    /// Authorities that vouch for the host; those of the machine without `--ca`.
    pub authority: Option<PathBuf>,
    /// A certificate and its key.
    pub certificate: Option<(PathBuf, PathBuf)>,
}

/// A token; never printed.
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// For the request.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Target {
    /// The door for callers: `--endpoint`, else where the configured host listens.
    ///
    /// # Errors
    /// Where the endpoint, the configuration or the token file cannot be used.
    pub fn caller(context: &Context) -> Result<Self, Failure> {
        Self::new(context, context.globals.endpoint.as_deref(), |config| config.server.listen)
    }

    /// The door for operators: `--admin-endpoint`, else where the configured host has it.
    ///
    /// # Errors
    /// As for [`Self::caller`].
    pub fn admin(context: &Context) -> Result<Self, Failure> {
        Self::new(context, context.globals.admin_endpoint.as_deref(), |config| config.server.admin_listen)
    }

    fn new(
        context: &Context,
        given: Option<&str>,
        configured: fn(&grid_config::Config) -> SocketAddr,
    ) -> Result<Self, Failure> {
        let endpoint = match given {
            Some(text) => text.to_owned(),
            None => {
                let reading = context.read();
                let values = context.values(&reading)?;
                let scheme = if values.tls.cert.is_some() { "https" } else { "http" };
                format!("{scheme}://{}", reachable(configured(values)))
            }
        };
        if !usable(&endpoint) {
            let message = format!(
                "`{endpoint}` is not an endpoint; give one such as `http://127.0.0.1:9090`, \
                 `https://grid.example.org:9090` or `unix:/run/grid.sock`"
            );
            return Err(Failure::new(Exit::Usage, message));
        }
        let globals = &context.globals;
        let certificate = match (&globals.cert, &globals.cert_key) {
            (Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            (None, None) => None,
            _ => {
                let message = "a certificate and its key go together; give both `--cert` and `--cert-key`";
                return Err(Failure::new(Exit::Usage, message));
            }
        };
        Ok(Self { endpoint, token: token(context)?, authority: globals.ca.clone(), certificate })
    }
}

fn usable(endpoint: &str) -> bool {
    if let Some(path) = endpoint.strip_prefix("unix:") {
        return !path.is_empty();
    }
    endpoint
        .parse::<Uri>()
        .is_ok_and(|uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some())
}

/// A host that listens on every address is reached on this machine.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        let loopback = match address {
            SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    address
}

fn token(context: &Context) -> Result<Option<Token>, Failure> {
    let Some(path) = &context.globals.token_file else {
        return Ok(None);
    };
    let unusable = |why: &str| {
        let message =
            format!("cannot use token file `{}`: {why}; make one with `grid token new -o {0}`", path.display());
        Failure::new(Exit::Error, message)
    };
    let size = fs::metadata(path).map_err(|error| unusable(&error.to_string()))?.len();
    if size > MAX_TOKEN_FILE {
        return Err(unusable("it is too large"));
    }
    let text = fs::read_to_string(path).map_err(|error| unusable(&error.to_string()))?;
    let text = text.trim();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(unusable("it does not hold one token"));
    }
    Ok(Some(Token(text.to_owned())))
}
