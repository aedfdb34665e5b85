//! `grid manifest lint`: what a reviewer of a manifest should look at.

use std::{fs, path::PathBuf};

use clap::Args;
use grid_source::faults_of;
use grid_supply::lint::{self, Finding, Severity};
use serde_json::{Value, json};

use super::{Context, Exit, Failure, manifest, unreadable};

/// Finds text that steers models: orders, secrets, what does not show
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid manifest lint manifests/tools.json
  grid manifest lint --strict                   warnings count too
  grid manifest lint --json | jq '.findings[] | select(.severity == \"error\")'

Each finding is a line `FILE:LINE: /pointer: severity what [rule]`. It is an aid to whoever reviews and no boundary: what is
not found may be wrong all the same, so review what `grid manifest lock` writes, and serve with `--locked`.
Ends with 0 if nothing was found, and with 3 if there is an error, or with --strict anything.")]
pub struct Lint {
    /// The manifest [else the setting `manifest.path`]
    manifest: Option<PathBuf>,
    /// Warnings count as errors
    #[arg(long)]
    strict: bool,
}

impl Lint {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let reading = context.read();
        let config = context.values(&reading)?;
        let path = manifest(self.manifest, config)?;
        let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
        let mut findings = lint::manifest(&text)
            .map_err(|error| Failure::new(Exit::Invalid, format!("`{}`: {error}", path.display())))?;
        findings.extend(faults_of(config, &text).into_iter().map(|(pointer, remark)| {
            let line = lint::line_of(&text, &pointer);
            Finding { pointer, line, remark }
        }));
        findings.sort_by_key(|finding| finding.line);
        let counts = |finding: &Finding| self.strict || finding.remark.severity == Severity::Error;
        let is_good = !findings.iter().any(counts);
        if context.output.is_json() {
            let each: Vec<Value> = findings.iter().map(to_json).collect();
            context.output.json(&json!({ "ok": is_good, "findings": each }))?;
        } else {
            for finding in &findings {
                context.output.text(&format!("{}:{finding}", path.display()))?;
            }
        }
        is_good.then_some(()).ok_or_else(|| Failure::said(Exit::Invalid))
    }
}

fn to_json(finding: &Finding) -> Value {
    json!({
        "pointer": finding.pointer,
        "line": finding.line,
        "severity": finding.remark.severity.as_str(),
        "rule": finding.remark.rule,
        "message": finding.remark.message,
    })
}
