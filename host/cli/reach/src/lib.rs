//! Commands that talk to a host: how they connect, and how a refusal ends them.

#![deny(missing_docs)]

mod target;

use grid_console::{Context, Exit, Failure};
use grid_core::{Code, code::Category};
use grid_sdk::{Admin, Approvals, Auditor, Client, Error, Retries, Session, SessionOptions};
use serde_json::{Value, json};

pub use target::{Target, Token};

/// The builders of the SDK have these settings in common, and no trait.
macro_rules! reaching {
    ($target:ident, $builder:expr) => {{
        let mut builder = $builder.endpoint($target.endpoint.as_str());
        if let Some(token) = &$target.token {
            builder = builder.token(token.reveal());
        }
        if let Some(authority) = &$target.authority {
            builder = builder.authority_file(authority);
        }
        if let Some((certificate, key)) = &$target.certificate {
            builder = builder.client_certificate(certificate, key);
        }
        builder
    }};
}

/// A connection for callers.
///
/// # Errors
/// The host cannot be reached, or refuses.
pub async fn client(context: &Context) -> Result<Client, Failure> {
    let target = Target::caller(context)?;
    let builder = reaching!(target, Client::builder()).retries(Retries::none());
    builder.connect().await.map_err(|error| failed(&error))
}

/// A connection for operators.
///
/// # Errors
/// The host cannot be reached, or refuses.
pub async fn admin(context: &Context) -> Result<Admin, Failure> {
    let target = Target::admin(context)?;
    let builder = reaching!(target, Admin::builder());
    builder.connect().await.map_err(|error| failed(&error))
}

/// A connection for auditors, at the door for callers.
///
/// # Errors
/// The host cannot be reached, or refuses.
pub async fn auditor(context: &Context) -> Result<Auditor, Failure> {
    let target = Target::caller(context)?;
    let builder = reaching!(target, Auditor::builder());
    builder.connect().await.map_err(|error| failed(&error))
}

/// A connection for people who approve, at the door for callers.
///
/// # Errors
/// The host cannot be reached, or refuses.
pub async fn approvals(context: &Context) -> Result<Approvals, Failure> {
    let target = Target::caller(context)?;
    let mut builder = Approvals::builder().endpoint(target.endpoint.to_string());
    if let Some(token) = &target.token {
        builder = builder.token(token.reveal());
    }
    builder.connect().await.map_err(|error| failed(&error))
}

/// A session for one command.
///
/// # Errors
/// The host cannot be reached, or refuses.
pub async fn session(client: &Client) -> Result<Session, Failure> {
    let options = SessionOptions { label: Some("grid-cli".to_owned()), ..SessionOptions::default() };
    client.open_session(options).await.map_err(|error| failed(&error))
}

/// Says what happened and what to do; a refused right ends with its own exit code.
#[must_use]
pub fn failed(error: &Error) -> Failure {
    let code = error.code().to_string();
    let denied = code.parse::<Code>().is_ok_and(|code| code.facts().category == Category::Authorization);
    let exit = if denied { Exit::Denied } else { Exit::Error };
    let text = match error {
        Error::Refused(refusal) => {
            let steps = refusal.remediation.iter().map(|step| format!("\n  - {step}"));
            let violations = refusal.details.get("violations").map(|text| violations(text)).unwrap_or_default();
            let ids = ids(refusal);
            format!("{code}: {}{violations}{}\n  {ids}", refusal.message, steps.collect::<String>())
        }
        other => other.to_string(),
    };
    let failure = Failure::new(exit, text).coded(code).correlated(error.correlation_id());
    let Error::Refused(refusal) = error else { return failure };
    let failure = match refusal.retry_after {
        Some(wait) => failure.with("retry_after_ms", json!(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX))),
        None => failure,
    };
    match refusal.details.get("reason") {
        Some(reason) => failure.with("reason", json!(reason)),
        None => failure,
    }
}

/// Every fault of the arguments, a line each.
fn violations(text: &str) -> String {
    let Ok(Value::Array(all)) = serde_json::from_str(text) else { return String::new() };
    let line = |fault: &Value| {
        let field = |name| fault.get(name).and_then(Value::as_str).unwrap_or_default();
        let pointer = if field("pointer").is_empty() { "/" } else { field("pointer") };
        format!("\n    {pointer}: {}", field("message"))
    };
    all.iter().map(line).collect()
}

fn ids(refusal: &grid_sdk::Refusal) -> String {
    let mut ids = format!("correlation {}", refusal.correlation_id);
    if !refusal.invocation_id.is_empty() {
        ids.push_str(&format!(", invocation {0}: `grid audit show {0}` tells the rest", refusal.invocation_id));
    }
    ids
}
