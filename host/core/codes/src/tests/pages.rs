//! Every code has a page in `docs/errors`, and every page says what the catalogue says.

use std::{collections::BTreeSet, fs, path::PathBuf};

use serde_json::Value;

use super::{super::*, check_commands};

const HEADINGS: &[&str] =
    &["## You see it when", "## Cause", "## What to do", "## Safe to retry?", "## Example", "## Related"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../docs/errors")
}

fn page(code: Code) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../..").join(code.documentation());
    fs::read_to_string(&path).unwrap_or_else(|fault| panic!("{code} has no page: {fault}"))
}

/// What stands between a heading and the next.
fn part<'a>(text: &'a str, heading: &str) -> &'a str {
    let after = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no `{heading}`")).1;
    after.split_once("\n## ").map_or(after, |(body, _)| body)
}

fn example(code: Code) -> Value {
    let text = page(code);
    let body = part(&text, "## Example").split_once("```json\n").unwrap_or_else(|| panic!("{code} has no example")).1;
    let json = body.split_once("\n```").expect("the example ends").0;
    serde_json::from_str(json).unwrap_or_else(|fault| panic!("example of {code}: {fault}"))
}

#[test]
fn every_page_has_a_code() {
    let pages: BTreeSet<_> = fs::read_dir(folder())
        .expect("docs/errors")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| name != "README.md")
        .collect();
    let codes: BTreeSet<_> = Code::ALL.into_iter().map(|code| format!("{code}.md")).collect();
    assert_eq!(pages, codes);
}

#[test]
fn every_page_states_the_facts_of_its_code() {
    for code in Code::ALL {
        let facts = code.facts();
        let text = page(code);
        assert!(text.starts_with(&format!("# {code}\n\n")), "{code}");
        let table = format!(
            "\n| category | severity | retry |\n|---|---|---|\n| {} | {} | {} |\n",
            facts.category.as_str(),
            facts.severity.as_str(),
            facts.retry
        );
        assert!(text.contains(&table), "{code} should say {table}");
    }
}

#[test]
fn every_page_has_the_fixed_headings_in_order_and_says_something_under_each() {
    for code in Code::ALL {
        let text = page(code);
        let headings: Vec<_> = text.lines().filter(|line| line.starts_with("## ")).collect();
        assert_eq!(headings, HEADINGS, "{code}");
        for heading in HEADINGS {
            assert!(!part(&text, heading).trim().is_empty(), "{code} {heading}");
        }
        let what_to_do = part(&text, "## What to do");
        assert!(what_to_do.contains("\nCaller:\n") && what_to_do.contains("\nOperator:\n"), "{code}");
        check_commands(code.as_str(), &text);
    }
}

#[test]
fn every_page_says_for_each_effect_whether_to_repeat() {
    for code in Code::ALL {
        let text = page(code);
        for (effect, repeatable) in [("pure", true), ("read", true), ("write", false)] {
            let word = if code.retry_allowed(repeatable) { "yes" } else { "no" };
            let row = format!("\n| {effect} | {word} |\n");
            assert!(part(&text, "## Safe to retry?").contains(&row), "{code} should say {row}");
        }
    }
}

#[test]
fn every_example_is_the_answer_that_the_code_gives() {
    for code in Code::ALL {
        let facts = code.facts();
        let answer = example(code);
        assert_eq!(answer["type"], code.as_str(), "{code}");
        assert_eq!(answer["category"], facts.category.as_str(), "{code}");
        assert_eq!(answer["severity"], facts.severity.as_str(), "{code}");
        assert_eq!(answer["retry_allowed"], code.retry_allowed(true), "{code}");
        assert_eq!(answer["retry_after_ms"], code.retry_after_ms().unwrap_or(0), "{code}");
        assert_eq!(answer["max_retries"], code.max_retries(), "{code}");
        assert_eq!(answer["documentation_url"], code.documentation(), "{code}");
        assert_eq!(answer["remediation_steps"], serde_json::json!(facts.remediation), "{code}");
        assert!(answer["correlation_id"].is_string(), "{code}");
        let message = answer["message"].as_str().expect("a message");
        assert!(!message.is_empty() && !message.ends_with('.'), "{code}: {message}");
    }
}

#[test]
fn related_codes_exist_and_are_others() {
    for code in Code::ALL {
        let text = page(code);
        let links: Vec<Code> = part(&text, "## Related")
            .trim()
            .split(", ")
            .map(|link| {
                let name = link.strip_prefix('[').and_then(|rest| rest.split_once(']')).expect("a link").0;
                assert_eq!(link, format!("[{name}]({name}.md)"), "{code}");
                name.parse().unwrap_or_else(|_| panic!("{code} relates to {name}"))
            })
            .collect();
        assert!(!links.is_empty() && !links.contains(&code), "{code}");
    }
}

#[test]
fn the_index_lists_every_code_once_under_its_category() {
    let index = fs::read_to_string(folder().join("README.md")).expect("the index");
    check_commands("the index", &index);
    for category in Category::ALL {
        let rows: Vec<_> =
            part(&index, &format!("## {}", category.as_str())).lines().filter(|line| line.starts_with("| [")).collect();
        let codes: Vec<_> = Code::ALL.into_iter().filter(|code| code.facts().category == category).collect();
        assert_eq!(rows.len(), codes.len(), "{category:?}");
        for (row, code) in rows.iter().zip(codes) {
            let facts = code.facts();
            let meaning = page(code).lines().nth(2).expect("a meaning").to_owned();
            let expected =
                format!("| [{code}]({code}.md) | {} | {} | {meaning} |", facts.severity.as_str(), facts.retry);
            assert_eq!(*row, expected);
        }
    }
}
