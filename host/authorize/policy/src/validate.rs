//! Holds policies against the schema of a manifest: whatever they name exists, and each of them can match.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    Policy, PolicyId, PolicySet, Schema, ValidationError, ValidationMode, ValidationWarning, Validator,
};
use grid_contract::Manifest;
use miette::Diagnostic;

use crate::{
    fault::{Fault, Warning, nearest},
    rule::Rule,
    schema::{NAMESPACE, REGISTERED},
    source::Source,
};

/// What Cedar says about the text of a file.
pub(crate) fn told(source: &Source, said: &dyn Diagnostic, rule: &'static str) -> Fault {
    let offset = said.labels().and_then(|mut labels| labels.next()).map_or(0, |label| label.offset());
    let text = said.to_string();
    // The place says which policy it is.
    let text = match text.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, rest)) => rest.to_owned(),
        None => text,
    };
    let help = said.help().map(|help| format!("; {help}")).unwrap_or_default();
    Fault::new(source.at(offset), rule, format!("{text}{help}"))
}

/// Names that policies may use for tools, tags, groups and roles.
pub(crate) struct Known {
    tools: BTreeSet<String>,
    tags: BTreeSet<String>,
    groups: BTreeSet<String>,
    roles: BTreeSet<String>,
}

impl Known {
    pub(crate) fn of(manifest: &Manifest, roles: &BTreeSet<String>) -> Self {
        Self {
            tools: manifest.iter().map(|contract| contract.name().to_string()).collect(),
            tags: manifest.iter().flat_map(|contract| contract.tags().iter().cloned()).collect(),
            groups: manifest
                .iter()
                .map(|contract| contract.group().to_owned())
                .chain([REGISTERED.to_owned()])
                .collect(),
            roles: roles.clone(),
        }
    }

    fn list(&self, kind: &str) -> Option<(&BTreeSet<String>, &'static str)> {
        match kind {
            "Tool" => Some((&self.tools, "tool in the manifest")),
            "Tag" => Some((&self.tags, "tag in the manifest")),
            "Group" => Some((&self.groups, "contract in the manifest")),
            "Role" => Some((&self.roles, "role in `roles.toml`, and no contract names one")),
            _ => None,
        }
    }

    /// Every name in a policy that nothing has.
    fn check(&self, rule: &Rule, source: &Source, faults: &mut Vec<Fault>) {
        for literal in rule.policy.entity_literals() {
            let kind = literal.type_name().basename().to_owned();
            let Some((known, what)) = self.list(&kind) else { continue };
            let name = literal.id().unescaped();
            if known.contains(name) {
                continue;
            }
            let written = format!("{NAMESPACE}::{kind}::\"{}\"", literal.id().escaped());
            let start = offset(rule);
            let within = source.text.get(start..).and_then(|text| text.find(&written)).unwrap_or(0);
            let near = nearest(name, known.iter().map(String::as_str));
            let message = format!("there is no {what} called `{name}`{near}");
            faults.push(Fault::new(source.at(start + within), "policy.unknown-name", message));
        }
    }
}

fn offset(rule: &Rule) -> usize {
    rule.policy.as_ref().loc().map_or(0, |loc| loc.start())
}

/// Every fault of rules that were read from `sources`.
pub(crate) fn check(
    rules: &[Rule],
    sources: &[Source],
    schema: Schema,
    known: &Known,
    faults: &mut Vec<Fault>,
    warnings: &mut Vec<Warning>,
) {
    let files: BTreeMap<&str, &Source> = sources.iter().map(|source| (source.name.as_str(), source)).collect();
    let mut by_id: BTreeMap<&str, &Source> = BTreeMap::new();
    let mut set = PolicySet::new();
    for rule in rules {
        let Some(source) = files.get(rule.place.file.as_str()) else { continue };
        by_id.insert(rule.id(), source);
        known.check(rule, source, faults);
        // One whose id is taken was told of before.
        drop(set.add(Policy::clone(&rule.policy)));
    }
    let result = Validator::new(schema).validate(&set, ValidationMode::Strict);
    let mut found: Vec<Fault> = Vec::new();
    // What names something that is not there matches nothing either; that is one fault, not two.
    let wrong: BTreeSet<&PolicyId> = result.validation_errors().map(ValidationError::policy_id).collect();
    for error in result.validation_errors() {
        let Some(source) = by_id.get(AsRef::<str>::as_ref(error.policy_id())) else { continue };
        found.push(told(source, error, "policy.invalid"));
    }
    for warning in result.validation_warnings().filter(|warning| !wrong.contains(warning.policy_id())) {
        let Some(source) = by_id.get(AsRef::<str>::as_ref(warning.policy_id())) else { continue };
        match warning {
            ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_) => {
                let mut fault = told(source, warning, "policy.impossible");
                fault.message = format!("{}; such a policy protects nothing", fault.message);
                found.push(fault);
            }
            other => warnings.push(Warning(told(source, other, "policy.text"))),
        }
    }
    // A policy about many tools is wrong once, not once for each of them.
    found.sort();
    found.dedup_by(|later, earlier| later.place == earlier.place && later.rule == earlier.rule);
    faults.extend(found);
}
