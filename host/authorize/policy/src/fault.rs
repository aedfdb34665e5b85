//! What is wrong in a directory of policies, with its place.

use std::fmt;

/// Where something stands: a file below the directory, and lines and columns from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Below the directory, with `/`; empty for the directory itself.
    pub file: String,
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// Characters from 1; 0 for the file as a whole.
    pub column: usize,
}

impl Place {
    /// A file as a whole.
    #[must_use]
    pub fn file(name: &str) -> Self {
        Self { file: name.to_owned(), line: 0, column: 0 }
    }

    /// The place of a byte in the text of a file.
    #[must_use]
    pub fn within(name: &str, text: &str, offset: usize) -> Self {
        let mut offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = text.get(..offset).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Self { file: name.to_owned(), line, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.file.is_empty(), self.line) {
            (true, _) => f.write_str("."),
            (false, 0) => f.write_str(&self.file),
            (false, line) => write!(f, "{}:{line}:{}", self.file, self.column),
        }
    }
}

/// Something that keeps a set of policies from being loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Short and stable, as `policy.parse`.
    pub rule: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

impl Fault {
    pub(crate) fn new(place: Place, rule: &'static str, message: impl Into<String>) -> Self {
        Self { place, rule, message: message.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.place, self.message, self.rule)
    }
}

/// Something worth saying that keeps nothing from being loaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Warning(pub Fault);

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Says which of the `known` names is meant, where one is near: ``; did you mean `teller`?``, or else which there are.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let near = known
        .iter()
        .map(|other| (strsim::damerau_levenshtein(name, other), *other))
        .filter(|(distance, other)| *distance <= (other.chars().count() / 3).max(1))
        .min();
    match near {
        Some((_, other)) => format!("; did you mean `{other}`?"),
        None if known.is_empty() => "; there is none".to_owned(),
        None if known.len() <= 8 => format!("; there are: `{}`", known.join("`, `")),
        None => String::new(),
    }
}
