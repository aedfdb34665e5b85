//! A JSON text that comes in pieces and is kept nowhere: syntax, UTF-8, depth, whole characters and numbers that a double
//! can hold. What would need memory of the whole text, keys that come twice and the number of values, is not looked at.

use std::fmt;

use grid_adm::json::Limits;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Something else was expected (RFC 8259).
    Syntax(&'static str),
    /// Bytes that are not UTF-8.
    Utf8,
    /// An escape names half a character.
    LoneSurrogate,
    /// A number's magnitude is beyond a double.
    NumberOverflow,
    /// More levels than this.
    Depth(usize),
    /// Something follows the value.
    Trailing,
}

/// What is wrong, and at which byte it was noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    fault: Fault,
    offset: usize,
}

impl Error {
    fn new(fault: Fault, offset: usize) -> Self {
        Self { fault, offset }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.fault {
            Fault::Syntax(expected) => write!(f, "{expected} was expected"),
            Fault::Utf8 => f.write_str("the bytes are not UTF-8"),
            Fault::LoneSurrogate => f.write_str("an escape names half a character"),
            Fault::NumberOverflow => f.write_str("a number is larger than a double can hold"),
            Fault::Depth(most) => write!(f, "there are more than {most} levels"),
            Fault::Trailing => f.write_str("something follows the value"),
        }?;
        write!(f, " at byte {}", self.offset)
    }
}

/// A number is remembered while it comes, up to so many bytes.
const LONGEST_NUMBER: usize = 512;

/// One JSON text, read as its pieces come.
#[derive(Debug)]
pub(crate) struct Flow {
    state: State,
    /// One bit a level, the innermost lowest: set for an object.
    objects: u64,
    depth: usize,
    /// Bytes before this piece.
    before: usize,
    /// The beginning of a character that the next piece ends.
    partial: Vec<u8>,
    number: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A value; with `true`, or the end of its array.
    Value(bool),
    /// A key; with `true`, or the end of its object.
    Key(bool),
    Colon,
    /// What follows a value.
    After,
    Text(In),
    Escape(In),
    /// Digits of an escape that are left, and those that were there.
    Hex(In, u8, u16),
    /// A second half has to come: its backslash, its `u`, its digits.
    Half(In, u8, u16),
    Number(Part),
    /// What is left of `true`, `false` or `null`.
    Word(&'static [u8]),
}

/// Whose string it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Key,
    Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Minus,
    Zero,
    Whole,
    Dot,
    Fraction,
    Exponent,
    Sign,
    Power,
}

impl Default for Flow {
    fn default() -> Self {
        let (partial, number) = (Vec::new(), Vec::new());
        Self { state: State::Value(false), objects: 0, depth: 0, before: 0, partial, number }
    }
}

impl Flow {
    /// Takes the next piece.
    ///
    /// # Errors
    /// The first fault; the text is lost with it.
    pub(crate) fn feed(&mut self, piece: &[u8]) -> Result<(), Error> {
        self.characters(piece)?;
        let mut rest = piece;
        while let Some(&byte) = rest.first() {
            let at = self.before + (piece.len() - rest.len());
            rest = match self.state {
                State::Text(whose) => self.text(whose, rest, at)?,
                _ => self.byte(byte, rest, at)?,
            };
        }
        self.before += piece.len();
        Ok(())
    }

    /// No piece comes any more.
    ///
    /// # Errors
    /// The text is not whole.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if let State::Number(part) = self.state {
            self.number_ends(part, self.before)?;
        }
        match self.state {
            State::After if self.depth == 0 => Ok(()),
            _ => Err(Error::new(Fault::Syntax("the rest of the text"), self.before)),
        }
    }

    /// UTF-8, whatever the bytes stand for; a character may lie across pieces.
    fn characters(&mut self, piece: &[u8]) -> Result<(), Error> {
        let mut rest = piece;
        while !self.partial.is_empty()
            && let Some((first, more)) = rest.split_first()
        {
            self.partial.push(*first);
            rest = more;
            match std::str::from_utf8(&self.partial) {
                Ok(_) => self.partial.clear(),
                Err(fault) if fault.error_len().is_none() => {}
                Err(_) => return Err(Error::new(Fault::Utf8, self.before + (piece.len() - rest.len()))),
            }
        }
        match std::str::from_utf8(rest) {
            Ok(_) => Ok(()),
            Err(fault) if fault.error_len().is_none() => {
                self.partial.extend_from_slice(rest.get(fault.valid_up_to()..).unwrap_or_default());
                Ok(())
            }
            Err(fault) => Err(Error::new(Fault::Utf8, self.before + (piece.len() - rest.len()) + fault.valid_up_to())),
        }
    }

    /// Characters of a string up to its end or an escape; gives what is left.
    fn text<'p>(&mut self, whose: In, rest: &'p [u8], at: usize) -> Result<&'p [u8], Error> {
        let plain = plain(rest);
        let Some((byte, after)) = rest.get(plain..).and_then(<[u8]>::split_first) else {
            return Ok(&[]);
        };
        self.state = match byte {
            b'"' if whose == In::Key => State::Colon,
            b'"' => State::After,
            b'\\' => State::Escape(whose),
            _ => return Err(Error::new(Fault::Syntax("an escape instead of a control character"), at + plain)),
        };
        Ok(after)
    }

    fn byte<'p>(&mut self, byte: u8, rest: &'p [u8], at: usize) -> Result<&'p [u8], Error> {
        let expected = |what| Err(Error::new(Fault::Syntax(what), at));
        let after = rest.get(1..).unwrap_or_default();
        let space = matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.state = match self.state {
            State::Value(_) | State::Key(_) | State::Colon | State::After if space => self.state,
            State::Value(true) if byte == b']' => self.close(),
            State::Value(_) => self.value(byte, at)?,
            State::Key(_) if byte == b'"' => State::Text(In::Key),
            State::Key(true) if byte == b'}' => self.close(),
            State::Key(_) => return expected("a key"),
            State::Colon if byte == b':' => State::Value(false),
            State::Colon => return expected("a colon"),
            State::After => self.after(byte, at)?,
            State::Word(word) => match word.split_first() {
                Some((first, [])) if *first == byte => State::After,
                Some((first, left)) if *first == byte => State::Word(left),
                _ => return expected("`true`, `false` or `null`"),
            },
            State::Number(part) => match next(part, byte) {
                Some(part) if self.number.len() < LONGEST_NUMBER => {
                    self.number.push(byte);
                    State::Number(part)
                }
                Some(_) => return expected("a number of at most 512 characters"),
                None => {
                    self.number_ends(part, at)?;
                    return Ok(rest);
                }
            },
            State::Text(_) | State::Escape(_) | State::Hex(..) | State::Half(..) => escaped(self.state, byte, at)?,
        };
        Ok(after)
    }

    fn value(&mut self, byte: u8, at: usize) -> Result<State, Error> {
        Ok(match byte {
            b'{' => self.open(true, at)?,
            b'[' => self.open(false, at)?,
            b'"' => State::Text(In::Value),
            b't' => State::Word(b"rue"),
            b'f' => State::Word(b"alse"),
            b'n' => State::Word(b"ull"),
            b'-' | b'0'..=b'9' => {
                self.number.clear();
                self.number.push(byte);
                State::Number(match byte {
                    b'-' => Part::Minus,
                    b'0' => Part::Zero,
                    _ => Part::Whole,
                })
            }
            _ => return Err(Error::new(Fault::Syntax("a value"), at)),
        })
    }

    fn after(&mut self, byte: u8, at: usize) -> Result<State, Error> {
        let object = self.objects & 1 == 1;
        match (self.depth, byte) {
            (0, _) => Err(Error::new(Fault::Trailing, at)),
            (_, b',') if object => Ok(State::Key(false)),
            (_, b',') => Ok(State::Value(false)),
            (_, b'}') if object => Ok(self.close()),
            (_, b']') if !object => Ok(self.close()),
            _ => Err(Error::new(Fault::Syntax("a comma or the end of the array or object"), at)),
        }
    }

    fn open(&mut self, object: bool, at: usize) -> Result<State, Error> {
        if self.depth >= Limits::DATA.depth {
            return Err(Error::new(Fault::Depth(Limits::DATA.depth), at));
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(object);
        Ok(if object { State::Key(true) } else { State::Value(true) })
    }

    fn close(&mut self) -> State {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        State::After
    }

    fn number_ends(&mut self, part: Part, at: usize) -> Result<(), Error> {
        if matches!(part, Part::Minus | Part::Dot | Part::Exponent | Part::Sign) {
            return Err(Error::new(Fault::Syntax("a digit"), at));
        }
        // Up to 300 digits without an exponent are below 1e308; only the rest has to be tried.
        let plain = matches!(part, Part::Zero | Part::Whole) && self.number.len() <= 300;
        let text = std::str::from_utf8(&self.number).unwrap_or_default();
        if !plain && !text.parse::<f64>().is_ok_and(f64::is_finite) {
            return Err(Error::new(Fault::NumberOverflow, at.saturating_sub(self.number.len())));
        }
        self.state = State::After;
        Ok(())
    }
}

/// The part of a number that a byte leads to; none where the number ended before it.
fn next(part: Part, byte: u8) -> Option<Part> {
    Some(match (part, byte) {
        (Part::Minus, b'0') => Part::Zero,
        (Part::Minus | Part::Whole, b'0'..=b'9') => Part::Whole,
        (Part::Zero | Part::Whole, b'.') => Part::Dot,
        (Part::Dot | Part::Fraction, b'0'..=b'9') => Part::Fraction,
        (Part::Zero | Part::Whole | Part::Fraction, b'e' | b'E') => Part::Exponent,
        (Part::Exponent, b'+' | b'-') => Part::Sign,
        (Part::Exponent | Part::Sign | Part::Power, b'0'..=b'9') => Part::Power,
        _ => return None,
    })
}

/// Within an escape. Half a pair needs its other half.
fn escaped(state: State, byte: u8, at: usize) -> Result<State, Error> {
    let unknown = || Error::new(Fault::Syntax("an escape that JSON knows"), at);
    let lone = || Error::new(Fault::LoneSurrogate, at);
    let digit = || (byte as char).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
    Ok(match state {
        State::Escape(whose) if byte == b'u' => State::Hex(whose, 4, 0),
        State::Escape(whose) if matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
            State::Text(whose)
        }
        State::Hex(whose, left, unit) => {
            let unit = unit << 4 | digit().ok_or_else(|| Error::new(Fault::Syntax("four hexadecimal digits"), at))?;
            match (left, unit) {
                (2.., _) => State::Hex(whose, left - 1, unit),
                (_, 0xd800..=0xdbff) => State::Half(whose, 6, 0),
                (_, 0xdc00..=0xdfff) => return Err(lone()),
                _ => State::Text(whose),
            }
        }
        State::Half(whose, 6, _) if byte == b'\\' => State::Half(whose, 5, 0),
        State::Half(whose, 5, _) if byte == b'u' => State::Half(whose, 4, 0),
        State::Half(_, 5.., _) => return Err(lone()),
        State::Half(whose, left, unit) => {
            let unit = unit << 4 | digit().ok_or_else(lone)?;
            match (left, unit) {
                (2.., _) => State::Half(whose, left - 1, unit),
                (_, 0xdc00..=0xdfff) => State::Text(whose),
                _ => return Err(lone()),
            }
        }
        _ => return Err(unknown()),
    })
}

/// How many bytes come before a quote, a backslash or a control character. Eight at a time: most of a long text is this.
fn plain(bytes: &[u8]) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const TOPS: u64 = 0x8080_8080_8080_8080;
    let zero = |word: u64| word.wrapping_sub(ONES) & !word & TOPS;
    let (words, _) = bytes.as_chunks::<8>();
    let clear = words.iter().take_while(|word| {
        let word = u64::from_le_bytes(**word);
        let control = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
        zero(word ^ (ONES * u64::from(b'"'))) | zero(word ^ (ONES * u64::from(b'\\'))) | control == 0
    });
    let clear = clear.count() * 8;
    let rest = bytes.get(clear..).unwrap_or_default();
    clear + rest.iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | 0..=0x1f)).count()
}

#[cfg(test)]
mod tests;
