//! What happened, line by line, with minted ids under the number of their first appearance: they come from the
//! machine's randomness and mean nothing else.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

const PREFIXES: [&str; 5] = ["i-", "s-", "c-", "a-", "host-"];

#[derive(Debug, Default)]
pub struct Trace {
    lines: Vec<String>,
}

impl Trace {
    pub fn add(&mut self, line: String) {
        self.lines.push(line);
    }

    /// The lines, without what the machine minted.
    pub fn told(self) -> Vec<String> {
        let mut ids = HashMap::new();
        self.lines.iter().map(|line| plain(line, &mut ids)).collect()
    }
}

/// One number for all of them.
pub fn hash(lines: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    lines.hash(&mut hasher);
    hasher.finish()
}

fn plain(line: &str, ids: &mut HashMap<String, usize>) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_word(c)).unwrap_or(from.len());
        let (word, after) = from.split_at(end);
        out.push_str(before);
        match PREFIXES.iter().find(|prefix| is_minted(word, prefix)) {
            Some(prefix) => {
                let next = ids.len();
                let number = *ids.entry(word.to_owned()).or_insert(next);
                out.push_str(&format!("{prefix}{number}"));
            }
            None => out.push_str(word),
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

fn is_minted(word: &str, prefix: &str) -> bool {
    let Some(tail) = word.strip_prefix(prefix) else { return false };
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match prefix {
        "host-" => tail.rsplit('-').next().is_some_and(|last| last.len() == 8 && hex(last)),
        _ => tail.len() == 32 && hex(tail),
    }
}
