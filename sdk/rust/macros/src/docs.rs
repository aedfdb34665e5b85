//! Reads doc comments: the first paragraph describes the whole, a list under `# Arguments` describes parameters.

use syn::{Attribute, Expr, ExprLit, Lit, Meta};

/// The lines of a doc comment, without the space that follows `///`.
pub(crate) fn lines(attributes: &[Attribute]) -> Vec<String> {
    attributes
        .iter()
        .filter_map(text)
        .flat_map(|text| {
            text.lines().map(|line| line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()).collect::<Vec<_>>()
        })
        .collect()
}

fn text(attribute: &Attribute) -> Option<String> {
    let Meta::NameValue(pair) = &attribute.meta else {
        return None;
    };
    let Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) = &pair.value else {
        return None;
    };
    // An empty comment line has no lines of its own, but it parts paragraphs.
    let text = text.value();
    pair.path.is_ident("doc").then(|| if text.is_empty() { "\n".to_owned() } else { text })
}

/// The first paragraph, as one line; `None` where there is none before a heading.
pub(crate) fn first_paragraph(lines: &[String]) -> Option<String> {
    let words: Vec<&str> = lines
        .iter()
        .map(|line| line.trim())
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

/// Parameter names and texts from the list under `# Arguments`: `* `name` - text`, also with `-` in front or a
/// colon between.
pub(crate) fn arguments(lines: &[String]) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let section = lines
        .iter()
        .map(|line| line.trim())
        .skip_while(|line| !is_heading(line))
        .skip(1)
        .take_while(|line| !line.starts_with('#'));
    for line in section {
        if let Some(entry) = entry(line) {
            found.push(entry);
        } else if let Some((_, text)) = found.last_mut()
            && !line.is_empty()
        {
            text.push(' ');
            text.push_str(line);
        }
    }
    found
}

fn is_heading(line: &str) -> bool {
    line.strip_prefix('#').is_some_and(|title| {
        let title = title.trim_start_matches('#').trim();
        title == "Arguments" || title == "Parameters"
    })
}

fn entry(line: &str) -> Option<(String, String)> {
    let item = line.strip_prefix('*').or_else(|| line.strip_prefix('-'))?;
    let (name, rest) = item.trim_start().strip_prefix('`')?.split_once('`')?;
    let text = rest.trim_start().trim_start_matches(['-', ':', '–', '—']);
    Some((name.to_owned(), text.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{ItemFn, parse_quote};

    #[test]
    fn paragraphs_and_arguments_are_read_from_the_comment() {
        let item: ItemFn = parse_quote! {
            /// Adds two
            /// numbers.
            ///
            /// More about it.
            ///
            /// # Arguments
            /// * `a` - the first
            ///   of the two
            /// - `b`: the second
            ///
            /// # Errors
            /// * `c` - not an argument
            fn add() {}
        };
        let lines = lines(&item.attrs);
        assert_eq!(first_paragraph(&lines).unwrap(), "Adds two numbers.");
        assert_eq!(
            arguments(&lines),
            [("a".to_owned(), "the first of the two".to_owned()), ("b".to_owned(), "the second".to_owned())]
        );
    }

    #[test]
    fn a_comment_that_begins_with_a_heading_describes_nothing() {
        let item: ItemFn = parse_quote! {
            /// # Arguments
            /// * `a` - text
            fn add() {}
        };
        assert_eq!(first_paragraph(&lines(&item.attrs)), None);
    }
}
