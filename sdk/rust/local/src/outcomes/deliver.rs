//! Tells the host of outcomes, oldest first, in batches. What it logged or rejected is settled; everything else comes
//! again, with growing pauses, for as long as it takes. The host knows a repeat by its grant.

use std::time::Duration;

use grid_sdk::{Client, Code, Error, Report};
use tokio::sync::oneshot;

use super::writer::Command;
use super::{Settled, Shared};
use crate::clock;

/// Bytes on the disk of one batch, unless a single outcome has more.
const BATCH_BYTES: u64 = 4 << 20;
/// Nothing in the log is looked for again after this, whatever was heard of it.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// So many failed tries in a row are worth an alarm.
const ALARM: u32 = 100;

pub(super) async fn run(shared: &Shared, client: &Client) {
    let mut failures = 0;
    loop {
        let Some(batch) = take(shared).await else { return };
        if batch.is_empty() {
            let _ = tokio::time::timeout(LOOK_AGAIN, shared.gauge.arrived.notified()).await;
            continue;
        }
        let (seqs, reports): (Vec<u64>, Vec<Report>) = batch.into_iter().unzip();
        let answers = tell(client, &reports).await;
        let mut again = None;
        let mut settled = Vec::with_capacity(seqs.len());
        for (seq, answer) in seqs.into_iter().zip(answers) {
            match verdict(answer) {
                Ok(verdict) => settled.push((seq, verdict)),
                Err(error) => again = Some(error),
            }
        }
        note_rejected(shared, &settled);
        let Some(noted) = settle(shared, settled).await else { return };
        let Some(error) = again else {
            if !noted {
                tokio::time::sleep(clock::jittered(shared.backoff.longest)).await;
                continue;
            }
            failures = 0;
            shared.gauge.status.send_if_modified(|status| std::mem::take(&mut status.failures) > 0);
            continue;
        };
        failures += 1;
        note_failure(shared, &error, failures);
        tokio::time::sleep(pause(shared, &error, failures)).await;
    }
}

/// One too large to be sent would hold up all others, so a batch that cannot be sent goes one by one.
async fn tell(client: &Client, reports: &[Report]) -> Vec<Result<(), Error>> {
    let answers = client.log_results(reports).await;
    let unsendable = |answer: &Result<(), Error>| matches!(answer, Err(Error::Transport(fault)) if !fault.transient);
    if !answers.iter().any(unsendable) {
        return answers;
    }
    let mut single = Vec::with_capacity(answers.len());
    for (report, answer) in reports.iter().zip(answers) {
        single.push(if unsendable(&answer) { client.log_result(report).await } else { answer });
    }
    single
}

/// What an answer means; an error where the outcome has to be told again.
fn verdict(answer: Result<(), Error>) -> Result<Settled, Error> {
    let rejected =
        |code: &Code, message: &str| Settled::Rejected { code: code.as_str().to_owned(), message: message.to_owned() };
    match answer {
        Ok(()) => Ok(Settled::Logged),
        // The reporter was refused, not the report.
        Err(error) if *error.code() == Code::INVALID_CREDENTIALS => Err(error),
        Err(Error::Refused(refusal)) if !refusal.retry_allowed => Ok(rejected(&refusal.code, &refusal.message)),
        Err(Error::Transport(fault)) if fault.code == Code::MESSAGE_TOO_LARGE => {
            Ok(rejected(&fault.code, &fault.message))
        }
        Err(error) => Err(error),
    }
}

fn note_rejected(shared: &Shared, settled: &[(u64, Settled)]) {
    for (_, verdict) in settled {
        let Settled::Rejected { code, message } = verdict else { continue };
        tracing::error!(code, message, "the host did not take an outcome; it is kept aside");
        shared.gauge.status.send_modify(|status| {
            status.rejected += 1;
            status.problem = format!("{code}: {message}");
        });
    }
}

fn note_failure(shared: &Shared, error: &Error, failures: u32) {
    shared.gauge.status.send_modify(|status| {
        status.failures = failures;
        status.problem = error.to_string();
    });
    if failures.is_multiple_of(ALARM) {
        tracing::error!(%error, failures, "outcomes do not reach the host; their calls will be recorded as unreported");
    } else {
        tracing::warn!(%error, failures, "outcomes do not reach the host; they are told again");
    }
}

fn pause(shared: &Shared, error: &Error, failures: u32) -> Duration {
    let doubled = shared.backoff.first.saturating_mul(2_u32.saturating_pow(failures.saturating_sub(1).min(20)));
    let asked = match error {
        Error::Refused(refusal) => refusal.retry_after.unwrap_or_default(),
        _ => Duration::ZERO,
    };
    clock::jittered(doubled.min(shared.backoff.longest)).max(asked)
}

async fn take(shared: &Shared) -> Option<Vec<(u64, Report)>> {
    let (reply, batch) = oneshot::channel();
    let command = Command::Take { most: shared.batch, bytes: BATCH_BYTES, reply };
    shared.commands.try_send(command).ok()?;
    batch.await.ok()
}

async fn settle(shared: &Shared, results: Vec<(u64, Settled)>) -> Option<bool> {
    let (done, settled) = oneshot::channel();
    shared.commands.try_send(Command::Settle { results, done }).ok()?;
    settled.await.ok()
}
