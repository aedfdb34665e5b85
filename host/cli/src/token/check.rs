//! `grid token check`: whom the configured host would take a token for, or why not. The token itself is never shown.

use std::io::{self, Read as _};

use clap::Args;
use grid_core::{clock::SystemClock, envelope::Credentials, principal::Principal};
use grid_identity::Identity;
use serde_json::json;

use crate::{Context, Exit, Failure, time::stamp};

/// More than any token that is believed.
const MAX_TOKEN: u64 = 64 * 1024;
/// An issuer behind an address may be slow to give its keys.
const LOOKS: usize = 3;

/// Says whom the configured host would take a token for, or why it would not believe it; the token is not shown
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid token check - <alice.token
  grid token check --config deploy/grid.toml - <service.token
  grid token check --json - <alice.token | jq .principal

Read the token from a file: what is written on a command line, others on this machine may see. The key, the identity
rules and the revocations are those of the configuration; keys of issuers are fetched as a host would fetch them.
Ends with 0 where the token is believed, and with 6 where it is not.")]
pub(crate) struct Check {
    /// The token, or `-` to read it from the standard input
    #[arg(value_name = "TOKEN")]
    token: String,
}

impl Check {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let identity = grid_server::identity_of(config, &SystemClock::shared()).map_err(|failure| {
            let exit = if failure.is_of_configuration() { Exit::Invalid } else { Exit::Error };
            Failure::new(exit, failure.to_string())
        })?;
        let bearer = if self.token == "-" { read()? } else { self.token };
        let credentials = Credentials { bearer: Some(bearer.trim().to_owned()), ..Credentials::default() };
        let proved = context.wait(async { Ok(prove(&identity, &credentials).await) })?;
        match proved {
            Ok(principal) => tell(context, &principal),
            Err(why) => {
                let message = format!("the token would not be believed: {why}");
                Err(Failure::new(Exit::Denied, message).coded("INVALID_CREDENTIALS".to_owned()))
            }
        }
    }
}

/// What the operator of the host would read in its log.
async fn prove(identity: &Identity, credentials: &Credentials) -> Result<Principal, String> {
    let mut why = String::new();
    for _ in 0..LOOKS {
        match identity.prove_soon(credentials).await {
            Ok(caller) => return Ok(Principal::clone(caller.principal())),
            Err(refusal) => why = refusal.internal().unwrap_or(refusal.message()).to_owned(),
        }
    }
    Err(why)
}

fn read() -> Result<String, Failure> {
    let mut token = String::new();
    let read = io::stdin().lock().take(MAX_TOKEN).read_to_string(&mut token);
    read.map_err(|error| Failure::new(Exit::Error, format!("cannot read the token: {error}")))?;
    Ok(token)
}

fn tell(context: &Context, principal: &Principal) -> Result<(), Failure> {
    let roles: Vec<&str> = principal.roles.iter().map(|role| &**role).collect();
    if context.output.is_json() {
        return Ok(context.output.json(&json!({
            "principal": principal.id.as_str(),
            "tenant": principal.tenant.as_str(),
            "roles": roles,
            "claims": principal.claims,
            "proof": principal.proof.as_str(),
            "issued_at_ms": principal.issued_at_ms,
            "expires_at_ms": principal.expires_at_ms,
        }))?);
    }
    let when = |ms: Option<u64>| ms.map_or_else(|| "-".to_owned(), stamp);
    let claims: Vec<String> = principal.claims.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let lines = [
        format!("principal  {}", principal.id),
        format!("tenant     {}", principal.tenant),
        format!("roles      {}", if roles.is_empty() { "-".to_owned() } else { roles.join(" ") }),
        format!("claims     {}", if claims.is_empty() { "-".to_owned() } else { claims.join(" ") }),
        format!("issued     {}", when(principal.issued_at_ms)),
        format!("expires    {}", when(principal.expires_at_ms)),
    ];
    Ok(context.output.text(&lines.join("\n"))?)
}
