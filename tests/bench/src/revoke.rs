//! Revocation over the wire: calls go on all the time, an operator has a principal's proofs and decisions made void, and
//! what is measured is the time from when the request was sent to its answer, and to the first refusal that a caller sees.
//! A call that was sent after the answer had come may not succeed; it ends the run.

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use grid_proto::v1::{self, admin_service_client::AdminServiceClient};
use serde::Serialize;
use tokio::{task::JoinSet, time::sleep};
use tonic::{Request, metadata::MetadataMap, transport::Channel};

use crate::{
    Fallible,
    clock::now,
    host::{self, MANIFEST},
    load::{Caller, Tried, bearer, connect},
    process::Process,
    sample::{median, quantile},
};

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The `grid` program
    #[arg(long)]
    grid: PathBuf,
    /// Where revoke.json goes, and the data of the run
    #[arg(long, default_value = "target/bench")]
    out: PathBuf,
    /// How often somebody is revoked
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// Calls in flight
    #[arg(long, default_value_t = 16)]
    in_flight: usize,
}

/// Milliseconds from when the request was sent.
#[derive(Debug, Clone, Copy, Serialize)]
struct Round {
    /// To its answer.
    answered_ms: f64,
    /// To the first refusal that a caller had.
    refused_ms: f64,
    /// To the last result of a call that was sent before the answer.
    last_result_ms: f64,
    /// Results of calls that were sent after the answer.
    permits_after: usize,
    /// Calls that were refused.
    refusals: usize,
}

#[derive(Debug, Serialize)]
struct Summary {
    in_flight: usize,
    answered_ms: f64,
    answered_p99_ms: f64,
    refused_ms: f64,
    permits_after: usize,
    rounds: Vec<Round>,
}

pub(crate) async fn run(options: Options) -> Fallible<()> {
    let folder = options.out.join("data").join("revoke");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let host = host::start(&options.grid, &folder, true, MANIFEST, "limits.adaptive = false\n")?;
    let token = host.runtime_token.to_string_lossy().into_owned();
    let mut runtime = Process::own("the runtime", ["runtime", "--address", &host.address, "--token", &token])?;
    runtime.line()?;
    let mut metadata = MetadataMap::new();
    bearer(Some(&host.operator_token), &mut metadata)?;
    let admin = AdminServiceClient::new(connect(&host.admin, None).await?);
    let mut rounds = Vec::new();
    for _ in 0..options.rounds.max(1) {
        rounds.push(round(&host, options.in_flight, admin.clone(), &metadata).await?);
    }
    let middle = |of: fn(&Round) -> f64| median(rounds.iter().map(of));
    let mut answered: Vec<u64> = rounds.iter().map(|round| micros(round.answered_ms)).collect();
    answered.sort_unstable();
    let summary = Summary {
        in_flight: options.in_flight,
        answered_ms: middle(|round| round.answered_ms),
        answered_p99_ms: quantile(&answered, 0.99) / 1e3,
        refused_ms: middle(|round| round.refused_ms),
        permits_after: rounds.iter().map(|round| round.permits_after).sum(),
        rounds,
    };
    println!(
        "revoked {} times under {} calls in flight: answered after {:.2} ms (median; p99 {:.2}), first refusal after {:.2} ms, \
         permits after the answer: {}",
        summary.rounds.len(),
        summary.in_flight,
        summary.answered_ms,
        summary.answered_p99_ms,
        summary.refused_ms,
        summary.permits_after
    );
    fs::write(options.out.join("revoke.json"), serde_json::to_string_pretty(&summary)? + "\n")?;
    drop(runtime);
    drop(host);
    fs::remove_dir_all(&folder)?;
    if summary.permits_after > 0 {
        return Err("calls that were sent after a revocation had returned were permitted".into());
    }
    Ok(())
}

async fn round(
    host: &host::Host,
    in_flight: usize,
    mut admin: AdminServiceClient<Channel>,
    metadata: &MetadataMap,
) -> Fallible<Round> {
    let caller = Caller::at(&host.address, Some(&host.caller_token), None).await?;
    let (over, mut calls) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
    for task in 0..in_flight {
        let (caller, over) = (caller.clone(), Arc::clone(&over));
        calls.spawn(async move {
            let (mut ended, mut number) = (Vec::new(), 0_u64);
            while !over.load(Ordering::Acquire) {
                number += 1;
                let sent = now();
                // Each call has a name of its own: a repeat of an earlier one would be no new permit.
                let tried = caller.tried(number * 1_000 + task as u64).await;
                ended.push((sent, now(), tried));
            }
            ended
        });
    }
    sleep(Duration::from_millis(100)).await;
    let revoke = v1::InvalidateAuthorizationsRequest {
        tenant: "bench".to_owned(),
        principal: "bench-caller".to_owned(),
        reason: "measured".to_owned(),
        revoke_proofs: true,
        ..v1::InvalidateAuthorizationsRequest::default()
    };
    let mut request = Request::new(revoke);
    *request.metadata_mut() = metadata.clone();
    let sent = now();
    let answer = admin.invalidate_authorizations(request).await?.into_inner();
    let answered = now();
    if let Some(error) = answer.error {
        return Err(format!("not revoked: {} {}", error.r#type, error.message).into());
    }
    sleep(Duration::from_millis(50)).await;
    over.store(true, Ordering::Release);
    let ended = calls.join_all().await.into_iter().flatten().collect::<Vec<_>>();
    let restore = v1::RestoreRequest {
        tenant: "bench".to_owned(),
        principal: "bench-caller".to_owned(),
        reason: "measured".to_owned(),
    };
    let mut request = Request::new(restore);
    *request.metadata_mut() = metadata.clone();
    admin.restore(request).await?;
    measured(&ended, sent, answered)
}

fn measured(ended: &[(Instant, Instant, Tried)], sent: Instant, answered: Instant) -> Fallible<Round> {
    let since = |at: Instant| at.saturating_duration_since(sent).as_secs_f64() * 1e3;
    let good = || ended.iter().filter(|(_, _, tried)| *tried == Tried::Good);
    let refused = ended.iter().filter(|(_, over, tried)| *tried != Tried::Good && *over >= sent);
    let first = refused.clone().map(|(_, over, _)| *over).min().ok_or("nobody was refused")?;
    Ok(Round {
        answered_ms: since(answered),
        refused_ms: since(first),
        last_result_ms: good().map(|(_, over, _)| since(*over)).fold(0.0, f64::max),
        permits_after: good().filter(|(begun, _, _)| *begun >= answered).count(),
        refusals: refused.count(),
    })
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "some milliseconds")]
fn micros(ms: f64) -> u64 {
    (ms * 1e3) as u64
}
