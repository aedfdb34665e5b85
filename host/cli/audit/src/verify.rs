//! `grid audit verify`: a whole log, in a directory or behind an address, without the host that wrote it.

use std::{
    cell::Cell,
    fs,
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Args;
use grid_audit_verify::{
    Directory, Error, Evidence, Finding, Keys, Options, Progress, Report, Source, Unreadable, Web, Witness, verify,
};
use grid_core::clock::SystemClock;
use grid_tlog::{Kind, VerifyingKey};
use serde_json::{Value, json};

use super::{Context, Exit, Failure, directory};
use grid_console::time::stamp;

/// Nothing is said before.
const SILENT: Duration = Duration::from_secs(2);
const EVERY: Duration = Duration::from_millis(200);
/// A key, a checkpoint or a proof is not longer.
const LONGEST: u64 = 16 << 20;

/// Checks a log: every entry, tile and signature, and that the records can be true
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit verify
  grid audit verify .grid/audit --key host-1.vkey
  grid audit verify https://logs.example.org/host-1 --key host-1.vkey --at-least checkpoint-of-monday
  grid audit verify backup/audit --key 'example.org/prod/host-1/audit+0f21bdd2+AakZ…' --json
  grid audit verify .grid/audit --key host-1.vkey --witness w1.vkey --witness w2.vkey --quorum 1

Give the key that you got from the log's keeper, not the one beside the log: whoever can change the log can change that
too. Any key that the log ever had will do; changes of keys are followed.

Whoever has the private key can write another log, and a log that was cut back to an earlier state of its own looks
like an honest one. Both are seen with --at-least: a checkpoint (`grid audit checkpoint`), or a receipt or proof, that
was kept earlier; or with --witness, where somebody else watches the log. Entries after the size that witnesses cosigned
have the keeper's word alone; both sizes are printed.

Needs no host and takes no lock; a host may be writing. Exit code 7 when the log does not verify.")]
pub(crate) struct Verify {
    /// The log's directory, or its address [else the directory of the configuration]
    #[arg(value_name = "DIR|URL")]
    log: Option<String>,
    /// The log's public key, or a file that holds it
    #[arg(long, value_name = "FILE|VKEY")]
    key: Option<String>,
    /// A checkpoint, proof or receipt that was kept and that the log must continue; may be repeated
    #[arg(long, value_name = "FILE")]
    at_least: Vec<PathBuf>,
    /// The key of a witness that must have cosigned the log, or a file with keys, one a line; may be repeated
    #[arg(long = "witness", value_name = "FILE|VKEY")]
    witnesses: Vec<String>,
    /// How many of the witnesses must have cosigned [else all]
    #[arg(long, value_name = "N", requires = "witnesses", value_parser = clap::value_parser!(u16).range(1..))]
    quorum: Option<u16>,
    /// Certificates (PEM) to trust for an address, instead of this machine's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Verify {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let source = source(context, self.log, self.ca_file.as_deref())?;
        let key = self.key.as_deref().map(trusted).transpose()?;
        let kept = self.at_least.iter().map(|path| evidence(path)).collect::<Result<Vec<_>, _>>()?;
        let witnesses = witnesses(&self.witnesses, self.quorum)?;
        let clock = SystemClock::shared();
        let began = clock.elapsed();
        let told: Cell<Option<Duration>> = Cell::new(None);
        let progress = |progress: Progress| {
            let now = clock.elapsed();
            if now < began + SILENT || told.get().is_some_and(|told| now < told + EVERY) {
                return;
            }
            told.set(Some(now));
            let Progress { entries, published } = progress;
            let percent = (entries.saturating_mul(100) / published.max(1)).min(100);
            // Standard error may be gone, and then there is nobody to tell.
            let _ = write!(io::stderr(), "\r{percent:>3} %  {entries} of {published} entries\u{1b}[K");
        };
        let quorum = self.quorum.map_or(0, usize::from);
        let mut options = Options::default().kept(&kept).witnesses(&witnesses, quorum);
        if let Some(key) = &key {
            options = options.key(key);
        }
        if io::stderr().is_terminal() {
            options = options.progress(&progress);
        }
        let verified = verify(&source, &options);
        if told.get().is_some() {
            let _ = write!(io::stderr(), "\r\u{1b}[K");
        }
        match verified {
            Ok(report) => said(context, &report, clock.elapsed().saturating_sub(began)),
            Err(Error::Unverified(failure)) if context.output.is_json() => {
                context.output.json(&json!({ "verified": false, "failure": failure }))?;
                Err(Failure::said(Exit::Unverified))
            }
            Err(error) => Err(failed(error)),
        }
    }
}

/// The log that is meant: a directory, an address, or the directory of the configuration.
pub(super) fn source(
    context: &Context,
    log: Option<String>,
    ca_file: Option<&Path>,
) -> Result<Box<dyn Source>, Failure> {
    let unusable = |error: Unreadable| Failure::new(Exit::Error, error.to_string());
    match log {
        Some(url) if url.contains("://") => Ok(Box::new(Web::open(&url, ca_file).map_err(unusable)?)),
        log => {
            let path = directory(context, log.map(PathBuf::from))?;
            Ok(Box::new(Directory::open(path).map_err(unusable)?))
        }
    }
}

/// The key to believe. Of a list of keys the first: the log must show how it came to the others.
fn trusted(text: &str) -> Result<VerifyingKey, Failure> {
    let keys = keys(text)?;
    let first = keys.all().next().map(|(_, key)| key.clone());
    first.ok_or_else(|| Failure::new(Exit::Usage, format!("there is no key in `{text}`")))
}

/// A key as it was given: itself, or a file with it or with a list like `log.vkeys`.
pub(super) fn keys(text: &str) -> Result<Keys, Failure> {
    if let Ok(key) = text.parse::<VerifyingKey>() {
        return Ok(Keys::of(key));
    }
    let content = read(Path::new(text))?;
    Keys::parse(&content).map_err(|failure| Failure::new(Exit::Error, format!("no key in `{text}`: {failure}")))
}

/// The witnesses' keys. A file may be the one that the host has (`witness.file`): a key, a blank and a URL a line.
fn witnesses(given: &[String], quorum: Option<u16>) -> Result<Vec<VerifyingKey>, Failure> {
    let unusable = |why: String| Failure::new(Exit::Usage, why);
    let mut witnesses: Vec<VerifyingKey> = Vec::new();
    for text in given {
        let content = if text.parse::<VerifyingKey>().is_ok() { text.clone() } else { read(Path::new(text))? };
        let before = witnesses.len();
        for line in content.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let key = line.split_once(' ').map_or(line, |(key, _)| key);
            let key: VerifyingKey =
                key.parse().map_err(|error| unusable(format!("no witness's key in `{text}`: {error}")))?;
            if key.kind() != Kind::Cosignature {
                return Err(unusable(format!(
                    "the key `{key}` is a log's, not a witness's; give that one with `--key`"
                )));
            }
            if witnesses.contains(&key) {
                return Err(unusable(format!("the witness `{}` is given twice", key.name())));
            }
            witnesses.push(key);
        }
        if witnesses.len() == before {
            return Err(unusable(format!("there is no witness's key in `{text}`")));
        }
    }
    if let Some(quorum) = quorum.filter(|quorum| usize::from(*quorum) > witnesses.len()) {
        let why =
            format!("{quorum} of {} witnesses cannot have cosigned; give more, or lower `--quorum`", witnesses.len());
        return Err(unusable(why));
    }
    Ok(witnesses)
}

fn evidence(path: &Path) -> Result<Evidence, Failure> {
    let text = read(path)?;
    let name = path.display().to_string();
    Evidence::parse(&name, &text).map_err(|failure| Failure::new(Exit::Error, failure.to_string()))
}

/// A small file of text.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let failed = |why: String| Failure::new(Exit::Error, format!("cannot read `{}`: {why}", path.display()));
    let length = fs::metadata(path).map_err(|error| failed(error.to_string()))?.len();
    if length > LONGEST {
        return Err(failed("it is too large to be what it should be".into()));
    }
    fs::read_to_string(path).map_err(|error| failed(error.to_string()))
}

/// What does not hold has its own exit code; what cannot be read says nothing about the log.
pub(super) fn failed(error: Error) -> Failure {
    match error {
        Error::Unverified(failure) => {
            let message =
                format!("the audit log does not verify: {failure}; keep all of it as it is and ask its keeper");
            Failure::new(Exit::Unverified, message)
        }
        Error::Unreadable(error) => Failure::new(Exit::Error, error.to_string()),
    }
}

fn said(context: &Context, report: &Report, took: Duration) -> Result<(), Failure> {
    if context.output.is_json() {
        let mut value = serde_json::to_value(report).unwrap_or_default();
        if let Some(fields) = value.as_object_mut() {
            fields.insert("verified".into(), Value::Bool(true));
            fields.insert("took_ms".into(), json!(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
        }
        return Ok(context.output.json(&value)?);
    }
    if report.key_from_log {
        context.output.warning(
            "the key was taken from the log itself: this shows that the log was not damaged, and not who wrote it; \
             give `--key` with the key that its keeper gave you",
        );
    }
    Ok(context.output.text(&page(report, took))?)
}

fn page(report: &Report, took: Duration) -> String {
    let Report { entries, published, .. } = report;
    let waiting = entries.saturating_sub(*published);
    let records: Vec<String> = report.records.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let rate = u128::from(*entries) * 1000 / took.as_millis().max(1);
    let mut lines = vec![
        format!("verified    {}", report.origin),
        format!("key         {}{}", report.key, if report.key_from_log { "  (from the log itself)" } else { "" }),
        format!("entries     {entries}: {published} published, {waiting} signed and not published yet"),
        format!("root        {}", report.root),
        format!("tiles       {} held against the entries", report.tiles),
        format!("signatures  {} checked, {} batches in the segments", report.signatures, report.batches),
        format!("records     {}", records.join(", ")),
    ];
    if *entries > 0 {
        lines.push(format!("period      {} to {}", stamp(report.first_ms), stamp(report.last_ms)));
    }
    if report.kept > 0 {
        lines.push(format!("continues   {} kept checkpoints and receipts", report.kept));
    }
    if let Some(cosigned) = &report.cosigned {
        let word = |witness: &Witness| format!("{} at {}", witness.name, stamp(witness.time.saturating_mul(1000)));
        let by: Vec<String> = cosigned.by.iter().map(word).collect();
        lines.push(format!("cosigned    {} of {entries} entries, by {}", cosigned.size, by.join(", ")));
    }
    lines.extend(
        report.rotations.iter().map(|rotation| format!("new key     {} at entry {}", rotation.key, rotation.index)),
    );
    lines.push(format!("took        {:.2} s, {rate} entries a second", took.as_secs_f64()));
    if report.findings.is_empty() {
        lines.push("findings    none".into());
    }
    lines.extend(report.findings.iter().map(found));
    lines.join("\n")
}

fn found(finding: &Finding) -> String {
    let indices: Vec<String> = finding.indices.iter().map(u64::to_string).collect();
    let more = if finding.count > finding.indices.len() as u64 { ", …" } else { "" };
    let places = if indices.is_empty() { String::new() } else { format!(" (entry {}{more})", indices.join(", ")) };
    format!("finding     {} × {}: {}{places}", finding.count, finding.name, finding.what)
}
