//! JSON pointers (RFC 6901): written by checks, followed by whoever reads a problem.
//! Takes keys and indexes, gives the escaped text.

use super::Value;
use std::fmt::Write;

/// Adds a member's step to a pointer.
pub(crate) fn push_key(pointer: &mut String, key: &str) {
    pointer.push('/');
    for character in key.chars() {
        match character {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

/// Adds an element's step to a pointer.
pub(crate) fn push_index(pointer: &mut String, index: usize) {
    // Writing to a string cannot fail.
    let _ = write!(pointer, "/{index}");
}

/// Follows a pointer; `None` when a step leads nowhere.
pub(super) fn find<'v>(value: &'v Value, pointer: &str) -> Option<&'v Value> {
    if pointer.is_empty() {
        return Some(value);
    }
    pointer.strip_prefix('/')?.split('/').try_fold(value, |at, step| match at {
        Value::Object(map) => map.get(&step.replace("~1", "/").replace("~0", "~")),
        Value::Array(items) if step == "0" || !step.starts_with(['0', '+']) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    })
}
