//! Reads a configuration file into members with their lines. TOML by default; YAML and JSON by the file's ending.

use std::path::Path;

use toml::{Spanned, de::DeTable, de::DeValue};

use super::{
    problem::{Origin, Problem},
    raw::{Member, Raw},
};

/// Gives the members of the file, or every fault of its form.
pub(crate) fn read(path: &Path) -> Result<Vec<Member>, Vec<Problem>> {
    let fault = |line, message: String| {
        let path = path.to_owned();
        Problem::new(Origin::File { path, line }, "", message)
    };
    let text = std::fs::read_to_string(path).map_err(|error| {
        let message = format!("cannot read the configuration file: {error}; name another with `--config`");
        vec![fault(None, message)]
    })?;
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("toml") => {
            read_toml(&text).map_err(|faults| faults.into_iter().map(|(line, message)| fault(line, message)).collect())
        }
        Some("yaml" | "yml") => serde_norway::from_str::<Option<Raw>>(&text)
            .map_err(|error| (error.location().map(|place| place.line()), error.to_string()))
            .and_then(|raw| members(raw.unwrap_or(Raw::Table(Vec::new()))))
            .map_err(|(line, message)| vec![fault(line, format!("cannot read YAML: {message}"))]),
        Some("json") => serde_json::from_str::<Raw>(&text)
            .map_err(|error| (Some(error.line()), error.to_string()))
            .and_then(members)
            .map_err(|(line, message)| vec![fault(line, format!("cannot read JSON: {message}"))]),
        _ => Err(vec![fault(
            None,
            "is not a known kind of file; let its name end in `.toml`, `.yaml` or `.json`".to_owned(),
        )]),
    }
}

type Fault = (Option<usize>, String);

fn members(raw: Raw) -> Result<Vec<Member>, Fault> {
    match raw {
        Raw::Table(members) => Ok(members),
        other => Err((None, format!("found {}; give sections with their settings", other.found()))),
    }
}

fn read_toml(text: &str) -> Result<Vec<Member>, Vec<Fault>> {
    let (table, faults) = DeTable::parse_recoverable(text);
    if faults.is_empty() {
        return Ok(toml_members(table.get_ref(), text));
    }
    Err(faults
        .into_iter()
        .map(|fault| {
            let line = fault.span().map(|span| line_of(text, span.start));
            (line, format!("cannot read TOML: {}", fault.message()))
        })
        .collect())
}

fn toml_members(table: &DeTable<'_>, text: &str) -> Vec<Member> {
    let mut members: Vec<_> = table
        .iter()
        .map(|(name, value)| Member {
            name: name.get_ref().to_string(),
            value: toml_value(value, text),
            line: Some(line_of(text, name.span().start)),
        })
        .collect();
    members.sort_by_key(|member| member.line);
    members
}

fn toml_value(value: &Spanned<DeValue<'_>>, text: &str) -> Raw {
    match value.get_ref() {
        DeValue::String(value) => Raw::Text(value.to_string()),
        DeValue::Boolean(value) => Raw::Bool(*value),
        DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix())
            .map_or(Raw::Other("a number that is too large"), Raw::Integer),
        DeValue::Float(_) => Raw::Other("a fraction"),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(items) => Raw::List(items.iter().map(|item| toml_value(item, text)).collect()),
        DeValue::Table(table) => Raw::Table(toml_members(table, text)),
    }
}

/// Counted from 1.
fn line_of(text: &str, at: usize) -> usize {
    let before = text.as_bytes().iter().take(at);
    before.filter(|byte| **byte == b'\n').count() + 1
}
