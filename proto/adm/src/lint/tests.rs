//! Documents and lines as `grid adm check` gets them.

use super::*;

fn answer(text: &str) -> String {
    line(text.as_bytes(), Mode::Lenient)
}

#[test]
fn kinds_are_told_by_shape() {
    for (text, kind) in [
        (r#"{"function_declarations":[]}"#, Kind::Tool),
        (r#"{"name":"c","function_declarations":[]}"#, Kind::ToolContract),
        (r#"{"name":"f","description":"","parameters":{}}"#, Kind::FunctionDeclaration),
        (r#"{"type":"STRING"}"#, Kind::Schema),
        (r#"{"call_id":"1","name":"f","args":{}}"#, Kind::FunctionCall),
        (r#"{"call_id":"1","name":"f","status":"ERROR"}"#, Kind::ToolResult),
        (r#"{"manifest_version":"1.0.0","contracts":[]}"#, Kind::ToolManifest),
        (r#"{"type":"X","message":"m"}"#, Kind::ErrorObject),
    ] {
        assert_eq!(document(None, text, Mode::Lenient).kind, Some(kind), "{text}");
    }
    for text in ["{}", "[]", "1", r#"{"x":1}"#] {
        assert_eq!(document(None, text, Mode::Lenient).problems[0].rule, rule::KIND_UNKNOWN);
    }
    assert!(Kind::ALL.iter().all(|kind| kind.as_str().parse() == Ok(*kind)));
    assert!("TOOL".parse::<Kind>().is_err());
}

#[test]
fn a_kind_told_by_shape_is_read_within_its_own_limits() {
    let deep = format!(r#"{{"call_id":"1","name":"f","args":{{"a":{}{}}}}}"#, "[".repeat(70), "]".repeat(70));
    assert_eq!(document(None, &deep, Mode::Lenient).problems[0].rule, rule::JSON_DEPTH);
}

#[test]
fn lines_are_answered_with_their_id_as_written() {
    for id in
        ["1", "1.0", "1e400", "-0", r#""a\u00e9""#, "[1, 2]", r#"{"b":1,"a":2}"#, "9007199254740993", "true", "null"]
    {
        let line = format!(r#"{{"kind":"schema","document":{{"type":"STRING"}},"id":{id}}}"#);
        assert_eq!(answer(&line), format!(r#"{{"id":{id},"valid":true,"problems":[]}}"#));
    }
    assert!(answer(r#"{"kind":"schema","document":{"type":"STRING"}}"#).starts_with(r#"{"id":null,"valid":true"#));
}

#[test]
fn what_the_reader_refuses_is_a_problem_of_the_document() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    for (document, rule) in [
        (r#"{"a":1,"\u0061":2}"#, rule::JSON_DUPLICATE_KEY),
        (r#"{"a":"\ud800"}"#, rule::JSON_LONE_SURROGATE),
        (r#"{"a":1e400}"#, rule::JSON_NUMBER_OVERFLOW),
        (deep.as_str(), rule::JSON_DEPTH),
    ] {
        for line in [
            format!(r#"{{"id":"x","kind":"function_call","document":{document}}}"#),
            format!(r#"{{"id":"x","kind":"arguments","schema":{{"type":"OBJECT"}},"document":{document}}}"#),
            format!(r#"{{"id":"x","kind":"arguments","document":{{}},"schema":{document}}}"#),
        ] {
            let answer = answer(&line);
            assert!(answer.starts_with(r#"{"id":"x","valid":false,"problems":[{"pointer":""#), "{answer}");
            assert!(answer.contains(rule), "{answer}");
        }
    }
}

#[test]
fn arguments_are_checked_against_the_schema_of_the_line() {
    let line = |schema: &str, document: &str| {
        answer(&format!(r#"{{"id":1,"kind":"arguments","schema":{schema},"document":{document}}}"#))
    };
    assert_eq!(line(r#"{"type":"INTEGER"}"#, "9223372036854775807"), r#"{"id":1,"valid":true,"problems":[]}"#);
    assert!(line(r#"{"type":"INTEGER"}"#, "9223372036854775808").contains(r#""rule":"arguments.type""#));
    assert!(line(r#"{"type":"INTEGER"}"#, "null").contains("found null"));
    assert!(line(r#"{"type":"ARRAY"}"#, "[]").contains("in the schema: ARRAY without `items`"));
    assert!(answer(r#"{"id":1,"kind":"arguments","document":{}}"#).contains(rule::LINE_REQUEST));
}

#[test]
fn null_is_a_document() {
    assert!(answer(r#"{"id":1,"kind":"tool","document":null}"#).contains("expected object, found null"));
    assert!(answer(r#"{"id":1,"kind":"tool"}"#).contains("no `document`"));
    assert!(answer(r#"{"id":1,"kind":7,"document":{}}"#).contains(rule::KIND_UNKNOWN));
}

#[test]
fn a_line_that_cannot_be_read_does_not_stop_the_rest() {
    let input = b"{\"id\":1\n\n  \r\n\xff\n[]\n{\"id\":2,\"id\":3,\"document\":1}\n{\"id\":\"last\",\"kind\":\"schema\",\"document\":{\"type\":\"STRING\",\"description\":\"\"}}";
    let mut output = Vec::new();
    lines(&input[..], &mut output, Mode::Lenient).unwrap();
    let output = String::from_utf8(output).unwrap();
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines.len(), 5);
    for line in &lines[..4] {
        assert!(
            line.starts_with(r#"{"id":null,"valid":false,"problems":[{"pointer":"","rule":"line.request""#),
            "{line}"
        );
    }
    assert!(lines[4].starts_with(r#"{"id":"last","valid":true"#) && lines[4].contains(r#""severity":"warning""#));
}
