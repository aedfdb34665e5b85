//! Addresses that take notices, that are slow, down, or hostile.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails the test")]

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, sync_channel},
    thread,
    time::Duration,
};

use aws_lc_rs::hmac;
use grid_approve_notify::{Notice, Notifier, Options, Outcome, SIGNATURE};
use grid_core::{
    clock::SystemClock,
    id::{ApprovalId, PrincipalId, TenantId},
};

const SECRET: &str = "a secret that is long enough to be one";
/// What has not happened by then does not happen.
const PATIENCE: Duration = Duration::from_secs(30);

struct Post {
    signature: String,
    body: String,
}

/// Answers each request with the next of `answers`, the last one for ever.
fn receiver(answers: &'static [&'static str]) -> (String, Receiver<Post>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, (sender, posts)) = (format!("http://{}/hook", listener.local_addr().unwrap()), sync_channel(1024));
    thread::spawn(move || {
        for (at, stream) in listener.incoming().enumerate() {
            let answer = answers.get(at).or(answers.last()).copied().unwrap_or_default();
            if sender.send(taken(stream.unwrap(), answer)).is_err() {
                return;
            }
        }
    });
    (url, posts)
}

fn taken(stream: TcpStream, answer: &str) -> Post {
    let mut stream = BufReader::new(stream);
    let (mut length, mut signature) = (0, String::new());
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        let (name, value) = line.trim().split_once(": ").unwrap_or_default();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            name if name == SIGNATURE.to_ascii_lowercase() => value.clone_into(&mut signature),
            _ => {}
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    // A client that has gone is none of the receiver's business.
    let _ = stream.get_mut().write_all(answer.as_bytes());
    Post { signature, body: String::from_utf8(body).unwrap() }
}

const OK: &str = "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
const DOWN: &str = "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const ELSEWHERE: &str =
    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
const NONSENSE: &str = "\u{1b}[2J no HTTP at all\r\n\r\n";

struct Desk {
    notifier: Notifier,
    outcomes: Receiver<Outcome>,
    _folder: tempfile::TempDir,
}

fn desk(url: &str, change: impl FnOnce(&mut Options)) -> Desk {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{SECRET}\n")).unwrap();
    let mut options = Options::new(url, secret);
    options.pauses = (Duration::from_millis(1), Duration::from_millis(5));
    change(&mut options);
    let (sender, outcomes) = sync_channel(1024);
    let notifier = Notifier::start(options, SystemClock::shared(), move |outcome| {
        let _ = sender.send(outcome);
    })
    .unwrap();
    Desk { notifier, outcomes, _folder: folder }
}

fn notice(within: Duration) -> Notice {
    let now = SystemClock::shared().unix_ms();
    Notice {
        approval: ApprovalId::mint(),
        tenant: TenantId::parse("acme").unwrap(),
        principal: PrincipalId::parse("alice").unwrap(),
        tool: "pay".to_owned(),
        role: "approver".to_owned(),
        rule: "contract".to_owned(),
        contract: [3; 32],
        args: [7; 32],
        requested_at_ms: now,
        expires_at_ms: now + u64::try_from(within.as_millis()).unwrap(),
    }
}

impl Desk {
    fn outcome(&self) -> Outcome {
        self.outcomes.recv_timeout(PATIENCE).unwrap()
    }
}

#[test]
fn a_notice_is_sent_signed_and_has_no_value_of_an_argument() {
    let (url, posts) = receiver(&[OK]);
    let desk = desk(&url, |_| {});
    let notice = notice(PATIENCE);
    desk.notifier.tell(notice.clone());
    assert_eq!(desk.outcome(), Outcome::Sent);
    let post = posts.recv_timeout(PATIENCE).unwrap();
    let body: serde_json::Value = serde_json::from_str(&post.body).unwrap();
    let approval = notice.approval.to_string();
    let told = |field: &str| body.get(field).and_then(serde_json::Value::as_str).map(str::to_owned);
    assert_eq!(told("approval_id"), Some(approval));
    assert_eq!((told("principal"), told("role")), (Some("alice".to_owned()), Some("approver".to_owned())));
    assert_eq!(body.get("args"), None);
    let (at, signature) = post.signature.split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let tag = hmac::sign(&key, format!("{at}.{}", post.body).as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(signature, hex);
    desk.notifier.stop();
}

#[test]
fn an_address_that_is_down_for_a_while_gets_it_when_it_is_back() {
    let (url, posts) = receiver(&[DOWN, NONSENSE, OK]);
    let desk = desk(&url, |_| {});
    desk.notifier.tell(notice(PATIENCE));
    assert_eq!(desk.outcome(), Outcome::Sent);
    assert_eq!(posts.try_iter().count(), 3);
    desk.notifier.stop();
}

#[test]
fn an_address_that_takes_nothing_is_given_up_and_the_next_notice_is_tried() {
    for answers in [&[DOWN], &[ELSEWHERE], &[NONSENSE]] as [&'static [&'static str]; 3] {
        let (url, posts) = receiver(answers);
        let desk = desk(&url, |options| options.tries = 2);
        desk.notifier.tell(notice(PATIENCE));
        desk.notifier.tell(notice(PATIENCE));
        assert_eq!((desk.outcome(), desk.outcome()), (Outcome::Failed, Outcome::Failed));
        assert_eq!(posts.try_iter().count(), 4, "redirects are not followed");
        desk.notifier.stop();
    }
}

#[test]
fn an_address_that_never_answers_holds_nobody_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let desk = desk(&url, |options| {
        (options.queue, options.tries, options.timeout) = (1, 1, Duration::from_millis(300));
    });
    for _ in 0..50 {
        desk.notifier.tell(notice(PATIENCE));
    }
    let outcomes: Vec<_> = (0..50).map(|_| desk.outcome()).collect();
    assert!(outcomes.iter().filter(|outcome| **outcome == Outcome::Dropped).count() >= 48, "{outcomes:?}");
    assert!(outcomes.contains(&Outcome::Failed));
    desk.notifier.stop();
}

#[test]
fn what_waits_no_longer_is_not_sent() {
    let (url, posts) = receiver(&[OK]);
    let desk = desk(&url, |_| {});
    desk.notifier.tell(notice(Duration::ZERO));
    assert_eq!(desk.outcome(), Outcome::Failed);
    assert_eq!(posts.try_iter().count(), 0);
    desk.notifier.stop();
}

#[test]
fn an_address_in_the_open_and_a_secret_that_is_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "short").unwrap();
    let refused = |url: &str| {
        let started = Notifier::start(Options::new(url, &secret), SystemClock::shared(), |_| {});
        started.map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused("https://hooks.example/").contains("32 bytes"));
    assert!(refused("http://hooks.example/").contains("use https"));
    assert!(refused("ftp://hooks.example/").contains("https://"));
}
