//! One policy as this host reads it: its name, its place, what it reads, and whom its scope can mean.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{
    ActionConstraint, Effect, EntityUid, Policy, PolicyId, PrincipalConstraint, ResourceConstraint,
    pst::{self, BinaryOp, Clause, Expr},
};
use grid_core::port::Reads;

use crate::{
    fault::{Fault, Place, nearest},
    reads,
    schema::CALL,
    source::Source,
};

const ID: &str = "id";
const APPROVAL: &str = "approval";
const MESSAGE: &str = "message";
/// Annotations that mean something here; `description` is for readers.
const ANNOTATIONS: [&str; 4] = [ID, APPROVAL, MESSAGE, "description"];
/// A name of a policy, or of its file, may be that long.
const NAME_BYTES: usize = 64;

/// One policy.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(crate) id: String,
    pub(crate) place: Place,
    pub(crate) text: String,
    pub(crate) policy: Policy,
    /// The same without what reads arguments, where that makes it permit more.
    pub(crate) weak: Option<Policy>,
    pub(crate) reads: Reads,
    pub(crate) approval: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) scope: Scope,
}

/// Whom and what the head of a policy can mean; absent is anything.
#[derive(Debug, Clone)]
pub(crate) struct Scope {
    pub(crate) principal: Option<EntityUid>,
    pub(crate) actions: Option<BTreeSet<String>>,
    pub(crate) resource: Option<EntityUid>,
}

impl Scope {
    fn of(policy: &Policy) -> Self {
        let principal = match policy.principal_constraint() {
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
            PrincipalConstraint::In(uid) | PrincipalConstraint::Eq(uid) | PrincipalConstraint::IsIn(_, uid) => {
                Some(uid)
            }
        };
        let resource = match policy.resource_constraint() {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
            ResourceConstraint::In(uid) | ResourceConstraint::Eq(uid) | ResourceConstraint::IsIn(_, uid) => Some(uid),
        };
        let name = |uid: &EntityUid| uid.id().unescaped().to_owned();
        let actions = match policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => Some([name(&uid)].into()),
            // Every action that is asked for is in the group.
            ActionConstraint::In(uids) if uids.iter().any(|uid| name(uid) == CALL) => None,
            ActionConstraint::In(uids) => Some(uids.iter().map(name).collect()),
        };
        Self { principal, actions, resource }
    }
}

impl Rule {
    /// As records name it: `policy:<file>#<id>`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where it stands.
    #[must_use]
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        self.reads
    }

    /// Whether it may read claims or the metadata of sessions.
    #[must_use]
    pub fn reads_tags(&self) -> bool {
        self.text.contains("Tag")
    }

    /// Whether it permits.
    #[must_use]
    pub fn permits(&self) -> bool {
        self.policy.effect() == Effect::Permit
    }

    /// The role that may allow what it forbids.
    #[must_use]
    pub fn approval(&self) -> Option<&str> {
        self.approval.as_deref()
    }

    /// What the caller is told.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }
}

/// The rules of a file, in its order.
pub(crate) fn of_file(source: &Source, roles: &BTreeSet<String>, faults: &mut Vec<Fault>) -> Vec<Rule> {
    let set = match source.text.parse::<cedar_policy::PolicySet>() {
        Ok(set) => set,
        Err(errors) => {
            faults.extend(errors.iter().map(|error| crate::validate::told(source, error, "policy.parse")));
            return Vec::new();
        }
    };
    if !is_name(source.stem()) {
        let message = format!("the name of the file must be {}", NAME_RULE);
        faults.push(Fault::new(Place::file(&source.name), "policy.file-name", message));
    }
    for template in set.templates() {
        let at = template.as_ref().loc().map_or(0, |loc| loc.start());
        let message = "policies with slots (`?principal`, `?resource`) cannot be filled in here; name who is meant";
        faults.push(Fault::new(source.at(at), "policy.template", message));
    }
    let start = |policy: &Policy| policy.as_ref().loc().map_or(0, |loc| loc.start());
    let mut policies: Vec<Policy> = set.policies().cloned().collect();
    policies.sort_by_key(start);
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    for (at, policy) in policies.iter().enumerate() {
        let mut reader = Reader { source, offset: start(policy), faults };
        rules.extend(reader.rule(at + 1, policy, roles, &mut taken));
    }
    rules
}

const NAME_RULE: &str = "1 to 64 letters, digits, `_`, `-` or `.`";

fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    (1..=NAME_BYTES).contains(&text.len()) && text.bytes().all(plain)
}

struct Reader<'a> {
    source: &'a Source,
    offset: usize,
    faults: &'a mut Vec<Fault>,
}

impl Reader<'_> {
    fn fault(&mut self, rule: &'static str, message: String) {
        self.faults.push(Fault::new(self.source.at(self.offset), rule, message));
    }

    fn rule(
        &mut self,
        number: usize,
        policy: &Policy,
        roles: &BTreeSet<String>,
        taken: &mut BTreeMap<String, usize>,
    ) -> Option<Rule> {
        let own = policy.annotation(ID).map_or_else(|| number.to_string(), str::to_owned);
        if !is_name(&own) {
            self.fault("policy.id", format!("the `@id` of a policy must be {NAME_RULE}"));
        }
        let line = self.source.at(self.offset).line;
        if let Some(earlier) = taken.insert(own.clone(), line) {
            self.fault(
                "policy.id-twice",
                format!("the policy at line {earlier} has the id `{own}` too; ids are unique"),
            );
        }
        for (name, _) in policy.annotations().filter(|(name, _)| !ANNOTATIONS.contains(name)) {
            let message = format!("there is no annotation `@{name}`{}", nearest(name, ANNOTATIONS));
            self.fault("policy.annotation", message);
        }
        let approval = policy.annotation(APPROVAL).map(str::to_owned);
        self.check_approval(policy, approval.as_deref(), roles);
        let id = format!("policy:{}#{own}", self.source.stem());
        let policy = policy.new_id(PolicyId::new(&id));
        let Ok(pst::Policy::Static(body)) = policy.to_pst() else {
            self.fault("policy.syntax", "the policy cannot be read as a syntax tree; write it more plainly".to_owned());
            return None;
        };
        let reads = reads::of_clauses(body.body().clauses());
        let weak = (reads.args && policy.effect() == Effect::Permit).then(|| weakened(body.body())).flatten();
        let text = policy.as_ref().loc().and_then(|loc| loc.snippet()).unwrap_or_default().to_owned();
        Some(Rule {
            place: self.source.at(self.offset),
            text,
            message: policy.annotation(MESSAGE).filter(|text| !text.is_empty()).map(str::to_owned),
            scope: Scope::of(&policy),
            id,
            weak,
            reads,
            approval,
            policy,
        })
    }

    fn check_approval(&mut self, policy: &Policy, role: Option<&str>, roles: &BTreeSet<String>) {
        let Some(role) = role else { return };
        if policy.effect() == Effect::Permit {
            let message =
                "`@approval` stands on a `forbid`: what it forbids, a person with the role may allow".to_owned();
            self.fault("policy.approval", message);
        }
        if !roles.contains(role) {
            let near = nearest(role, roles.iter().map(String::as_str));
            let message = format!("there is no role `{role}` that could approve; name it in `roles.toml`{near}");
            self.fault("policy.approval", message);
        }
    }
}

/// A permit without its conditions that read arguments: it permits whatever the whole one permits for some arguments.
fn weakened(body: &pst::Template) -> Option<Policy> {
    let kept = body.clauses().iter().filter_map(|clause| match clause {
        Clause::When(expr) => kept(expr, BinaryOp::And).map(Clause::When),
        Clause::Unless(expr) => kept(expr, BinaryOp::Or).map(Clause::Unless),
    });
    let kept: Vec<Clause> = kept.collect();
    let body = body.clone().try_with_clauses(kept).ok()?;
    let body = pst::StaticPolicy::try_from(body).ok()?;
    Policy::from_pst(pst::Policy::Static(body)).ok()
}

/// The parts of a conjunction (or, under `unless`, of a disjunction) that read no arguments.
fn kept(expr: &std::sync::Arc<Expr>, joint: BinaryOp) -> Option<std::sync::Arc<Expr>> {
    if !reads::of(expr).args {
        return Some(std::sync::Arc::clone(expr));
    }
    match &**expr {
        Expr::BinaryOp { op, left, right } if *op == joint => match (kept(left, joint), kept(right, joint)) {
            (Some(left), Some(right)) => Some(std::sync::Arc::new(Expr::BinaryOp { op: joint, left, right })),
            (one, other) => one.or(other),
        },
        _ => None,
    }
}
