//! `grid revoke`: what was permitted so far is permitted no more.

use clap::{Args, ValueEnum};
use grid_sdk::admin::{self, Admin};
use serde_json::json;

use super::{
    Context, Exit, Failure,
    remote::{admin, failed},
    time::stamp,
};

/// Ends rights: decisions, grants, running calls, proofs of identity; for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid revoke --reason 'incident 4711'
  grid revoke --tenant acme --principal alice --proofs --cancel-running --reason 'alice has left'
  grid revoke --tool send_mail --event security_incident --event-id siem-4711 --reason 'incident 4711'
  grid revoke --list
  grid revoke --restore alice --tenant acme --reason 'alice is back'

When it returns, nothing begins any more that rests on an earlier decision: each call is decided anew, with the roles
that its caller has then. Without names every open grant has ended; with names those have that fit all of them, and the
others have been decided anew. Names may end with `*`. What runs already goes on, unless --cancel-running says
otherwise. --proofs makes tokens and certificates void that were issued to the principal until now. Needs the operators'
role (`authorize.admin_role`, usually grid_admin); the reason is kept in the audit log.")]
pub(super) struct Revoke {
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", required_unless_present = "list")]
    reason: Option<String>,
    /// Of this principal
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// Of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
    /// For this function
    #[arg(long, value_name = "NAME")]
    tool: Option<String>,
    /// In this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// What has happened
    #[arg(long, value_enum, value_name = "EVENT")]
    event: Option<Event>,
    /// A name of the event: sent twice, it has its effect once
    #[arg(long, value_name = "ID")]
    event_id: Option<String>,
    /// Cancels running calls that fit
    #[arg(long)]
    cancel_running: bool,
    /// Makes void what proves the principal and was issued until now; needs --principal and --tenant
    #[arg(long, requires = "principal", requires = "tenant")]
    proofs: bool,
    /// Lists those whose proofs are void
    #[arg(
        long,
        conflicts_with_all = [
            "reason", "principal", "tenant", "tool", "session", "event", "event_id", "cancel_running", "proofs", "restore"
        ]
    )]
    list: bool,
    /// Takes the revocation of this principal's proofs back; needs --tenant
    #[arg(
        long,
        value_name = "PRINCIPAL",
        requires = "tenant",
        conflicts_with_all = ["principal", "tool", "session", "event", "event_id", "cancel_running", "proofs"]
    )]
    restore: Option<String>,
}

/// What has happened.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Event {
    /// Somebody's roles are other ones now
    UserRoleChange,
    /// Policies are other ones now
    PolicyUpdate,
    /// Something happened that should not have
    SecurityIncident,
    /// A session outside of the host is over
    SessionTimeout,
}

impl Revoke {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        if self.list {
            return list(context);
        }
        if let Some(principal) = &self.restore {
            return self.give_back(principal, context);
        }
        let rights = self.rights();
        let done = context.wait(async {
            let admin: Admin = admin(context).await?;
            admin.revoke(rights).await.map_err(|error| failed(&error))
        })?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({
                "policy_epoch": done.policy_epoch,
                "ended_grants": done.ended_grants,
                "cancelled_calls": done.cancelled_calls,
                "repeated": done.repeated,
            }))?);
        }
        let again = if done.repeated { " (the event was known: nothing was done again)" } else { "" };
        let text = format!(
            "revoked: decisions from before epoch {} are void; grants ended: {}, calls cancelled: {}{again}",
            done.policy_epoch, done.ended_grants, done.cancelled_calls
        );
        Ok(context.output.text(&text)?)
    }

    fn rights(self) -> admin::Revoke {
        let cause = self.event.map(|event| match event {
            Event::UserRoleChange => admin::Cause::UserRoleChange,
            Event::PolicyUpdate => admin::Cause::PolicyUpdate,
            Event::SecurityIncident => admin::Cause::SecurityIncident,
            Event::SessionTimeout => admin::Cause::SessionTimeout,
        });
        admin::Revoke {
            reason: self.reason.unwrap_or_default(),
            cause,
            tenant: self.tenant.unwrap_or_default(),
            principal: self.principal.unwrap_or_default(),
            tool: self.tool.unwrap_or_default(),
            session: self.session.unwrap_or_default(),
            event_id: self.event_id.unwrap_or_default(),
            cancel_running: self.cancel_running,
            revoke_proofs: self.proofs,
        }
    }

    fn give_back(&self, principal: &str, context: &Context) -> Result<(), Failure> {
        let (tenant, reason) = (self.tenant.as_deref().unwrap_or_default(), self.reason.as_deref().unwrap_or_default());
        let restored = context.wait(async {
            admin(context).await?.restore(tenant, principal, reason).await.map_err(|error| failed(&error))
        })?;
        if context.output.is_json() {
            return Ok(context.output.json(&json!({ "restored": restored }))?);
        }
        if !restored {
            let message =
                format!("no proofs of `{principal}` of `{tenant}` are revoked; `grid revoke --list` says whose");
            return Err(Failure::new(Exit::Error, message));
        }
        Ok(context.output.text(&format!("restored: what proves `{principal}` of `{tenant}` is believed again"))?)
    }
}

fn list(context: &Context) -> Result<(), Failure> {
    let revocations =
        context.wait(async { admin(context).await?.revocations().await.map_err(|error| failed(&error)) })?;
    if context.output.is_json() {
        let revocations: Vec<_> = revocations
            .iter()
            .map(|row| {
                json!({
                    "tenant": row.tenant,
                    "principal": row.principal,
                    "issued_until_ms": row.issued_until_ms,
                    "reason": row.reason,
                })
            })
            .collect();
        return Ok(context.output.json(&json!({ "revocations": revocations }))?);
    }
    let rows: Vec<_> = revocations
        .iter()
        .map(|row| vec![row.tenant.clone(), row.principal.clone(), stamp(row.issued_until_ms), row.reason.clone()])
        .collect();
    Ok(context.output.rows("revocations", &["tenant", "principal", "issued until", "reason"], &rows)?)
}
