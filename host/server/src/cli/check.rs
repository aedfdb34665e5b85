//! `grid check`: everything that keeps a host from starting, at once, without starting one.

use clap::Args;
use serde_json::{Value, json};

use super::{Context, Exit, Failure};
use crate::config::Problem;

/// Checks configuration and manifest, and reports everything that is wrong
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid check
  grid check --config deploy/grid.toml --set mode=strict
  grid check --json | jq '.problems[].message'

Ends with 0 if a host would start, and with 3 if not.")]
pub(super) struct Check {}

impl Check {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let mut problems: Vec<Problem> = reading.problems().cloned().collect();
        let manifest = reading
            .values()
            .ok()
            .and_then(|config| config.manifest.path.clone());
        if let Some(path) = manifest.filter(|path| path.is_file()) {
            match context.services.manifest_problems {
                Some(check) => problems.extend(check(&path)),
                None => context
                    .output
                    .note("this build of `grid` checks no manifests"),
            }
        }
        let is_good = problems.is_empty();
        if context.output.is_json() {
            context.output.json(&json!({
                "ok": is_good,
                "problems": problems.iter().map(Problem::to_json).collect::<Vec<Value>>(),
                "warnings": reading.warnings().iter().map(Problem::to_json).collect::<Vec<Value>>(),
            }))?;
            return is_good
                .then_some(())
                .ok_or_else(|| Failure::said(Exit::Invalid));
        }
        for warning in reading.warnings() {
            context.output.warning(&warning.to_string());
        }
        if is_good {
            Ok(context.output.text("ok")?)
        } else {
            Err(context.invalid(&problems))
        }
    }
}
