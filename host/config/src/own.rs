//! Settings that a scope or a name has of its own: `breaker.tool.recovery` holds for the breakers of all tools in place
//! of `breaker.recovery`, and `breaker.tool.cache.get.recovery` for that tool's alone.

use std::collections::BTreeMap;

use super::{
    kind::Value,
    problem::{Origin, Problem},
    rules::{Facts, RULES},
    setting::{Setting, Values},
    table::{Breaker, Config, settings},
};

/// The section that has such settings.
pub(crate) const SECTION: &str = "breaker";
/// Its scopes, each with what it is about.
pub(crate) const SCOPES: [(&str, &str); 3] = [
    ("runtime", "The same for the breakers of runtimes, or of one runtime by its id."),
    ("provider", "The same for the breakers of providers, or of one provider by its name."),
    ("tool", "The same for the breakers of tools, or of one tool by its name."),
];

/// Those of the section that a scope cannot have of its own, and the one scope that can.
const SHARED: [(&str, Option<&str>); 3] =
    [("breaker.enabled", None), ("breaker.entries", None), ("breaker.tool_errors", Some("tool"))];

/// A scope, or one name in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Whose {
    pub(crate) scope: &'static str,
    pub(crate) name: Option<String>,
}

/// What was written for a scope or a name, by the key of the setting in whose place it stands.
pub(crate) type Written = BTreeMap<Whose, BTreeMap<&'static str, (Value, Origin)>>;

/// Breakers that have settings of their own.
#[derive(Debug, Clone, Default)]
pub struct Own(BTreeMap<Whose, Breaker>);

impl Own {
    /// Everything that holds for a scope, where it has anything of its own.
    #[must_use]
    pub fn scope(&self, scope: &str) -> Option<&Breaker> {
        self.0.iter().find(|(whose, _)| whose.scope == scope && whose.name.is_none()).map(|(_, breaker)| breaker)
    }

    /// Everything that holds for names that have anything of their own: scope, name and settings.
    pub fn names(&self) -> impl Iterator<Item = (&str, &str, &Breaker)> {
        self.0.iter().filter_map(|(whose, breaker)| Some((whose.scope, whose.name.as_deref()?, breaker)))
    }

    /// `None` where a value of the section is missing.
    pub(crate) fn of(values: &Values, written: &Written) -> Option<Self> {
        let mut own = BTreeMap::new();
        for (whose, members) in written {
            let mut merged = values.clone();
            let scope = Whose { scope: whose.scope, name: None };
            for (key, (value, _)) in written.get(&scope).into_iter().flatten().chain(members) {
                merged.insert(key, value.clone());
            }
            own.insert(whose.clone(), Breaker::from_values(&merged)?);
        }
        Some(Self(own))
    }
}

impl Whose {
    /// The key under which it has a setting.
    pub(crate) fn key(&self, setting: &Setting) -> String {
        let field = setting.parts().1;
        match &self.name {
            Some(name) => format!("{SECTION}.{}.{name}.{field}", self.scope),
            None => format!("{SECTION}.{}.{field}", self.scope),
        }
    }

    /// As a file heads its settings.
    pub(crate) fn table(&self) -> String {
        match &self.name {
            Some(name) => format!("{SECTION}.{}.{}", self.scope, toml::Value::String(name.clone())),
            None => format!("{SECTION}.{}", self.scope),
        }
    }
}

/// Those that a scope may have of its own.
pub(crate) fn members(scope: &str) -> impl Iterator<Item = &'static Setting> {
    settings().filter(move |setting| {
        let shared = SHARED.iter().find(|(key, _)| *key == setting.key);
        setting.parts().0 == SECTION && shared.is_none_or(|(_, only)| *only == Some(scope))
    })
}

/// The setting that a key with a scope stands for, and whose it is. A name may have dots; no setting has.
///
/// # Errors
/// Nothing where the key has no scope; otherwise what to write.
pub(crate) fn lookup(key: &str) -> Result<(&'static Setting, Whose), Option<String>> {
    let rest = key.strip_prefix(SECTION).and_then(|rest| rest.strip_prefix('.')).ok_or(None)?;
    let (scope, rest) = rest.split_once('.').ok_or(None)?;
    let (scope, _) = SCOPES.into_iter().find(|(known, _)| *known == scope).ok_or(None)?;
    let (name, field) = match rest.rsplit_once('.') {
        Some((name, field)) => (Some(name.trim_matches('"')), field),
        None => (None, rest),
    };
    let setting = members(scope).find(|setting| setting.parts().1 == field && name.is_none_or(|name| !name.is_empty()));
    let all = || members(scope).map(|setting| format!("`{}`", setting.parts().1)).collect::<Vec<_>>().join(", ");
    let setting = setting.ok_or_else(|| Some(format!("`{SECTION}.{scope}`, and each name in it, has {}", all())))?;
    Ok((setting, Whose { scope, name: name.map(str::to_owned) }))
}

/// The rules of the section hold for everybody who has settings of their own, too. What is wrong for all is told once.
pub(crate) fn conflicts(config: &Config, facts: Facts, written: &Written, faults: &[Problem]) -> Vec<Problem> {
    let is_own = |key: &str| key.split('.').next() == Some(SECTION);
    if faults.iter().any(|fault| fault.key.is_empty() || is_own(&fault.key)) {
        return Vec::new();
    }
    let rules = RULES.iter().filter(|rule| rule.reads.iter().all(|key| is_own(key)));
    let rules: Vec<_> = rules.filter(|rule| (rule.check)(config, facts).is_none()).collect();
    let mut problems = Vec::new();
    for (whose, breaker) in &config.own.0 {
        let with = Config { breaker: breaker.clone(), ..config.clone() };
        let members = written.get(whose);
        for rule in &rules {
            // A name is told of what it says itself; of its scope's faults that one is.
            let said = rule.reads.iter().find_map(|key| Some((*key, members?.get(key)?)));
            if let (Some((code, message)), Some((key, (_, origin)))) = ((rule.check)(&with, facts), said) {
                let field = key.strip_prefix(SECTION).unwrap_or(key);
                let whose =
                    whose.name.as_ref().map_or(whose.scope.to_owned(), |name| format!("{}.{name}", whose.scope));
                let first = rule.reads.first().and_then(|key| key.strip_prefix(SECTION)).unwrap_or_default();
                let message = if first == field {
                    message
                } else {
                    format!("with it, `{}` {message}", first.trim_start_matches('.'))
                };
                problems
                    .push(Problem::new(origin.clone(), format!("{SECTION}.{whose}{field}"), message).with_code(code));
            }
        }
    }
    problems
}
