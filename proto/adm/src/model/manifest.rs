//! ToolManifest and ToolContract: what an operator lets be called.

use super::{Fields, FunctionDeclaration, readable};
use crate::json::Limits;
use crate::problem::Problem;
use crate::{Map, Value, read};

/// A set of contracts under version control (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ToolManifest {
    /// `manifest_version`; a suffix is kept and warned about (Q7).
    pub manifest_version: String,
    /// `contracts`: at least one; contract names and function names are unique over the manifest (Q52).
    pub contracts: Vec<ToolContract>,
    /// `global_metadata`: names and texts.
    pub global_metadata: Option<Vec<(String, String)>>,
    /// Unknown fields (Q8).
    pub extra: Map,
}

impl ToolManifest {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let metadata = self.global_metadata.as_ref().map(|metadata| {
            Value::Object(metadata.iter().map(|(key, text)| (key.as_str(), Value::from(text.as_str()))).collect())
        });
        let contracts: Value = self.contracts.iter().map(ToolContract::to_value).collect();
        Fields::default()
            .put("manifest_version", self.manifest_version.as_str())
            .put("contracts", contracts)
            .put_some("global_metadata", metadata)
            .finish(&self.extra)
    }
}

readable!(ToolManifest, read::tool_manifest, Limits::MANIFEST);

/// A named group of functions with whatever a host is told about them (Q6).
#[derive(Clone, Debug, PartialEq)]
pub struct ToolContract {
    /// `name`, not blank.
    pub name: String,
    /// `description`
    pub description: Option<String>,
    /// `function_declarations`: at least one, names unique.
    pub function_declarations: Vec<FunctionDeclaration>,
    /// All else, kept as metadata (Q6, Q8).
    pub extra: Map,
}

impl ToolContract {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let declarations: Value = self.function_declarations.iter().map(FunctionDeclaration::to_value).collect();
        Fields::default()
            .put("name", self.name.as_str())
            .put_some("description", self.description.clone())
            .put("function_declarations", declarations)
            .finish(&self.extra)
    }
}

readable!(ToolContract, read::tool_contract, Limits::DEFINITION);
