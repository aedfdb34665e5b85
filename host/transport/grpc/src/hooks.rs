//! Plain HTTP requests that change something. What they mean is the server crate's knowledge; here their bodies are
//! read, within a length and a time, once whoever answers wants them.

use std::{fmt, future::Future, pin::Pin, time::Duration};

use bytes::Bytes;
use grid_core::envelope::Credentials;
use http::{Request, Response, request::Parts};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};

use crate::unary::credentials;

/// The longest body that is read, in bytes.
pub const LONGEST: usize = 64 << 10;

/// An answer that is being made.
pub type Answer<'a> = Pin<Box<dyn Future<Output = Response<Bytes>> + Send + 'a>>;

/// A body that is read when somebody waits for it.
pub type Reading = Pin<Box<dyn Future<Output = Result<Bytes, Unread>> + Send>>;

/// Why a body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unread {
    /// It is longer than [`LONGEST`].
    TooLarge,
    /// It was not there in time.
    Slow,
    /// It ended before its announced length.
    Interrupted,
}

/// A request that is not gRPC.
pub struct Posted {
    /// Method, path and headers.
    pub head: Parts,
    /// What it offers as proof.
    pub credentials: Credentials,
    /// Nothing of it is read before it is waited for.
    pub body: Reading,
}

impl fmt::Debug for Posted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Posted").field("path", &self.head.uri.path()).finish_non_exhaustive()
    }
}

/// Answers requests that are not gRPC and have a body.
pub trait Hooks: Send + Sync + 'static {
    /// Whether it answers on this path, whatever the method.
    fn knows(&self, path: &str) -> bool;

    /// Answers on a path that it knows.
    fn answer(&self, posted: Posted) -> Answer<'_>;
}

/// The body has `patience` from when it is waited for.
pub(crate) fn posted(request: Request<Incoming>, loopback: bool, patience: Duration) -> Posted {
    let (head, body) = request.into_parts();
    let credentials = credentials(&head.headers, &head.extensions, loopback);
    Posted { head, credentials, body: Box::pin(read(body, patience)) }
}

async fn read(body: Incoming, patience: Duration) -> Result<Bytes, Unread> {
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(Unread::TooLarge);
    }
    match tokio::time::timeout(patience, Limited::new(body, LONGEST).collect()).await {
        Ok(Ok(whole)) => Ok(whole.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Unread::TooLarge),
        Ok(Err(_)) => Err(Unread::Interrupted),
        Err(_) => Err(Unread::Slow),
    }
}
