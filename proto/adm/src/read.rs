//! Values to structures: every rule of protocol section 1.2, all problems at once.
//! Takes a [`Value`], gives the structure and what is wrong with it; a structure with an error is never handed out.

mod call;
mod function;
mod manifest;
mod schema;

pub(crate) use call::{error_object, function_call, tool_result};
pub(crate) use function::{function_declaration, tool};
pub(crate) use manifest::{tool_contract, tool_manifest};
pub(crate) use schema::schema;

use crate::problem::{Problem, Problems, Severity, quoted};
use crate::value::{push_index, push_key};
use crate::{Map, Value, rule};

/// Whether unknown fields are worth a word (Q8).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// Unknown fields are kept in silence.
    #[default]
    Lenient,
    /// Unknown fields are listed as warnings.
    Strict,
}

/// Where we are in the document and what was wrong so far.
pub(crate) struct Reader<'v> {
    path: Vec<Step<'v>>,
    problems: Problems,
    mode: Mode,
}

enum Step<'v> {
    Key(&'v str),
    Index(usize),
}

impl<'v> Reader<'v> {
    pub(crate) fn new(mode: Mode) -> Self {
        Self { path: Vec::new(), problems: Problems::default(), mode }
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.problems.has_errors()
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_vec()
    }

    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in &self.path {
            match step {
                Step::Key(key) => push_key(&mut pointer, key),
                Step::Index(index) => push_index(&mut pointer, *index),
            }
        }
        pointer
    }

    fn report(&mut self, severity: Severity, rule: &'static str, message: String, expected: &str, found: &str) {
        // A full report only counts; building pointers for it would let a hostile document cost without bound.
        let pointer = if self.problems.is_full() { String::new() } else { self.pointer() };
        let problem = Problem { severity, ..Problem::error(pointer, rule, message, expected, found) };
        self.problems.push(problem);
    }

    fn error(&mut self, rule: &'static str, message: impl Into<String>, expected: &str, found: &str) {
        self.report(Severity::Error, rule, message.into(), expected, found);
    }

    fn warn(&mut self, rule: &'static str, message: impl Into<String>, expected: &str, found: &str) {
        self.report(Severity::Warning, rule, message.into(), expected, found);
    }

    /// Does `work` one step deeper.
    fn at_key<T>(&mut self, key: &'v str, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Key(key));
        let result = work(self);
        self.path.pop();
        result
    }

    fn at_index<T>(&mut self, index: usize, work: impl FnOnce(&mut Self) -> T) -> T {
        self.path.push(Step::Index(index));
        let result = work(self);
        self.path.pop();
        result
    }

    /// A field that must be there.
    fn required<T>(
        &mut self,
        map: &'v Map,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        if !map.contains_key(key) {
            self.error(rule::FIELD_REQUIRED, format!("field `{key}` is missing; add it"), key, "no such field");
        }
        self.optional(map, key, read)
    }

    /// A field that may be left out, but not be null (Q1).
    fn optional<T>(
        &mut self,
        map: &'v Map,
        key: &'static str,
        read: impl FnOnce(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<T> {
        let value = map.get(key)?;
        self.at_key(key, |reader| {
            if value.is_null() {
                let message = format!("field `{key}` is null; leave it out or give it a value");
                reader.error(rule::FIELD_NULL, message, "a value or no field", "null");
                return None;
            }
            read(reader, value)
        })
    }

    fn wrong_type(&mut self, expected: &str, value: &Value) {
        let found = value.kind();
        self.error(rule::FIELD_TYPE, format!("expected {expected}, found {found}; change the type"), expected, found);
    }

    fn object(&mut self, value: &'v Value) -> Option<&'v Map> {
        if value.as_object().is_none() {
            self.wrong_type("object", value);
        }
        value.as_object()
    }

    fn string(&mut self, value: &'v Value) -> Option<&'v str> {
        if value.as_str().is_none() {
            self.wrong_type("string", value);
        }
        value.as_str()
    }

    /// An array whose elements are read one by one; those that cannot be read are left out of the result.
    fn array<T>(
        &mut self,
        value: &'v Value,
        mut read: impl FnMut(&mut Self, &'v Value) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(items) = value.as_array() else {
            self.wrong_type("array", value);
            return None;
        };
        let read = items.iter().enumerate().filter_map(|(at, item)| self.at_index(at, |reader| read(reader, item)));
        Some(read.collect())
    }

    /// The fields that `known` does not name (Q8).
    fn extra(&mut self, map: &'v Map, known: &[&str]) -> Map {
        for key in map.keys().filter(|key| !known.contains(key)) {
            let reserved = key.starts_with("_adm_") || self.mode == Mode::Strict && RESERVED.contains(&key);
            if reserved {
                let message = format!("field {} is reserved for the data model; use a name of your own", quoted(key));
                self.at_key(key, |reader| {
                    reader.warn(rule::FIELD_RESERVED, message, "another name", "a reserved name")
                });
            } else if self.mode == Mode::Strict {
                let message = format!("field {} is not known; it is kept and has no effect", quoted(key));
                self.at_key(key, |reader| {
                    reader.warn(rule::FIELD_UNKNOWN, message, &known.join(", "), "another field")
                });
            }
        }
        let unknown = map.iter().filter(|(key, _)| !known.contains(key));
        unknown.map(|(key, value)| (key, value.clone())).collect()
    }
}

/// Names that the data model keeps for itself (protocol section 1.3), besides the prefix `_adm_`.
const RESERVED: [&str; 5] = ["_version", "_extensions", "_metadata", "_deprecated", "_experimental"];
