//! Shapes tell types and sizes, never values, and stay small.

use super::*;
use crate::json::parse;

#[test]
fn a_shape_tells_types_and_sizes() {
    let value = parse(r#"{"a":1,"b":"hunter2 näh","c":[true,null,1.5,"x","y","z"],"d":{"e":{}}}"#).unwrap();
    assert_eq!(
        shape(&value),
        r#"{"a":"integer","b":"string(11)","c":["boolean","null","number","string(1)","2 more"],"d":{"e":{}}}"#
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
        let shape = shape(&parse(&text).unwrap());
        assert!(shape.len() < 16 * 1024, "{}", shape.len());
        assert!(parse(&shape).is_ok(), "{shape}");
    }
}
