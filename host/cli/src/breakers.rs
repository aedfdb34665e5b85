//! `grid breakers`: who gets no calls for a while, and closing a breaker by hand.

use clap::{Args, Subcommand, ValueEnum};
use grid_sdk::admin::Breaker;
use serde_json::{Value, json};

use super::{
    Context, Failure,
    remote::{admin, failed},
};

/// Lists the breakers that are not closed, or closes one, for operators
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  grid breakers --token-file operator.token
  grid breakers --all --json | jq '.[] | select(.failures > 0)'
  grid breakers reset runtime calc/2

A breaker stands before every runtime, provider and tool that had calls. One that is open lets no call pass until its
time is over, one that is half open a few, one that recovers a share; `breaker.*` says how many. Needs the operators'
role (`authorize.admin_role`, usually grid_admin)."
)]
pub(super) struct Breakers {
    /// Those that are closed, too
    #[arg(long)]
    all: bool,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Closes one by hand: every call passes at once
    Reset {
        /// What it stands before
        scope: Scope,
        /// The runtime's id, or the name of the provider or the tool
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Scope {
    Runtime,
    Provider,
    Tool,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Runtime => "runtime",
            Self::Provider => "provider",
            Self::Tool => "tool",
        }
    }
}

impl Breakers {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.what {
            Some(What::Reset { scope, name }) => reset(context, scope, &name),
            None => list(context, self.all),
        }
    }
}

fn list(context: &Context, all: bool) -> Result<(), Failure> {
    let breakers = context.wait(async { admin(context).await?.breakers(all).await.map_err(|error| failed(&error)) })?;
    let output = &context.output;
    if output.is_json() {
        return Ok(output.json(&Value::from(breakers.iter().map(as_json).collect::<Vec<_>>()))?);
    }
    if breakers.is_empty() {
        return Ok(output.text(if all { "no breaker has seen a call" } else { "every breaker is closed" })?);
    }
    let rows: Vec<_> = breakers
        .iter()
        .map(|row| {
            let state = match row.state.as_str() {
                "open" => format!("open for {} ms", row.retry_after_ms),
                "recovering" => format!("recovering, {} %", row.admitted_percent),
                other => other.replace('_', " "),
            };
            vec![
                row.scope.clone(),
                row.name.clone(),
                state,
                format!("{} of {}", row.failures, row.calls),
                row.slow.to_string(),
                if row.last_code.is_empty() { "-".to_owned() } else { row.last_code.clone() },
                row.opened.to_string(),
                row.rejected.to_string(),
            ]
        })
        .collect();
    let head = ["scope", "name", "state", "failed", "slow", "last failure", "opened", "kept away"];
    Ok(output.rows("breakers", &head, &rows)?)
}

fn reset(context: &Context, scope: Scope, name: &str) -> Result<(), Failure> {
    let scope = scope.as_str();
    let changed = context
        .wait(async { admin(context).await?.reset_breaker(scope, name).await.map_err(|error| failed(&error)) })?;
    if context.output.is_json() {
        return Ok(context.output.json(&json!({ "scope": scope, "name": name, "changed": changed }))?);
    }
    let said = if changed { "is closed" } else { "was closed already, or there is none" };
    Ok(context.output.text(&format!("the breaker of the {scope} `{name}` {said}"))?)
}

fn as_json(row: &Breaker) -> Value {
    json!({
        "scope": row.scope, "name": row.name, "state": row.state, "calls": row.calls, "failures": row.failures,
        "slow": row.slow, "retry_after_ms": row.retry_after_ms, "last_code": row.last_code, "opened": row.opened,
        "rejected": row.rejected, "admitted_percent": row.admitted_percent,
    })
}
