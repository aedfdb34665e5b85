//! `grid tools`, `grid runtimes`, `grid sessions`: what there is, for a caller and for operators.

use clap::Args;
use serde_json::json;

use super::{
    Context, Failure,
    remote::{admin, client, failed, session},
    time::stamp,
};

/// Lists the tools that the caller may call
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid tools --token-file agent.token
  grid tools --json | jq -r '.tools[] | select(.available) | .name'

The list shows what you may call; where the host shows denied tools too, it says so.")]
pub(super) struct Tools {
    /// Lists in a session that is open already, such as one that a runtime registered tools in
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

/// Lists the attached runtimes, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid runtimes --token-file operator.token
  grid runtimes --json | jq '.runtimes[] | select(.draining)'

Needs the operators' role (`authorize.admin_role`, usually grid_admin).")]
pub(super) struct Runtimes {
    /// Only those that serve this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

/// Lists the open sessions, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid sessions --token-file operator.token
  grid sessions --json | jq '.sessions | length'

Needs the operators' role (`authorize.admin_role`, usually grid_admin).")]
pub(super) struct Sessions {
    /// Only those of this tenant
    #[arg(long, value_name = "NAME")]
    tenant: Option<String>,
}

impl Tools {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tools = context.wait(async {
            let client = client(context).await?;
            let (session, own) = match self.session {
                Some(id) => (client.session(id), false),
                None => (session(&client).await?, true),
            };
            let tools = session.list_tools().await.map_err(|error| failed(&error));
            if own {
                session.close(false).await.map_err(|error| failed(&error))?;
            }
            tools
        })?;
        if context.output.is_json() {
            let tools: Vec<_> = tools
                .iter()
                .map(|tool| {
                    json!({
                        "name": tool.name,
                        "description": tool.description,
                        "parameters": serde_json::from_str::<serde_json::Value>(&tool.parameters).unwrap_or_default(),
                        "contract": tool.contract,
                        "version": tool.version,
                        "effect": tool.effect,
                        "timeout_ms": u64::try_from(tool.timeout.as_millis()).unwrap_or(u64::MAX),
                        "tags": tool.tags,
                        "digest": tool.digest,
                        "dynamic": tool.dynamic,
                        "available": tool.available,
                        "denied": tool.denied,
                        "needs_approval": tool.needs_approval,
                    })
                })
                .collect();
            return Ok(context.output.json(&json!({ "tools": tools }))?);
        }
        let row = |tool: &grid_sdk::Listing| {
            let state = match (tool.denied, tool.available, tool.needs_approval) {
                (true, _, _) => "denied",
                (false, false, _) => "no runtime",
                (false, true, true) => "needs approval",
                (false, true, false) => "ready",
            };
            let mut first = tool.description.lines().next().unwrap_or_default().to_owned();
            if tool.dynamic {
                first.push_str(" (registered)");
            }
            vec![tool.name.clone(), tool.effect.clone(), state.to_owned(), first]
        };
        let rows: Vec<_> = tools.iter().map(row).collect();
        Ok(context.output.rows("tools", &["tool", "effect", "state", "what it does"], &rows)?)
    }
}

impl Runtimes {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tenant = self.tenant.unwrap_or_default();
        let runtimes =
            context.wait(async { admin(context).await?.runtimes_of(&tenant).await.map_err(|error| failed(&error)) })?;
        if context.output.is_json() {
            let runtimes: Vec<_> = runtimes
                .iter()
                .map(|runtime| {
                    json!({
                        "runtime": runtime.runtime_id,
                        "provider": runtime.provider,
                        "tenant": runtime.tenant,
                        "language": runtime.language,
                        "version": runtime.version,
                        "connection": runtime.connection_id,
                        "tools": runtime.tools,
                        "in_flight": runtime.in_flight,
                        "draining": runtime.draining,
                        "attached_at_ms": runtime.attached_at_ms,
                        "last_heard_ms_ago": runtime.last_heard_ms_ago,
                        "calls": runtime.calls,
                        "failures": runtime.failures,
                        "slots": (runtime.slots > 0).then_some(runtime.slots),
                        "load_percent": runtime.load_percent,
                    })
                })
                .collect();
            return Ok(context.output.json(&json!({ "runtimes": runtimes }))?);
        }
        let rows: Vec<_> = runtimes
            .iter()
            .map(|runtime| {
                let state = if runtime.draining { "draining" } else { "attached" };
                vec![
                    runtime.runtime_id.clone(),
                    runtime.tenant.clone(),
                    runtime.language.clone(),
                    state.to_owned(),
                    match runtime.slots {
                        0 => runtime.in_flight.to_string(),
                        slots => format!("{} of {slots}", runtime.in_flight),
                    },
                    format!("{} %", runtime.load_percent),
                    format!("{} ({} failed)", runtime.calls, runtime.failures),
                    format!("{} ms ago", runtime.last_heard_ms_ago),
                    runtime.tools.join(", "),
                ]
            })
            .collect();
        let heads = ["runtime", "tenant", "language", "state", "in flight", "load", "calls", "heard", "tools"];
        Ok(context.output.rows("runtimes", &heads, &rows)?)
    }
}

impl Sessions {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tenant = self.tenant.unwrap_or_default();
        let sessions =
            context.wait(async { admin(context).await?.sessions_of(&tenant).await.map_err(|error| failed(&error)) })?;
        if context.output.is_json() {
            let sessions: Vec<_> = sessions
                .iter()
                .map(|session| {
                    json!({
                        "session": session.session_id,
                        "label": session.label,
                        "tenant": session.tenant,
                        "principal": session.principal,
                        "created_at_ms": session.created_at_ms,
                        "expires_at_ms": session.expires_at_ms,
                        "in_flight": session.in_flight,
                        "dynamic_tools": session.dynamic_tools,
                    })
                })
                .collect();
            return Ok(context.output.json(&json!({ "sessions": sessions }))?);
        }
        let rows: Vec<_> = sessions
            .iter()
            .map(|session| {
                vec![
                    session.session_id.clone(),
                    session.tenant.clone(),
                    session.principal.clone(),
                    stamp(session.expires_at_ms),
                    session.in_flight.to_string(),
                    session.dynamic_tools.to_string(),
                    session.label.clone(),
                ]
            })
            .collect();
        let heads = ["session", "tenant", "principal", "ends", "in flight", "registered", "label"];
        Ok(context.output.rows("sessions", &heads, &rows)?)
    }
}
