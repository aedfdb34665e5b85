//! Tests of policies: questions in files beside them, each with the answer that it must get.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use grid_contract::Manifest;
use serde::Deserialize;
use toml::Spanned;

use crate::{
    fault::{Fault, Place},
    probe::{Answer, Probe},
    set::PolicySet,
    source::{self, Source, TESTS},
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    case: Vec<Spanned<RawCase>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawCase {
    name: String,
    principal: String,
    tenant: String,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    claims: BTreeMap<String, String>,
    proof: Option<String>,
    tool: String,
    args: Option<RawArgs>,
    #[serde(default)]
    local: bool,
    now: Option<RawTime>,
    #[serde(default)]
    session: BTreeMap<String, String>,
    expect: Expected,
    rule: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawArgs {
    Json(String),
    Table(toml::Table),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawTime {
    Text(String),
    Time(toml::value::Datetime),
}

/// The answer that a case must get.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Expected {
    /// They may.
    Allow,
    /// They may not.
    Deny,
    /// They may if a person says so.
    Ask,
}

impl Expected {
    /// As files write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Deny => "deny",
            Self::Ask => "ask",
        }
    }
}

/// One question with the answer that it must get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Where it stands.
    pub place: Place,
    /// What it is about, in its author's words.
    pub name: String,
    /// The question.
    pub probe: Probe,
    /// The answer.
    pub expect: Expected,
    /// The rule that must decide, where the case says one.
    pub rule: Option<String>,
}

/// How a case went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The case.
    pub case: Case,
    /// The answer that it got.
    pub answer: Answer,
    /// What is not as it should be; absent where all is.
    pub failure: Option<String>,
}

/// Reads the tests of a directory of policies; there may be none.
///
/// # Errors
/// Every fault, with its place.
pub fn read(dir: &Path, manifest: &Manifest) -> Result<Vec<Case>, Vec<Fault>> {
    let (mut faults, mut cases) = (Vec::new(), Vec::new());
    let tests = dir.join(TESTS);
    if !tests.exists() {
        return Ok(cases);
    }
    for name in source::names(&tests, &mut faults).iter().filter(|name| name.ends_with(".toml")) {
        let Some(source) = source::read(dir, &format!("{TESTS}/{name}"), &mut faults) else { continue };
        of_file(&source, manifest, &mut cases, &mut faults);
    }
    if faults.is_empty() { Ok(cases) } else { Err(faults) }
}

fn of_file(source: &Source, manifest: &Manifest, cases: &mut Vec<Case>, faults: &mut Vec<Fault>) {
    let raw: RawFile = match toml::from_str(&source.text) {
        Ok(raw) => raw,
        Err(error) => {
            let place = source.at(error.span().map_or(0, |span| span.start));
            faults.push(Fault::new(place, "case.parse", format!("cannot be read: {}", error.message().trim_end())));
            return;
        }
    };
    for case in raw.case {
        let place = source.at(case.span().start);
        match checked(case.into_inner(), place.clone(), manifest) {
            Ok(case) => cases.push(case),
            Err(message) => faults.push(Fault::new(place, "case.invalid", message)),
        }
    }
}

fn checked(raw: RawCase, place: Place, manifest: &Manifest) -> Result<Case, String> {
    let args = match raw.args {
        None => None,
        Some(RawArgs::Json(text)) => Some(text),
        Some(RawArgs::Table(table)) => Some(json(&toml::Value::Table(table))?),
    };
    let now = match raw.now {
        None => "2026-01-01T12:00:00Z".to_owned(),
        Some(RawTime::Text(text)) => text,
        Some(RawTime::Time(time)) => time.to_string(),
    };
    let probe = Probe {
        principal: raw.principal,
        tenant: raw.tenant,
        roles: raw.roles.into_iter().collect(),
        claims: raw.claims,
        proof: raw.proof,
        tool: raw.tool,
        args,
        local: raw.local,
        now_ms: moment(&now)?,
        metadata: raw.session,
        opened_ms: None,
    };
    probe.principal().map_err(|why| why.0)?;
    check_args(&probe, manifest)?;
    let rule =
        raw.rule.map(|rule| if rule.contains('#') && !rule.contains(':') { format!("policy:{rule}") } else { rule });
    Ok(Case { place, name: raw.name, probe, expect: raw.expect, rule })
}

/// What the host refuses before it asks policies is no test of them.
fn check_args(probe: &Probe, manifest: &Manifest) -> Result<(), String> {
    let (Some(args), Some(contract)) = (&probe.args, manifest.get(&probe.tool)) else { return Ok(()) };
    let value = grid_adm::json::parse(args).map_err(|error| format!("`args` is not strict JSON: {error}"))?;
    contract.checker().check(&value).map_err(|problems| {
        let first = problems.first().map(|problem| format!("{}: {}", problem.pointer, problem.message));
        format!("the contract refuses `args`: {}", first.unwrap_or_default())
    })
}

/// Roles of principals, from lines as `"acme/tom" = ["teller"]`.
///
/// # Errors
/// What is wrong, and where.
pub fn roles_of(text: &str) -> Result<BTreeMap<String, BTreeSet<String>>, String> {
    toml::from_str(text).map_err(|error| error.to_string())
}

/// Milliseconds since 1970 of a time with its zone.
///
/// # Errors
/// Another text.
pub fn moment(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` is no time; write it as `2026-01-31T09:00:00Z`");
    let at: jiff::Timestamp = text.parse().map_err(|_| wrong())?;
    u64::try_from(at.as_millisecond()).map_err(|_| wrong())
}

fn json(value: &toml::Value) -> Result<String, String> {
    let quoted = |text: &str| grid_adm::Value::from(text).to_text();
    Ok(match value {
        toml::Value::String(text) => quoted(text),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) if number.is_finite() => number.to_string(),
        toml::Value::Float(_) => return Err("JSON has no such number".to_owned()),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => quoted(&time.to_string()),
        toml::Value::Array(items) => {
            let items: Result<Vec<String>, String> = items.iter().map(json).collect();
            format!("[{}]", items?.join(","))
        }
        toml::Value::Table(members) => {
            let members =
                members.iter().map(|(name, value)| json(value).map(|value| format!("{}:{value}", quoted(name))));
            let members: Result<Vec<String>, String> = members.collect();
            format!("{{{}}}", members?.join(","))
        }
    })
}

impl Case {
    /// Asks the question.
    #[must_use]
    pub fn run(self, set: &PolicySet, manifest: &Manifest) -> Report {
        let answer = self.probe.ask(set, manifest).unwrap_or_else(|why| Answer::Failed(why.0));
        let failure = self.failure(&answer);
        Report { case: self, answer, failure }
    }

    fn failure(&self, answer: &Answer) -> Option<String> {
        let (got, by) = (answer.word(), answer.rule());
        if got != self.expect.as_str() {
            return Some(format!("expected {}, got {got} by {by}", self.expect.as_str()));
        }
        let rule = self.rule.as_ref().filter(|rule| **rule != by)?;
        Some(format!("{got} as expected, but by {by} and not by {rule}"))
    }
}
