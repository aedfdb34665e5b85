//! Each question of arguments with its answer: types, nulls, undeclared ones, and what is handed on.

use super::*;
use crate::Map;
use crate::SchemaType;
use crate::json::parse;

fn checker(schema: &str, extra: ExtraArgs) -> ArgumentChecker {
    ArgumentChecker::compile(&Schema::read(schema).expect(schema).0, extra).expect(schema)
}

fn rejecting(schema: &str) -> ArgumentChecker {
    checker(schema, ExtraArgs::Reject)
}

fn violations(checker: &ArgumentChecker, arguments: &str) -> Vec<(&'static str, String)> {
    let problems = checker.check(&parse(arguments).expect(arguments)).err().unwrap_or_default();
    problems.into_iter().map(|problem| (problem.rule, problem.pointer)).collect()
}

fn with(property: &str) -> String {
    format!(r#"{{"type":"OBJECT","properties":{{"a":{property}}}}}"#)
}

#[test]
fn types_match_exactly() {
    let values = [r#""1""#, "1", "1.5", "true", "[]", "{}", "null"];
    for (kind, fits) in [
        (r#"{"type":"STRING"}"#, &values[..1]),
        (r#"{"type":"INTEGER"}"#, &values[1..2]),
        (r#"{"type":"NUMBER"}"#, &values[1..3]),
        (r#"{"type":"BOOLEAN"}"#, &values[3..4]),
        (r#"{"type":"ARRAY","items":{"type":"STRING"}}"#, &values[4..5]),
        (r#"{"type":"OBJECT"}"#, &values[5..6]),
    ] {
        let checker = rejecting(&with(kind));
        for value in values {
            let found = violations(&checker, &format!(r#"{{"a":{value}}}"#));
            let expected: &[_] = if fits.contains(&value) { &[] } else { &[(rule::ARGUMENTS_TYPE, "/a".to_owned())] };
            assert_eq!(found, expected, "{kind} {value}");
        }
    }
}

#[test]
fn integers_are_those_of_q3() {
    let checker = rejecting(&with(r#"{"type":"INTEGER"}"#));
    for fits in
        ["9223372036854775807", "-9223372036854775808", "1.0", "1e3", "-0", "9007199254740991.0", "9007199254740993"]
    {
        assert_eq!(violations(&checker, &format!(r#"{{"a":{fits}}}"#)), [], "{fits}");
    }
    for not in [
        "9223372036854775808",
        "-9223372036854775809",
        "1.5",
        "9007199254740992.0",
        "1e19",
        "1e-1",
        "1.00000000000000000001",
    ] {
        assert_eq!(
            violations(&checker, &format!(r#"{{"a":{not}}}"#)),
            [(rule::ARGUMENTS_TYPE, "/a".to_owned())],
            "{not}"
        );
    }
}

#[test]
fn every_violation_is_told_with_its_place() {
    let checker = rejecting(
        r#"{"type":"OBJECT","properties":{"a~/":{"type":"ARRAY","items":{"type":"OBJECT","properties":{"n":{"type":"INTEGER"}},"required":["n"]}},"s":{"type":"STRING","enum":["x","y"]}},"required":["s","a~/"]}"#,
    );
    let mut found = violations(&checker, r#"{"a~/":[{"n":1},{},{"n":"1","m":2},7],"s":"z","u":1,"v":null}"#);
    found.sort();
    let expected = [
        (rule::ARGUMENTS_ENUM, "/s"),
        (rule::ARGUMENTS_REQUIRED, "/a~0~1/1"),
        (rule::ARGUMENTS_TYPE, "/a~0~1/2/n"),
        (rule::ARGUMENTS_TYPE, "/a~0~1/3"),
        (rule::ARGUMENTS_UNDECLARED, "/a~0~1/2/m"),
        (rule::ARGUMENTS_UNDECLARED, "/u"),
        (rule::ARGUMENTS_UNDECLARED, "/v"),
    ];
    assert_eq!(found, expected.map(|(rule, pointer)| (rule, pointer.to_owned())));
}

#[test]
fn required_means_an_own_key() {
    let checker = rejecting(r#"{"type":"OBJECT","properties":{"toString":{"type":"STRING"}},"required":["toString"]}"#);
    assert_eq!(violations(&checker, "{}"), [(rule::ARGUMENTS_REQUIRED, String::new())]);
    assert_eq!(violations(&checker, r#"{"toString":null}"#), [(rule::ARGUMENTS_TYPE, "/toString".to_owned())]);
}

#[test]
fn undeclared_arguments_follow_q2() {
    let undeclared = |schema: &str, extra, arguments: &str| violations(&checker(schema, extra), arguments).len();
    for (schema, arguments, rejected) in [
        (r#"{"type":"OBJECT"}"#, r#"{"x":null}"#, 0),
        (r#"{"type":"OBJECT","properties":{}}"#, r#"{"x":1}"#, 1),
        (r#"{"type":"OBJECT","properties":{"a":{"type":"OBJECT"}}}"#, r#"{"a":{"x":null}}"#, 0),
        (r#"{"type":"OBJECT","properties":{"a":{"type":"OBJECT","properties":{}}}}"#, r#"{"a":{"x":[null]}}"#, 0),
        (
            r#"{"type":"OBJECT","properties":{"a":{"type":"OBJECT","properties":{"b":{"type":"STRING"}}}}}"#,
            r#"{"a":{"x":1}}"#,
            1,
        ),
        (r#"{"type":"ARRAY","items":{"type":"OBJECT","properties":{}}}"#, r#"[{"x":1}]"#, 0),
        (r#"{"type":"ARRAY","items":{"type":"OBJECT","properties":{"b":{"type":"STRING"}}}}"#, r#"[{"x":1}]"#, 1),
    ] {
        assert_eq!(undeclared(schema, ExtraArgs::Reject, arguments), rejected, "{schema}");
        assert_eq!(undeclared(schema, ExtraArgs::Ignore, arguments), 0, "{schema}");
        assert_eq!(undeclared(schema, ExtraArgs::Pass, arguments), 0, "{schema}");
    }
}

#[test]
fn what_changes_nothing_is_handed_on_as_it_is() {
    let schema = r#"{"type":"OBJECT","properties":{"i":{"type":"INTEGER"},"n":{"type":"NUMBER"},"l":{"type":"ARRAY","items":{"type":"INTEGER"}}}}"#;
    let value = parse(r#"{"i":1,"n":1.0,"l":[1,2],"x":1.0}"#).unwrap();
    for extra in [ExtraArgs::Reject, ExtraArgs::Pass] {
        assert!(matches!(checker(schema, extra).prepare(&value), Cow::Borrowed(_)));
    }
    let text = |extra, arguments: &str| checker(schema, extra).prepare(&parse(arguments).unwrap()).to_text();
    assert_eq!(
        text(ExtraArgs::Pass, r#"{"i":1.0,"n":1e3,"l":[1,2e1,-0],"x":1.0}"#),
        r#"{"i":1,"n":1e3,"l":[1,20,0],"x":1.0}"#
    );
    assert_eq!(text(ExtraArgs::Ignore, r#"{"x":1,"i":1,"y":2}"#), r#"{"i":1}"#);
}

#[test]
fn ignored_arguments_are_taken_out_where_they_would_be_rejected() {
    let schema = r#"{"type":"OBJECT","properties":{"free":{"type":"OBJECT"},"empty":{"type":"OBJECT","properties":{}},"closed":{"type":"ARRAY","items":{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}}}}"#;
    let checker = checker(schema, ExtraArgs::Ignore);
    let value = parse(r#"{"free":{"x":1},"empty":{"x":1},"closed":[{"a":""},{"x":1,"a":"b"}],"x":{}}"#).unwrap();
    assert!(checker.check(&value).is_ok());
    assert_eq!(checker.prepare(&value).to_text(), r#"{"free":{"x":1},"empty":{"x":1},"closed":[{"a":""},{"a":"b"}]}"#);
    let open = parse(r#"{"x":1}"#).unwrap();
    assert!(matches!(self::checker(r#"{"type":"OBJECT"}"#, ExtraArgs::Ignore).prepare(&open), Cow::Borrowed(_)));
}

#[test]
fn messages_hold_no_values_unless_allowed() {
    let schema = with(r#"{"type":"STRING","enum":["red","green"]}"#);
    let arguments = parse(r#"{"a":"hunter2","b":"s3cret"}"#).unwrap();
    let told = format!("{:?}", rejecting(&schema).check(&arguments));
    assert!(!told.contains("hunter2") && !told.contains("s3cret"), "{told}");
    assert!(told.contains("string(7)"));
    let problems = rejecting(&schema).quoting_values().check(&arguments).unwrap_err();
    let quoted = problems.iter().find(|problem| problem.rule == rule::ARGUMENTS_ENUM).unwrap();
    assert_eq!(quoted.found, "`hunter2`");
    assert_eq!(quoted.expected, r#"one of ["red","green"]"#);
    assert_eq!(quoted.message, r#"expected one of ["red","green"], found `hunter2`; use an allowed value"#);
}

#[test]
fn unknown_keywords_have_no_effect() {
    for keyword in [
        r##""$ref":"#/nowhere""##,
        r#""$ref":"http://127.0.0.1:1/x""#,
        r#""$schema":"http://json-schema.org/draft-04/schema""#,
        r#""$id":"http://x/y""#,
        r#""pattern":"(((("#,
        r#""minimum":5"#,
        r#""allOf":[false]"#,
        r#""const":1"#,
        r#""not":{}"#,
        r#""additionalProperties":false"#,
        r#""$dynamicRef":"x""#,
    ] {
        let keyword = if keyword.matches('"').count() % 2 == 0 { keyword.to_owned() } else { format!("{keyword}\"") };
        let schema = format!(r#"{{"type":"OBJECT",{keyword},"properties":{{"a":{{"type":"INTEGER",{keyword}}}}}}}"#);
        assert_eq!(violations(&rejecting(&schema), r#"{"a":1}"#), [], "{keyword}");
    }
}

#[test]
fn properties_may_be_named_like_keywords() {
    for name in ["$ref", "$id", "$schema", "$defs", "$anchor", "type", "properties", "items", "", "/", "~", "%25"] {
        let schema =
            format!(r#"{{"type":"OBJECT","properties":{{"{name}":{{"type":"INTEGER"}}}},"required":["{name}"]}}"#);
        assert_eq!(violations(&rejecting(&schema), &format!(r#"{{"{name}":1}}"#)), [], "{name}");
        assert_eq!(violations(&rejecting(&schema), &format!(r#"{{"{name}":""}}"#)).len(), 1, "{name}");
    }
}

#[test]
fn schemas_built_by_hand_are_checked_too() {
    let compile =
        |schema: &Schema| ArgumentChecker::compile(schema, ExtraArgs::Reject).map_err(|problems| problems[0].rule);
    assert_eq!(compile(&Schema::new(SchemaType::Array)).err(), Some(rule::SCHEMA_ITEMS_REQUIRED));
    let mut deep = Schema::new(SchemaType::String);
    for _ in 0..70 {
        let mut outer = Schema::new(SchemaType::Array);
        outer.items = Some(Box::new(deep));
        deep = outer;
    }
    assert_eq!(compile(&deep).err(), Some(rule::SCHEMA_DEPTH));
    let mut twice = Schema::new(SchemaType::Object);
    twice.properties =
        Some(vec![("a".into(), Schema::new(SchemaType::String)), ("a".into(), Schema::new(SchemaType::Number))]);
    assert!(compile(&twice).is_err());
}

#[test]
fn the_largest_schema_compiles_on_a_small_stack() {
    let nested =
        format!("{}{{\"type\":\"STRING\"}}{}", r#"{"type":"OBJECT","properties":{"a":"#.repeat(63), "}}".repeat(63));
    let work = move || violations(&rejecting(&nested), &format!("{}1{}", r#"{"a":"#.repeat(63), "}".repeat(63)));
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(work).unwrap();
    assert_eq!(thread.join().unwrap(), [(rule::ARGUMENTS_TYPE, "/a".repeat(63))]);
}

#[test]
fn a_report_that_would_cost_too_much_tells_one_violation() {
    let name = "n".repeat(100_000);
    let schema =
        format!(r#"{{"type":"OBJECT","properties":{{"{name}":{{"type":"ARRAY","items":{{"type":"STRING"}}}}}}}}"#);
    let arguments = format!(r#"{{"{name}":[{}0]}}"#, "0,".repeat(50_000));
    assert_eq!(violations(&rejecting(&schema), &arguments).len(), 1);
}

#[test]
fn many_violations_are_counted() {
    let checker = rejecting(r#"{"type":"ARRAY","items":{"type":"STRING"}}"#);
    let found = violations(&checker, &format!("[{}0]", "0,".repeat(50_000)));
    assert_eq!(found.len(), limits::PROBLEMS + 1);
    assert_eq!(found.last().unwrap().0, rule::TRUNCATED);
    let found = violations(
        &rejecting(r#"{"type":"OBJECT","properties":{}}"#),
        &format!("{{{}\"z\":0}}", (0..5000).map(|at| format!("\"k{at}\":0,")).collect::<String>()),
    );
    assert_eq!(found.len(), limits::PROBLEMS + 1);
}

#[test]
fn hostile_arguments_cost_time_in_proportion_to_their_size() {
    // Each of these took seconds to minutes when words or index were made anew for every member.
    let values: Vec<_> = (0..10_000).map(|at| format!("\"v{at:08}\"")).collect();
    let schema = format!(r#"{{"type":"ARRAY","items":{{"type":"STRING","enum":[{}]}}}}"#, values.join(","));
    let found = violations(&rejecting(&schema), &format!("[{}\"\"]", "\"\",".repeat(90_000)));
    assert!(found.len() > 1 && found.last().unwrap().0 == rule::TRUNCATED);

    let members: String = (0..90_000).map(|at| format!("\"k{at}\":1,")).collect();
    let value = parse(&format!(r#"{{{members}"i":1.0}}"#)).unwrap();
    let passing = checker(r#"{"type":"OBJECT","properties":{"i":{"type":"INTEGER"}}}"#, ExtraArgs::Pass);
    assert_eq!(passing.prepare(&value).get("i").and_then(Value::as_i64), Some(1));
    assert_eq!(passing.prepare(&value).as_object().map(Map::len), Some(90_001));
    let call = format!(r#"{{"call_id":"1","name":"f","args":{{}},{members}"z":0}}"#);
    let (call, _) = crate::FunctionCall::read(&call).unwrap();
    assert_eq!(call.to_value().as_object().map(Map::len), Some(90_004));
}
