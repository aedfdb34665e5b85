//! What differs between two locks, and what that means for whoever calls.

use std::{collections::BTreeSet, fmt};

use grid_adm::{Map, Schema, Value};

use crate::{Entry, Lock, covers};

/// What a change means for calls that were good before. Worse ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// They are as good as they were.
    Compatible,
    /// They are as good as they were, and others are now.
    Widening,
    /// The schemas do not tell.
    Unknown,
    /// Some are good no more.
    Breaking,
}

impl Verdict {
    /// In lists.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compatible => "compatible",
            Self::Widening => "widening",
            Self::Unknown => "unknown",
            Self::Breaking => "breaking",
        }
    }
}

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Function name; empty for the manifest itself.
    pub function: String,
    /// JSON pointers of what differs, into what the digest is over; empty where the function came or went.
    pub fields: Vec<String>,
    /// What happened, in a few words.
    pub what: String,
    /// For callers.
    pub verdict: Verdict,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.function.is_empty() { "the manifest" } else { &self.function };
        write!(f, "{of}: {} ({})", self.what, self.verdict.as_str())
    }
}

/// Everything in which `new` differs from `old`, the manifest first, then by function name.
#[must_use]
pub fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let mut changes = Vec::new();
    let names: BTreeSet<&String> = old.contracts.keys().chain(new.contracts.keys()).collect();
    for name in names {
        changes.extend(match (old.contracts.get(name), new.contracts.get(name)) {
            (Some(old), Some(new)) => changed(name, old, new),
            (Some(_), None) => Some(of(name, "it is gone", Verdict::Breaking)),
            (None, _) => Some(of(name, "it is new", Verdict::Widening)),
        });
    }
    if old.version != new.version {
        let what = format!("its version was `{}` and is `{}`", crate::clip(&old.version), crate::clip(&new.version));
        changes.insert(0, of("", what, Verdict::Compatible));
    } else if old.manifest != new.manifest && changes.is_empty() {
        changes.push(of("", "something differs that is part of no contract", Verdict::Compatible));
    }
    changes
}

fn of(function: &str, what: impl Into<String>, verdict: Verdict) -> Change {
    Change { function: function.to_owned(), fields: Vec::new(), what: what.into(), verdict }
}

fn changed(name: &str, old: &Entry, new: &Entry) -> Option<Change> {
    if old.digest() == new.digest() {
        return None;
    }
    let mut fields = Vec::new();
    differing(old.contract(), new.contract(), String::new(), &mut fields);
    let verdict = fields.iter().map(|field| verdict(field, old, new)).max().unwrap_or(Verdict::Unknown);
    let what = format!("changed in {}", fields.join(", "));
    Some(Change { function: name.to_owned(), fields, what, verdict })
}

/// Differences within a schema are told as far as its top level, those of settings each.
fn differing(old: &Value, new: &Value, pointer: String, fields: &mut Vec<String>) {
    let deep =
        pointer.is_empty() || pointer == "/host" || pointer == "/parameters" || pointer == "/parameters/properties";
    match (old.as_object(), new.as_object()) {
        (Some(old), Some(new)) if deep => {
            let keys: BTreeSet<&str> = old.keys().chain(new.keys()).collect();
            for key in keys {
                let below = format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"));
                let of = |map: &Map| map.get(key).cloned().unwrap_or(Value::Null);
                differing(&of(old), &of(new), below, fields);
            }
        }
        _ if grid_adm::digest(old) != grid_adm::digest(new) => fields.push(pointer),
        _ => {}
    }
}

fn verdict(field: &str, old: &Entry, new: &Entry) -> Verdict {
    if field.starts_with("/parameters") {
        let schema = |entry: &Entry| {
            let parameters = entry.contract().get("parameters")?;
            Schema::from_value(parameters).ok().map(|(schema, _)| schema)
        };
        return match (schema(old), schema(new)) {
            (Some(old), Some(new)) if !covers(&new, &old) => Verdict::Breaking,
            (Some(old), Some(new)) if covers(&old, &new) => Verdict::Compatible,
            (Some(_), Some(_)) => Verdict::Widening,
            _ => Verdict::Unknown,
        };
    }
    match field {
        // Words and labels: what a model reads may still steer it, which is why the digest has them.
        "/description" | "/host/version" | "/host/tags" | "/host/contract" => Verdict::Compatible,
        "/host/required_roles" => roles(old, new),
        _ => Verdict::Unknown,
    }
}

/// All roles are needed, so more of them admit fewer.
fn roles(old: &Entry, new: &Entry) -> Verdict {
    let of = |entry: &Entry| -> Option<BTreeSet<String>> {
        let roles = entry.contract().get("host")?.get("required_roles")?.as_array()?;
        roles.iter().map(|role| role.as_str().map(str::to_owned)).collect()
    };
    match (of(old), of(new)) {
        // None admits nobody, and `*` everybody.
        (Some(old), Some(new)) if old.is_empty() || new.is_empty() || old.contains("*") || new.contains("*") => {
            if old.is_empty() || new.contains("*") { Verdict::Widening } else { Verdict::Breaking }
        }
        (Some(old), Some(new)) if new.is_subset(&old) => Verdict::Widening,
        (Some(_), Some(_)) => Verdict::Breaking,
        _ => Verdict::Unknown,
    }
}
