//! What ranks are made of: what the file of providers says of each, and who was selected.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use grid_core::id::{SessionId, TenantId};

/// What the file says of one provider; what it leaves out is as for one that it does not name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// -1000 to 1000; higher goes first.
    pub priority: i32,
    /// -100 to 100; higher goes first among those of one priority.
    pub stack_level: i32,
    /// What it can do, in words that contracts ask for.
    pub capabilities: Vec<Box<str>>,
    /// The functions that it may fulfil; whatever its runtimes fulfil where this is absent.
    pub fulfils: Option<Vec<Box<str>>>,
    /// The tenants that it may serve; those that its runtimes prove where this is absent.
    pub tenants: Option<Vec<TenantId>>,
    /// The file names it.
    pub listed: bool,
}

impl Facts {
    /// Whether it may fulfil `tool`.
    #[must_use]
    pub fn fulfils(&self, tool: &str) -> bool {
        self.fulfils.as_ref().is_none_or(|tools| tools.iter().any(|name| **name == *tool))
    }

    /// Whether it may serve `tenant`.
    #[must_use]
    pub fn serves(&self, tenant: &TenantId) -> bool {
        self.tenants.as_ref().is_none_or(|tenants| tenants.contains(tenant))
    }

    /// Whether it can do `word`.
    #[must_use]
    pub fn can(&self, word: &str) -> bool {
        self.capabilities.iter().any(|own| **own == *word)
    }
}

/// A provider that was chosen for a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection {
    /// Who.
    pub provider: Arc<str>,
    /// Where it cannot serve, the next rule decides instead of nobody.
    pub fallback: bool,
    /// An operator's words.
    pub note: Arc<str>,
}

/// Whose calls a selection is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Whose {
    /// Those of one session; it ends with the session and is not kept over a restart.
    Session(SessionId),
    /// Those of one tenant.
    Tenant(TenantId),
    /// Everybody's.
    Host,
}

/// The selections of one tool.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choices {
    pub(crate) host: Option<Selection>,
    pub(crate) tenants: BTreeMap<TenantId, Selection>,
    pub(crate) sessions: HashMap<SessionId, Selection>,
}

impl Choices {
    pub(crate) fn get(&self, whose: &Whose) -> Option<&Selection> {
        match whose {
            Whose::Session(id) => self.sessions.get(id),
            Whose::Tenant(tenant) => self.tenants.get(tenant),
            Whose::Host => self.host.as_ref(),
        }
    }

    /// Puts a selection in, or takes it out; what was there before.
    pub(crate) fn set(&mut self, whose: Whose, selection: Option<Selection>) -> Option<Selection> {
        match (whose, selection) {
            (Whose::Session(id), Some(selection)) => self.sessions.insert(id, selection),
            (Whose::Session(id), None) => self.sessions.remove(&id),
            (Whose::Tenant(tenant), Some(selection)) => self.tenants.insert(tenant, selection),
            (Whose::Tenant(tenant), None) => self.tenants.remove(&tenant),
            (Whose::Host, selection) => std::mem::replace(&mut self.host, selection),
        }
    }

    /// With those of `over` in place of its own where both have one.
    pub(crate) fn under(&self, over: &Self) -> Self {
        let mut both = self.clone();
        both.host = over.host.clone().or(both.host);
        both.tenants.extend(over.tenants.iter().map(|(tenant, one)| (tenant.clone(), one.clone())));
        both.sessions.extend(over.sessions.iter().map(|(id, one)| (*id, one.clone())));
        both
    }
}

/// Programs to run around a swap of a tool, each an argument vector without a shell.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hooks {
    /// Before the new provider gets calls.
    pub before: Vec<Vec<String>>,
    /// After it got them, while the old one is still there.
    pub after: Vec<Vec<String>>,
}

/// A file of providers without faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranks {
    pub(crate) facts: HashMap<Arc<str>, Arc<Facts>>,
    pub(crate) choices: HashMap<Arc<str>, Choices>,
    pub(crate) hooks: HashMap<Arc<str>, Hooks>,
}

impl Ranks {
    /// What it says of a provider.
    #[must_use]
    pub fn facts(&self, provider: &str) -> Option<&Arc<Facts>> {
        self.facts.get(provider)
    }

    /// The providers that it names, in the order of their names.
    #[must_use]
    pub fn providers(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.facts.keys().map(AsRef::as_ref).collect();
        names.sort_unstable();
        names
    }

    /// What it selects for a tool.
    #[must_use]
    pub fn selected(&self, tool: &str, whose: &Whose) -> Option<&Selection> {
        self.choices.get(tool).and_then(|choices| choices.get(whose))
    }

    /// The programs around a swap of a tool; none where it names none.
    #[must_use]
    pub fn hooks(&self, tool: &str) -> Hooks {
        self.hooks.get(tool).cloned().unwrap_or_default()
    }
}
