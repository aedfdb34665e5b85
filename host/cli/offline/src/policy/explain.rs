//! `grid policy explain`: one page on why a question gets its answer.

use std::{collections::BTreeMap, path::PathBuf};

use clap::Args;
use grid_core::clock::SystemClock;
use grid_policy::{Explanation, Probe, Rule, Standing, cases};
use serde_json::{Value, json};

use super::{Context, Contracts, Exit, Failure, directory, load};

/// Says which policies apply to a question, and which of them decide
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy explain --principal tom --tenant acme --role teller --tool transfer --args '{\"amount\": 700, \"to\": \"x\"}'
  grid policy explain --principal tom --tenant acme --role teller --tool transfer --json

Roles and claims are those of the principal's proof; bindings in roles.toml are added. Without --args the answer is that for
lists: whether there may be arguments with which the call is allowed.")]
pub struct Explain {
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
            if json { to_json(&probe, &explanation).to_string() } else { explanation.page(&dir, &probe) }
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

fn to_json(probe: &Probe, explanation: &Explanation<'_>) -> Value {
    let policy = |(rule, standing): &(&Rule, Standing)| {
        json!({
            "id": rule.id(),
            "place": rule.place().to_string(),
            "effect": if rule.permits() { "permit" } else { "forbid" },
            "approval": rule.approval(),
            "standing": standing.word(),
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
