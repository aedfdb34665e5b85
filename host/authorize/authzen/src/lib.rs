//! An external decision point as an authorizer: a client of the OpenID AuthZEN Authorization API 1.0, access evaluation
//! alone. Everything but a plain `"decision": true` in time denies.

#![deny(missing_docs)]

mod answer;
mod connect;
mod question;

pub use connect::{Setup, Unusable};

use std::{fmt, time::Duration};

use bytes::Bytes;
use grid_core::port::{Authorizer, Pending, Question, Reads, Undecided, Verdict};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};

use crate::connect::Client;

/// The rule that records name.
pub const RULE: &str = "pdp";
/// An answer that is longer is none.
const MOST: usize = 64 << 10;

/// The decision point. Connections are kept and used again.
pub struct Authzen {
    client: Client,
    uri: Uri,
    token: Option<http::HeaderValue>,
    timeout: Duration,
    args: bool,
}

impl fmt::Debug for Authzen {
    /// A token is a secret and is never printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authzen").field("host", &self.uri.host()).field("args", &self.args).finish_non_exhaustive()
    }
}

impl Authzen {
    /// Reads token and certificates; nobody is asked yet.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn new(setup: &Setup<'_>) -> Result<Self, Unusable> {
        let (client, uri, token) = connect::prepare(setup)?;
        Ok(Self { client, uri, token, timeout: setup.timeout, args: setup.args })
    }

    async fn ask(&self, body: String) -> Result<Verdict, Undecided> {
        let mut request = Request::builder()
            .method(Method::POST)
            .uri(&self.uri)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json");
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, token);
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(undecided("the question cannot be sent"))?;
        let response = self.client.request(request).await.map_err(undecided("it cannot be asked"))?;
        // No redirect is followed: whoever is asked is whom the configuration names.
        if response.status() != StatusCode::OK {
            return Err(Undecided(format!("the decision point answers with status {}", response.status().as_u16())));
        }
        answer::is_json(response.headers())?;
        let body = Limited::new(response.into_body(), MOST).collect().await;
        let body = body.map_err(|error| Undecided(format!("its answer cannot be read: {error}")))?.to_bytes();
        answer::read(&body)
    }
}

impl Authorizer for Authzen {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        Box::pin(async move {
            if self.args && question.args.is_none() {
                // It is asked when the arguments are known; until then some may be permitted.
                return Ok(Verdict::Allow { rule: format!("{RULE}:with-arguments") });
            }
            let asked = self.ask(question::write(&question, self.args));
            tokio::time::timeout(self.timeout, asked)
                .await
                .unwrap_or_else(|_| Err(Undecided("the decision point did not answer in time".to_owned())))
        })
    }

    fn reads(&self, _: &str) -> Reads {
        // Whatever it is told it may read. What it knows of the time is its own: answers are kept as long as any.
        Reads { args: self.args, moment: false, session: true, local: true }
    }
}

fn undecided<E: std::error::Error>(what: &'static str) -> impl Fn(E) -> Undecided {
    move |error| {
        let cause = std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
        Undecided(format!("the decision point: {what}: {error}{cause}"))
    }
}
