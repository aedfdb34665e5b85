//! What strangers may take of a witness: bytes, time, connections; and how it stops.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use aws_lc_rs::digest::{SHA256, digest};
use grid_audit_witness::{LONGEST_BODY, Limits};
use grid_tlog::Note;

use crate::kit::{Home, Log, ORIGIN, Reply, Server, raw, reply};

const SHORT: Duration = Duration::from_millis(300);

fn server(limits: Limits) -> (Log, Home, Server) {
    let (log, home) = (Log::new(9), Home::new());
    let server = Server::start(home.open(&[log.key()]), limits);
    (log, home, server)
}

fn short() -> Limits {
    Limits { head_timeout: SHORT, body_timeout: SHORT, ..Limits::default() }
}

fn get(server: &Server, method: &str, path: &str) -> Reply {
    raw(server.address, format!("{method} {path} HTTP/1.1\r\nhost: w\r\nconnection: close\r\n\r\n").as_bytes())
}

/// Sends bytes and waits until the other end closes; what came, and how long it took.
fn held(server: &Server, bytes: &[u8]) -> (String, Duration) {
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(bytes).unwrap();
    let begun = now();
    let mut text = String::new();
    // A reset is an end as well.
    let _ = stream.read_to_string(&mut text);
    (text, begun.elapsed())
}

#[expect(clippy::disallowed_methods, reason = "these tests measure real time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn paths_and_methods() {
    let (log, home, server) = server(Limits::default());
    let hash = digest(&SHA256, ORIGIN.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let path = format!("/{hash}/checkpoint");
    let refused = get(&server, "GET", "/add-checkpoint");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("POST")));
    for (method, path) in
        [("GET", "/"), ("POST", "/"), ("DELETE", path.as_str()), ("GET", path.as_str()), ("GET", "//checkpoint")]
    {
        assert_eq!(get(&server, method, path).status, 404, "{method} {path}");
    }
    let line = server.post(log.request(0, 5)).body;
    let seen = get(&server, "GET", &path);
    assert_eq!((seen.status, seen.header("content-type")), (200, Some("text/plain; charset=utf-8")));
    let note = Note::parse(&seen.body).unwrap();
    note.verify(&log.key()).unwrap();
    note.cosigned(&home.key).unwrap();
    assert!(seen.body.ends_with(&line));
    assert_eq!(get(&server, "GET", &path.to_uppercase()).status, 404);
    let head = get(&server, "HEAD", &path);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
}

#[test]
fn one_connection_serves_many_requests() {
    let (log, _home, server) = server(Limits::default());
    let mut stream = TcpStream::connect(server.address).unwrap();
    for size in 0..9_u64 {
        let body = log.request(size.saturating_sub(1), size);
        let length = body.len();
        write!(stream, "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        let mut buffer = [0; 4_096];
        let read = stream.read(&mut buffer).unwrap();
        assert_eq!(reply(std::str::from_utf8(&buffer[..read]).unwrap()).status, 200);
    }
}

#[test]
fn a_body_has_64_kib_at_most() {
    let (_log, _home, server) = server(Limits::default());
    assert_eq!(server.post(vec![b'x'; LONGEST_BODY]).status, 400);
    let head = format!("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: {}\r\n\r\n", LONGEST_BODY + 1);
    let (text, _) = held(&server, head.as_bytes());
    assert_eq!(reply(&text).status, 413);
    // Without a length nobody knows before the end.
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let chunked =
        format!("POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ntransfer-encoding: chunked\r\n\r\n{}", chunk.repeat(5));
    let (text, _) = held(&server, chunked.as_bytes());
    assert_eq!(reply(&text).status, 413);
}

#[test]
fn a_head_is_short_and_comes_in_time() {
    let (_log, _home, server) = server(short());
    let long = format!("GET / HTTP/1.1\r\nhost: w\r\nx: {}\r\n\r\n", "x".repeat(20 << 10));
    let (text, _) = held(&server, long.as_bytes());
    assert_eq!(reply(&text).status, 431);
    for begun in ["", "POST /add-check", "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\n"] {
        let (text, took) = held(&server, begun.as_bytes());
        assert!(text.is_empty() || reply(&text).status == 408, "{text}");
        assert!(took < Duration::from_secs(2), "{begun:?}: {took:?}");
    }
}

#[test]
fn a_body_that_drips_is_408() {
    let (_log, _home, server) = server(short());
    let mut stream = TcpStream::connect(server.address).unwrap();
    stream.write_all(b"POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: 1000\r\n\r\n").unwrap();
    let begun = now();
    let mut writing = stream.try_clone().unwrap();
    let drip = thread::spawn(move || {
        // Each byte comes soon after the one before.
        while writing.write_all(b"o").is_ok() && begun.elapsed() < Duration::from_secs(2) {
            thread::sleep(Duration::from_millis(20));
        }
    });
    let mut buffer = [0; 1_024];
    let read = stream.read(&mut buffer).unwrap();
    assert_eq!(reply(std::str::from_utf8(&buffer[..read]).unwrap()).status, 408);
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    drop(stream);
    drip.join().unwrap();
}

#[test]
fn whoever_holds_all_places_holds_them_for_a_while_only() {
    let (log, _home, server) = server(Limits { connections: 3, ..short() });
    let idle: Vec<TcpStream> = (0..3).map(|_| TcpStream::connect(server.address).unwrap()).collect();
    let begun = now();
    assert_eq!(server.post(log.request(0, 5)).status, 200);
    let took = begun.elapsed();
    assert!(took > SHORT / 2, "it did not wait for a place: {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    drop(idle);
}

#[test]
fn a_connection_has_an_age() {
    let (_log, _home, server) = server(Limits { age: SHORT, ..Limits::default() });
    let (text, took) = held(&server, b"GET / HTTP/1.1\r\nhost: w\r\n\r\n");
    assert_eq!(reply(&text).status, 404);
    assert!(took > SHORT / 2 && took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn what_runs_when_it_stops_is_answered() {
    let (log, _home, server) = server(Limits::default());
    let body = log.request(0, 5);
    let mut stream = TcpStream::connect(server.address).unwrap();
    let length = body.len();
    write!(stream, "POST /add-checkpoint HTTP/1.1\r\nhost: w\r\ncontent-length: {length}\r\n\r\n").unwrap();
    stream.flush().unwrap();
    let address = server.address;
    // So that the head has been read.
    thread::sleep(Duration::from_millis(100));
    let stopping = thread::spawn(move || drop(server));
    thread::sleep(Duration::from_millis(100));
    stream.write_all(body.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(reply(&text).status, 200);
    stopping.join().unwrap();
    assert!(TcpStream::connect(address).is_err());
}
