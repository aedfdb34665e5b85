//! What a reviewer of a manifest should look at. Models read names and descriptions as they read instructions, and a
//! poisoned one steers them: it hides text from people, gives orders, asks for secrets or sends them away. What is found
//! here is an aid to whoever reviews; what is not found may still be wrong, which is why contracts are locked.

mod characters;
mod lines;
mod links;
mod patterns;
mod phrases;
mod words;

use std::fmt;

use grid_adm::{
    Value,
    json::{self, Limits},
};

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth a look.
    Warning,
    /// Nobody writes that by accident.
    Error,
}

impl Severity {
    /// In lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Something to look at, without its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Short and stable.
    pub rule: &'static str,
    /// How much it weighs.
    pub severity: Severity,
    /// What was found, with nothing in it that does not show.
    pub message: String,
}

impl Remark {
    fn error(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Error, message: message.into() }
    }

    fn warning(rule: &'static str, message: impl Into<String>) -> Self {
        Self { rule, severity: Severity::Warning, message: message.into() }
    }
}

/// A remark at its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// JSON pointer.
    pub pointer: String,
    /// The line on which the text begins, from 1.
    pub line: usize,
    /// What.
    pub remark: Remark,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remark { rule, severity, message } = &self.remark;
        let pointer = if self.pointer.is_empty() { "/" } else { &self.pointer };
        write!(f, "{}: {pointer}: {} {message} [{rule}]", self.line, severity.as_str())
    }
}

/// Characters of a description that a person still reads.
const LONG: usize = grid_adm::limits::DESCRIPTION_CHARS;

/// Everything in a manifest that should be looked at, in the order of the file: each text that a model may be shown,
/// keys among them.
///
/// # Errors
/// It is not JSON that a host would read.
pub fn manifest(text: &str) -> Result<Vec<Finding>, json::Error> {
    let value = json::parse_within(text, Limits::MANIFEST)?;
    let lines = lines::lines(text);
    let mut findings = Vec::new();
    walk(&value, String::new(), &mut |pointer, text| {
        let line = lines.get(pointer).copied().unwrap_or(1);
        let remarks = remarks(text).into_iter();
        findings.extend(remarks.map(|remark| Finding { pointer: pointer.to_owned(), line, remark }));
    });
    findings.sort_by_key(|finding| finding.line);
    Ok(findings)
}

/// The line on which the value at a JSON pointer begins; the first where there is none.
#[must_use]
pub fn line_of(text: &str, pointer: &str) -> usize {
    lines::lines(text).get(pointer).copied().unwrap_or(1)
}

/// Depth is bounded by the reader.
fn walk(value: &Value, pointer: String, each: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) => each(&pointer, text),
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                walk(item, format!("{pointer}/{at}"), each);
            }
        }
        Value::Object(map) => {
            for (key, value) in map.iter() {
                let below = format!("{pointer}/{}", lines::escape(key));
                each(&below, key);
                walk(value, below, each);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// What should be looked at in one text; each rule at most once.
#[must_use]
pub fn remarks(text: &str) -> Vec<Remark> {
    let mut remarks = characters::remarks(text);
    remarks.extend(links::remarks(text));
    remarks.extend(phrases::remarks(text));
    let characters = text.chars().count();
    if characters > LONG {
        let message = format!("{characters} characters; nobody reads so much closely, {LONG} are enough");
        remarks.push(Remark::warning("text.long", message));
    }
    let mut seen = Vec::new();
    remarks.retain(|remark| {
        !seen.contains(&remark.rule) && {
            seen.push(remark.rule);
            true
        }
    });
    remarks
}
