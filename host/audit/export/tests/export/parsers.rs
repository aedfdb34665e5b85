//! Readers of the formats, written from their specifications and from nothing of ours.

use std::collections::BTreeMap;

/// RFC 4180: records of fields; quotes are doubled within quotes and stand nowhere else.
pub fn csv(text: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell) = (Vec::new(), Vec::new(), String::new());
    let mut rest = text.chars().peekable();
    while rest.peek().is_some() {
        if rest.peek() == Some(&'"') {
            rest.next();
            loop {
                match (rest.next().unwrap(), rest.peek()) {
                    ('"', Some('"')) => {
                        rest.next();
                        cell.push('"');
                    }
                    ('"', _) => break,
                    (c, _) => cell.push(c),
                }
            }
        } else {
            while let Some(c) = rest.next_if(|c| !matches!(c, ',' | '\r' | '\n')) {
                assert_ne!(c, '"', "a quote within a cell that is not quoted");
                cell.push(c);
            }
        }
        row.push(std::mem::take(&mut cell));
        match rest.next() {
            Some(',') if rest.peek().is_none() => row.push(String::new()),
            Some(',') => {}
            Some('\r') => {
                assert_eq!(rest.next(), Some('\n'));
                rows.push(std::mem::take(&mut row));
            }
            other => panic!("{other:?} behind a cell"),
        }
    }
    assert!(row.is_empty(), "the last record has no end");
    rows
}

/// The common event format: seven header fields and the extension's pairs.
pub fn cef(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let mut header = vec![String::new()];
    let mut rest = line.strip_prefix("CEF:").unwrap().chars();
    while header.len() < 8 {
        match rest.next().unwrap() {
            '\\' => {
                let escaped = rest.next().unwrap();
                assert!(matches!(escaped, '\\' | '|'), "`\\{escaped}` in a header");
                header.last_mut().unwrap().push(escaped);
            }
            '|' => header.push(String::new()),
            c => header.last_mut().unwrap().push(c),
        }
    }
    header.pop();
    (header, extension(rest.as_str()))
}

/// A key is the word before a `=` that is not escaped; its value goes up to the blank before the next key.
fn extension(text: &str) -> BTreeMap<String, String> {
    let bytes = text.as_bytes();
    let is_escaped = |at: usize| bytes[..at].iter().rev().take_while(|byte| **byte == b'\\').count() % 2 == 1;
    let signs: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] == b'=' && !is_escaped(*at)).collect();
    let start_of_key = |sign: usize| text[..sign].rfind(' ').map_or(0, |blank| blank + 1);
    let mut pairs = BTreeMap::new();
    for (at, sign) in signs.iter().enumerate() {
        let end = signs.get(at + 1).map_or(text.len(), |next| start_of_key(*next) - 1);
        let key = &text[start_of_key(*sign)..*sign];
        assert!(!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric()), "`{key}` is no key");
        let mut value = String::new();
        let mut rest = text[sign + 1..end].chars();
        while let Some(c) = rest.next() {
            value.push(match c {
                '\\' => match rest.next().unwrap() {
                    'n' => '\n',
                    'r' => '\r',
                    c @ ('\\' | '=') => c,
                    c => panic!("`\\{c}` in a value"),
                },
                c => c,
            });
        }
        assert!(pairs.insert(key.to_owned(), value).is_none(), "`{key}` is there twice");
    }
    pairs
}
