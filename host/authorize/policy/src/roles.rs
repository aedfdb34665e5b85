//! `roles.toml`: which role includes which, and who is bound to what.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    fault::{Fault, nearest},
    graph::{Binding, RoleGraph, Whom},
    source::Source,
};

/// Any tenant, in a binding.
const ANY: &str = "*";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawFile {
    #[serde(default)]
    roles: BTreeMap<Spanned<String>, RawRole>,
    #[serde(default)]
    binding: Vec<Spanned<RawBinding>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRole {
    #[serde(default)]
    includes: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawBinding {
    tenant: String,
    principal: Option<String>,
    claim: Option<String>,
    value: Option<String>,
    roles: Vec<Spanned<String>>,
}

/// The graph of a directory, and every role that policies may name.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    pub(crate) graph: RoleGraph,
    pub(crate) known: BTreeSet<String>,
}

impl Roles {
    /// Reads a file; `demanded` are the roles that contracts name.
    pub(crate) fn read(source: Option<&Source>, demanded: BTreeSet<String>, faults: &mut Vec<Fault>) -> Self {
        let Some(source) = source else { return Self { graph: RoleGraph::default(), known: demanded } };
        let raw: RawFile = match toml::from_str(&source.text) {
            Ok(raw) => raw,
            Err(error) => {
                let place = source.at(error.span().map_or(0, |span| span.start));
                let message = format!("the file cannot be read: {}", error.message().trim_end());
                faults.push(Fault::new(place, "roles.parse", message));
                return Self { graph: RoleGraph::default(), known: demanded };
            }
        };
        let known: BTreeSet<String> = raw.roles.keys().map(|role| role.get_ref().clone()).chain(demanded).collect();
        let mut reader = Reader { source, known: &known, faults };
        let includes: BTreeMap<Arc<str>, Vec<Arc<str>>> = raw
            .roles
            .iter()
            .map(|(role, raw)| (Arc::from(role.get_ref().as_str()), reader.roles(&raw.includes)))
            .collect();
        let bindings = raw.binding.iter().filter_map(|binding| reader.binding(binding)).collect();
        let graph = RoleGraph::new(&includes, bindings).unwrap_or_else(|ring| {
            let first = raw.roles.keys().find(|role| ring.0.first().is_some_and(|first| **first == *role.get_ref()));
            let span = first.map_or(0..0, Spanned::span);
            reader.fault(span, "roles.ring", format!("roles include each other in a ring: `{}`", ring.0.join("` → `")));
            RoleGraph::default()
        });
        Self { graph, known }
    }
}

struct Reader<'a> {
    source: &'a Source,
    known: &'a BTreeSet<String>,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, span: Range<usize>, rule: &'static str, message: String) {
        self.faults.push(Fault::new(self.source.at(span.start), rule, message));
    }

    fn roles(&mut self, names: &[Spanned<String>]) -> Vec<Arc<str>> {
        for name in names {
            let text = name.get_ref();
            if !self.known.contains(text) {
                let near = nearest(text, self.known.iter().map(String::as_str));
                let message = format!("there is no role `{text}`; name it under `[roles]`{near}");
                self.fault(name.span(), "roles.unknown", message);
            }
        }
        names.iter().map(|name| Arc::from(name.get_ref().as_str())).collect()
    }

    fn binding(&mut self, binding: &Spanned<RawBinding>) -> Option<Binding> {
        let raw = binding.get_ref();
        let roles = self.roles(&raw.roles);
        let whom = match (&raw.principal, &raw.claim, &raw.value) {
            (Some(name), None, None) => Whom::Principal(name.clone()),
            (None, Some(claim), Some(value)) => Whom::Claim(claim.clone(), value.clone()),
            _ => {
                let message = "a binding names either a `principal`, or a `claim` and its `value`".to_owned();
                self.fault(binding.span(), "roles.binding", message);
                return None;
            }
        };
        if raw.tenant.is_empty() || roles.is_empty() {
            let message = "a binding needs a `tenant` (`*` for any) and at least one of `roles`".to_owned();
            self.fault(binding.span(), "roles.binding", message);
            return None;
        }
        Some(Binding { tenant: (raw.tenant != ANY).then(|| raw.tenant.clone()), whom, roles })
    }
}
