//! Rules of manifests and contracts.

use super::Reader;
use super::function::{NAME, declarations, description, is_name};
use crate::model::{ToolContract, ToolManifest};
use crate::problem::quoted;
use crate::{Value, rule};
use semver::Version;
use std::collections::BTreeSet;

/// The major version of manifests that this crate knows (Q7).
const MAJOR: u64 = 1;

pub(crate) fn tool_manifest<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<ToolManifest> {
    let map = reader.object(value)?;
    let version = reader.required(map, "manifest_version", version);
    let contracts = reader.required(map, "contracts", contracts);
    let global_metadata = reader.optional(map, "global_metadata", metadata);
    let extra = reader.extra(map, &["manifest_version", "contracts", "global_metadata"]);
    Some(ToolManifest { manifest_version: version?, contracts: contracts?, global_metadata, extra })
}

fn version<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    match Version::parse(text) {
        Err(_) => {
            let message = format!(
                "manifest version {} is not three numbers without leading zeros; write it as `1.0.0`",
                quoted(text)
            );
            reader.error(rule::MANIFEST_VERSION, message, "major.minor.patch", "another string");
        }
        Ok(version) if version.major != MAJOR => {
            let message = format!("manifest version {} is of a major that is not known; use {MAJOR}", quoted(text));
            reader.error(rule::MANIFEST_VERSION_MAJOR, message, &format!("major {MAJOR}"), &version.major.to_string());
        }
        Ok(version) if !version.pre.is_empty() || !version.build.is_empty() => {
            let message = format!("manifest version {} has a suffix; it is kept and not interpreted", quoted(text));
            reader.warn(rule::MANIFEST_VERSION_SUFFIX, message, "major.minor.patch", "a version with a suffix");
        }
        Ok(_) => {}
    }
    Some(text.to_owned())
}

fn metadata<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Vec<(String, String)>> {
    let map = reader.object(value)?;
    let mut pairs = Vec::with_capacity(map.len());
    for (key, value) in map.iter() {
        reader.at_key(key, |reader| {
            if key.is_empty() {
                let message = "a metadata key is empty; name it";
                reader.error(rule::METADATA_KEY_EMPTY, message, "a key of at least one character", "an empty key");
            }
            if let Some(text) = reader.string(value) {
                pairs.push((key.to_owned(), text.to_owned()));
            }
        });
    }
    Some(pairs)
}

fn contracts<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Vec<ToolContract>> {
    if value.as_array().is_some_and(<[Value]>::is_empty) {
        let message = "the manifest has no contracts; add at least one";
        reader.error(rule::MANIFEST_CONTRACTS_EMPTY, message, "at least one contract", "an empty array");
    }
    let mut functions = BTreeSet::new();
    let mut names = BTreeSet::new();
    reader.array(value, |reader, item| {
        if let Some(name) = item.get("name").and_then(Value::as_str)
            && !names.insert(name)
        {
            let message = format!("contract {} comes twice; rename one or remove it", quoted(name));
            reader.at_key("name", |reader| {
                reader.error(rule::CONTRACT_NAME_DUPLICATE, message, "a name of its own", "a name in use");
            });
        }
        contract(reader, item, &mut functions)
    })
}

pub(crate) fn tool_contract<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<ToolContract> {
    contract(reader, value, &mut BTreeSet::new())
}

/// One contract. `functions` are the names of functions before it: they are unique over the manifest (Q52).
fn contract<'v>(reader: &mut Reader<'v>, value: &'v Value, functions: &mut BTreeSet<&'v str>) -> Option<ToolContract> {
    let map = reader.object(value)?;
    let name = reader.required(map, "name", contract_name);
    let description = reader.optional(map, "description", |reader, value| {
        description(reader, value, |reader| {
            let message = "description is blank; write one or leave it out";
            reader.warn(rule::DESCRIPTION_EMPTY, message, "a text that is not blank", "a blank text");
        })
    });
    let declared =
        reader.required(map, "function_declarations", |reader, value| declarations(reader, value, functions));
    let extra = reader.extra(map, &["name", "description", "function_declarations"]);
    Some(ToolContract { name: name?, description, function_declarations: declared?, extra })
}

/// Q6 asks only that the name is not empty; the pattern of functions is advice.
fn contract_name<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    if text.trim().is_empty() {
        let message = "the contract's name is blank; name it";
        reader.error(rule::CONTRACT_NAME_EMPTY, message, "a name that is not blank", "a blank name");
    } else if !is_name(text) {
        let message = format!("contract name {} is off the pattern of function names; prefer {NAME}", quoted(text));
        reader.warn(rule::CONTRACT_NAME_PATTERN, message, NAME, "another string");
    }
    Some(text.to_owned())
}
