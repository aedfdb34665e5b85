//! The manifest that most tests are governed by.

use serde_json::{Value, json};

/// Contracts of a calculator that anybody may serve, and of a vault that nobody here may open.
pub fn manifest() -> Value {
    let empty = || json!({ "type": "OBJECT", "properties": {} });
    let one = |name: &str, kind: &str| json!({ "type": "OBJECT", "properties": { name: { "type": kind, "description": "what it takes" } } });
    let both = json!({
        "type": "OBJECT",
        "properties": {
            "a": { "type": "INTEGER", "description": "one number" },
            "b": { "type": "INTEGER", "description": "the other" }
        },
        "required": ["a", "b"]
    });
    json!({
        "manifest_version": "1.0.0",
        "contracts": [
            {
                "name": "calculator",
                "version": "1.0.0",
                "required_roles": ["caller"],
                "timeout": "20s",
                "function_declarations": [
                    { "name": "add", "description": "Adds.", "effect": "pure", "parameters": both },
                    { "name": "echo", "description": "Says it again.", "effect": "pure", "parameters": one("text", "STRING") },
                    { "name": "weigh", "description": "Takes a number.", "effect": "pure", "parameters": one("number", "NUMBER") },
                    { "name": "write", "description": "Changes the world.", "effect": "write", "parameters": one("text", "STRING") },
                    { "name": "brief", "description": "Has little time.", "effect": "write", "timeout": "300ms", "parameters": empty() },
                    { "name": "hang", "description": "Takes long.", "effect": "write", "parameters": empty() },
                    { "name": "fail", "description": "Fails.", "effect": "pure", "parameters": empty() }
                ]
            },
            {
                "name": "vault",
                "version": "1.0.0",
                "required_roles": ["keeper"],
                "function_declarations": [
                    { "name": "open_vault", "description": "Opens it.", "effect": "read", "parameters": empty() }
                ]
            }
        ]
    })
}
