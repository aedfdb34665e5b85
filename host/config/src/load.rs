//! From sources to a checked configuration: each value by its row of the table, then the rules between them. All
//! problems are reported at once; a value that is wrong counts as not written while the others are looked at.

use std::{collections::BTreeMap, collections::BTreeSet};

use super::{
    kind::Value,
    own::{self, Own, Written},
    problem::{Origin, Problem},
    raw::Raw,
    rules::{Facts, RULES},
    setting::{Fallback, Setting, Values},
    source::{Entry, Sources},
    table::{Config, settings},
};

/// A configuration as it was read, with all that is wrong with it.
#[derive(Debug)]
pub struct Reading {
    config: Option<Config>,
    values: Values,
    origins: BTreeMap<&'static str, Origin>,
    own: Written,
    faults: Vec<Problem>,
    conflicts: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Reads all sources.
#[must_use]
pub fn read(sources: &Sources) -> Reading {
    let mut faults = Vec::new();
    let mut warnings = Vec::new();
    let entries = sources.entries(&mut faults, &mut warnings);
    let mut reading = Reading {
        config: None,
        values: Values::new(),
        origins: BTreeMap::new(),
        own: Written::new(),
        faults,
        conflicts: Vec::new(),
        warnings,
    };
    entries.into_iter().for_each(|entry| reading.take(entry));
    reading.fill_in();
    reading.faults.sort_by_key(|fault| fault.origin.order());
    reading.config = Own::of(&reading.values, &reading.own).and_then(|own| Config::from_values(&reading.values, own));
    let facts = Facts { production: sources.is_production() };
    reading.apply_rules(facts);
    if let Some(config) = &reading.config {
        reading.conflicts.extend(own::conflicts(config, facts, &reading.own, &reading.faults));
    }
    reading
}

impl Reading {
    /// The configuration, if nothing at all is wrong with it: what a host may be started with.
    ///
    /// # Errors
    /// Every problem.
    pub fn settle(self) -> Result<Config, Vec<Problem>> {
        match self.config {
            Some(config) if self.faults.is_empty() && self.conflicts.is_empty() => Ok(config),
            _ => Err([self.faults, self.conflicts].concat()),
        }
    }

    /// The values, if each by itself is right: enough for commands that start no host.
    ///
    /// # Errors
    /// Every fault of a value.
    pub fn values(&self) -> Result<&Config, &[Problem]> {
        match &self.config {
            Some(config) if self.faults.is_empty() => Ok(config),
            _ => Err(&self.faults),
        }
    }

    /// Everything that keeps a host from starting.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.faults.iter().chain(&self.conflicts)
    }

    /// What the operator should know and what keeps nothing from starting.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// Every setting with its value and where that comes from, in the order of the table.
    pub(crate) fn effective(&self) -> impl Iterator<Item = (&'static Setting, &Value, &Origin)> {
        settings().filter_map(|setting| {
            let value = self.values.get(setting.key)?;
            let origin = self.origins.get(setting.key)?;
            Some((setting, value, origin))
        })
    }

    /// What a scope or a name has of its own, with where that comes from.
    pub(crate) fn own(&self) -> &Written {
        &self.own
    }

    /// Every written value is checked, also one that another overrides.
    fn take(&mut self, entry: Entry) {
        let Entry { setting, whose, raw, origin } = entry;
        let key = whose.as_ref().map_or_else(|| setting.key.to_owned(), |whose| whose.key(setting));
        match setting.kind.check(&raw) {
            Ok(checked) => {
                self.warnings.extend(checked.warning.map(|warning| Problem::new(origin.clone(), key, warning)));
                if let Some(whose) = whose {
                    self.own.entry(whose).or_default().insert(setting.key, (checked.value, origin));
                } else {
                    self.values.insert(setting.key, checked.value);
                    self.origins.insert(setting.key, origin);
                }
            }
            Err(message) => self.faults.push(Problem::new(origin, key, message)),
        }
    }

    fn fill_in(&mut self) {
        // A folder may itself be a default, so these come last.
        let (derived, plain): (Vec<_>, Vec<_>) =
            settings().partition(|setting| matches!(setting.fallback, Fallback::Under(..)));
        for setting in plain.into_iter().chain(derived) {
            if self.values.contains_key(setting.key) {
                continue;
            }
            let value = match self.fallback_text(setting.fallback) {
                Some(text) => setting.kind.check(&Raw::Loose(text)).map(|checked| checked.value),
                None => Ok(Value::Absent),
            };
            match value {
                Ok(value) => {
                    self.values.insert(setting.key, value);
                    self.origins.insert(setting.key, Origin::Default);
                }
                Err(message) => {
                    self.faults.push(Problem::new(Origin::Default, setting.key, message));
                }
            }
        }
    }

    fn fallback_text(&self, fallback: Fallback) -> Option<String> {
        match fallback {
            Fallback::Is(text) => Some(text.to_owned()),
            Fallback::Absent => None,
            Fallback::ByMode { strict, development } => match self.values.get("mode") {
                Some(Value::Text(mode)) if mode == "development" => Some(development.to_owned()),
                _ => Some(strict.to_owned()),
            },
            Fallback::Under(folder, name) => match self.values.get(folder) {
                Some(Value::Path(path)) => Some(path.join(name).display().to_string()),
                _ => None,
            },
        }
    }

    fn apply_rules(&mut self, facts: Facts) {
        let Some(config) = &self.config else {
            return;
        };
        let faulty: BTreeSet<&str> = self.faults.iter().map(|fault| fault.key.as_str()).collect();
        let unread = self.faults.iter().any(|fault| fault.key.is_empty());
        for rule in RULES {
            let is_silent = unread || rule.reads.iter().any(|key| faulty.contains(key));
            let broken = if is_silent { None } else { (rule.check)(config, facts) };
            if let (Some((code, message)), Some(key)) = (broken, rule.reads.first()) {
                let origin = self.origins.get(key).cloned().unwrap_or(Origin::Default);
                self.conflicts.push(Problem::new(origin, *key, message).with_code(code));
            }
        }
    }
}
