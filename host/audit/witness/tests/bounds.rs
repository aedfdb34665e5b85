//! A client whose witnesses are all bad takes no more memory the longer it asks. A program of its own, because it
//! measures itself.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use grid_audit_witness::{Address, Options, Source, Witnessing};
use grid_core::clock::SystemClock;
use grid_tlog::{Checkpoint, Hash, Kind, Signer};

/// What may be taken on top.
const MORE: u64 = 16 << 20;

/// Another checkpoint each time it is asked for one.
struct Racing {
    signer: Signer,
    size: AtomicU64,
}

impl Source for Racing {
    fn checkpoint(&self) -> io::Result<Option<String>> {
        let size = self.size.fetch_add(1, Ordering::SeqCst);
        let root = Hash::leaf(&size.to_be_bytes());
        Ok(Some(Checkpoint { origin: "example.org/log".into(), size, root }.sign(&self.signer).to_string()))
    }

    fn consistency(&self, _: u64, _: u64) -> io::Result<Vec<Hash>> {
        Ok(vec![Hash::default(); 40])
    }
}

/// A server that begins with these bytes and goes on until the other end has had enough.
fn server(head: &'static str, goes_on: bool, asked: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, asked) = (format!("http://{}", listener.local_addr().unwrap()), Arc::clone(asked));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, asked) = (stream.unwrap(), Arc::clone(&asked));
            thread::spawn(move || {
                asked.fetch_add(1, Ordering::SeqCst);
                let mut buffer = [0; 4_096];
                let _ = stream.read(&mut buffer);
                let _ = stream.write_all(head.as_bytes());
                while goes_on && stream.write_all(&[b'x'; 4_096]).is_ok() {}
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {}
            });
        }
    });
    url
}

fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn asking_bad_witnesses_for_long_takes_no_more_memory() {
    let asked = Arc::new(AtomicUsize::new(0));
    let urls = [
        server("HTTP/1.1 200 OK\r\n\r\n", true, &asked),
        server("HTTP/1.1 409 Conflict\r\ncontent-type: text/x.tlog.size\r\n\r\n", true, &asked),
        server("HTTP/1.1 200 OK\r\nx: ", true, &asked),
        server("", false, &asked),
        "http://127.0.0.1:1".to_owned(),
    ];
    let address = |(at, url): (usize, String)| {
        let signer = Signer::generate(&format!("witness.example/{at}"), Kind::Cosignature).unwrap();
        Address { key: signer.verifying_key().clone(), url }
    };
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        interval: Duration::from_millis(1),
        timeout: Duration::from_millis(50),
        longest_pause: Duration::from_millis(1),
        ..Options::new(urls.into_iter().enumerate().map(address).collect(), directory.path().to_owned())
    };
    let signer = Signer::generate("example.org/log", Kind::Note).unwrap();
    let source = Arc::new(Racing { signer, size: AtomicU64::new(1) });
    let witnessing = Witnessing::start(options, source, SystemClock::shared(), |_| {}).unwrap();
    thread::sleep(Duration::from_millis(1_500));
    let (before, questions) = (resident(), asked.load(Ordering::SeqCst));
    for _ in 0..2 {
        thread::sleep(Duration::from_millis(1_500));
    }
    let (after, questions) = (resident(), asked.load(Ordering::SeqCst) - questions);
    assert!(questions > 200, "{questions} questions alone prove nothing");
    assert!(after < before + MORE, "{before} became {after} bytes with {questions} questions");
    let trouble = witnessing.status().witnesses;
    assert!(trouble.iter().take(3).all(|standing| standing.trouble.is_some()), "{trouble:?}");
}
