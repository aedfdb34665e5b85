//! The load, the schedule, and what must hold afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use grid_proto::v1::call_tool_response::Outcome;
use serde_json::Value;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until};
use tokio_util::task::TaskTracker;

use crate::{
    common::{Caller, Setup, check_log, kind, text},
    herd::{Dice, Herd},
};

const EVERY: Duration = Duration::from_millis(5);

/// What callers heard, by call_id.
type Heard = Arc<Mutex<BTreeMap<String, Answer>>>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Content(String),
    Refused(String),
}

#[expect(clippy::disallowed_methods, reason = "a seed that nobody gave")]
fn seed() -> u64 {
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    env::var("CHAOS_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap())
}

fn lasts() -> Duration {
    let minutes = env::var("CHAOS_MINUTES").map(|minutes| minutes.parse::<u64>().unwrap() * 60);
    Duration::from_secs(minutes.unwrap_or(15))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_keeps_its_word_while_runtimes_are_killed_stopped_and_replaced() {
    let seed = seed();
    eprintln!("CHAOS_SEED={seed}");
    let setup = Setup::strict().set("runtime.heartbeat=1s").set("runtime.missed_heartbeats=2");
    let mut host = setup.set("audit.segment=16MiB").start().await;
    let mut herd = Herd::of(&host);
    host.serves("write").await;
    let (heard, sent) = (Heard::default(), Arc::new(AtomicU64::new(0)));
    let calls = TaskTracker::new();
    let caller = host.caller().await;
    let end = Instant::now() + lasts();
    let load = calls.spawn(load(calls.clone(), caller, end, Arc::clone(&heard), Arc::clone(&sent)));
    let mut dice = Dice(seed);
    while Instant::now() < end {
        let pause = 100 + u64::try_from(dice.below(500)).unwrap();
        sleep(Duration::from_millis(pause)).await;
        herd.disturb(&mut dice);
    }
    herd.resume_all();
    load.await.unwrap();
    calls.close();
    calls.wait().await;
    // What lay in the socket of a stopped runtime runs before it learns that its stream is over.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(host.stop().await, Some(0));
    let verified = host.grid(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len() as u64, sent.load(Ordering::Relaxed), "each call has an answer");
    let (journals, records) = (herd.journals(), host.audit());
    let admitted = check_log(&records);
    check(&records, &journals, &heard);
    let answered = heard.values().filter(|answer| matches!(answer, Answer::Content(_))).count();
    eprintln!(
        "{} calls, {admitted} admitted, {answered} answered, {} runs, {} deeds; CHAOS_SEED={seed}",
        heard.len(),
        journals.len(),
        herd.deeds
    );
    assert!(answered > 0 && herd.deeds > 5, "nothing was tried");
}

/// So many calls a second, whatever becomes of those before.
async fn load(calls: TaskTracker, caller: Caller, end: Instant, heard: Heard, sent: Arc<AtomicU64>) {
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    for number in 0_u64.. {
        tokio::select! {
            _ = tick.tick() => {}
            () = sleep_until(end) => return,
        }
        sent.fetch_add(1, Ordering::Relaxed);
        let (caller, heard) = (caller.clone(), Arc::clone(&heard));
        calls.spawn(async move {
            let call_id = format!("k{number}");
            let tool = if number % 2 == 0 { "write" } else { "echo" };
            let answer = caller.call_as(&call_id, tool, &format!(r#"{{"text":"{call_id}"}}"#)).await;
            let answer = match answer.outcome.unwrap() {
                Outcome::Result(result) => Answer::Content(result.result.unwrap().content.unwrap_or_default()),
                Outcome::Error(error) => Answer::Refused(error.r#type),
                other => panic!("neither an answer nor a refusal: {other:?}"),
            };
            heard.lock().unwrap().insert(call_id, answer);
        });
    }
}

fn check(records: &[Value], journals: &[(String, String)], heard: &BTreeMap<String, Answer>) {
    let of = |wanted: &'static str| records.iter().filter(move |record| kind(record) == wanted);
    let admitted: BTreeSet<&str> = of("admitted").map(|record| text(record, "call_id")).collect();
    let concluded: BTreeMap<&str, &str> =
        of("concluded").map(|record| (text(record, "call_id"), text(record, "outcome"))).collect();
    let mut writes = BTreeSet::new();
    for (tool, call_id) in journals {
        assert!(admitted.contains(&**call_id), "{call_id} ran and was never admitted");
        assert!(tool != "write" || writes.insert(call_id), "{call_id} is a write and ran twice");
    }
    let ran: BTreeSet<&str> = journals.iter().map(|(_, call_id)| &**call_id).collect();
    for (call_id, answer) in heard {
        let outcome = concluded.get(&**call_id).copied();
        match answer {
            Answer::Content(content) => {
                assert_eq!(*content, format!("{call_id:?}"), "an answer to another call");
                assert_eq!(outcome, Some("success"), "{call_id} was answered");
                assert!(ran.contains(&**call_id), "{call_id} was answered and nobody ran it");
            }
            Answer::Refused(code) => assert_ne!(outcome, Some("success"), "{call_id} was refused with {code}"),
        }
    }
}
