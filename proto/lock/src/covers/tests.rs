//! The answer is held against the checker itself: where it is yes, no value may say otherwise, and where it is no, some
//! value of a small world does.

use super::*;
use grid_adm::{ArgumentChecker, ExtraArgs, Value, json};
use proptest::prelude::*;

fn schema() -> impl Strategy<Value = Schema> {
    let leaf = prop_oneof![
        Just(Schema::new(SchemaType::Number)),
        Just(Schema::new(SchemaType::Integer)),
        Just(Schema::new(SchemaType::Boolean)),
        proptest::option::of(proptest::sample::subsequence(vec!["x".to_owned(), "y".to_owned()], 1..=2))
            .prop_map(|values| Schema { enum_values: values, ..Schema::new(SchemaType::String) }),
    ];
    leaf.prop_recursive(2, 8, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| Schema { items: Some(Box::new(items)), ..Schema::new(SchemaType::Array) }),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Schema>) -> impl Strategy<Value = Schema> {
    let properties = proptest::option::of(proptest::collection::btree_map("[ab]", inner, 0..=2));
    (properties, any::<bool>()).prop_map(|(properties, required)| {
        let properties: Option<Vec<(String, Schema)>> = properties.map(|own| own.into_iter().collect());
        let first = properties.as_ref().and_then(|own| own.first()).map(|(name, _)| vec![name.clone()]);
        Schema { required: first.filter(|_| required), properties, ..Schema::new(SchemaType::Object) }
    })
}

/// Every value of a small world: what distinguishes two of the schemas above is in it, two levels deep.
fn world(depth: usize) -> Vec<Value> {
    let leaves = ["1", "0.5", "true", "\"x\"", "\"y\"", "\"z\""].map(|text| json::parse(text).unwrap());
    let mut values = leaves.to_vec();
    values.extend([json::parse("[]").unwrap(), json::parse("{}").unwrap()]);
    if depth > 0 {
        let below = world(depth - 1);
        values.extend(below.iter().map(|value| Value::Array(vec![value.clone()])));
        for name in ["a", "b", "c"] {
            values.extend(below.iter().map(|value| Value::Object([(name, value.clone())].into_iter().collect())));
        }
        if depth == 1 {
            for (one, other) in below.iter().flat_map(|one| below.iter().map(move |other| (one, other))) {
                values.push(Value::Object([("a", one.clone()), ("b", other.clone())].into_iter().collect()));
            }
        }
    }
    values
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_covers_takes_whatever_the_other_took(old in object(schema()), new in object(schema())) {
        let compile = |schema: &Schema| ArgumentChecker::compile(schema, ExtraArgs::Reject).unwrap();
        let (before, now) = (compile(&old), compile(&new));
        let counter = world(2).into_iter().find(|value| before.is_valid(value) && !now.is_valid(value));
        if covers(&new, &old) {
            prop_assert!(counter.is_none(), "{} was good for {} and is not for {}", counter.unwrap(), old.to_text(), new.to_text());
        }
        prop_assert!(covers(&old, &old));
    }
}

#[test]
fn what_narrows_does_not_cover() {
    let read = |text: &str| Schema::read(text).unwrap().0;
    let base = r#"{"type":"OBJECT","properties":{"a":{"type":"NUMBER"},"s":{"type":"STRING"}},"required":["a"]}"#;
    for (new, covered) in [
        (base.replace("NUMBER", "INTEGER"), false),
        (base.replace("[\"a\"]", "[\"a\",\"s\"]"), false),
        (base.replace(",\"s\":{\"type\":\"STRING\"}", ""), false),
        (base.replace("\"STRING\"", "\"STRING\",\"enum\":[\"x\"]"), false),
        (base.replace("[\"a\"]", "[]"), true),
        (base.replace("\"s\":", "\"t\":{\"type\":\"BOOLEAN\"},\"s\":"), true),
        (r#"{"type":"OBJECT"}"#.to_owned(), true),
        (r#"{"type":"OBJECT","properties":{}}"#.to_owned(), false),
    ] {
        assert_eq!(covers(&read(&new), &read(base)), covered, "{new}");
    }
}
