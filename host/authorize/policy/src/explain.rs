//! Why an answer is as it is: each policy that can matter, and what it says to this question.

use std::{collections::BTreeSet, sync::Arc};

use cedar_policy::{AuthorizationError, Decision, PolicySet as CedarSet};
use grid_core::{
    port::{Question, Verdict},
    roles,
};

use crate::{
    decide::{Decider, kind},
    probe::Answer,
    rule::Rule,
    set::PolicySet,
};

/// What one policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It holds.
    Holds,
    /// It does not hold: a condition is not fulfilled.
    Not,
    /// Its head means somebody else.
    Elsewhere,
    /// It reads arguments, which are not known.
    Depends,
    /// It cannot be evaluated, which denies.
    Fails(&'static str),
}

/// Why an answer is as it is.
#[derive(Debug)]
pub struct Explanation<'a> {
    /// The answer.
    pub answer: Answer,
    /// Every role that the caller holds, by proof, binding and inclusion.
    pub held: BTreeSet<Arc<str>>,
    /// What the roles of the contract alone say.
    pub roles: Verdict,
    /// The policies about the tool, in the order of the directory.
    pub policies: Vec<(&'a Rule, Standing)>,
}

impl PolicySet {
    /// Answers a question and says why, policy by policy.
    #[must_use]
    pub fn explain(&self, question: &Question<'_>) -> Explanation<'_> {
        let held = self.roles.effective(&question.context.principal);
        let own = self.types.caller(&question.context.principal, &held);
        let table = if question.dynamic { &self.dynamic } else { self.table(question.tool) };
        let near: BTreeSet<usize> = table.candidates.rules(own.iter()).into_iter().collect();
        let mut about: Vec<usize> = table.candidates.all().collect();
        about.sort_unstable();
        let policies = about.into_iter().filter_map(|at| self.rules.get(at).map(|rule| (at, rule)));
        let policies = policies.map(|(at, rule)| match near.contains(&at) {
            true => (rule, self.standing(question, rule)),
            false => (rule, Standing::Elsewhere),
        });
        let policies = policies.collect();
        let roles = roles::judge(question, &held);
        Explanation { answer: self.answer(question).into(), roles, held, policies }
    }

    fn standing(&self, question: &Question<'_>, rule: &Rule) -> Standing {
        if rule.reads.args && question.args.is_none() {
            return Standing::Depends;
        }
        const UNKNOWN: Standing = Standing::Fails("the question cannot be shown to policies");
        let decider = Decider { set: self };
        let held = self.roles.effective(&question.context.principal);
        let caller = self.types.caller(&question.context.principal, &held);
        let asked = decider.table(question).and_then(|table| decider.ask(question, table, &caller));
        let Ok((request, entities)) = asked else { return UNKNOWN };
        let mut alone = CedarSet::new();
        if alone.add(rule.policy.clone()).is_err() {
            return UNKNOWN;
        }
        let response = self.authorizer.is_authorized(&request, &alone, &entities);
        let failed = response.diagnostics().errors().next().map(|error| {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            Standing::Fails(kind(error.inner()))
        });
        let held = match response.decision() {
            Decision::Allow => true,
            Decision::Deny => response.diagnostics().reason().next().is_some(),
        };
        failed.unwrap_or(if held { Standing::Holds } else { Standing::Not })
    }
}
