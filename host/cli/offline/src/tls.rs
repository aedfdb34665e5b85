//! `grid tls`: certificates for trying TLS out, and what the host would see in one.

use std::{fmt::Write as _, path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use grid_config::parse_time;
use grid_core::clock::SystemClock;
use grid_tls::{DevCa as Making, Made, Shown, SpiffeId, TrustDomain};
use serde_json::{Value, json};

use super::{Context, Exit, Failure, time::stamp};

/// Makes certificates for a trial, and shows what is in one
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid tls dev-ca --dir tls --client spiffe://dev.local/runtime/quickstart
  grid tls show tls/server.pem")]
pub enum Tls {
    DevCa(DevCa),
    Show(Show),
}

/// Makes a throw-away authority, a certificate for the host and one for each client
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid tls dev-ca --dir tls --client spiffe://dev.local/runtime/quickstart --client spiffe://dev.local/caller/alice
  grid tls dev-ca --dir tls --name grid.test --life 1h

The host's certificate is good for localhost, 127.0.0.1 and ::1. An authority that is in the folder signs again, and
what it signed is replaced: a running host takes the new certificate up by itself. Not for production: the authority's key lies beside what it signed.")]
pub struct DevCa {
    /// The folder for all files
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The trust domain of all ids
    #[arg(long, default_value = "dev.local", value_name = "DOMAIN", value_parser = domain)]
    trust_domain: TrustDomain,
    /// A further name or address of the host; may be repeated
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// The SPIFFE id of a client that gets a certificate; may be repeated
    #[arg(long, value_name = "ID", value_parser = id)]
    client: Vec<SpiffeId>,
    /// How long they are all good, for example `1h`
    #[arg(long, default_value = "7d", value_name = "TIME", value_parser = life)]
    life: Duration,
}

/// Shows what the host would see in a certificate, and why it would refuse it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid tls show client.pem
  grid tls show client.pem --json | jq '.[0].refused'

Ends with 3 if a host would refuse the first certificate of the file as that of a client. Who signed it is not looked
at, nor is whether it was revoked.")]
pub struct Show {
    /// A PEM file
    file: PathBuf,
    /// It is the host's own: do not say why it is no client's
    #[arg(long)]
    server: bool,
}

impl Tls {
    /// Runs it.
    ///
    /// # Errors
    /// Where it did not do what it was asked for, or found what is wrong.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::DevCa(command) => command.run(context),
            Self::Show(command) => command.run(context),
        }
    }
}

impl DevCa {
    fn run(self, context: &Context) -> Result<(), Failure> {
        if let Some(id) = self.client.iter().find(|id| *id.trust_domain() != self.trust_domain) {
            let message =
                format!("`{id}` is not of `{}`; give `--trust-domain {}`", self.trust_domain, id.trust_domain());
            return Err(Failure::new(Exit::Usage, message));
        }
        let making = Making {
            folder: self.dir,
            domain: self.trust_domain,
            names: self.name,
            clients: self.client,
            life: self.life,
        };
        let made = making.make(&SystemClock::shared()).map_err(failed)?;
        if context.output.is_json() {
            return Ok(context.output.json(&described(&made))?);
        }
        Ok(context.output.text(&told(&made, &making.domain))?)
    }
}

fn described(made: &Made) -> Value {
    let pair = |certificate: &PathBuf, key: &PathBuf| json!({ "certificate": certificate, "key": key });
    let clients = made
        .clients
        .iter()
        .map(|(id, certificate, key)| json!({ "spiffe_id": id.as_str(), "certificate": certificate, "key": key }));
    json!({
        "authority": made.authority,
        "server": pair(&made.server.0, &made.server.1),
        "clients": clients.collect::<Vec<_>>(),
    })
}

/// What was made, and what to do with it.
fn told(made: &Made, domain: &TrustDomain) -> String {
    let (authority, (certificate, key)) = (made.authority.display(), &made.server);
    let mut text = format!("authority  {authority}\nhost       {}\n", certificate.display());
    for (id, certificate, _) in &made.clients {
        // Writing into a text does not fail.
        let _ = writeln!(text, "client     {}  {id}", certificate.display());
    }
    let _ = write!(text, "\nnext: grid serve --set tls.cert={} --set tls.key={}", certificate.display(), key.display());
    if let Some((_, certificate, key)) = made.clients.first() {
        let _ = write!(
            text,
            " --set tls.client_auth=optional --set tls.bundles=spiffe://{domain}={authority}\n\
             then: grid tools --ca {authority} --cert {} --cert-key {}",
            certificate.display(),
            key.display()
        );
    } else {
        let _ = write!(text, "\nthen: grid tools --ca {authority}");
    }
    text
}

impl Show {
    fn run(self, context: &Context) -> Result<(), Failure> {
        let mut all = grid_tls::show(&self.file, SystemClock::shared().unix_ms()).map_err(failed)?;
        if self.server {
            all.iter_mut().for_each(|shown| shown.refused.clear());
        }
        if context.output.is_json() {
            context.output.json(&json!(all.iter().map(json).collect::<Vec<_>>()))?;
        } else {
            context.output.text(all.iter().map(text).collect::<Vec<_>>().join("\n\n").as_str())?;
        }
        let good = all.first().is_some_and(|first| first.refused.is_empty());
        good.then_some(()).ok_or_else(|| Failure::said(Exit::Invalid))
    }
}

fn json(shown: &Shown) -> Value {
    json!({
        "spiffe_id": shown.spiffe_id,
        "common_name": shown.common_name,
        "dns_names": shown.dns_names,
        "uris": shown.uris,
        "authority": shown.is_authority,
        "not_before": stamp(shown.not_before_ms),
        "not_after": stamp(shown.not_after_ms),
        "sha256": hex(&shown.thumbprint),
        "refused": shown.refused.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn text(shown: &Shown) -> String {
    let id = if shown.spiffe_id.is_empty() { "none" } else { &shown.spiffe_id };
    let mut text = format!(
        "spiffe id    {id}\ncommon name  {}\ndns names    {}\nuri names    {}\nauthority    {}\nvalid        {} to {}\nsha256       {}",
        shown.common_name,
        shown.dns_names.join(" "),
        shown.uris.join(" "),
        if shown.is_authority { "yes" } else { "no" },
        stamp(shown.not_before_ms),
        stamp(shown.not_after_ms),
        hex(&shown.thumbprint),
    );
    for refused in &shown.refused {
        // Writing into a text does not fail.
        let _ = write!(text, "\nrefused      {refused}");
    }
    text
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn failed(error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Error, error.to_string())
}

fn domain(text: &str) -> Result<TrustDomain, String> {
    TrustDomain::parse(text).map_err(|fault| fault.to_string())
}

fn id(text: &str) -> Result<SpiffeId, String> {
    SpiffeId::parse(text).map_err(|fault| fault.to_string())
}

fn life(text: &str) -> Result<Duration, &'static str> {
    parse_time(text)
        .filter(|time| (60..=3_650 * 86_400).contains(&time.as_secs()))
        .ok_or("give a time with its unit, from a minute to ten years, for example `7d`")
}
