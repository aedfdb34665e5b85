//! `grid policy explain`: one page on why a question gets its answer.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use clap::Args;
use grid_core::{clock::SystemClock, port::Verdict};
use grid_policy::{Answer, Explanation, Probe, Rule, Standing, cases};
use serde_json::{Value, json};

use super::{Context, Contracts, Exit, Failure, directory, load};

/// Says which policies apply to a question, and which of them decide
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy explain --principal tom --tenant acme --role teller --tool transfer --args '{\"amount\": 700, \"to\": \"x\"}'
  grid policy explain --principal tom --tenant acme --role teller --tool transfer --json

Roles and claims are those of the principal's proof; bindings in roles.toml are added. Without --args the answer is that for
lists: whether there may be arguments with which the call is allowed.")]
pub(crate) struct Explain {
    /// The directory [else policy.dir]
    #[arg(value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(flatten)]
    contracts: Contracts,
    /// Who calls
    #[arg(long)]
    principal: String,
    /// Whose world it is in
    #[arg(long)]
    tenant: String,
    /// A role of the proof; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A claim of the proof; may be repeated
    #[arg(long = "claim", value_name = "NAME=VALUE", value_parser = pair)]
    claims: Vec<(String, String)>,
    /// How the principal was proved
    #[arg(long, value_name = "PROOF")]
    proof: Option<String>,
    /// What is called
    #[arg(long)]
    tool: String,
    /// The arguments, JSON text
    #[arg(long, value_name = "JSON")]
    args: Option<String>,
    /// The caller runs it
    #[arg(long)]
    local: bool,
    /// When, as `2026-01-31T09:00:00Z` [else now]
    #[arg(long, value_name = "TIME")]
    now: Option<String>,
    /// Metadata of the session; may be repeated
    #[arg(long = "session", value_name = "NAME=VALUE", value_parser = pair)]
    session: Vec<(String, String)>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

impl Explain {
    pub(super) fn run(mut self, context: &Context) -> Result<(), Failure> {
        let (manifest, configured) = self.contracts.load(context)?;
        let dir = directory(self.dir.take(), configured)?;
        let set = load(context, &dir, &manifest)?;
        let probe = self.probe()?;
        let wrong = |why: grid_policy::NotAQuestion| Failure::new(Exit::Usage, why.0);
        let json = context.output.is_json();
        let page = probe.with(&manifest, |question| {
            let explanation = set.explain(question);
            if json { to_json(&probe, &explanation).to_string() } else { text(&dir, &probe, &explanation) }
        });
        Ok(context.output.text(&page.map_err(wrong)?)?)
    }

    fn probe(self) -> Result<Probe, Failure> {
        let usage = |why: String| Failure::new(Exit::Usage, why);
        let now_ms = match &self.now {
            Some(now) => cases::moment(now).map_err(usage)?,
            None => SystemClock::shared().unix_ms(),
        };
        Ok(Probe {
            principal: self.principal,
            tenant: self.tenant,
            roles: self.roles.into_iter().collect(),
            claims: self.claims.into_iter().collect::<BTreeMap<_, _>>(),
            proof: self.proof,
            tool: self.tool,
            args: self.args,
            local: self.local,
            now_ms,
            metadata: self.session.into_iter().collect(),
            opened_ms: None,
        })
    }
}

fn word(standing: Standing) -> String {
    match standing {
        Standing::Holds => "holds".to_owned(),
        Standing::Not => "does not hold".to_owned(),
        Standing::Elsewhere => "means others".to_owned(),
        Standing::Depends => "reads arguments".to_owned(),
        Standing::Fails(why) => format!("fails: {why}"),
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

fn text(dir: &Path, probe: &Probe, explanation: &Explanation<'_>) -> String {
    let Explanation { answer, held, roles, policies } = explanation;
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
        let _ = writeln!(out, "  {:<18} {}  {}  {}", word(*standing), rule.id(), effect(rule), rule.place());
    }
    for rule in decided(explanation) {
        let _ = writeln!(out, "\n{}/{}:", dir.display(), rule.place());
        for line in rule.text().lines() {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}

fn to_json(probe: &Probe, explanation: &Explanation<'_>) -> Value {
    let policy = |(rule, standing): &(&Rule, Standing)| {
        json!({
            "id": rule.id(),
            "place": rule.place().to_string(),
            "effect": if rule.permits() { "permit" } else { "forbid" },
            "approval": rule.approval(),
            "standing": word(*standing),
            "text": rule.text(),
        })
    };
    json!({
        "principal": probe.principal,
        "tenant": probe.tenant,
        "tool": probe.tool,
        "answer": explanation.answer.word(),
        "rule": explanation.answer.rule(),
        "told": explanation.answer.told(),
        "roles": explanation.held.iter().map(|role| role.to_string()).collect::<Vec<_>>(),
        "policies": explanation.policies.iter().map(policy).collect::<Vec<Value>>(),
    })
}
