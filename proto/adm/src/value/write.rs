//! Values to bytes: one writer for the text as it was and for the canonical form.
//! The two differ in the order of members and in the form of numbers; strings are escaped alike, as RFC 8785 says.

use super::{Number, Value};
use std::cmp::Ordering;
use std::io::Write;

/// Which bytes are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Members in their order, numbers as written.
    AsWritten,
    /// RFC 8785.
    Canonical,
}

/// Appends `value` to `out`.
pub(crate) fn write(value: &Value, form: Form, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(number) => write_number(number, form, out),
        Value::String(text) => write_string(text, out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, form, out);
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let entries = map.entries();
            if form == Form::AsWritten || entries.is_sorted_by(|a, b| by_utf16(&a.0, &b.0).is_lt()) {
                write_members(entries.iter(), form, out);
            } else {
                let mut sorted: Vec<&(String, Value)> = entries.iter().collect();
                sorted.sort_unstable_by(|a, b| by_utf16(&a.0, &b.0));
                write_members(sorted.into_iter(), form, out);
            }
        }
    }
}

fn write_members<'v>(members: impl Iterator<Item = &'v (String, Value)>, form: Form, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (key, value)) in members.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(key, out);
        out.push(b':');
        write(value, form, out);
    }
    out.push(b'}');
}

/// The order of RFC 8785 section 3.2.3. Bytes give it for ASCII, where one unit is one byte.
fn by_utf16(a: &str, b: &str) -> Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

fn write_number(number: &Number, form: Form, out: &mut Vec<u8>) {
    // Integer tokens keep their digits at any size: the ECMAScript form would round them beyond 2^53.
    if form == Form::Canonical && number.as_i64() == Some(0) {
        out.push(b'0');
    } else if form == Form::AsWritten || number.is_integer_token() {
        // Writing to a vector cannot fail.
        let _ = write!(out, "{number}");
    } else {
        out.extend_from_slice(ryu_js::Buffer::new().format_finite(number.as_f64()).as_bytes());
    }
}

pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
        let (plain, escaped) = rest.split_at(at);
        out.extend_from_slice(plain.as_bytes());
        let mut characters = escaped.chars();
        if let Some(character) = characters.next() {
            write_escape(character, out);
        }
        rest = characters.as_str();
    }
    out.extend_from_slice(rest.as_bytes());
    out.push(b'"');
}

fn write_escape(character: char, out: &mut Vec<u8>) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\u{8}' => out.extend_from_slice(b"\\b"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\u{c}' => out.extend_from_slice(b"\\f"),
        '\r' => out.extend_from_slice(b"\\r"),
        other => {
            // Writing to a vector cannot fail.
            let _ = write!(out, "\\u{:04x}", u32::from(other));
        }
    }
}
