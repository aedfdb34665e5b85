//! `grid revoke`: what was permitted so far is permitted no more.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    remote::{admin, failed},
};

/// Makes every remembered decision and every open grant void, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid revoke --reason 'alice has left the team' --token-file operator.token
  grid revoke --reason 'incident 4711' --json | jq .policy_epoch

When it returns, no earlier decision permits anything: each call is decided anew, with the roles that its caller has
then, and grants for local runs that are still open have ended. What runs already goes on. Needs the operators' role
(`authorize.admin_role`, usually grid_admin); the reason is kept in the audit log.")]
pub(super) struct Revoke {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

impl Revoke {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let epoch = context.wait(async {
            let admin = admin(context).await?;
            admin.invalidate_authorizations(&self.reason).await.map_err(|error| failed(&error))
        })?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({ "policy_epoch": epoch }))?);
        }
        Ok(context.output.text(&format!("revoked: decisions and grants from before epoch {epoch} are void"))?)
    }
}
