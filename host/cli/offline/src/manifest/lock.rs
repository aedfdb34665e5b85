//! `grid manifest lock`: writes down the contracts that were reviewed, or says what is another since.

use std::{fs, path::PathBuf};

use clap::Args;
use grid_lock::{Change, changes};
use grid_source::{lock_of, lock_path};
use serde_json::{Value, json};

use super::{Context, Exit, Failure, failed, manifest, unreadable, write};

/// Writes the digest of every contract into grid.lock, for review and for `grid serve --locked`
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest lock manifests/tools.json
  grid manifest lock --check                    is the manifest as it was reviewed
  grid manifest lock --check --json | jq '.changes[] | select(.verdict == \"breaking\")'

The lock holds what each contract's digest is over, so that a review shows what changed. Timeouts that a contract does not
say come from the configuration, and are part of the contract: lock with the configuration that the host has.
A change is `breaking` where calls that were good are good no more, `widening` where others are good now too, `compatible`
where neither, and `unknown` where the schemas do not tell.
Ends with 0, with 3 if the manifest is not valid, and with --check with 5 if anything differs.")]
pub struct Lock {
    /// The manifest [else the setting `manifest.path`]
    manifest: Option<PathBuf>,
    /// The lock [else the setting `manifest.lock`, else grid.lock beside the manifest]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Writes nothing, and says what differs
    #[arg(long)]
    check: bool,
}

impl Lock {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let path = manifest(self.manifest, config)?;
        let file = self.output.unwrap_or_else(|| lock_path(config, &path));
        let now = lock_of(config, &path).map_err(|failure| failed(&failure))?;
        let before = match fs::read_to_string(&file) {
            Ok(text) => Some(text.parse::<grid_lock::Lock>()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(unreadable(&file, &error)),
        };
        if self.check {
            let message = |why: String| Failure::new(Exit::Drift, format!("`{}`: {why}", file.display()));
            let before = before
                .ok_or_else(|| message("there is no such lock; write it with `grid manifest lock`".to_owned()))?;
            let before = before.map_err(|error| message(error.to_string()))?;
            let differing = changes(&before, &now);
            say(context, &differing, now.contracts.len())?;
            return if differing.is_empty() { Ok(()) } else { Err(Failure::said(Exit::Drift)) };
        }
        write(&file, &now.to_string())?;
        context.output.note(&format!("`{}` has {} contracts", file.display(), now.contracts.len()));
        match before {
            Some(Ok(before)) => say(context, &changes(&before, &now), now.contracts.len()),
            _ => Ok(()),
        }
    }
}

fn say(context: &Context, changes: &[Change], contracts: usize) -> Result<(), Failure> {
    if context.output.is_json() {
        let each: Vec<Value> = changes.iter().map(to_json).collect();
        let worst = changes.iter().map(|change| change.verdict).max().map(grid_lock::Verdict::as_str);
        let said = json!({ "changes": each, "contracts": contracts, "verdict": worst.unwrap_or("compatible") });
        return Ok(context.output.json(&said)?);
    }
    for change in changes {
        context.output.text(&change.to_string())?;
    }
    Ok(())
}

fn to_json(change: &Change) -> Value {
    json!({
        "function": change.function,
        "fields": change.fields,
        "what": change.what,
        "verdict": change.verdict.as_str(),
    })
}
