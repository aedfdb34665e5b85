//! SC-4: schemas and arguments that somebody made to hurt: refused, or compiled within what a contract may cost. Nothing is
//! timed; what is counted is what is kept. Each runs on a small stack, so that a recursion without bound would be seen.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use grid_adm::{
    ArgumentChecker, ExtraArgs, Schema, Value,
    json::{self, Limits},
    limits,
};

/// Half of what a thread has where nobody says otherwise.
const STACK: usize = 1 << 20;

fn nested(open: &str, close: &str, inner: &str, levels: usize) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

fn object(members: impl Iterator<Item = String>) -> String {
    format!(r#"{{"type":"OBJECT","properties":{{{}}}}}"#, members.collect::<Vec<_>>().join(","))
}

/// References, combinations and patterns, each by itself and deep inside; and sizes around and far beyond the bounds.
fn schemas() -> Vec<String> {
    let mut all = Vec::new();
    let values = [
        r##""#""##,
        r##""#/properties/a""##,
        r#""file:///etc/passwd""#,
        r#""http://127.0.0.1:9/x""#,
        r#""https://example.net/s.json""#,
        r#""\\\\host\\share""#,
        r#""gopher://x""#,
        r#""""#,
        "[]",
        "{}",
        "null",
        "1",
        "true",
        r#"["a","a"]"#,
        r##"[{"$ref":"#"},{"$ref":"#"}]"##,
        r##"{"$ref":"#"}"##,
        r#""(a+)+$""#,
        r#""(a|aa)*b""#,
        r#""^(([a-z])+.)+[A-Z]([a-z])+$""#,
        r#""\\p{L}{1,100000}""#,
        r#""(?<=x)y""#,
        r#""[""#,
    ];
    let keywords = [
        "$ref",
        "$dynamicRef",
        "$recursiveRef",
        "$id",
        "$anchor",
        "$dynamicAnchor",
        "$schema",
        "$defs",
        "definitions",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
        "pattern",
        "patternProperties",
        "propertyNames",
        "dependentSchemas",
        "unevaluatedProperties",
        "format",
        "contentSchema",
        "const",
        "minimum",
        "maxLength",
    ];
    for keyword in keywords {
        for value in values {
            all.push(format!(r#"{{"type":"OBJECT","{keyword}":{value},"properties":{{"a":{{"type":"STRING","{keyword}":{value}}}}}}}"#));
            all.push(nested(
                r#"{"type":"ARRAY","items":"#,
                "}",
                &format!(r#"{{"type":"STRING","{keyword}":{value}}}"#),
                20,
            ));
        }
    }
    for count in [1, 10, 100, 1_000, 1_999, 2_000, 2_001, 10_000] {
        all.push(object((0..count).map(|at| format!(r#""p{at}":{{"type":"STRING"}}"#))));
        all.push(format!(r#"{{"type":"OBJECT","allOf":[{}]}}"#, vec![r##"{"$ref":"#"}"##; count].join(",")));
        let names: Vec<String> = (0..count).map(|at| format!("\"v{at}\"")).collect();
        all.push(format!(r#"{{"type":"STRING","enum":[{}]}}"#, names.join(",")));
        all.push(format!(r#"{{"type":"OBJECT","required":[{}]}}"#, names.join(",")));
        all.push(format!(r#"{{"type":"STRING","description":"{}"}}"#, "x".repeat(count * 30)));
    }
    for levels in [1, 8, 31, 32, 33, 62, 63, 64, 65, 100, 128, 256, 1_000, 10_000, 100_000] {
        all.push(nested(r#"{"type":"ARRAY","items":"#, "}", r#"{"type":"STRING"}"#, levels));
        all.push(nested(r#"{"type":"OBJECT","properties":{"a":"#, "}}", r#"{"type":"STRING"}"#, levels));
        all.push(format!(r#"{{"type":"OBJECT","x":{}}}"#, nested("[", "]", "", levels)));
        all.push(format!(r#"{{"type":"OBJECT","allOf":{}}}"#, nested(r#"[{"allOf":"#, "}]", "[]", levels)));
    }
    all
}

/// Texts of arguments: whether two readers could take them for different things, and sizes.
fn arguments() -> Vec<(String, bool)> {
    let mut all = Vec::new();
    for bad in [
        "NaN",
        "Infinity",
        "-Infinity",
        "nan",
        "1e400",
        "-1e400",
        "01",
        "1.",
        ".5",
        "+1",
        "0x10",
        "1_000",
        "--1",
        "1e",
        "'1'",
        "undefined",
    ] {
        all.push((format!(r#"{{"n":{bad}}}"#), false));
        all.push((format!(r#"{{"n":[1,{bad}]}}"#), false));
    }
    for edge in [
        "9007199254740991",
        "9007199254740992",
        "9007199254740993",
        "-9007199254740993",
        "9223372036854775807",
        "-9223372036854775808",
        "1e308",
        "5e-324",
        "-0",
    ] {
        all.push((format!(r#"{{"n":{edge}}}"#), true));
    }
    for surrogate in ["\\ud800", "\\udfff", "\\udc00\\ud800", "\\ud800\\u0041", "\\ud800x", "a\\udbff"] {
        all.push((format!(r#"{{"t":"{surrogate}"}}"#), false));
        all.push((format!(r#"{{"{surrogate}":1}}"#), false));
    }
    all.push((r#"{"t":"\ud83d\ude00"}"#.to_owned(), true));
    for levels in [64, 65, 1_000, 100_000] {
        all.push((nested("[", "]", "", levels), levels <= limits::JSON_DEPTH));
        all.push((nested(r#"{"a":"#, "}", "1", levels), levels <= limits::JSON_DEPTH));
        all.push(("[".repeat(levels), false));
    }
    all.push((format!("[{}]", vec!["1"; limits::JSON_NODES].join(",")), false));
    all.push((r#"{"a":1,"\u0061":2}"#.to_owned(), false));
    all
}

fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    std::thread::Builder::new().stack_size(STACK).spawn(work).unwrap().join().unwrap();
}

#[test]
fn hostile_schemas_are_refused_or_keep_their_bounds() {
    on_a_small_stack(|| {
        let all = schemas();
        assert!(all.len() >= 1_000, "{} schemas", all.len());
        let (mut kept, mut refused) = (0, 0);
        for text in &all {
            let Ok((schema, _)) = Schema::read(text) else {
                refused += 1;
                continue;
            };
            kept += 1;
            let (levels, count) = measure(&schema);
            assert!(levels <= limits::SCHEMA_LEVELS && count <= limits::SUBSCHEMAS, "{levels} levels, {count} schemas");
            assert!(schema.to_text().len() <= limits::SCHEMA_BYTES);
            let checker = ArgumentChecker::compile(&schema, ExtraArgs::Reject).unwrap();
            // What only JSON Schema knows binds nobody: the plainest value of the type is good.
            assert!(checker.is_valid(&plainest(&schema)), "{}", text.get(..200).unwrap_or(text));
        }
        assert!(kept > 500 && refused > 30, "{kept} kept, {refused} refused");
    });
}

/// Levels and schemas, without recursion.
fn measure(schema: &Schema) -> (usize, usize) {
    let (mut open, mut deepest, mut count) = (vec![(schema, 1)], 0, 0);
    while let Some((schema, level)) = open.pop() {
        (deepest, count) = (deepest.max(level), count + 1);
        open.extend(schema.items.as_deref().map(|items| (items, level + 1)));
        open.extend(schema.properties.iter().flatten().map(|(_, property)| (property, level + 1)));
    }
    (deepest, count)
}

fn plainest(schema: &Schema) -> Value {
    let text = match schema.kind.as_str() {
        "STRING" => return schema.enum_values.iter().flatten().next().map_or("x", String::as_str).into(),
        "ARRAY" => "[]",
        "OBJECT" => "{}",
        "BOOLEAN" => "true",
        _ => "1",
    };
    json::parse(text).unwrap()
}

#[test]
fn hostile_arguments_are_refused_before_they_are_checked() {
    on_a_small_stack(|| {
        for (text, is_good) in arguments() {
            let read = json::parse(&text);
            assert_eq!(read.is_ok(), is_good, "{}", text.get(..80).unwrap_or(&text));
            // Whoever asks for more depth gets no more than the stack can bear.
            let deepest = Limits { depth: usize::MAX, nodes: limits::JSON_NODES };
            assert!(json::parse_within(&text, deepest).is_ok() || !is_good);
        }
    });
}

/// A value that is as large as one may be costs one pass, whatever the schema.
#[test]
fn the_largest_arguments_are_checked_against_the_widest_schema() {
    on_a_small_stack(|| {
        let schema = object((0..999).map(|at| format!(r#""p{at}":{{"type":"ARRAY","items":{{"type":"INTEGER"}}}}"#)));
        let (schema, _) = Schema::read(&schema).unwrap();
        let checker = ArgumentChecker::compile(&schema, ExtraArgs::Reject).unwrap();
        let members: Vec<String> = (0..999).map(|at| format!(r#""p{at}":[{}]"#, vec!["1.5"; 90].join(","))).collect();
        let value = json::parse(&format!("{{{}}}", members.join(","))).unwrap();
        let problems = checker.check(&value).unwrap_err();
        assert!(problems.len() <= limits::PROBLEMS + 1, "{} problems", problems.len());
    });
}

/// By construction: nothing in the crate, and nothing that the schema library is built with, opens anything.
#[test]
fn the_schema_library_is_built_without_what_could_fetch() {
    let root = include_str!("../../../Cargo.toml");
    let line = root.lines().find(|line| line.starts_with("jsonschema = ")).unwrap();
    assert!(line.contains("default-features = false") && !line.contains("features = ["), "{line}");
    let translate = include_str!("../src/arguments/translate.rs");
    assert!(translate.contains(".with_retriever(Refuse)"), "the retriever that always refuses");
}
