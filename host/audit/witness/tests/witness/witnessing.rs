//! The thread that keeps a log cosigned, with witnesses that are there, away, slow or hostile.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, sync_channel},
    },
    thread,
    time::{Duration, Instant},
};

use grid_audit_witness::{
    Address, Cosigner, Event, Limits, OnStale, Options, Source, Status, Trouble, Unusable, Witnessing, load_key,
};
use grid_core::clock::{Clock, SharedClock, SystemClock};
use grid_tlog::{Hash, VerifyingKey, Witnessed, witnessed};
use tempfile::TempDir;

use crate::{
    hostile::Script,
    kit::{Home, Log, Server},
};

const SOON: Duration = Duration::from_secs(10);

/// A log that publishes as many entries as it is told to.
struct Growing {
    log: Log,
    size: AtomicU64,
    fails: Mutex<Option<io::ErrorKind>>,
}

impl Growing {
    fn new(size: u64) -> Arc<Self> {
        Arc::new(Self { log: Log::new(500), size: AtomicU64::new(size), fails: Mutex::new(None) })
    }

    fn grow(&self, size: u64) {
        self.size.store(size, Ordering::SeqCst);
    }
}

impl Source for Growing {
    fn checkpoint(&self) -> io::Result<Option<String>> {
        if let Some(kind) = *self.fails.lock().unwrap() {
            return Err(kind.into());
        }
        let size = self.size.load(Ordering::SeqCst);
        Ok((size > 0).then(|| self.log.note(size).to_string()))
    }

    fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        Ok(self.log.proof(old, new))
    }
}

/// Real time, and as much more as a test adds to it.
#[derive(Debug)]
struct Shifted(SharedClock, AtomicU64);

impl Shifted {
    fn new() -> Arc<Self> {
        Arc::new(Self(SystemClock::shared(), AtomicU64::new(0)))
    }

    fn add(&self, time: Duration) {
        self.1.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Shifted {
    fn elapsed(&self) -> Duration {
        self.0.elapsed() + Duration::from_millis(self.1.load(Ordering::SeqCst))
    }

    fn unix_ms(&self) -> u64 {
        self.0.unix_ms() + self.1.load(Ordering::SeqCst)
    }
}

struct Scene {
    source: Arc<Growing>,
    clock: Arc<Shifted>,
    directory: TempDir,
}

impl Scene {
    fn new() -> Self {
        Self { source: Growing::new(0), clock: Shifted::new(), directory: tempfile::tempdir().unwrap() }
    }

    fn server(&self, home: &Home) -> Server {
        let signer = load_key(&home.key_file()).unwrap();
        let cosigner = Cosigner::open(signer, &home.memory(), [self.source.log.key()], self.clock.clone()).unwrap();
        Server::start(cosigner, Limits::default())
    }

    fn options(&self, witnesses: &[(&VerifyingKey, String)]) -> Options {
        let address = |(key, url): &(&VerifyingKey, String)| Address { key: (*key).clone(), url: url.clone() };
        Options {
            interval: Duration::from_millis(20),
            timeout: SOON,
            longest_pause: Duration::from_millis(50),
            ..Options::new(witnesses.iter().map(address).collect(), self.directory.path().to_owned())
        }
    }

    fn start(&self, options: Options) -> (Witnessing, Receiver<Event>) {
        let (tell, told) = sync_channel(100);
        let source: Arc<dyn Source> = self.source.clone();
        let witnessing = Witnessing::start(options, source, self.clock.clone(), move |event| {
            let _ = tell.send(event);
        });
        (witnessing.unwrap(), told)
    }

    fn seen(&self, witnesses: &[&VerifyingKey], quorum: usize) -> Option<Witnessed> {
        let note = fs::read_to_string(self.directory.path().join("checkpoint.witnessed")).ok()?;
        let keys: Vec<VerifyingKey> = witnesses.iter().map(|key| (*key).clone()).collect();
        Some(witnessed(&note, &self.source.log.key(), &keys, quorum).unwrap())
    }
}

/// Waits for what must come about soon.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = now();
    while !is_so() {
        assert!(begun.elapsed() < SOON, "it did not come about: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn until_status(witnessing: &Witnessing, what: &str, is_so: impl Fn(&Status) -> bool) {
    until(what, || is_so(&witnessing.status()));
}

#[expect(clippy::disallowed_methods, reason = "these tests measure real time")]
fn now() -> Instant {
    Instant::now()
}

#[test]
fn a_growing_log_is_cosigned_by_all_and_the_note_verifies_without_them() {
    let (scene, homes) = (Scene::new(), [Home::new(), Home::new()]);
    let servers = homes.each_ref().map(|home| scene.server(home));
    let options = scene.options(&[(&homes[0].key, servers[0].url()), (&homes[1].key, servers[1].url())]);
    let (witnessing, told) = scene.start(options.clone());
    assert_eq!((witnessing.status().newest, witnessing.age()), (0, Duration::ZERO));
    for size in [1, 2, 7, 100, 333] {
        scene.source.grow(size);
        until_status(&witnessing, "cosigned by both", |status| status.cosigned == size);
        let keys = [&homes[0].key, &homes[1].key];
        until("published", || scene.seen(&keys, 2).is_some_and(|seen| seen.checkpoint.size == size));
        until("level", || witnessing.age() == Duration::ZERO);
    }
    witnessing.stop();
    // What was remembered is asked with: nobody has to be told a size.
    scene.source.grow(500);
    let (witnessing, _) = scene.start(options);
    until_status(&witnessing, "cosigned after a restart", |status| status.cosigned == 500);
    assert!(told.try_recv().is_err(), "nothing was to be told");
    let book = fs::read_to_string(scene.directory.path().join("witnesses.json")).unwrap();
    assert!(book.contains(&homes[0].key.to_string()), "{book}");
}

#[test]
fn what_is_remembered_may_be_lost_or_damaged() {
    let (scene, home) = (Scene::new(), Home::new());
    let server = scene.server(&home);
    for (at, book) in [None, Some(""), Some("{}"), Some("\0\0"), Some("[1,2")].into_iter().enumerate() {
        let size = 50 * (at as u64 + 1);
        scene.source.grow(size);
        let path = scene.directory.path().join("witnesses.json");
        match book {
            Some(text) => fs::write(&path, text).unwrap(),
            None => drop(fs::remove_file(&path)),
        }
        fs::write(scene.directory.path().join("checkpoint.witnessed"), book.unwrap_or_default()).unwrap();
        let (witnessing, _) = scene.start(scene.options(&[(&home.key, server.url())]));
        until_status(&witnessing, "cosigned", |status| status.cosigned == size);
        witnessing.stop();
        assert_eq!(scene.seen(&[&home.key], 1).unwrap().checkpoint.size, size);
    }
}

#[test]
fn bad_witnesses_hold_up_neither_the_others_nor_the_host() {
    let (scene, home) = (Scene::new(), Home::new());
    let server = scene.server(&home);
    let endless = Script::new(|mut stream| {
        let _ = io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n");
        while io::Write::write_all(&mut stream, &[b'x'; 8_192]).is_ok() {}
    });
    let silent = Script::new(|_stream| thread::sleep(Duration::from_secs(60)));
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bad = [Home::new(), Home::new(), Home::new()];
    let options = scene.options(&[
        (&bad[0].key, endless.url()),
        (&bad[1].key, silent.url()),
        (&home.key, server.url()),
        (&bad[2].key, format!("http://{closed}")),
    ]);
    let (witnessing, _) = scene.start(Options { quorum: 1, ..options });
    let mut slowest = Duration::ZERO;
    for size in 1..=20 {
        scene.source.grow(size * 10);
        until_status(&witnessing, "cosigned by the good one", |status| status.cosigned == size * 10);
        let begun = now();
        let (status, _age) = (witnessing.status(), witnessing.age());
        slowest = slowest.max(begun.elapsed());
        assert_eq!(status.witnesses[2].trouble, None);
    }
    assert!(slowest < Duration::from_millis(100), "{slowest:?}");
    let standing = witnessing.status().witnesses;
    for place in [0, 3] {
        assert!(matches!(standing[place].trouble, Some(Trouble::Unreachable(_))), "{:?}", standing[place]);
    }
    // One question hangs and is not waited for.
    assert_eq!(silent.asked(), 1);
    let begun = now();
    witnessing.stop();
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[test]
fn an_age_that_is_too_great_is_told_once_and_healed_once() {
    let (scene, home) = (Scene::new(), Home::new());
    let server = scene.server(&home);
    let address = server.address;
    let options = Options { on_stale: OnStale::Stop, ..scene.options(&[(&home.key, server.url())]) };
    let (witnessing, told) = scene.start(options.clone());
    scene.source.grow(10);
    until_status(&witnessing, "cosigned", |status| status.cosigned == 10);
    drop(server);
    scene.source.grow(20);
    until_status(&witnessing, "trouble", |status| status.witnesses[0].trouble.is_some());
    scene.clock.add(Duration::from_secs(595));
    thread::sleep(Duration::from_millis(100));
    assert!(told.try_recv().is_err(), "not yet");
    assert!(witnessing.age() > Duration::from_secs(594));
    scene.clock.add(Duration::from_secs(5));
    let event = told.recv_timeout(SOON).unwrap();
    let Event::Stale { age, cosigned: 10, newest: 20, policy: OnStale::Stop } = event else { panic!("{event:?}") };
    assert!(age >= Duration::from_secs(600) && age < Duration::from_secs(602), "{age:?}");
    assert!(witnessing.status().is_stale);
    scene.clock.add(Duration::from_secs(3_600));
    thread::sleep(Duration::from_millis(50));
    assert!(told.try_recv().is_err(), "told once");
    // The host starts again, and it still is so.
    witnessing.stop();
    let (witnessing, told) = scene.start(options);
    let event = told.recv_timeout(SOON).unwrap();
    assert!(matches!(event, Event::Stale { age, .. } if age > Duration::from_secs(4_000)), "{event:?}");
    let signer = load_key(&home.key_file()).unwrap();
    let again = Cosigner::open(signer, &home.memory(), [scene.source.log.key()], scene.clock.clone()).unwrap();
    let _again = Server::start_at(again, Limits::default(), address);
    assert_eq!(told.recv_timeout(SOON).unwrap(), Event::Healed { cosigned: 20, policy: OnStale::Stop });
    assert_eq!(witnessing.age(), Duration::ZERO);
    assert!(!witnessing.status().is_stale);
}

#[test]
fn a_log_that_cannot_be_read_and_a_folder_that_is_gone_are_said() {
    let (scene, home) = (Scene::new(), Home::new());
    let server = scene.server(&home);
    scene.source.grow(10);
    *scene.source.fails.lock().unwrap() = Some(io::ErrorKind::PermissionDenied);
    let gone = scene.directory.path().join("gone");
    let options = scene.options(&[(&home.key, server.url())]);
    let (witnessing, _) = scene.start(Options { directory: gone.clone(), ..options });
    until_status(&witnessing, "a fault", |status| status.fault.is_some());
    *scene.source.fails.lock().unwrap() = None;
    until_status(&witnessing, "cosigned nevertheless", |status| status.cosigned == 10);
    assert!(!gone.exists());
    // As soon as there is a place for it, it is written, though nothing new was cosigned.
    fs::create_dir(&gone).unwrap();
    until("written", || gone.join("checkpoint.witnessed").exists() && gone.join("witnesses.json").exists());
    until_status(&witnessing, "no fault", |status| status.fault.is_none());
}

#[test]
fn a_log_that_went_back_is_told_by_the_witness() {
    let (scene, home) = (Scene::new(), Home::new());
    let server = scene.server(&home);
    let options = scene.options(&[(&home.key, server.url())]);
    scene.source.grow(100);
    let (witnessing, _) = scene.start(options.clone());
    until_status(&witnessing, "cosigned", |status| status.cosigned == 100);
    witnessing.stop();
    scene.source.grow(40);
    for forgets in [false, true] {
        if forgets {
            remove(scene.directory.path());
        }
        let (witnessing, _) = scene.start(options.clone());
        let ahead = Some(Trouble::Ahead { theirs: 100, ours: 40 });
        until_status(&witnessing, "ahead", |status| status.witnesses[0].trouble == ahead);
        until("an age", || witnessing.age() > Duration::ZERO);
    }
}

fn remove(directory: &Path) {
    fs::read_dir(directory).unwrap().for_each(|file| fs::remove_file(file.unwrap().path()).unwrap());
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let (scene, home) = (Scene::new(), Home::new());
    let url = || "http://127.0.0.1:1".to_owned();
    let good = scene.options(&[(&home.key, url())]);
    let refused = |options: Options| {
        let source: Arc<dyn Source> = scene.source.clone();
        Witnessing::start(options, source, scene.clock.clone(), |_| {}).unwrap_err()
    };
    assert!(matches!(refused(scene.options(&[])), Unusable::Quorum { .. }));
    assert!(matches!(refused(Options { quorum: 2, ..good.clone() }), Unusable::Quorum { .. }));
    assert!(matches!(refused(scene.options(&[(&home.key, url()), (&home.key, url())])), Unusable::Twice(_)));
    let short = Options { interval: Duration::from_secs(10), max_age: Duration::from_secs(19), ..good };
    assert_eq!(refused(short), Unusable::TooShort);
}
