//! What is limited: for whom, of which tools, what is counted together, and how much of it there is.

use std::{
    collections::hash_map::DefaultHasher,
    hash::{Hash, Hasher as _},
    sync::Arc,
    time::Duration,
};

use crate::rate::Pace;

/// A name, or the beginning of names where it ends with `*`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern(String);

impl Pattern {
    /// Every name.
    #[must_use]
    pub fn any() -> Self {
        Self("*".to_owned())
    }

    /// None where it is empty, or has a `*` before its end.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let fixed = text.strip_suffix('*').unwrap_or(text);
        (!text.is_empty() && !fixed.contains('*')).then(|| Self(text.to_owned()))
    }

    /// Whether a name fits.
    #[must_use]
    pub fn fits(&self, name: &str) -> bool {
        match self.0.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.0,
        }
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What is counted apart. What is not, is counted together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Per {
    /// Each tenant.
    pub tenant: bool,
    /// Each principal, within its tenant.
    pub principal: bool,
    /// Each tool.
    pub tool: bool,
}

impl Per {
    /// Whether the count belongs to one caller alone, who may know how it stands.
    pub(crate) fn is_own(self) -> bool {
        self.principal
    }

    /// The more is told apart, the sooner a limit is asked.
    fn order(self) -> u8 {
        3 - u8::from(self.tenant || self.principal) - u8::from(self.principal) - u8::from(self.tool)
    }

    /// As the file writes it.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let all = [(self.tenant, "tenant"), (self.principal, "principal"), (self.tool, "tool")];
        all.into_iter().filter_map(|(is, word)| is.then_some(word)).collect()
    }
}

/// Calls at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Crowd {
    /// Calls that run.
    pub places: u32,
    /// Calls that wait for a place.
    pub queue: u32,
    /// How long one waits.
    pub wait: Duration,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Named once in a set.
    pub name: Arc<str>,
    /// Whose tenant.
    pub tenant: Pattern,
    /// Who.
    pub principal: Pattern,
    /// Which functions.
    pub tool: Pattern,
    /// What is counted apart.
    pub per: Per,
    /// Calls in a time.
    pub pace: Option<Pace>,
    /// Calls at once.
    pub crowd: Option<Crowd>,
    /// Units of cost in a day, UTC.
    pub budget: Option<u64>,
}

impl Rule {
    pub(crate) fn fits(&self, tenant: &str, principal: &str, tool: &str) -> bool {
        self.tenant.fits(tenant) && self.principal.fits(principal) && self.tool.fits(tool)
    }

    /// The same limit has the same number in the next set, so that what was counted goes on.
    pub(crate) fn number(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.hash(&mut hasher);
        hasher.finish()
    }
}

/// What holds where the limits' file says nothing.
#[derive(Debug, Clone, Copy)]
pub struct Defaults {
    /// Calls of one tenant in a time.
    pub tenant_pace: Option<Pace>,
    /// Calls of one principal in a time.
    pub principal_pace: Option<Pace>,
    /// Calls of one tool in a time, whoever makes them.
    pub tool_pace: Option<Pace>,
    /// Calls of one tenant at once; 0 for any number.
    pub tenant_places: u32,
    /// Calls of one principal at once; 0 for any number.
    pub principal_places: u32,
    /// Calls of one tool at once; 0 for any number.
    pub tool_places: u32,
    /// Calls that wait for one of those places.
    pub queue: u32,
    /// How long one waits.
    pub wait: Duration,
}

impl Defaults {
    /// No limit at all.
    pub const NONE: Self = Self {
        tenant_pace: None,
        principal_pace: None,
        tool_pace: None,
        tenant_places: 0,
        principal_places: 0,
        tool_places: 0,
        queue: 0,
        wait: Duration::ZERO,
    };

    fn rules(self) -> impl Iterator<Item = Rule> {
        let per = |tenant, principal, tool| Per { tenant, principal, tool };
        let all = [
            ("principal", per(true, true, false), self.principal_pace, self.principal_places),
            ("tenant", per(true, false, false), self.tenant_pace, self.tenant_places),
            ("tool", per(false, false, true), self.tool_pace, self.tool_places),
        ];
        let limited = all.into_iter().filter(|(_, _, pace, places)| pace.is_some() || *places > 0);
        limited.map(move |(name, per, pace, places)| Rule {
            name: Arc::from(name),
            tenant: Pattern::any(),
            principal: Pattern::any(),
            tool: Pattern::any(),
            per,
            pace,
            crowd: (places > 0).then_some(Crowd { places, queue: self.queue, wait: self.wait }),
            budget: None,
        })
    }
}

/// Names that settings have already.
pub(crate) const TAKEN: [&str; 4] = ["principal", "tenant", "tool", "refusals"];

/// All limits, in the order in which they are asked.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    rules: Vec<(u64, Arc<Rule>)>,
}

impl Rules {
    /// Those of the settings, and those of the file.
    #[must_use]
    pub fn new(defaults: Defaults, file: Vec<Rule>) -> Self {
        let mut rules: Vec<_> = defaults.rules().chain(file).map(|rule| (rule.number(), Arc::new(rule))).collect();
        // One order for all calls: whoever waits for a place holds none that stands later in it. And what concerns fewer
        // refuses first, so that it takes nothing from what others share.
        rules.sort_by_key(|(_, rule)| rule.per.order());
        Self { rules }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.rules.iter().map(|(_, rule)| rule)
    }

    pub(crate) fn fitting<'a>(
        &'a self,
        tenant: &'a str,
        principal: &'a str,
        tool: &'a str,
    ) -> impl Iterator<Item = (u64, &'a Arc<Rule>)> {
        let fits = move |(_, rule): &&(u64, Arc<Rule>)| rule.fits(tenant, principal, tool);
        self.rules.iter().filter(fits).map(|(number, rule)| (*number, rule))
    }
}
