//! `grid call`: one call of one tool, in a session of its own or in one that is open.

mod streamed;

use std::{fs, io::Read as _, path::PathBuf, time::Duration};

use clap::Args;
use grid_sdk::{CallOptions, Error, Outcome, Receipt, Session, Tried};
use serde_json::{Value, json};

use super::{
    Context, Exit, Failure,
    remote::{client, failed, session},
};
use grid_config::parse_time;

/// Calls a tool and prints its answer
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  grid call calculate_sum '{\"numbers\": [1, 2, 3]}'
  grid call describe_text @arguments.json --deadline 500ms
  echo '{\"text\": \"hello\"}' | grid call describe_text - --json
  grid call calculate_sum '{\"numbers\": [1]}' --receipt sum.receipt.json
  grid call export_orders --stream > orders.json

Ends with 0 if the tool answered, 6 if the host denied the call, and 1 for every other failure.
With --json the answer has its ids, and which runtimes had the call; `grid audit show INVOCATION` tells the rest.")]
pub(super) struct Call {
    /// The tool
    #[arg(value_name = "NAME")]
    name: String,
    /// Its arguments, a JSON object; `@FILE` reads a file, `-` standard input
    #[arg(value_name = "JSON", default_value = "{}")]
    args: String,
    /// Calls in a session that is open already
    #[arg(long, value_name = "ID")]
    session: Option<String>,
    /// The caller's own name for the call; a repeat with it in the same session gets the same answer
    #[arg(long, value_name = "ID")]
    call_id: Option<String>,
    /// How long the call may take; can only shorten what its contract allows
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text)
        .ok_or("a time has its unit, such as `500ms` or `2s`"))]
    deadline: Option<Duration>,
    /// How long a person may take to approve the call, beside its own time; five minutes are always waited for
    #[arg(long, value_name = "TIME", value_parser = |text: &str| parse_time(text)
        .ok_or("a time has its unit, such as `10m`"))]
    approval: Option<Duration>,
    /// Joins the call with a wider workflow
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// Asks for the receipt of the audit log and writes it into a file; also where the call is refused or fails
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Writes the result as it comes, in pieces; progress goes to standard error
    #[arg(long)]
    stream: bool,
    /// The provider that shall have the call; takes the role `providers.select_role`, usually grid_selector
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
}

impl Call {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let args = self.arguments()?;
        if self.stream {
            return self.stream(context, args);
        }
        let ended = context.wait(async {
            let client = client(context).await?;
            let (session, own) = match &self.session {
                Some(id) => (client.session(id.as_str()), false),
                None => (session(&client).await?, true),
            };
            let ended = self.call(&session, args).await;
            if own {
                // The call's own answer counts; a session that stays open runs out.
                drop(session.close(true).await);
            }
            match &ended {
                Ok(Outcome::Succeeded(answer)) => self.keep(answer.receipt.as_deref())?,
                Ok(Outcome::Failed(failure)) => self.keep(failure.receipt.as_deref())?,
                Err(Error::Refused(refusal)) => self.keep(refusal.receipt.as_deref())?,
                Err(_) => {}
            }
            ended.map_err(|error| match &error {
                Error::Refused(refusal) if !refusal.attempts.is_empty() => {
                    failed(&error).with("attempts", attempts(&refusal.attempts))
                }
                _ => failed(&error),
            })
        })?;
        match ended {
            Outcome::Succeeded(answer) if context.output.is_json() => Ok(context.output.json(&json!({
                "content": serde_json::from_str::<Value>(&answer.content).unwrap_or_default(),
                "call_id": answer.call_id,
                "invocation_id": answer.invocation_id,
                "correlation_id": answer.correlation_id,
                "repeated": answer.repeated,
                "attempts": attempts(&answer.attempts),
            }))?),
            Outcome::Succeeded(answer) => Ok(context.output.text(&answer.content)?),
            Outcome::Failed(failure) => {
                let correlation = failure.correlation_id.clone();
                let text = format!("the tool failed: {failure}");
                let refused = Failure::new(Exit::Error, text).coded(failure.code.to_string());
                Err(refused.correlated(Some(&correlation)).with("attempts", attempts(&failure.attempts)))
            }
        }
    }

    /// As [`Self::run`], with the result in pieces.
    fn stream(&self, context: &Context, args: String) -> Result<(), Failure> {
        if context.output.is_json() {
            let message = "a streamed result is written as it is; leave `--json` or `--stream` out";
            return Err(Failure::new(Exit::Usage, message.to_owned()));
        }
        let receipt = context.wait(async {
            let client = client(context).await?;
            let (session, own) = match &self.session {
                Some(id) => (client.session(id.as_str()), false),
                None => (session(&client).await?, true),
            };
            let ended = streamed::stream(context, &session, &self.name, args, self.options()).await;
            if own {
                drop(session.close(true).await);
            }
            ended
        })?;
        self.keep(receipt.as_deref())
    }

    fn options(&self) -> CallOptions {
        CallOptions {
            call_id: self.call_id.clone(),
            deadline: self.deadline,
            correlation_id: self.correlation_id.clone(),
            retries: None,
            receipt: self.receipt.is_some(),
            approval: self.approval,
            provider: self.provider.clone(),
        }
    }

    async fn call(&self, session: &Session, args: String) -> Result<Outcome, Error> {
        session.call_raw(&self.name, args, self.options()).await
    }

    /// Writes the receipt down, where one was asked for.
    fn keep(&self, receipt: Option<&Receipt>) -> Result<(), Failure> {
        let Some(path) = &self.receipt else {
            return Ok(());
        };
        let Some(receipt) = receipt else {
            let message = "the answer has no receipt: the record is not durable, or the host gives none";
            return Err(Failure::new(Exit::Error, message.to_owned()));
        };
        let text = serde_json::to_string_pretty(receipt).unwrap_or_default();
        fs::write(path, text + "\n").map_err(|error| {
            Failure::new(Exit::Error, format!("cannot write the receipt to `{}`: {error}", path.display()))
        })
    }

    fn arguments(&self) -> Result<String, Failure> {
        let unreadable = |what: &str, error: std::io::Error| {
            Failure::new(Exit::Error, format!("cannot read the arguments from {what}: {error}"))
        };
        if self.args == "-" {
            let mut text = String::new();
            let read = std::io::stdin().lock().read_to_string(&mut text);
            return read.map(|_| text).map_err(|error| unreadable("standard input", error));
        }
        match self.args.strip_prefix('@') {
            Some(path) => fs::read_to_string(path).map_err(|error| unreadable(&format!("`{path}`"), error)),
            None => Ok(self.args.clone()),
        }
    }
}

/// The runtimes that had the call; those that the host does not name have no `runtime`.
fn attempts(tried: &[Tried]) -> Value {
    let one = |tried: &Tried| {
        let runtime = Some(&tried.runtime).filter(|runtime| !runtime.is_empty());
        json!({"provider": tried.provider, "runtime": runtime, "ended": tried.ended})
    };
    Value::Array(tried.iter().map(one).collect())
}
