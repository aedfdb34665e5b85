//! Which Rust types have an ADM type, as far as their spelling tells. Types that only the compiler knows are left to
//! the `ToolType` bound, whose error points at the parameter as well.

use syn::{GenericArgument, PathArguments, PathSegment, Type};

/// How a parameter is handed to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passing {
    /// As it was read.
    Owned,
    /// `&str`: read as a `String` and lent.
    Text,
}

/// How to pass a parameter of this type, or what to use instead.
pub(crate) fn passing(ty: &Type) -> Result<Passing, &'static str> {
    if let Type::Reference(reference) = ty {
        let plain = reference.lifetime.is_none() && reference.mutability.is_none();
        if plain && named(&reference.elem, "str") {
            return Ok(Passing::Text);
        }
    }
    check(ty).map(|()| Passing::Owned)
}

/// Whether a type can be owned by a parameter or a field, or what to use instead.
pub(crate) fn check(ty: &Type) -> Result<(), &'static str> {
    match ty {
        Type::Paren(inner) => check(&inner.elem),
        Type::Group(inner) => check(&inner.elem),
        Type::Path(path) if path.qself.is_none() => path.path.segments.last().map_or(Ok(()), check_named),
        Type::Reference(_) => Err("it is a reference; use an owned type such as `String` or `Vec<T>`"),
        Type::Array(_) | Type::Slice(_) => Err("it has no ADM type; use `Vec<T>`"),
        Type::Tuple(_) => Err("a tuple has no ADM type; use a struct that derives `ToolType`"),
        Type::ImplTrait(_) | Type::TraitObject(_) => {
            Err("its type is not known when the tool is declared; use a concrete type")
        }
        _ => Err("it has no ADM type; use a struct that derives `ToolType`"),
    }
}

fn check_named(segment: &PathSegment) -> Result<(), &'static str> {
    let arguments = types_in(&segment.arguments);
    match segment.ident.to_string().as_str() {
        "u64" | "usize" | "u128" => {
            Err("ADM's INTEGER is a signed 64-bit number, which cannot hold every value; use `i64` or `u32`")
        }
        "i128" | "isize" => Err("ADM's INTEGER is a signed 64-bit number; use `i64`"),
        "char" | "str" => Err("it has no ADM type; use `String`"),
        "Value" => Err("a value of any type cannot be declared; use a concrete type, or `serde_json::Map`"),
        "Vec" if arguments.is_empty() => Err("its items are not known; use `Vec<T>`"),
        "HashMap" | "BTreeMap" => match arguments.as_slice() {
            [key, value] if named(key, "String") => check(value),
            _ => Err("an OBJECT has text keys; use a map with `String` keys"),
        },
        "HashSet" | "BTreeSet" | "VecDeque" => Err("it has no ADM type; use `Vec<T>`"),
        "Vec" | "Option" => arguments.into_iter().try_for_each(check),
        _ => Ok(()),
    }
}

fn named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

fn types_in(arguments: &PathArguments) -> Vec<&Type> {
    let PathArguments::AngleBracketed(list) = arguments else {
        return Vec::new();
    };
    list.args
        .iter()
        .filter_map(|argument| match argument {
            GenericArgument::Type(ty) => Some(ty),
            _ => None,
        })
        .collect()
}

/// `^[a-zA-Z_][a-zA-Z0-9_-]{0,63}$` (protocol.md 1.2).
pub(crate) fn is_tool_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
