//! Rules of parameter schemas (R-025 to R-027, Q5, Q48, Q51), and their bounds.
//! The bounds are looked at first and without recursion, so that nothing after them meets a schema it was not made for.

use super::Reader;
use crate::limits;
use crate::model::{Schema, SchemaType};
use crate::problem::quoted;
use crate::value::{Form, write};
use crate::{Map, Value, rule};
use std::collections::{BTreeMap, BTreeSet};

const KNOWN: [&str; 6] = ["type", "description", "properties", "required", "items", "enum"];
const TYPES: &str = "STRING, NUMBER, INTEGER, BOOLEAN, ARRAY or OBJECT";

pub(crate) fn schema<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Schema> {
    within_bounds(reader, value).then(|| subschema(reader, value)).flatten()
}

/// Whether a schema keeps its bounds; says so if not. Expects a value of bounded JSON depth.
fn within_bounds(reader: &mut Reader<'_>, root: &Value) -> bool {
    let (mut deepest, mut count) = (0, 0_usize);
    let mut open = vec![(root, 1_usize)];
    while let Some((schema, level)) = open.pop() {
        deepest = deepest.max(level);
        count += 1;
        open.extend(schema.get("items").map(|items| (items, level + 1)));
        let properties = schema.get("properties").and_then(Value::as_object);
        open.extend(properties.into_iter().flat_map(Map::values).map(|property| (property, level + 1)));
    }
    let mut text = Vec::new();
    write(root, Form::AsWritten, &mut text);
    let bounds = [
        (rule::SCHEMA_DEPTH, deepest, limits::SCHEMA_LEVELS, "levels", "flatten it"),
        (rule::SCHEMA_COUNT, count, limits::SUBSCHEMAS, "schemas", "declare fewer properties"),
        (rule::SCHEMA_BYTES, text.len(), limits::SCHEMA_BYTES, "bytes", "shorten it"),
    ];
    let mut kept = true;
    for (rule, is, most, unit, remedy) in bounds {
        if is > most {
            let message = format!("the schema has {is} {unit}, at most {most} are taken; {remedy}");
            reader.error(rule, message, &format!("at most {most} {unit}"), &is.to_string());
            kept = false;
        }
    }
    kept
}

fn subschema<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Schema> {
    let map = reader.object(value)?;
    let kind = reader.required(map, "type", schema_type);
    let description = reader.optional(map, "description", schema_description);
    let properties = reader.optional(map, "properties", properties);
    let required = reader.optional(map, "required", strings);
    let items = reader.optional(map, "items", subschema).map(Box::new);
    let enum_values = reader.optional(map, "enum", enumeration);
    if let Some(required) = &required {
        check_required(reader, required, map);
    }
    if let Some(kind) = kind {
        check_places(reader, map, kind);
    }
    let extra = reader.extra(map, &KNOWN);
    let (required, enum_values) = (required.map(owned), enum_values.map(owned));
    Some(Schema { kind: kind?, description, properties, required, items, enum_values, extra })
}

fn owned(texts: Vec<(usize, &str)>) -> Vec<String> {
    texts.into_iter().map(|(_, text)| text.to_owned()).collect()
}

fn schema_type<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<SchemaType> {
    let text = reader.string(value)?;
    let Ok(kind) = text.parse() else {
        let remedy = match text.to_ascii_uppercase() {
            upper if upper.parse::<SchemaType>().is_ok() => format!("write it `{upper}`"),
            upper if ["DATETIME", "BINARY", "REFERENCE", "UNION", "TUPLE"].contains(&upper.as_str()) => {
                format!("it is kept for later versions, use {TYPES}")
            }
            _ => format!("use {TYPES}"),
        };
        let message = format!("type {} is not known; {remedy}", quoted(text));
        reader.error(rule::SCHEMA_TYPE, message, TYPES, "another string");
        return None;
    };
    Some(kind)
}

fn schema_description<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    if text.trim().is_empty() {
        let message = "description is blank; write one or leave it out";
        reader.warn(rule::SCHEMA_DESCRIPTION_EMPTY, message, "a text that is not blank", "a blank text");
    }
    Some(text.to_owned())
}

fn properties<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Vec<(String, Schema)>> {
    let map = reader.object(value)?;
    let mut properties = Vec::with_capacity(map.len());
    for (name, value) in map.iter() {
        if let Some(schema) = reader.at_key(name, |reader| subschema(reader, value)) {
            properties.push((name.to_owned(), schema));
        }
    }
    Some(properties)
}

/// Strings with their place in the array, which may hold other things too.
fn strings<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Vec<(usize, &'v str)>> {
    let mut at = 0;
    reader.array(value, |reader, item| {
        at += 1;
        reader.string(item).map(|text| (at - 1, text))
    })
}

fn enumeration<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Vec<(usize, &'v str)>> {
    if value.as_array().is_some_and(<[Value]>::is_empty) {
        let message = "enum has no values; list at least one or leave it out";
        reader.error(rule::SCHEMA_ENUM_EMPTY, message, "at least one value", "an empty array");
    }
    let values = strings(reader, value)?;
    let mut first = BTreeMap::new();
    for (at, text) in &values {
        if let Some(before) = first.insert(*text, *at) {
            let message = format!("enum has {} twice, first at {before}; remove one", quoted(text));
            reader.at_index(*at, |reader| {
                reader.error(rule::SCHEMA_ENUM_DUPLICATE, message, "unique values", "a repeated value")
            });
        }
    }
    Some(values)
}

fn check_required<'v>(reader: &mut Reader<'v>, required: &[(usize, &str)], map: &'v Map) {
    let declared = map.get("properties").and_then(Value::as_object);
    let mut seen = BTreeSet::new();
    reader.at_key("required", |reader| {
        for (at, name) in required {
            reader.at_index(*at, |reader| {
                if !seen.insert(*name) {
                    let message = format!("required names {} twice; remove one", quoted(name));
                    reader.error(rule::SCHEMA_REQUIRED_DUPLICATE, message, "unique names", "a repeated name");
                }
                if !declared.is_some_and(|properties| properties.contains_key(name)) {
                    let message =
                        format!("required names {}, which is no property; declare it or remove it", quoted(name));
                    reader.error(rule::SCHEMA_REQUIRED_UNDECLARED, message, "a key of properties", "another name");
                }
            });
        }
    });
}

/// Keywords belong to their types (Q51).
fn check_places<'v>(reader: &mut Reader<'v>, map: &'v Map, kind: SchemaType) {
    let places = [
        ("properties", SchemaType::Object, rule::SCHEMA_PROPERTIES_MISPLACED),
        ("required", SchemaType::Object, rule::SCHEMA_REQUIRED_MISPLACED),
        ("items", SchemaType::Array, rule::SCHEMA_ITEMS_MISPLACED),
        ("enum", SchemaType::String, rule::SCHEMA_ENUM_MISPLACED),
    ];
    for (keyword, owner, rule) in places {
        if kind != owner && map.contains_key(keyword) {
            let message = format!("`{keyword}` belongs to {owner}, the type is {kind}; remove it or change the type");
            reader.at_key(keyword, |reader| reader.error(rule, message, owner.as_str(), kind.as_str()));
        }
    }
    if kind == SchemaType::Array && !map.contains_key("items") {
        let message = "ARRAY without `items`; add the schema of its elements";
        reader.error(rule::SCHEMA_ITEMS_REQUIRED, message, "`items`", "no such field");
    }
}
