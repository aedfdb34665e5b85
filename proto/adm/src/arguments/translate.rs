//! A parameter schema as JSON Schema 2020-12, once a contract.
//! Only the six known keywords cross over: whatever else a document carries, `$ref` above all, has no effect.

use super::represent::Tree;
use crate::ExtraArgs;
use crate::model::{Schema, SchemaType};
use crate::problem::Problem;
use crate::value::push_key;
use crate::{limits, rule};
use jsonschema::{Draft, Retrieve, Uri, Validator};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

/// Nothing is ever fetched for a schema.
struct Refuse;

impl Retrieve for Refuse {
    fn retrieve(&self, _: &Uri<String>) -> Result<Json, Box<dyn std::error::Error + Send + Sync>> {
        Err("references are not followed".into())
    }
}

/// Checks a schema that may have been built by hand. Depth first and without recursion, since the rest recurses.
pub(super) fn check(schema: &Schema) -> Result<(), Vec<Problem>> {
    let mut open = vec![(schema, 1_usize)];
    while let Some((schema, level)) = open.pop() {
        if level > limits::SCHEMA_LEVELS {
            let most = limits::SCHEMA_LEVELS;
            let message = format!("the schema has more than {most} levels; flatten it");
            return Err(vec![Problem::error(
                String::new(),
                rule::SCHEMA_DEPTH,
                message,
                format!("at most {most} levels"),
                "more",
            )]);
        }
        let names: BTreeSet<_> = schema.properties.iter().flatten().map(|(name, _)| name).collect();
        if names.len() < schema.properties.iter().flatten().count() {
            // A document cannot say this, and in the JSON form one of them would be lost.
            let message = "a property is declared twice; keep one of them";
            return Err(vec![Problem::error(
                String::new(),
                rule::JSON_DUPLICATE_KEY,
                message,
                "each name once",
                "a name twice",
            )]);
        }
        open.extend(schema.items.as_deref().map(|items| (items, level + 1)));
        open.extend(schema.properties.iter().flatten().map(|(_, property)| (property, level + 1)));
    }
    Schema::from_value(&schema.to_value()).map(|_| ())
}

pub(super) fn validator(schema: &Schema, extra: ExtraArgs) -> Result<Validator<Tree>, String> {
    jsonschema::options_for::<Tree>()
        .with_draft(Draft::Draft202012)
        .with_retriever(Refuse)
        .build(&translate(schema, extra, true))
        // The library's words may hold the schema; its place is enough.
        .map_err(|error| format!("at `{}`", error.schema_path()))
}

fn translate(schema: &Schema, extra: ExtraArgs, root: bool) -> Json {
    let below = |schema: &Schema| translate(schema, extra, false);
    match schema.kind {
        SchemaType::String => match &schema.enum_values {
            // Strings only, so that a type beside it would tell every violation twice.
            Some(values) => json!({"enum": values}),
            None => json!({"type": "string"}),
        },
        SchemaType::Number => json!({"type": "number"}),
        SchemaType::Integer => json!({"type": "integer"}),
        SchemaType::Boolean => json!({"type": "boolean"}),
        SchemaType::Array => match &schema.items {
            Some(items) => json!({"type": "array", "items": below(items)}),
            None => json!({"type": "array"}),
        },
        SchemaType::Object => {
            let properties = schema.properties.iter().flatten();
            let properties: serde_json::Map<_, _> =
                properties.map(|(name, schema)| (name.clone(), below(schema))).collect();
            let required: Vec<_> = schema.required.iter().flatten().collect();
            let open = !(extra == ExtraArgs::Reject && is_closed(schema, root));
            json!({"type": "object", "properties": properties, "required": required, "additionalProperties": open})
        }
    }
}

/// Whether an object is limited to what it declares (Q2).
pub(super) fn is_closed(schema: &Schema, root: bool) -> bool {
    schema.properties.as_ref().is_some_and(|properties| root || !properties.is_empty())
}

/// Bytes of the longest JSON pointer into a value that `schema` speaks about. An array's step is at most seven.
pub(super) fn longest_pointer(schema: &Schema) -> usize {
    let items = schema.items.as_ref().map_or(0, |items| 7 + longest_pointer(items));
    let properties = schema.properties.iter().flatten().map(|(name, property)| {
        let mut step = String::new();
        push_key(&mut step, name);
        step.len() + longest_pointer(property)
    });
    properties.max().unwrap_or(0).max(items)
}
