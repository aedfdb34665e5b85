//! A JSON text that comes in pieces and is kept nowhere: syntax, UTF-8, depth, whole characters and numbers that a double
//! can hold. What would need memory of the whole text, keys that come twice and the number of values, is not looked at.

use std::fmt;

use grid_adm::json::Limits;

use self::{
    number::{LONGEST_NUMBER, Part, finite, next},
    plain::plain,
};

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
    /// So many bytes of it were there.
    Word(Word, u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    True,
    False,
    Null,
}

impl Word {
    fn text(self) -> &'static [u8] {
        match self {
            Self::True => b"true",
            Self::False => b"false",
            Self::Null => b"null",
        }
    }
}

/// Whose string it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum In {
    Key,
    Value,
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
        let mut state = self.state;
        let mut at = 0;
        while let Some(&byte) = piece.get(at) {
            (state, at) = self.step(state, byte, piece, at).map_err(|error| *error)?;
        }
        self.state = state;
        self.before += piece.len();
        Ok(())
    }

    /// What there is most of goes many bytes at a time. A fault is boxed, so that what goes well fits into registers.
    #[inline]
    fn step(&mut self, state: State, byte: u8, piece: &[u8], at: usize) -> Result<(State, usize), Box<Error>> {
        match state {
            State::Text(whose) => self.text(whose, piece, at),
            State::Number(part) => self.number(part, piece, at),
            State::Escape(_) | State::Hex(..) | State::Half(..) => match escaped(state, byte) {
                Ok(state) => Ok((state, at + 1)),
                Err(fault) => Err(self.fault(fault, at)),
            },
            _ => match self.byte(state, byte, at)? {
                // It has to be seen from its first byte.
                state @ State::Number(_) => Ok((state, at)),
                state => Ok((state, at + 1)),
            },
        }
    }

    /// No piece comes any more.
    ///
    /// # Errors
    /// The text is not whole.
    pub(crate) fn end(&mut self) -> Result<(), Error> {
        if let State::Number(part) = self.state {
            let number = std::mem::take(&mut self.number);
            finite(part, &number).map_err(|fault| Error::new(fault, self.before))?;
            self.state = State::After;
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

    /// Characters of a string up to its end or an escape; gives the place after them.
    #[inline]
    fn text(&self, whose: In, piece: &[u8], at: usize) -> Result<(State, usize), Box<Error>> {
        let at = at + plain(piece.get(at..).unwrap_or_default());
        let state = match piece.get(at) {
            None => return Ok((State::Text(whose), at)),
            // Mostly nothing lies between.
            Some(b'"') if whose == In::Key => match piece.get(at + 1) {
                Some(b':') => return Ok((State::Value(false), at + 2)),
                _ => State::Colon,
            },
            Some(b'"') => State::After,
            Some(b'\\') => match piece.get(at + 1) {
                Some(byte) if is_escape(*byte) => return Ok((State::Text(whose), at + 2)),
                _ => State::Escape(whose),
            },
            Some(_) => return Err(self.expected("an escape instead of a control character", at)),
        };
        Ok((state, at + 1))
    }

    /// A number up to its end or that of the piece; gives the place after it.
    fn number(&mut self, mut part: Part, piece: &[u8], at: usize) -> Result<(State, usize), Box<Error>> {
        let rest = piece.get(at..).unwrap_or_default();
        let (mut length, mut over) = (0, false);
        while let Some(byte) = rest.get(length) {
            let Some(follows) = next(part, *byte) else {
                over = true;
                break;
            };
            part = follows;
            length += 1;
            if matches!(part, Part::Whole | Part::Fraction | Part::Power) {
                let digits = rest.get(length..).unwrap_or_default();
                length += digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            }
        }
        let seen = rest.get(..length).unwrap_or_default();
        let room = LONGEST_NUMBER - self.number.len();
        if length > room {
            return Err(self.expected("a number of at most 512 characters", at + room));
        }
        if over && self.number.is_empty() {
            finite(part, seen).map_err(|fault| self.fault(fault, at + length))?;
        } else {
            self.number.extend_from_slice(seen);
            if over {
                finite(part, &self.number).map_err(|fault| self.fault(fault, at + length))?;
                self.number.clear();
            }
        }
        Ok((if over { State::After } else { State::Number(part) }, at + length))
    }

    /// The state after a byte that stands outside of strings and numbers.
    #[inline]
    fn byte(&mut self, state: State, byte: u8, at: usize) -> Result<State, Box<Error>> {
        let fault = match state {
            State::After => return self.after(byte, at),
            State::Key(_) if byte == b'"' => return Ok(State::Text(In::Key)),
            State::Colon if byte == b':' => return Ok(State::Value(false)),
            State::Value(_) | State::Key(_) | State::Colon if is_space(byte) => return Ok(state),
            State::Value(true) if byte == b']' => return Ok(self.close()),
            State::Value(_) => return self.value(byte, at),
            State::Key(true) if byte == b'}' => return Ok(self.close()),
            State::Key(_) => "a key",
            State::Colon => "a colon",
            State::Word(word, seen) => match word.text().get(usize::from(seen)..) {
                Some([last]) if *last == byte => return Ok(State::After),
                Some([first, ..]) if *first == byte => return Ok(State::Word(word, seen + 1)),
                _ => "`true`, `false` or `null`",
            },
            _ => "a value",
        };
        Err(self.expected(fault, at))
    }

    #[cold]
    fn expected(&self, what: &'static str, at: usize) -> Box<Error> {
        self.fault(Fault::Syntax(what), at)
    }

    #[cold]
    fn fault(&self, fault: Fault, at: usize) -> Box<Error> {
        Box::new(Error::new(fault, self.before + at))
    }

    #[inline]
    fn value(&mut self, byte: u8, at: usize) -> Result<State, Box<Error>> {
        Ok(match byte {
            b'{' => self.open(true, at)?,
            b'[' => self.open(false, at)?,
            b'"' => State::Text(In::Value),
            b't' => State::Word(Word::True, 1),
            b'f' => State::Word(Word::False, 1),
            b'n' => State::Word(Word::Null, 1),
            b'-' | b'0'..=b'9' => State::Number(Part::Start),
            _ => return Err(self.expected("a value", at)),
        })
    }

    #[inline]
    fn after(&mut self, byte: u8, at: usize) -> Result<State, Box<Error>> {
        let object = self.objects & 1 == 1;
        match byte {
            _ if is_space(byte) => Ok(State::After),
            _ if self.depth == 0 => Err(self.fault(Fault::Trailing, at)),
            b',' if object => Ok(State::Key(false)),
            b',' => Ok(State::Value(false)),
            b'}' if object => Ok(self.close()),
            b']' if !object => Ok(self.close()),
            _ => Err(self.expected("a comma or the end of the array or object", at)),
        }
    }

    #[inline]
    fn open(&mut self, object: bool, at: usize) -> Result<State, Box<Error>> {
        if self.depth >= Limits::DATA.depth {
            return Err(self.fault(Fault::Depth(Limits::DATA.depth), at));
        }
        self.depth += 1;
        self.objects = self.objects << 1 | u64::from(object);
        Ok(if object { State::Key(true) } else { State::Value(true) })
    }

    #[inline]
    fn close(&mut self) -> State {
        self.depth = self.depth.saturating_sub(1);
        self.objects >>= 1;
        State::After
    }
}

fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

/// What stands for a character after a backslash, but for `u`.
fn is_escape(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't')
}

/// Within an escape. Half a pair needs its other half.
fn escaped(state: State, byte: u8) -> Result<State, Fault> {
    const LONE: Fault = Fault::LoneSurrogate;
    let digit = || (byte as char).to_digit(16).and_then(|digit| u16::try_from(digit).ok());
    Ok(match state {
        State::Escape(whose) if byte == b'u' => State::Hex(whose, 4, 0),
        State::Escape(whose) if is_escape(byte) => State::Text(whose),
        State::Hex(whose, left, unit) => {
            let unit = unit << 4 | digit().ok_or(Fault::Syntax("four hexadecimal digits"))?;
            match (left, unit) {
                (2.., _) => State::Hex(whose, left - 1, unit),
                (_, 0xd800..=0xdbff) => State::Half(whose, 6, 0),
                (_, 0xdc00..=0xdfff) => return Err(LONE),
                _ => State::Text(whose),
            }
        }
        State::Half(whose, 6, _) if byte == b'\\' => State::Half(whose, 5, 0),
        State::Half(whose, 5, _) if byte == b'u' => State::Half(whose, 4, 0),
        State::Half(_, 5.., _) => return Err(LONE),
        State::Half(whose, left, unit) => {
            let unit = unit << 4 | digit().ok_or(LONE)?;
            match (left, unit) {
                (2.., _) => State::Half(whose, left - 1, unit),
                (_, 0xdc00..=0xdfff) => State::Text(whose),
                _ => return Err(LONE),
            }
        }
        _ => return Err(Fault::Syntax("an escape that JSON knows")),
    })
}

mod number;
mod plain;

#[cfg(test)]
mod tests;
