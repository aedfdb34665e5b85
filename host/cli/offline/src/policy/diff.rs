//! `grid policy diff`: what another set of policies would have decided otherwise.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use grid_audit::{Reader, Record};
use grid_contract::Manifest;
use grid_policy::{
    Answer, PolicySet, cases,
    replay::{Recorded, Replay, Replayed},
};
use serde_json::{Value, json};

use super::{Context, Contracts, Exit, Failure, invalid, load};

/// Flips that are shown; the rest is counted.
const SHOWN: usize = 50;
/// What this program cannot say.
const UNPROVED: &str =
    "not proved: this program has no symbolic compiler, so it tries what the tests and the log hold, and no more";

/// Says which decisions another directory of policies would flip
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy diff manifests/policies candidate
  grid policy diff manifests/policies candidate --audit data/audit --roles roles-of-tokens.toml
  grid policy diff manifests/policies candidate --no-audit

Both are asked the questions of the tests of both, and those that the audit log recorded. The log holds no arguments, claims
or roles: records that rest on them are counted and left out. Roles of tokens may be named in a file of lines as
\"acme/tom\" = [\"teller\"].
Ends with 0 if nothing flips, with 5 if something does, and with 3 if a directory cannot be loaded.")]
pub struct Diff {
    /// The directory that decides now
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The directory that shall decide
    #[arg(value_name = "NEW")]
    new: PathBuf,
    #[command(flatten)]
    contracts: Contracts,
    /// The log's directory [else that of the configuration]
    #[arg(long, value_name = "DIR", conflicts_with = "no_audit")]
    audit: Option<PathBuf>,
    /// Asks the questions of the tests alone
    #[arg(long)]
    no_audit: bool,
    /// Roles of principals, as their tokens say
    #[arg(long, value_name = "FILE")]
    roles: Option<PathBuf>,
}

/// What was found.
#[derive(Debug, Default)]
struct Found {
    cases: usize,
    /// Questions of tests that were asked.
    asked: BTreeSet<String>,
    records: usize,
    flips: Vec<Flip>,
    /// Why records could not be asked again, and how many.
    left: BTreeMap<&'static str, usize>,
}

#[derive(Debug)]
struct Flip {
    what: String,
    old: Answer,
    new: Answer,
}

impl Diff {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let (manifest, _) = self.contracts.load(context)?;
        let sets = (load(context, &self.old, &manifest)?, load(context, &self.new, &manifest)?);
        let mut found = Found::default();
        for dir in [&self.old, &self.new] {
            found.cases(context, dir, (&sets.0, &sets.1), &manifest)?;
        }
        if !self.no_audit {
            let roles = self.roles(context)?;
            let replay = Replay { old: &sets.0, new: &sets.1, manifest: &manifest, roles: &roles };
            self.records(context, &replay, &mut found)?;
        }
        if context.output.is_json() {
            context.output.json(&found.to_json())?
        } else {
            found.print(context)?
        }
        if found.flips.is_empty() { Ok(()) } else { Err(Failure::said(Exit::Drift)) }
    }

    fn roles(&self, context: &Context) -> Result<BTreeMap<String, BTreeSet<String>>, Failure> {
        let Some(path) = &self.roles else { return Ok(BTreeMap::new()) };
        let wrong = |why: String| {
            context.output.error(&format!("`{}`: {why}", path.display()));
            Failure::said(Exit::Invalid)
        };
        let text = fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
        cases::roles_of(&text).map_err(wrong)
    }

    fn records(&self, context: &Context, replay: &Replay<'_>, found: &mut Found) -> Result<(), Failure> {
        let dir = match &self.audit {
            Some(dir) => dir.clone(),
            None => match context.read().values() {
                Ok(config) if config.audit.dir.exists() => config.audit.dir.clone(),
                _ => {
                    context.output.note("no audit log is here; only the questions of the tests were asked");
                    return Ok(());
                }
            },
        };
        let damaged = |error: grid_audit::Error| Failure::new(Exit::Error, error.to_string());
        for record in Reader::open(dir).map_err(damaged)?.records(0) {
            let record = record.map_err(damaged)?;
            match replay.record(&Entry(&record)) {
                None => {}
                Some(Replayed::Same) => found.records += 1,
                Some(Replayed::Cannot(why)) => *found.left.entry(why).or_default() += 1,
                Some(Replayed::Flips { old, new }) => {
                    found.records += 1;
                    let of = |field| record.text(field).unwrap_or("?");
                    let what = format!(
                        "record {}: `{}` of `{}`, `{}`",
                        record.index(),
                        of("principal"),
                        of("tenant"),
                        of("tool")
                    );
                    found.flips.push(Flip { what, old, new });
                }
            }
        }
        Ok(())
    }
}

/// A record as it is asked again.
struct Entry<'a>(&'a Record);

impl Recorded for Entry<'_> {
    fn kind(&self) -> &str {
        self.0.kind()
    }

    fn at_ms(&self) -> u64 {
        self.0.at_ms()
    }

    fn text(&self, field: &str) -> Option<&str> {
        self.0.text(field)
    }

    fn has(&self, field: &str) -> bool {
        self.0.fields().contains_key(field)
    }
}

impl Found {
    fn cases(
        &mut self,
        context: &Context,
        dir: &Path,
        (old, new): (&PolicySet, &PolicySet),
        manifest: &Manifest,
    ) -> Result<(), Failure> {
        for case in cases::read(dir, manifest).map_err(|faults| invalid(context, dir, &faults))? {
            // The same question may stand in both directories.
            if !self.asked.insert(format!("{:?}", case.probe)) {
                continue;
            }
            let what = format!("test {}/{}: {}", dir.display(), case.place, case.name);
            let (old, new) = (case.clone().run(old, manifest).answer, case.run(new, manifest).answer);
            self.cases += 1;
            if old.word() != new.word() {
                self.flips.push(Flip { what, old, new });
            }
        }
        Ok(())
    }

    fn print(&self, context: &Context) -> Result<(), Failure> {
        for flip in self.flips.iter().take(SHOWN) {
            let (old, new) = (&flip.old, &flip.new);
            let line = format!("{}: {} ({}) -> {} ({})", flip.what, old.word(), old.rule(), new.word(), new.rule());
            context.output.text(&line)?;
        }
        if self.flips.len() > SHOWN {
            context.output.text(&format!("and {} more", self.flips.len() - SHOWN))?;
        }
        let (cases, records, flips) = (self.cases, self.records, self.flips.len());
        context.output.text(&format!("{cases} tests and {records} records were asked again; {flips} flip"))?;
        for (why, count) in &self.left {
            context.output.text(&format!("{count} records cannot be asked again: {why}"))?;
        }
        Ok(context.output.text(UNPROVED)?)
    }

    fn to_json(&self) -> Value {
        let flip = |flip: &Flip| {
            let answer = |answer: &Answer| json!({ "answer": answer.word(), "rule": answer.rule() });
            json!({ "what": flip.what, "old": answer(&flip.old), "new": answer(&flip.new) })
        };
        json!({
            "tests": self.cases,
            "records": self.records,
            "flips": self.flips.iter().map(flip).collect::<Vec<Value>>(),
            "not_asked_again": self.left,
            "proved": false,
        })
    }
}
