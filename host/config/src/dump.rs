//! What holds and why: every setting with its value and where that comes from. Secrets stay out of it.

use std::fmt::Write;

use serde_json::{Map, json};

use super::{kind::Value, load::Reading, own, problem::Origin, table};

/// A configuration file that says what holds, with a comment on each line that says where it comes from.
#[must_use]
pub fn to_toml(reading: &Reading) -> String {
    let mut text = String::new();
    let mut section = "";
    for (setting, value, origin) in reading.effective() {
        let (own, name) = setting.parts();
        if own != section {
            if section == own::SECTION {
                of_scopes(&mut text, reading);
            }
            section = own;
            let _ = writeln!(text, "\n[{section}]");
        }
        write_line(&mut text, name, value, origin);
    }
    text
}

/// What scopes and names have of their own, each in a table within the section.
fn of_scopes(text: &mut String, reading: &Reading) {
    for (whose, members) in reading.own() {
        let _ = writeln!(text, "\n[{}]", whose.table());
        for (key, (value, origin)) in members {
            write_line(text, key.split_once('.').map_or(key, |(_, name)| name), value, origin);
        }
    }
}

fn write_line(text: &mut String, name: &str, value: &Value, origin: &Origin) {
    let line = match literal(value) {
        Some(literal) => format!("{name} = {literal}"),
        None => format!("# {name} is not set"),
    };
    let _ = writeln!(text, "{line:<48} # {origin}");
}

/// The same by key, for programs.
#[must_use]
pub fn to_json(reading: &Reading) -> serde_json::Value {
    let entry = |value: &Value, origin: &Origin| {
        let place = (*origin != Origin::Default).then(|| origin.to_string());
        json!({
            "value": as_json(value),
            "origin": origin.word(),
            "place": place,
        })
    };
    let effective = reading.effective();
    let mut settings: Map<_, _> =
        effective.map(|(setting, value, origin)| (setting.key.to_owned(), entry(value, origin))).collect();
    for (whose, members) in reading.own() {
        let named = table::settings().filter_map(|setting| Some((whose.key(setting), members.get(setting.key)?)));
        settings.extend(named.map(|(key, (value, origin))| (key, entry(value, origin))));
    }
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
