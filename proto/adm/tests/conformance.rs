//! The vectors of `sdk/conformance/adm`, which every SDK runs too: host and SDKs agree, or this fails.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use grid_adm::json::Limits;
use grid_adm::{ArgumentChecker, Kind, Mode, Schema, Severity, Value, canonical, check, digest, json};

fn cases(name: &str, at_least: usize) -> Vec<serde_json::Value> {
    let path = format!("{}/../../sdk/conformance/adm/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).expect("the file is there");
    let cases: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a list of cases");
    assert!(cases.len() >= at_least, "`{path}` has {} cases only", cases.len());
    cases
}

fn text<'c>(case: &'c serde_json::Value, field: &str) -> &'c str {
    case[field].as_str().expect("each case has this text")
}

fn parse(text: &str) -> Value {
    json::parse_within(text, Limits::DEFINITION).expect(text)
}

fn bytes(case: &serde_json::Value) -> Vec<u8> {
    let Some(hex) = case["hex"].as_str() else {
        return text(case, "text").as_bytes().to_vec();
    };
    let pairs = hex.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).expect("ASCII"));
    pairs.map(|pair| u8::from_str_radix(pair, 16).expect("hexadecimal digits")).collect()
}

fn canonical_text(value: &Value) -> String {
    String::from_utf8(canonical::to_vec(value)).expect("canonical bytes are UTF-8")
}

#[test]
fn texts_are_taken_or_refused_by_the_same_rule_at_the_same_place() {
    for case in cases("json", 200) {
        match json::parse_bytes(&bytes(&case), Limits::DATA) {
            Ok(_) => assert!(case["rule"].is_null(), "{case} was taken"),
            Err(error) => {
                let found = serde_json::json!([error.rule(), error.offset(), error.pointer()]);
                let expected = serde_json::json!([case["rule"], case["offset"], case["pointer"]]);
                assert_eq!(found, expected, "{case}");
            }
        }
    }
}

#[test]
fn canonical_bytes_and_digests_are_the_same() {
    for case in cases("canonical", 200) {
        let value = parse(text(&case, "text"));
        assert_eq!(canonical_text(&value), text(&case, "canonical"), "{case}");
        assert_eq!(digest(&value).to_string(), text(&case, "sha256"), "{case}");
    }
}

#[test]
fn documents_have_the_same_problems() {
    for case in cases("documents", 500) {
        let kind: Kind = text(&case, "kind").parse().expect("a kind");
        let value = json::parse_within(text(&case, "text"), kind.limits()).expect("JSON");
        let severity = |severity| if severity == Severity::Error { "error" } else { "warning" };
        let problems = check(kind, &value, Mode::Strict);
        let mut found: Vec<_> = problems
            .iter()
            .map(|problem| [problem.rule.to_owned(), problem.pointer.clone(), severity(problem.severity).to_owned()])
            .collect();
        found.sort();
        assert_eq!(serde_json::json!(found), case["problems"], "{case}");
    }
}

#[test]
fn arguments_have_the_same_violations_and_are_handed_on_alike() {
    for case in cases("arguments", 500) {
        let (schema, _) = Schema::from_value(&parse(text(&case, "schema"))).expect("a valid schema");
        let extra = text(&case, "extra").parse().expect("a policy");
        let checker = ArgumentChecker::compile(&schema, extra).expect("a schema that compiles");
        let args = json::parse(text(&case, "args")).expect("JSON");
        let problems = checker.check(&args).err().unwrap_or_default();
        let mut found: Vec<_> =
            problems.iter().map(|problem| [problem.rule.to_owned(), problem.pointer.clone()]).collect();
        found.sort();
        assert_eq!(serde_json::json!(found), case["problems"], "{case}");
        if problems.is_empty() {
            let prepared = checker.prepare(&args);
            assert_eq!(canonical_text(&prepared), text(&case, "prepared"), "{case}");
            assert_eq!(digest(&prepared).to_string(), text(&case, "sha256"), "{case}");
        }
    }
}
