//! Keywords of JSON Schema that the data model does not have. Data model readers keep and ignore them; a host
//! that did so would serve a contract that reads as if it were narrower than it is, or that refers to a place elsewhere.

use grid_adm::{Schema, Value};

use crate::manifest::Fault;

/// They refer to a place elsewhere, or combine schemas. A contract with one of them is not served.
const REFUSED: [&str; 29] = [
    "$anchor",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentSchema",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "extends",
    "if",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "propertyNames",
    "then",
    "unevaluatedProperties",
];

/// They bound one value. A contract with one of them is served, and its operator told that nobody holds to it.
const IDLE: [&str; 16] = [
    "additionalProperties",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "nullable",
    "pattern",
    "unevaluatedItems",
    "uniqueItems",
];

/// A fault for each keyword that would have an effect in JSON Schema, at its place.
pub(crate) fn keywords(pointer: &str, schema: &Schema, faults: &mut Vec<Fault>) {
    // Bounded by the levels of a schema.
    let mut open = vec![(pointer.to_owned(), schema)];
    while let Some((pointer, schema)) = open.pop() {
        for (key, value) in schema.extra.iter() {
            let place = || format!("{pointer}/{key}");
            if REFUSED.contains(&key) {
                let message = format!(
                    "`{key}` is a keyword of JSON Schema that contracts do not have, so it would bind nobody; remove it"
                );
                faults.push(Fault::error(place(), "schema.foreign-keyword", message));
            } else if IDLE.contains(&key) && !is_usual(key, value) {
                let message = format!(
                    "`{key}` has no effect here: arguments are not held against it; have the runtime check it, or remove it"
                );
                faults.push(Fault::warning(place(), "schema.idle-keyword", message));
            }
        }
        open.extend(schema.items.as_deref().map(|items| (format!("{pointer}/items"), items)));
        let properties = schema.properties.iter().flatten();
        open.extend(properties.map(|(name, property)| {
            (format!("{pointer}/properties/{}", name.replace('~', "~0").replace('/', "~1")), property)
        }));
    }
}

/// `additionalProperties: false` is what hosts do with arguments that are not declared unless they are told
/// otherwise, and every generator of schemas writes it.
fn is_usual(key: &str, value: &Value) -> bool {
    key == "additionalProperties" && value.as_bool() == Some(false)
}
