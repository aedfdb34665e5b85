//! The shape of a value, for records that must not hold values: declared names of members, types and sizes, within
//! bounds. A name that no schema declares is the caller's own word, as a value is, and is not shown.

use crate::value::write_string;
use crate::{Schema, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Values that one shape describes.
const NODES: usize = 64;
/// Levels that one shape describes.
const LEVELS: usize = 4;
/// Elements of an array that are described.
const ELEMENTS: usize = 4;
/// Characters of a member's name that are kept.
const NAME_CHARS: usize = 32;

/// The names that a schema declares, wherever in it.
#[derive(Debug, Clone, Default)]
pub struct Names {
    members: BTreeMap<String, Names>,
    items: Option<Box<Names>>,
}

impl Names {
    /// Reads a schema.
    #[must_use]
    pub fn of(schema: &Schema) -> Self {
        let members = schema.properties.iter().flatten();
        Self {
            members: members.map(|(name, schema)| (name.clone(), Self::of(schema))).collect(),
            items: schema.items.as_ref().map(|items| Box::new(Self::of(items))),
        }
    }
}

/// The shape of `value` as JSON text: `{"a":"integer","b":"string(12)","c":["boolean","2 more"],"…3":"null"}`. Sizes are
/// characters of strings, members of objects, elements of arrays. A member whose name is not `declared` has its place
/// instead. At most 64 values and 4 levels are described; the rest is counted.
#[must_use]
pub fn shape(value: &Value, declared: &Names) -> String {
    let mut out = Vec::with_capacity(128);
    let mut budget = NODES;
    describe(value, Some(declared), LEVELS, &mut budget, &mut out);
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

fn describe(value: &Value, declared: Option<&Names>, levels: usize, budget: &mut usize, out: &mut Vec<u8>) {
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
                let names = declared.and_then(|names| names.members.get(key));
                let shown = names.map_or_else(|| Cow::Owned(format!("…{at}")), |_| cut(key, at));
                write_string(&shown, out);
                out.push(b':');
                describe(value, names, levels - 1, budget, out);
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
                let names = declared.and_then(|names| names.items.as_deref());
                describe(item, names, levels - 1, budget, out);
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
