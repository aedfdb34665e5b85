//! The structures of the data model (protocol section 1.2) as types.
//! `read` and `from_value` give checked ones; one built by hand is checked by `from_value(&own.to_value())`. Writing keeps a fixed
//! order of fields, leaves absent ones out, and puts unknown fields last, as they were (Q8).

mod call;
mod function;
mod manifest;
mod schema;

pub use call::{ErrorObject, FunctionCall, Outcome, ToolResult};
pub use function::{FunctionDeclaration, Tool};
pub use manifest::{ToolContract, ToolManifest};
pub use schema::{Schema, SchemaType};

use crate::json::{self, Limits};
use crate::problem::Problem;
use crate::read::{Mode, Reader};
use crate::{Map, Value};

/// Members in the order they are put, absent ones left out.
#[derive(Default)]
struct Fields(Map);

impl Fields {
    fn put(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key, value.into());
        self
    }

    fn put_some(self, key: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.put(key, value),
            None => self,
        }
    }

    /// Unknown fields last. One that bears a known field's name was put there by hand and does not win.
    fn finish(self, extra: &Map) -> Value {
        let unknown = extra.iter().filter(|(key, _)| !self.0.contains_key(key));
        let unknown: Vec<_> = unknown.map(|(key, value)| (key.to_owned(), value.clone())).collect();
        Value::Object(self.0.into_iter().chain(unknown).collect())
    }
}

/// What a structure reads to: itself with warnings, or all problems.
type Read<T> = Result<(T, Vec<Problem>), Vec<Problem>>;

fn read_text<T>(text: &str, limits: Limits, read: fn(&Value) -> Read<T>) -> Read<T> {
    match json::parse_within(text, limits) {
        Ok(value) => read(&value),
        Err(error) => Err(vec![error.to_problem()]),
    }
}

fn read_value<'v, T>(value: &'v Value, read: fn(&mut Reader<'v>, &'v Value) -> Option<T>) -> Read<T> {
    let mut reader = Reader::new(Mode::Lenient);
    let built = read(&mut reader, value);
    let refused = reader.has_errors();
    match built {
        Some(built) if !refused => Ok((built, reader.into_problems())),
        _ => Err(reader.into_problems()),
    }
}

macro_rules! readable {
    ($type:ty, $read:path, $limits:expr) => {
        impl $type {
            /// Reads and checks JSON text.
            ///
            /// # Errors
            /// All problems at once; those of the text itself come alone.
            pub fn read(text: &str) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
                super::read_text(text, $limits, Self::from_value)
            }

            /// Checks a value and takes it; the second part holds warnings.
            ///
            /// # Errors
            /// All problems at once, warnings among them.
            pub fn from_value(value: &Value) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
                super::read_value(value, $read)
            }

            /// Compact JSON text of [`Self::to_value`].
            #[must_use]
            pub fn to_text(&self) -> String {
                self.to_value().to_text()
            }
        }
    };
}
use readable;

#[cfg(test)]
mod tests;
