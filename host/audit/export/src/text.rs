//! Text that leaves the log: times, numbers and names that cannot change what surrounds them.

use std::borrow::Cow;

use jiff::Timestamp;

/// Stands where a character was that could move a cursor, end a line or turn the direction of writing.
const REPLACED: char = '\u{fffd}';

/// Milliseconds since 1970 as RFC 3339 in UTC; the number itself where no calendar reaches.
pub(crate) fn time(ms: u64) -> String {
    let time = i64::try_from(ms).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok());
    time.map_or_else(|| ms.to_string(), |time| format!("{time:.3}"))
}

/// Whether a terminal or a line reader takes the character for more than itself.
pub(crate) fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// On one line, and nothing in it but what is to be read.
pub(crate) fn plain(text: &str) -> Cow<'_, str> {
    if text.contains(is_unsafe) { text.replace(is_unsafe, &REPLACED.to_string()).into() } else { text.into() }
}

/// As [`plain`], where line ends and tabs mean themselves.
pub(crate) fn plain_lines(text: &str) -> Cow<'_, str> {
    let is_bad = |c: char| is_unsafe(c) && !matches!(c, '\n' | '\r' | '\t');
    if text.contains(is_bad) { text.replace(is_bad, &REPLACED.to_string()).into() } else { text.into() }
}

/// At most `width` characters, the last one an ellipsis where some had to go.
pub(crate) fn cut(text: &str, width: usize) -> Cow<'_, str> {
    if text.chars().count() <= width {
        return text.into();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect::<String>().into()
}

/// With commas between thousands.
pub(crate) fn number(value: u64) -> String {
    let digits = value.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Microseconds in the unit that a person would choose.
pub(crate) fn duration(us: u64) -> String {
    match us {
        0..1_000 => format!("{us} µs"),
        1_000..1_000_000 => rounded(us, 1_000, "ms"),
        1_000_000..120_000_000 => rounded(us, 1_000_000, "s"),
        120_000_000..7_200_000_000 => rounded(us, 60_000_000, "min"),
        _ => rounded(us, 3_600_000_000, "h"),
    }
}

/// Three figures at most.
fn rounded(value: u64, unit: u64, name: &str) -> String {
    let tenths = (value + unit / 20) / (unit / 10);
    match tenths {
        0..1_000 => format!("{}.{} {name}", tenths / 10, tenths % 10),
        _ => format!("{} {name}", (value + unit / 2) / unit),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_utc_to_the_millisecond() {
        assert_eq!(time(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
        assert_eq!(time(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn nothing_of_a_name_reaches_a_terminal_but_letters() {
        assert_eq!(plain("a\u{1b}[2Jb\r\n\u{202e}c\u{85}"), "a\u{fffd}[2Jb\u{fffd}\u{fffd}\u{fffd}c\u{fffd}");
        assert_eq!(plain_lines("a\tb\r\n\0"), "a\tb\r\n\u{fffd}");
        assert!(matches!(plain("größer 東"), Cow::Borrowed(_)));
    }

    #[test]
    fn numbers_are_read_at_a_glance() {
        assert_eq!(number(0), "0");
        assert_eq!(number(1_234_567), "1,234,567");
        assert_eq!(cut("größer", 4), "grö…");
        let times =
            [(999, "999 µs"), (1_000, "1.0 ms"), (99_949, "99.9 ms"), (250_000, "250 ms"), (1_500_000, "1.5 s")];
        for (us, text) in times {
            assert_eq!(duration(us), text);
        }
        assert_eq!(duration(99_960), "100 ms");
        assert_eq!(duration(7_200_000_000), "2.0 h");
    }
}
