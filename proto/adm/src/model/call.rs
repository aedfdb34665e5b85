//! FunctionCall, ToolResult and ErrorObject: what is asked and what is answered.

use super::{Fields, readable};
use crate::json::Limits;
use crate::problem::Problem;
use crate::{Map, Value, read};

/// One call of a function (protocol section 1.2). Its arguments are checked by [`ArgumentChecker`](crate::ArgumentChecker).
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCall {
    /// `call_id`: 1 to 128 printable ASCII characters, not blank.
    pub call_id: String,
    /// `name`, on the pattern of R-024.
    pub name: String,
    /// `args`
    pub args: Map,
    /// Unknown fields (Q8).
    pub extra: Map,
}

impl FunctionCall {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Fields::default()
            .put("call_id", self.call_id.as_str())
            .put("name", self.name.as_str())
            .put("args", self.args.clone())
            .finish(&self.extra)
    }
}

readable!(FunctionCall, read::function_call, Limits::DATA);

/// How a call ended. The status of the wire is this choice.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// `SUCCESS` with its content; null is content too (Q1).
    Success(Value),
    /// `ERROR` with what went wrong.
    Error(ErrorObject),
}

/// The answer to a call (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult {
    /// `call_id` of the call.
    pub call_id: String,
    /// `name` of the call.
    pub name: String,
    /// `status` with `content` or `error`.
    pub outcome: Outcome,
    /// Unknown fields (Q8).
    pub extra: Map,
}

impl ToolResult {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        let fields = Fields::default().put("call_id", self.call_id.as_str()).put("name", self.name.as_str());
        match &self.outcome {
            Outcome::Success(content) => fields.put("status", "SUCCESS").put("content", content.clone()),
            Outcome::Error(error) => fields.put("status", "ERROR").put("error", error.to_value()),
        }
        .finish(&self.extra)
    }
}

readable!(ToolResult, read::tool_result, Limits::DATA);

/// What went wrong in a tool (protocol section 1.2).
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorObject {
    /// `message`, not blank; must not tell internals.
    pub message: String,
    /// `type`; upper snake case is recommended, the set is open.
    pub kind: Option<String>,
    /// Unknown fields (Q8).
    pub extra: Map,
}

impl ErrorObject {
    /// The JSON form.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Fields::default().put("message", self.message.as_str()).put_some("type", self.kind.clone()).finish(&self.extra)
    }
}

readable!(ErrorObject, read::error_object, Limits::DATA);
