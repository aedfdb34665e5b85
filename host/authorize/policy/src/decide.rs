//! One decision: the roles of the contract, then the policies. Whatever fails denies, also where Cedar itself would pass
//! over a policy that failed.

use std::sync::Arc;

use cedar_policy::{AuthorizationError, Entities, EntityUid, EvaluationError, Request, Response, Schema};
use grid_core::{
    port::{Question, Reads, Undecided, Verdict},
    roles,
};

use crate::{
    args::Unfit,
    request::{self, ToolFacts},
    rule::Rule,
    set::{PolicySet, Table},
    slice::Slice,
};

/// The rule of a denial where no policy permits.
pub const NONE: &str = "policy:none-permits";
/// The rule of a denial where forbids ask for roles of which none includes the others.
pub const TWO_ROLES: &str = "policy:approvals-differ";

pub(crate) struct Decider<'a> {
    pub(crate) set: &'a PolicySet,
}

impl From<Unfit> for Undecided {
    fn from(unfit: Unfit) -> Self {
        Self(unfit.0)
    }
}

impl Decider<'_> {
    pub(crate) fn decide(&self, question: &Question<'_>) -> Result<Verdict, Undecided> {
        self.decided(question, |table, caller, args| {
            self.set.slices.get(&self.set.rules, (table.number, &table.candidates), caller, args)
        })
    }

    pub(crate) fn decide_unsliced(&self, question: &Question<'_>) -> Result<Verdict, Undecided> {
        self.decided(question, |_, _, args| Arc::new(Slice::of(self.set.rules.iter(), args)))
    }

    fn decided(
        &self,
        question: &Question<'_>,
        slice: impl FnOnce(&Table, &[EntityUid], bool) -> Arc<Slice>,
    ) -> Result<Verdict, Undecided> {
        let principal = &question.context.principal;
        let held = self.set.roles.effective(principal);
        if let denied @ (Verdict::Deny { .. } | Verdict::Ask { .. }) = roles::judge(question, &held) {
            return Ok(denied);
        }
        let table = self.table(question)?;
        let caller = self.set.types.caller(principal, &held);
        let args = question.args.is_some() || !table.reads.args;
        let slice = slice(table, &caller, args);
        self.by_policies(question, table, &caller, &slice)
    }

    /// What is known of the tool; of one whose contract is another now, nothing.
    pub(crate) fn table(&self, question: &Question<'_>) -> Result<&Table, Undecided> {
        if question.dynamic {
            return Ok(&self.set.dynamic);
        }
        self.set
            .tables
            .get(question.tool)
            .filter(|table| table.contract == Some(question.contract))
            .ok_or_else(|| Undecided("the policies were not checked against this contract; reload them".to_owned()))
    }

    pub(crate) fn by_policies(
        &self,
        question: &Question<'_>,
        table: &Table,
        caller: &[EntityUid],
        slice: &Slice,
    ) -> Result<Verdict, Undecided> {
        let (request, entities) = self.ask(question, table, caller)?;
        let evaluate = |set| self.set.authorizer.is_authorized(&request, set, &entities);
        let firm = evaluate(&slice.firm);
        let decided = self.deciding(&firm);
        if let Some(rule) = decided.first().filter(|rule| !rule.permits()) {
            return Ok(forbidden(question, rule));
        }
        no_errors(&firm)?;
        let permit = match decided.first() {
            Some(rule) => *rule,
            None => match self.perhaps(&evaluate(&slice.perhaps)) {
                Some(rule) => rule,
                None => return Ok(not_permitted(question)),
            },
        };
        let lifted = evaluate(&slice.liftable);
        no_errors(&lifted)?;
        Ok(self
            .consent(question, &self.deciding(&lifted))
            .unwrap_or_else(|| Verdict::Allow { rule: permit.id.clone() }))
    }

    /// The question as Cedar takes it.
    pub(crate) fn ask(
        &self,
        question: &Question<'_>,
        table: &Table,
        caller: &[EntityUid],
    ) -> Result<(Request, Entities), Undecided> {
        self.ask_of(question, table, caller, (table.reads, None))
    }

    /// The same with the parts that `reads` says, checked against a schema where one is given.
    pub(crate) fn ask_of(
        &self,
        question: &Question<'_>,
        table: &Table,
        caller: &[EntityUid],
        (reads, schema): (Reads, Option<&Schema>),
    ) -> Result<(Request, Entities), Undecided> {
        let types = &self.set.types;
        let own;
        let (tool, base) = match &table.tool {
            Some(tool) => (tool.clone(), &table.base),
            None => {
                let facts = ToolFacts::of(question);
                let entities = types.tool(&facts, &table.action)?;
                own = Entities::from_entities(entities, None)
                    .map_err(|_| Undecided("the tool cannot be shown to policies".to_owned()))?;
                (types.tool_uid(question.tool), &own)
            }
        };
        let entities = types.entities(question, caller, reads, base)?;
        let context = types.context(question, &table.shape, reads)?;
        let first = caller.first().ok_or_else(|| Undecided("there is no caller".to_owned()))?;
        Ok((request::request(first, &table.action, &tool, context, schema)?, entities))
    }

    /// The policies that decided, in the order of the directory.
    pub(crate) fn deciding(&self, response: &Response) -> Vec<&Rule> {
        let ids = response.diagnostics().reason();
        let mut found: Vec<usize> =
            ids.filter_map(|id| self.set.by_id.get(AsRef::<str>::as_ref(id))).copied().collect();
        found.sort_unstable();
        found.into_iter().filter_map(|at| self.set.rules.get(at)).collect()
    }

    /// A permit that may hold for some arguments. One that fails without the part that reads arguments may not fail with
    /// it, so that it counts: the question comes again with arguments.
    fn perhaps(&self, response: &Response) -> Option<&Rule> {
        let satisfied = self.deciding(response).into_iter().next();
        satisfied.or_else(|| {
            let failed = response.diagnostics().errors().next()?;
            let AuthorizationError::PolicyEvaluationError(failed) = failed;
            self.set.rule(failed.policy_id().as_ref())
        })
    }

    /// What a person has to say yes to: one with a role that includes the roles of all policies that ask.
    fn consent(&self, question: &Question<'_>, asking: &[&Rule]) -> Option<Verdict> {
        let first = asking.first()?;
        let asked = || asking.iter().filter_map(|rule| rule.approval());
        let senior = |role: &&str| asked().all(|other| self.set.roles.includes(role, other));
        let Some(role) = asked().find(senior) else {
            let message =
                format!("`{}` may not call `{}`: nobody can consent to it alone", caller(question), question.tool);
            return Some(Verdict::Deny { rule: TWO_ROLES.to_owned(), message });
        };
        let message = first.message.clone().unwrap_or_else(|| {
            format!("`{}` may call `{}` once somebody with the role `{role}` says yes", caller(question), question.tool)
        });
        Some(Verdict::Ask { rule: first.id.clone(), role: role.to_owned(), message })
    }
}

fn caller<'a>(question: &Question<'a>) -> &'a str {
    question.context.principal.id.as_str()
}

fn forbidden(question: &Question<'_>, rule: &Rule) -> Verdict {
    let with = if rule.reads.args { " with these arguments" } else { "" };
    let message = rule.message.clone().unwrap_or_else(|| {
        format!("`{}` may not call `{}`{with}: a policy forbids it", caller(question), question.tool)
    });
    Verdict::Deny { rule: rule.id.clone(), message }
}

fn not_permitted(question: &Question<'_>) -> Verdict {
    let message = format!("`{}` may not call `{}`: no policy permits it", caller(question), question.tool);
    Verdict::Deny { rule: NONE.to_owned(), message }
}

/// Cedar passes over a policy that fails; here it denies. The reason holds no value: it goes to logs.
pub(crate) fn no_errors(response: &Response) -> Result<(), Undecided> {
    let mut failed: Vec<String> = response
        .diagnostics()
        .errors()
        .map(|error| {
            let AuthorizationError::PolicyEvaluationError(error) = error;
            format!("{}: {}", AsRef::<str>::as_ref(error.policy_id()), kind(error.inner()))
        })
        .collect();
    failed.sort_unstable();
    failed.into_iter().next().map_or(Ok(()), |first| Err(Undecided(first)))
}

pub(crate) fn kind(error: &EvaluationError) -> &'static str {
    match error {
        EvaluationError::EntityDoesNotExist(_) => "it reads an entity that does not exist",
        EvaluationError::EntityAttrDoesNotExist(_) => "it reads an attribute or tag that the entity does not have",
        EvaluationError::RecordAttrDoesNotExist(_) => "it reads an attribute that is not there",
        EvaluationError::TypeError(_) => "a value is of another type than it expects",
        EvaluationError::IntegerOverflow(_) => "a sum or product is too large",
        EvaluationError::FailedExtensionFunctionExecution(_) => "a text is no decimal, time or address",
        EvaluationError::RecursionLimit(_) => "it is too deep",
        _ => "it cannot be evaluated",
    }
}
