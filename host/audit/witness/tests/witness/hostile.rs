//! Witnesses that answer what they like: the client comes back in time, with an error, and believes nothing.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use grid_audit_witness::{Address, Answer, Limits, Trouble, Witness};
use grid_tlog::{Kind, Note, Signer, cosign};

use crate::kit::{Home, Log, Server};

const TIMEOUT: Duration = Duration::from_millis(400);

/// Listens, reads a whole request, and does with the connection what it is told; until the test ends.
pub struct Script {
    pub address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Script {
    pub fn new(act: impl Fn(TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, asked) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let (count, act) = (Arc::clone(&asked), Arc::new(act));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, act, count) = (stream.unwrap(), Arc::clone(&act), Arc::clone(&count));
                thread::spawn(move || {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4_096];
                    while !is_whole(&request) {
                        match stream.read(&mut buffer) {
                            Ok(0) | Err(_) => return,
                            Ok(read) => request.extend_from_slice(&buffer[..read]),
                        }
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    act(stream);
                });
            }
        });
        Self { address, asked }
    }

    pub fn says(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::new(move |mut stream| {
            let _ = stream.write_all(&bytes);
        })
    }

    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    length.is_none_or(|length: usize| body.len() >= length)
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn conflict(kind: &str, body: &str) -> String {
    format!("HTTP/1.1 409 Conflict\r\n{kind}content-length: {}\r\n\r\n{body}", body.len())
}

struct Scene {
    log: Log,
    signer: Signer,
}

impl Scene {
    fn new() -> Self {
        Self { log: Log::new(9), signer: Signer::generate("witness.example/w1", Kind::Cosignature).unwrap() }
    }

    fn ask_at(&self, url: String) -> Result<Answer, Trouble> {
        let address = Address { key: self.signer.verifying_key().clone(), url };
        Witness::new(address, TIMEOUT).unwrap().request(0, &[], &self.log.note(5))
    }

    fn ask(&self, script: &Script) -> Result<Answer, Trouble> {
        let begun = now();
        let answer = self.ask_at(script.url());
        assert!(begun.elapsed() < TIMEOUT + Duration::from_secs(1), "{:?}", begun.elapsed());
        answer
    }

    /// A good line of this witness over the checkpoint of `size` entries.
    fn line(&self, size: u64) -> String {
        format!("{}\n", cosign(self.log.note(size).text(), 1_800_000_000, &self.signer).unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "these tests measure real time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_good_line_is_found_among_those_of_others() {
    let scene = Scene::new();
    let other = Signer::generate("witness.example/w2", Kind::Cosignature).unwrap();
    let other = cosign(scene.log.note(5).text(), 1_800_000_000, &other).unwrap();
    for body in [scene.line(5), format!("{other}\n{}", scene.line(5)), format!("{}{other}\n", scene.line(5))] {
        let answer = scene.ask(&Script::says(ok(&body))).unwrap();
        let Answer::Cosigned { line, time } = answer else { panic!("{answer:?}") };
        assert_eq!((format!("{line}\n"), time), (scene.line(5), 1_800_000_000));
    }
}

#[test]
fn lines_that_prove_nothing_are_not_believed() {
    let scene = Scene::new();
    let (good, note) = (scene.line(5), scene.log.note(5));
    let namesake = Signer::generate("witness.example/w1", Kind::Cosignature).unwrap();
    let as_note = Signer::generate("witness.example/w1", Kind::Note).unwrap();
    let mut forged = cosign(note.text(), 1_800_000_000, &scene.signer).unwrap();
    forged.bytes[3] ^= 1;
    let mut renamed = cosign(note.text(), 1_800_000_000, &namesake).unwrap();
    renamed.id = scene.signer.verifying_key().id();
    for body in [
        String::new(),
        "\n".to_owned(),
        "ok\n".to_owned(),
        good.trim_end().to_owned(),
        good.replace('\u{2014}', "-"),
        // Of another checkpoint: what it signed before does not serve again.
        scene.line(4),
        format!("{}\n", cosign(note.text(), 1_800_000_000, &namesake).unwrap()),
        format!("{}\n", Note::sign(note.text().to_owned(), &as_note).signatures()[0]),
        format!("{}\n", note.signatures()[0]),
        format!("{forged}\n"),
        format!("{renamed}\n"),
        format!("{forged}\n{good}"),
        format!("{good}junk\n"),
        note.to_string(),
    ] {
        let answer = scene.ask(&Script::says(ok(&body)));
        assert!(matches!(answer, Err(Trouble::Garbage(_))), "{body:?}: {answer:?}");
    }
    let answer = scene.ask(&Script::says([ok("").replace(": 0", ": 2").as_bytes(), b"\xff\xfe"].concat()));
    assert!(matches!(answer, Err(Trouble::Garbage(_))), "{answer:?}");
}

#[test]
fn a_conflict_tells_a_size_in_one_way() {
    let scene = Scene::new();
    let kind = "content-type: text/x.tlog.size\r\n";
    assert_eq!(scene.ask(&Script::says(conflict(kind, "7\n"))), Ok(Answer::Conflict(7)));
    for body in ["", "\n", "7", "07\n", "7\n7\n", "-7\n", "7 \n", "99999999999999999999\n", "seven\n"] {
        let answer = scene.ask(&Script::says(conflict(kind, body)));
        assert!(matches!(answer, Err(Trouble::Garbage(_))), "{body:?}: {answer:?}");
    }
    for kind in ["", "content-type: text/plain\r\n", "content-type: text/x.tlog.size; charset=utf-8\r\n"] {
        let answer = scene.ask(&Script::says(conflict(kind, "7\n")));
        assert!(matches!(answer, Err(Trouble::Refused { status: 409, .. })), "{kind}: {answer:?}");
    }
}

#[test]
fn redirects_are_not_followed() {
    let (scene, home) = (Scene::new(), Home::new());
    let real = Server::start(home.open(&[scene.log.key()]), Limits::default());
    for status in [301, 302, 303, 307, 308] {
        let url = real.url();
        let says = format!("HTTP/1.1 {status} Go\r\nlocation: {url}/add-checkpoint\r\ncontent-length: 0\r\n\r\n");
        let answer = scene.ask(&Script::says(says));
        assert!(matches!(answer, Err(Trouble::Refused { status: found, .. }) if found == status), "{answer:?}");
    }
    assert_eq!(real.cosigner.logs()[0].1, None);
}

#[test]
fn what_does_not_end_is_cut() {
    let scene = Scene::new();
    let endless: [&'static str; 4] = [
        "HTTP/1.1 200 OK\r\ncontent-length: 100000000000\r\n\r\n",
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 500 No\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: ",
    ];
    for head in endless {
        let script = Script::new(move |mut stream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(&[b'x'; 8_192]).is_ok() {}
        });
        let answer = scene.ask(&script);
        assert!(matches!(answer, Err(Trouble::Unreachable(_))), "{head:?}: {answer:?}");
    }
    let headers = "HTTP/1.1 200 OK\r\n".to_owned() + &"x: y\r\n".repeat(20_000);
    let answer = scene.ask(&Script::says(headers));
    assert!(matches!(answer, Err(Trouble::Unreachable(_))), "{answer:?}");
    // Chunks of one byte, and more of them than an answer may have bytes.
    let chunks = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_owned() + &"1\r\nx\r\n".repeat(70_000);
    let answer = scene.ask(&Script::says(chunks));
    assert!(matches!(answer, Err(Trouble::Unreachable(_))), "{answer:?}");
}

#[test]
fn what_drips_is_cut() {
    let scene = Scene::new();
    for head in ["", "HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let script = Script::new(move |mut stream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(b"H").is_ok() {
                thread::sleep(Duration::from_millis(20));
            }
        });
        let answer = scene.ask(&script);
        assert!(matches!(answer, Err(Trouble::Unreachable(_))), "{head:?}: {answer:?}");
    }
}

#[test]
fn silence_and_nonsense_are_no_answers() {
    let scene = Scene::new();
    let silent = Script::new(|_stream| thread::sleep(Duration::from_secs(2)));
    let script = [
        silent,
        Script::says(""),
        Script::says("\0\0\0\0\0\0\0\0"),
        Script::says("SSH-2.0-OpenSSH_9.9\r\n"),
        Script::says("HTTP/1.1 999999 What\r\n\r\n"),
        Script::says("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nx"),
        Script::says("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"),
        Script::says("HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nshort"),
    ];
    for (at, script) in script.iter().enumerate() {
        let answer = scene.ask(script);
        assert!(matches!(answer, Err(Trouble::Unreachable(_))), "{at}: {answer:?}");
        assert!(script.asked() > 0);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(scene.ask_at(format!("http://{closed}")), Err(Trouble::Unreachable(_))));
    assert!(matches!(scene.ask_at("http://no-such-host.invalid".to_owned()), Err(Trouble::Unreachable(_))));
}

#[test]
fn a_strangers_words_are_clipped_before_anybody_reads_them() {
    let scene = Scene::new();
    let words = format!("\u{1b}[2J\u{7}bad\n{}", "x".repeat(5_000));
    let says = format!("HTTP/1.1 403 Forbidden\r\ncontent-length: {}\r\n\r\n{words}", words.len());
    let Err(Trouble::Refused { status: 403, why }) = scene.ask(&Script::says(says)) else { panic!() };
    assert!(why.len() <= 200 && !why.contains(char::is_control) && why.contains("bad x"), "{why:?}");
}

#[test]
fn an_address_is_a_key_and_a_plain_url() {
    let scene = Scene::new();
    let (key, log) = (scene.signer.verifying_key(), scene.log.key());
    let good: Address = format!("{key} https://witness.example/prefix/").parse().unwrap();
    assert_eq!((&good.key, good.url.as_str()), (key, "https://witness.example/prefix"));
    assert_eq!(good.to_string().parse::<Address>().unwrap(), good);
    for bad in [
        String::new(),
        key.to_string(),
        format!("https://witness.example {key}"),
        format!("{log} https://witness.example"),
        format!("{key} witness.example"),
        format!("{key} ftp://witness.example"),
        format!("{key} https://"),
        format!("{key} https://user:secret@witness.example"),
        format!("{key} https://witness.example/?a=b"),
        format!("{key} https://witness example"),
    ] {
        let refused = bad.parse::<Address>().unwrap_err().to_string();
        assert!(!refused.contains("secret"), "{refused}");
    }
}
