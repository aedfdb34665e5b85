//! On which line each value of a JSON text begins. For texts that were read already: nothing is checked here.

use std::{collections::HashMap, iter::Peekable, str::CharIndices};

use grid_adm::{Value, json};

/// A key as part of a JSON pointer.
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

struct Scan<'t> {
    text: &'t str,
    at: Peekable<CharIndices<'t>>,
    line: usize,
    found: HashMap<String, usize>,
}

/// By JSON pointer, counted from 1.
pub(super) fn lines(text: &str) -> HashMap<String, usize> {
    let mut scan = Scan { text, at: text.char_indices().peekable(), line: 1, found: HashMap::new() };
    scan.value(String::new());
    scan.found
}

impl Scan<'_> {
    fn next(&mut self) -> Option<(usize, char)> {
        let next = self.at.next();
        self.line += usize::from(next.is_some_and(|(_, c)| c == '\n'));
        next
    }

    fn peek(&mut self) -> Option<char> {
        while self.at.peek().is_some_and(|(_, c)| c.is_ascii_whitespace()) {
            self.next();
        }
        self.at.peek().map(|(_, c)| *c)
    }

    /// Recursion is bounded by the reader that took the text first.
    fn value(&mut self, pointer: String) {
        let first = self.peek();
        self.found.insert(pointer.clone(), self.line);
        match first {
            Some('{') => self.members(&pointer),
            Some('[') => self.items(&pointer),
            Some('"') => drop(self.string()),
            _ => {
                while self.at.peek().is_some_and(|(_, c)| !matches!(c, ',' | ']' | '}') && !c.is_ascii_whitespace()) {
                    self.next();
                }
            }
        }
    }

    fn members(&mut self, pointer: &str) {
        self.next();
        while self.peek() == Some('"') {
            let key = self.string();
            self.peek();
            self.next();
            self.value(format!("{pointer}/{}", escape(&key)));
            if self.peek() == Some(',') {
                self.next();
                self.peek();
            }
        }
        self.next();
    }

    fn items(&mut self, pointer: &str) {
        self.next();
        let mut index = 0;
        while self.peek().is_some_and(|c| c != ']') {
            self.value(format!("{pointer}/{index}"));
            index += 1;
            if self.peek() == Some(',') {
                self.next();
            }
        }
        self.next();
    }

    fn string(&mut self) -> String {
        let start = self.at.peek().map_or(self.text.len(), |(at, _)| *at);
        self.next();
        while let Some((at, c)) = self.next() {
            if c == '\\' {
                self.next();
            }
            if c == '"' {
                let token = self.text.get(start..=at).unwrap_or_default();
                return json::parse(token).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
            }
        }
        String::new()
    }
}
