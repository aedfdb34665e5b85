//! Rules of names, declarations and tools.

use super::{Reader, schema};
use crate::limits;
use crate::model::{FunctionDeclaration, Schema, SchemaType, Tool};
use crate::problem::quoted;
use crate::{Value, rule};
use std::collections::BTreeSet;

/// The pattern of R-024, written out.
pub(super) const NAME: &str = "a letter or `_`, then up to 63 letters, digits, `_` or `-`";

/// Whether the whole of `text` follows the pattern of names.
pub(super) fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    text.len() <= limits::NAME_CHARS
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

pub(super) fn name<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    if !is_name(text) {
        let message = format!("name {} does not follow the pattern of names; use {NAME}", quoted(text));
        reader.error(rule::NAME_PATTERN, message, NAME, "another string");
    } else if text.starts_with("_adm_") {
        let message = format!("name {} is reserved for the data model; use another prefix", quoted(text));
        reader.warn(rule::FIELD_RESERVED, message, "another prefix", "`_adm_`");
    }
    Some(text.to_owned())
}

/// A description that is recommended to be at most 1000 characters (Q4); `empty` says what a blank one is.
pub(super) fn description<'v>(
    reader: &mut Reader<'v>,
    value: &'v Value,
    blank: impl FnOnce(&mut Reader<'v>),
) -> Option<String> {
    let text = reader.string(value)?;
    if text.trim().is_empty() {
        blank(reader);
    }
    let characters = text.chars().count();
    if characters > limits::DESCRIPTION_CHARS {
        let most = limits::DESCRIPTION_CHARS;
        let message = format!("description has {characters} characters; at most {most} are recommended, shorten it");
        reader.warn(rule::DESCRIPTION_LONG, message, &format!("at most {most} characters"), &characters.to_string());
    }
    Some(text.to_owned())
}

fn parameters<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Schema> {
    let schema = schema(reader, value)?;
    if schema.kind != SchemaType::Object {
        let message = format!("root of parameters is {}; make it OBJECT with the arguments as properties", schema.kind);
        reader.error(rule::PARAMETERS_ROOT, message, "OBJECT", schema.kind.as_str());
    }
    Some(schema)
}

pub(crate) fn function_declaration<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<FunctionDeclaration> {
    let map = reader.object(value)?;
    let name = reader.required(map, "name", name);
    let description = reader.required(map, "description", |reader, value| {
        description(reader, value, |reader| {
            let message = "description is blank; say what the function does";
            reader.error(rule::DESCRIPTION_EMPTY, message, "a text that is not blank", "a blank text");
        })
    });
    let parameters = reader.required(map, "parameters", parameters);
    let extra = reader.extra(map, &["name", "description", "parameters"]);
    Some(FunctionDeclaration { name: name?, description: description?, parameters: parameters?, extra })
}

/// The list of a tool or contract. `names` are those seen before; a second one is refused wherever it stands (Q52).
pub(super) fn declarations<'v>(
    reader: &mut Reader<'v>,
    value: &'v Value,
    names: &mut BTreeSet<&'v str>,
) -> Option<Vec<FunctionDeclaration>> {
    if value.as_array().is_some_and(<[Value]>::is_empty) {
        let message = "no functions are declared; declare at least one";
        reader.error(rule::DECLARATIONS_EMPTY, message, "at least one declaration", "an empty array");
    }
    reader.array(value, |reader, item| {
        // By the raw value, so that a declaration with other problems still takes its name.
        if let Some(name) = item.get("name").and_then(Value::as_str)
            && !names.insert(name)
        {
            let message = format!("function {} is declared twice; rename one or remove it", quoted(name));
            reader.at_key("name", |reader| {
                reader.error(rule::NAME_DUPLICATE, message, "a name of its own", "a name in use")
            });
        }
        function_declaration(reader, item)
    })
}

pub(crate) fn tool<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Tool> {
    let map = reader.object(value)?;
    let mut names = BTreeSet::new();
    let functions =
        reader.required(map, "function_declarations", |reader, value| declarations(reader, value, &mut names));
    let extra = reader.extra(map, &["function_declarations"]);
    Some(Tool { function_declarations: functions?, extra })
}
