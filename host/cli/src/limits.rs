//! `grid limits`: what is limited, how it is used, and how the host sheds load.

use clap::Args;
use grid_sdk::admin::ListLimitsResponse;
use serde_json::{Value, json};

use super::{
    Context, Failure,
    remote::{admin, failed},
};

/// Lists the limits in force and how they are used, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid limits --token-file operator.token
  grid limits --json | jq '.uses[] | select(.refused > 0)'

Needs the operators' role (`authorize.admin_role`, usually grid_admin).")]
pub(super) struct Limits {
    /// Counts to list at most, those in use first
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    most: u32,
}

impl Limits {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let list =
            context.wait(async { admin(context).await?.limits(self.most).await.map_err(|error| failed(&error)) })?;
        if context.output.is_json() {
            return Ok(context.output.json(&as_json(&list))?);
        }
        let output = &context.output;
        let any = |number: u64, text: String| if number == 0 { "any".to_owned() } else { text };
        let rows: Vec<_> = list
            .limits
            .iter()
            .map(|limit| {
                let seconds = limit.rate_within_ms / 1_000;
                let rate = format!("{} in {seconds} s, {} at once", limit.rate, limit.burst);
                let crowd = format!("{}, {} wait {} ms", limit.concurrency, limit.queue, limit.wait_ms);
                vec![
                    limit.name.clone(),
                    format!("{} {} {}", limit.tenant, limit.principal, limit.tool),
                    if limit.per.is_empty() { "all together".to_owned() } else { limit.per.join(", ") },
                    any(limit.rate.into(), rate),
                    any(limit.concurrency.into(), crowd),
                    limit.budget.map_or_else(|| "any".to_owned(), |budget| budget.to_string()),
                ]
            })
            .collect();
        output.rows("limits", &["limit", "tenant principal tool", "each", "rate", "at once", "a day"], &rows)?;
        let rows: Vec<_> = list
            .uses
            .iter()
            .map(|used| {
                let whom = [&used.tenant, &used.principal, &used.tool];
                let whom: Vec<_> = whom.into_iter().filter(|name| !name.is_empty()).map(String::as_str).collect();
                vec![
                    used.limit.clone(),
                    whom.join(" "),
                    used.running.to_string(),
                    used.waiting.to_string(),
                    used.spent.to_string(),
                    used.refused.to_string(),
                ]
            })
            .collect();
        output.rows("counts in use", &["limit", "whose", "running", "waiting", "spent today", "refused"], &rows)?;
        Ok(match &list.gate {
            Some(gate) => output.text(&format!(
                "the host works on {} requests of at most {}, {} µs each; {} were turned away unread",
                gate.inside, gate.limit, gate.latency_us, gate.shed
            ))?,
            None => output.text("load is not shed (`limits.adaptive` is false)")?,
        })
    }
}

fn as_json(list: &ListLimitsResponse) -> Value {
    let limits: Vec<_> = list
        .limits
        .iter()
        .map(|limit| {
            json!({
                "limit": limit.name, "tenant": limit.tenant, "principal": limit.principal, "tool": limit.tool,
                "per": limit.per, "rate": limit.rate, "rate_within_ms": limit.rate_within_ms, "burst": limit.burst,
                "concurrency": limit.concurrency, "queue": limit.queue, "wait_ms": limit.wait_ms,
                "budget": limit.budget,
            })
        })
        .collect();
    let uses: Vec<_> = list
        .uses
        .iter()
        .map(|used| {
            json!({
                "limit": used.limit, "tenant": used.tenant, "principal": used.principal, "tool": used.tool,
                "running": used.running, "waiting": used.waiting, "spent": used.spent, "refused": used.refused,
            })
        })
        .collect();
    let gate = list.gate.as_ref().map(|gate| {
        json!({
            "limit": gate.limit, "inside": gate.inside, "shed": gate.shed, "shed_share": gate.shed_share,
            "latency_us": gate.latency_us,
        })
    });
    json!({ "limits": limits, "uses": uses, "gate": gate })
}
