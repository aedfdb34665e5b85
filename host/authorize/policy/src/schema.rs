//! The Cedar schema of a manifest: what policies may name, and of which type it is. Written as Cedar's JSON form, in
//! which any text may be the name of an action or attribute.

use std::collections::BTreeMap;

use grid_adm::{Map, Schema as AdmSchema, SchemaType, Value};
use grid_contract::Manifest;

/// The namespace of everything.
pub(crate) const NAMESPACE: &str = "Grid";
/// The action of tools that a runtime registered for a session; their arguments have no type.
pub const DYNAMIC: &str = "dynamic";
/// The action that all others are in.
pub const CALL: &str = "call";
/// What dynamic tools are in.
pub(crate) const REGISTERED: &str = "registered";

/// How an argument reaches a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    Text,
    Long,
    Decimal,
    Bool,
    Set(Box<Shape>),
    /// Each member with whether it is always there.
    Record(BTreeMap<String, (Shape, bool)>),
}

impl Shape {
    /// The shape of arguments of a schema.
    pub(crate) fn of(schema: &AdmSchema) -> Self {
        match schema.kind {
            SchemaType::String => Self::Text,
            SchemaType::Integer => Self::Long,
            SchemaType::Number => Self::Decimal,
            SchemaType::Boolean => Self::Bool,
            SchemaType::Array => Self::Set(Box::new(schema.items.as_deref().map_or(Self::Text, Self::of))),
            SchemaType::Object => {
                let required = |name: &String| schema.required.as_ref().is_some_and(|names| names.contains(name));
                let members = schema.properties.iter().flatten();
                Self::Record(members.map(|(name, own)| (name.clone(), (Self::of(own), required(name)))).collect())
            }
        }
    }

    /// The shape of no arguments.
    pub(crate) fn empty() -> Self {
        Self::Record(BTreeMap::new())
    }

    fn to_value(&self) -> Value {
        match self {
            Self::Text => plain("String"),
            Self::Long => plain("Long"),
            Self::Bool => plain("Boolean"),
            Self::Decimal => extension("decimal"),
            Self::Set(of) => set(of.to_value()),
            Self::Record(members) => {
                record(members.iter().map(|(name, (shape, required))| (name.as_str(), shape.to_value(), *required)))
            }
        }
    }
}

fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::Object(members.into_iter().collect())
}

fn plain(name: &str) -> Value {
    object([("type", Value::from(name))])
}

fn extension(name: &str) -> Value {
    object([("type", Value::from("Extension")), ("name", Value::from(name))])
}

fn entity(name: &str) -> Value {
    object([("type", Value::from("Entity")), ("name", Value::from(name))])
}

fn set(of: Value) -> Value {
    object([("type", Value::from("Set")), ("element", of)])
}

fn record<'a>(members: impl IntoIterator<Item = (&'a str, Value, bool)>) -> Value {
    let attributes: Map = members
        .into_iter()
        .map(|(name, of, required)| {
            let mut of = of.as_object().cloned().unwrap_or_default();
            if !required {
                of.insert("required", Value::from(false));
            }
            (name, Value::Object(of))
        })
        .collect();
    object([("type", Value::from("Record")), ("attributes", Value::Object(attributes))])
}

fn texts(texts: &[&str]) -> Value {
    texts.iter().copied().collect()
}

fn entity_types() -> Value {
    let user = [("id", plain("String"), true), ("tenant", entity("Tenant"), true), ("proof", plain("String"), true)];
    let tool = [
        ("name", plain("String"), true),
        ("version", plain("String"), true),
        ("effect", plain("String"), true),
        ("classification", plain("String"), true),
        ("dynamic", plain("Boolean"), true),
        ("providers", set(plain("String")), false),
    ];
    let session = [("id", plain("String"), true), ("created_at", extension("datetime"), true)];
    object([
        ("Tenant", object([])),
        ("Tag", object([])),
        ("Group", object([])),
        ("Role", object([("memberOfTypes", texts(&["Role"]))])),
        (
            "User",
            object([("memberOfTypes", texts(&["Role", "Tenant"])), ("shape", record(user)), ("tags", plain("String"))]),
        ),
        ("Tool", object([("memberOfTypes", texts(&["Tag", "Group"])), ("shape", record(tool))])),
        ("Session", object([("shape", record(session)), ("tags", plain("String"))])),
    ])
}

fn action(args: &Shape) -> Value {
    let context = record([
        ("args", args.to_value(), true),
        ("local", plain("Boolean"), true),
        ("now", extension("datetime"), true),
        ("session", entity("Session"), true),
        ("tenant", entity("Tenant"), true),
    ]);
    let applies = [("principalTypes", texts(&["User"])), ("resourceTypes", texts(&["Tool"])), ("context", context)];
    object([("memberOf", [object([("id", Value::from(CALL))])].into_iter().collect()), ("appliesTo", object(applies))])
}

/// The schema as JSON text: an action for each tool, and one for all that sessions bring.
pub(crate) fn json<'a>(tools: impl IntoIterator<Item = (&'a str, &'a Shape)>) -> String {
    let mut actions: Map = [(CALL, object([])), (DYNAMIC, action(&Shape::empty()))].into_iter().collect();
    for (name, shape) in tools {
        actions.insert(name, action(shape));
    }
    let space = object([("entityTypes", entity_types()), ("actions", Value::Object(actions))]);
    object([(NAMESPACE, space)]).to_text()
}

/// How the arguments of each function of a manifest reach policies.
pub(crate) fn shapes(manifest: &Manifest) -> BTreeMap<String, Shape> {
    let shape =
        |parameters: &str| AdmSchema::read(parameters).map_or_else(|_| Shape::empty(), |(own, _)| Shape::of(&own));
    manifest.iter().map(|contract| (contract.name().to_string(), shape(contract.parameters()))).collect()
}
