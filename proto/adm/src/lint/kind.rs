//! Kinds of documents, by name and by shape.

use crate::Value;
use crate::json::Limits;
use std::fmt;
use std::str::FromStr;

/// What a document is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A set of functions.
    Tool,
    /// One function.
    FunctionDeclaration,
    /// A parameter schema.
    Schema,
    /// A call.
    FunctionCall,
    /// An answer.
    ToolResult,
    /// An answer's error.
    ErrorObject,
    /// One contract of a manifest.
    ToolContract,
    /// A manifest.
    ToolManifest,
    /// Arguments, which need a schema beside them.
    Arguments,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Tool,
        Self::FunctionDeclaration,
        Self::Schema,
        Self::FunctionCall,
        Self::ToolResult,
        Self::ErrorObject,
        Self::ToolContract,
        Self::ToolManifest,
        Self::Arguments,
    ];

    /// The name, as in `grid adm check --kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::FunctionDeclaration => "function_declaration",
            Self::Schema => "schema",
            Self::FunctionCall => "function_call",
            Self::ToolResult => "tool_result",
            Self::ErrorObject => "error_object",
            Self::ToolContract => "tool_contract",
            Self::ToolManifest => "tool_manifest",
            Self::Arguments => "arguments",
        }
    }

    /// The kind that a document's fields tell, if they tell one.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let has = |key| value.get(key).is_some();
        match () {
            () if has("contracts") || has("manifest_version") => Some(Self::ToolManifest),
            () if has("function_declarations") && has("name") => Some(Self::ToolContract),
            () if has("function_declarations") => Some(Self::Tool),
            () if has("status") || has("content") || has("error") => Some(Self::ToolResult),
            () if has("args") || has("call_id") => Some(Self::FunctionCall),
            () if has("parameters") => Some(Self::FunctionDeclaration),
            () if has("type") && has("message") => Some(Self::ErrorObject),
            () if has("type") || has("properties") || has("items") => Some(Self::Schema),
            () => None,
        }
    }

    /// What a text of this kind may cost to read.
    #[must_use]
    pub const fn limits(self) -> Limits {
        match self {
            Self::ToolManifest => Limits::MANIFEST,
            Self::Tool | Self::FunctionDeclaration | Self::Schema | Self::ToolContract => Limits::DEFINITION,
            Self::FunctionCall | Self::ToolResult | Self::ErrorObject | Self::Arguments => Limits::DATA,
        }
    }

    pub(super) fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that names no kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of document; use one of {}", Kind::names())]
pub struct UnknownKind;

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownKind)
    }
}
