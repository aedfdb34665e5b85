//! `grid explain`: why a call was permitted or refused.

use clap::Args;
use serde_json::json;

use super::{
    Context, Exit, Failure,
    remote::{admin, failed},
};

/// Says why a call was permitted or refused, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid explain i-0f3c…            an execution, by its invocation id
  grid explain host-1760-1f0a     the newest call of a workflow, by its correlation id; refused ones have no other
  grid explain i-0f3c… --json | jq .now

It is made of the audit log's records: who asked and how that was proved, the contract and whether it is still that one,
the rule, its epoch and how old the decision was, who consented, where it ran, how it ended; and a policy's file, line
and text. `now` says what would be decided at this moment, where that can be told. Needs the operators' role (`authorize.admin_role`, usually grid_admin).")]
pub(super) struct Explain {
    /// An invocation id, or a correlation id
    #[arg(value_name = "ID")]
    id: String,
}

impl Explain {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let told =
            context.wait(async { admin(context).await?.explain(&self.id).await.map_err(|error| failed(&error)) })?;
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
