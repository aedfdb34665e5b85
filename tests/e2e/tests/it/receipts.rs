//! Receipts: what a caller keeps proves later that the log had the record, without the host.

use std::fs;

use grid_sdk::{Client, Receipt, VerifyingKey};

use crate::common::{Host, Setup, serve};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

fn receipt(host: &Host, name: &str) -> Receipt {
    serde_json::from_slice(&fs::read(host.folder().join(name)).unwrap()).unwrap()
}

/// The key as an auditor gets it.
fn key(host: &Host) -> VerifyingKey {
    fs::read_to_string(host.folder().join("data/audit/log.vkey")).unwrap().parse().unwrap()
}

/// The record as the log has it, byte for byte.
fn entry(host: &Host, index: u64) -> String {
    let lines = host.grid(&["audit", "tail", "-n", "1000", "--json"]).out;
    let front = format!("{{\"index\":{index},");
    let line = lines.lines().find_map(|line| line.strip_prefix(&front));
    format!("{{{}", line.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_ending_of_a_call_can_be_proved_without_the_host() {
    let mut host = Host::strict().await;
    let runtime = serve(&host, "calc").await;
    host.token_file("alice", "acme", &["caller"]);
    let session = host.caller().await;
    let run = |arguments: &[&str]| host.grid_with(arguments, &[("GRID_TOKEN_FILE", "alice.token")]);
    for (name, code, arguments) in [
        ("success", 0, &["call", "add", SUM][..]),
        ("tool-error", 1, &["call", "fail"]),
        ("timeout", 1, &["call", "hang", "--deadline", "50ms"]),
        ("denied", 6, &["call", "open_vault"]),
        ("unknown", 1, &["call", "no_such_tool"]),
        ("first", 0, &["call", "add", SUM, "--session", session.session.as_str(), "--call-id", "twice"]),
        ("repeat", 0, &["call", "add", SUM, "--session", session.session.as_str(), "--call-id", "twice"]),
    ] {
        let ended = run(&[arguments, &["--receipt", name]].concat());
        assert_eq!(ended.code, code, "{name}: {ended:?}");
    }
    drop(runtime);
    assert_eq!(host.stop().await, Some(0));
    let key = key(&host);
    for (name, kind) in [
        ("success", "concluded"),
        ("tool-error", "concluded"),
        ("timeout", "concluded"),
        ("denied", "refused"),
        ("unknown", "refused"),
        ("first", "concluded"),
        ("repeat", "repeated"),
    ] {
        let receipt = receipt(&host, name);
        let state = Client::verify_receipt(&receipt, &key).unwrap();
        assert!(state.size > receipt.index, "{name}");
        let entry = entry(&host, receipt.index);
        assert!(entry.contains(&format!("\"kind\":\"{kind}\"")), "{name}: {entry}");
        let mut moved = receipt.clone().with_entry(entry.clone());
        Client::verify_receipt(&moved, &key).unwrap();
        assert!(Client::verify_receipt(&receipt.with_entry(entry.replace("acme", "acne")), &key).is_err());
        moved.index += 1;
        assert!(Client::verify_receipt(&moved, &key).is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_nobody_waits_for_gives_no_receipt() {
    let host = Setup::development().set("audit.durability=relaxed").start().await;
    let _runtime = serve(&host, "calc").await;
    host.token_file("alice", "acme", &["caller"]);
    let ended = host.grid_with(&["call", "add", SUM, "--receipt", "r"], &[("GRID_TOKEN_FILE", "alice.token")]);
    assert!(ended.code == 1 && ended.err.contains("no receipt"), "{ended:?}");
    assert!(!host.folder().join("r").exists());
}
