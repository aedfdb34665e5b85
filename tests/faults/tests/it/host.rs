//! AUD-3 with the whole host: its log's writer gets EIO from the system. Nothing runs any more, nobody gets an answer
//! that is not on record, callers are told that it serves no longer, and the process ends by itself.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime},
};

use grid_proto::v1::{self, call_tool_response::Outcome, runtime_frame::Frame as Said};
use serde_json::Value;
use tokio::{runtime::Runtime, task::JoinSet};
use tonic::transport::Endpoint;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use crate::{
    common::{Caller, Host, Peer, answered, check_log, content, kind, refusal, soon, text, until},
    tools::{Strace, alone, thread_named},
};

const SUM: &str = r#"{"a": 2, "b": 40}"#;
/// From the failure on, until no runtime gets a call and callers see that nobody serves.
const STOPS: Duration = Duration::from_millis(100);
/// From the failure on, until the process has ended.
const ENDS: Duration = Duration::from_secs(5);
const IN_FLIGHT: usize = 8;
const BUSY: usize = 8;
/// Calls that ran before the log fails.
const ENOUGH: usize = 200;

fn run(test: impl Future<Output = ()>) {
    Runtime::new().unwrap().block_on(test);
}

#[test]
fn an_answer_whose_record_cannot_be_synced_is_withheld() {
    let _alone = alone();
    if !Strace::is_allowed() {
        return;
    }
    run(answers_are_withheld("fdatasync"));
}

#[test]
fn an_answer_whose_record_cannot_be_written_is_withheld() {
    let _alone = alone();
    if !Strace::is_allowed() {
        return;
    }
    run(answers_are_withheld("pwrite64"));
}

#[test]
fn a_host_at_work_stops_when_a_record_cannot_be_synced() {
    let _alone = alone();
    if !Strace::is_allowed() {
        return;
    }
    run(work_stops("fdatasync"));
}

#[test]
fn a_host_at_work_stops_when_a_record_cannot_be_written() {
    let _alone = alone();
    if !Strace::is_allowed() {
        return;
    }
    run(work_stops("pwrite64"));
}

/// Every call is admitted and runs; then the log fails at the first conclusion.
async fn answers_are_withheld(call: &str) {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    let mut waiting = JoinSet::new();
    let mut calls = Vec::new();
    for _ in 0..IN_FLIGHT {
        let caller = caller.clone();
        waiting.spawn(async move { caller.call("add", SUM).await });
        calls.push(peer.called().await);
    }
    let trace = host.folder().join("trace");
    let failing = fails(&host, &trace, call);
    for call in &calls {
        peer.say(Said::Result(answered(call))).await;
    }
    for answer in waiting.join_all().await {
        assert_eq!(refusal(&answer).r#type, "OUTCOME_UNAUDITED", "{answer:?}");
        assert!(calls.iter().any(|call| call.invocation_id == answer.invocation_id));
    }
    let status = host.ended().await;
    failing.end();
    let ended = since(failure(&trace));
    assert_eq!(status.code(), Some(1), "{}", host.said());
    assert!(host.said().contains("AUDIT_UNAVAILABLE") && host.said().contains("Input/output error"), "{}", host.said());
    assert!(ended < ENDS, "the host ended {ended:?} after {call} had failed");
    host.start().await;
    assert_eq!(check_log(&host.audit()), IN_FLIGHT);
}

/// Callers and runtimes are busy when the log fails.
async fn work_stops(call: &str) {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut health = watch(&host).await;
    assert_eq!(heard(&mut health).await, Some(ServingStatus::Serving));
    let mut held = Peer::serving(&host, "slow", &["hang"]).await;
    let mut tasks = JoinSet::new();
    let hanging = caller.clone();
    tasks.spawn(async move { vec![hanging.send(hanging.message("hangs", "hang", "{}")).await.ok()] });
    let hung = held.called().await.invocation_id;
    let ran = Arc::new(AtomicUsize::new(0));
    let journal = busy_runtime(&host, Arc::clone(&ran)).await;
    for worker in 0..BUSY {
        tasks.spawn(busy_caller(caller.clone(), worker));
    }
    until("they are at work", async || (ran.load(Ordering::Relaxed) >= ENOUGH).then_some(())).await;
    let trace = host.folder().join("trace");
    let failing = fails(&host, &trace, call);
    assert_eq!(heard(&mut health).await, Some(ServingStatus::NotServing));
    let not_serving = now();
    let status = host.ended().await;
    let ended = now();
    failing.end();
    let failed = failure(&trace);
    let answers: Vec<v1::CallToolResponse> = tasks.join_all().await.into_iter().flatten().flatten().collect();
    let executed = soon("the runtime sees the end", journal.join_all()).await.pop().unwrap();
    let last = executed.iter().map(|(_, at)| *at).max().unwrap();
    let after = |time: SystemTime| time.duration_since(failed).unwrap_or_default();
    println!(
        "{call}: {} calls ran; after the failure the last one began by {:?}, nobody served from {:?} on, ended {:?}",
        executed.len(),
        after(last),
        after(not_serving),
        after(ended)
    );
    assert!(after(last) <= STOPS && after(not_serving) <= STOPS && after(ended) <= ENDS);
    assert_eq!(status.code(), Some(1), "{}", host.said());
    let unheard = answers.iter().find(|answer| answer.invocation_id == hung).expect("a call that ran is answered");
    assert_eq!(refusal(unheard).r#type, "OUTCOME_UNAUDITED", "{unheard:?}");
    host.start().await;
    holds(&host.audit(), &answers, &executed.into_iter().map(|(invocation, _)| invocation).collect());
}

/// The log against what callers heard and runtimes did.
fn holds(log: &[Value], answers: &[v1::CallToolResponse], executed: &BTreeSet<String>) {
    check_log(log);
    let of = |wanted: &str| log.iter().filter(|record| kind(record) == wanted).collect::<Vec<_>>();
    let admitted: BTreeSet<&str> = of("admitted").into_iter().map(|record| text(record, "invocation")).collect();
    for invocation in executed {
        assert!(admitted.contains(invocation.as_str()), "{invocation} ran without an admission");
    }
    let ended: BTreeSet<&str> = of("concluded")
        .into_iter()
        .filter(|record| text(record, "outcome") == "success")
        .map(|record| text(record, "invocation"))
        .collect();
    let mut withheld = 0;
    for answer in answers {
        match &answer.outcome {
            Some(Outcome::Error(error)) => {
                withheld += 1;
                let code = error.r#type.as_str();
                let known = ["AUDIT_UNAVAILABLE", "OUTCOME_UNAUDITED", "SERVICE_UNAVAILABLE", "RUNTIME_CRASH"];
                assert!(known.contains(&code), "{answer:?}");
            }
            _ => {
                assert_eq!(content(answer), "42");
                assert!(ended.contains(answer.invocation_id.as_str()), "a success that is not on record: {answer:?}");
            }
        }
    }
    assert!(withheld > 0, "no call met the failure");
}

/// Every call of that name by the log's writer fails from here on.
fn fails(host: &Host, trace: &Path, call: &str) -> crate::tools::Beside {
    Strace::new(trace, call).with_times().inject_all(call, "error=EIO").beside(thread_named("audit", host.pid()))
}

/// When the first call failed.
fn failure(trace: &Path) -> SystemTime {
    let text = fs::read_to_string(trace).unwrap();
    let line = text.lines().find(|line| line.ends_with("(INJECTED)")).expect("no call failed");
    let seconds: f64 = line.split(' ').next().unwrap().parse().unwrap();
    SystemTime::UNIX_EPOCH + Duration::from_secs_f64(seconds)
}

/// strace and the test read the same clock.
#[expect(clippy::disallowed_methods, reason = "compared with what strace notes down")]
fn now() -> SystemTime {
    SystemTime::now()
}

fn since(then: SystemTime) -> Duration {
    now().duration_since(then).unwrap_or_default()
}

/// Calls until the host does not answer any more.
async fn busy_caller(caller: Caller, worker: usize) -> Vec<Option<v1::CallToolResponse>> {
    let mut answers = Vec::new();
    loop {
        let call = caller.message(&format!("{worker}-{}", answers.len()), "add", SUM);
        let Ok(answer) = caller.send(call).await else {
            return answers;
        };
        let is_refused = matches!(answer.outcome, Some(Outcome::Error(_)));
        answers.push(Some(answer));
        if is_refused {
            return answers;
        }
    }
}

/// Answers calls and remembers each with its time: what really ran, whatever the host says.
async fn busy_runtime(host: &Host, ran: Arc<AtomicUsize>) -> JoinSet<Vec<(String, SystemTime)>> {
    let mut peer = Peer::serving(host, "calc", &["add"]).await;
    let mut journal = JoinSet::new();
    journal.spawn(async move {
        let mut executed = Vec::new();
        while let Some(frame) = peer.hear().await {
            if let v1::host_frame::Frame::Call(call) = frame {
                executed.push((call.invocation_id.clone(), now()));
                ran.fetch_add(1, Ordering::Relaxed);
                if !peer.tries_to_say(Said::Result(answered(&call))).await {
                    break;
                }
            }
        }
        executed
    });
    journal
}

type Health = tonic::Streaming<tonic_health::pb::HealthCheckResponse>;

async fn watch(host: &Host) -> Health {
    let channel = Endpoint::from_shared(host.endpoint()).unwrap().connect().await.unwrap();
    let about = HealthCheckRequest { service: "grid.v1.GridService".to_owned() };
    HealthClient::new(channel).watch(about).await.unwrap().into_inner()
}

async fn heard(health: &mut Health) -> Option<ServingStatus> {
    let status = soon("health changes", health.message()).await.unwrap()?;
    Some(status.status())
}
