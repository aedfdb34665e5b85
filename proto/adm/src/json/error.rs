//! Why a text is not taken, where, and what to do about it.
//! The parser makes the error; containers add their steps to its pointer on the way out.

use crate::problem::{Problem, quoted};
use crate::rule;
use crate::value::{push_index, push_key};
use std::fmt;

/// What is wrong with a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Not JSON; says what was expected (RFC 8259).
    Syntax(&'static str),
    /// Bytes that are not UTF-8.
    Utf8,
    /// A key comes twice in one object, however it is escaped.
    DuplicateKey,
    /// An escape names half a character.
    LoneSurrogate,
    /// A number's magnitude is beyond a double.
    NumberOverflow,
    /// More levels than this.
    Depth(usize),
    /// More values than this.
    Nodes(usize),
    /// Something follows the value.
    Trailing,
}

/// A text that was refused: what, at which byte, at which JSON pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    fault: Fault,
    offset: usize,
    /// Innermost step first.
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(usize),
}

impl Error {
    pub(super) fn new(fault: Fault, offset: usize) -> Self {
        Self(Box::new(Inner { fault, offset, steps: Vec::new() }))
    }

    pub(crate) fn not_a_number() -> Self {
        Self::new(Fault::Syntax("a number"), 0)
    }

    pub(super) fn below(mut self, step: Step) -> Self {
        self.0.steps.push(step);
        self
    }

    /// What is wrong.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// The byte of the text, counted from zero, at which it was noticed.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.0.offset
    }

    /// JSON pointer of the value in which it was noticed; for a duplicate key, of that member.
    #[must_use]
    pub fn pointer(&self) -> String {
        let mut pointer = String::new();
        for step in self.0.steps.iter().rev() {
            match step {
                Step::Key(key) => push_key(&mut pointer, key),
                Step::Index(index) => push_index(&mut pointer, *index),
            }
        }
        pointer
    }

    /// The stable id of the rule that was broken.
    #[must_use]
    pub fn rule(&self) -> &'static str {
        match self.0.fault {
            Fault::Syntax(_) => rule::JSON_SYNTAX,
            Fault::Utf8 => rule::JSON_UTF8,
            Fault::DuplicateKey => rule::JSON_DUPLICATE_KEY,
            Fault::LoneSurrogate => rule::JSON_LONE_SURROGATE,
            Fault::NumberOverflow => rule::JSON_NUMBER_OVERFLOW,
            Fault::Depth(_) => rule::JSON_DEPTH,
            Fault::Nodes(_) => rule::JSON_NODES,
            Fault::Trailing => rule::JSON_TRAILING,
        }
    }

    /// The same as a problem of a document.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let (expected, found) = match self.0.fault {
            Fault::Syntax(expected) => (expected.to_owned(), "something else".to_owned()),
            Fault::Utf8 => ("UTF-8".to_owned(), "other bytes".to_owned()),
            Fault::DuplicateKey => ("each key once".to_owned(), "a key twice".to_owned()),
            Fault::LoneSurrogate => ("whole characters".to_owned(), "half a surrogate pair".to_owned()),
            Fault::NumberOverflow => ("a number that a double can hold".to_owned(), "a larger one".to_owned()),
            Fault::Depth(most) => (format!("at most {most} levels"), "more".to_owned()),
            Fault::Nodes(most) => (format!("at most {most} values"), "more".to_owned()),
            Fault::Trailing => ("the end of the text".to_owned(), "more text".to_owned()),
        };
        Problem::error(self.pointer(), self.rule(), self.to_string(), expected, found)
    }

    fn last_key(&self) -> &str {
        match self.0.steps.first() {
            Some(Step::Key(key)) => key,
            _ => "",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.0.offset;
        match self.0.fault {
            Fault::Syntax(expected) => write!(f, "expected {expected} at byte {at}; send JSON as RFC 8259 has it"),
            Fault::Utf8 => write!(f, "byte {at} is not UTF-8; encode the text as UTF-8"),
            Fault::DuplicateKey => {
                write!(f, "key {} comes twice, noticed at byte {at}; keep one of them", quoted(self.last_key()))
            }
            Fault::LoneSurrogate => {
                write!(f, "the escape at byte {at} is half a surrogate pair; send both halves or the character itself")
            }
            Fault::NumberOverflow => {
                write!(f, "the number at byte {at} is too large for a double; send it as a string")
            }
            Fault::Depth(most) => {
                write!(f, "more than {most} levels of arrays and objects at byte {at}; flatten the value")
            }
            Fault::Nodes(most) => write!(f, "more than {most} values at byte {at}; send less at a time"),
            Fault::Trailing => write!(f, "text after the value at byte {at}; send one value only"),
        }
    }
}

impl std::error::Error for Error {}
