//! Shapes tell types and sizes, never values, and stay small.

use super::*;
use crate::json::parse;

/// The schema of an object with these members.
fn names(properties: &str) -> Names {
    let text = format!(r#"{{"type":"OBJECT","properties":{properties}}}"#);
    Names::of(&Schema::read(&text).unwrap().0)
}

#[test]
fn a_shape_tells_types_and_sizes() {
    let value = parse(r#"{"a":1,"b":"hunter2 näh","c":[true,null,1.5,"x","y","z"],"d":{"e":{}}}"#).unwrap();
    let names = names(
        r#"{"a":{"type":"INTEGER"},"b":{"type":"STRING"},"c":{"type":"ARRAY","items":{"type":"STRING"}},
            "d":{"type":"OBJECT","properties":{"e":{"type":"OBJECT"}}}}"#,
    );
    assert_eq!(
        shape(&value, &names),
        r#"{"a":"integer","b":"string(11)","c":["boolean","null","number","string(1)","2 more"],"d":{"e":{}}}"#
    );
}

#[test]
fn a_name_that_nobody_declared_is_not_told() {
    let value = parse(r#"{"a":{"hunter2":1,"b":2},"c":[{"d":1,"hunter2":{"hunter2":1}}],"hunter2":null}"#).unwrap();
    let names = names(
        r#"{"a":{"type":"OBJECT","properties":{"b":{"type":"INTEGER"}}},
            "c":{"type":"ARRAY","items":{"type":"OBJECT","properties":{"d":{"type":"INTEGER"}}}}}"#,
    );
    let shape = shape(&value, &names);
    assert!(!shape.contains("hunter2"), "{shape}");
    assert!(
        parse(&shape).is_ok() && shape.contains(r#""d":"integer""#) && shape.contains(r#""b":"integer""#),
        "{shape}"
    );
}

#[test]
fn a_shape_is_json_and_small_whatever_the_value() {
    let deep = format!("{}1{}", "[".repeat(60), "]".repeat(60));
    let wide = format!(
        "{{{}\"z\":1}}",
        (0..5000).map(|at| format!("\"{}{at}\":\"{}\",", "\\u0001".repeat(50), "s".repeat(40))).collect::<String>()
    );
    let bushy = format!("[{}1]", "[[1,[2,2,2,2,2],3,4],[1,2,3,4],5,6],".repeat(200));
    for text in [deep, wide, bushy] {
        let shape = shape(&parse(&text).unwrap(), &Names::default());
        assert!(shape.len() < 16 * 1024, "{}", shape.len());
        assert!(parse(&shape).is_ok(), "{shape}");
    }
}
