//! `grid explain`: why a call was permitted or refused, or who would be chosen for a function and why.

use clap::Args;
use grid_core::id::InvocationId;
use grid_sdk::{
    Admin,
    admin::{ExplainChoiceRequest, ExplainDecisionResponse},
};
use serde_json::json;

use super::{
    Context, Exit, Failure, providers,
    remote::{admin, failed},
};

/// Says why a call was permitted or refused, or who serves a function and why, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid explain i-0f3c…            an execution, by its invocation id
  grid explain host-1760-1f0a     the newest call of a workflow, by its correlation id; refused ones have no other
  grid explain i-0f3c… --json | jq .now
  grid explain cache_get          who would be chosen for a function, and why each other not
  grid explain cache_get --tenant acme --provider redis

What begins with `i-` and a number is an execution; any other name is that of a function where there is one, and otherwise
a correlation id. What is said of a call is made of the audit log's records: who asked and how that was proved, the contract
and whether it is still that one, the rule, its epoch and how old the decision was, who consented, where it ran, how it
ended; and a policy's file, line and text. `now` says what would be decided at this moment, where that can be told. Who would be chosen is said by what chooses.
Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 explained, 1 error or no such call, 3 no such session, or neither a function nor a call of this name, 6 denied")]
pub(super) struct Explain {
    /// An invocation id, a function, or a correlation id
    #[arg(value_name = "ID|CONTRACT")]
    id: String,
    /// Of a function: as it is for this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// Of a function: as it is in this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Of a function: as it were if the call named this provider
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

/// What a name stands for.
enum Told {
    Decision(Box<ExplainDecisionResponse>),
    Choice(Box<grid_sdk::admin::ExplainChoiceResponse>),
}

impl Explain {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match context.wait(async { self.told(&admin(context).await?).await })? {
            Told::Choice(choice) => providers::tell(context, &choice),
            Told::Decision(told) => self.decision(context, &told),
        }
    }

    async fn told(&self, admin: &Admin) -> Result<Told, Failure> {
        let decision = async || admin.explain(&self.id).await.map_err(|error| failed(&error));
        if self.id.parse::<InvocationId>().is_ok() {
            return Ok(Told::Decision(Box::new(decision().await?)));
        }
        let ask = ExplainChoiceRequest {
            tool: self.id.clone(),
            tenant: self.tenant.clone().unwrap_or_default(),
            session_id: self.session.clone().unwrap_or_default(),
            provider: self.provider.clone().unwrap_or_default(),
        };
        let choice = providers::choice(admin, ask).await?;
        let contracts = async || admin.contracts().await.map_err(|error| failed(&error));
        if !choice.candidates.is_empty() || contracts().await?.iter().any(|contract| contract.name == self.id) {
            return Ok(Told::Choice(Box::new(choice)));
        }
        let told = decision().await?;
        if told.decision.is_empty() {
            let message = format!(
                "`{}` is no function here, and the audit log has no call of it; `grid providers` and `grid audit query` find \
                 what there is",
                self.id
            );
            return Err(Failure::new(Exit::Invalid, message));
        }
        Ok(Told::Decision(Box::new(told)))
    }

    fn decision(&self, context: &Context, told: &ExplainDecisionResponse) -> Result<(), Failure> {
        if told.decision.is_empty() {
            let message = format!("the audit log has no call of `{}`; `grid audit query` finds what there is", self.id);
            return Err(Failure::new(Exit::Error, message));
        }
        if context.output.is_json() {
            let ground = |ground: &grid_sdk::admin::Ground| json!({ "stage": ground.stage, "text": ground.text, "entry": ground.entry });
            return Ok(context.output.json(&json!({
                "decision": told.decision,
                "invocation": told.invocation_id,
                "correlation": told.correlation_id,
                "tenant": told.tenant,
                "principal": told.principal,
                "tool": told.tool,
                "contract": told.contract_digest,
                "rule": told.rule,
                "policy_epoch": told.policy_epoch,
                "policy": told.policy_digest,
                "cache_age_ms": told.cache_age_ms,
                "code": told.code,
                "grounds": told.grounds.iter().map(ground).collect::<Vec<_>>(),
                "now": told.now,
            }))?);
        }
        let call = if told.invocation_id.is_empty() { &told.correlation_id } else { &told.invocation_id };
        let mut page =
            format!("{} `{}` for `{}` of `{}` ({call})\n", told.decision, told.tool, told.principal, told.tenant);
        for ground in &told.grounds {
            let entry = ground.entry.map(|entry| format!("  [record {entry}]")).unwrap_or_default();
            // What stands on several lines, as a policy does, goes on below its beginning.
            let mut lines = ground.text.lines();
            page.push_str(&format!("  {:<10}{}{entry}\n", ground.stage, lines.next().unwrap_or_default()));
            for line in lines {
                page.push_str(&format!("  {:<10}  {line}\n", ""));
            }
        }
        let now = if told.now.is_empty() { "cannot be told" } else { &told.now };
        page.push_str(&format!("now: {now}"));
        Ok(context.output.text(&page)?)
    }
}
