//! The tree: pointers, maps, and the integers of Q3.

use super::*;
use crate::json::parse;

fn integer(token: &str) -> Option<i64> {
    as_adm_integer(&Number::from_token(token).unwrap())
}

#[test]
fn integers_are_exact_to_64_bits() {
    assert_eq!(integer("9223372036854775807"), Some(i64::MAX));
    assert_eq!(integer("-9223372036854775808"), Some(i64::MIN));
    assert_eq!(integer("9223372036854775808"), None);
    assert_eq!(integer("-9223372036854775809"), None);
    assert_eq!(integer("9007199254740993"), Some(9_007_199_254_740_993));
}

#[test]
fn whole_numbers_with_point_or_exponent_are_integers_within_two_to_the_53() {
    for (token, expected) in [
        ("1.0", 1),
        ("1e3", 1000),
        ("-0", 0),
        ("-0.0", 0),
        ("0e999999999999999999999", 0),
        ("15e-1", -1),
        ("150e-1", 15),
        ("1.5e1", 15),
        ("-1.50E+2", -150),
        ("100.00e-2", 1),
        ("9007199254740991.0", 9_007_199_254_740_991),
        ("0.0e-5", 0),
        ("9007199254740991e0", 9_007_199_254_740_991),
    ] {
        let expected = (token != "15e-1").then_some(expected);
        assert_eq!(integer(token), expected, "{token}");
    }
}

#[test]
fn numbers_that_only_look_whole_as_a_double_are_no_integers() {
    for token in [
        "1.5",
        "1.00000000000000000001",
        "9007199254740991.4",
        "9007199254740992.0",
        "9007199254740993.0",
        "1e16",
        "1e300",
        "1e-400",
        "1e-99999999999999999999",
        "0.1e0",
        "-9007199254740992e0",
        "10.5e-1",
    ] {
        assert_eq!(integer(token), None, "{token}");
    }
}

#[test]
fn pointers_lead_to_own_members_only() {
    let value = parse(r#"{"a/b":{"~":[10,{"":5}]},"0":1}"#).unwrap();
    assert_eq!(value.pointer("/a~1b/~0/1/").and_then(Value::as_i64), Some(5));
    assert_eq!(value.pointer("/0").and_then(Value::as_i64), Some(1));
    for nowhere in ["a", "/x", "/a~1b/~0/01", "/a~1b/~0/+1", "/a~1b/~0/2", "/a~1b/~0/-", "/0/0"] {
        assert_eq!(value.pointer(nowhere), None, "{nowhere}");
    }
    assert_eq!(value.pointer(""), Some(&value));
}

#[test]
fn large_maps_find_what_small_ones_find() {
    let mut map = Map::new();
    for at in 0..100_i64 {
        assert_eq!(map.insert(format!("k{}", at * 37 % 100), at.into()), None);
        assert_eq!(map.len(), usize::try_from(at).unwrap() + 1);
    }
    for at in 0..100_i64 {
        assert_eq!(map.get(&format!("k{}", at * 37 % 100)).and_then(Value::as_i64), Some(at));
    }
    assert!(!map.contains_key("k100"));
    assert_eq!(map.insert("k5", Value::Null).and_then(|old| old.as_i64()), Some(65));
    assert_eq!(map.keys().next(), Some("k0"));
}

#[test]
fn equality_does_not_know_order_but_knows_tokens() {
    assert_eq!(parse(r#"{"a":1,"b":2}"#), parse(r#"{"b":2,"a":1}"#));
    assert_ne!(parse("1"), parse("1.0"));
}
