//! A process that is killed between a tool's end and the host's answer: what it had put into the log is told by the
//! next one, once.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use grid_sdk::Report;
use grid_sdk_local::{OutcomeLog, OutcomeSettings};
use tempfile::TempDir;

use crate::host::{Host, SESSION};
use crate::outcomes::report;
use crate::scene::{connect, quick};

const DIRECTORY: &str = "GRID_TEST_OUTCOMES";
const REPORTS: &str = "GRID_TEST_REPORTS";
const ROUNDS: usize = 30;
const EACH: usize = 40;

/// Not a test by itself: the program that is killed. It puts outcomes into the log and says which it has put there.
#[tokio::test]
async fn victim() {
    let (Ok(directory), Ok(reports)) = (std::env::var(DIRECTORY), std::env::var(REPORTS)) else {
        return;
    };
    let log = OutcomeLog::open(OutcomeSettings::at(directory)).unwrap();
    for line in std::fs::read_to_string(reports).unwrap().lines() {
        let report = decoded(line);
        let invocation = report.invocation_id.clone();
        log.reserve().unwrap().record(report).await;
        println!("\nput {invocation}");
    }
    std::future::pending::<()>().await;
}

fn encoded(report: &Report) -> String {
    let grant = report.grant.to_vec();
    let args = report.args_digest.to_vec();
    serde_json::json!([report.invocation_id, report.correlation_id, report.call_id, grant, args]).to_string()
}

fn decoded(line: &str) -> Report {
    let (invocation_id, correlation_id, call_id, grant, args): (String, String, String, Vec<u8>, Vec<u8>) =
        serde_json::from_str(line).unwrap();
    Report {
        session_id: SESSION.into(),
        invocation_id,
        correlation_id,
        call_id,
        name: "add".into(),
        answer: Ok("3".into()),
        took: Duration::from_millis(1),
        ended_at_ms: crate::host::now_ms(),
        grant: grant.try_into().unwrap(),
        args_digest: args.try_into().unwrap(),
        metadata: Default::default(),
    }
}

/// Runs the victim until it has said so often that it put something, kills it, and gives what it said.
fn killed(directory: &Path, reports: &[Report], after: usize) -> BTreeSet<String> {
    let list = directory.join("reports");
    std::fs::write(&list, reports.iter().map(encoded).collect::<Vec<_>>().join("\n")).unwrap();
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["kills::victim", "--exact", "--nocapture"])
        .env(DIRECTORY, directory.join("outcomes"))
        .env(REPORTS, &list)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut lines = lines.filter_map(|line| line.strip_prefix("put ").map(str::to_owned));
    let mut said: BTreeSet<String> = lines.by_ref().take(after).collect();
    victim.kill().unwrap();
    victim.wait().unwrap();
    said.extend(lines);
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_in_the_log_when_the_process_was_killed_is_told_once() {
    let host = Host::start().await;
    let directory = TempDir::new().unwrap();
    let client = connect(&host).await;
    let mut said = BTreeSet::new();
    for round in 0..ROUNDS {
        let mut reports = Vec::new();
        for _ in 0..EACH {
            reports.push(report(&client, "3").await);
        }
        // Several lives one after the other, without a word to the host in between.
        said.extend(killed(directory.path(), &reports, 1 + round * 7 % EACH));
    }
    assert!(said.len() >= ROUNDS, "{}", said.len());
    let log = OutcomeLog::open(quick(&directory)).unwrap();
    let pending = log.status().borrow().pending;
    tokio::select! {
        () = log.deliver(&client) => panic!("a delivery does not end"),
        left = log.flushed(Duration::from_secs(20)) => assert_eq!(left, 0),
    }
    let state = host.state();
    let told: BTreeSet<String> = state.reported().iter().map(|report| report.invocation_id.clone()).collect();
    assert_eq!(said.difference(&told).count(), 0, "all that was acknowledged is told");
    assert_eq!((state.reports, state.rejected.len()), (pending, 0), "each once");
}
