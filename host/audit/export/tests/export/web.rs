//! What a web sink sends, to whom, and over what.

use std::{fs, io::Write, net::TcpListener, sync::Arc, thread};

use grid_audit_export::{Batch, Failure, HttpSink, Sink, WebOptions};
use grid_core::clock::SystemClock;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use serde_json::json;

use crate::{
    certificate,
    common::record,
    server::{Server, Turn},
};

fn batch() -> Batch {
    let mut batch = Batch::default();
    batch.push(record(0, json!({"kind": "gap", "at_ms": 1})));
    batch
}

fn sink(options: &WebOptions) -> HttpSink {
    HttpSink::new(options, SystemClock::shared()).unwrap()
}

fn refused(options: &WebOptions) -> String {
    HttpSink::new(options, SystemClock::shared()).unwrap_err().to_string()
}

#[test]
fn a_token_is_read_for_every_request_and_shown_to_nobody_else() {
    let server = Server::new();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let options = WebOptions { token_file: Some(file.clone()), ..WebOptions::new(server.url()) };
    let mut sink = sink(&options);
    let unusable = |sink: &mut HttpSink| sink.deliver(&batch()).unwrap_err().message;
    assert!(unusable(&mut sink).contains("cannot use the token file"));
    for token in ["first-canary", "second-canary\n"] {
        fs::write(&file, token).unwrap();
        sink.deliver(&batch()).unwrap();
    }
    for bad in ["", " \n", "two words", "with\u{7}control", &"x".repeat(20_000)] {
        fs::write(&file, bad).unwrap();
        let told = unusable(&mut sink);
        assert!(told.contains("token file") && (bad.len() < 3 || !told.contains(bad)), "{told}");
    }
    let sent: Vec<_> = server.requests().iter().map(|it| it.headers["authorization"].clone()).collect();
    assert_eq!(sent, ["Bearer first-canary", "Bearer second-canary"]);
    fs::write(&file, "third-canary").unwrap();
    server.turns([Turn::Refuse(401, "", "no")]);
    let told = unusable(&mut sink);
    assert!(told.ends_with("answered 401 (check the token file): no"), "{told}");
    assert!(!format!("{sink:?} {}", sink.describe()).contains("canary"));
}

#[test]
fn addresses_that_would_give_something_away_are_refused() {
    let with_token = |url: &str| WebOptions { token_file: Some("t".into()), ..WebOptions::new(url) };
    assert!(refused(&with_token("http://siem.example/in")).contains("a token would travel in the open"));
    for here in ["http://127.0.0.1:1/", "http://localhost/x", "http://[::1]:2/"] {
        sink(&with_token(here));
    }
    let told = refused(&WebOptions::new("https://user:canary@siem.example/in"));
    assert!(told.contains("it holds a user") && !told.contains("canary"), "{told}");
    for nothing in ["", "siem.example", "ftp://siem.example/", "http://", "http:///x", "https://exa mple/"] {
        assert!(refused(&WebOptions::new(nothing)).contains("cannot be used"), "{nothing}");
    }
    let options = WebOptions { ca_file: Some("none.pem".into()), ..WebOptions::new("https://siem.example/") };
    assert!(refused(&options).contains("none.pem"));
    assert_eq!(sink(&WebOptions::new("https://h/in?key=canary")).describe(), "http https://h/in");
}

#[test]
fn redirects_lead_nowhere() {
    let (server, other) = (Server::new(), Server::new());
    let to = format!("location: {}\r\n", other.url());
    server.turns([Turn::Refuse(307, to.leak(), ""), Turn::Refuse(303, "location: /\r\n", "")]);
    let mut sink = sink(&WebOptions::new(server.url()));
    for status in ["307", "303"] {
        let failure = sink.deliver(&batch()).unwrap_err();
        assert!(failure.message.contains(status) && failure.message.contains("not followed"), "{failure:?}");
    }
    assert_eq!((server.count(), other.count()), (2, 0));
}

#[test]
fn a_sink_says_when_and_how_much_in_every_way_it_may() {
    let server = Server::new();
    let mut sink = sink(&WebOptions::new(server.url()));
    let mut failure = |turn| {
        server.turns([turn]);
        sink.deliver(&batch()).unwrap_err()
    };
    let asked = |failure: Failure| failure.retry_after.map(|wait| wait.as_secs());
    assert_eq!(asked(failure(Turn::Refuse(429, "Retry-After: 120\r\n", ""))), Some(120));
    assert_eq!(asked(failure(Turn::Refuse(503, "retry-after: Sun, 06 Nov 1994 08:49:37 GMT\r\n", ""))), Some(0));
    // A weekday that is not the date's is no reason to come back sooner.
    assert!(asked(failure(Turn::Refuse(503, "retry-after: Fri, 31 Dec 2999 23:59:59 GMT\r\n", ""))) > Some(1 << 30));
    assert_eq!(asked(failure(Turn::Refuse(503, "retry-after: soon\r\n", ""))), None);
    assert_eq!(asked(failure(Turn::Refuse(503, "retry-after: -1\r\n", ""))), None);
    assert!(failure(Turn::Refuse(413, "", "")).too_large);
    let told = failure(Turn::Refuse(500, "", "a\u{1b}[2Jb\n\u{202e}")).message;
    assert!(told.ends_with("answered 500: a\u{fffd}[2Jb\u{fffd}\u{fffd}"), "{told:?}");
    assert!(failure(Turn::CutBody).message.contains("cannot be reached"));
    assert!(failure(Turn::TakeAndCut).message.contains("cannot be reached"));
}

/// A server that speaks TLS with a certificate of its own, on a thread; gives its address.
fn secured(certificate: Vec<u8>, key: Vec<u8>) -> (String, Arc<Server>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let certificate = CertificateDer::from(certificate);
    let config = config.with_no_client_auth().with_single_cert(vec![certificate], PrivateKeyDer::Pkcs8(key.into()));
    let config = Arc::new(config.unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/in", listener.local_addr().unwrap());
    let server = Arc::new(Server::new());
    let behind = Arc::clone(&server);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream);
            let mut answer = Vec::new();
            if behind.turn(&mut stream, &mut answer).is_some() {
                let _ = stream.write_all(&answer).and_then(|()| stream.flush());
            }
        }
    });
    (url, server)
}

#[test]
fn tls_holds_against_whom_nobody_vouched_for() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate::own();
    let (file, token) = (folder.path().join("ca.pem"), folder.path().join("token"));
    fs::write(&file, certificate::pem(&certificate)).unwrap();
    fs::write(&token, "canary").unwrap();
    let (url, server) = secured(certificate, key);
    let trusting = WebOptions { ca_file: Some(file.clone()), token_file: Some(token.clone()), ..WebOptions::new(&url) };
    sink(&trusting).deliver(&batch()).unwrap();
    assert_eq!(server.requests()[0].headers["authorization"], "Bearer canary");
    // The same name and another key.
    fs::write(&file, certificate::pem(&certificate::own().0)).unwrap();
    let failure = sink(&trusting).deliver(&batch()).unwrap_err();
    assert!(failure.message.contains("certificate"), "{failure:?}");
    // Another name.
    let elsewhere = WebOptions { url: url.replace("127.0.0.1", "localhost"), ..trusting };
    let failure = sink(&elsewhere).deliver(&batch()).unwrap_err();
    assert!(failure.message.contains("certificate"), "{failure:?}");
    assert_eq!(server.count(), 1, "nothing was said to a stranger");
}
