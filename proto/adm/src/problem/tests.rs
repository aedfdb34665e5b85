//! Reports stay small and quotes stay plain.

use super::*;

fn problem(text: &str) -> Problem {
    Problem::error(text.to_owned(), rule::FIELD_TYPE, "m", "e", "f")
}

#[test]
fn a_report_lists_so_many_and_counts_the_rest() {
    let mut problems = Problems::default();
    for _ in 0..limits::PROBLEMS + 5 {
        problems.push(problem("/a"));
    }
    let list = problems.into_vec();
    assert_eq!(list.len(), limits::PROBLEMS + 1);
    assert_eq!(list.last().unwrap().message, "5 more problems are left out; mend these first");
}

#[test]
fn a_report_is_bounded_in_bytes_but_always_tells_the_first() {
    let mut problems = Problems::default();
    let long = "a".repeat(limits::PROBLEM_BYTES);
    problems.push(problem(&long));
    problems.push(problem(&long));
    let list = problems.into_vec();
    assert_eq!(list.len(), 2);
    assert_eq!(list.last().unwrap().rule, rule::TRUNCATED);
}

#[test]
fn quotes_hide_what_a_terminal_would_obey() {
    assert_eq!(quoted("a\u{1b}[31m`\n\u{202e}é"), r"`a\u{1b}[31m\u{60}\u{a}\u{202e}é`");
    assert_eq!(quoted(&"x".repeat(65)), format!("`{}…`", "x".repeat(64)));
}

#[test]
fn ids_of_rules_are_unique_and_plain() {
    let unique: std::collections::BTreeSet<_> = rule::ALL.iter().collect();
    assert_eq!(unique.len(), rule::ALL.len());
    assert!(rule::ALL.iter().all(|id| {
        id.bytes().all(|byte| byte.is_ascii_lowercase() || b".-".contains(&byte)) || id.contains("utf8")
    }));
}
