//! `grid call --stream`: what came is written when it comes, and the exit code says whether it is the whole.

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Stdio},
};

use aws_lc_rs::digest::{Context, SHA256};
use grid_proto::v1::{
    self, call_event::Event, call_tool_response::Outcome, host_frame::Frame as Heard, runtime_frame::Frame as Said,
};
use tokio::task::JoinSet;

use crate::common::{Ended, Host, Peer, Setup, announcement, check_log, kind, manifest, serve, soon, text, until};

/// A command that runs. It is killed when this is dropped.
struct Running {
    process: Child,
    out: PathBuf,
    err: PathBuf,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    /// Calls `echo` as alice.
    fn streams(host: &Host, more: &[&str]) -> Self {
        let (out, err) = (host.folder().join("call.out"), host.folder().join("call.err"));
        let arguments = [&["call", "echo", "{}", "--stream"], more].concat();
        let mut command = host.command(&arguments, &[("GRID_TOKEN_FILE", "alice.token")]);
        command.stdin(Stdio::null()).stdout(File::create(&out).unwrap()).stderr(File::create(&err).unwrap());
        Self { process: command.spawn().unwrap(), out, err }
    }

    /// Waits until it has written exactly this.
    async fn writes(&self, expected: &str) {
        let written = async || (fs::read_to_string(&self.out).unwrap() == expected).then_some(());
        until(&format!("`{expected}` is written"), written).await;
    }

    async fn notes(&self, expected: &str) {
        let noted = async || fs::read_to_string(&self.err).unwrap().contains(expected).then_some(());
        until(&format!("`{expected}` is told"), noted).await;
    }

    async fn ended(mut self) -> Ended {
        let status = until("the command ends", async || self.process.try_wait().unwrap()).await;
        let read = |path: &PathBuf| fs::read_to_string(path).unwrap();
        Ended { code: status.code().unwrap(), out: read(&self.out), err: read(&self.err) }
    }
}

/// A runtime that sends what it is told to, in pieces.
async fn pieces(host: &Host) -> Peer {
    let mut peer = Peer::open(host, &host.runtime_token("calc")).await;
    let wished = ["streaming", "progress"].map(str::to_owned).to_vec();
    let answer = peer.announce(v1::AnnounceRuntime { optional_features: wished.clone(), ..announcement("calc") }).await;
    assert_eq!((answer.error, answer.enabled_features), (None, wished));
    assert_eq!(peer.fulfil(&["echo"]).await.fulfilled_tools, ["echo"]);
    peer
}

/// The next call; that room is made for more of the last one, or that it was stopped, may come before it.
async fn called(peer: &mut Peer) -> v1::ToolCall {
    loop {
        match peer.hear().await {
            Some(Heard::Call(call)) => return call,
            Some(Heard::Credit(_) | Heard::Cancel(_) | Heard::Error(_)) => {}
            other => panic!("expected a call, heard {other:?}"),
        }
    }
}

fn chunk(call: &v1::ToolCall, chunk_id: u64, payload: &str) -> v1::StreamChunk {
    let (invocation_id, correlation_id) = (call.invocation_id.clone(), call.correlation_id.clone());
    v1::StreamChunk {
        invocation_id,
        correlation_id,
        chunk_id,
        payload: payload.to_owned().into(),
        ..Default::default()
    }
}

async fn say(peer: &Peer, chunk: v1::StreamChunk) {
    peer.say(Said::Chunk(Box::new(chunk))).await;
}

async fn desk() -> Host {
    let host = Host::strict().await;
    host.token_file("alice", "acme", &["caller"]);
    host
}

#[tokio::test]
async fn pieces_are_written_as_they_come_and_the_end_says_what_there_was() {
    let host = desk().await;
    let mut peer = pieces(&host).await;
    let receipt = host.folder().join("call.receipt");
    let running = Running::streams(&host, &["--receipt", "call.receipt"]);
    let call = called(&mut peer).await;
    assert!(call.streaming);
    say(&peer, chunk(&call, 0, "[1,")).await;
    running.writes("[1,").await;
    let (invocation_id, correlation_id) = (call.invocation_id.clone(), call.correlation_id.clone());
    let progress = v1::Progress { invocation_id, correlation_id, fraction: 0.5, message: "half of it".to_owned() };
    peer.say(Said::Progress(progress)).await;
    running.notes("50 % half of it").await;
    say(&peer, chunk(&call, 1, "\"ä")).await;
    running.writes("[1,\"ä").await;
    assert!(!receipt.exists(), "it is not over");
    say(&peer, v1::StreamChunk { is_final: true, ..chunk(&call, 2, "\"]") }).await;
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.out.as_str()), (0, "[1,\"ä\"]\n"), "{ended:?}");
    let concluded = host.records("concluded").pop().unwrap();
    assert_eq!((&concluded["chunks"], &concluded["result_bytes"]), (&3.into(), &8.into()), "{concluded}");
    let digest = text(&concluded, "result_digest");
    assert!(ended.err.contains("8 bytes in 3 chunks") && ended.err.contains(digest), "{digest}: {ended:?}");
    assert!(receipt.exists());
    check_log(&host.audit());
}

#[tokio::test]
async fn what_breaks_off_is_no_success_whatever_came_before() {
    let host = desk().await;
    let mut peer = pieces(&host).await;

    // The tool fails in the middle.
    let running = Running::streams(&host, &[]);
    let call = called(&mut peer).await;
    say(&peer, chunk(&call, 0, "[1,")).await;
    running.writes("[1,").await;
    let error = v1::Error { r#type: "RESOURCE_NOT_FOUND".to_owned(), message: "none".to_owned() };
    say(&peer, v1::StreamChunk { is_final: true, error: Some(error), ..chunk(&call, 1, "") }).await;
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.out.as_str()), (1, "[1,"), "{ended:?}");
    assert!(ended.err.contains("error: the tool failed") && ended.err.contains("RESOURCE_NOT_FOUND"), "{ended:?}");

    // A piece is missing.
    let running = Running::streams(&host, &[]);
    let call = called(&mut peer).await;
    say(&peer, chunk(&call, 0, "[1,")).await;
    running.writes("[1,").await;
    say(&peer, chunk(&call, 2, "2]")).await;
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.out.as_str()), (1, "[1,"), "{ended:?}");
    assert!(ended.err.contains("PROTOCOL_VIOLATION"), "{ended:?}");
    assert_eq!(text(&host.records("concluded")[1], "code"), "PROTOCOL_VIOLATION");

    // The runtime goes away.
    let running = Running::streams(&host, &[]);
    let call = called(&mut peer).await;
    say(&peer, chunk(&call, 0, "[1,")).await;
    running.writes("[1,").await;
    drop(peer);
    let ended = running.ended().await;
    assert_eq!((ended.code, ended.out.as_str()), (1, "[1,"), "{ended:?}");
    assert!(ended.err.contains("RUNTIME_CRASH"), "{ended:?}");
    assert_eq!(check_log(&host.audit()), 3);
}

#[tokio::test]
async fn a_command_that_is_ended_stops_its_call() {
    let host = desk().await;
    let mut peer = pieces(&host).await;
    let running = Running::streams(&host, &[]);
    let call = called(&mut peer).await;
    say(&peer, chunk(&call, 0, "[1,")).await;
    running.writes("[1,").await;
    drop(running);
    let cancelled = loop {
        match peer.hear().await {
            Some(Heard::Cancel(cancel)) => break cancel,
            Some(Heard::Credit(_)) => {}
            other => panic!("expected that the call is stopped, heard {other:?}"),
        }
    };
    assert_eq!(cancelled.invocation_id, call.invocation_id);
    let concluded = host.record("the conclusion", |record| kind(record) == "concluded").await;
    assert_eq!((text(&concluded, "code"), &concluded["chunks"]), ("CANCELLED", &1.into()), "{concluded}");
    check_log(&host.audit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_write_nothing_and_one_answer_is_written_as_one() {
    let host = desk().await;
    let _runtime = serve(&host, "calc").await;
    let run = |arguments: &[&str]| host.grid_with(arguments, &[("GRID_TOKEN_FILE", "alice.token")]);
    let good = run(&["call", "add", r#"{"a": 2, "b": 40}"#, "--stream"]);
    assert_eq!((good.code, good.out.as_str()), (0, "42\n"), "{good:?}");
    assert!(good.err.contains("2 bytes in 1 chunks"), "{good:?}");
    for (arguments, code, word) in [
        (&["call", "add", r#"{"a": "two"}"#][..], 1, "INVALID_TOOL_ARGS"),
        (&["call", "no_such_tool"], 1, "UNSUPPORTED_TOOL"),
        (&["call", "weigh"], 1, "SERVICE_UNAVAILABLE"),
        (&["call", "fail"], 1, "RESOURCE_NOT_FOUND"),
        (&["call", "hang", "--deadline", "100ms"], 1, "TIMEOUT"),
        (&["call", "open_vault"], 6, "PERMISSION_DENIED"),
        (&["call", "echo", "--provider", "calc"], 6, "PERMISSION_DENIED"),
        (&["call", "echo", "--json"], 2, "leave `--json` or `--stream` out"),
    ] {
        let ended = run(&[arguments, &["--stream"]].concat());
        assert_eq!((ended.code, ended.out.as_str()), (code, ""), "{arguments:?}: {ended:?}");
        assert!(ended.err.contains(word), "{arguments:?}: {ended:?}");
    }
}

/// Bytes that the host has in memory.
fn memory(host: &Host) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", host.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() << 10
}

fn hex(digest: Context) -> String {
    let hex: String = digest.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

/// Sends a string of so many pieces of 32 KiB, each another one, as its credit allows; gives the digest.
async fn pours(mut peer: Peer, pieces: u64) -> (Peer, String) {
    let (call, mut room, mut digest) = (called(&mut peer).await, 256 << 10, Context::new(&SHA256));
    for number in 0..pieces + 2 {
        let payload = match number {
            0 => "\"".to_owned(),
            _ if number > pieces => "\"".to_owned(),
            _ => format!("{number:~>32768}"),
        };
        digest.update(payload.as_bytes());
        let cost = payload.len().max(256) as u64;
        while room < cost {
            match peer.hear().await {
                Some(Heard::Credit(credit)) => room += credit.bytes,
                other => panic!("expected room for more, heard {other:?}"),
            }
        }
        room -= cost;
        say(&peer, v1::StreamChunk { is_final: number > pieces, ..chunk(&call, number, &payload) }).await;
    }
    (peer, hex(digest))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_mebibytes_pass_through_a_host_that_stays_small() {
    const PIECES: u64 = 3_200;
    let mut manifest = manifest();
    manifest["contracts"][0]["timeout"] = "300s".into();
    let host = Setup::strict().manifest(Some(manifest)).start().await;
    let caller = host.caller().await;
    let peer = pieces(&host).await;
    let mut tasks = JoinSet::new();
    tasks.spawn(pours(peer, PIECES));
    let call = v1::ToolCall { streaming: true, ..caller.message("large", "echo", "{}") };
    let before = memory(&host);
    let mut events = caller.service().stream_tool_call(caller.request(call)).await.unwrap().into_inner();
    let (mut bytes, mut most, mut digest, mut end) = (0, before, Context::new(&SHA256), None);
    while let Some(event) = soon("an event", events.message()).await.unwrap() {
        match event.event.unwrap() {
            Event::Chunk(chunk) => {
                bytes += chunk.payload.len() as u64;
                digest.update(&chunk.payload);
                if chunk.chunk_id % 32 == 0 {
                    most = most.max(memory(&host));
                }
            }
            Event::End(answer) => end = answer.outcome,
            Event::Progress(progress) => panic!("{progress:?}"),
        }
    }
    let (_peer, sent) = tasks.join_next().await.unwrap().unwrap();
    let Some(Outcome::Streamed(whole)) = end else { panic!("{end:?}") };
    assert_eq!((bytes, whole.bytes, whole.chunks), ((100 << 20) + 2, bytes, PIECES + 2));
    assert_eq!((&hex(digest), &whole.digest), (&sent, &sent));
    let concluded = host.record("the conclusion", |record| kind(record) == "concluded").await;
    assert_eq!(text(&concluded, "result_digest"), sent);
    assert!(most < before + (32 << 20), "the host grew from {before} to {most} bytes");
    check_log(&host.audit());
}
