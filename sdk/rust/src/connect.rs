//! How a client or a runtime reaches its host: address, certificates, token, limits. Takes the builder's
//! settings, gives a channel and the header that goes with each request, and refuses to show a token in the clear
//! to another machine.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity, Uri};
use tonic::{Request, Status};

use crate::error::{Error, Setting};
use crate::token::{Header, Token};

/// The largest message, both ways, where nothing else is set: 4 MiB.
pub(crate) const MESSAGE_LIMIT: usize = 4 << 20;
/// The version of the protocol that this package speaks.
pub(crate) const PROTOCOL_VERSION: &str = "1.0";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The settings that both builders share.
#[derive(Debug, Clone)]
pub(crate) struct Connector {
    pub(crate) endpoint: String,
    pub(crate) token: Token,
    pub(crate) authority: Option<PathBuf>,
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
    pub(crate) plaintext_token: bool,
    pub(crate) message_limit: usize,
}

impl Default for Connector {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:9090".to_owned(),
            token: Token::None,
            authority: None,
            identity: None,
            plaintext_token: false,
            message_limit: MESSAGE_LIMIT,
        }
    }
}

impl Connector {
    /// Reaches the host now.
    pub(crate) async fn channel(&self, correlation_id: &str) -> Result<Channel, Error> {
        let endpoint = self.endpoint().await?;
        endpoint
            .connect()
            .await
            .map_err(|fault| Error::from_status(&Status::from_error(Box::new(fault)), correlation_id))
    }

    async fn endpoint(&self) -> Result<Endpoint, Error> {
        // A token may travel to a Unix socket: only processes of this machine see it.
        let is_socket = self.endpoint.starts_with("unix:/");
        let socket = is_socket.then(|| Endpoint::from_shared(self.endpoint.clone()).ok());
        let plain = socket.flatten().map_or_else(|| self.checked_uri().map(Endpoint::from), Ok)?;
        let secured = !is_socket && plain.uri().scheme_str() == Some("https");
        let mut endpoint = plain
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT)
            .tcp_nodelay(true);
        if secured {
            endpoint = endpoint.tls_config(self.tls().await?).map_err(|_| Error::setting(Setting::Tls, BAD_TLS))?;
        }
        Ok(endpoint)
    }

    fn checked_uri(&self) -> Result<Uri, Error> {
        let unusable = || {
            Error::setting(
                Setting::Endpoint,
                format!(
                    "the endpoint `{}` is not an address such as `http://127.0.0.1:9090`; give scheme, host and port",
                    self.endpoint
                ),
            )
        };
        let uri: Uri = self.endpoint.parse().map_err(|_| unusable())?;
        let host = uri.host().ok_or_else(unusable)?;
        match uri.scheme_str() {
            Some("https") => Ok(uri),
            Some("http") if self.may_show_token(host) => Ok(uri),
            Some("http") => Err(Error::setting(
                Setting::Endpoint,
                format!(
                    "the token would travel unencrypted to `{host}`; use https, or allow it with `allow_plaintext_token`"
                ),
            )),
            _ => Err(unusable()),
        }
    }

    fn may_show_token(&self, host: &str) -> bool {
        self.plaintext_token || matches!(self.token, Token::None) || loopback(host)
    }

    async fn tls(&self) -> Result<ClientTlsConfig, Error> {
        let mut tls = ClientTlsConfig::new();
        tls = match &self.authority {
            Some(path) => tls.ca_certificate(Certificate::from_pem(pem(path).await?)),
            None => tls.with_native_roots(),
        };
        if let Some((certificate, key)) = &self.identity {
            tls = tls.identity(Identity::from_pem(pem(certificate).await?, pem(key).await?));
        }
        Ok(tls)
    }
}

const BAD_TLS: &str = "the certificates cannot be used; check that the files hold PEM and belong together";

async fn pem(path: &PathBuf) -> Result<Vec<u8>, Error> {
    tokio::fs::read(path).await.map_err(|fault| {
        Error::setting(
            Setting::Tls,
            format!("the file `{}` cannot be read ({}); check its path and permissions", path.display(), fault.kind()),
        )
    })
}

fn loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A request with the token on it.
pub(crate) fn signed<T>(message: T, header: &Header) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(header) = header {
        request.metadata_mut().insert("authorization", header.clone());
    }
    request
}

/// The builder methods that a client and a runtime have in common.
macro_rules! connection_settings {
    () => {
        /// The host's address, `http://…`, `https://…` or `unix:/path`; `http://127.0.0.1:9090` where nothing is set.
        #[must_use]
        pub fn endpoint(mut self, endpoint: impl Into<String>) -> Self {
            self.connector.endpoint = endpoint.into();
            self
        }

        /// The bearer token, a bare JWT. It is never shown.
        #[must_use]
        pub fn token(mut self, token: impl Into<String>) -> Self {
            self.connector.token = $crate::token::Token::Text(token.into());
            self
        }

        /// A file that holds one line with a JWT. It is read at each connection and again after a refused
        /// credential, so that the token may be rotated.
        #[must_use]
        pub fn token_file(mut self, path: impl Into<::std::path::PathBuf>) -> Self {
            self.connector.token = $crate::token::Token::File(path.into());
            self
        }

        /// A PEM file of the authorities that vouch for the host; the system's own where nothing is set. It
        /// counts for `https` endpoints.
        #[must_use]
        pub fn authority_file(mut self, path: impl Into<::std::path::PathBuf>) -> Self {
            self.connector.authority = Some(path.into());
            self
        }

        /// PEM files of a certificate and its key, by which the host knows this peer. They count for `https`
        /// endpoints.
        #[must_use]
        pub fn client_certificate(
            mut self,
            certificate: impl Into<::std::path::PathBuf>,
            key: impl Into<::std::path::PathBuf>,
        ) -> Self {
            self.connector.identity = Some((certificate.into(), key.into()));
            self
        }

        /// Lets the token travel unencrypted to another machine, for networks that encrypt by themselves.
        #[must_use]
        pub const fn allow_plaintext_token(mut self, allow: bool) -> Self {
            self.connector.plaintext_token = allow;
            self
        }

        /// The largest message in bytes, both ways; 4 MiB where nothing is set.
        #[must_use]
        pub const fn message_limit(mut self, bytes: usize) -> Self {
            self.connector.message_limit = bytes;
            self
        }
    };
}
pub(crate) use connection_settings;

#[cfg(test)]
mod tests {
    use super::*;

    fn connector(endpoint: &str, token: Token) -> Connector {
        Connector { endpoint: endpoint.to_owned(), token, ..Connector::default() }
    }

    #[test]
    fn a_token_goes_unencrypted_to_this_machine_only() {
        let token = || Token::Text("secret".into());
        for near in ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://far:1"] {
            assert!(connector(near, token()).checked_uri().is_ok(), "{near}");
        }
        let far = connector("http://far:1", token());
        let error = far.checked_uri().unwrap_err().to_string();
        assert!(error.contains("`far`") && !error.contains("secret"), "{error}");
        assert!(connector("http://far:1", Token::None).checked_uri().is_ok());
        let allowed = Connector { plaintext_token: true, ..far };
        assert!(allowed.checked_uri().is_ok());
    }

    #[tokio::test]
    async fn a_socket_of_this_machine_is_an_endpoint() {
        for endpoint in ["unix:/run/grid.sock", "unix:///run/grid.sock"] {
            assert!(connector(endpoint, Token::Text("secret".into())).endpoint().await.is_ok(), "{endpoint}");
        }
        assert!(connector("unix:grid.sock", Token::None).endpoint().await.is_err());
    }

    #[test]
    fn an_endpoint_without_scheme_or_host_is_refused() {
        for endpoint in ["", "127.0.0.1:9090", "ftp://x:1", "http://", "::"] {
            assert!(connector(endpoint, Token::None).checked_uri().is_err(), "{endpoint}");
        }
    }
}
