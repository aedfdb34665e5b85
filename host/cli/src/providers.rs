//! `grid providers`, `grid select`: who serves what in which order, and an operator's own choice. `grid explain CONTRACT`
//! prints the same rows for one call.

use clap::Args;
use grid_sdk::{
    Admin, Error,
    admin::{ExplainChoiceResponse, Provider, SelectProviderRequest},
};
use serde_json::{Value, json};

use super::{
    Context, Exit, Failure,
    remote::{admin, failed},
    time::stamp,
};

/// Lists who serves what, in the order in which they are chosen, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid providers                     every provider of every function
  grid providers cache_get           those of one, best first
  grid providers --json | jq '.providers[] | select(.view == \"ineligible\")'

`active` has the calls, `shadowed` could and another goes before it, `ineligible` cannot: the reason says why. What has
gone stays in the list with the time. It is the view of a call whose tenant and session choose nobody; `grid explain
cache_get --tenant acme` shows that of others. Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 listed, 1 error, 3 nobody serves this function or has, 6 denied")]
pub(super) struct Providers {
    /// A function; all of them where it is left out
    #[arg(value_name = "TOOL")]
    tool: Option<String>,
}

/// Chooses the provider of a function, or takes the choice back, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid select cache_get memcached                    for every call
  grid select cache_get redis --tenant acme          for the calls of one tenant
  grid select cache_get memory --session s-0f3c…     for those of one session, until it ends
  grid select cache_get redis --fallback             whoever comes next by rank where redis is not there
  grid select cache_get --clear                      ranks decide again
  grid select cache_get --clear --tenant acme        the same for one tenant

The narrowest selection holds: of the call, of its session, of its tenant, of the host. Where whoever is selected cannot
serve, the call is refused with SERVICE_UNAVAILABLE and its reason, unless --fallback was said. What an operator selects
goes before the file of providers, and outlives a restart. Needs the operators' role (`authorize.admin_role`, usually
grid_admin); the note is kept in the audit log.

Exit codes: 0 selected, 1 error, 2 wrong usage, 3 no such provider, function or session, 6 denied")]
pub(super) struct Select {
    /// A function
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Whoever shall have its calls
    #[arg(value_name = "PROVIDER", required_unless_present = "clear", conflicts_with = "clear")]
    provider: Option<String>,
    /// For the calls of this tenant
    #[arg(long, value_name = "NAME", conflicts_with = "session")]
    tenant: Option<String>,
    /// For the calls of this session
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// Lets the next rule decide where the provider cannot serve
    #[arg(long, conflicts_with = "clear")]
    fallback: bool,
    /// Takes the choice back
    #[arg(long)]
    clear: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

impl Providers {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let tool = self.tool.as_deref().unwrap_or_default();
        let (rows, more) =
            context.wait(async { admin(context).await?.providers(tool).await.map_err(|error| failed(&error)) })?;
        if rows.is_empty() && !tool.is_empty() {
            let message =
                format!("nobody serves `{tool}`, and nobody has; `grid tools` and `grid providers` list what there is");
            return Err(Failure::new(Exit::Invalid, message));
        }
        if context.output.is_json() {
            let providers: Vec<Value> = rows.iter().map(row).collect();
            return Ok(context.output.json(&json!({ "providers": providers, "more": more }))?);
        }
        print(context, &rows)?;
        if more {
            context.output.text("there are more than one answer holds; name a function")?;
        }
        Ok(())
    }
}

impl Select {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let request = SelectProviderRequest {
            tool: self.tool.clone(),
            provider: self.provider.unwrap_or_default(),
            tenant: self.tenant.unwrap_or_default(),
            session_id: self.session.unwrap_or_default(),
            fallback: self.fallback,
            note: self.note,
            correlation_id: String::new(),
        };
        let done = context.wait(async {
            admin(context).await?.select_provider(request).await.map_err(|error| not_found(failed(&error), &error))
        })?;
        if context.output.is_json() {
            let fields = json!({ "tool": self.tool, "before": done.before, "now": done.now });
            return Ok(context.output.json(&fields)?);
        }
        let name = |name: &str| if name.is_empty() { "nobody".to_owned() } else { format!("`{name}`") };
        let said = format!("selected for `{}`: {} (before: {})", self.tool, name(&done.now), name(&done.before));
        Ok(context.output.text(&said)?)
    }
}

/// What the command names is not there.
pub(super) fn not_found(failure: Failure, error: &Error) -> Failure {
    let Error::Refused(refusal) = error else { return failure };
    let absent = refusal.details.get("reason").is_some_and(|reason| reason == "PROVIDER_UNAVAILABLE");
    let code = error.code().to_string();
    match absent || code == "UNSUPPORTED_TOOL" || code == "INVALID_SESSION" {
        true => failure.ending(Exit::Invalid),
        false => failure,
    }
}

/// A choice, and whether there was anything to choose from.
pub(super) async fn choice(
    admin: &Admin,
    ask: grid_sdk::admin::ExplainChoiceRequest,
) -> Result<ExplainChoiceResponse, Failure> {
    admin.explain_choice(ask).await.map_err(|error| not_found(failed(&error), &error))
}

/// Prints a choice.
pub(super) fn tell(context: &Context, told: &ExplainChoiceResponse) -> Result<(), Failure> {
    if context.output.is_json() {
        let candidates: Vec<Value> = told.candidates.iter().map(row).collect();
        return Ok(context.output.json(&json!({
            "tool": told.tool,
            "chosen": Some(&told.chosen).filter(|chosen| !chosen.is_empty()),
            "decided_by": told.decided_by,
            "candidates": candidates,
        }))?);
    }
    let head = match told.chosen.as_str() {
        "" => format!("`{}`: {}", told.tool, told.decided_by),
        chosen => format!("`{}` goes to `{chosen}` by {}", told.tool, told.decided_by),
    };
    context.output.text(&head)?;
    print(context, &told.candidates)
}

fn print(context: &Context, rows: &[Provider]) -> Result<(), Failure> {
    let gone = |row: &Provider| match row.gone_at_ms {
        0 => row.runtimes.join(" "),
        at => format!("gone since {}", stamp(at)),
    };
    let why = |row: &Provider| match (row.reason.as_str(), row.note.as_str()) {
        (reason, "") => reason.to_owned(),
        ("", note) => note.to_owned(),
        (reason, note) => format!("{reason} ({note})"),
    };
    let cells = |row: &Provider| {
        vec![
            row.tool.clone(),
            row.provider.clone(),
            row.view.clone(),
            row.priority.to_string(),
            row.stack_level.to_string(),
            row.sequence.to_string(),
            row.serving.clone(),
            row.breaker.clone(),
            row.in_flight.to_string(),
            gone(row),
            why(row),
        ]
    };
    let rows: Vec<_> = rows.iter().map(cells).collect();
    let names =
        ["tool", "provider", "view", "priority", "stack", "seen", "state", "breaker", "in flight", "runtimes", "why"];
    Ok(context.output.rows("providers", &names, &rows)?)
}

fn row(row: &Provider) -> Value {
    json!({
        "tool": row.tool,
        "provider": row.provider,
        "view": row.view,
        "reason": row.reason,
        "priority": row.priority,
        "stack_level": row.stack_level,
        "sequence": row.sequence,
        "capabilities": row.capabilities,
        "source": row.source,
        "serving": row.serving,
        "breaker": row.breaker,
        "in_flight": row.in_flight,
        "runtimes": row.runtimes,
        "session": Some(&row.session_id).filter(|id| !id.is_empty()),
        "gone_at_ms": Some(row.gone_at_ms).filter(|at| *at > 0),
        "note": row.note,
    })
}
