//! What commands print: aligned columns for people, JSON for programs. Results go to standard output, everything
//! else to standard error; colour only for terminals, and never with NO_COLOR.

use std::io::{self, IsTerminal, Write};

use serde_json::Value;

/// Where a command prints.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    color: bool,
}

impl Output {
    /// With or without `--json`.
    #[must_use]
    pub fn new(json: bool) -> Self {
        let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self { json, color: wanted && io::stderr().is_terminal() }
    }

    /// `--json` was given.
    #[must_use]
    pub fn is_json(self) -> bool {
        self.json
    }

    /// Prints a result as it is, with a line end.
    ///
    /// # Errors
    /// Where standard output does not take it.
    pub fn text(self, text: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        out.flush()
    }

    /// Prints a result for programs.
    ///
    /// # Errors
    /// Where standard output does not take it.
    pub fn json(self, value: &Value) -> io::Result<()> {
        self.text(&format!("{value:#}"))
    }

    /// Prints rows: as columns, or as JSON objects with the heads as names, under `name`.
    ///
    /// # Errors
    /// Where standard output does not take it.
    pub fn rows(self, name: &str, heads: &[&str], rows: &[Vec<String>]) -> io::Result<()> {
        if !self.json {
            return self.text(&columns(heads, rows));
        }
        let objects: Vec<Value> = rows
            .iter()
            .map(|row| {
                let members = heads.iter().zip(row);
                members
                    .map(|(head, cell)| ((*head).to_owned(), Value::from(cell.as_str())))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            })
            .collect();
        self.json(&serde_json::json!({ name: objects }))
    }

    /// Tells people something that is no result.
    pub fn note(self, text: &str) {
        self.tell("note", "36", text);
    }

    /// Tells people what they should look at.
    pub fn warning(self, text: &str) {
        self.tell("warning", "33", text);
    }

    /// Tells people what is wrong.
    pub fn error(self, text: &str) {
        self.tell("error", "31", text);
    }

    /// Standard error may be gone, and then there is nobody to tell.
    fn tell(self, word: &str, color: &str, text: &str) {
        let mut err = io::stderr().lock();
        let _ = if self.color {
            writeln!(err, "\u{1b}[1;{color}m{word}\u{1b}[0m: {text}")
        } else {
            writeln!(err, "{word}: {text}")
        };
    }
}

/// Heads in capitals, cells below them, two blanks between columns and none at the end of a line.
fn columns(heads: &[&str], rows: &[Vec<String>]) -> String {
    let head: Vec<String> = heads.iter().map(|head| head.to_uppercase()).collect();
    let all = || std::iter::once(&head).chain(rows);
    let widths: Vec<usize> = (0..heads.len())
        .map(|at| {
            let cells = all().filter_map(|row| row.get(at));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in all() {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells.map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_aligned_and_end_with_their_text() {
        let rows = [vec!["a".to_owned(), "long cell".to_owned()], vec!["größer".to_owned(), "b".to_owned()]];
        assert_eq!(columns(&["id", "name"], &rows), "ID      NAME\na       long cell\ngrößer  b\n");
        assert_eq!(columns(&["id"], &[]), "ID\n");
    }
}
