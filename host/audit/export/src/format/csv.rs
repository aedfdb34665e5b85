//! Comma-separated values by RFC 4180: fixed columns, CRLF, quotes where they are needed.
//!
//! A spreadsheet runs a cell that begins like a formula. Such a cell (`=`, `+`, `-`, `@`, tab, carriage return, line
//! feed) gets a quote mark `'` in front, and so does one that begins with a quote mark, so that taking the first
//! quote mark away gives every value back.

use grid_audit::Record;
use serde_json::{Map, Value};

use crate::text;

/// The columns, in order. All but `index`, `time` and `other` are fields of the record under their own name.
pub const COLUMNS: [&str; 33] = [
    "index",
    "time",
    "kind",
    "tenant",
    "principal",
    "proof",
    "tool",
    "outcome",
    "code",
    "stage",
    "rule",
    "epoch",
    "cache_age_ms",
    "effect",
    "dynamic",
    "contract",
    "args_digest",
    "args_shape",
    "deadline_ms",
    "duration_us",
    "result_digest",
    "result_bytes",
    "runtime",
    "connection",
    "session",
    "invocation",
    "call_id",
    "correlation",
    "accepted",
    "rejected",
    "lost",
    "detail",
    "other",
];

pub(super) fn head() -> String {
    COLUMNS.join(",") + "\r\n"
}

pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    for (at, column) in COLUMNS.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        match *column {
            "index" => cell(&record.index().to_string(), out),
            "time" => cell(&text::time(record.at_ms()), out),
            "other" => other(record, out),
            name => match record.fields().get(name) {
                None => {}
                Some(Value::String(value)) => cell(value, out),
                Some(value) => cell(&value.to_string(), out),
            },
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Fields that have no column of their own, as one JSON object; empty where there are none.
fn other(record: &Record, out: &mut Vec<u8>) {
    let is_other = |name: &str| name != "at_ms" && !COLUMNS.contains(&name);
    let rest = record.fields().iter().filter(|(name, _)| is_other(name));
    let rest: Map<String, Value> = rest.map(|(name, value)| (name.clone(), value.clone())).collect();
    if !rest.is_empty() {
        cell(&Value::Object(rest).to_string(), out);
    }
}

fn cell(value: &str, out: &mut Vec<u8>) {
    let value = text::plain_lines(value);
    let formula = value.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\'']);
    let quoted = value.contains(['"', ',', '\r', '\n', '\t']) || value.starts_with(' ') || value.ends_with(' ');
    if quoted {
        out.push(b'"');
    }
    if formula {
        out.push(b'\'');
    }
    for byte in value.bytes() {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'"');
    }
}
