//! Logs behind an address, honest and not, with servers of every sort.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use grid_audit_verify::{Error, Failure, Log, Options, Report, Source, Unreadable, Web, verify};
use grid_tlog::VerifyingKey;
use tempfile::TempDir;

use crate::{
    common::Random,
    honest::content,
    maker::{Content, Shape, signer},
};

/// How a server answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Manner {
    Good,
    /// Every third request fails.
    Tired,
    /// It cuts every answer off.
    Short,
    /// It never stops sending.
    Endless,
    Redirecting,
    Private,
}

/// Serves the files of a directory, one request a connection, until the test ends.
fn serve(directory: &Path, manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let directory = directory.to_owned();
    let turn = Arc::new(AtomicU64::new(0));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, directory, turn) = (stream.unwrap(), directory.clone(), Arc::clone(&turn));
            // Whoever asked may be gone before the answer is.
            thread::spawn(move || drop(answer(stream, directory, manner, turn.fetch_add(1, Ordering::Relaxed))));
        }
    });
    format!("http://{address}/log/")
}

fn answer(mut stream: TcpStream, directory: PathBuf, manner: Manner, turn: u64) -> std::io::Result<()> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().unwrap_or_else(|| Ok(String::new()))?;
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let path = request.split(' ').nth(1).and_then(|path| path.strip_prefix("/log/")).unwrap_or("none").to_owned();
    let head = |status: &str, length: usize| {
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n").into_bytes()
    };
    match manner {
        Manner::Tired if turn.is_multiple_of(3) => return stream.write_all(&head("503 Service Unavailable", 0)),
        Manner::Redirecting => {
            return stream
                .write_all(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
        }
        Manner::Private => return stream.write_all(&head("403 Forbidden", 0)),
        Manner::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")?;
            loop {
                stream.write_all(&[b'x'; 1 << 16])?;
            }
        }
        _ => {}
    }
    let Ok(bytes) = fs::read(directory.join(path)) else {
        return stream.write_all(&head("404 Not Found", 0));
    };
    stream.write_all(&head("200 OK", bytes.len()))?;
    let sent = if manner == Manner::Short { bytes.len() / 2 } else { bytes.len() };
    stream.write_all(&bytes[..sent])
}

fn log(seed: u64, entries: usize) -> (Content, TempDir) {
    let content = content(&mut Random::new(seed), entries, 1);
    let directory = TempDir::new().unwrap();
    content.write(directory.path(), &Shape::whole(&content));
    (content, directory)
}

fn check(directory: &Path, manner: Manner, key: &VerifyingKey) -> Result<Report, Error> {
    let web = Web::open(&serve(directory, manner), None).unwrap();
    verify(&web, &Options::default().key(key))
}

fn refused(directory: &Path, key: &VerifyingKey) -> Failure {
    match check(directory, Manner::Good, key) {
        Err(Error::Unverified(failure)) => failure,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_log_is_checked_over_the_network() {
    let (content, directory) = log(1, 600);
    let report = check(directory.path(), Manner::Good, &content.key()).unwrap();
    assert_eq!((report.entries, report.published), (content.size() as u64, content.size() as u64));
    assert!(report.signatures >= content.batches.len() as u64);
    let report = check(directory.path(), Manner::Tired, &content.key()).unwrap();
    assert_eq!(report.root, content.checkpoint(content.size()).root);
    // Whoever has an older key can follow it; a stranger's does not do.
    check(directory.path(), Manner::Good, content.keys[0].1.verifying_key()).unwrap();
    assert!(refused(directory.path(), signer().verifying_key()).what.contains("never signed"));
}

#[test]
fn what_is_not_there_or_was_changed_is_seen() {
    let (content, directory) = log(2, 300);
    let key = content.key();
    let path = |name: &str| directory.path().join(name);
    let tile = fs::read(path("tile/entries/000")).unwrap();
    let mut changed = tile.clone();
    changed[100] ^= 1;
    fs::write(path("tile/entries/000"), &changed).unwrap();
    assert_eq!(refused(directory.path(), &key).index, Some(0));
    fs::remove_file(path("tile/entries/000")).unwrap();
    assert!(refused(directory.path(), &key).what.contains("missing"));
    fs::write(path("tile/entries/000"), &tile).unwrap();
    // Only the published key is asked for where older signatures are not shown.
    fs::remove_file(path("checkpoints.log")).unwrap();
    check(directory.path(), Manner::Good, &key).unwrap();
    assert!(refused(directory.path(), content.keys[0].1.verifying_key()).what.contains("older signatures"));
    fs::remove_file(path("checkpoint")).unwrap();
    let missing = check(directory.path(), Manner::Good, &key);
    assert!(matches!(missing, Err(Error::Unreadable(Unreadable::Missing(_)))), "{missing:?}");
}

#[test]
fn a_server_that_misbehaves_says_nothing_about_the_log() {
    let (content, directory) = log(3, 50);
    for manner in [Manner::Short, Manner::Redirecting, Manner::Private] {
        let result = check(directory.path(), manner, &content.key());
        assert!(matches!(result, Err(Error::Unreadable(Unreadable::Io { .. }))), "{manner:?}: {result:?}");
    }
    let endless = check(directory.path(), Manner::Endless, &content.key());
    assert!(matches!(endless, Err(Error::Unverified(_))), "{endless:?}");
    for address in ["ftp://example.org/", "example.org", "http://user@example.org/", "http://example.org/?a=b", ""] {
        assert!(Web::open(address, None).is_err(), "{address}");
    }
}

#[test]
fn proofs_are_made_over_the_network() {
    let (content, directory) = log(4, 700);
    let log = Log::open(Web::open(&serve(directory.path(), Manner::Good), None).unwrap()).unwrap();
    for index in [0, 255, 256, content.size() as u64 - 1] {
        let proof = log.prove(index).unwrap();
        assert_eq!(proof.verify(&content.key()).unwrap().size, content.size() as u64);
        assert_eq!(proof.entry.unwrap().as_bytes(), content.entries[usize::try_from(index).unwrap()]);
    }
    assert!(log.prove(content.size() as u64).is_err());
}

/// A log that has grown since its checkpoint was fetched has full tiles where partial ones were.
#[test]
fn a_log_that_grows_meanwhile_is_no_failure() {
    let content = content(&mut Random::new(5), 700, 0);
    let directory = TempDir::new().unwrap();
    let half = content.batches.len() / 2;
    let shape = Shape { published: vec![half, content.batches.len()], ..Shape::whole(&content) };
    content.write(directory.path(), &shape);
    fs::write(directory.path().join("checkpoint"), content.note(content.batches[half - 1])).unwrap();
    let web = Web::open(&serve(directory.path(), Manner::Good), None).unwrap();
    let report = verify(&web, &Options::default().key(&content.key())).unwrap();
    assert_eq!(report.entries, content.batches[half - 1] as u64);
    assert!(web.fetch("tile/0/000").unwrap().is_some());
}
