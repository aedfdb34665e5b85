//! What holds for every document: round trips, canonical form, and agreement of the checker with a naive one.
//! Schemas and values come from strategies that make near misses likely: few names, numbers at the edges.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use grid_adm::{
    ArgumentChecker, ExtraArgs, Kind, Map, Mode, Names, Schema, SchemaType, Tool, Value, canonical, check, digest,
    json, shape,
};
use proptest::prelude::*;
use std::borrow::Cow;

const NAMES: [&str; 6] = ["a", "b", "c/~", "$ref", "é", "\u{1f600}"];
const TOKENS: [&str; 22] = [
    "0",
    "-0",
    "1",
    "-1",
    "1.0",
    "1.5",
    "1e3",
    "1e-3",
    "9007199254740991",
    "9007199254740992",
    "9007199254740993",
    "9007199254740991.0",
    "9007199254740992.0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "1e19",
    "0.1",
    "-0.0",
    "1.00000000000000000001",
    "1.7976931348623157e308",
];

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => prop::sample::select(&NAMES[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn number() -> impl Strategy<Value = Value> {
    let token = prop::sample::select(&TOKENS[..]).prop_map(|token| json::parse(token).expect("a token"));
    prop_oneof![token, any::<i64>().prop_map(Value::from)]
}

fn object(value: impl Strategy<Value = Value>, names: impl Strategy<Value = String>) -> impl Strategy<Value = Value> {
    prop::collection::vec((names, value), 0..5).prop_map(|members| Value::Object(members.into_iter().collect()))
}

fn value() -> impl Strategy<Value = Value> {
    let leaf =
        prop_oneof![Just(Value::Null), any::<bool>().prop_map(Value::from), number(), name().prop_map(Value::from),];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array), object(inner, name())]
    })
}

fn extra() -> impl Strategy<Value = Map> {
    let members = prop::collection::vec((prop::sample::select(&["x_one", "pattern", "$ref", "z"][..]), value()), 0..3);
    members.prop_map(|members| members.into_iter().collect())
}

fn schema() -> impl Strategy<Value = Schema> {
    let scalars = [SchemaType::Number, SchemaType::Integer, SchemaType::Boolean, SchemaType::Object];
    let leaf = prop_oneof![
        prop::sample::select(scalars.to_vec()).prop_map(Schema::new),
        prop::option::of(prop::sample::subsequence(&NAMES[..], 1..4)).prop_map(|values| {
            let enum_values = values.map(|values| values.into_iter().map(str::to_owned).collect());
            Schema { enum_values, ..Schema::new(SchemaType::String) }
        }),
    ];
    let bare = leaf.prop_recursive(3, 24, 4, |inner| {
        let array =
            inner.clone().prop_map(|items| Schema { items: Some(Box::new(items)), ..Schema::new(SchemaType::Array) });
        let names = prop::sample::subsequence(&NAMES[..], 0..4);
        let object = names.prop_flat_map(move |names| {
            let count = names.len();
            (Just(names), prop::collection::vec((inner.clone(), any::<bool>()), count))
        });
        prop_oneof![1 => array, 2 => object.prop_map(object_schema)]
    });
    (bare, extra()).prop_map(|(schema, extra)| Schema { extra, ..schema })
}

fn object_schema((names, members): (Vec<&str>, Vec<(Schema, bool)>)) -> Schema {
    let names = names.into_iter().map(str::to_owned);
    let required = names.clone().zip(&members).filter(|(_, (_, required))| *required).map(|(name, _)| name).collect();
    let properties = names.zip(members).map(|(name, (schema, _))| (name, schema)).collect();
    Schema { properties: Some(properties), required: Some(required), ..Schema::new(SchemaType::Object) }
}

/// A value that `schema` mostly accepts.
fn near(schema: &Schema) -> BoxedStrategy<Value> {
    let fits = match schema.kind {
        SchemaType::String => match &schema.enum_values {
            Some(values) => prop::sample::select(values.clone()).prop_map(Value::from).boxed(),
            None => name().prop_map(Value::from).boxed(),
        },
        SchemaType::Number => number().boxed(),
        SchemaType::Integer => prop_oneof![number(), any::<i64>().prop_map(Value::from)].boxed(),
        SchemaType::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        SchemaType::Array => {
            let items = schema.items.as_deref().map_or_else(|| value().boxed(), near);
            prop::collection::vec(items, 0..4).prop_map(Value::Array).boxed()
        }
        SchemaType::Object => near_object(schema),
    };
    prop_oneof![12 => fits, 1 => value()].boxed()
}

fn near_object(schema: &Schema) -> BoxedStrategy<Value> {
    let declared: Vec<_> = schema
        .properties
        .iter()
        .flatten()
        .map(|(name, schema)| {
            let name = name.clone();
            prop::option::weighted(0.9, near(schema)).prop_map(move |value| value.map(|value| (name.clone(), value)))
        })
        .collect();
    let members = (declared, prop::option::weighted(0.2, (name(), value())));
    members.prop_map(|(declared, more)| Value::Object(declared.into_iter().flatten().chain(more).collect())).boxed()
}

fn case() -> impl Strategy<Value = (Schema, Value)> {
    schema().prop_flat_map(|schema| (Just(schema.clone()), prop_oneof![4 => near(&schema), 1 => value().boxed()]))
}

/// The rules of arguments once more, as plainly as they can be said. Gives the pointers of what is wrong.
fn naive(schema: &Schema, value: &Value, extra: ExtraArgs, root: bool, at: &str, wrong: &mut Vec<String>) {
    let fits = match (schema.kind, value) {
        (SchemaType::String, Value::String(text)) => {
            schema.enum_values.as_ref().is_none_or(|values| values.contains(text))
        }
        (SchemaType::Number, Value::Number(_))
        | (SchemaType::Boolean, Value::Bool(_))
        | (SchemaType::Array, Value::Array(_))
        | (SchemaType::Object, Value::Object(_)) => true,
        (SchemaType::Integer, Value::Number(number)) => naive_integer(&number.token()),
        _ => false,
    };
    if !fits {
        wrong.push(at.to_owned());
        return;
    }
    if let (Value::Array(items), Some(schema)) = (value, &schema.items) {
        for (index, item) in items.iter().enumerate() {
            naive(schema, item, extra, false, &format!("{at}/{index}"), wrong);
        }
    }
    let Value::Object(map) = value else { return };
    for name in schema.required.iter().flatten().filter(|name| !map.contains_key(name)) {
        assert!(schema.property(name).is_some());
        wrong.push(at.to_owned());
    }
    for (key, value) in map.iter() {
        let at = format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
        match (schema.property(key), &schema.properties) {
            (Some(schema), _) => naive(schema, value, extra, false, &at, wrong),
            (None, Some(declared)) if extra == ExtraArgs::Reject && (root || !declared.is_empty()) => wrong.push(at),
            (None, _) => {}
        }
    }
}

/// By decimal arithmetic on 128 bits, unlike the checker.
fn naive_integer(token: &str) -> bool {
    if let Ok(integer) = token.parse::<i128>() {
        return i64::try_from(integer).is_ok();
    }
    let double: f64 = token.parse().expect("a number");
    let (mantissa, exponent) = token.split_once(['e', 'E']).unwrap_or((token, "0"));
    let fraction = mantissa.split_once('.').map_or("", |(_, fraction)| fraction);
    let scale = exponent.parse::<i32>().expect("small") - i32::try_from(fraction.len()).expect("short");
    let digits: i128 = mantissa.replace('.', "").parse().expect("digits");
    let whole = scale >= 0 || scale > -38 && digits % 10_i128.pow(scale.unsigned_abs()) == 0;
    whole && double.abs() <= 9_007_199_254_740_991.0
}

/// The same JSON with other white space, escapes and order of members.
fn scrambled(value: &Value, seed: u64) -> String {
    let space = ["", " ", "\n", "\t \r"][usize::try_from(seed % 4).expect("small")];
    let text = |text: &str| {
        let escaped: String = text.encode_utf16().map(|unit| format!("\\u{unit:04X}")).collect();
        if seed.is_multiple_of(3) { format!("\"{escaped}\"") } else { Value::from(text).to_text() }
    };
    match value {
        Value::String(own) => text(own),
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| scrambled(item, seed / 3 + 1)).collect();
            format!("[{space}{}{space}]", items.join(&format!("{space},")))
        }
        Value::Object(map) => {
            let member = |(key, value)| format!("{}{space}:{space}{}", text(key), scrambled(value, seed / 5 + 2));
            let mut members: Vec<_> = map.iter().map(member).collect();
            let turn = usize::try_from(seed).unwrap_or(0) % members.len().max(1);
            members.rotate_left(turn);
            format!("{{{space}{}{space}}}", members.join(&format!(",{space}")))
        }
        other => other.to_text(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn the_checker_agrees_with_the_naive_one((schema, value) in case(), extra in prop::sample::select(&[ExtraArgs::Reject, ExtraArgs::Ignore, ExtraArgs::Pass][..])) {
        let checker = ArgumentChecker::compile(&schema, extra).expect("a valid schema");
        let mut expected = Vec::new();
        naive(&schema, &value, extra, true, "", &mut expected);
        let found = checker.check(&value).err().unwrap_or_default();
        let mut found: Vec<_> = found.into_iter().map(|problem| problem.pointer).collect();
        found.sort();
        expected.sort();
        prop_assert_eq!(&found, &expected);
        prop_assert_eq!(checker.is_valid(&value), found.is_empty());
    }

    #[test]
    fn prepared_arguments_are_valid_everywhere_and_stay_as_they_are((schema, value) in case()) {
        let ignoring = ArgumentChecker::compile(&schema, ExtraArgs::Ignore).expect("a valid schema");
        prop_assume!(ignoring.is_valid(&value));
        let prepared = ignoring.prepare(&value).into_owned();
        let rejecting = ArgumentChecker::compile(&schema, ExtraArgs::Reject).expect("a valid schema");
        prop_assert!(rejecting.is_valid(&prepared));
        prop_assert!(matches!(ignoring.prepare(&prepared), Cow::Borrowed(_)));
        if let Cow::Owned(changed) = rejecting.prepare(&value) {
            prop_assert_ne!(changed.to_text(), value.to_text());
        }
    }

    #[test]
    fn what_is_written_is_read_back(value in value()) {
        let text = value.to_text();
        let again = json::parse(&text).expect("our own text");
        prop_assert_eq!(&again, &value);
        prop_assert_eq!(again.to_text(), text);
        prop_assert!(json::parse(&shape(&value, &Names::default())).is_ok());
    }

    #[test]
    fn the_canonical_form_knows_no_order_space_or_escapes(value in value(), seed in any::<u64>()) {
        let canonical = canonical::to_vec(&value);
        let other = json::parse(&scrambled(&value, seed)).expect("the same JSON");
        prop_assert_eq!(&other, &value);
        prop_assert_eq!(canonical::to_vec(&other), canonical.clone());
        prop_assert_eq!(digest(&other), digest(&value));
        let again = json::parse(std::str::from_utf8(&canonical).expect("UTF-8")).expect("JSON");
        prop_assert_eq!(canonical::to_vec(&again), canonical);
    }

    #[test]
    fn unknown_fields_survive_a_round_trip(schema in schema(), extra in extra()) {
        let mut root = Schema::new(SchemaType::Object);
        root.properties = Some(vec![("p".to_owned(), schema)]);
        let function = grid_adm::FunctionDeclaration { name: "f".into(), description: "d".into(), parameters: root, extra: extra.clone() };
        let tool = Tool { function_declarations: vec![function], extra };
        let (read, _) = Tool::read(&tool.to_text()).expect("a valid tool");
        prop_assert_eq!(read.to_text(), tool.to_text());
        prop_assert_eq!(&read, &tool);
    }

    #[test]
    fn any_value_can_be_checked_as_any_kind(value in value()) {
        for kind in Kind::ALL {
            let _ = check(kind, &value, Mode::Strict);
        }
    }

    #[test]
    fn the_reader_agrees_with_another_on_what_json_is(text in r#"[\[\]{}",:0-9eE.+\- \\untrflase]{0,24}"#) {
        // The other parser reads the integer `-0` as a double; for us it is 0.
        prop_assume!(!text.contains("-0"));
        let other = serde_json::from_str::<serde_json::Value>(&text);
        match json::parse(&text) {
            Ok(value) => prop_assert_eq!(value.to_serde(), other.expect("what we take, others take")),
            Err(error) => prop_assert!(other.is_err() || error.fault() == json::Fault::DuplicateKey, "{}", error),
        }
    }
}
