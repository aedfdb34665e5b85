//! A tool: its declaration, and the function behind it. Takes arguments as JSON, checks them against the
//! declaration, gives work that is ready to run; refuses with every fault at once (R-072).

#![deny(missing_docs)]

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

use serde_json::Value;

mod code;
mod fault;
pub mod read;
pub mod schema;
mod types;

pub use code::Code;
pub use fault::ToolError;
use read::{Fields, Reader};
use schema::{Properties, Schema, Schemas};

/// A future in a box.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a tool answers: content as JSON text, or its error.
pub type Answer = Result<String, ToolError>;

/// A call whose arguments have been read, ready to run.
pub enum Work {
    /// From an `async fn`.
    Async(Boxed<'static, Answer>),
    /// From a `fn`, which may block its thread.
    Blocking(Box<dyn FnOnce() -> Answer + Send>),
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "async work",
            Self::Blocking(_) => "blocking work",
        })
    }
}

/// A type that a tool's parameter may have: an ADM schema, and how a value is read from JSON.
///
/// Derive it for a struct with named fields (an OBJECT; `Option` fields may be left out) and for an enum without
/// data (a STRING with an enum). Doc comments become descriptions; `#[tool(rename = "…")]` on a field or a variant
/// gives it another name on the wire.
///
/// ```
/// /// A language to write in.
/// #[derive(grid_sdk::ToolType)]
/// enum Language {
///     #[tool(rename = "en")]
///     English,
///     #[tool(rename = "de")]
///     German,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no ADM type, so it cannot be a parameter of a tool",
    label = "this parameter cannot be declared",
    note = "parameters are String, &str, bool, i8 to i64, u8 to u32, f32, f64, Vec, Option, maps with String keys, \
            and types that derive ToolType"
)]
pub trait ToolType: Sized + Send + 'static {
    /// What the type says about itself where the parameter says nothing.
    const DESCRIPTION: &'static str = "";

    /// It may be left out.
    const OPTIONAL: bool = false;

    /// The ADM schema.
    fn schema(schemas: &mut Schemas) -> Schema;

    /// The value, or `None` after the reader has been told each fault.
    fn read(value: Value, reader: &mut Reader) -> Option<Self>;

    /// What a left-out value counts as, where it may be left out.
    #[must_use]
    fn absent() -> Option<Self> {
        None
    }
}

/// What `#[tool]` makes of a function.
pub trait IntoTool {
    /// The tool.
    fn into_tool(self) -> Tool;
}

/// A declared function that a runtime can serve.
#[derive(Clone)]
pub struct Tool {
    name: &'static str,
    description: &'static str,
    parameters: String,
    problems: Vec<String>,
    prepare: fn(Fields<'_>) -> Option<Work>,
}

impl Tool {
    /// The name to call it by.
    #[must_use]
    pub const fn name(&self) -> &str {
        self.name
    }

    /// What it does.
    #[must_use]
    pub const fn description(&self) -> &str {
        self.description
    }

    /// Its parameters, an ADM schema as JSON text.
    #[must_use]
    pub fn parameters(&self) -> &str {
        &self.parameters
    }

    /// What is wrong with the declaration.
    pub fn problems(&self) -> &[String] {
        &self.problems
    }

    /// Checks the arguments, a JSON object as text.
    pub fn prepare(&self, args: &str) -> Result<Work, ToolError> {
        // The strict reader: what two parsers may read differently is refused (R-172).
        let value = grid_adm::json::parse(args)
            .map_err(|fault| wrong_arguments(format!("the arguments are not usable JSON: {fault}")))?;
        let mut reader = Reader::default();
        let work = reader.fields(value.to_serde()).and_then(self.prepare);
        match (work, reader.report()) {
            (Some(work), None) => Ok(work),
            (_, Some(report)) => Err(wrong_arguments(report)),
            (None, None) => Err(wrong_arguments("the arguments cannot be read; compare them with the declaration")),
        }
    }
}

fn wrong_arguments(message: impl Into<String>) -> ToolError {
    ToolError::new(Code::PARAMETER_VALIDATION_FAILED, message)
}

impl IntoTool for Tool {
    fn into_tool(self) -> Tool {
        self
    }
}

impl fmt::Debug for Tool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tool").field("name", &self.name).field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

/// A tool from what the attribute wrote.
pub fn tool(
    name: &'static str,
    description: &'static str,
    declare: fn(&mut Properties<'_>),
    prepare: fn(Fields<'_>) -> Option<Work>,
) -> Tool {
    let mut schemas = Schemas::default();
    let parameters = schemas.root(declare).into_value();
    let mut problems = schemas.into_problems();
    problems.extend(problems_of(name, description, &parameters));
    Tool { name, description, parameters: parameters.to_string(), problems, prepare }
}

/// What the data model finds wrong with a declaration, such as a schema of too many levels.
fn problems_of(name: &str, description: &str, parameters: &Value) -> Vec<String> {
    let declaration = serde_json::json!({
        "name": name,
        "description": description,
        "parameters": parameters,
    });
    match grid_adm::FunctionDeclaration::read(&declaration.to_string()) {
        Ok(_) => Vec::new(),
        Err(problems) => problems
            .into_iter()
            .filter(|problem| problem.severity == grid_adm::Severity::Error)
            .map(|problem| problem.message)
            .collect(),
    }
}

/// What a function returned, about to become an answer. Results of any spelling find `answer` on the type itself;
/// other values find it through [`PlainAnswer`].
#[derive(Debug)]
pub struct Returned<T>(pub T);

impl<T, E> Returned<Result<T, E>> {
    /// Content from `Ok`, the tool's error from `Err`.
    ///
    /// # Errors
    /// The function's own, as a [`ToolError`].
    pub fn answer(self) -> Answer
    where
        T: serde::Serialize,
        E: fmt::Display + Any,
    {
        match self.0 {
            Ok(value) => Returned(value).plain(),
            Err(error) => Err(ToolError::from_any(&error)),
        }
    }
}

impl<T: serde::Serialize> Returned<T> {
    fn plain(self) -> Answer {
        serde_json::to_string(&self.0).map_err(|_| {
            ToolError::new(
                Code::DATA_PROCESSING_ERROR,
                "the tool's answer cannot be written as JSON; report it to the tool's owner",
            )
        })
    }
}

/// The answer of a function that cannot fail.
pub trait PlainAnswer {
    /// The value as content.
    ///
    /// # Errors
    /// `DATA_PROCESSING_ERROR` where the value has no JSON form.
    fn answer(self) -> Answer;
}

impl<T: serde::Serialize> PlainAnswer for Returned<T> {
    fn answer(self) -> Answer {
        self.plain()
    }
}
