//! `manifests/schema.json`, which editors use, says of a manifest what the rules say.

use grid_adm::ToolManifest;
use serde_json::{Value, json};

fn file(name: &str) -> Value {
    let path = format!("{}/../../manifests/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap_or_default()).unwrap_or_default()
}

/// What the schema and what the rules say.
fn verdicts(manifest: &Value) -> (bool, bool) {
    let by_schema = jsonschema::validator_for(&file("schema.json")).is_ok_and(|schema| schema.is_valid(manifest));
    (by_schema, ToolManifest::read(&manifest.to_string()).is_ok())
}

#[test]
fn the_quickstart_manifest_is_valid_by_schema_and_by_rules() {
    assert_eq!(verdicts(&file("quickstart.json")), (true, true));
}

#[test]
fn one_fault_alone_is_seen_by_both() {
    let faults = [
        ("/manifest_version", json!("2.0.0")),
        ("/contracts", json!([])),
        ("/contracts/0/name", json!(" ")),
        ("/contracts/0/function_declarations", json!([])),
        ("/contracts/0/function_declarations/0/name", json!("9x")),
        ("/contracts/0/function_declarations/0/description", json!("")),
        ("/contracts/0/function_declarations/0/parameters", json!({ "type": "object" })),
        ("/contracts/0/function_declarations/0/parameters", json!({ "type": "STRING" })),
        ("/contracts/0/function_declarations/0/parameters", json!({ "type": "OBJECT", "items": { "type": "STRING" } })),
        (
            "/contracts/0/function_declarations/0/parameters",
            json!({ "type": "OBJECT", "properties": { "list": { "type": "ARRAY" } } }),
        ),
        (
            "/contracts/0/function_declarations/0/parameters",
            json!({ "type": "OBJECT", "properties": { "n": { "type": "NUMBER", "enum": ["1"] } } }),
        ),
    ];
    for (pointer, wrong) in faults {
        let mut manifest = file("quickstart.json");
        let place = manifest.pointer_mut(pointer);
        assert!(place.is_some(), "{pointer} is not in the quickstart manifest");
        if let Some(place) = place {
            *place = wrong.clone();
        }
        assert_eq!(verdicts(&manifest), (false, false), "{pointer} = {wrong}");
    }
}
