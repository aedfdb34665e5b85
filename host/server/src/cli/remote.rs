//! Commands that talk to a host: how they connect, and how a refusal ends them.

use grid_core::{Code, code::Category};
use grid_sdk::{Admin, Client, Error, Retries, Session, SessionOptions};

use super::{Context, Exit, Failure, Target};

/// A connection for callers.
pub(super) async fn client(context: &Context) -> Result<Client, Failure> {
    let target = Target::caller(context)?;
    let mut builder = Client::builder().endpoint(target.endpoint.to_string()).retries(Retries::none());
    if let Some(token) = &target.token {
        builder = builder.token(token.reveal());
    }
    builder.connect().await.map_err(|error| failed(&error))
}

/// A connection for operators.
pub(super) async fn admin(context: &Context) -> Result<Admin, Failure> {
    let target = Target::admin(context)?;
    let mut builder = Admin::builder().endpoint(target.endpoint.to_string());
    if let Some(token) = &target.token {
        builder = builder.token(token.reveal());
    }
    builder.connect().await.map_err(|error| failed(&error))
}

/// A session for one command.
pub(super) async fn session(client: &Client) -> Result<Session, Failure> {
    let options = SessionOptions { label: Some("grid-cli".to_owned()), ..SessionOptions::default() };
    client.open_session(options).await.map_err(|error| failed(&error))
}

/// Says what happened and what to do; a refused right ends with its own exit code.
pub(super) fn failed(error: &Error) -> Failure {
    let code = error.code().to_string();
    let denied = code.parse::<Code>().is_ok_and(|code| code.facts().category == Category::Authorization);
    let exit = if denied { Exit::Denied } else { Exit::Error };
    let mut text = error.to_string();
    if let Error::Refused(refusal) = error {
        for step in &refusal.remediation {
            text.push_str("\n  - ");
            text.push_str(step);
        }
    }
    Failure::new(exit, text).coded(code).correlated(error.correlation_id())
}
