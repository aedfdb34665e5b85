//! Whether a schema takes every argument that another takes. ADM schemas have six types and four constraints, so the
//! answer is always known.

use grid_adm::{Schema, SchemaType};

/// Whether whatever fulfils `old` fulfils `new`. Undeclared arguments count as refused where an object declares its own
/// (Q2), which is the host's default.
#[must_use]
pub fn covers(new: &Schema, old: &Schema) -> bool {
    covers_at(new, old, true)
}

/// Recursion is bounded by the levels of a schema.
fn covers_at(new: &Schema, old: &Schema, root: bool) -> bool {
    match (new.kind, old.kind) {
        (SchemaType::Number, SchemaType::Integer) => true,
        (SchemaType::String, SchemaType::String) => match (&new.enum_values, &old.enum_values) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(new), Some(old)) => old.iter().all(|value| new.contains(value)),
        },
        (SchemaType::Array, SchemaType::Array) => match (&new.items, &old.items) {
            (Some(new), Some(old)) => covers_at(new, old, false),
            (new, _) => new.is_none(),
        },
        (SchemaType::Object, SchemaType::Object) => objects(new, old, root),
        (new, old) => new == old,
    }
}

fn objects(new: &Schema, old: &Schema, root: bool) -> bool {
    let closed = |schema: &Schema| schema.properties.as_ref().is_some_and(|own| root || !own.is_empty());
    let required = |schema: &Schema| schema.required.clone().unwrap_or_default();
    let needed_before = required(old);
    if required(new).iter().any(|name| !needed_before.contains(name)) {
        return false;
    }
    if !closed(old) {
        // It took anything by any name.
        return !closed(new);
    }
    old.properties.iter().flatten().all(|(name, before)| match new.property(name) {
        Some(now) => covers_at(now, before, false),
        None => !closed(new),
    })
}

#[cfg(test)]
mod tests;
