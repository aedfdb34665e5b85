//! Hosts that are asked to stop under load, again and again: what was accepted is answered, nothing is left open (SV-6).

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread::{self, JoinHandle},
    time::Duration,
};

use grid_proto::v1::{call_tool_response::Outcome, runtime_frame::Frame as Said};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    task::{JoinSet, LocalSet},
    time::{Instant, sleep},
};

use crate::common::{
    Caller, Host, PATIENCE, Peer, Setup, answered, check_log, content, kind, refusal, signal, soon, text, until,
};

const SUM: &str = r#"{"a": 2, "b": 40}"#;
/// Hosts in all, and of them at once.
const RUNS: usize = 50;
const AT_ONCE: usize = 5;

/// What a run saw.
#[derive(Debug, Default)]
struct Seen {
    /// Calls that were answered with a result.
    answered: usize,
    go_away: Duration,
    /// From the signal to the end of the process; the long calls are answered 50 ms after the signal.
    exit: Duration,
}

/// A connection that speaks HTTP/2 and asks for nothing: it shows when it is asked to go. A thread of its own looks, because
/// all runs share one that starts programs and waits for them.
fn watch(host: &Host) -> JoinHandle<Instant> {
    let address = host.endpoint();
    let mut stream = TcpStream::connect(address.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").unwrap();
    thread::spawn(move || {
        let mut header = [0; 9];
        loop {
            stream.read_exact(&mut header).expect("the connection is asked before it is cut");
            let [a, b, c, kind, ..] = header;
            let mut body = vec![0; usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c)];
            stream.read_exact(&mut body).unwrap();
            if kind == 7 {
                return Instant::now();
            }
        }
    })
}

/// Until it is.
async fn asked_to_go(watching: JoinHandle<Instant>) -> Instant {
    until("the connection is asked to go", async || watching.is_finished().then_some(())).await;
    watching.join().unwrap()
}

/// Calls until the host takes nothing new; every answer before is a result.
async fn call_until_refused(caller: Caller, name: usize) -> usize {
    for at in 0.. {
        match caller.send(caller.message(&format!("c-{name}-{at}"), "add", SUM)).await {
            Ok(answer) if matches!(answer.outcome, Some(Outcome::Result(_))) => assert_eq!(content(&answer), "42"),
            Ok(answer) => {
                let refusal = refusal(&answer);
                assert_eq!((refusal.r#type.as_str(), refusal.retry_allowed), ("SERVICE_UNAVAILABLE", true));
                assert!(refusal.retry_after_ms > 0, "it says when to try again");
                return at;
            }
            // The host is gone, or its connection went between two calls; the log says that nothing was lost.
            Err(_) => return at,
        }
    }
    unreachable!("a host stops sooner")
}

async fn run() -> Seen {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut runtimes = JoinSet::new();
    Peer::serving(&host, "calc/1", &["add"]).await.answering(&mut runtimes);
    let mut slow = Peer::serving(&host, "calc/2", &["write"]).await;
    let mut long = JoinSet::new();
    let mut calls = Vec::new();
    for at in 0..3 {
        let caller = caller.clone();
        long.spawn(async move { caller.call_as(&format!("long-{at}"), "write", r#"{"text": "x"}"#).await });
        calls.push(slow.called().await);
    }
    let grant = caller.grant("local", "add", SUM).await;
    let mut quick = JoinSet::new();
    for name in 0..3 {
        quick.spawn(call_until_refused(host.caller().await, name));
    }
    let watching = watch(&host);
    sleep(Duration::from_millis(20)).await;

    let pid = Pid::from_raw(i32::try_from(host.pid()).unwrap()).unwrap();
    let begun = Instant::now();
    kill_process(pid, Signal::TERM).unwrap();
    // The long calls go on only after this: it comes at once, not at the end.
    let asked = asked_to_go(watching).await;
    let mut seen = Seen { go_away: asked.saturating_duration_since(begun), ..Seen::default() };
    sleep(Duration::from_millis(50).saturating_sub(seen.go_away)).await;
    let caller = caller.again(&host).await;
    assert_eq!(caller.log(grant.report("42")).await, None, "what its caller ran is still taken");
    for call in &calls {
        slow.say(Said::Result(answered(call))).await;
    }
    for answer in soon("the long calls", long.join_all()).await {
        content(&answer);
        seen.answered += 1;
    }
    seen.answered += soon("the quick calls", quick.join_all()).await.iter().sum::<usize>();
    assert_eq!(host.ended().await.code(), Some(0));
    seen.exit = begun.elapsed();

    let records = host.audit();
    assert!(check_log(&records) > seen.answered, "the local one is there too");
    let of = |what: &str| records.iter().filter(|record| kind(record) == what).count();
    assert_eq!(of("admitted"), of("concluded"), "nothing is left open");
    for record in records.iter().filter(|record| kind(record) == "concluded") {
        assert_eq!(text(record, "outcome"), "success", "an accepted call was lost: {record}");
    }
    assert_eq!(records.last().map(kind), Some("host_stopped"));
    seen
}

#[tokio::test]
async fn no_accepted_call_is_lost_by_a_host_that_is_told_to_stop() {
    let runs = LocalSet::new();
    let all = runs.run_until(async {
        let mut all: Vec<Seen> = Vec::new();
        let mut running = JoinSet::new();
        for started in 0..RUNS {
            if started >= AT_ONCE {
                all.push(running.join_next().await.unwrap().unwrap());
            }
            running.spawn_local(run());
        }
        while let Some(seen) = running.join_next().await {
            all.push(seen.unwrap());
        }
        all
    });
    let all = all.await;
    let answered: usize = all.iter().map(|seen| seen.answered).sum();
    // The one in the middle, and the last.
    let sorted = |of: fn(&Seen) -> Duration| {
        let mut times: Vec<_> = all.iter().map(of).collect();
        times.sort_unstable();
        (times[times.len() / 2], times[times.len() - 1])
    };
    println!(
        "{} hosts: {answered} calls answered; median and last: GOAWAY {:?} after the signal, exit {:?}",
        all.len(),
        sorted(|seen| seen.go_away),
        sorted(|seen| seen.exit)
    );
    assert!(answered >= 3 * RUNS);
}

/// The grace is over: whoever still waits is answered, and the log says how it ended before the host goes.
#[tokio::test]
async fn what_outlasts_the_grace_is_cut_off_and_concluded() {
    let mut host = Setup::strict().set("server.drain_grace=200ms").start().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["write"]).await;
    let mut waiting = JoinSet::new();
    let own = caller.clone();
    waiting.spawn(async move { own.send(own.message("long", "write", r#"{"text": "x"}"#)).await });
    peer.called().await;
    let begun = Instant::now();
    assert_eq!(host.stop().await, Some(0));
    println!("grace 200 ms, exit after {:?}", begun.elapsed());
    let answer = soon("the caller", waiting.join_next()).await.unwrap().unwrap().unwrap();
    assert_eq!(refusal(&answer).r#type, "RUNTIME_CRASH");
    let records = host.audit();
    let concluded: Vec<_> = records.iter().filter(|record| kind(record) == "concluded").collect();
    assert_eq!((concluded.len(), text(concluded[0], "code")), (1, "RUNTIME_CRASH"));
    assert_eq!(records.last().map(kind), Some("host_stopped"));
}

/// Whoever watches a host that stops learns so by gRPC health, and its runtimes are told by a frame.
#[tokio::test]
async fn a_host_that_stops_says_so_to_those_who_ask_and_to_its_runtimes() {
    let mut host = Host::strict().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["write"]).await;
    let mut waiting = JoinSet::new();
    let own = caller.clone();
    waiting.spawn(async move { own.call("write", r#"{"text": "x"}"#).await });
    let call = peer.called().await;
    signal("TERM", host.pid());
    until("readiness says so", async || host.get("/readyz").await.contains("503").then_some(())).await;
    let page = host.get("/readyz").await;
    assert!(page.contains(r#""stopping":true"#), "{page}");
    peer.lives().await;
    peer.say(Said::Result(answered(&call))).await;
    content(&soon("the call", waiting.join_next()).await.unwrap().unwrap());
    let told = peer.hear().await;
    assert!(matches!(&told, Some(grid_proto::v1::host_frame::Frame::Drain(drain)) if drain.grace_ms > 0), "{told:?}");
    assert_eq!(host.ended().await.code(), Some(0));
}
