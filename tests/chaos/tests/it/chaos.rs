//! The load, the schedule, and what must hold afterwards.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    sync::{Arc, Mutex, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use grid_proto::v1::call_tool_response::Outcome;
use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::task::TaskTracker;

use crate::{
    common::{Caller, Setup, check_log, kind, text},
    gauge::{self, worked},
    herd::{Dice, Herd},
    load::{callers, pour},
};

const EVERY: Duration = Duration::from_millis(5);
/// Not more wait for an answer at once.
const WAITING: usize = 2000;

/// What callers heard, by call_id.
type Heard = Arc<Mutex<BTreeMap<String, Answer>>>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Answer {
    Content(String),
    Refused(String),
}

/// The same each time in one process.
#[expect(clippy::disallowed_methods, reason = "a seed that nobody gave")]
pub fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    let now = || u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap();
    *SEED.get_or_init(|| env::var("CHAOS_SEED").map_or_else(|_| now(), |seed| seed.parse().unwrap()))
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
    let (heard, calls, callers) = (Heard::default(), TaskTracker::new(), callers(&host).await);
    let (begun, worked) = (Instant::now(), [host.pid(), std::process::id()].map(worked));
    let end = begun + lasts();
    let load = {
        let (calls, heard) = (calls.clone(), Arc::clone(&heard));
        async move {
            let one = |number: u64| {
                let caller = callers[usize::try_from(number).unwrap() % callers.len()].clone();
                call(caller, number, Arc::clone(&heard))
            };
            pour(&calls, (EVERY, WAITING), end, one).await
        }
    };
    let load = calls.spawn(load);
    let mut dice = Dice(seed);
    while Instant::now() < end {
        let pause = 100 + u64::try_from(dice.below(500)).unwrap();
        sleep(Duration::from_millis(pause)).await;
        herd.disturb(&mut dice);
    }
    herd.resume_all();
    let poured = load.await.unwrap();
    let took = begun.elapsed().as_secs_f64();
    let busy = [(host.pid(), worked[0]), (std::process::id(), worked[1])];
    let busy = busy.map(|(pid, before)| (gauge::worked(pid) - before) / took);
    calls.close();
    calls.wait().await;
    // What lay in the socket of a stopped runtime runs before it learns that its stream is over.
    sleep(Duration::from_secs(2)).await;
    assert_eq!(host.stop().await, Some(0));
    let verified = host.grid(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{verified:?}");
    let heard = heard.lock().unwrap().clone();
    assert_eq!(heard.len() as u64, poured.sent, "each call has an answer");
    let (journals, records) = (herd.journals(), host.audit());
    let admitted = check_log(&records);
    check(&records, &journals, &heard);
    let answered = heard.values().filter(|answer| matches!(answer, Answer::Content(_))).count();
    let mut refused: BTreeMap<&str, usize> = BTreeMap::new();
    for answer in heard.values() {
        if let Answer::Refused(code) = answer {
            *refused.entry(code).or_default() += 1;
        }
    }
    eprintln!(
        "{:.0} calls/s for {took:.0} s, {} not sent; processors: host {:.2}, callers {:.2}; refused: {refused:?}",
        poured.sent as f64 / took,
        poured.held,
        busy[0],
        busy[1]
    );
    eprintln!(
        "{} calls, {admitted} admitted, {answered} answered, {} runs, {} deeds; CHAOS_SEED={seed}",
        heard.len(),
        journals.len(),
        herd.deeds
    );
    assert!(answered > 0 && herd.deeds > 5, "nothing was tried");
}

/// One call, and what its caller heard.
async fn call(caller: Caller, number: u64, heard: Heard) {
    let call_id = format!("k{number}");
    let tool = if number.is_multiple_of(2) { "write" } else { "echo" };
    let answer = caller.call_as(&call_id, tool, &format!(r#"{{"text":"{call_id}"}}"#)).await;
    let answer = match answer.outcome.unwrap() {
        Outcome::Result(result) => Answer::Content(result.result.unwrap().content.unwrap_or_default()),
        Outcome::Error(error) => Answer::Refused(error.r#type),
        other => panic!("neither an answer nor a refusal: {other:?}"),
    };
    heard.lock().unwrap().insert(call_id, answer);
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
