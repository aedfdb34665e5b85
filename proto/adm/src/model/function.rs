//! FunctionDeclaration and Tool: what can be called.

use super::{Fields, Schema, readable};
use crate::json::Limits;
use crate::problem::Problem;
use crate::{Map, Value, read};

/// One callable function (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionDeclaration {
    /// `name`, on the pattern of R-024.
    pub name: String,
    /// `description`, not blank.
    pub description: String,
    /// `parameters`; the root is OBJECT (Q9).
    pub parameters: Schema,
    /// Unknown fields (Q8); a host finds its own among them.
    pub extra: Map,
}

impl FunctionDeclaration {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Fields::default()
            .put("name", self.name.as_str())
            .put("description", self.description.as_str())
            .put("parameters", self.parameters.to_value())
            .finish(&self.extra)
    }
}

readable!(FunctionDeclaration, read::function_declaration, Limits::DEFINITION);

/// A set of functions (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// `function_declarations`: at least one, names unique.
    pub function_declarations: Vec<FunctionDeclaration>,
    /// Unknown fields (Q8).
    pub extra: Map,
}

impl Tool {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let declarations: Value = self.function_declarations.iter().map(FunctionDeclaration::to_value).collect();
        Fields::default().put("function_declarations", declarations).finish(&self.extra)
    }
}

readable!(Tool, read::tool, Limits::DEFINITION);
