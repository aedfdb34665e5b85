//! `grid adm check`: documents of the data model, against the same rules that the host applies.

use std::{
    fs,
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use grid_adm::{Kind, Mode, Problem, lint};
use serde_json::{Value, json};

use super::{Context, Exit, Failure};

/// Works on documents of the data model, without a host
#[derive(Debug, Subcommand)]
pub enum Adm {
    Check(Check),
}

/// Checks documents: tools, schemas, calls, results, manifests
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid adm check manifests/quickstart.json
  grid adm check --kind schema parameters.json
  grid adm check --strict *.json               also says which fields nobody knows
  cat documents.jsonl | grid adm check --jsonl

Each file gives `valid FILE`, or a line `invalid FILE: /pointer: rule` for each fault; `-` is standard input.
With --jsonl each line is {\"id\":…, \"kind\":…, \"document\":…}, or {\"id\":…, \"kind\":\"arguments\", \"schema\":…,
\"document\":…}, and is answered by {\"id\":…, \"valid\":…, \"problems\":[…]}.
Ends with 0 if all files are valid, and with 3 if not.")]
pub struct Check {
    /// What the documents are [else what their fields tell]
    #[arg(long, value_parser = |text: &str| text.parse::<Kind>().map_err(|error| error.to_string()))]
    kind: Option<Kind>,
    /// Reads requests, one a line, and answers each with a line
    #[arg(long, conflicts_with = "kind")]
    jsonl: bool,
    /// Also reports fields that the data model does not know
    #[arg(long)]
    strict: bool,
    /// Files to check; with --jsonl none means standard input
    #[arg(value_name = "FILE", required_unless_present = "jsonl")]
    files: Vec<PathBuf>,
}

impl Adm {
    /// Runs it.
    ///
    /// # Errors
    /// Where it did not do what it was asked for, or found what is wrong.
    pub fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Check(check) if check.jsonl => check.lines(),
            Self::Check(check) => check.files(context),
        }
    }
}

impl Check {
    fn mode(&self) -> Mode {
        if self.strict { Mode::Strict } else { Mode::Lenient }
    }

    fn lines(&self) -> Result<(), Failure> {
        if self.files.is_empty() {
            return Ok(lint::lines(io::stdin().lock(), io::stdout().lock(), self.mode())?);
        }
        for path in &self.files {
            let file = fs::File::open(path).map_err(|error| unreadable(path, &error))?;
            lint::lines(BufReader::new(file), io::stdout().lock(), self.mode())?;
        }
        Ok(())
    }

    fn files(&self, context: &Context) -> Result<(), Failure> {
        let (mut all_valid, mut reports) = (true, Vec::new());
        for path in &self.files {
            let text = read(path).map_err(|error| unreadable(path, &error))?;
            let report = match str::from_utf8(&text) {
                Ok(text) => lint::document(self.kind, text, self.mode()),
                Err(_) => return Err(unreadable(path, &io::Error::other("it is not UTF-8"))),
            };
            all_valid &= report.valid();
            if context.output.is_json() {
                let problems: Vec<Value> = report.problems.iter().map(to_json).collect();
                reports
                    .push(json!({ "file": path.display().to_string(), "valid": report.valid(), "problems": problems }));
            } else {
                print(context, path, &report)?;
            }
        }
        if context.output.is_json() {
            context.output.json(&json!({ "files": reports }))?;
        }
        all_valid.then_some(()).ok_or_else(|| Failure::said(Exit::Invalid))
    }
}

fn print(context: &Context, path: &Path, report: &lint::Report) -> Result<(), Failure> {
    let file = path.display();
    if report.valid() {
        context.output.text(&format!("valid {file}"))?;
    }
    for problem in &report.problems {
        let pointer = if problem.pointer.is_empty() { "/" } else { &problem.pointer };
        let line = format!("{file}: {pointer}: {} ({})", problem.rule, problem.message);
        if problem.is_error() {
            context.output.text(&format!("invalid {line}"))?;
        } else {
            context.output.warning(&line);
        }
    }
    Ok(())
}

fn to_json(problem: &Problem) -> Value {
    json!({
        "pointer": problem.pointer,
        "rule": problem.rule,
        "message": problem.message,
        "severity": if problem.is_error() { "error" } else { "warning" },
    })
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return fs::read(path);
    }
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text)?;
    Ok(text)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Exit::Error, format!("cannot read `{}`: {error}", path.display()))
}
