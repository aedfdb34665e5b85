//! Numbers of a JSON text: their parts, where they may end, and whether a double can hold them.

use super::Fault;

/// A number is remembered while it comes, up to so many bytes.
pub(super) const LONGEST_NUMBER: usize = 512;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// Its first byte has to come.
    Start,
    Minus,
    Zero,
    Whole,
    Dot,
    Fraction,
    Exponent,
    Sign,
    Power,
}

/// Whether a number may end here, and a double can hold it.
pub(super) fn finite(part: Part, number: &[u8]) -> Result<(), Fault> {
    match part {
        Part::Start | Part::Minus | Part::Dot | Part::Exponent | Part::Sign => return Err(Fault::Syntax("a digit")),
        // Without an exponent it takes more than 300 digits to get beyond 1e308; only the rest has to be tried.
        Part::Zero | Part::Whole | Part::Fraction if number.len() <= 300 => return Ok(()),
        Part::Zero | Part::Whole | Part::Fraction | Part::Power => {}
    }
    let text = std::str::from_utf8(number).unwrap_or_default();
    match text.parse::<f64>().is_ok_and(f64::is_finite) {
        true => Ok(()),
        false => Err(Fault::NumberOverflow),
    }
}

/// The part of a number that a byte leads to; none where the number ended before it.
pub(super) fn next(part: Part, byte: u8) -> Option<Part> {
    Some(match (part, byte) {
        (Part::Start, b'-') => Part::Minus,
        (Part::Start | Part::Minus, b'0') => Part::Zero,
        (Part::Start | Part::Minus | Part::Whole, b'0'..=b'9') => Part::Whole,
        (Part::Zero | Part::Whole, b'.') => Part::Dot,
        (Part::Dot | Part::Fraction, b'0'..=b'9') => Part::Fraction,
        (Part::Zero | Part::Whole | Part::Fraction, b'e' | b'E') => Part::Exponent,
        (Part::Exponent, b'+' | b'-') => Part::Sign,
        (Part::Exponent | Part::Sign | Part::Power, b'0'..=b'9') => Part::Power,
        _ => return None,
    })
}
