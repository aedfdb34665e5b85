//! A URL that may hold a password: programs get all of it, people only what may be shown.

use std::{fmt, ops::Deref};

/// Shown without its user, password and query.
#[derive(Clone, PartialEq, Eq)]
pub struct Url(String);

impl Url {
    pub(crate) fn new(text: String) -> Self {
        Self(text)
    }

    /// All of it, for whoever connects.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Deref for Url {
    type Target = str;

    /// As [`Self::reveal`]; what is to be printed is the URL itself.
    fn deref(&self) -> &str {
        self.reveal()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redact(&self.0))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn redact(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (place, secret) = match rest.split_once(['?', '#']) {
        Some((place, _)) => (place, "?…"),
        None => (rest, ""),
    };
    let (authority, path) = match place.find('/') {
        Some(at) => place.split_at_checked(at).unwrap_or((place, "")),
        None => (place, ""),
    };
    let host = match authority.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => authority.to_owned(),
    };
    format!("{scheme}://{host}{path}{secret}")
}
