//! `grid policy reload`: a running host reads its policies again.

use clap::Args;
use serde_json::json;

use super::super::{
    Context, Failure,
    remote::{admin, failed},
};

/// Has a host read `policy.dir` and `policy.shadow_dir` again, now
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid policy check policies && grid policy reload --token-file operator.token
  grid policy reload --json | jq .policy_digest

A set that has a fault changes nothing, and the answer names every fault with its place. Another set than before decides
from the answer on: remembered decisions and open grants are void. The host also looks by itself (`policy.reload`). Needs
the operators' role.")]
pub(crate) struct Reload {}

impl Reload {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let done = context.wait(async {
            let admin = admin(context).await?;
            admin.reload_policies().await.map_err(|error| failed(&error))
        })?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({
                "changed": done.changed,
                "policy_digest": done.policy_digest,
                "policy_epoch": done.policy_epoch,
            }))?);
        }
        let what = if done.changed { "taken" } else { "unchanged" };
        let text = format!("{what}: {} decides, epoch {}", done.policy_digest, done.policy_epoch);
        Ok(context.output.text(&text)?)
    }
}
