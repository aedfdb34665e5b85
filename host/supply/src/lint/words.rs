//! A text as the words that a model takes from it: one case, one script, without what does not show.

use unicode_normalization::UnicodeNormalization as _;
use unicode_security::confusable_detection::skeleton;

use crate::names::is_hidden;

/// Letters in a row that stand alone, as in `i g n o r e`.
const SPACED: usize = 6;

/// Sentences, each as its words.
pub(super) type Sentences = Vec<Vec<String>>;

/// As it is written, once with look-alikes made plain, and once with digits read as the letters that they stand for.
pub(super) fn readings(text: &str) -> Vec<Sentences> {
    let plain: String = text.nfkc().filter(|c| !is_hidden(*c) || c.is_whitespace()).collect();
    let mut readings = vec![sentences(&plain)];
    if !plain.is_ascii() {
        let looks: String = plain.chars().map(latin).collect();
        readings.push(sentences(&looks));
    }
    let read: String = joined(&plain).chars().map(letter).collect();
    if read != plain {
        readings.push(sentences(&read));
    }
    readings
}

/// The Latin letter that another looks like.
fn latin(c: char) -> char {
    let mut looks = skeleton(c.encode_utf8(&mut [0; 4])).collect::<Vec<_>>().into_iter();
    match (looks.next(), looks.next()) {
        (Some(one), None) if one.is_ascii() && !c.is_ascii() => one,
        _ => c,
    }
}

fn letter(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        c => c,
    }
}

/// Letters that stand alone in a row are one word; two blanks end it.
fn joined(text: &str) -> String {
    let mut out = String::new();
    for line in text.split('\n') {
        for part in line.split("  ") {
            let words: Vec<&str> = part.split([' ', '.', '-', '_', '*']).filter(|word| !word.is_empty()).collect();
            let single = words.iter().filter(|word| word.chars().count() == 1).count();
            if single >= SPACED && single == words.len() {
                out.extend(words);
            } else {
                out.push_str(part);
            }
            out.push(' ');
        }
        out.push('\n');
    }
    out
}

fn sentences(text: &str) -> Sentences {
    let mut sentences = vec![Vec::new()];
    let mut word = String::new();
    let characters: Vec<char> = text.chars().collect();
    for (at, c) in characters.iter().copied().enumerate() {
        // An apostrophe is part of `don't`, in every dress that it has.
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
            continue;
        }
        if matches!(c, '\'' | '\u{2019}' | '\u{2bc}') && !word.is_empty() {
            continue;
        }
        end(&mut word, &mut sentences);
        let stops = matches!(c, '.' | '!' | '?' | ';' | '。' | '！' | '？');
        if stops && characters.get(at + 1).is_none_or(|next| next.is_whitespace()) {
            sentences.push(Vec::new());
        }
    }
    end(&mut word, &mut sentences);
    sentences
}

fn end(word: &mut String, sentences: &mut Sentences) {
    let Some(sentence) = sentences.last_mut().filter(|_| !word.is_empty()) else { return };
    // What a function does not do is no order to leave it.
    match sentence.last_mut().filter(|last| *last == "does" && word == "not") {
        Some(last) => {
            "doesnt".clone_into(last);
            word.clear();
        }
        None => sentence.push(std::mem::take(word)),
    }
}
