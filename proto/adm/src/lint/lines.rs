//! Many documents, one a line: `{"id":…, "kind":…, "document":…}`, for arguments with `"schema":…`.
//! The answer is `{"id":…, "valid":…, "problems":[{"pointer":…, "rule":…, "message":…}]}`. Documents stay raw text until the
//! strict reader has them, so that what it refuses is a problem of the document and not of the line; the id is echoed verbatim.

use super::{Kind, Report, arguments, document};
use crate::problem::Problem;
use crate::read::Mode;
use crate::rule;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;
use std::io::{self, BufRead, Write};

#[derive(Deserialize)]
struct Request<'l> {
    #[serde(borrow, default, deserialize_with = "present")]
    id: Option<&'l RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    kind: Option<&'l RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    document: Option<&'l RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    schema: Option<&'l RawValue>,
}

/// A member that is there, null or not.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Serialize)]
struct Answer<'l> {
    id: Option<&'l RawValue>,
    valid: bool,
    problems: Vec<Finding<'l>>,
}

#[derive(Serialize)]
struct Finding<'l> {
    pointer: &'l str,
    rule: &'l str,
    message: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
}

/// Answers one line; a line that is no request is answered too. Warnings bear `"severity":"warning"`.
#[must_use]
pub fn line(line: &[u8], mode: Mode) -> String {
    match serde_json::from_slice::<Request<'_>>(line) {
        Ok(request) => answer(request.id, &report(&request, mode)),
        Err(error) => {
            let message = format!(
                "the line is no request, {}; send one JSON object with `id`, `kind` and `document`",
                cause(&error)
            );
            answer(None, &refusal(None, message))
        }
    }
}

/// Answers each line of `input` on `output`; empty lines are passed over.
///
/// # Errors
/// When `input` cannot be read or `output` not be written; never for what the lines hold.
pub fn lines(mut input: impl BufRead, mut output: impl Write, mode: Mode) -> io::Result<()> {
    let mut text = Vec::new();
    while input.read_until(b'\n', &mut text)? > 0 {
        if !text.trim_ascii().is_empty() {
            writeln!(output, "{}", line(&text, mode))?;
        }
        text.clear();
    }
    output.flush()
}

fn report(request: &Request<'_>, mode: Mode) -> Report {
    let Some(text) = request.document else {
        return refusal(None, "the line has no `document`; add it".to_owned());
    };
    // A kind that is no string reads as one that is not known.
    let name = request.kind.map(|kind| serde_json::from_str::<String>(kind.get()).unwrap_or_default());
    let kind = match name.map(|name| name.parse::<Kind>()) {
        None => None,
        Some(Ok(kind)) => Some(kind),
        Some(Err(unknown)) => {
            let problem =
                Problem::error(String::new(), rule::KIND_UNKNOWN, unknown.to_string(), Kind::names(), "another kind");
            return Report { kind: None, problems: vec![problem] };
        }
    };
    match (kind, request.schema) {
        (Some(Kind::Arguments), Some(schema)) => arguments(schema.get(), text.get()),
        (Some(Kind::Arguments), None) => refusal(kind, "arguments need a `schema` beside them; add it".to_owned()),
        _ => document(kind, text.get(), mode),
    }
}

fn refusal(kind: Option<Kind>, message: String) -> Report {
    let problem = Problem::error(String::new(), rule::LINE_REQUEST, message, "a request", "another line");
    Report { kind, problems: vec![problem] }
}

/// Where the library stopped; its own words may name types of this program.
fn cause(error: &serde_json::Error) -> String {
    format!("noticed at column {}", error.column())
}

fn answer(id: Option<&RawValue>, report: &Report) -> String {
    let problems = report.problems.iter().map(finding).collect();
    let answer = Answer { id, valid: report.valid(), problems };
    serde_json::to_string(&answer).unwrap_or_default()
}

fn finding(problem: &Problem) -> Finding<'_> {
    let severity = (!problem.is_error()).then_some("warning");
    Finding { pointer: &problem.pointer, rule: problem.rule, message: &problem.message, severity }
}
