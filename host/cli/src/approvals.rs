//! `grid approvals`: the calls that wait for a person, and what that person says.

use std::{
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use clap::{Args, Subcommand};
use grid_sdk::{Approvals as Door, Verdict, WaitingCall};
use serde_json::{Value, json};

use super::{
    Context, Exit, Failure,
    remote::{approvals, failed},
    safe::safe,
    time::stamp,
};

/// How often a watched list is looked at again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Shows calls that wait for a person, and decides them
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  grid approvals list --token-file boss.token
  grid approvals approve a-0123456789abcdef0123456789abcdef --reason 'agreed by telephone'
  grid approvals deny a-0123456789abcdef0123456789abcdef

You see and decide the calls of others, in your own tenant, for which your roles are enough; of all others the host says
that they do not exist. A decision is final and is kept in the audit log, with your reason.")]
pub(super) enum Approvals {
    List(List),
    Approve(Approve),
    Deny(Deny),
}

/// Lists the calls that wait for you, oldest first
#[derive(Debug, Args)]
pub(super) struct List {
    /// Goes on, and shows the list again whenever it changes
    #[arg(long)]
    watch: bool,
}

/// Lets a call run that waits for you
#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    which: Which,
    /// Approves although the arguments cannot be shown
    #[arg(long)]
    unseen: bool,
    /// Does not ask back
    #[arg(long)]
    yes: bool,
}

/// Denies a call that waits for you
#[derive(Debug, Args)]
pub(super) struct Deny {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Args)]
struct Which {
    /// The approval, as listed
    #[arg(value_name = "ID")]
    id: String,
    /// Why, for the audit log; the caller does not hear it. Write no secrets into it
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

impl Approvals {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::List(command) => command.run(context),
            Self::Approve(command) => command.run(context),
            Self::Deny(command) => command.run(context),
        }
    }
}

impl List {
    fn run(self, context: &Context) -> Result<(), Failure> {
        context.wait(async {
            let door = approvals(context).await?;
            let mut shown: Option<Vec<String>> = None;
            loop {
                let calls = door.list().await.map_err(|error| failed(&error))?;
                let ids: Vec<String> = calls.iter().map(|call| call.approval_id.clone()).collect();
                if shown.as_ref() != Some(&ids) {
                    show(context, &calls)?;
                    shown = Some(ids);
                }
                if !self.watch {
                    return Ok(());
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        })
    }
}

impl Approve {
    fn run(self, context: &Context) -> Result<(), Failure> {
        context.wait(async {
            let door = approvals(context).await?;
            let call = found(&door, &self.which.id).await?;
            if call.args_unseen && !self.unseen {
                let why = "the arguments of this call cannot be shown; approve it with `--unseen`, or deny it";
                return Err(Failure::new(Exit::Error, why));
            }
            if !self.yes {
                asked_back(context, &call)?;
            }
            decide(context, &door, &call, Verdict::Approve, &self.which.reason).await
        })
    }
}

impl Deny {
    fn run(self, context: &Context) -> Result<(), Failure> {
        context.wait(async {
            let door = approvals(context).await?;
            let call = found(&door, &self.which.id).await?;
            decide(context, &door, &call, Verdict::Deny, &self.which.reason).await
        })
    }
}

async fn found(door: &Door, id: &str) -> Result<WaitingCall, Failure> {
    let calls = door.list().await.map_err(|error| failed(&error))?;
    let call = calls.into_iter().find(|call| call.approval_id == id);
    call.ok_or_else(|| {
        let shown = safe(id);
        let why = format!("no call that waits under `{shown}` is yours to decide; `grid approvals list` shows those");
        Failure::new(Exit::Denied, why)
    })
}

/// The digests that go with it are those of the call that was shown.
async fn decide(
    context: &Context,
    door: &Door,
    call: &WaitingCall,
    verdict: Verdict,
    reason: &str,
) -> Result<(), Failure> {
    door.decide(call, verdict, reason).await.map_err(|error| failed(&error))?;
    let word = if verdict == Verdict::Approve { "approved" } else { "denied" };
    if context.output.is_json() {
        return Ok(context.output.json(&json!({ "decided": word, "approval_id": call.approval_id }))?);
    }
    let (tool, principal) = (safe(&call.tool), safe(&call.principal));
    Ok(context.output.text(&format!("{word}: {} ({tool}, asked by {principal})", call.approval_id))?)
}

/// Shows what would be approved, and takes nothing but `yes` for a yes.
fn asked_back(context: &Context, call: &WaitingCall) -> Result<(), Failure> {
    let no = |why: &str| Err(Failure::new(Exit::Error, why));
    if context.output.is_json() || !std::io::stdin().is_terminal() {
        return no("nobody is there to be asked back; look at the call with `grid approvals list` and add `--yes`");
    }
    context.output.text(&lines(call).join("\n"))?;
    let mut err = std::io::stderr().lock();
    write!(err, "let it run? Type yes: ")?;
    err.flush()?;
    let mut answer = String::new();
    let read = std::io::stdin().read_line(&mut answer);
    read.map_err(|error| Failure::new(Exit::Error, format!("cannot read an answer: {error}")))?;
    if answer.trim() == "yes" { Ok(()) } else { no("not approved; the call still waits") }
}

fn show(context: &Context, calls: &[WaitingCall]) -> Result<(), Failure> {
    if context.output.is_json() {
        let calls: Vec<_> = calls.iter().map(as_json).collect();
        return Ok(context.output.json(&json!({ "approvals": calls }))?);
    }
    if calls.is_empty() {
        return Ok(context.output.text("nothing waits for you")?);
    }
    let each: Vec<_> = calls.iter().map(|call| lines(call).join("\n")).collect();
    Ok(context.output.text(&each.join("\n\n"))?)
}

/// One call for people. Whatever its caller chose is made fit for a terminal.
fn lines(call: &WaitingCall) -> Vec<String> {
    let runs = if call.local { "at the caller itself" } else { "at a runtime" };
    let mut lines = vec![
        call.approval_id.clone(),
        format!("  tool       {} ({runs})", safe(&call.tool)),
        format!("  asked by   {} of {}", safe(&call.principal), safe(&call.tenant)),
        format!("  waits for  {} ({})", safe(&call.role), safe(&call.rule)),
        format!("  because    {}", safe(&call.reason)),
        format!("  since      {}, denied in {}", stamp(call.requested_at_ms), left(call.time_left_ms)),
        format!("  contract   {}", safe(&call.contract_digest)),
        format!("  digest     {}", safe(&call.args_digest)),
    ];
    if call.args_unseen {
        let why = match call.args_bytes {
            0 => "the host never saw them".to_owned(),
            bytes => format!("{bytes} bytes, which is longer than the host keeps"),
        };
        lines.push(format!("  arguments  cannot be shown: {why}"));
    } else {
        lines.push("  arguments".to_owned());
        lines.extend(readable(&call.args).lines().map(|line| format!("    {line}")));
    }
    lines
}

/// JSON on several lines, and nothing in it that a terminal or an eye would take for something else.
fn readable(args: &str) -> String {
    let pretty = serde_json::from_str::<Value>(args).ok().and_then(|value| serde_json::to_string_pretty(&value).ok());
    let text = pretty.unwrap_or_else(|| args.to_owned());
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

fn left(ms: u64) -> String {
    match ms / 1000 {
        seconds @ 0..=119 => format!("{seconds} s"),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

fn as_json(call: &WaitingCall) -> Value {
    json!({
        "approval_id": call.approval_id,
        "tenant": call.tenant,
        "principal": call.principal,
        "tool": call.tool,
        "contract_digest": call.contract_digest,
        "args_digest": call.args_digest,
        "args": serde_json::from_str::<Value>(&call.args).ok().filter(|_| !call.args_unseen),
        "args_unseen": call.args_unseen,
        "args_bytes": call.args_bytes,
        "role": call.role,
        "rule": call.rule,
        "reason": call.reason,
        "policy_epoch": call.policy_epoch,
        "requested_at_ms": call.requested_at_ms,
        "expires_at_ms": call.expires_at_ms,
        "time_left_ms": call.time_left_ms,
        "session_id": call.session_id,
        "correlation_id": call.call_correlation_id,
        "local": call.local,
    })
}

#[cfg(test)]
mod tests {
    use super::{WaitingCall, left, lines};

    #[test]
    fn what_a_caller_chose_cannot_dress_up_as_something_else() {
        let call = WaitingCall {
            approval_id: "a-1".to_owned(),
            tool: "pay".to_owned(),
            principal: "alice".to_owned(),
            args: "{\"to\":\"bob\\u001b[2K\\rharmless\",\"note\":\"\u{202e}evil\u{200b}\"}".to_owned(),
            time_left_ms: 125_000,
            ..WaitingCall::default()
        };
        let text = lines(&call).join("\n");
        let plain = |c: char| c == '\n' || (!c.is_control() && !('\u{2000}'..='\u{206f}').contains(&c));
        assert!(text.chars().all(plain), "{text:?}");
        assert!(text.contains("\\u{202e}evil\\u{200b}"), "{text}");
        assert!(text.contains("denied in 2 min 5 s"), "{text}");
        assert_eq!(left(0), "0 s");
    }

    #[test]
    fn arguments_that_cannot_be_shown_are_said_to_be() {
        let unseen = WaitingCall { args_unseen: true, ..WaitingCall::default() };
        assert!(lines(&unseen).join("\n").contains("never saw them"));
        let long = WaitingCall { args_unseen: true, args_bytes: 99_999, ..WaitingCall::default() };
        assert!(lines(&long).join("\n").contains("99999 bytes"));
    }
}
