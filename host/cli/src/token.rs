//! `grid token`: makes tokens with the key that the configured host checks them with, and says what one is worth.

mod check;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, Subcommand};
use serde_json::json;

use grid_core::{
    clock::SystemClock,
    id::{PrincipalId, TenantId},
};
use grid_identity::{Claims, SigningKey, key::write_private, mint};

use super::{Context, Exit, Failure};
use grid_config::{parse_time, show_time};

/// Makes tokens, and says whom one names
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid token new --principal alice --tenant acme --role reader
  grid token check - <alice.token")]
pub(super) enum Token {
    New(New),
    Check(check::Check),
}

/// Makes a token that names who is asking; the key is made at first use
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  a caller:    grid token new --principal alice --tenant acme --role reader -o alice.token
  a runtime:   grid token new --principal weather --tenant '*' --role grid_runtime -o weather.token
  an operator: grid token new --principal ops --tenant acme --role grid_admin --ttl 1h

A runtime's principal is the name of its provider; the tenant `*` lets it serve every tenant.
Send a token with `--token-file`, or as `authorization: Bearer <token>`.")]
pub(super) struct New {
    /// Who is asking
    #[arg(long, value_parser = principal)]
    principal: PrincipalId,
    /// The tenant they belong to
    #[arg(long, value_parser = tenant)]
    tenant: TenantId,
    /// A role they have; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// How long it is good, for example `1h` [else the setting `identity.token_ttl`]
    #[arg(long, value_parser = ttl)]
    ttl: Option<Duration>,
    /// Writes the token into a file that only you may read, instead of printing it
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Token {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::New(new) => new.run(context),
            Self::Check(check) => check.run(context),
        }
    }
}

impl New {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let identity = &context.values(&reading)?.identity;
        let is_new = !identity.key.exists();
        let key = SigningKey::load_or_create(&identity.key).map_err(failed)?;
        if is_new {
            let message = format!("made key file `{}`", identity.key.display());
            context.output.note(&message);
        }
        let claims = Claims {
            principal: self.principal,
            tenant: self.tenant,
            roles: self.roles,
            ttl: self.ttl.unwrap_or(identity.token_ttl),
            issuer: identity.issuer.clone(),
            audience: identity.audience.clone(),
        };
        let token = mint(&key, &claims, &*SystemClock::shared()).map_err(failed)?;
        if let Some(path) = &self.output {
            replace_private(path, &token).map_err(|error| {
                let message = format!("cannot write token file `{}`: {error}", path.display());
                Failure::new(Exit::Error, message)
            })?;
        }
        if context.output.is_json() {
            let file = self.output.map(|path| path.display().to_string());
            context.output.json(&json!({
                "token": file.is_none().then_some(token),
                "file": file,
                "principal": claims.principal.as_str(),
                "tenant": claims.tenant.as_str(),
                "roles": claims.roles,
                "ttl": show_time(claims.ttl),
                "key_id": key.verifying_key().id(),
            }))?;
        } else if self.output.is_none() {
            context.output.text(&token)?;
        }
        Ok(())
    }
}

/// The file is whole or not there, and never readable by others, whatever stood in its place.
fn replace_private(path: &Path, token: &str) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let written = write_private(&draft, format!("{token}\n").as_bytes()).and_then(|()| fs::rename(&draft, path));
    if written.is_err() {
        // The draft may not be there at all.
        let _ = fs::remove_file(&draft);
    }
    written
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, error.to_string())
}

fn principal(text: &str) -> Result<PrincipalId, &'static str> {
    PrincipalId::parse(text).map_err(|_| NAME)
}

fn tenant(text: &str) -> Result<TenantId, &'static str> {
    TenantId::parse(text).map_err(|_| NAME)
}

const NAME: &str = "give 1 to 128 printable ASCII characters";

fn ttl(text: &str) -> Result<Duration, &'static str> {
    parse_time(text)
        .filter(|time| time.as_secs() > 0)
        .ok_or("give a time with its unit, at least a second, for example `1h`")
}
