//! `grid.lock`: the contracts that somebody reviewed, by function, each with its digest and with what that digest is of.
//! A host refuses to serve a manifest that says otherwise, a runtime says which contracts it was built against, and a
//! reviewer reads what changed. Takes text, gives a [`Lock`]; takes two, gives every [`Change`] between them.

#![deny(missing_docs)]

mod change;
mod covers;

pub use change::{Change, Verdict, changes};
pub use covers::covers;

use std::{collections::BTreeMap, fmt, str::FromStr};

use grid_adm::{
    Digest, Map, Value, canonical,
    json::{self, Limits},
};

/// The form that this crate writes and reads.
const FORM: i64 = 1;
/// The file's name where nobody says another.
pub const FILE_NAME: &str = "grid.lock";
/// As many as a manifest may have.
const LIMITS: Limits = Limits { depth: Limits::DEFINITION.depth + 4, nodes: Limits::MANIFEST.nodes };

/// What was reviewed.
#[derive(Debug, Clone, PartialEq)]
pub struct Lock {
    /// `manifest_version`.
    pub version: String,
    /// Over the canonical form of the whole manifest, so that white space and the order of keys do not matter.
    pub manifest: Digest,
    /// By function name.
    pub contracts: BTreeMap<String, Entry>,
}

/// One contract.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    digest: Digest,
    contract: Value,
}

impl Entry {
    /// Of what a contract's digest is over: `description`, `host`, `name` and `parameters`.
    #[must_use]
    pub fn of(contract: Value) -> Self {
        Self { digest: grid_adm::digest(&contract), contract }
    }

    /// Of [`Self::contract`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// What the digest is over.
    #[must_use]
    pub fn contract(&self) -> &Value {
        &self.contract
    }
}

/// A text that is no lock.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a `grid.lock`: {0}; write it anew with `grid manifest lock`")]
pub struct NotALock(String);

fn not(why: impl Into<String>) -> NotALock {
    NotALock(why.into())
}

impl Lock {
    /// The digest of a function's contract.
    #[must_use]
    pub fn digest_of(&self, function: &str) -> Option<Digest> {
        self.contracts.get(function).map(Entry::digest)
    }
}

/// What a runtime tells its host: each tool's digest, `sha256:<hex>`, by name.
///
/// # Errors
/// Every fault, in words for whoever built the runtime: the text is no lock, or a tool is not in it.
pub fn digests<'a>(lock: &str, tools: impl Iterator<Item = &'a str>) -> Result<BTreeMap<String, String>, Vec<String>> {
    let lock: Lock =
        lock.parse().map_err(|error: NotALock| vec![format!("what the runtime was built against is {error}")])?;
    let (mut digests, mut faults) = (BTreeMap::new(), Vec::new());
    for tool in tools {
        match lock.digest_of(tool) {
            Some(digest) => drop(digests.insert(tool.to_owned(), format!("sha256:{digest}"))),
            None => faults.push(format!(
                "the tool `{}` is not in the lock; add its contract to the manifest and run `grid manifest lock`",
                clip(tool)
            )),
        }
    }
    if faults.is_empty() { Ok(digests) } else { Err(faults) }
}

impl FromStr for Lock {
    type Err = NotALock;

    fn from_str(text: &str) -> Result<Self, NotALock> {
        let value = json::parse_within(text, LIMITS).map_err(|error| not(error.to_string()))?;
        let root = fields(&value, "it", &["contracts", "lock_version", "manifest"])?;
        if root.get("lock_version").and_then(Value::as_i64) != Some(FORM) {
            return Err(not(format!("its `lock_version` is not {FORM}")));
        }
        let manifest = root.get("manifest").unwrap_or(&Value::Null);
        let about = fields(manifest, "`manifest`", &["digest", "version"])?;
        let version = about.get("version").and_then(Value::as_str);
        let version = version.ok_or_else(|| not("its `manifest` has no `version`"))?;
        let contracts = root.get("contracts").and_then(Value::as_object);
        let contracts = contracts.ok_or_else(|| not("its `contracts` are not an object"))?;
        let read = contracts.iter().map(|(name, value)| Ok((name.to_owned(), entry(name, value)?)));
        Ok(Self {
            version: version.to_owned(),
            manifest: digest(about, "`manifest`")?,
            contracts: read.collect::<Result<_, NotALock>>()?,
        })
    }
}

/// An entry whose digest is that of what it holds, under the name that it holds.
fn entry(name: &str, value: &Value) -> Result<Entry, NotALock> {
    let place = format!("`{}`", clip(name));
    let told = fields(value, &place, &["contract", "digest"])?;
    let entry = Entry::of(told.get("contract").cloned().unwrap_or(Value::Null));
    if digest(told, &place)? != entry.digest {
        return Err(not(format!("the digest of {place} is not that of its `contract`, so one of them was edited")));
    }
    if entry.contract.get("name").and_then(Value::as_str) != Some(name) {
        return Err(not(format!("the contract under {place} has another name")));
    }
    Ok(entry)
}

fn digest(fields: &Map, place: &str) -> Result<Digest, NotALock> {
    let text = fields.get("digest").and_then(Value::as_str).filter(|text| text.starts_with("sha256:"));
    let digest = text.and_then(|text| text.parse().ok());
    digest.ok_or_else(|| not(format!("{place} has no `digest` of the form `sha256:<hex>`")))
}

fn fields<'v>(value: &'v Value, place: &str, known: &[&str]) -> Result<&'v Map, NotALock> {
    let map = value.as_object().ok_or_else(|| not(format!("{place} is not an object")))?;
    match map.keys().find(|key| !known.contains(key)) {
        Some(key) => Err(not(format!("{place} has an unknown field `{}`", clip(key)))),
        None => Ok(map),
    }
}

/// Names come from a file that anybody may have written.
fn clip(text: &str) -> String {
    text.chars()
        .take(64)
        .flat_map(|c| if c.is_ascii_graphic() { vec![c] } else { c.escape_unicode().collect() })
        .collect()
}

impl fmt::Display for Lock {
    /// The same lock is always the same text: keys sorted, one value a line, so that a review shows what changed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |text: &str| Value::from(text).to_text();
        writeln!(f, "{{\n  \"lock_version\": {FORM},\n  \"manifest\": {{")?;
        writeln!(f, "    \"version\": {},\n    \"digest\": \"sha256:{}\"\n  }},", text(&self.version), self.manifest)?;
        write!(f, "  \"contracts\": {{")?;
        for (at, (name, entry)) in self.contracts.iter().enumerate() {
            write!(f, "{}\n    {}: {{", if at == 0 { "" } else { "," }, text(name))?;
            write!(f, "\n      \"digest\": \"sha256:{}\",\n      \"contract\": ", entry.digest)?;
            pretty(&canonical_of(&entry.contract), 3, f)?;
            write!(f, "\n    }}")?;
        }
        writeln!(f, "\n  }}\n}}")
    }
}

/// The value as its canonical form reads.
fn canonical_of(value: &Value) -> Value {
    let text = String::from_utf8(canonical::to_vec(value)).unwrap_or_default();
    json::parse_within(&text, LIMITS).unwrap_or_else(|_| value.clone())
}

/// Depth is that of a value that was read within [`LIMITS`].
fn pretty(value: &Value, level: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let line = |f: &mut fmt::Formatter<'_>, level: usize| write!(f, "\n{:1$}", "", 2 * level);
    match value {
        Value::Object(map) if !map.is_empty() => {
            f.write_str("{")?;
            for (at, (key, value)) in map.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { "," })?;
                line(f, level + 1)?;
                write!(f, "{}: ", Value::from(key).to_text())?;
                pretty(value, level + 1, f)?;
            }
            line(f, level)?;
            f.write_str("}")
        }
        Value::Array(items) if items.iter().any(|item| item.as_object().is_some() || item.as_array().is_some()) => {
            f.write_str("[")?;
            for (at, item) in items.iter().enumerate() {
                f.write_str(if at == 0 { "" } else { "," })?;
                line(f, level + 1)?;
                pretty(item, level + 1, f)?;
            }
            line(f, level)?;
            f.write_str("]")
        }
        flat => f.write_str(&flat.to_text()),
    }
}

#[cfg(test)]
mod tests;
