//! The JSON tree that every stage works on.
//! It takes what [`crate::json`] has read, keeps number tokens as written and members in their order, and gives it on unchanged.
//! It refuses nothing by itself: texts are refused by the reader, structures by [`crate::check`].

mod convert;
mod map;
mod number;
mod pointer;
mod write;

pub use map::Map;
pub use number::{NotANumber, Number};

pub(crate) use convert::serde_number;
pub(crate) use number::as_adm_integer;
pub(crate) use pointer::{push_index, push_key};
pub(crate) use write::{Form, write, write_string};

use std::fmt;

/// A JSON value. Two values are equal when they have the same members in any order and numbers of the same token: `1` and
/// `1.0` differ.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, with its token.
    Number(Number),
    /// A string.
    String(String),
    /// An array.
    Array(Vec<Value>),
    /// An object, in the order of its text.
    Object(Map),
}

impl Value {
    /// Whether this is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The boolean, if this is one.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// The number, if this is one.
    #[must_use]
    pub fn as_number(&self) -> Option<&Number> {
        match self {
            Self::Number(number) => Some(number),
            _ => None,
        }
    }

    /// The integer, if this is a number whose token is one that fits 64 bits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.as_number().and_then(Number::as_i64)
    }

    /// The string, if this is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The elements, if this is an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, if this is an object.
    #[must_use]
    pub fn as_object(&self) -> Option<&Map> {
        match self {
            Self::Object(map) => Some(map),
            _ => None,
        }
    }

    /// The member `key`, if this is an object that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// The value at a JSON pointer (RFC 6901); the empty pointer is the value itself.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        pointer::find(self, pointer)
    }

    /// What kind of value this is, in the words of JSON: `null`, `boolean`, `integer`, `number`, `string`, `array`, `object`.
    /// `integer` is said of a token without fraction and exponent.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(number) if number.is_integer_token() => "integer",
            Self::Number(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// Compact JSON text: members in their order, numbers as written.
    #[must_use]
    pub fn to_text(&self) -> String {
        self.to_string()
    }

    /// How many values this tree has, itself included.
    #[must_use]
    pub fn nodes(&self) -> usize {
        let below: usize = match self {
            Self::Array(items) => items.iter().map(Value::nodes).sum(),
            Self::Object(map) => map.values().map(Value::nodes).sum(),
            _ => 0,
        };
        below.saturating_add(1)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(128);
        write(self, Form::AsWritten, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

#[cfg(test)]
mod tests;
