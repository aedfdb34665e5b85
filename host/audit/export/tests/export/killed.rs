//! An exporter whose process is killed at any moment goes on where it was; one that is far behind needs no more
//! memory and catches up. The parent runs this very executable as the process.

use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use grid_audit_export::{Exporter, FileOptions, FileSink, HttpSink, Options, WebOptions};
use grid_core::clock::SystemClock;

use crate::{
    common::{Log, Random, quick, until, until_delivered},
    server::{Server, Turn, assert_all_delivered},
};

const DIRECTORY: &str = "GRID_EXPORT_KILLED_DIRECTORY";
const SINK: &str = "GRID_EXPORT_KILLED_SINK";
const BATCH: &str = "GRID_EXPORT_KILLED_BATCH";
const LONG: Duration = Duration::from_secs(20);
const ROUNDS: u64 = 24;

/// Not a test of its own: exports until it is killed.
#[test]
#[ignore = "the process that the next tests kill"]
fn exports_until_killed() {
    let (Some(directory), Ok(sink)) = (std::env::var_os(DIRECTORY), std::env::var(SINK)) else {
        return;
    };
    let mut options = quick(Path::new(&directory), "killed");
    options.batch_records = std::env::var(BATCH).unwrap().parse().unwrap();
    let _exporter = start(Path::new(&directory), &sink, options);
    loop {
        thread::park();
    }
}

fn start(directory: &Path, sink: &str, options: Options) -> Exporter {
    if sink.starts_with("http") {
        return Exporter::start(options, HttpSink::new(&WebOptions::new(sink), SystemClock::shared()).unwrap())
            .unwrap();
    }
    let file = FileOptions { path: directory.join(sink), rotate_bytes: 6_000 };
    Exporter::start(options, FileSink::open(file).unwrap()).unwrap()
}

/// Ends with the test, however that ends.
struct Running(Child);

impl Running {
    fn new(log: &Log, sink: &str, batch: u64) -> Self {
        Self::by(Command::new(std::env::current_exe().unwrap()), log, sink, batch)
    }

    /// Its files may have 3 KiB and not more, until somebody lifts that.
    fn limited(log: &Log, sink: &str, batch: u64) -> Self {
        let mut shell = Command::new("bash");
        shell.args(["-c", "trap '' XFSZ; ulimit -S -f 3; exec \"$0\" \"$@\""]);
        shell.arg(std::env::current_exe().unwrap());
        Self::by(shell, log, sink, batch)
    }

    fn by(mut command: Command, log: &Log, sink: &str, batch: u64) -> Self {
        let child = command
            .args(["--ignored", "--exact", "killed::exports_until_killed", "--test-threads=1"])
            .env(DIRECTORY, log.folder.path())
            .env(SINK, sink)
            .env(BATCH, batch.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    /// Kilobytes that the process had in memory at most.
    fn peak(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn nothing_is_lost_when_the_exporter_is_killed() {
    let (mut log, server) = (Log::new(), Server::new());
    let mut random = Random::new(u64::from(std::process::id()));
    log.append(20);
    for round in 0..ROUNDS {
        // Something to deliver, also where the process before had delivered all.
        log.append(1);
        let before = server.count();
        let running = Running::new(&log, &server.url(), 16);
        until("a request", || server.count() > before || round % 8 == 7);
        if random.below(3) == 0 {
            server.turns([Turn::TakeAndCut, Turn::Slow(Duration::from_millis(1))]);
        }
        log.append(1 + random.below(120));
        thread::sleep(Duration::from_micros(random.below(15_000)));
        drop(running);
    }
    let exporter = start(log.folder.path(), &server.url(), log.following("killed"));
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
    println!("{} records in {} deliveries over {ROUNDS} kills", log.len(), requests.len());
}

#[test]
fn a_file_has_every_record_once_however_often_the_exporter_is_killed() {
    let mut log = Log::new();
    let mut random = Random::new(u64::from(std::process::id()) + 1);
    let position = log.folder.path().join("exports/killed.position");
    log.append(20);
    for _ in 0..ROUNDS {
        let before = fs::read(&position).unwrap_or_default();
        let running = Running::new(&log, "out.jsonl", 16);
        log.append(1 + random.below(120));
        until("a batch", || fs::read(&position).unwrap_or_default() != before);
        thread::sleep(Duration::from_micros(random.below(5_000)));
        drop(running);
    }
    let exporter = start(log.folder.path(), "out.jsonl", log.following("killed"));
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert_eq!(lines(&log), log.lines());
}

/// Of all files of the sink, oldest first.
fn lines(log: &Log) -> Vec<String> {
    let mut files: Vec<_> = fs::read_dir(log.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.file_name().unwrap().to_str().unwrap().starts_with("out.jsonl."));
    files.sort();
    files.push(log.folder.path().join("out.jsonl"));
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn a_disk_that_takes_half_a_batch_is_waited_for() {
    let mut log = Log::new();
    log.append(64);
    let running = Running::limited(&log, "out.jsonl", 16);
    let path = log.folder.path().join("out.jsonl");
    let size = || fs::metadata(&path).map_or(0, |file| file.len());
    until("a write that is cut short", || size() == 3 << 10);
    let lifted = Command::new("prlimit").args(["--pid", &running.0.id().to_string(), "--fsize=unlimited"]).status();
    assert!(lifted.unwrap().success());
    let position = log.folder.path().join("exports/killed.position");
    let end = format!("next {}\n", log.len());
    until("delivery", || fs::read_to_string(&position).is_ok_and(|text| text.contains(&end)));
    assert_eq!(lines(&log), log.lines());
}

/// AUD-11: the sink is away while the log grows; then the exporter catches up, and its memory stays that of a batch.
#[test]
fn an_exporter_that_is_far_behind_catches_up_in_bounded_memory() {
    let (mut log, server) = (Log::new(), Server::new());
    let small = {
        log.append(100);
        let running = Running::new(&log, &server.url(), 512);
        until("delivery", || server.has(99));
        running.peak()
    };
    server.always(Turn::Refuse(500, "", "down"));
    let running = Running::new(&log, &server.url(), 512);
    let live = Instant::now();
    for _ in 0..40 {
        log.append(1_000);
        thread::sleep(Duration::from_millis(10));
    }
    let live_rate = 40_000.0 / live.elapsed().as_secs_f64();
    until("failures", || server.count() > 20);
    drop(running);
    server.always(Turn::Take);
    let behind = log.len() - 100;
    let running = Running::new(&log, &server.url(), 512);
    let begun = Instant::now();
    let last = log.len() - 1;
    until("the end", || server.has(last));
    let rate = behind as f64 / begun.elapsed().as_secs_f64();
    let grown = running.peak().saturating_sub(small);
    println!("written at {live_rate:.0} records a second; caught up {behind} at {rate:.0} a second, {grown} KiB more");
    assert!(grown < 64 << 10, "{grown} KiB");
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
}
