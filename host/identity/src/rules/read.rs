//! Members of the file's tables with the types that they must have; what has another is a fault with its line.

use std::{collections::BTreeSet, path::PathBuf, time::Duration};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use grid_core::id::{PrincipalId, TenantId};

use super::RuleFault;
use crate::mapping::{MAX_ROLES, Path};

/// The text, and the faults found so far.
pub(super) struct Reader<'t> {
    text: &'t str,
    pub(super) folder: PathBuf,
    faults: Vec<RuleFault>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str, folder: PathBuf) -> Self {
        Self { text, folder, faults: Vec::new() }
    }

    pub(super) fn is_sound(&self) -> bool {
        self.faults.is_empty()
    }

    /// In the order of the file.
    pub(super) fn into_faults(mut self) -> Vec<RuleFault> {
        self.faults.sort_by_key(|fault| fault.line);
        self.faults
    }

    /// `at` is a byte of the text.
    pub(super) fn fault(&mut self, at: Option<usize>, place: impl Into<String>, message: impl Into<String>) {
        let line = at.map(|at| self.text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1);
        self.faults.push(RuleFault { line, place: place.into(), message: message.into() });
    }
}

/// A table of the file.
#[derive(Clone)]
pub(super) struct Table<'a> {
    name: String,
    table: &'a DeTable<'a>,
    pub(super) at: usize,
}

type Value<'a> = &'a Spanned<DeValue<'a>>;

impl<'a> Table<'a> {
    pub(super) fn new(name: impl Into<String>, table: &'a DeTable<'a>, at: usize) -> Self {
        Self { name: name.into(), table, at }
    }

    fn place(&self, name: &str) -> String {
        if self.name.is_empty() { name.to_owned() } else { format!("{}.{name}", self.name) }
    }

    fn get(&self, name: &str) -> Option<Value<'a>> {
        self.table.get(name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.table.contains_key(name)
    }

    /// Where a member is, for faults of it.
    pub(super) fn at(&self, name: &str) -> Option<usize> {
        Some(self.get(name).map_or(self.at, |value| value.span().start))
    }

    /// A fault of one member.
    pub(super) fn fault(&self, reader: &mut Reader<'_>, name: &str, message: impl Into<String>) {
        reader.fault(self.at(name), self.place(name), message);
    }

    /// A fault of the table as a whole.
    pub(super) fn wrong(&self, reader: &mut Reader<'_>, message: impl Into<String>) {
        reader.fault(Some(self.at), self.name.as_str(), message);
    }

    /// Every member that is none of these.
    pub(super) fn only(&self, reader: &mut Reader<'_>, known: &[&str]) {
        for (name, _) in self.table.iter().filter(|(name, _)| !known.contains(&name.get_ref().as_ref())) {
            let message = format!("is not known here; there are {}", known.join(", "));
            reader.fault(Some(name.span().start), self.place(name.get_ref()), message);
        }
    }

    /// The tables of `[[name]]`.
    pub(super) fn tables(&self, reader: &mut Reader<'_>, name: &str, most: usize) -> Vec<Table<'a>> {
        let Some(value) = self.get(name) else { return Vec::new() };
        let DeValue::Array(list) = value.get_ref() else {
            self.fault(reader, name, format!("must be a list of tables; write `[[{name}]]`"));
            return Vec::new();
        };
        if list.len() > most {
            self.fault(reader, name, format!("is there {} times; at most {most} are read", list.len()));
        }
        let mut tables = Vec::new();
        for item in list.iter().take(most) {
            match item.get_ref() {
                DeValue::Table(table) => tables.push(Table::new(name, table, item.span().start)),
                _ => reader.fault(Some(item.span().start), name, format!("must be a table; write `[[{name}]]`")),
            }
        }
        tables
    }

    pub(super) fn text(&self, reader: &mut Reader<'_>, name: &str) -> Option<String> {
        match self.get(name)?.get_ref() {
            DeValue::String(text) if !text.is_empty() && text.len() <= 1024 => Some(text.to_string()),
            _ => {
                self.fault(reader, name, "must be a text of 1 to 1024 bytes");
                None
            }
        }
    }

    /// As [`Self::text`]; its absence is a fault too.
    pub(super) fn needed(&self, reader: &mut Reader<'_>, name: &str, what: &str) -> Option<String> {
        if !self.has(name) {
            reader.fault(Some(self.at), self.place(name), format!("is missing; {what}"));
            return None;
        }
        self.text(reader, name)
    }

    pub(super) fn flag(&self, reader: &mut Reader<'_>, name: &str) -> Option<bool> {
        match self.get(name)?.get_ref() {
            DeValue::Boolean(flag) => Some(*flag),
            _ => {
                self.fault(reader, name, "must be `true` or `false`");
                None
            }
        }
    }

    pub(super) fn whole(&self, reader: &mut Reader<'_>, name: &str) -> Option<u32> {
        let number = match self.get(name)?.get_ref() {
            DeValue::Integer(number) => u32::from_str_radix(number.as_str(), number.radix()).ok(),
            _ => None,
        };
        if number.is_none() {
            self.fault(reader, name, "must be a whole number, not negative");
        }
        number
    }

    /// A time with its unit, seconds or minutes.
    pub(super) fn time(&self, reader: &mut Reader<'_>, name: &str, least: u64, most: u64) -> Option<Duration> {
        let text = match self.get(name)?.get_ref() {
            DeValue::String(text) => Some(text.as_ref()),
            _ => None,
        };
        let seconds = text.and_then(|text| {
            let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
            let unit = [("s", 1), ("m", 60), ("h", 3_600)].into_iter().find(|(name, _)| *name == unit)?.1;
            number.parse::<u64>().ok()?.checked_mul(unit)
        });
        let seconds = seconds.filter(|seconds| (least..=most).contains(seconds));
        if seconds.is_none() {
            let message = format!("must be a time with its unit, from {least}s to {most}s, for example \"{least}s\"");
            self.fault(reader, name, message);
        }
        seconds.map(Duration::from_secs)
    }

    /// One text, or a list of them.
    pub(super) fn texts(&self, reader: &mut Reader<'_>, name: &str) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let texts = match value.get_ref() {
            DeValue::String(text) => Some(vec![text.to_string()]),
            DeValue::Array(list) => list.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect(),
            _ => None,
        };
        let texts = texts.filter(|texts: &Vec<String>| texts.iter().all(|text| !text.is_empty() && text.len() <= 1024));
        if texts.as_ref().is_none_or(Vec::is_empty) {
            self.fault(reader, name, "must be a text, or a list of texts, none of them empty");
            return None;
        }
        texts
    }

    /// Names that roles follow.
    pub(super) fn roles(&self, reader: &mut Reader<'_>, name: &str) -> Vec<String> {
        let roles = self.texts(reader, name).unwrap_or_default();
        if roles.len() > MAX_ROLES {
            self.fault(reader, name, format!("has {} roles; give at most {MAX_ROLES}", roles.len()));
        }
        for role in roles.iter().filter(|role| PrincipalId::parse(role).is_err()) {
            self.fault(reader, name, format!("has {role:?}, which is no name of 1 to 128 printable ASCII characters"));
        }
        roles
    }

    pub(super) fn tenant(&self, reader: &mut Reader<'_>, name: &str) -> Option<TenantId> {
        let text = self.text(reader, name)?;
        let tenant = TenantId::parse(&text).ok();
        if tenant.is_none() {
            self.fault(reader, name, format!("is {text:?}, which is no name of 1 to 128 printable ASCII characters"));
        }
        tenant
    }

    /// Tenants that are named one by one.
    pub(super) fn tenants(&self, reader: &mut Reader<'_>, name: &str) -> BTreeSet<TenantId> {
        let names = self.texts(reader, name).unwrap_or_default();
        let mut tenants = BTreeSet::new();
        for text in names {
            match TenantId::parse(&text) {
                Ok(_) if text == "*" => {
                    self.fault(reader, name, "has `*` in a list; name tenants, or write \"*\" alone")
                }
                Ok(tenant) => drop(tenants.insert(tenant)),
                Err(_) => {
                    let message = format!("has {text:?}, which is no name of 1 to 128 printable ASCII characters");
                    self.fault(reader, name, message);
                }
            }
        }
        tenants
    }

    /// The place of a claim: names joined by dots, or a list of names where one of them has a dot in it.
    pub(super) fn path(&self, reader: &mut Reader<'_>, name: &str) -> Option<Path> {
        let path = match self.get(name)?.get_ref() {
            DeValue::String(text) => text.split('.').map(str::to_owned).collect(),
            _ => self.texts(reader, name)?,
        };
        if path.len() > 8 || path.iter().any(String::is_empty) {
            self.fault(reader, name, "must be the place of a claim, for example \"realm_access.roles\"");
            return None;
        }
        Some(path)
    }

    /// A table within this one.
    pub(super) fn table(&self, reader: &mut Reader<'_>, name: &str) -> Option<Table<'a>> {
        let value = self.get(name)?;
        match value.get_ref() {
            DeValue::Table(table) => Some(Table::new(self.place(name), table, value.span().start)),
            _ => {
                self.fault(reader, name, "must be a table");
                None
            }
        }
    }

    pub(super) fn names(&self) -> Vec<String> {
        self.table.keys().map(|name| name.get_ref().to_string()).collect()
    }
}
