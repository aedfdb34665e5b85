//! The two registries of the LATER pattern. The global one holds declarations and functions and lives as long as the
//! program wants; a session's one holds names only, and dies with the session.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use grid_adm::{ArgumentChecker, ExtraArgs, Schema};
use grid_sdk::{IntoTool, Tool};

/// A tool cannot be put into a registry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotRegistered {
    /// Another one has that name.
    #[error("a tool called `{0}` is registered already; name one of them anew with `#[tool(name = \"…\")]`")]
    AlreadyRegistered(String),
    /// There is none of that name.
    #[error("tool not found: {0}; register it in the global registry first")]
    NotFound(String),
    /// Its declaration breaks a rule.
    #[error("the tool `{name}` cannot be declared: {why}")]
    Declaration {
        /// The tool.
        name: String,
        /// Every problem.
        why: String,
    },
}

/// A tool with the checker of its arguments.
pub(crate) struct Entry {
    pub(crate) tool: Tool,
    pub(crate) parameters: Schema,
    pub(crate) checker: ArgumentChecker,
}

type Entries = BTreeMap<String, Arc<Entry>>;

/// Tools of a program. Clones share it.
#[derive(Clone, Default)]
pub struct Registry {
    entries: Arc<RwLock<Entries>>,
}

impl Registry {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The one that the whole program shares.
    #[must_use]
    pub fn global() -> Self {
        static GLOBAL: OnceLock<Registry> = OnceLock::new();
        GLOBAL.get_or_init(Self::new).clone()
    }

    /// Adds a tool: what [`grid_sdk::tool`] made of a function.
    ///
    /// # Errors
    /// [`NotRegistered`].
    pub fn register(&self, tool: impl IntoTool) -> Result<(), NotRegistered> {
        let tool = tool.into_tool();
        let name = tool.name().to_owned();
        let broken = |why: String| NotRegistered::Declaration { name: name.clone(), why };
        if !tool.problems().is_empty() {
            return Err(broken(tool.problems().join("; ")));
        }
        let all = |problems: Vec<grid_adm::Problem>| {
            broken(problems.into_iter().map(|problem| problem.message).collect::<Vec<_>>().join("; "))
        };
        let (parameters, _) = Schema::read(tool.parameters()).map_err(all)?;
        let checker = ArgumentChecker::compile(&parameters, ExtraArgs::Reject).map_err(all)?;
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        if entries.contains_key(&name) {
            return Err(NotRegistered::AlreadyRegistered(name));
        }
        entries.insert(name, Arc::new(Entry { tool, parameters, checker }));
        Ok(())
    }

    /// Takes a tool out; calls that run go on.
    ///
    /// # Errors
    /// [`NotRegistered::NotFound`].
    pub fn unregister(&self, name: &str) -> Result<(), NotRegistered> {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        entries.remove(name).map(drop).ok_or_else(|| NotRegistered::NotFound(name.to_owned()))
    }

    /// The names, in their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.read().keys().cloned().collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Entries> {
        self.entries.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, name: &str) -> Option<Arc<Entry>> {
        self.read().get(name).cloned()
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("names", &self.names()).finish()
    }
}

/// The tools of one session: names out of a global registry.
#[derive(Debug, Clone)]
pub struct SessionTools {
    registry: Registry,
    /// `None` stands for all that are registered, also later.
    names: Option<BTreeSet<String>>,
}

impl SessionTools {
    /// All tools of a registry, also those that come later.
    #[must_use]
    pub const fn all(registry: Registry) -> Self {
        Self { registry, names: None }
    }

    /// No tool yet.
    #[must_use]
    pub const fn none(registry: Registry) -> Self {
        Self { registry, names: Some(BTreeSet::new()) }
    }

    /// Takes a tool into the session.
    ///
    /// # Errors
    /// [`NotRegistered::NotFound`] where the global registry has none of that name, [`NotRegistered::AlreadyRegistered`]
    /// where the session has it.
    pub fn add(&mut self, name: &str) -> Result<(), NotRegistered> {
        if self.registry.get(name).is_none() {
            return Err(NotRegistered::NotFound(name.to_owned()));
        }
        let fresh = self.names.as_mut().is_some_and(|names| names.insert(name.to_owned()));
        if fresh { Ok(()) } else { Err(NotRegistered::AlreadyRegistered(name.to_owned())) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Entry>> {
        let here = self.names.as_ref().is_none_or(|names| names.contains(name));
        here.then(|| self.registry.get(name)).flatten()
    }
}

/// Whether two schemas take the same arguments; what they say to people does not matter.
pub(crate) fn same_arguments(one: &Schema, other: &Schema) -> bool {
    fn sorted<'a>(list: &'a Option<Vec<String>>) -> Vec<&'a String> {
        let mut sorted: Vec<&'a String> = list.iter().flatten().collect();
        sorted.sort_unstable();
        sorted
    }
    let count = |schema: &Schema| schema.properties.as_ref().map_or(0, Vec::len);
    let properties = one.properties.iter().flatten();
    one.kind == other.kind
        && sorted(&one.required) == sorted(&other.required)
        && sorted(&one.enum_values) == sorted(&other.enum_values)
        && count(one) == count(other)
        && properties.into_iter().all(|(name, own)| other.property(name).is_some_and(|its| same_arguments(own, its)))
        && match (&one.items, &other.items) {
            (Some(one), Some(other)) => same_arguments(one, other),
            (None, None) => true,
            _ => false,
        }
}
