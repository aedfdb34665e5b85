//! Tokens: space, words, numbers, strings.
//! Takes the text at a position that only moves forward; gives the token's value. Every slice is at a character boundary,
//! because tokens begin and end at ASCII bytes.

use super::{Error, Fault};
use crate::value::Number;

pub(super) struct Scanner<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn fault(&self, fault: Fault) -> Error {
        Error::new(fault, self.at)
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    pub(super) fn step(&mut self) {
        self.at += 1;
    }

    pub(super) fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Error> {
        if self.rest().starts_with(word.as_bytes()) {
            self.at += word.len();
            Ok(())
        } else {
            Err(self.fault(Fault::Syntax("`true`, `false` or `null`")))
        }
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn digits(&mut self) -> Result<(), Error> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 {
            return Err(self.fault(Fault::Syntax("a digit")));
        }
        self.at += count;
        Ok(())
    }

    pub(super) fn number(&mut self) -> Result<Number, Error> {
        let start = self.at;
        self.take(b'-');
        if self.take(b'0') {
            if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
                return Err(self.fault(Fault::Syntax("a number without leading zeros")));
            }
        } else {
            self.digits()?;
        }
        let whole_end = self.at;
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            let _sign = self.take(b'+') || self.take(b'-');
            self.digits()?;
        }
        let token = self.text.get(start..self.at).unwrap_or_default();
        // Up to 300 digits without an exponent are below 1e308; only the rest has to be tried.
        let may_overflow = self.at > whole_end || token.len() > 300;
        if may_overflow && !token.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(Error::new(Fault::NumberOverflow, start));
        }
        Ok(Number::from_checked_token(token))
    }

    /// A string; the scanner is at its opening quote.
    pub(super) fn string(&mut self) -> Result<String, Error> {
        self.step();
        let plain = self.plain()?;
        if self.take(b'"') {
            return Ok(plain.to_owned());
        }
        let mut value = String::with_capacity(plain.len() + 16);
        value.push_str(plain);
        while !self.take(b'"') {
            let character = self.escape()?;
            value.push(character);
            value.push_str(self.plain()?);
        }
        Ok(value)
    }

    /// Characters up to a quote or an escape.
    fn plain(&mut self) -> Result<&'t str, Error> {
        let start = self.at;
        let count = self.rest().iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
        self.at = count.map_or(self.text.len(), |count| start + count);
        match self.peek() {
            Some(b'"' | b'\\') => Ok(self.text.get(start..self.at).unwrap_or_default()),
            Some(_) => Err(self.fault(Fault::Syntax("an escape instead of a control character"))),
            None => Err(self.fault(Fault::Syntax("a closing quote"))),
        }
    }

    /// One escape; the scanner is at its backslash.
    fn escape(&mut self) -> Result<char, Error> {
        let start = self.at;
        self.step();
        let escaped = self.peek();
        self.step();
        match escaped {
            Some(b'"') => Ok('"'),
            Some(b'\\') => Ok('\\'),
            Some(b'/') => Ok('/'),
            Some(b'b') => Ok('\u{8}'),
            Some(b'f') => Ok('\u{c}'),
            Some(b'n') => Ok('\n'),
            Some(b'r') => Ok('\r'),
            Some(b't') => Ok('\t'),
            Some(b'u') => self.unicode(start),
            _ => Err(Error::new(Fault::Syntax("an escape that JSON knows"), start)),
        }
    }

    /// The four digits of an escape, and the second half when the first is one of a pair.
    fn unicode(&mut self, start: usize) -> Result<char, Error> {
        let lone = || Error::new(Fault::LoneSurrogate, start);
        let first = self.hex()?;
        let unit = match first {
            0xd800..=0xdbff if self.rest().starts_with(b"\\u") => {
                self.at += 2;
                match self.hex()? {
                    second @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00),
                    _ => return Err(lone()),
                }
            }
            other => other,
        };
        char::from_u32(unit).ok_or_else(lone)
    }

    fn hex(&mut self) -> Result<u32, Error> {
        let digits = self.rest().get(..4).unwrap_or_default();
        let value =
            digits.iter().try_fold(0, |value, digit| char::from(*digit).to_digit(16).map(|digit| value * 16 + digit));
        match value {
            Some(value) if digits.len() == 4 => {
                self.at += 4;
                Ok(value)
            }
            _ => Err(self.fault(Fault::Syntax("four hexadecimal digits"))),
        }
    }
}
