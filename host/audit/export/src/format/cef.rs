//! ArcSight Common Event Format, version 0: seven header fields divided by pipes, then `key=value` pairs. A header
//! escapes `\` and `|`, a value `\`, `=` and line ends; other characters that are not text are replaced.

use std::borrow::Cow;

use grid_audit::Record;
use serde_json::Value;

use crate::{Severity, text};

/// Fields that have a key in the dictionary.
const KEYS: &[(&str, &str)] = &[
    ("principal", "suser"),
    ("outcome", "outcome"),
    ("code", "reason"),
    ("stage", "cat"),
    ("runtime", "destinationServiceName"),
    ("detail", "msg"),
];

/// Fields in the custom strings of the dictionary, each with its label.
const CUSTOM: &[(&str, &str, &str)] = &[
    ("tool", "cs1", "cs1Label=tool"),
    ("tenant", "cs2", "cs2Label=tenant"),
    ("session", "cs3", "cs3Label=session"),
    ("invocation", "cs4", "cs4Label=invocation"),
    ("correlation", "cs5", "cs5Label=correlation"),
    ("rule", "cs6", "cs6Label=rule"),
    ("duration_us", "cn1", "cn1Label=duration_us"),
];

/// Everything else keeps its name behind this, as the standard asks of keys that are not in the dictionary.
const OWN: &str = "GridHost";

pub(super) fn write(record: &Record, out: &mut Vec<u8>) {
    let kind = record.kind();
    let name = title(kind);
    let severity = Severity::of(record).cef();
    let header = ["GRID", "host", env!("CARGO_PKG_VERSION"), kind, &name, severity];
    let mut line = String::from("CEF:0");
    for field in header {
        line.push('|');
        line.push_str(&header_value(field));
    }
    line.push_str(&format!("|rt={} externalId={} act={}", record.at_ms(), record.index(), extension_value(kind)));
    for (field, value) in record.fields() {
        let value = match value {
            Value::String(text) => Cow::Borrowed(text.as_str()),
            other => Cow::Owned(other.to_string()),
        };
        let value = extension_value(&value);
        match key(field) {
            None => {}
            Some(Key::Known(key)) => line.push_str(&format!(" {key}={value}")),
            Some(Key::Custom(key, label)) => line.push_str(&format!(" {label} {key}={value}")),
            Some(Key::Own(key)) => line.push_str(&format!(" {key}={value}")),
        }
    }
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
}

enum Key {
    Known(&'static str),
    Custom(&'static str, &'static str),
    Own(String),
}

fn key(field: &str) -> Option<Key> {
    if matches!(field, "at_ms" | "kind") {
        return None;
    }
    if let Some((_, key)) = KEYS.iter().find(|(name, _)| *name == field) {
        return Some(Key::Known(key));
    }
    let custom = CUSTOM.iter().find(|(name, ..)| *name == field);
    Some(custom.map_or_else(|| Key::Own(own(field)), |(_, key, label)| Key::Custom(key, label)))
}

/// `args_digest` becomes `GridHostArgsDigest`; a key has no other characters than letters and digits.
fn own(field: &str) -> String {
    let words = field.split(|c: char| !c.is_ascii_alphanumeric());
    words.fold(OWN.to_owned(), |mut key, word| {
        let mut letters = word.chars();
        key.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        key.extend(letters);
        key
    })
}

/// `session_opened` becomes `session opened`.
fn title(kind: &str) -> String {
    kind.replace('_', " ")
}

fn header_value(value: &str) -> String {
    text::plain(value).replace('\\', "\\\\").replace('|', "\\|")
}

fn extension_value(value: &str) -> String {
    let value = text::plain_lines(value);
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '=' => out.push_str("\\="),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c => out.push(c),
        }
    }
    out
}
