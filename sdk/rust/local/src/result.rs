//! What a tool gave that ran here: content or an error, always under the ids of its call.

use grid_adm::{ErrorObject, Map, Outcome};
use grid_sdk::ToolError;

/// The answer of a tool to one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolResult {
    /// `call_id` of the call.
    pub call_id: String,
    /// `name` of the call.
    pub name: String,
    /// SUCCESS with content as JSON text, or ERROR with what went wrong.
    pub answer: Result<String, ToolError>,
}

impl ToolResult {
    /// In the form of the data model.
    #[must_use]
    pub fn to_adm(&self) -> grid_adm::ToolResult {
        let outcome = match &self.answer {
            Ok(content) => match grid_adm::json::parse(content) {
                Ok(content) => Outcome::Success(content),
                // An executor gives none such.
                Err(fault) => error("DATA_PROCESSING_ERROR", &format!("the content is not JSON: {fault}")),
            },
            Err(fault) => error(fault.kind().as_str(), fault.message()),
        };
        grid_adm::ToolResult { call_id: self.call_id.clone(), name: self.name.clone(), outcome, extra: Map::new() }
    }

    /// As JSON text.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_adm().to_text()
    }
}

fn error(kind: &str, message: &str) -> Outcome {
    Outcome::Error(ErrorObject { message: message.to_owned(), kind: Some(kind.to_owned()), extra: Map::new() })
}
