//! Which policies can matter to a request, found once and kept: those whose head admits the tool, and of them those whose
//! head admits the caller. The rest cannot be satisfied and cannot fail, so leaving them out changes no answer.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
};

use cedar_policy::{EntityUid, Policy, PolicySet};

use crate::rule::Rule;

/// Combinations of tool and roles that are kept; with more, the oldest ways are found anew.
const KEPT: usize = 4_096;

/// The policies of one tool.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Whoever calls.
    any: Vec<usize>,
    /// Where the caller is this, or is in it.
    by: HashMap<EntityUid, (usize, Vec<usize>)>,
}

impl Candidates {
    /// Sorts rules by the principal that their heads name.
    pub(crate) fn of(rules: &[Rule], applies: impl Fn(&Rule) -> bool) -> Self {
        let mut own = Self::default();
        for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| applies(rule)) {
            match &rule.scope.principal {
                None => own.any.push(at),
                Some(uid) => {
                    let number = own.by.len();
                    own.by.entry(uid.clone()).or_insert_with(|| (number, Vec::new())).1.push(at);
                }
            }
        }
        own
    }

    /// Every rule that can matter to somebody.
    pub(crate) fn all(&self) -> impl Iterator<Item = usize> + '_ {
        self.any.iter().chain(self.by.values().flat_map(|(_, rules)| rules)).copied()
    }

    /// The entities of a caller that rules name, as numbers in order.
    fn key<'a>(&self, caller: impl Iterator<Item = &'a EntityUid>) -> Vec<usize> {
        if self.by.is_empty() {
            return Vec::new();
        }
        let mut key: Vec<usize> = caller.filter_map(|uid| self.by.get(uid)).map(|(number, _)| *number).collect();
        key.sort_unstable();
        key
    }

    /// The rules of a caller, in the order of the directory.
    pub(crate) fn rules<'a>(&self, caller: impl Iterator<Item = &'a EntityUid>) -> Vec<usize> {
        let named = caller.filter_map(|uid| self.by.get(uid)).flat_map(|(_, rules)| rules);
        let mut rules: Vec<usize> = self.any.iter().chain(named).copied().collect();
        rules.sort_unstable();
        rules
    }
}

/// What is evaluated, apart so that each answer says which kind decided.
#[derive(Debug, Default)]
pub(crate) struct Slice {
    /// Permits, and forbids that nobody can lift.
    pub(crate) firm: PolicySet,
    /// Forbids that a person can lift.
    pub(crate) liftable: PolicySet,
    /// Without arguments: the permits of which the part that reads arguments was taken out.
    pub(crate) perhaps: PolicySet,
}

impl Slice {
    /// With `args`, every rule as it is; without, those that read none, and permits in part.
    pub(crate) fn of<'a>(rules: impl Iterator<Item = &'a Rule>, args: bool) -> Self {
        let mut own = Self::default();
        let add = |set: &mut PolicySet, policy: &Policy| drop(set.add(policy.clone()));
        for rule in rules {
            match (&rule.weak, rule.reads.args && !args) {
                (Some(weak), true) => add(&mut own.perhaps, weak),
                (None, true) => {}
                (_, false) if rule.approval.is_some() => add(&mut own.liftable, &rule.policy),
                (_, false) => add(&mut own.firm, &rule.policy),
            }
        }
        own
    }
}

/// Slices by tool and caller.
#[derive(Debug, Default)]
pub(crate) struct Slices {
    kept: RwLock<HashMap<Key, Arc<Slice>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    tool: usize,
    args: bool,
    caller: Vec<usize>,
}

impl Slices {
    /// The slice of a caller, kept or made.
    pub(crate) fn get(
        &self,
        rules: &[Rule],
        (tool, candidates): (usize, &Candidates),
        caller: &[EntityUid],
        args: bool,
    ) -> Arc<Slice> {
        let key = Key { tool, args, caller: candidates.key(caller.iter()) };
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(slice) = kept {
            return slice;
        }
        let own = candidates.rules(caller.iter());
        let slice = Arc::new(Slice::of(own.iter().filter_map(|at| rules.get(*at)), args));
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(key, Arc::clone(&slice));
        slice
    }
}

/// Ids of policies to their rules.
pub(crate) fn by_id(rules: &[Rule]) -> BTreeMap<String, usize> {
    rules.iter().enumerate().map(|(at, rule)| (rule.id.clone(), at)).collect()
}
