//! How the texts of `--help` are laid out: paragraphs are broken where the terminal ends, examples stay as they are written.

use clap::{Command, CommandFactory};

/// Columns of help on a wider terminal.
const WIDEST: usize = 120;

/// The command line, with its texts laid out.
pub(crate) fn laid_out<L: CommandFactory>() -> Command {
    flowing(L::command().max_term_width(WIDEST))
}

fn flowing(command: Command) -> Command {
    let command = match command.get_after_help().map(ToString::to_string) {
        Some(text) => command.after_help(flow(&text)),
        None => command,
    };
    command.mut_subcommands(flowing)
}

/// Joins the lines of each paragraph. A line that is indented by two is an example; what is indented by more, or by
/// nothing below another line, goes on with it.
fn flow(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut begins = true;
    for line in text.lines() {
        let words = line.trim_start();
        let indent = line.len() - words.len();
        let joins = !begins && !words.is_empty() && (indent > 2 || (indent == 0 && !out.ends_with(':')));
        if joins {
            out.push(' ');
            out.push_str(words);
        } else {
            if !out.is_empty() {
                out.push('\n');
            }
            out.push_str(line);
        }
        begins = words.is_empty();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{flow, laid_out};
    use crate::Line;

    #[test]
    fn a_paragraph_is_one_line_and_an_example_its_own() {
        let text =
            "Examples:\n  grid one    does\n  grid two\n\nThis is\nall.\n\nExit codes: 0 done,\n            1 error";
        assert_eq!(
            flow(text),
            "Examples:\n  grid one    does\n  grid two\n\nThis is all.\n\nExit codes: 0 done, 1 error"
        );
    }

    /// Every text of every command.
    fn texts(command: &clap::Command, path: &str, out: &mut Vec<(String, String)>) {
        let path = format!("{path} {}", command.get_name());
        if let Some(text) = command.get_after_help() {
            out.push((path.clone(), text.to_string()));
        }
        for command in command.get_subcommands() {
            texts(command, &path, out);
        }
    }

    #[test]
    fn no_example_is_wider_than_the_help_and_no_paragraph_is_broken_by_hand() {
        let mut all = Vec::new();
        texts(&laid_out::<Line>(), "", &mut all);
        assert!(all.len() > 50, "{} texts", all.len());
        for (path, text) in all {
            for paragraph in text.split("\n\n") {
                for (number, line) in paragraph.lines().enumerate() {
                    assert!(line.chars().count() <= super::WIDEST || !line.starts_with("  "), "{path}: `{line}`");
                    assert!(number == 0 || line.starts_with("  "), "{path}: `{paragraph}`");
                }
            }
        }
    }
}
