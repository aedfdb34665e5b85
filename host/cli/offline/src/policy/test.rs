//! `grid policy test`: asks the questions that stand beside the policies, and compares the answers.

use std::{fs, path::PathBuf};

use clap::Args;
use grid_policy::{
    cases::{self, Report},
    junit,
};
use serde_json::{Value, json};

use super::{Context, Contracts, Exit, Failure, directory, invalid, load};

/// Runs the tests of policies
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy test
  grid policy test manifests/policies --manifest manifests/teller.json --junit policies.xml

Tests are `tests/*.toml` in the directory, each a [[case]] with a question and the answer that it must get.
Ends with 0 if all answers are as expected, with 4 if one is not, and with 3 if policies or tests cannot be read.")]
pub struct Test {
    /// The directory [else policy.dir]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    contracts: Contracts,
    /// Also writes a report for build servers
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Test {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let (manifest, configured) = self.contracts.load(context)?;
        let dir = directory(self.dir, configured)?;
        let set = load(context, &dir, &manifest)?;
        let cases = cases::read(&dir, &manifest).map_err(|faults| invalid(context, &dir, &faults))?;
        let reports: Vec<Report> = cases.into_iter().map(|case| case.run(&set, &manifest)).collect();
        if let Some(path) = &self.junit {
            fs::write(path, junit::xml(&reports))
                .map_err(|error| Failure::new(Exit::Error, format!("cannot write `{}`: {error}", path.display())))?;
        }
        let failed = reports.iter().filter(|report| report.failure.is_some()).count();
        if context.output.is_json() {
            let all: Vec<Value> = reports.iter().map(to_json).collect();
            context.output.json(&json!({ "ok": failed == 0, "failed": failed, "cases": all }))?;
        } else {
            for report in &reports {
                context.output.text(&line(report))?;
            }
            context.output.text(&format!("{} cases, {failed} failed", reports.len()))?;
        }
        match (failed, reports.is_empty()) {
            (0, false) => Ok(()),
            (0, true) => Err(Failure::new(Exit::Untrue, format!("there is no case in `{}/tests`", dir.display()))),
            _ => Err(Failure::said(Exit::Untrue)),
        }
    }
}

fn line(report: &Report) -> String {
    let (case, answer) = (&report.case, &report.answer);
    match &report.failure {
        None => format!("ok    {}: {} ({} by {})", case.place, case.name, answer.word(), answer.rule()),
        Some(why) => format!("FAIL  {}: {}: {why}", case.place, case.name),
    }
}

fn to_json(report: &Report) -> Value {
    json!({
        "file": report.case.place.file,
        "line": report.case.place.line,
        "name": report.case.name,
        "expected": report.case.expect.as_str(),
        "answer": report.answer.word(),
        "rule": report.answer.rule(),
        "failure": report.failure,
    })
}
