//! What holds and why: every setting with its value and where that comes from. Secrets stay out of it.

use std::fmt::Write;

use serde_json::{Map, json};

use super::{kind::Value, load::Reading, problem::Origin};

/// A configuration file that says what holds, with a comment on each line that says where it comes from.
#[must_use]
pub fn to_toml(reading: &Reading) -> String {
    let mut text = String::new();
    let mut section = "";
    for (setting, value, origin) in reading.effective() {
        let (own, name) = setting.parts();
        if own != section {
            section = own;
            let _ = writeln!(text, "\n[{section}]");
        }
        let line = match literal(value) {
            Some(literal) => format!("{name} = {literal}"),
            None => format!("# {name} is not set"),
        };
        let _ = writeln!(text, "{line:<48} # {origin}");
    }
    text
}

/// The same by key, for programs.
#[must_use]
pub fn to_json(reading: &Reading) -> serde_json::Value {
    let settings: Map<_, _> = reading
        .effective()
        .map(|(setting, value, origin)| {
            let place = (*origin != Origin::Default).then(|| origin.to_string());
            let entry = json!({
                "value": as_json(value),
                "origin": origin.word(),
                "place": place,
            });
            (setting.key.to_owned(), entry)
        })
        .collect();
    json!({ "settings": settings })
}

/// As a file would write it.
pub(crate) fn as_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Bool(value) => json!(value),
        Value::Integer(value) => json!(value),
        Value::List(value) => json!(value),
        other => json!(other.show()),
    }
}

/// As TOML; `None` where nothing is set.
fn literal(value: &Value) -> Option<String> {
    Some(match value {
        Value::Absent => return None,
        Value::Bool(value) => value.to_string(),
        Value::Integer(value) => value.to_string(),
        Value::List(items) => {
            let items: Vec<_> = items.iter().map(|item| quoted(item)).collect();
            format!("[{}]", items.join(", "))
        }
        other => quoted(&other.show()?),
    })
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
