//! Strict reading: what is taken, what is refused, and where.

use super::*;
use crate::{Number, digest};

fn fault(text: &str) -> (Fault, String) {
    let error = parse(text).expect_err(text);
    (error.fault(), error.pointer())
}

fn nested(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn numbers_keep_their_token() {
    for token in [
        "0",
        "-0",
        "-0.0",
        "1.0",
        "1e3",
        "1E+03",
        "9007199254740993",
        "-9223372036854775808",
        "9223372036854775808",
        "1.7976931348623157e308",
        "1e-400",
        "0.1000000000000000055511151231257827",
    ] {
        assert_eq!(parse(token).unwrap().to_text(), token);
    }
}

#[test]
fn numbers_beyond_a_double_are_refused() {
    let digits = format!("1{}", "0".repeat(309));
    for token in ["1e400", "-1e400", "1.8e308", "17976931348623159e292", digits.as_str()] {
        let text = format!(r#"{{"a":[0,{token}]}}"#);
        assert_eq!(fault(&text), (Fault::NumberOverflow, "/a/1".into()), "{token}");
        assert_eq!(parse(&text).unwrap_err().offset(), 8);
    }
    assert!(parse(&digits[..309]).is_ok());
}

#[test]
fn duplicate_keys_are_refused_however_they_are_written_and_however_deep() {
    assert_eq!(fault(r#"{"a":1,"\u0061":2}"#), (Fault::DuplicateKey, "/a".into()));
    assert_eq!(fault(r#"[{"x":{"/~":1,"b":2,"\/~":2}}]"#), (Fault::DuplicateKey, "/0/x/~1~0".into()));
    assert_eq!(fault(r#"{"":1,"":1}"#), (Fault::DuplicateKey, "/".into()));
    assert!(parse(r#"{"a":1,"A":{"a":1}}"#).is_ok());
}

#[test]
fn duplicate_keys_are_refused_in_large_objects() {
    let members = |count: usize| (0..count).map(|at| format!(r#""k{at}":{at}"#)).collect::<Vec<_>>().join(",");
    for count in [15, 16, 17, 18, 2_000] {
        assert!(parse(&format!("{{{}}}", members(count))).is_ok());
        let text = format!(r#"{{{},"k7":0}}"#, members(count));
        assert_eq!(fault(&text), (Fault::DuplicateKey, "/k7".into()));
    }
}

#[test]
fn lone_surrogates_are_refused_in_keys_and_values() {
    for half in [r"\ud800", r"\udfff", r"\ud800\u0041", r"\ud800\ud800", r"\udc00\ud800", r"\uD83Dx"] {
        assert_eq!(fault(&format!(r#"{{"a":"{half}"}}"#)), (Fault::LoneSurrogate, "/a".into()), "{half}");
        assert_eq!(fault(&format!(r#"{{"{half}":1}}"#)), (Fault::LoneSurrogate, String::new()), "{half}");
    }
    assert_eq!(parse(r#""\ud83d\uDE00""#).unwrap().as_str(), Some("😀"));
}

#[test]
fn depth_64_is_taken_and_65_is_not() {
    assert!(parse(&nested(64)).is_ok());
    assert_eq!(fault(&nested(65)).0, Fault::Depth(64));
    assert_eq!(fault(&"{\"a\":".repeat(65)), (Fault::Depth(64), "/a".repeat(64)));
}

#[test]
fn a_hundred_thousand_levels_cost_no_stack() {
    for unit in ["[", "{\"a\":", "[{\"a\":"] {
        let text = unit.repeat(100_000);
        let read = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || parse(&text).is_err());
        assert!(read.unwrap().join().unwrap());
    }
}

#[test]
fn a_hundred_thousand_values_are_taken_and_one_more_is_not() {
    let array = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
    assert!(parse(&array(99_999)).is_ok());
    assert_eq!(fault(&array(100_000)).0, Fault::Nodes(100_000));
}

#[test]
fn whatever_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "nul",
        "tru e",
        "+1",
        "01",
        "-",
        "1.",
        ".5",
        "1e",
        "1e+",
        "NaN",
        "Infinity",
        "'a'",
        "\"a",
        "\"\n\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\u12g4\"",
        "[1,]",
        "[1 2]",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":}",
        "[",
        "{",
        "\u{feff}1",
        "\"\\",
        "\"\\u",
        "// x\n1",
        "\u{a0}1",
        "\"\\u+123\"",
    ] {
        assert!(matches!(fault(text).0, Fault::Syntax(_)), "{text:?}");
    }
    for text in ["1 2", "0x1", "{}x", "[]]", "null\0"] {
        assert_eq!(fault(text).0, Fault::Trailing, "{text:?}");
    }
    assert_eq!(parse_bytes(b"\"\xff\"", Limits::DATA).unwrap_err().fault(), Fault::Utf8);
}

#[test]
fn messages_tell_the_place_and_what_to_do() {
    let error = parse(r#"{"a":{"b":1,"b":2}}"#).unwrap_err();
    assert_eq!(error.to_string(), "key `b` comes twice, noticed at byte 18; keep one of them");
    assert_eq!((error.pointer().as_str(), error.rule()), ("/a/b", "json.duplicate-key"));
}

#[test]
fn escapes_are_read_as_their_characters() {
    assert_eq!(parse(r#""\"\\\/\b\f\n\r\t\u00e9\u0000""#).unwrap().as_str(), Some("\"\\/\u{8}\u{c}\n\r\té\0"));
}

#[test]
fn tokens_are_taken_one_at_a_time() {
    assert_eq!(Number::from_token("1.50").unwrap().token(), "1.50");
    assert!(Number::from_token("1 ").is_ok(), "space around a value is JSON");
    assert!(Number::from_token("true").is_err());
    assert!(Number::from_f64(f64::NAN).is_err());
    assert_eq!(Number::from_f64(1e21).unwrap().token(), "1e+21");
}

#[test]
fn what_is_read_equals_what_another_parser_reads() {
    let text = r#" {"a" : [1, -2.5e3, true, false, null, "\u00e9\n"], "b": {"c": {}}, "d": []} "#;
    let other: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(parse(text).unwrap().to_serde(), other);
    assert_eq!(
        digest(&Value::from_serde(&other).unwrap()),
        digest(&parse(r#"{"d":[],"b":{"c":{}},"a":[1,-2500,true,false,null,"é\n"]}"#).unwrap())
    );
}
