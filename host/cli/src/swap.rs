//! `grid swap`, `grid pause`, `grid drain`, `grid resume`: who serves, while calls go on.

use clap::Args;
use grid_sdk::admin::{Served, Serving, SwapProviderRequest, SwapProviderResponse};
use serde_json::json;

use super::{
    Context, Exit, Failure,
    providers::not_found,
    remote::{admin, failed},
};

/// Puts one provider of a function in the place of another while calls go on, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid swap cache_get redis --dry-run     is redis there and well, and whose place would it take
  grid swap cache_get redis               activate, health, hooks, flip, hooks; then the old one drains and cleans up
  grid swap cache_get redis --force       although it says that it is not well; a start that fails is still an error
  grid swap cache_get redis --json | jq '.steps[]'

No call fails for it: calls in flight end where they began. Until the hooks after the flip have passed the old provider
is there and can be bound again. To the one that serves already, it is made ready anew. Swaps of one function follow each
other. Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 committed, or a dry run that found it well; 1 error, 3 no such function or provider, 4 a dry run found it
unwell or away, 5 taken back: whoever served before serves on, 6 denied")]
pub(super) struct Swap {
    /// A function
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Whoever shall serve it
    #[arg(value_name = "PROVIDER")]
    provider: String,
    /// Takes a provider that says it is not well
    #[arg(long)]
    force: bool,
    /// Changes nothing: says whether the provider is there and well
    #[arg(long)]
    dry_run: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// What is paused, drained or resumed.
#[derive(Debug, Args)]
pub(super) struct Target {
    /// A function; or --provider
    #[arg(value_name = "TOOL", required_unless_present = "provider", conflicts_with = "provider")]
    tool: Option<String>,
    /// Everything that this provider serves
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Why, for the audit log and for `grid providers`
    #[arg(long, value_name = "TEXT", default_value = "")]
    note: String,
}

/// Has a function or a provider take no new calls, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid pause cache_get --note 'the cache is being moved'
  grid pause --provider redis

New calls are refused with SERVICE_UNAVAILABLE, reason PAUSED; those in flight go on. It holds over restarts, until
`grid resume`. Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 done, 1 error, 3 no such function or provider, 6 denied")]
pub(super) struct Pause {
    #[command(flatten)]
    target: Target,
}

/// Has a function or a provider take no new calls, and waits for those in flight, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid drain cache_get --wait 30s
  grid drain --provider redis --json | jq .in_flight

New calls are refused with SERVICE_UNAVAILABLE, reason DRAINING; those in flight are waited for as long as --wait says.
It holds over restarts, until `grid resume`. Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 done and nothing is in flight, 1 error, 3 no such function or provider, 4 calls are still in flight,
6 denied")]
pub(super) struct Drain {
    #[command(flatten)]
    target: Target,
    /// How long to wait for calls in flight, in seconds with an `s`, such as 30s
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = seconds)]
    wait: u64,
}

/// Has a function or a provider take calls again, for operators
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid resume cache_get
  grid resume --provider redis

Needs the operators' role (`authorize.admin_role`, usually grid_admin).

Exit codes: 0 done, 1 error, 3 no such function or provider, 6 denied")]
pub(super) struct Resume {
    #[command(flatten)]
    target: Target,
}

/// Milliseconds.
fn seconds(text: &str) -> Result<u64, String> {
    let number = text.strip_suffix('s').and_then(|number| number.parse::<u64>().ok());
    let millis = number.filter(|number| *number <= 3600).map(|number| number * 1000);
    millis.ok_or_else(|| "write seconds, such as `30s`, at most `3600s`".to_owned())
}

impl Swap {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let request = SwapProviderRequest {
            tool: self.tool.clone(),
            provider: self.provider.clone(),
            force: self.force,
            dry_run: self.dry_run,
            note: self.note,
            correlation_id: String::new(),
        };
        let done = context.wait(async {
            admin(context).await?.swap_provider(request).await.map_err(|error| not_found(failed(&error), &error))
        })?;
        if context.output.is_json() {
            context.output.json(&fields(&self.tool, &self.provider, &done))?;
        } else {
            context.output.text(&told(&self.tool, &self.provider, &done))?;
        }
        match (done.outcome.as_str(), done.failed_step.is_empty()) {
            ("committed", _) | ("planned", true) => Ok(()),
            ("planned", false) => Err(Failure::said(Exit::Untrue)),
            _ => Err(Failure::said(Exit::Drift)),
        }
    }
}

fn fields(tool: &str, provider: &str, done: &SwapProviderResponse) -> serde_json::Value {
    let steps: Vec<_> = done
        .steps
        .iter()
        .map(|step| json!({ "step": step.step, "took_ms": step.took_ms, "ok": step.ok, "detail": step.detail }))
        .collect();
    json!({
        "tool": tool,
        "provider": provider,
        "outcome": done.outcome,
        "before": done.before,
        "serving": done.serving,
        "degraded": done.degraded,
        "failed_step": done.failed_step,
        "reason": done.reason,
        "steps": steps,
        "p50_ms": done.p50_ms,
        "p95_ms": done.p95_ms,
        "p99_ms": done.p99_ms,
    })
}

fn told(tool: &str, provider: &str, done: &SwapProviderResponse) -> String {
    let before = if done.before.is_empty() { "nobody" } else { &done.before };
    let first = match (done.outcome.as_str(), done.failed_step.as_str()) {
        ("committed", _) if done.degraded => {
            format!("`{provider}` serves `{tool}` in the place of `{before}`, although it is not well")
        }
        ("committed", _) => format!("`{provider}` serves `{tool}` in the place of `{before}`"),
        ("planned", "") => {
            format!("`{provider}` is there and well, and would take the place of `{before}` at `{tool}`")
        }
        ("planned", step) => format!("`{provider}` would not be taken: {step}: {}", done.reason),
        (_, step) => format!("taken back, `{before}` serves `{tool}` on: {step}: {}", done.reason),
    };
    let line = |step: &grid_sdk::admin::SwapStep| {
        let (mark, detail) = (if step.ok { "ok" } else { "failed" }, &step.detail);
        format!("\n  {:<12} {mark:<6} {:>6} ms  {detail}", step.step, step.took_ms).trim_end().to_owned()
    };
    let steps: String = done.steps.iter().map(line).collect();
    let last = match done.outcome.as_str() {
        "committed" => {
            format!("\nof the last swaps: p50 {} ms, p95 {} ms, p99 {} ms", done.p50_ms, done.p95_ms, done.p99_ms)
        }
        _ => String::new(),
    };
    format!("{first}{steps}{last}")
}

impl Pause {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        self.target.set(context, Serving::Pause, 0).map(drop)
    }
}

impl Drain {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self.target.set(context, Serving::Drain, self.wait)? {
            0 => Ok(()),
            _ => Err(Failure::said(Exit::Untrue)),
        }
    }
}

impl Resume {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        self.target.set(context, Serving::Resume, 0).map(drop)
    }
}

impl Target {
    /// The calls that are still in flight.
    fn set(self, context: &Context, serving: Serving, wait_ms: u64) -> Result<u32, Failure> {
        let (name, what) = match (self.tool, self.provider) {
            (Some(tool), _) => (tool.clone(), Served::Tool(tool)),
            (None, provider) => {
                let provider = provider.unwrap_or_default();
                (provider.clone(), Served::Provider(provider))
            }
        };
        let done = context.wait(async {
            let admin = admin(context).await?;
            admin
                .set_serving(what, serving, &self.note, wait_ms)
                .await
                .map_err(|error| not_found(failed(&error), &error))
        })?;
        if context.output.is_json() {
            let fields = json!({ "name": name, "before": done.before, "now": done.now, "in_flight": done.in_flight });
            context.output.json(&fields)?;
        } else {
            let text = format!("`{name}`: {} (before: {}), {} calls in flight", done.now, done.before, done.in_flight);
            context.output.text(&text)?;
        }
        Ok(done.in_flight)
    }
}
