//! Schema: what an argument may be. Six types, five keywords, and whatever else came with them.

use super::{Fields, readable};
use crate::json::Limits;
use crate::problem::Problem;
use crate::{Map, Value, read};
use std::fmt;
use std::str::FromStr;

/// The type of an argument (protocol section 1.1). Upper case exactly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SchemaType {
    /// Text.
    String,
    /// A double.
    Number,
    /// A whole number of 64 bits.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// A list whose elements share one schema.
    Array,
    /// Named values.
    Object,
}

impl SchemaType {
    /// All six.
    pub const ALL: [Self; 6] = [Self::String, Self::Number, Self::Integer, Self::Boolean, Self::Array, Self::Object];

    /// The name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::String => "STRING",
            Self::Number => "NUMBER",
            Self::Integer => "INTEGER",
            Self::Boolean => "BOOLEAN",
            Self::Array => "ARRAY",
            Self::Object => "OBJECT",
        }
    }
}

impl fmt::Display for SchemaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a type; use STRING, NUMBER, INTEGER, BOOLEAN, ARRAY or OBJECT")]
pub struct NotAType;

impl FromStr for SchemaType {
    type Err = NotAType;

    fn from_str(text: &str) -> Result<Self, NotAType> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(NotAType)
    }
}

/// A parameter schema (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// `type`
    pub kind: SchemaType,
    /// `description`
    pub description: Option<String>,
    /// `properties`, in their order; OBJECT only. Absent and empty differ at the root (Q2).
    pub properties: Option<Vec<(String, Schema)>>,
    /// `required`; OBJECT only, names of properties.
    pub required: Option<Vec<String>>,
    /// `items`; ARRAY only, and always there.
    pub items: Option<Box<Schema>>,
    /// `enum`; STRING only.
    pub enum_values: Option<Vec<String>>,
    /// Unknown keywords: kept, never enforced.
    pub extra: Map,
}

impl Schema {
    /// A schema of this type and nothing else.
    #[must_use]
    pub fn new(kind: SchemaType) -> Self {
        Self {
            kind,
            description: None,
            properties: None,
            required: None,
            items: None,
            enum_values: None,
            extra: Map::new(),
        }
    }

    /// The schema of a property, if it is declared.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&Schema> {
        self.properties.as_ref()?.iter().find(|(own, _)| own == name).map(|(_, schema)| schema)
    }

    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let properties = self.properties.as_ref().map(|properties| {
            Value::Object(properties.iter().map(|(name, schema)| (name.as_str(), schema.to_value())).collect())
        });
        Fields::default()
            .put("type", self.kind.as_str())
            .put_some("description", self.description.clone())
            .put_some("properties", properties)
            .put_some("required", self.required.clone())
            .put_some("items", self.items.as_ref().map(|items| items.to_value()))
            .put_some("enum", self.enum_values.clone())
            .finish(&self.extra)
    }
}

readable!(Schema, read::schema, Limits::DEFINITION);
