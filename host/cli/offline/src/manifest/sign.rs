//! `grid manifest keygen`, `sign`, `verify` and `accept-rollback`.

use std::{fs, path::PathBuf};

use clap::Args;
use grid_audit::{KeyError, KeySource};
use grid_supply::signature;
use grid_tlog::VerifyingKey;
use serde_json::json;

use super::{Context, Exit, Failure, failed, manifest, unreadable, write};

/// Makes a key that signs manifests
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest keygen manifest.key --name example.org/manifests > manifest.vkeys

The private key goes into the file, which only you may read; keep it where manifests are reviewed, not where they are
served. What is printed is the public key: put it into the file of the setting `manifest.keys`, a line each.")]
pub struct Keygen {
    /// The file of the private key; it must not be there yet
    file: PathBuf,
    /// The key's name, which signatures bear
    #[arg(long, default_value = "grid-manifest")]
    name: String,
}

/// Signs a manifest: writes MANIFEST.sig
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest sign manifests/tools.json --key manifest.key
  grid manifest sign --key env:MANIFEST_KEY

What is signed is `manifest_version` and the digest of the file's bytes, as a C2SP signed note. A second key adds its line.
Raise `manifest_version` with every change: a host that requires signatures serves no version twice with other bytes, and
none that is lower than one that it has served.")]
pub struct Sign {
    /// The manifest [else the setting `manifest.path`]
    manifest: Option<PathBuf>,
    /// The file of the private key, or `env:NAME` for a variable
    #[arg(long, value_name = "FILE")]
    key: String,
}

/// Verifies the signature of a manifest
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest verify manifests/tools.json --keys manifest.vkeys

Ends with 0 if a trusted key signed these bytes, and with 3 if not.")]
pub struct Verify {
    /// The manifest [else the setting `manifest.path`]
    manifest: Option<PathBuf>,
    /// The file of the keys that may sign [else the setting `manifest.keys`]
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Lets an older manifest be served again
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest accept-rollback

Where signatures are required, a host serves no manifest that is older than one that it has served. This accepts the one
that is configured, whose signature must hold. The next start writes into the audit log what was rolled back.")]
pub struct AcceptRollback {}

impl Keygen {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let source = KeySource::File(self.file);
        let key = source.create(&self.name).map_err(key_failed)?.verifying_key().clone();
        if context.output.is_json() {
            let said = json!({ "key": key.to_string(), "name": key.name(), "file": source.to_string() });
            return Ok(context.output.json(&said)?);
        }
        context.output.note(&format!("the private key is in {source}; this is the public one:"));
        Ok(context.output.text(&key.to_string())?)
    }
}

impl Sign {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let path = manifest(self.manifest, config)?;
        let signer = KeySource::parse(&self.key).load().map_err(key_failed)?;
        // Nobody should sign what no host would serve.
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let text = str::from_utf8(&bytes).map_err(|error| unreadable(&path, &error))?;
        let version = grid_source::version_of(config, &path, text).map_err(|failure| failed(&failure))?;
        let file = signature::path(&path);
        let there = fs::read_to_string(&file).ok();
        let note = there.and_then(|note| signature::add(&note, &version, &bytes, &signer).ok());
        let note = note.unwrap_or_else(|| signature::sign(&version, &bytes, &signer));
        write(&file, &note.to_string())?;
        let by: Vec<&str> = note.signatures().iter().map(|line| line.name.as_str()).collect();
        if context.output.is_json() {
            let said = json!({ "file": file.display().to_string(), "version": version, "signed_by": by });
            return Ok(context.output.json(&said)?);
        }
        context.output.note(&format!("`{}`: version {version}, signed by {}", file.display(), by.join(", ")));
        Ok(())
    }
}

impl Verify {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let path = manifest(self.manifest, config)?;
        let file = self.keys.or_else(|| config.manifest.keys.clone()).ok_or_else(|| {
            Failure::new(Exit::Usage, "no keys are named; give `--keys`, or set `manifest.keys`".to_owned())
        })?;
        let keys = fs::read_to_string(&file).map_err(|error| unreadable(&file, &error))?;
        let keys: Vec<VerifyingKey> = signature::keys(&keys)
            .map_err(|error| Failure::new(Exit::Invalid, format!("`{}`: {error}", file.display())))?;
        let bytes = fs::read(&path).map_err(|error| unreadable(&path, &error))?;
        let note = signature::path(&path);
        let text = fs::read_to_string(&note).map_err(|error| unreadable(&note, &error))?;
        let invalid = |error: &dyn std::fmt::Display| {
            Failure::new(Exit::Invalid, format!("`{}` does not verify: {error}", path.display()))
        };
        let signed = signature::verify(&text, &bytes, &keys).map_err(|error| invalid(&error))?;
        let text = str::from_utf8(&bytes).map_err(|error| unreadable(&path, &error))?;
        let version = grid_source::version_of(config, &path, text).map_err(|failure| failed(&failure))?;
        signed.is_version(&version).map_err(|error| invalid(&error))?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({ "ok": true, "version": version, "signed_by": signed.by }))?);
        }
        Ok(context.output.text(&format!("ok: version {version}, signed by {}", signed.by))?)
    }
}

impl AcceptRollback {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let accepted = grid_source::accept_rollback(config).map_err(|failure| failed(&failure))?;
        if context.output.is_json() {
            let said = accepted.map(|rollback| json!({ "from": rollback.from, "to": rollback.to }));
            return Ok(context.output.json(&json!({ "rollback": said }))?);
        }
        context.output.note(&match accepted {
            Some(rollback) => format!(
                "version {} may be served in place of {}; the next start records it",
                rollback.to,
                rollback.from.as_deref().unwrap_or("one that could not be read")
            ),
            None => "nothing to accept: the manifest is not older than what was served".to_owned(),
        });
        Ok(())
    }
}

/// The keys of manifests are kept as those of logs are, and made by another command.
fn key_failed(error: KeyError) -> Failure {
    let message = match error {
        KeyError::Missing(place) => format!("there is no key {place}; make one with `grid manifest keygen`"),
        KeyError::Exists(path) => format!("there is a key in `{}` already; name another file", path.display()),
        KeyError::Exposed { path, mode } => {
            format!("the key `{0}` has mode {mode:o}, so that others may use it; run `chmod 600 {0}`", path.display())
        }
        KeyError::Unusable { place, why } => format!("the key {place}: {why}"),
        other => other.to_string(),
    };
    Failure::new(Exit::Error, message)
}
