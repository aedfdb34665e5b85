//! The log of outcomes: nothing is lost, nothing is told twice with effect, nobody else can read it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use grid_sdk::{Client, Code, Report, ToolError};
use grid_sdk_local::{Expected, OutcomeLog, OutcomeSettings, Permit, Trust};
use serde_json::json;
use tokio::time::Instant;

use crate::host::contract;
use crate::scene::{Scene, connect, quick, soon};

/// A report for a grant that the host has given.
pub async fn report(client: &Client, content: &str) -> Report {
    let session = client.session(crate::host::SESSION);
    let approval = session.authorize("add", json!({"a": 1, "b": 2}), Default::default()).await.unwrap();
    let expected = Expected { contract: &contract("add"), asked_at: Instant::now() };
    let permit = Permit::check(approval, &Trust::connection(), expected).unwrap();
    permit.report(Ok(content.to_owned()), Duration::from_millis(5))
}

async fn record(log: &OutcomeLog, report: Report) {
    log.reserve().unwrap().record(report).await;
}

/// Delivers until everything is told.
async fn told(log: &OutcomeLog, client: &Client) {
    tokio::select! {
        () = log.deliver(client) => panic!("a delivery does not end"),
        left = log.flushed(Duration::from_secs(10)) => assert_eq!(left, 0),
    }
}

fn files(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.collect();
    names.sort();
    names
}

#[tokio::test]
async fn outcomes_wait_on_the_disk_for_a_host_that_is_away_and_are_told_once() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let mut reports = Vec::new();
    for at in 0..250 {
        reports.push(report(&client, &at.to_string()).await);
    }
    scene.host.state().down = true;
    for report in reports {
        record(&scene.log, report).await;
    }
    let delivery = scene.log.clone();
    let other = client.clone();
    let delivering = async move { delivery.deliver(&other).await };
    let back = async {
        let mut status = scene.log.status();
        soon(status.wait_for(|status| status.failures >= 3)).await.unwrap();
        assert_eq!(status.borrow().pending, 250);
        scene.host.state().down = false;
        assert_eq!(scene.log.flushed(Duration::from_secs(10)).await, 0);
    };
    tokio::select! { () = delivering => panic!("a delivery does not end"), () = back => () }
    let state = scene.host.state();
    assert_eq!((state.reported().len(), state.reports, state.rejected.len()), (250, 250, 0));
    assert!(state.batches.iter().all(|batch| *batch <= 100), "{:?}", state.batches);
    drop(state);
    assert_eq!(scene.log.status().borrow().failures, 0);
}

#[tokio::test]
async fn a_log_that_is_opened_again_tells_what_is_left_and_nothing_else() {
    let mut scene = Scene::new().await;
    let client = connect(&scene.host).await;
    for round in 0..4 {
        for at in 0..30 {
            record(&scene.log, report(&client, &format!("[{round},{at}]")).await).await;
        }
        if round % 2 == 1 {
            told(&scene.log, &client).await;
        }
        scene = reopened(scene).await;
        let pending = scene.log.status().borrow().pending;
        assert_eq!(pending, if round % 2 == 1 { 0 } else { 30 });
    }
    let state = scene.host.state();
    assert_eq!((state.reported().len(), state.reports), (120, 120), "each was told exactly once");
    let left = files(&scene.directory.path().join("outcomes"));
    assert_eq!(left, ["key", "lock"], "what is settled is gone");
}

/// The same directory under a fresh log, as after a restart.
async fn reopened(scene: Scene) -> Scene {
    let Scene { host, directory, log, registry } = scene;
    drop(log);
    let open = async {
        loop {
            match OutcomeLog::open(quick(&directory)) {
                Ok(log) => return log,
                Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    };
    let log = soon(open).await;
    Scene { host, directory, log, registry }
}

#[tokio::test]
async fn a_report_whose_answer_was_lost_comes_again_and_has_no_effect() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let report = report(&client, "1").await;
    client.log_result(&report).await.unwrap();
    record(&scene.log, report).await;
    told(&scene.log, &client).await;
    let state = scene.host.state();
    assert_eq!((state.reports, state.reported().len(), state.rejected.len()), (2, 1, 0));
}

#[tokio::test]
async fn what_the_host_rejects_is_kept_aside_and_holds_nothing_up() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let good = report(&client, "1").await;
    let mut forged = report(&client, "2").await;
    forged.args_digest = [0; 32];
    record(&scene.log, forged).await;
    record(&scene.log, good).await;
    told(&scene.log, &client).await;
    let status = scene.log.status().borrow().clone();
    assert_eq!(status.rejected, 1);
    assert!(status.problem.contains("SECURITY_VIOLATION"), "{status:?}");
    let names = files(&scene.directory.path().join("outcomes"));
    assert!(names.iter().any(|name| name.starts_with("rejected-")), "{names:?}");
    let rejected = OutcomeLog::rejected(&quick(&scene.directory)).unwrap();
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].code.as_str(), &rejected[0].report.answer), ("SECURITY_VIOLATION", &Ok("2".to_owned())));
    assert_eq!(scene.host.state().reported().len(), 1);
    let scene = reopened(scene).await;
    assert_eq!(scene.log.status().borrow().pending, 0, "it is not told again");
}

#[tokio::test]
async fn a_host_that_cannot_write_is_told_again() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    record(&scene.log, report(&client, "1").await).await;
    scene.host.state().unwritable = true;
    let back = async {
        let mut status = scene.log.status();
        soon(status.wait_for(|status| status.failures >= 2)).await.unwrap();
        scene.host.state().unwritable = false;
        assert_eq!(scene.log.flushed(Duration::from_secs(10)).await, 0);
    };
    tokio::select! { () = scene.log.deliver(&client) => panic!("a delivery does not end"), () = back => () }
    assert_eq!(scene.host.state().reported().len(), 1);
    assert_eq!(scene.log.status().borrow().rejected, 0);
}

#[tokio::test]
async fn nobody_else_can_read_the_log_and_it_shows_nothing_in_the_clear() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    record(&scene.log, report(&client, "\"very secret content\"").await).await;
    let directory = scene.directory.path().join("outcomes");
    assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
    for name in files(&directory) {
        let path = directory.join(&name);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        let bytes = fs::read(&path).unwrap();
        for word in ["secret", "add", "invocation"] {
            assert!(!bytes.windows(word.len()).any(|window| window == word.as_bytes()), "{word} in {name}");
        }
    }
    let other = OutcomeLog::open(quick(&scene.directory)).unwrap_err();
    assert!(other.to_string().contains("another process"), "{other}");
}

#[tokio::test]
async fn a_log_does_not_open_without_its_key_or_with_one_that_others_may_read() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    record(&scene.log, report(&client, "1").await).await;
    let Scene { directory, log, host: _host, .. } = scene;
    drop(log);
    let key = directory.path().join("outcomes/key");
    let kept = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let refused = async |what: &str| {
        let refused = async {
            loop {
                match OutcomeLog::open(quick(&directory)) {
                    Err(error) if error.to_string().contains("another process") => {
                        tokio::time::sleep(Duration::from_millis(2)).await;
                    }
                    other => return other.map(drop),
                }
            }
        };
        let error = soon(refused).await.unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    };
    refused("is gone").await;
    fs::write(&key, b"short").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    refused("not 32 bytes").await;
    fs::write(&key, &kept).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    refused("0600").await;
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(OutcomeLog::open(quick(&directory)).unwrap().status().borrow().pending, 1);
}

#[tokio::test]
async fn half_a_frame_at_the_end_and_changed_bytes_cost_no_other_outcome() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    for at in 0..3 {
        record(&scene.log, report(&client, &at.to_string()).await).await;
    }
    let directory = scene.directory.path().join("outcomes");
    let segment = directory.join("00000000000000000000.seg");
    let whole = fs::read(&segment).unwrap();
    let changed = |bytes: Vec<u8>| {
        let copy = tempfile::TempDir::new().unwrap();
        let inner = copy.path().join("outcomes");
        fs::create_dir(&inner).unwrap();
        fs::copy(directory.join("key"), inner.join("key")).unwrap();
        fs::write(inner.join(segment.file_name().unwrap()), bytes).unwrap();
        let log = OutcomeLog::open(quick(&copy)).unwrap();
        let pending = log.status().borrow().pending;
        (copy, log, pending)
    };
    let (_directory, _log, pending) = changed(whole[..whole.len() - 3].to_vec());
    assert_eq!(pending, 2);
    let mut flipped = whole.clone();
    flipped[48 + 4 + 10] ^= 1;
    let (copy, log, pending) = changed(flipped);
    assert_eq!(pending, 2, "the first is lost, the others are not");
    told(&log, &client).await;
    assert_eq!(scene.host.state().reported().len(), 2);
    drop(log);
    let (_, _, none) = changed(whole[..40].to_vec());
    assert_eq!(none, 0, "a header that was never whole held nothing");
    drop(copy);
}

#[tokio::test]
async fn places_are_counted_and_come_back() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let settings =
        OutcomeSettings { directory: scene.directory.path().join("small"), capacity: 3, ..quick(&scene.directory) };
    let log = OutcomeLog::open(settings).unwrap();
    record(&log, report(&client, "1").await).await;
    let rooms = [log.reserve().unwrap(), log.reserve().unwrap()];
    assert!(log.reserve().is_err());
    drop(rooms);
    record(&log, report(&client, "2").await).await;
    record(&log, report(&client, "3").await).await;
    assert!(log.reserve().is_err());
    told(&log, &client).await;
    assert!(log.reserve().is_ok());
    let large = OutcomeSettings {
        directory: scene.directory.path().join("bytes"),
        most_bytes: 1_000,
        ..quick(&scene.directory)
    };
    let log = OutcomeLog::open(large).unwrap();
    record(&log, report(&client, &format!("\"{}\"", "x".repeat(2_000))).await).await;
    assert!(log.reserve().is_err());
}

#[tokio::test]
async fn a_disk_that_takes_nothing_stops_local_runs_and_loses_nothing() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let directory = scene.directory.path().join("gone");
    let log = OutcomeLog::open(OutcomeSettings { directory: directory.clone(), ..quick(&scene.directory) }).unwrap();
    let report = report(&client, "1").await;
    let room = log.reserve().unwrap();
    // A directory that is away takes no new file, even from root.
    fs::rename(&directory, scene.directory.path().join("away")).unwrap();
    room.record(report).await;
    assert!(log.reserve().is_err());
    assert!(!log.status().borrow().writable);
    told(&log, &client).await;
    assert_eq!(scene.host.state().reported().len(), 1, "it was told from memory");
    fs::rename(scene.directory.path().join("away"), &directory).unwrap();
    let mut status = log.status();
    soon(status.wait_for(|status| status.writable)).await.unwrap();
    assert!(log.reserve().is_ok());
}

#[tokio::test]
async fn errors_of_tools_are_told_as_they_are() {
    let scene = Scene::new().await;
    let client = connect(&scene.host).await;
    let mut report = report(&client, "1").await;
    report.answer = Err(ToolError::new(Code::LOCAL_EXECUTION_FAILED, "it crashed"));
    record(&scene.log, report).await;
    let scene = reopened(scene).await;
    told(&scene.log, &client).await;
    let state = scene.host.state();
    let result = state.reported()[0].result.clone().unwrap();
    assert_eq!(result.content, None);
    let error = result.error.unwrap();
    assert_eq!((error.r#type.as_str(), error.message.as_str()), ("LOCAL_EXECUTION_FAILED", "it crashed"));
}
