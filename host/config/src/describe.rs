//! The table of settings for editors (JSON Schema) and for people (`docs/configuration.md`).

use std::fmt::Write;

use serde_json::{Map, Value as Json, json};

use super::{
    dump::as_json,
    kind::{Kind, Value},
    own,
    raw::Raw,
    setting::{Fallback, Setting},
    table::{SECTIONS, settings},
    units::show_time,
};

const TIME: &str = "^([0-9]+(ms|s|m|h|d))+$";
const SIZE: &str = "^[0-9]+ ?([KMG]i?)?B$";
const NAME: &str = "^[ -~]{1,128}$";

/// JSON Schema (draft 2020-12) of the configuration file.
#[must_use]
pub fn schema() -> Json {
    let mut properties = Map::new();
    for setting in in_section("") {
        properties.insert(setting.key.to_owned(), schema_of(setting));
    }
    let named = |setting: &'static Setting| (setting.parts().1.to_owned(), schema_of(setting));
    for section in SECTIONS {
        let mut members: Map<_, _> = in_section(section.name).map(named).collect();
        for (scope, doc) in own::SCOPES.into_iter().filter(|_| section.name == own::SECTION) {
            let fields: Map<_, _> = own::members(scope).map(named).collect();
            let of_name = json!({"type": "object", "properties": fields, "additionalProperties": false});
            let schema = json!({
                "description": doc, "type": "object", "properties": fields, "additionalProperties": of_name,
            });
            members.insert(scope.to_owned(), schema);
        }
        let schema = json!({
            "description": section.doc(),
            "type": "object",
            "properties": members,
            "additionalProperties": false,
        });
        properties.insert(section.name.to_owned(), schema);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "configuration of the grid host",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn in_section(name: &'static str) -> impl Iterator<Item = &'static Setting> {
    settings().filter(move |setting| setting.parts().0 == name)
}

fn schema_of(setting: &Setting) -> Json {
    let mut schema = match setting.kind {
        Kind::Bool => json!({"type": "boolean"}),
        Kind::Integer { min, max } => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::Time { .. } | Kind::Capped { .. } => json!({"type": "string", "pattern": TIME}),
        Kind::Size { .. } => json!({"type": "string", "pattern": SIZE}),
        Kind::Address | Kind::Path | Kind::Text => json!({"type": "string", "minLength": 1}),
        Kind::Url => json!({"type": "string", "pattern": "^https?://."}),
        Kind::Name => json!({"type": "string", "pattern": NAME}),
        Kind::Names => json!({"type": "array", "items": {"type": "string", "pattern": NAME}}),
        Kind::Texts => json!({"type": "array", "items": {"type": "string", "minLength": 1}}),
        Kind::Choice(names) => json!({"enum": names}),
    };
    if let Some(object) = schema.as_object_mut() {
        let description = match bounds(setting.kind) {
            Some(bounds) => format!("{} {bounds}", setting.doc()),
            None => setting.doc().to_owned(),
        };
        object.insert("description".to_owned(), json!(description));
        if let Some(value) = plain_default(setting) {
            object.insert("default".to_owned(), as_json(&value));
        }
    }
    schema
}

/// Bounds that a pattern cannot say.
fn bounds(kind: Kind) -> Option<String> {
    match kind {
        Kind::Time { min, max } => Some(format!("From `{}` to `{}`.", show_time(min), show_time(max))),
        Kind::Capped { min, cap } => {
            Some(format!("From `{}`; more than `{}` counts as that.", show_time(min), show_time(cap)))
        }
        Kind::Size { min, max } => Some(format!("From `{min}` to `{max}`.")),
        Kind::Integer { min, max } => Some(format!("From {min} to {max}.")),
        _ => None,
    }
}

fn plain_default(setting: &Setting) -> Option<Value> {
    match setting.fallback {
        Fallback::Is(text) => setting.kind.check(&Raw::Loose(text.to_owned())).ok().map(|checked| checked.value),
        _ => None,
    }
}

/// The page of documentation.
#[must_use]
pub fn page() -> String {
    let mut text = String::from(HEAD);
    for setting in in_section("") {
        describe(&mut text, setting);
    }
    for section in SECTIONS {
        let _ = writeln!(text, "\n## {}\n\n{}", section.name, section.doc());
        text.push_str(TABLE);
        for setting in in_section(section.name) {
            row(&mut text, setting);
        }
        if section.name == own::SECTION {
            text.push_str(OWN);
        }
    }
    text
}

const TABLE: &str = "\n| Setting | Kind | Default | Meaning |\n|---|---|---|---|\n";

const OWN: &str = "
The breakers of one scope may have settings of their own, in `[breaker.runtime]`, `[breaker.provider]` and
`[breaker.tool]`, and so may each name, in a table within that: a runtime's id, a provider's name, a tool's name. They
have the settings above but `enabled` and `entries`; `tool_errors` is for tools alone. What a name does not say is as its
scope has it, then as all have it. Where a tool has a table of its own, its `slow_call` says
when its calls are slow for the breakers of its runtimes and providers too. Names with capital letters cannot be said in
the environment.

```toml
[breaker.provider]
consecutive_failures = 10
recovery = \"60s\"

[breaker.tool.data_processing]
consecutive_failures = 3
recovery = \"120s\"
slow_call = \"30s\"

[breaker.tool.api_integration]
recovery = \"15s\"
slow_call = \"5s\"

[breaker.runtime.\"calc/2\"]
failures_in_window = 100
```
";

const HEAD: &str = "<!-- Made by `grid config docs` of the table in host/config/src/table; a test keeps them equal. -->
# Configuration

The host reads one file: the one that `--config` names, else the one that `GRID_CONFIG` names, else `grid.toml` in the
working directory if it is there, else none. TOML is usual; a name that ends in `.yaml` or `.json` is read as such.

A setting is taken from the first of these that says it:

1. `--set section.key=value` on the command line
2. the environment: `GRID_SECTION__KEY`, for example `GRID_SERVER__LISTEN=127.0.0.1:9000`
3. the file
4. its default

What is no setting is refused, so that a slip of the pen cannot switch anything off. `grid check` reports everything
that is wrong at once, each with its place; `grid config dump` shows what holds and where it comes from; `grid config
schema` prints a JSON Schema for editors. Lists are written with commas in the environment and on the command line.

| Kind | Written as |
|---|---|
| time | a number with its unit, `ms`, `s`, `m`, `h` or `d`: `30s`, `1h30m` |
| size | a number with its unit, `B`, `KiB`, `MiB` or `GiB`: `4MiB` |
| address | IP address and port: `127.0.0.1:9090`, `[::1]:9090`, `localhost:9090` |
| path | a file or folder; a relative one is within the working directory |
| name | 1 to 128 printable ASCII characters |

Besides settings, these variables are read: `GRID_CONFIG` (above), `GRID_ENVIRONMENT` (with `production`, the host
refuses development mode), and for commands that talk to a host `GRID_ENDPOINT`, `GRID_ADMIN_ENDPOINT` and
`GRID_TOKEN_FILE`.

## mode
";

fn describe(text: &mut String, setting: &Setting) {
    text.push_str(TABLE);
    row(text, setting);
}

fn row(text: &mut String, setting: &Setting) {
    let _ = writeln!(
        text,
        "| `{}` | {} | {} | {} |",
        setting.key,
        kind_text(setting.kind).replace('|', "\\|"),
        default_text(setting),
        setting.doc().replace('|', "\\|"),
    );
}

fn kind_text(kind: Kind) -> String {
    let name = match kind {
        Kind::Bool => "`true` or `false`",
        Kind::Integer { min, max } => return format!("whole number, {min} to {max}"),
        Kind::Time { min, max } => {
            return format!("time, `{}` to `{}`", show_time(min), show_time(max));
        }
        Kind::Capped { min, cap } => {
            return format!("time, `{}` to `{}`", show_time(min), show_time(cap));
        }
        Kind::Size { min, max } => return format!("size, `{min}` to `{max}`"),
        Kind::Address => "address",
        Kind::Path => "path",
        Kind::Text => "text",
        Kind::Url => "URL",
        Kind::Name => "name",
        Kind::Names => "list of names",
        Kind::Texts => "list of texts",
        Kind::Choice(names) => {
            let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
            return names.join(", ");
        }
    };
    name.to_owned()
}

fn default_text(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Is(_) => {
            plain_default(setting).map_or_else(String::new, |value| format!("`{}`", as_json(&value))).replace('"', "")
        }
        Fallback::Absent => "none".to_owned(),
        Fallback::Under(folder, name) => format!("`{name}` within `{folder}`"),
        Fallback::ByMode { strict, development } => format!("`{development}` in development mode, else `{strict}`"),
    }
}
