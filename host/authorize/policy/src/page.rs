//! An explanation as a page for people.

use std::{fmt::Write as _, path::Path};

use grid_core::port::Verdict;

use crate::{
    explain::{Explanation, Standing},
    probe::{Answer, Probe},
    rule::Rule,
};

impl Standing {
    /// In words.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Holds => "holds".to_owned(),
            Self::Not => "does not hold".to_owned(),
            Self::Elsewhere => "means others".to_owned(),
            Self::Depends => "reads arguments".to_owned(),
            Self::Fails(why) => format!("fails: {why}"),
        }
    }
}

fn effect(rule: &Rule) -> String {
    match (rule.permits(), rule.approval()) {
        (true, _) => "permit".to_owned(),
        (false, None) => "forbid".to_owned(),
        (false, Some(role)) => format!("forbid, or `{role}` says yes"),
    }
}

/// What the answer rests on: the policies of the kind that decided and that hold, or that failed.
fn decided<'a>(explanation: &'a Explanation<'_>) -> Vec<&'a Rule> {
    let rule = explanation.answer.rule();
    let policies = explanation.policies.iter();
    policies
        .filter(|(policy, _)| rule == policy.id() || rule.contains(&format!("{}: ", policy.id())))
        .map(|(policy, _)| *policy)
        .collect()
}

impl Explanation<'_> {
    /// One page for people: the answer, the roles, what each policy says, and the text of those that decided.
    #[must_use]
    pub fn page(&self, dir: &Path, probe: &Probe) -> String {
        let Explanation { answer, held, roles, policies } = self;
        let mut out = String::new();
        let _ = writeln!(out, "`{}` of `{}` calls `{}`: {}", probe.principal, probe.tenant, probe.tool, answer.word());
        let _ = writeln!(out, "  decided by  {}", answer.rule());
        if let Some(told) = answer.told() {
            let _ = writeln!(out, "  caller sees {told}");
        }
        let held: Vec<&str> = held.iter().map(|role| &**role).collect();
        let _ = writeln!(out, "  roles       {}", if held.is_empty() { "none".to_owned() } else { held.join(", ") });
        let contract = Answer::Decided(Verdict::clone(roles));
        let _ = writeln!(out, "  contract    {} ({})", contract.word(), contract.rule());
        if policies.is_empty() {
            let _ = writeln!(out, "\nno policy is about this tool, so nothing permits it");
        } else {
            let _ = writeln!(out, "\npolicies about this tool:");
        }
        for (rule, standing) in policies {
            let _ = writeln!(out, "  {:<18} {}  {}  {}", standing.word(), rule.id(), effect(rule), rule.place());
        }
        for rule in decided(self) {
            let _ = writeln!(out, "\n{}/{}:", dir.display(), rule.place());
            for line in rule.text().lines() {
                let _ = writeln!(out, "  {line}");
            }
        }
        out
    }
}
