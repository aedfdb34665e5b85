//! The bearer token: read from a string or a file, sent as metadata, never shown.

use std::{fmt, path::PathBuf};

use tonic::metadata::{Ascii, MetadataValue};

use crate::error::{Error, Setting};

/// Where the bearer token comes from. A file is read again at each connection and after a refused credential,
/// so that a rotated token is picked up. `Debug` never shows the token.
#[derive(Clone, Default)]
pub(crate) enum Token {
    /// Nothing is sent; the host knows the caller by its certificate or not at all.
    #[default]
    None,
    /// The JWT itself.
    Text(String),
    /// A file that holds one line with a JWT.
    File(PathBuf),
}

/// The `authorization` header of one connection.
pub(crate) type Header = Option<MetadataValue<Ascii>>;

impl Token {
    /// The header to send now.
    pub(crate) async fn header(&self) -> Result<Header, Error> {
        let text = match self {
            Self::None => return Ok(None),
            Self::Text(text) => text.clone(),
            Self::File(path) => tokio::fs::read_to_string(path).await.map_err(|fault| {
                Error::setting(
                    Setting::Token,
                    format!(
                        "the token file `{}` cannot be read ({}); check its path and permissions",
                        path.display(),
                        fault.kind()
                    ),
                )
            })?,
        };
        self.checked(text.trim()).map(Some)
    }

    fn checked(&self, token: &str) -> Result<MetadataValue<Ascii>, Error> {
        let whole = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic());
        let header = whole.then(|| format!("Bearer {token}").parse::<MetadataValue<Ascii>>().ok()).flatten();
        let Some(mut header) = header else {
            let place = match self {
                Self::File(path) => format!("the token file `{}`", path.display()),
                _ => "the token".to_owned(),
            };
            return Err(Error::setting(
                Setting::Token,
                format!("{place} does not hold one line with a token; put the bare JWT there"),
            ));
        };
        header.set_sensitive(true);
        Ok(header)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Text(_) => f.write_str("(hidden)"),
            Self::File(path) => write!(f, "file {}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_is_trimmed_and_marked_as_secret() {
        let header = Token::Text("abc.def.ghi\n".into()).header().await.unwrap();
        let header = header.unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer abc.def.ghi");
        assert!(header.is_sensitive());
        assert_eq!(format!("{header:?}"), "Sensitive");
    }

    #[tokio::test]
    async fn two_lines_and_nothing_at_all_are_refused_without_showing_them() {
        for text in ["", "  \n", "secret-one\nsecret-two", "Bearer secret"] {
            let error = Token::Text(text.into()).header().await.unwrap_err();
            assert!(!format!("{error:?} {error}").contains("secret"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn a_missing_file_is_named() {
        let error = Token::File("no/such/file".into()).header().await.unwrap_err();
        assert!(error.to_string().contains("`no/such/file`"), "{error}");
    }
}
