//! Numbers with the token they came with.
//! Small integers are held as such, because their token can be written anew without loss; every other token is kept as text.
//! Refuses tokens that are not JSON numbers and those whose magnitude no double can hold.

use crate::json;
use std::borrow::Cow;
use std::fmt;

/// The largest magnitude up to which every whole double is exact: 2^53 - 1 (Q3).
const EXACT: f64 = 9_007_199_254_740_991.0;

/// A JSON number. Equal when the tokens are.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Repr);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    /// A token that is the shortest decimal form of this integer.
    Integer(i64),
    /// Any other token: fractions, exponents, `-0`, integers beyond 64 bits.
    Token(Box<str>),
}

impl Number {
    /// Takes a token that the reader has checked.
    pub(crate) fn from_checked_token(token: &str) -> Self {
        match token.parse::<i64>() {
            Ok(integer) if token != "-0" => Self(Repr::Integer(integer)),
            _ => Self(Repr::Token(token.into())),
        }
    }

    /// Takes a JSON number token.
    ///
    /// # Errors
    /// When `token` is not a JSON number or overflows a double.
    pub fn from_token(token: &str) -> Result<Self, json::Error> {
        match json::parse(token)? {
            super::Value::Number(number) => Ok(number),
            _ => Err(json::Error::not_a_number()),
        }
    }

    /// Takes a double; its token is the shortest form that reads back as the same double.
    ///
    /// # Errors
    /// When `value` is not finite: JSON has no such numbers.
    pub fn from_f64(value: f64) -> Result<Self, NotANumber> {
        if !value.is_finite() {
            return Err(NotANumber);
        }
        Ok(Self::from_checked_token(ryu_js::Buffer::new().format_finite(value)))
    }

    /// The token as written.
    #[must_use]
    pub fn token(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Integer(integer) => Cow::Owned(integer.to_string()),
            Repr::Token(token) => Cow::Borrowed(token),
        }
    }

    /// The integer, if the token is one that fits 64 bits. `-0` is 0 (Q3).
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(integer) => Some(*integer),
            Repr::Token(token) => (&**token == "-0").then_some(0),
        }
    }

    /// The nearest double; always finite.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        match &self.0 {
            #[expect(clippy::cast_precision_loss, reason = "the nearest double is what is asked for")]
            Repr::Integer(integer) => *integer as f64,
            Repr::Token(token) => token.parse().unwrap_or(0.0),
        }
    }

    /// Whether the token has neither fraction nor exponent.
    #[must_use]
    pub fn is_integer_token(&self) -> bool {
        match &self.0 {
            Repr::Integer(_) => true,
            Repr::Token(token) => token.bytes().all(|byte| byte == b'-' || byte.is_ascii_digit()),
        }
    }

    /// Whether the token is the plain decimal form of a 64-bit integer.
    pub(crate) fn is_plain_integer(&self) -> bool {
        matches!(self.0, Repr::Integer(_))
    }
}

/// The integer that an INTEGER argument stands for (Q3): an integer token within 64 bits, or a token with fraction or exponent
/// whose value is whole and within ±(2^53-1).
pub(crate) fn as_adm_integer(number: &Number) -> Option<i64> {
    if let Some(integer) = number.as_i64() {
        return Some(integer);
    }
    let Repr::Token(token) = &number.0 else {
        return None;
    };
    let double: f64 = token.parse().ok()?;
    if number.is_integer_token() || double.abs() > EXACT || !is_whole_token(token) {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53, checked above")]
    Some(double as i64)
}

/// Whether the decimal value of a token is whole. The token decides, not the double: `1.00000000000000000001` reads as 1.
fn is_whole_token(token: &str) -> bool {
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let digits = whole.trim_start_matches('-');
    if fraction.is_empty() && digits.bytes().all(|byte| byte == b'0') {
        return true;
    }
    // Exponents of more than 18 digits: the value is either zero, excluded above, or far from whole or from finite.
    let Ok(exponent) = exponent.parse::<i64>() else {
        return !exponent.starts_with('-');
    };
    let below_point = i64::try_from(fraction.len()).unwrap_or(i64::MAX);
    let trailing_zeros = if fraction.is_empty() {
        let zeros = digits.len().saturating_sub(digits.trim_end_matches('0').len());
        i64::try_from(zeros).unwrap_or(i64::MAX)
    } else {
        0
    };
    exponent.saturating_add(trailing_zeros) >= below_point
}

impl From<i64> for Number {
    fn from(integer: i64) -> Self {
        Self(Repr::Integer(integer))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Integer(integer) => integer.fmt(f),
            Repr::Token(token) => f.write_str(token),
        }
    }
}

/// A double that JSON cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("infinities and not-a-number have no form in JSON; send a string or leave the field out")]
pub struct NotANumber;
