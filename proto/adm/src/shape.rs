//! The shape of a value, for records that must not hold values: names of members, types and sizes, within bounds.

use crate::Value;
use crate::value::write_string;
use std::borrow::Cow;

/// Values that one shape describes.
const NODES: usize = 64;
/// Levels that one shape describes.
const LEVELS: usize = 4;
/// Elements of an array that are described.
const ELEMENTS: usize = 4;
/// Characters of a member's name that are kept.
const NAME_CHARS: usize = 32;

/// The shape of `value` as JSON text: `{"a":"integer","b":"string(12)","c":["boolean","2 more"]}`. Sizes are characters of
/// strings, members of objects, elements of arrays. At most 64 values and 4 levels are described; the rest is counted.
#[must_use]
pub fn shape(value: &Value) -> String {
    let mut out = Vec::with_capacity(128);
    let mut budget = NODES;
    describe(value, LEVELS, &mut budget, &mut out);
    String::from_utf8_lossy(&out).into_owned()
}

/// The shape of one value without what is in it: `string(12)`, `array(3)`.
pub(crate) fn of_one(value: &Value) -> String {
    match value {
        Value::String(text) => format!("string({})", text.chars().count()),
        Value::Array(items) => format!("array({})", items.len()),
        Value::Object(map) => format!("object({})", map.len()),
        other => other.kind().to_owned(),
    }
}

fn describe(value: &Value, levels: usize, budget: &mut usize, out: &mut Vec<u8>) {
    *budget = budget.saturating_sub(1);
    match value {
        Value::Object(map) if levels > 0 => {
            out.push(b'{');
            for (at, (key, value)) in map.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if *budget == 0 {
                    write_string("…", out);
                    out.push(b':');
                    write_string(&format!("{} more", map.len() - at), out);
                    break;
                }
                write_string(&cut(key, at), out);
                out.push(b':');
                describe(value, levels - 1, budget, out);
            }
            out.push(b'}');
        }
        Value::Array(items) if levels > 0 => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                if at == ELEMENTS || *budget == 0 {
                    write_string(&format!("{} more", items.len() - at), out);
                    break;
                }
                describe(item, levels - 1, budget, out);
            }
            out.push(b']');
        }
        other => write_string(&of_one(other), out),
    }
}

/// A name as it is, or its beginning with its place, so that two long names stay two.
fn cut(name: &str, at: usize) -> Cow<'_, str> {
    match name.char_indices().nth(NAME_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…{at}", name.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(name),
    }
}

#[cfg(test)]
mod tests;
