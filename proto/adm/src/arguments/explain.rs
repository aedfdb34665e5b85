//! The library's errors as problems: our words, our rules, and no argument's value unless it is allowed.

use crate::problem::{Problem, Problems, quoted};
use crate::rule;
use crate::shape;
use crate::value::{Value, as_adm_integer, push_key};
use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};

/// Strings longer than this are never quoted.
const SHORT: usize = 32;

pub(super) fn explain(error: &ValidationError<'_>, arguments: &Value, quote_values: bool, problems: &mut Problems) {
    if problems.is_full() {
        // Words for each, a long list of allowed values above all, would let a hostile value cost without bound.
        return problems.count(match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => unexpected.len(),
            _ => 1,
        });
    }
    let pointer = error.instance_path().as_str();
    let found = arguments.pointer(pointer).unwrap_or(&Value::Null);
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = quoted(property.as_str().unwrap_or_default());
            let message = format!("required argument {name} is missing; add it");
            problems.push(Problem::error(
                pointer.to_owned(),
                rule::ARGUMENTS_REQUIRED,
                message,
                name,
                "no such argument",
            ));
        }
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            for name in unexpected {
                undeclared(pointer, name, found, problems);
            }
        }
        ValidationErrorKind::Enum { .. } if found.as_str().is_none() => {
            problems.push(wrong_type(pointer, "string", found))
        }
        ValidationErrorKind::Enum { options } => {
            problems.push(not_allowed(pointer, options, found, quote_values));
        }
        ValidationErrorKind::Type { kind: TypeKind::Single(kind) } => {
            problems.push(wrong_type(pointer, kind.as_str(), found));
        }
        other => {
            let message = format!("the argument breaks `{}`; see the contract", other.keyword());
            problems.push(Problem::error(
                pointer.to_owned(),
                rule::ARGUMENTS_TYPE,
                message,
                other.keyword(),
                shape::of_one(found),
            ));
        }
    }
}

fn undeclared(pointer: &str, name: &str, object: &Value, problems: &mut Problems) {
    if problems.is_full() {
        return problems.count(1);
    }
    let mut pointer = pointer.to_owned();
    push_key(&mut pointer, name);
    let message = format!("argument {} is not declared; remove it", quoted(name));
    let found = object.get(name).map(shape::of_one).unwrap_or_default();
    problems.push(Problem::error(pointer, rule::ARGUMENTS_UNDECLARED, message, "a declared argument", found));
}

fn not_allowed(pointer: &str, options: &serde_json::Value, found: &Value, quote_values: bool) -> Problem {
    let options: Vec<&str> = options.as_array().into_iter().flatten().filter_map(serde_json::Value::as_str).collect();
    let expected = format!("one of {}", serde_json::Value::from(options));
    let found = match found.as_str() {
        Some(text) if quote_values && text.chars().count() <= SHORT => quoted(text),
        _ => shape::of_one(found),
    };
    let message = format!("expected {expected}, found {found}; use an allowed value");
    Problem::error(pointer.to_owned(), rule::ARGUMENTS_ENUM, message, expected, found)
}

fn wrong_type(pointer: &str, expected: &str, found: &Value) -> Problem {
    let (expected, remedy) = match (expected, found) {
        ("integer", Value::Number(number)) if number.is_integer_token() => {
            ("an integer from -9223372036854775808 to 9223372036854775807", "send a number in this range")
        }
        ("integer", Value::Number(number)) if as_adm_integer(number).is_none() => {
            ("an integer", "send a whole number, without fraction and exponent")
        }
        (expected, Value::Null) => (expected, "send a value or leave the argument out"),
        (expected, _) => (expected, "send this type, nothing is converted"),
    };
    let found = shape::of_one(found);
    let message = format!("expected {expected}, found {found}; {remedy}");
    Problem::error(pointer.to_owned(), rule::ARGUMENTS_TYPE, message, expected, found)
}
