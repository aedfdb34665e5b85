//! Text of others on a terminal: what would move the cursor, hide or turn the text around is written out instead.

/// `text` with every character spelled out that a terminal or an eye would take for something else: controls, bidi
/// marks, what has no width, and line ends of Unicode.
#[must_use]
pub fn safe(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        if is_plain(c) {
            out.push(c);
        } else {
            out.extend(c.escape_unicode());
        }
        out
    })
}

fn is_plain(c: char) -> bool {
    let hidden = matches!(c,
        '\u{00ad}' | '\u{034f}' | '\u{061c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}');
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::safe;

    #[test]
    fn what_a_terminal_would_obey_is_written_out() {
        assert_eq!(safe("größer 日本"), "größer 日本");
        assert_eq!(safe("a\u{1b}[2Jb\r\n"), "a\\u{1b}[2Jb\\u{d}\\u{a}");
        assert_eq!(safe("\u{202e}\u{2066}\u{200b}\u{feff}\u{9b}"), "\\u{202e}\\u{2066}\\u{200b}\\u{feff}\\u{9b}");
        assert_eq!(safe("\u{e0041}"), "\\u{e0041}", "tags are letters that nobody sees");
    }
}
