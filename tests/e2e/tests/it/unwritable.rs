//! A log that cannot be written. Nothing runs, nobody gets an answer that is not on record, and the host ends.

use std::process::Command;

use grid_proto::v1::runtime_frame::Frame as Said;
use tokio::task::JoinSet;

use crate::common::{Caller, Host, Peer, Setup, answered, check_log, content, kind, refusal, soon, text};

const SUM: &str = r#"{"a": 2, "b": 40}"#;
/// Bytes of one file; the log has to be longer before the limit is set, and what the host says of itself shorter.
const FILE: u64 = 16 * 1024;

/// A host that gets an error and no signal when it writes past a limit, with so much in its log that the next record
/// is past it.
async fn host_with_a_long_log() -> (Host, Caller, Peer) {
    let host = Setup::strict().after("trap '' XFSZ").start().await;
    let caller = host.caller().await;
    let mut peer = Peer::serving(&host, "calc", &["add"]).await;
    for _ in 0..40 {
        let mut waiting = JoinSet::new();
        let own = caller.clone();
        waiting.spawn(async move { own.call("add", SUM).await });
        let call = peer.called().await;
        peer.say(Said::Result(answered(&call))).await;
        let answer = soon("the call is answered", waiting.join_next()).await.unwrap().unwrap();
        assert_eq!(content(&answer), "42");
    }
    let length: usize = host.audit().iter().map(|record| record.to_string().len()).sum();
    assert!(length as u64 > FILE, "the log has {length} bytes only");
    assert!((host.said().len() as u64) < FILE / 2);
    (host, caller, peer)
}

/// From here on the host cannot write past `FILE` bytes of any file, as if the disk were full.
fn fill_the_disk(host: &Host) {
    let limit = format!("--fsize={FILE}");
    let done = Command::new("prlimit").arg("--pid").arg(host.pid().to_string()).arg(limit).status();
    let done = done.expect("this test needs `prlimit` of util-linux");
    assert!(done.success(), "the limit could not be set");
}

#[tokio::test]
async fn a_call_that_cannot_be_recorded_does_not_run_and_the_host_ends() {
    let (mut host, caller, mut peer) = host_with_a_long_log().await;
    let before = host.audit();
    fill_the_disk(&host);
    let answer = caller.send(caller.message("unheard", "add", SUM)).await.unwrap();
    assert_eq!(refusal(&answer).r#type, "AUDIT_UNAVAILABLE");
    // The runtime hears farewells at most.
    while let Some(frame) = peer.hear().await {
        assert!(!matches!(frame, grid_proto::v1::host_frame::Frame::Call(_)), "{frame:?}");
    }
    assert_eq!(host.ended().await.code(), Some(1));
    assert!(host.said().contains("AUDIT_UNAVAILABLE"), "{}", host.said());
    assert!(host.said().contains("File too large"), "the system's reason is told: {}", host.said());
    assert_eq!(host.audit(), before, "nothing half-written is left");
    host.start().await;
    check_log(&host.audit());
}

#[tokio::test]
async fn an_answer_that_cannot_be_recorded_is_withheld() {
    let (mut host, caller, mut peer) = host_with_a_long_log().await;
    let mut waiting = JoinSet::new();
    waiting.spawn(async move { caller.call("add", SUM).await });
    let call = peer.called().await;
    fill_the_disk(&host);
    peer.say(Said::Result(answered(&call))).await;
    let answer = soon("the caller is answered", waiting.join_next()).await.unwrap().unwrap();
    assert_eq!(refusal(&answer).r#type, "OUTCOME_UNAUDITED");
    assert_eq!(answer.invocation_id, call.invocation_id);
    assert_eq!(host.ended().await.code(), Some(1));
    // The next host knows that it does not know.
    host.start().await;
    let conclusion = host.record("the conclusion", |record| {
        kind(record) == "concluded" && text(record, "invocation") == call.invocation_id
    });
    assert_eq!(text(&conclusion.await, "outcome"), "outcome_unknown");
    check_log(&host.audit());
}

#[tokio::test]
async fn neither_sessions_nor_runtimes_begin_without_a_record() {
    let (mut host, caller, _peer) = host_with_a_long_log().await;
    let token = host.runtime_token("late");
    let mut late = Peer::open(&host, &token).await;
    fill_the_disk(&host);
    let opened = caller.open_with(grid_proto::v1::CreateSession::default()).await;
    assert_eq!(opened.session_id, "");
    assert_eq!(opened.error.unwrap().r#type, "AUDIT_UNAVAILABLE");
    late.say(Said::Announce(Box::new(crate::common::announcement("late")))).await;
    while let Some(frame) = late.hear().await {
        if let grid_proto::v1::host_frame::Frame::Announced(answer) = frame {
            assert_eq!(answer.connection_id, "");
        }
    }
    assert_eq!(host.ended().await.code(), Some(1));
}

#[tokio::test]
async fn a_host_that_cannot_make_its_log_does_not_start() {
    // Eight blocks of 512 or 1024 bytes, and a log that needs 64 KiB at least.
    let setup = Setup::strict().after("trap '' XFSZ; ulimit -f 8").set("audit.segment=64KiB");
    let mut host = setup.desk();
    let (code, said) = host.refuses_to_start().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("AUDIT_UNAVAILABLE") && said.contains("audit"), "{said}");
}
