//! Canonical bytes (RFC 8785), the form that is hashed: keys by UTF-16 code units, no space, numbers in ECMAScript form.
//! One difference, which the data model's 64-bit INTEGER asks for: a number written without fraction and exponent keeps its
//! decimal digits at any size, where RFC 8785 would round it to a double beyond 2^53. `-0` is `0`.

use crate::value::{Form, Value, write};

/// The canonical bytes of `value`; always UTF-8.
#[must_use]
pub fn to_vec(value: &Value) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    write_into(value, &mut out);
    out
}

/// Appends the canonical bytes of `value` to `out`, so that a caller can use one buffer again.
pub fn write_into(value: &Value, out: &mut Vec<u8>) {
    write(value, Form::Canonical, out);
}

#[cfg(test)]
mod tests;
