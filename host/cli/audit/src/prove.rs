//! `grid audit prove`, `verify-proof`, `consistency` and `checkpoint`: evidence that stands alone, made and checked.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use grid_audit_index::{Index, Query as Search};
use grid_audit_verify::{Error, Failure as Unverified, Keys, Log, Source};
use grid_core::{id::InvocationId, reading::Filter};
use grid_tlog::{Checkpoint as State, Extension, Note, Proof, Unproved};
use serde::Serialize;
use serde_json::json;

use super::{
    Context, Exit, Failure, directory,
    verify::{failed, keys, read, source},
    wanted::Whole,
};

/// Bytes that a page may have.
const ROOM: usize = 1 << 20;

/// Proves that a record is in the log, for somebody who has the log's key and nothing else of it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit prove --invocation i-0123456789abcdef0123456789abcdef -o proof.json
  grid audit prove --invocation i-0123456789abcdef0123456789abcdef --record admitted
  grid audit prove --index 1234 --dir backup/audit
  grid audit verify-proof proof.json --key host-1.vkey

The proof holds the record itself: whoever gets it reads what is in the record.")]
pub(crate) struct Prove {
    /// The execution
    #[arg(long, conflicts_with = "index", required_unless_present = "index", value_parser = |text: &str| text.parse::<InvocationId>()
        .map_err(|_| "an invocation is `i-` and 32 hex digits, as a call's answer gives it"))]
    invocation: Option<InvocationId>,
    /// Which of its records
    #[arg(long, value_name = "KIND", default_value = "concluded", conflicts_with = "index")]
    record: String,
    /// The place of the record instead
    #[arg(long, value_name = "N")]
    index: Option<u64>,
    /// Writes a file instead of printing
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The log's directory or address [else the directory of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
}

/// Checks a proof or receipt, without the log
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit verify-proof proof.json --key host-1.vkey
  grid audit verify-proof proof.json --key log.vkeys --json | jq .record

Exit code 7 when it proves nothing. A list like `log.vkeys` also takes proofs of the time before a change of keys.")]
pub(crate) struct VerifyProof {
    /// The proof
    #[arg(value_name = "FILE")]
    proof: PathBuf,
    /// The log's public key, or a file that holds it
    #[arg(long, value_name = "FILE|VKEY")]
    key: String,
}

/// Proves that the log only grew between two checkpoints, or checks such a proof
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit consistency monday.checkpoint tuesday.checkpoint -o grown.json
  grid audit consistency 1200 3400
  grid audit consistency grown.json --key host-1.vkey

Each is a file with a checkpoint, or a size that the log's keeper has signed. One file alone is such a proof, and is
checked without the log. Exit code 7 when the one does not continue the other.")]
pub(crate) struct Consistency {
    /// The earlier checkpoint; or a proof, alone
    #[arg(value_name = "OLD")]
    old: String,
    /// The later one
    #[arg(value_name = "NEW")]
    new: Option<String>,
    /// Writes a file instead of printing
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// The log's public key, or a file that holds it; needed to check a proof
    #[arg(long, value_name = "FILE|VKEY")]
    key: Option<String>,
    /// The log's directory or address [else the directory of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
}

/// Prints the newest published checkpoint, to be kept
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid audit checkpoint > monday.checkpoint
  grid audit checkpoint --dir https://logs.example.org/host-1
  grid audit verify --at-least monday.checkpoint

Whoever keeps it sees later whether the log was rolled back or written anew.")]
pub(crate) struct Checkpoint {
    /// The log's directory or address [else the directory of the configuration]
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
}

impl Prove {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let log = open(context, self.dir.clone())?;
        let index = match (self.index, self.invocation) {
            (Some(index), _) => index,
            (None, Some(invocation)) => self.find(context, &log, invocation)?,
            (None, None) => return Err(Failure::new(Exit::Usage, "name an invocation or an index")),
        };
        let proof = log.prove(index).map_err(failed)?;
        write(context, self.output.as_deref(), &proof, &format!("the proof of entry {index}"))
    }

    fn find(&self, context: &Context, log: &Log<Box<dyn Source>>, invocation: InvocationId) -> Result<u64, Failure> {
        let known = self.indexed(context, invocation);
        // The index is a help and no more: what it does not know is looked for in the log.
        let found = match known {
            Some(index) => Some(index),
            None => log.find(invocation, &self.record).map_err(failed)?,
        };
        found.ok_or_else(|| {
            let message = format!("the log has no record `{}` of `{invocation}`; is it the right log?", self.record);
            Failure::new(Exit::Error, message)
        })
    }

    /// Where the index of a directory has it. One that another process uses, or that is not there, knows nothing.
    fn indexed(&self, context: &Context, invocation: InvocationId) -> Option<u64> {
        let dir = self.dir.clone().filter(|dir| !dir.contains("://"));
        let directory = directory(context, dir.map(PathBuf::from)).ok()?;
        if self.dir.as_ref().is_some_and(|dir| dir.contains("://")) || !directory.join("index.redb").exists() {
            return None;
        }
        let index = Index::open(&directory).ok()?;
        index.catch_up(|_| ()).ok()?;
        let filter =
            Filter { invocation: Some(invocation.to_string()), kind: Some(self.record.clone()), ..Filter::default() };
        let found = index.find(&Search { filter, limit: 1, ..Search::default() }, ROOM).ok()?;
        found.records.first().map(grid_audit::Record::index)
    }
}

impl VerifyProof {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let keys = keys(&self.key)?;
        let proof: Proof = parse(&self.proof)?;
        let proved = state(&proof.checkpoint).and_then(|state| {
            let key = keys.at(state.size).ok_or_else(none)?;
            proof.verify(key).map_err(unproved)
        });
        let state = proved.map_err(|failure| refused(context, &failure))?;
        let (index, size) = (proof.index, state.size);
        if context.output.is_json() {
            let record: Option<serde_json::Value> = proof.entry.and_then(|entry| serde_json::from_str(&entry).ok());
            let root = state.root;
            let said = json!({ "verified": true, "origin": state.origin, "index": index, "size": size, "root": root,
                "leaf": proof.leaf, "record": record });
            return Ok(context.output.json(&said)?);
        }
        let said = format!("verified: entry {index} is in the log `{}` of {size} entries", state.origin);
        context.output.text(&said)?;
        match proof.entry {
            Some(entry) => Ok(context.output.text(&entry)?),
            None => {
                context.output.note("the proof does not show the record, only its hash");
                Ok(())
            }
        }
    }
}

impl Consistency {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let Some(new) = &self.new else {
            return self.check(context);
        };
        let log = open(context, self.dir.clone())?;
        let (old, new) = (note(&log, &self.old)?, note(&log, new)?);
        let extension = log.extend(&old, &new).map_err(failed)?;
        if let Some(key) = &self.key {
            proved(&extension, &keys(key)?).map_err(|failure| refused(context, &failure))?;
        }
        write(context, self.output.as_deref(), &extension, "the proof that the one continues the other")
    }

    fn check(&self, context: &Context) -> Result<(), Failure> {
        let missing = "checking a proof takes the log's key; give `--key`, or two checkpoints to make a proof";
        let key = self.key.as_deref().ok_or_else(|| Failure::new(Exit::Usage, missing))?;
        let extension: Extension = parse(Path::new(&self.old))?;
        let (old, new) = proved(&extension, &keys(key)?).map_err(|failure| refused(context, &failure))?;
        if context.output.is_json() {
            let said = json!({ "verified": true, "origin": new.origin, "old": { "size": old.size, "root": old.root },
                "new": { "size": new.size, "root": new.root } });
            return Ok(context.output.json(&said)?);
        }
        let said = format!(
            "verified: the log `{}` of {} entries begins with the {} that it had before",
            new.origin, new.size, old.size
        );
        Ok(context.output.text(&said)?)
    }
}

impl Checkpoint {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let log = open(context, self.dir)?;
        let note = log.checkpoint().ok_or_else(|| {
            Failure::new(Exit::Error, "the log has published nothing yet; a host does so within seconds".to_owned())
        })?;
        let state = state(note).and_then(|state| {
            let key = log.keys().at(state.size).ok_or_else(none)?;
            State::open(note, key).map(|(state, _)| state).map_err(unproved)
        });
        let state = state.map_err(|failure| refused(context, &failure))?;
        if context.output.is_json() {
            let said = json!({ "origin": state.origin, "size": state.size, "root": state.root, "checkpoint": note });
            return Ok(context.output.json(&said)?);
        }
        Ok(context.output.text(note)?)
    }
}

fn open(context: &Context, dir: Option<String>) -> Result<Log<Box<dyn Source>>, Failure> {
    Log::open(source(context, dir, None)?).map_err(failed)
}

/// A file with a checkpoint, or the one that was signed over so many entries.
fn note(log: &Log<Box<dyn Source>>, of: &str) -> Result<String, Failure> {
    let Ok(size) = of.parse::<u64>() else {
        return read(Path::new(of));
    };
    let message =
        || format!("no tree of {size} entries was ever signed; `checkpoints.log` begins each line with one that was");
    log.checkpoint_at(size).map_err(failed)?.ok_or_else(|| Failure::new(Exit::Error, message()))
}

fn state(note: &str) -> Result<State, Unverified> {
    let state = Note::parse(note).and_then(|note| State::parse(note.text()));
    state.map_err(|error| unproved(error.into()))
}

fn proved(extension: &Extension, keys: &Keys) -> Result<(State, State), Unverified> {
    let (old, new) = (state(&extension.old)?, state(&extension.new)?);
    let (old, new) = (keys.at(old.size).ok_or_else(none)?, keys.at(new.size).ok_or_else(none)?);
    extension.verify(old, new).map_err(unproved)
}

fn unproved(error: Unproved) -> Unverified {
    match Error::from(error) {
        Error::Unverified(failure) => failure,
        Error::Unreadable(error) => Unverified::because(error.to_string()),
    }
}

fn none() -> Unverified {
    Unverified::because("no key was given for a log of that size")
}

fn refused(context: &Context, failure: &Unverified) -> Failure {
    if context.output.is_json() {
        // Who reads it gets the exit code anyhow.
        let _ = context.output.json(&json!({ "verified": false, "failure": failure }));
        return Failure::said(Exit::Unverified);
    }
    Failure::new(Exit::Unverified, format!("it proves nothing: {failure}"))
}

fn parse<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, Failure> {
    let text = read(path)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::new(Exit::Unverified, format!("`{}` is no such proof: {error}", path.display())))
}

fn write(context: &Context, output: Option<&Path>, proof: &impl Serialize, what: &str) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(proof).unwrap_or_default();
    let Some(path) = output else {
        return Ok(context.output.text(&text)?);
    };
    let mut file = Whole::create(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.finish()?;
    if context.output.is_json() {
        return Ok(context.output.json(&json!({ "file": path.display().to_string() }))?);
    }
    context.output.note(&format!("wrote {what} to `{}`", path.display()));
    Ok(())
}
