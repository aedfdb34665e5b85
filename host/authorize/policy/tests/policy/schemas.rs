//! Whatever parameters a contract may have, policies get a schema of them, and its arguments fit it.

use grid_adm::Value;
use grid_policy::{PolicySet, Probe};
use grid_testkit::Dice;

use crate::common::directory;

/// Names that need quoting somewhere.
const NAMES: &[&str] =
    &["a", "type", "if", "has", "with blank", "quote\"", "back\\slash", "grün", "__entity", "", "type::x", "\u{7}"];

/// A schema as JSON text, and arguments that fulfil it.
fn schema(dice: &mut Dice, depth: usize) -> (String, String) {
    let kinds = if depth == 0 { 4 } else { 6 };
    match dice.below(kinds) {
        0 => (r#"{"type":"STRING"}"#.to_owned(), "\"x\\\"y\"".to_owned()),
        1 => (r#"{"type":"NUMBER"}"#.to_owned(), "-1.25".to_owned()),
        2 => (r#"{"type":"INTEGER"}"#.to_owned(), "9223372036854775807".to_owned()),
        3 => (r#"{"type":"BOOLEAN"}"#.to_owned(), dice.coin().to_string()),
        4 => {
            let (items, one) = schema(dice, depth - 1);
            let count = dice.below(3);
            (format!(r#"{{"type":"ARRAY","items":{items}}}"#), format!("[{}]", vec![one; count].join(",")))
        }
        _ => object(dice, depth - 1),
    }
}

fn object(dice: &mut Dice, depth: usize) -> (String, String) {
    let (mut properties, mut required, mut values) = (Vec::new(), Vec::new(), Vec::new());
    for name in dice.some(NAMES).into_iter().take(5) {
        let name = Value::from(name).to_text();
        let (own, value) = schema(dice, depth);
        properties.push(format!("{name}:{own}"));
        let needed = dice.coin();
        if needed || dice.coin() {
            values.push(format!("{name}:{value}"));
        }
        if needed {
            required.push(name);
        }
    }
    let schema =
        format!(r#"{{"type":"OBJECT","properties":{{{}}},"required":[{}]}}"#, properties.join(","), required.join(","));
    (schema, format!("{{{}}}", values.join(",")))
}

#[test]
fn any_parameters_have_a_schema_that_their_arguments_fit() {
    let dir = directory(&[("p.cedar", "permit (principal, action, resource) when { context.local || true };")]);
    let mut made = 0;
    for seed in 0..400 {
        let mut dice = Dice::seeded(seed);
        let (parameters, args) = object(&mut dice, 4);
        let text = format!(
            r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"g","description":"d","required_roles":["*"],
            "function_declarations":[{{"name":"f","description":"d","parameters":{parameters}}}]}}]}}"#
        );
        // Names that the data model refuses are no subject of policies.
        let Ok(loaded) = grid_contract::Manifest::read(&text, grid_testkit::options()) else { continue };
        made += 1;
        let set = PolicySet::load(dir.path(), &loaded.manifest).unwrap_or_else(|faults| panic!("{faults:?}\n{text}")).0;
        let probe = Probe {
            principal: "p".to_owned(),
            tenant: "t".to_owned(),
            tool: "f".to_owned(),
            args: Some(args),
            ..Probe::default()
        };
        assert_eq!(probe.with(&loaded.manifest, |question| set.fits(question)).unwrap(), Ok(()), "{text} {probe:?}");
    }
    assert!(made > 100, "{made}");
}
