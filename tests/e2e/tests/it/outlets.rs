//! What follows the log outside of the host: exports that lose nothing whatever their sinks do, and witnesses whose
//! word anybody can check, with calls that wait for them or do not, as it is set.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
};

use serde_json::Value;

use crate::common::{Ended, Host, Setup, Sink, check_log, content, free_port, grid, kind, refusal, serve, text, until};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

/// A witness as a process of its own. It is killed when it is dropped.
struct Witness {
    port: u16,
    vkey: String,
    process: Option<Child>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Witness {
    /// Makes its key and memory in this folder and starts nothing.
    fn new(folder: &Path) -> Self {
        let mut command = Command::new(grid());
        command.env_clear().current_dir(folder).args(["witness", "init", "--name", "witness.example/w1"]);
        let made = Ended::of(command.output().unwrap());
        assert_eq!(made.code, 0, "{made:?}");
        Self { port: free_port(), vkey: made.out.trim().to_owned(), process: None }
    }

    /// The line of it in the host's list.
    fn line(&self) -> String {
        format!("{} http://127.0.0.1:{}\n", self.vkey, self.port)
    }

    /// Starts to watch the log of the host in this folder.
    fn start(&mut self, folder: &Path) {
        let mut command = Command::new(grid());
        command.env_clear().current_dir(folder).args(["witness", "serve", "--log", "data/audit/log.vkey"]);
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port));
        let said = File::create(folder.join("witness.log")).unwrap();
        self.process = Some(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).spawn().unwrap());
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// A host that asks a witness, which does not run yet.
fn watched(on_stale: &str, max_age: &str) -> (Host, Witness) {
    let host = Setup::strict()
        .set("witness.file=witnesses")
        .set("witness.interval=100ms")
        .set(&format!("witness.max_age={max_age}"))
        .set(&format!("witness.on_stale={on_stale}"))
        .set("audit.publish=20ms")
        .desk();
    let witness = Witness::new(host.folder());
    fs::write(host.folder().join("witnesses"), format!("# whom to ask\n{}", witness.line())).unwrap();
    (host, witness)
}

async fn readiness(host: &Host) -> (bool, Value) {
    let page = host.get("/readyz").await;
    let (head, body) = page.split_once("\r\n\r\n").unwrap();
    (head.starts_with("HTTP/1.1 200"), serde_json::from_str(body.trim()).unwrap())
}

/// How many entries `grid audit verify` finds cosigned, demanding the witness; none where it refuses the log.
fn cosigned(host: &Host, witness: &Witness) -> Option<u64> {
    let verify = ["audit", "verify", "--key", "data/audit/log.vkey", "--witness", witness.vkey.as_str(), "--json"];
    let ended = host.grid(&verify);
    match ended.code {
        0 => ended.json()["cosigned"]["size"].as_u64(),
        7 => None,
        _ => panic!("{ended:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_cosigns_the_log_and_anybody_can_check_its_word() {
    let (mut host, mut witness) = watched("alert", "1h");
    host.start().await;
    assert_eq!(cosigned(&host, &witness), None, "it has not been asked yet");
    witness.start(host.folder());
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    for _ in 0..5 {
        caller.still_served().await;
    }
    let calls = host.records("concluded");
    assert_eq!(calls.len(), 5);
    let last = calls.last().unwrap()["index"].as_u64().unwrap();
    until("the calls are cosigned", async || cosigned(&host, &witness).filter(|size| *size > last)).await;
    until("nothing waits", async || (host.metric("grid_audit_uncosigned_seconds").await == 0).then_some(())).await;

    // Another witness has not seen it, nor has a log that is put in its place.
    let stranger = tempfile::tempdir().unwrap();
    let stranger = Witness::new(stranger.path());
    assert_eq!(cosigned(&host, &stranger), None);
    assert_eq!(host.stop().await, Some(0));
    let audit = host.folder().join("data/audit");
    let note = fs::read(audit.join("checkpoint.witnessed")).unwrap();
    fs::remove_dir_all(&audit).unwrap();
    host.start().await;
    for _ in 0..5 {
        host.caller().await;
    }
    fs::write(audit.join("checkpoint.witnessed"), note).unwrap();
    assert_eq!(cosigned(&host, &witness), None, "another history");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_wait_for_the_witness_where_that_is_set_and_go_on_when_it_is_there() {
    let (mut host, mut witness) = watched("stop", "2s");
    host.start().await;
    let runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    let why = until("the host is no longer ready", async || {
        let (is_ready, why) = readiness(&host).await;
        (!is_ready).then_some(why)
    })
    .await;
    assert_eq!((&why["audit_waits_for_witnesses"], &why["audit_writable"]), (&Value::Bool(true), &Value::Bool(true)));
    assert_eq!(host.metric("grid_audit_held").await, 1);
    assert!(host.metric("grid_audit_uncosigned_seconds").await >= 2);
    let before = host.records("admitted").len();
    let answer = caller.call("add", SUM).await;
    assert_eq!(refusal(&answer).r#type, "AUDIT_UNAVAILABLE");
    assert!(refusal(&answer).message.starts_with("witnesses have not cosigned"), "{answer:?}");
    assert_eq!(host.records("admitted").len(), before, "nothing was admitted");
    assert_eq!(host.records("refused").iter().filter(|record| text(record, "code") == "AUDIT_UNAVAILABLE").count(), 1);

    witness.start(host.folder());
    until("the host is ready again", async || readiness(&host).await.0.then_some(())).await;
    caller.still_served().await;
    assert_eq!(host.metric("grid_audit_held").await, 0);
    let said = host.said();
    assert!(said.contains("witnesses have not cosigned the log"), "{said}");
    assert!(said.contains("witnesses have cosigned the log again"), "{said}");

    // And a second time, for it may go whenever it wants.
    witness.stop();
    until("the host waits again", async || (host.metric("grid_audit_held").await == 1).then_some(())).await;
    assert_eq!(refusal(&caller.call("add", SUM).await).r#type, "AUDIT_UNAVAILABLE");
    witness.start(host.folder());
    until("the host is ready again", async || readiness(&host).await.0.then_some(())).await;
    caller.still_served().await;
    drop(runtime);
    assert_eq!(host.stop().await, Some(0));
    check_log(&host.audit());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_go_on_without_the_witness_where_an_alert_is_set_and_operators_see_it() {
    let (mut host, witness) = watched("alert", "1s");
    host.start().await;
    let _runtime = serve(&host, "calc").await;
    let caller = host.caller().await;
    until("operators are told", async || host.said().contains("witnesses have not cosigned the log").then_some(()))
        .await;
    until("the age is shown", async || (host.metric("grid_audit_uncosigned_seconds").await >= 1).then_some(())).await;
    caller.still_served().await;
    assert_eq!(host.metric("grid_audit_held").await, 0);
    let (is_ready, why) = readiness(&host).await;
    assert!(is_ready && why["audit_waits_for_witnesses"] == false, "{why}");
    assert_eq!(cosigned(&host, &witness), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_export_file_has_every_record_once_over_a_kill() {
    let mut host = Setup::strict().set("export.file=export.jsonl").start().await;
    let read = |host: &Host| -> Vec<Value> {
        let text = fs::read_to_string(host.folder().join("export.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    for round in 0..3 {
        let runtime = serve(&host, "calc").await;
        let caller = host.caller().await;
        for _ in 0..10 {
            assert_eq!(content(&caller.call("add", SUM).await), "42");
        }
        caller.call("open_vault", "{}").await;
        if round == 1 {
            host.kill();
            drop(runtime);
            host.start().await;
            continue;
        }
        let log = host.audit();
        until("the file has caught up", async || (read(&host).len() >= log.len()).then_some(())).await;
        assert_eq!(read(&host)[..log.len()], log);
        until("the metrics say so", async || {
            (host.metric(r#"grid_audit_export_lag_records{sink="file"}"#).await == 0).then_some(())
        })
        .await;
    }
    assert_eq!(read(&host).iter().filter(|record| kind(record) == "concluded").count(), 30);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sink_that_is_down_loses_nothing_and_catches_up_when_it_comes() {
    let port = free_port();
    let mut host = Setup::strict().set(&format!("export.http=http://127.0.0.1:{port}/in")).start().await;
    let mut calls = 0;
    for round in 0..2 {
        let runtime = serve(&host, "calc").await;
        let caller = host.caller().await;
        for _ in 0..20 {
            caller.still_served().await;
            calls += 1;
        }
        until("the metrics say that it is down", async || {
            (host.metric(r#"grid_audit_export_down{sink="http"}"#).await == 1).then_some(())
        })
        .await;
        let lag = host.metric(r#"grid_audit_export_lag_records{sink="http"}"#).await;
        assert_eq!(lag, host.audit().len() as u64, "all of it waits in round {round}");
        drop(runtime);
        if round == 0 {
            // What waits survives the host.
            host.kill();
            host.start().await;
        }
    }
    // It comes back as such things do: not at once for everybody.
    let sink = Sink::listen(port, 1).await;
    let log = host.audit();
    until("the sink has caught up", async || (sink.records().len() >= log.len()).then_some(())).await;
    assert_eq!(sink.records()[..log.len()], log);
    assert_eq!(log.iter().filter(|record| kind(record) == "concluded").count(), calls);
    assert!(sink.batches() < calls as u64, "what waited was taken together");
    until("the metrics say that it is up", async || {
        (host.metric(r#"grid_audit_export_down{sink="http"}"#).await == 0).then_some(())
    })
    .await;
}
