//! Arguments against a schema: the first line of the input is the schema, the rest are the arguments.
//! Besides crashes it looks for a reader that takes what another refuses, a canonical form that moves, a refusal without a
//! reason, and arguments that are valid under one policy and not, once prepared, under a stricter one.

#![no_main]

use grid_adm::{ArgumentChecker, ExtraArgs, Kind, Mode, Names, Schema, Value, canonical, check, json, shape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (schema, arguments) = text.split_once('\n').unwrap_or((text, text));
    let value = read(arguments);
    if let Some(value) = &value {
        same_text(value);
        for kind in Kind::ALL {
            let _ = check(kind, value, Mode::Strict);
        }
    }
    let Ok((schema, _)) = Schema::read(schema) else {
        return;
    };
    let (again, _) = Schema::read(&schema.to_text()).expect("what is written is read");
    assert_eq!(again, schema);
    let compile = |extra| ArgumentChecker::compile(&schema, extra).expect("a schema that was read compiles");
    let (reject, ignore) = (compile(ExtraArgs::Reject), compile(ExtraArgs::Ignore));
    if let Some(value) = &value {
        judge(&reject, value);
        if judge(&ignore, value) {
            assert!(reject.is_valid(&ignore.prepare(value)), "prepared arguments are valid everywhere");
        }
    }
});

/// Reads strictly, and looks what another parser says of the same text.
fn read(text: &str) -> Option<Value> {
    let other = serde_json::from_str::<serde_json::Value>(text);
    match json::parse(text) {
        Ok(value) => {
            assert_eq!(plain_zero(value.to_serde()), plain_zero(other.expect("what we take, others take")));
            Some(value)
        }
        Err(error) => {
            // The other takes duplicates and more levels; overflow, halves of characters and bad syntax neither takes.
            let ours =
                matches!(error.fault(), json::Fault::DuplicateKey | json::Fault::Depth(_) | json::Fault::Nodes(_));
            assert!(ours || other.is_err(), "{error}");
            let _ = (error.pointer(), error.to_problem());
            None
        }
    }
}

/// The other parser reads the integer `-0` as a double; for us it is 0.
fn plain_zero(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(number) if number.is_f64() && number.as_f64() == Some(0.0) => 0.into(),
        Json::Array(items) => items.into_iter().map(plain_zero).collect(),
        Json::Object(map) => map.into_iter().map(|(key, value)| (key, plain_zero(value))).collect(),
        other => other,
    }
}

fn same_text(value: &Value) {
    let text = value.to_text();
    assert_eq!(json::parse(&text).expect("our own text").to_text(), text);
    let canonical = String::from_utf8(canonical::to_vec(value)).expect("UTF-8");
    let again = json::parse(&canonical).expect("our own canonical form");
    assert_eq!(canonical::to_vec(&again), canonical.as_bytes());
    let shape = shape(value, &Names::default());
    assert!(shape.len() < 64 * 1024);
}

fn judge(checker: &ArgumentChecker, value: &Value) -> bool {
    let problems = checker.check(value).err().unwrap_or_default();
    assert_eq!(checker.is_valid(value), problems.is_empty(), "a refusal has reasons, and only a refusal has");
    for problem in &problems {
        assert!(problem.is_error() && value.pointer(&problem.pointer).is_some(), "{problem}");
    }
    problems.is_empty()
}
