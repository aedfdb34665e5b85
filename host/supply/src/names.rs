//! Names that a person or a model could take for one another are one name. Two names are the same if they are after
//! NFKC, case folding and the folding of characters that look alike (UTS 39), in either order of the last two; `-` and
//! `_` count as one, since peers that have only one of them write it for the other.

use std::collections::HashMap;

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

/// Beginnings of names that are somebody's already: the data model's, the host's, and that under which MCP clients list
/// what their servers have.
pub const RESERVED: [&str; 3] = ["_adm_", "_grid_", "mcp__"];

/// What a name looks like. Names with a key in common look alike.
fn keys(name: &str) -> [String; 3] {
    let shown = |c: &char| !is_hidden(*c);
    let one = |c| if c == '-' { '_' } else { c };
    let plain: String = name.nfkc().filter(shown).map(one).collect();
    let raw: String = name.chars().filter(shown).map(one).collect();
    // `I` looks like `l` and is `i`, so the three are one.
    let looks = |text: &str| -> String { skeleton(text).filter(shown).map(one).collect() };
    let folded = |text: &str| looks(&fold(text)).replace('i', "l");
    // What looks alike before NFKC or before case folding is not always what looks alike after it.
    [folded(&looks(&plain)), folded(&plain), folded(&looks(&raw))]
}

/// Case folding; by way of upper case, so that `ß` is `ss`.
fn fold(text: &str) -> String {
    text.to_uppercase().to_lowercase()
}

/// Shows nothing, or changes how others are shown: controls, zero-width characters, direction marks, tags, variation
/// selectors, fillers.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Why a name cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A name that is taken looks the same.
    #[error("it looks like `{0}`, which is taken; use a name that nobody can take for that one")]
    Taken(String),
    /// Its beginning is not for contracts.
    #[error("it begins like `{0}`, which is reserved; use another beginning")]
    Reserved(&'static str),
    /// It holds a character that does not show.
    #[error("it holds U+{0:04X}, which does not show; remove it")]
    Hidden(u32),
}

/// Names that are taken.
#[derive(Debug, Clone, Default)]
pub struct Taken {
    by_key: HashMap<String, String>,
}

impl Taken {
    /// Whether `name` may be a contract's, beside those that are taken. The very name itself counts as taken too.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn check(&self, name: &str) -> Result<(), Refused> {
        if let Some(hidden) = name.chars().find(|c| is_hidden(*c)) {
            return Err(Refused::Hidden(hidden.into()));
        }
        if let Some(reserved) = reserved(name) {
            return Err(Refused::Reserved(reserved));
        }
        match self.like(name) {
            Some(other) => Err(Refused::Taken(other.to_owned())),
            None => Ok(()),
        }
    }

    /// The name that is taken and looks like `name`, which may be `name` itself.
    #[must_use]
    pub fn like(&self, name: &str) -> Option<&str> {
        keys(name).iter().find_map(|key| self.by_key.get(key)).map(String::as_str)
    }

    /// Takes a name.
    pub fn take(&mut self, name: &str) {
        for key in keys(name) {
            self.by_key.entry(key).or_insert_with(|| name.to_owned());
        }
    }
}

/// The reserved beginning that a name's looks like.
#[must_use]
pub fn reserved(name: &str) -> Option<&'static str> {
    let own = keys(name);
    RESERVED.into_iter().find(|reserved| {
        let reserved = keys(reserved);
        own.iter().any(|own| reserved.iter().any(|reserved| own.starts_with(reserved.as_str())))
    })
}

#[cfg(test)]
mod tests;
