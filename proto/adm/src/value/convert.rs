//! Values from and to what other code holds.
//! Rust values come in by `From`; the tree of `serde_json` comes in through its text, so that the strict reader judges it, and
//! goes out with the nearest double where it has no room for a token.

use super::{Map, Number, Value};
use crate::json;

impl Value {
    /// Takes a `serde_json` tree.
    ///
    /// # Errors
    /// What [`json::parse`] refuses: depth, count of values, overflowing numbers.
    pub fn from_serde(value: &serde_json::Value) -> Result<Self, json::Error> {
        json::parse(&value.to_string())
    }

    /// A `serde_json` tree of the same value, for libraries that want one. Numbers beyond 64 bits become the nearest double.
    #[must_use]
    pub fn to_serde(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => serde_json::Value::Bool(*value),
            Self::Number(number) => serde_json::Value::Number(serde_number(number)),
            Self::String(text) => serde_json::Value::String(text.clone()),
            Self::Array(items) => serde_json::Value::Array(items.iter().map(Value::to_serde).collect()),
            Self::Object(map) => {
                serde_json::Value::Object(map.iter().map(|(key, value)| (key.to_owned(), value.to_serde())).collect())
            }
        }
    }
}

pub(crate) fn serde_number(number: &Number) -> serde_json::Number {
    let unsigned = || number.token().parse::<u64>().ok().map(serde_json::Number::from);
    let double = || serde_json::Number::from_f64(number.as_f64());
    match number.as_i64() {
        Some(integer) => integer.into(),
        None => unsigned().or_else(double).unwrap_or_else(|| 0.into()),
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<Map> for Value {
    fn from(value: Map) -> Self {
        Self::Object(value)
    }
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>> FromIterator<V> for Value {
    fn from_iter<I: IntoIterator<Item = V>>(values: I) -> Self {
        Self::Array(values.into_iter().map(Into::into).collect())
    }
}
