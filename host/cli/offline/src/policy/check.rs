//! `grid policy check`: everything that is wrong with a directory of policies, and what each tool's decision reads.

use std::path::{Path, PathBuf};

use clap::Args;
use grid_contract::Manifest;
use grid_core::port::Authorizer as _;
use grid_policy::{Fault, PolicySet, Warning, cases};
use serde_json::{Value, json};

use super::{Context, Contracts, Exit, Failure, directory, line, reads};

/// Checks policies, roles and tests against the contracts
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy check
  grid policy check manifests/policies --manifest manifests/teller.json
  grid policy check --json | jq '.tools[] | select(.reads | index(\"arguments\"))'

Ends with 0 if a host would take them, and with 3 if not.")]
pub struct Check {
    /// The directory [else policy.dir]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    contracts: Contracts,
}

impl Check {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let (manifest, configured) = self.contracts.load(context)?;
        let dir = directory(self.dir, configured)?;
        let (loaded, mut faults) = match PolicySet::load(&dir, &manifest) {
            Ok(loaded) => (Some(loaded), Vec::new()),
            Err(faults) => (None, faults),
        };
        let tests = cases::read(&dir, &manifest).map_or_else(
            |found| {
                faults.extend(found);
                0
            },
            |cases| cases.len(),
        );
        let warnings = loaded.iter().flat_map(|(_, warnings)| warnings);
        if context.output.is_json() {
            context.output.json(&json!({
                "ok": faults.is_empty(),
                "faults": faults.iter().map(fault).collect::<Vec<Value>>(),
                "warnings": warnings.map(|Warning(warning)| fault(warning)).collect::<Vec<Value>>(),
                "digest": loaded.as_ref().and_then(|(set, _)| set.digest()).map(|digest| digest_text(&digest)),
                "tests": tests,
                "tools": loaded.as_ref().map(|(set, _)| tools(set, &manifest)),
            }))?;
        } else {
            warnings.for_each(|Warning(warning)| context.output.warning(&line(&dir, warning)));
            faults.iter().for_each(|fault| context.output.error(&line(&dir, fault)));
            if let Some((set, _)) = loaded.as_ref().filter(|_| faults.is_empty()) {
                print(context, &dir, set, &manifest, tests)?;
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Failure::said(Exit::Invalid)) }
    }
}

fn print(context: &Context, dir: &Path, set: &PolicySet, manifest: &Manifest, tests: usize) -> Result<(), Failure> {
    let row = |tool: &str| {
        let read = reads(set.reads(tool));
        let read = if read.is_empty() { "-".to_owned() } else { read.join(", ") };
        vec![tool.to_owned(), set.about(tool).len().to_string(), read]
    };
    let rows: Vec<Vec<String>> = manifest.iter().map(|contract| row(contract.name())).collect();
    context.output.rows("tools", &["tool", "policies", "reads"], &rows)?;
    let policies = set.rules().len();
    let text = format!("ok: {policies} policies and {tests} tests in {}", dir.display());
    Ok(context.output.text(&text)?)
}

fn tools(set: &PolicySet, manifest: &Manifest) -> Vec<Value> {
    let tool = |tool: &str| {
        let ids: Vec<&str> = set.about(tool).iter().map(|rule| rule.id()).collect();
        json!({ "tool": tool, "policies": ids, "reads": reads(set.reads(tool)) })
    };
    manifest.iter().map(|contract| tool(contract.name())).collect()
}

fn fault(fault: &Fault) -> Value {
    json!({
        "file": fault.place.file,
        "line": fault.place.line,
        "column": fault.place.column,
        "rule": fault.rule,
        "message": fault.message,
    })
}

/// A digest as the log writes it.
fn digest_text(digest: &[u8; 32]) -> String {
    format!("sha256:{}", grid_adm::Digest::from_bytes(*digest))
}
