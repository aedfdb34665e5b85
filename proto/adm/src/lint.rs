//! The engine behind `grid adm check`: documents in, reports out.
//! Takes text of any kind of the data model, finds the kind when none is given, and answers all problems. Never fails.

mod kind;
mod lines;

pub use kind::{Kind, UnknownKind};
pub use lines::{line, lines};

use crate::json::{self, Limits};
use crate::problem::Problem;
use crate::read::{self, Mode, Reader};
use crate::{ArgumentChecker, ExtraArgs, Schema, Value, rule};

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// As what the document was checked; absent when no kind was given and none could be told.
    pub kind: Option<Kind>,
    /// All problems, warnings among them, in the order of the document.
    pub problems: Vec<Problem>,
}

impl Report {
    /// Whether no problem is an error.
    #[must_use]
    pub fn valid(&self) -> bool {
        !self.problems.iter().any(Problem::is_error)
    }
}

/// Checks a value as `kind`; every rule of protocol section 1.2, all problems at once. Arguments need a schema and are always
/// taken here; see [`arguments`].
#[must_use]
pub fn check(kind: Kind, value: &Value, mode: Mode) -> Vec<Problem> {
    let mut reader = Reader::new(mode);
    match kind {
        Kind::Tool => drop(read::tool(&mut reader, value)),
        Kind::FunctionDeclaration => drop(read::function_declaration(&mut reader, value)),
        Kind::Schema => drop(read::schema(&mut reader, value)),
        Kind::FunctionCall => drop(read::function_call(&mut reader, value)),
        Kind::ToolResult => drop(read::tool_result(&mut reader, value)),
        Kind::ErrorObject => drop(read::error_object(&mut reader, value)),
        Kind::ToolContract => drop(read::tool_contract(&mut reader, value)),
        Kind::ToolManifest => drop(read::tool_manifest(&mut reader, value)),
        Kind::Arguments => {}
    }
    reader.into_problems()
}

/// Checks a text; without a kind, as what its shape tells.
#[must_use]
pub fn document(kind: Option<Kind>, text: &str, mode: Mode) -> Report {
    let limits = kind.map_or(Limits::DEFINITION, Kind::limits);
    let value = match json::parse_within(text, limits) {
        Ok(value) => value,
        Err(error) => {
            return Report { kind, problems: vec![error.to_problem()] };
        }
    };
    let Some(told) = kind.or_else(|| Kind::of(&value)) else {
        let message = format!("the document's shape tells no kind; name one of {}", Kind::names());
        let problem = Problem::error(String::new(), rule::KIND_UNKNOWN, message, Kind::names(), value.kind());
        return Report { kind: None, problems: vec![problem] };
    };
    if kind.is_none() && told.limits() != limits {
        return document(Some(told), text, mode);
    }
    Report { kind: Some(told), problems: check(told, &value, mode) }
}

/// Checks the text of arguments against the text of their schema. Undeclared arguments are refused (Q2). The schema's own
/// problems come first and alone, their messages begin with `in the schema:` and their pointers lead into it.
#[must_use]
pub fn arguments(schema: &str, text: &str) -> Report {
    let report = |problems| Report { kind: Some(Kind::Arguments), problems };
    let in_schema = |mut problem: Problem| {
        problem.message = format!("in the schema: {}", problem.message);
        problem
    };
    let compiled = Schema::read(schema)
        .and_then(|(schema, _)| ArgumentChecker::compile(&schema, ExtraArgs::Reject))
        .map_err(|problems| problems.into_iter().map(in_schema).collect());
    match (compiled, json::parse(text)) {
        (Err(problems), _) => report(problems),
        (Ok(_), Err(error)) => report(vec![error.to_problem()]),
        (Ok(checker), Ok(value)) => report(checker.check(&value).err().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests;
