//! Writes ADM schemas: a few keywords, upper-case types, `properties` present even where empty so that unknown
//! arguments are refused.

use std::any::type_name;

use serde_json::{Map, Value};

use crate::ToolType;

/// An ADM schema.
#[derive(Debug, Clone, PartialEq)]
pub struct Schema(Map<String, Value>);

impl Schema {
    /// A schema of a type that needs nothing else.
    #[must_use]
    pub fn of(kind: &str) -> Self {
        Self(Map::from_iter([("type".to_owned(), Value::from(kind))]))
    }

    fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    fn described(self, text: &str) -> Self {
        if text.is_empty() { self } else { self.with("description", text) }
    }

    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// Writes schemas and remembers which types it is inside, because an ADM schema cannot contain itself.
#[derive(Debug, Default)]
pub struct Schemas {
    inside: Vec<&'static str>,
    problems: Vec<String>,
}

impl Schemas {
    pub(crate) fn into_problems(self) -> Vec<String> {
        self.problems
    }

    pub(crate) fn root(&mut self, declare: fn(&mut Properties<'_>)) -> Schema {
        self.write(declare)
    }

    /// An ARRAY of a type.
    pub fn array<T: ToolType>(&mut self) -> Schema {
        let items = T::schema(self).described(T::DESCRIPTION);
        Schema::of("ARRAY").with("items", items.0)
    }

    /// A STRING of some values.
    #[must_use]
    pub fn choice(&self, values: &[&str]) -> Schema {
        Schema::of("STRING").with("enum", values)
    }

    /// An OBJECT with properties.
    pub fn object<T: ToolType>(&mut self, declare: impl FnOnce(&mut Properties<'_>)) -> Schema {
        let name = type_name::<T>();
        if self.inside.contains(&name) {
            let short = name.rsplit("::").next().unwrap_or(name);
            self.problems.push(format!(
                "the type `{short}` contains itself, which a declaration cannot; use an id or a free-form map inside"
            ));
            return Schema::of("OBJECT");
        }
        self.inside.push(name);
        let schema = self.write(declare);
        self.inside.pop();
        schema
    }

    fn write(&mut self, declare: impl FnOnce(&mut Properties<'_>)) -> Schema {
        let mut properties = Properties { schemas: self, properties: Map::new(), required: Vec::new() };
        declare(&mut properties);
        let Properties { properties, required, .. } = properties;
        let schema = Schema::of("OBJECT").with("properties", properties);
        if required.is_empty() { schema } else { schema.with("required", required) }
    }
}

/// The properties of an OBJECT while it is written.
#[derive(Debug)]
pub struct Properties<'a> {
    schemas: &'a mut Schemas,
    properties: Map<String, Value>,
    required: Vec<String>,
}

impl Properties<'_> {
    /// One property; its own text comes before its type's.
    pub fn property<T: ToolType>(&mut self, name: &str, doc: &str) {
        let text = if doc.is_empty() { T::DESCRIPTION } else { doc };
        let schema = T::schema(self.schemas).described(text);
        let earlier = self.properties.insert(name.to_owned(), Value::Object(schema.0));
        if earlier.is_some() {
            self.schemas.problems.push(format!("the name `{name}` occurs twice; rename one of the fields"));
        }
        if !T::OPTIONAL {
            self.required.push(name.to_owned());
        }
    }
}
