//! What is wrong with a document: every check of this crate answers with these.
//! A problem holds a place, a rule and words; it never holds an argument's value unless the caller of the checker allowed it.

use crate::limits;
use crate::rule;
use std::fmt;

/// Whether a problem makes a document invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is taken; somebody should know.
    Warning,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// JSON pointer into the document (RFC 6901); empty for the document itself.
    pub pointer: String,
    /// The stable id of the rule, one of [`crate::rule`].
    pub rule: &'static str,
    /// What is wrong and what to do.
    pub message: String,
    /// What would have been right.
    pub expected: String,
    /// The shape of what was there.
    pub found: String,
    /// Whether it refuses the document.
    pub severity: Severity,
}

impl Problem {
    pub(crate) fn error(
        pointer: String,
        rule: &'static str,
        message: impl Into<String>,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        let (message, expected, found) = (message.into(), expected.into(), found.into());
        Self { pointer, rule, message, expected, found, severity: Severity::Error }
    }

    /// Whether it refuses the document.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    fn bytes(&self) -> usize {
        self.pointer.len() + self.message.len() + self.expected.len() + self.found.len()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "document" } else { &self.pointer };
        write!(f, "{place}: {} ({})", self.message, self.rule)
    }
}

/// Problems as they are found, within bounds: a hostile document cannot make its own report large.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    list: Vec<Problem>,
    bytes: usize,
    left_out: usize,
    errors: usize,
}

impl Problems {
    pub(crate) fn push(&mut self, problem: Problem) {
        self.errors += usize::from(problem.is_error());
        self.bytes = self.bytes.saturating_add(problem.bytes());
        // The first is always told, so that no refusal is without a reason.
        let room = self.list.len() < limits::PROBLEMS && self.bytes <= limits::PROBLEM_BYTES;
        if room || self.list.is_empty() {
            self.list.push(problem);
        } else {
            self.left_out += 1;
        }
    }

    /// Whether the bounds are used up, so that looking further only counts.
    pub(crate) fn is_full(&self) -> bool {
        self.left_out > 0
    }

    /// Counts errors that a full report has no words for.
    pub(crate) fn count(&mut self, errors: usize) {
        self.errors += errors;
        self.left_out += errors;
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.errors > 0
    }

    pub(crate) fn into_vec(mut self) -> Vec<Problem> {
        if self.left_out > 0 {
            let message = format!("{} more problems are left out; mend these first", self.left_out);
            let mut rest =
                Problem::error(String::new(), rule::TRUNCATED, message, "fewer problems", "too many to list");
            if !self.has_errors() {
                rest.severity = Severity::Warning;
            }
            self.list.push(rest);
        }
        self.list
    }
}

/// User input in backticks: cut, and without characters that could pretend to be something else on a terminal.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    for character in text.chars().take(limits::QUOTED_CHARS) {
        if character == '`' || character.is_control() || !(character.is_ascii() || character.is_alphanumeric()) {
            out.extend(character.escape_unicode());
        } else {
            out.push(character);
        }
    }
    if text.chars().nth(limits::QUOTED_CHARS).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

#[cfg(test)]
mod tests;
