//! An exporter and a sink that is down, slow, flapping, unwilling or gone in the middle: nothing is lost, the order
//! stays, and what comes twice comes as a whole batch (AUD-11).

use std::{
    fs,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use grid_audit_export::{Batch, Error, Exporter, Failure, HttpSink, Sink, Taken, WebOptions};
use grid_core::clock::SystemClock;

use crate::{
    common::{Log, Random, until, until_delivered},
    server::{Server, Turn, assert_all_delivered},
};

const LONG: Duration = Duration::from_secs(20);

fn web(server: &Server) -> HttpSink {
    HttpSink::new(&WebOptions::new(server.url()), SystemClock::shared()).unwrap()
}

#[test]
fn a_log_is_delivered_in_order_and_followed() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(100);
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until_delivered(&exporter, log.len());
    log.append(50);
    let status = until_delivered(&exporter, log.len());
    assert_eq!((status.lag, status.last_error, status.down_since_ms), (Some(0), None, None));
    assert_eq!((status.delivered, status.rejected, status.failures), (log.len(), 0, 0));
    assert!(exporter.stop(LONG).ended);
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
    assert!(requests.iter().all(|request| request.indices().len() <= 16), "a batch is at most what was asked for");
    let first = &requests[0];
    assert_eq!(first.headers["content-type"], "application/x-ndjson");
    assert!(first.headers["idempotency-key"].starts_with("\"0-15-"), "{:?}", first.headers);
}

#[test]
fn a_sink_that_misbehaves_in_every_way_loses_nothing() {
    let (mut log, server) = (Log::new(), Server::new());
    let mut random = Random::new(3);
    let turn = |random: &mut Random| match random.below(9) {
        0 => Turn::Refuse(500, "", "{\"error\": \"out of order\"}"),
        1 => Turn::Refuse(429, "", ""),
        2 => Turn::Refuse(503, "connection: close\r\n", ""),
        3 => Turn::CutBody,
        4 => Turn::TakeAndCut,
        5 => Turn::Slow(Duration::from_millis(random.below(5))),
        _ => Turn::Take,
    };
    server.turns((0..300).map(|_| turn(&mut random)));
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    for _ in 0..20 {
        log.append(1 + random.below(100));
    }
    let status = until_delivered(&exporter, log.len());
    assert!(status.failures > 10, "{status:?}");
    exporter.stop(LONG);
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
    for (at, request) in requests.iter().enumerate() {
        let same = |other: &&crate::server::Request| other.body == request.body;
        for twin in requests.iter().skip(at).filter(same) {
            assert_eq!(twin.headers["idempotency-key"], request.headers["idempotency-key"]);
        }
    }
}

#[test]
fn a_sink_that_is_down_is_waited_for_and_the_status_says_so() {
    let (mut log, mut server) = (Log::new(), Server::new());
    log.append(40);
    server.down();
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until("a failure", || exporter.status().failures >= 3);
    log.append(500);
    let status = exporter.status();
    assert!(status.down_since_ms.is_some() && status.next == 0);
    assert!(status.last_error.unwrap().contains("cannot be reached"));
    server.up();
    let status = until_delivered(&exporter, log.len());
    assert_eq!((status.down_since_ms, status.last_error), (None, None));
    server.down();
    log.append(10);
    let failures = exporter.status().failures;
    until("another failure", || exporter.status().failures > failures);
    server.up();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert_all_delivered(&server.requests(), &log.lines());
}

#[test]
fn a_sink_that_asks_for_time_gets_it() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(5);
    server.turns([Turn::Refuse(429, "retry-after: 1\r\n", "later")]);
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until("the first request", || server.count() > 0);
    until("its failure", || exporter.status().failures > 0);
    assert!(exporter.status().last_error.unwrap().ends_with("answered 429: later"));
    until_delivered(&exporter, log.len());
    let requests = server.requests();
    let waited = requests[1].at - requests[0].at;
    assert!(waited >= Duration::from_secs(1), "asked again after {waited:?}");
    assert_eq!(requests[1].body, requests[0].body);
}

#[test]
fn a_batch_that_is_too_large_is_divided() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(100);
    server.always(Turn::AtMost(3));
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert_all_delivered(&server.requests(), &log.lines());
    let refused = server.requests().iter().filter(|request| !request.taken).count();
    assert_eq!(refused, 3, "16, 8 and 4 are too many, 2 are not");
}

#[test]
fn nothing_leaves_before_it_is_durable() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(100);
    let end = Arc::new(Mutex::new(30_u64));
    let mut options = log.following("http");
    let shared = Arc::clone(&end);
    options.end = Some(Arc::new(move || *shared.lock().unwrap()));
    let exporter = Exporter::start(options, web(&server)).unwrap();
    until_delivered(&exporter, 30);
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(exporter.status().next, 30);
    *end.lock().unwrap() = 90;
    assert!(exporter.status().lag.unwrap() > 0);
    until_delivered(&exporter, 90);
    *end.lock().unwrap() = log.len();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    assert_all_delivered(&server.requests(), &log.lines());
}

#[test]
fn a_stopped_exporter_goes_on_where_it_was() {
    let (mut log, server) = (Log::new(), Server::new());
    for round in 0..10 {
        log.append(37);
        let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
        if round % 2 == 0 {
            until_delivered(&exporter, log.len());
        }
        let status = exporter.stop(LONG);
        assert!(status.ended);
        let file = fs::read_to_string(log.folder.path().join("exports/http.position"));
        let next = file.map_or(0, |text| text.lines().nth(1).unwrap()["next ".len()..].parse().unwrap());
        assert_eq!(status.next, next, "what is said is what is stored");
    }
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    let requests = server.requests();
    assert_all_delivered(&requests, &log.lines());
    let sent: usize = requests.iter().map(|request| request.indices().len()).sum();
    assert_eq!(sent as u64, log.len(), "an orderly stop repeats nothing");
}

#[test]
fn a_stop_does_not_wait_for_a_sink_that_hangs() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(5);
    server.turns([Turn::Slow(Duration::from_secs(3))]);
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until("the request", || server.count() > 0);
    let begun = Instant::now();
    assert!(!exporter.stop(Duration::from_millis(50)).ended);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

#[test]
fn a_stop_does_not_wait_for_the_next_try() {
    let (mut log, mut server) = (Log::new(), Server::new());
    let an_hour = Duration::from_secs(3_600);
    let mut options = log.following("http");
    (options.poll, options.backoff, options.max_backoff) = (an_hour, an_hour, an_hour);
    let exporter = Exporter::start(options.clone(), web(&server)).unwrap();
    until("the end of the log", || exporter.status().lag == Some(0));
    assert!(exporter.stop(LONG).ended);
    log.append(5);
    server.down();
    let exporter = Exporter::start(options, web(&server)).unwrap();
    until("a failure", || exporter.status().failures == 1);
    assert!(exporter.stop(LONG).ended);
}

#[test]
fn a_sink_that_hangs_is_given_up_and_asked_again() {
    let (mut log, server) = (Log::new(), Server::new());
    log.append(5);
    server.turns([Turn::Slow(Duration::from_secs(3))]);
    let options = WebOptions { timeout: Duration::from_millis(100), ..WebOptions::new(server.url()) };
    let sink = HttpSink::new(&options, SystemClock::shared()).unwrap();
    let exporter = Exporter::start(log.following("http"), sink).unwrap();
    let status = until_delivered(&exporter, log.len());
    assert_eq!(status.failures, 1);
    assert_all_delivered(&server.requests(), &log.lines());
}

#[test]
fn a_position_has_one_exporter() {
    let (log, server) = (Log::new(), Server::new());
    let first = Exporter::start(log.following("http"), web(&server)).unwrap();
    let second = Exporter::start(log.following("http"), web(&server)).unwrap_err();
    assert!(matches!(second, Error::Busy { .. }), "{second}");
    let other = Exporter::start(log.following("other"), web(&server)).unwrap();
    first.stop(LONG);
    other.stop(LONG);
    Exporter::start(log.following("http"), web(&server)).unwrap().stop(LONG);
}

#[test]
fn a_position_of_another_log_is_refused() {
    let (mut log, mut other, server) = (Log::new(), Log::new(), Server::new());
    log.append(50);
    other.append(80);
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    let position = "exports/http.position";
    fs::create_dir(other.folder.path().join("exports")).unwrap();
    fs::copy(log.folder.path().join(position), other.folder.path().join(position)).unwrap();
    let refused = Exporter::start(other.following("http"), web(&server)).unwrap_err();
    assert!(refused.to_string().contains("of another log"), "{refused}");
    for torn in ["", "grid export position 1\nnext 5\n", "grid export position 1\nnext 5\nend\n", "x\nnext 0\nend\n"] {
        fs::write(other.folder.path().join(position), torn).unwrap();
        let refused = Exporter::start(other.following("http"), web(&server)).unwrap_err();
        assert!(refused.to_string().contains("cannot be read"), "{torn:?}: {refused}");
    }
}

/// A sink that keeps what it got, and can be told to fail.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(u64, u64, usize)>>>);

impl Sink for Kept {
    fn describe(&self) -> String {
        "kept".into()
    }

    fn deliver(&mut self, batch: &Batch) -> Result<Taken, Failure> {
        self.0.lock().unwrap().push((batch.first(), batch.last(), batch.bytes()));
        Ok(Taken::default())
    }
}

/// A loss of power can take the last frame of a log back that was read, but never synced.
#[test]
fn a_log_that_lost_its_end_is_delivered_from_where_both_agree() {
    let mut log = Log::new();
    log.append(64);
    let whole = log.len();
    let kept = Kept::default();
    let exporter = Exporter::start(log.following("kept"), kept.clone()).unwrap();
    until_delivered(&exporter, whole);
    exporter.stop(LONG);
    // The same position, over a log that has other records from 32 on.
    let mut shorter = Log::new();
    shorter.append(80);
    let position = log.folder.path().join("exports/kept.position");
    let text = fs::read_to_string(&position).unwrap();
    let swap = |index: u64| {
        let record = shorter.reader().records(index).next().unwrap().unwrap();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, format!("\0{}", record.line()).as_bytes());
        digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let lines = text.lines().map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
        ["mark", index, _] if index.parse::<u64>().unwrap() < 32 => {
            format!("mark {index} {}\n", swap(index.parse().unwrap()))
        }
        _ => format!("{line}\n"),
    });
    fs::create_dir(shorter.folder.path().join("exports")).unwrap();
    fs::write(shorter.folder.path().join("exports/kept.position"), lines.collect::<String>()).unwrap();
    let kept = Kept::default();
    let exporter = Exporter::start(shorter.following("kept"), kept.clone()).unwrap();
    until_delivered(&exporter, shorter.len());
    assert_eq!(kept.0.lock().unwrap()[0].0, 32, "what the log no longer has as it was comes again");
    exporter.stop(LONG);
}

#[test]
fn a_batch_is_bounded_in_bytes_too() {
    let mut log = Log::new();
    log.append(200);
    let kept = Kept::default();
    let mut options = log.following("kept");
    (options.batch_records, options.batch_bytes) = (1_000, 1_000);
    let exporter = Exporter::start(options, kept.clone()).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    let batches = kept.0.lock().unwrap();
    assert!(batches.iter().all(|(_, _, bytes)| *bytes < 2_000), "{batches:?}");
    assert!(batches.windows(2).all(|pair| pair[1].0 == pair[0].1 + 1));
}

#[test]
fn options_that_cannot_work_are_refused() {
    let log = Log::new();
    for name in ["", "../x", "A", "a b", &"a".repeat(33)] {
        let refused = Exporter::start(log.following(name), Kept::default()).unwrap_err();
        assert!(matches!(refused, Error::Options(_)), "{name}: {refused}");
    }
    let mut options = log.following("x");
    options.batch_records = 0;
    assert!(matches!(Exporter::start(options, Kept::default()), Err(Error::Options(_))));
    let mut options = log.following("x");
    options.directory = "/dev/null/none".into();
    assert!(matches!(Exporter::start(options, Kept::default()), Err(Error::Log(_))));
}

#[test]
fn files_of_an_exporter_belong_to_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (mut log, server) = (Log::new(), Server::new());
    log.append(5);
    let exporter = Exporter::start(log.following("http"), web(&server)).unwrap();
    until_delivered(&exporter, log.len());
    exporter.stop(LONG);
    let folder = log.folder.path().join("exports");
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in fs::read_dir(folder).unwrap() {
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
}
