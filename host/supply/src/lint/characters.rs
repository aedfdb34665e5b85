//! Characters that people do not see, or take for others.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

use super::Remark;
use crate::names::is_hidden;

/// Blank lines, or blanks in a row, that push what follows out of sight.
const BLANK_LINES: usize = 6;
const BLANKS: usize = 40;

pub(super) fn remarks(text: &str) -> Vec<Remark> {
    let mut remarks = Vec::new();
    let characters: Vec<char> = text.chars().collect();
    for (at, c) in characters.iter().copied().enumerate() {
        let beside = |other: usize| characters.get(other).copied();
        if let Some((rule, what)) = hidden(c, at.checked_sub(1).and_then(beside), beside(at + 1)) {
            remarks.push(Remark::error(rule, format!("U+{:04X} {what}", u32::from(c))));
        }
    }
    if text.contains("[3")
        && text.contains('m')
        && ["\\x1b[", "\\033[", "\\u001b[", "\\e["].iter().any(|escape| text.contains(escape))
    {
        remarks.push(Remark::error("text.ansi", "an escape sequence of terminals, written out"));
    }
    if let Some(word) = text.split(|c: char| !c.is_alphanumeric()).find(|word| poses(word)) {
        remarks.push(Remark::error(
            "text.look-alike",
            format!("`{}` reads as other letters than it has", word.escape_unicode()),
        ));
    }
    if text.contains(&"\n".repeat(BLANK_LINES)) || is_padded(text) {
        remarks.push(Remark::warning("text.padding", "white space that pushes what follows out of sight"));
    }
    remarks
}

fn is_padded(text: &str) -> bool {
    let (mut blanks, mut lines) = (0, 0);
    for c in text.chars() {
        if c == '\n' {
            lines += 1;
            blanks = 0;
        } else if c.is_whitespace() {
            blanks += 1;
        } else {
            (blanks, lines) = (0, 0);
        }
        if blanks > BLANKS || lines > BLANK_LINES {
            return true;
        }
    }
    false
}

fn hidden(c: char, before: Option<char>, after: Option<char>) -> Option<(&'static str, &'static str)> {
    // Joiners and variation selectors are how emoji and some scripts are written; among ASCII they have no business.
    let foreign = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && !is_hidden(c));
    match c {
        '\n' | '\t' => None,
        '\r' if after == Some('\n') => None,
        '\u{1b}' | '\u{9b}' => Some(("text.ansi", "begins an escape sequence of terminals")),
        '\u{200c}' | '\u{200d}' if foreign(before) || before == Some('\u{fe0f}') => None,
        '\u{fe0e}' | '\u{fe0f}' if foreign(before) || before.is_some_and(|c| matches!(c, '0'..='9' | '#' | '*')) => {
            None
        }
        '\u{ad}'
            if before.is_some_and(char::is_alphabetic) && after.is_some_and(|c| c.is_alphabetic() && !c.is_ascii()) =>
        {
            None
        }
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}' => {
            Some(("text.bidi", "changes the direction in which text is shown"))
        }
        '\u{e0000}'..='\u{e007f}' => Some(("text.tag", "is a tag: models read it and people do not see it")),
        _ if c.is_control() => Some(("text.control", "is a control character")),
        _ if is_hidden(c) => Some(("text.hidden", "does not show")),
        '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{10ffff}' => Some(("text.private", "means what a font makes of it")),
        _ => None,
    }
}

/// A word of Latin letters and ones that look like them, or of letters that are Latin ones in another dress.
fn poses(word: &str) -> bool {
    if word.is_ascii() || word.chars().count() < 2 {
        return false;
    }
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let dressed = letters().filter(|c| !c.is_ascii() && is_ascii_dressed(*c)).count();
    let latin = letters().any(|c| c.is_ascii());
    let posing =
        letters().any(|c| is_of_another_script(c) && skeleton(c.encode_utf8(&mut [0; 4])).all(|c| c.is_ascii()));
    dressed >= 2 || latin && posing
}

/// Full-width, mathematical, enclosed letters.
fn is_ascii_dressed(c: char) -> bool {
    let mut plain = std::iter::once(c).nfkc();
    matches!((plain.next(), plain.next()), (Some(c), None) if c.is_ascii_alphabetic()) && !matches!(c, 'ª' | 'º')
        || matches!(c, '\u{1f130}'..='\u{1f189}')
}

/// Greek, Cyrillic, Armenian, Cherokee: where the look-alikes of Latin letters are.
fn is_of_another_script(c: char) -> bool {
    matches!(c, '\u{370}'..='\u{58f}' | '\u{13a0}'..='\u{13ff}' | '\u{1c80}'..='\u{1c8f}' | '\u{1f00}'..='\u{1fff}' | '\u{ab70}'..='\u{abbf}')
}
