//! Keys of issuers: read from files and addresses, asked for seldom, changed while requests go on, and used no longer
//! than they may be.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use grid_identity::Identity;
use serde_json::{Value, json};

use super::{
    common::{FakeClock, bearer},
    issuers::{Login, Signer, login_claims, proved},
};

/// An address that gives a key set, counts who asks, and answers as it is told.
struct Site {
    address: String,
    asked: Arc<AtomicUsize>,
    answer: Arc<Mutex<Vec<u8>>>,
}

fn page(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).into_bytes()
}

impl Site {
    fn new(keys: &Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/keys", listener.local_addr().unwrap());
        let (asked, answer) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(page("200 OK", &keys.to_string()))));
        let (counter, content) = (Arc::downgrade(&asked), Arc::clone(&answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Some(counter) = counter.upgrade() else { return };
                let mut stream = stream.unwrap();
                let mut request = [0; 4096];
                let _ = stream.read(&mut request);
                counter.fetch_add(1, Ordering::SeqCst);
                let answer = content.lock().unwrap().clone();
                let _ = stream.write_all(&answer);
            }
        });
        Self { address, asked, answer }
    }

    fn says(&self, answer: Vec<u8>) {
        *self.answer.lock().unwrap() = answer;
    }

    fn publishes(&self, keys: &Value) {
        self.says(page("200 OK", &keys.to_string()));
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }

    fn host(&self, login: &Login, clock: &Arc<FakeClock>) -> Identity {
        login.host(&login.rule().replace("keys.json", &self.address), clock)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        // The thread looks once more, and finds that nobody counts.
        self.asked = Arc::default();
        let address = self.address.trim_start_matches("http://").trim_end_matches("/keys").to_owned();
        drop(std::net::TcpStream::connect(address));
    }
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..6_000 {
        if happened() {
            return;
        }
        thread::sleep(Duration::from_millis(5));
    }
    panic!("{what} did not happen");
}

fn set(keys: &[(&str, &Signer)]) -> Value {
    json!({"keys": keys.iter().map(|(kid, signer)| signer.jwk(kid)).collect::<Vec<_>>()})
}

fn token(signer: &Signer, kid: &str) -> String {
    signer.token(&json!({"alg": signer.algorithm(), "kid": kid}), &login_claims())
}

fn small() -> Login {
    // No RSA key is made here: it takes its time.
    Login { folder: tempfile::tempdir().unwrap(), ed: Signer::ed(), ec: Signer::ec(), rsa: Signer::ed() }
}

#[test]
fn a_flood_of_unknown_key_ids_asks_once_a_minute() {
    let (login, clock) = (small(), FakeClock::new());
    let site = Site::new(&set(&[("ed", &login.ed)]));
    let identity = site.host(&login, &clock);
    until("the first look", || proved(&identity, &token(&login.ed, "ed")).is_ok());
    assert_eq!(site.asked(), 1);
    let tail = token(&login.ed, "x");
    let tail = &tail[tail.find('.').unwrap()..];
    let flood = |from: usize, count: usize| {
        thread::scope(|scope| {
            for part in 0..4 {
                let (identity, from) = (&identity, from + part * count / 4);
                scope.spawn(move || {
                    for n in from..from + count / 4 {
                        let head = super::issuers::base64(format!(r#"{{"alg":"EdDSA","kid":"unknown-{n}"}}"#));
                        assert!(identity.prove(&bearer(&format!("{head}{tail}"))).is_err());
                    }
                });
            }
        });
    };
    flood(0, 100_000);
    assert_eq!(site.asked(), 1, "within the first minute");
    clock.advance(Duration::from_secs(59));
    flood(100_000, 4_000);
    assert_eq!(site.asked(), 1, "a second too early");
    clock.advance(Duration::from_secs(1));
    flood(200_000, 4_000);
    until("the second look", || site.asked() == 2);
    flood(300_000, 4_000);
    assert_eq!(site.asked(), 2, "within the second minute");
    proved(&identity, &token(&login.ed, "ed")).unwrap();
}

#[test]
fn a_key_that_rotates_is_taken_and_the_old_one_ends() {
    let (login, clock) = (small(), FakeClock::new());
    let site = Site::new(&set(&[("one", &login.ed)]));
    let identity = site.host(&login, &clock);
    let (old, new) = (token(&login.ed, "one"), token(&login.ec, "two"));
    until("the first look", || proved(&identity, &old).is_ok());
    site.publishes(&set(&[("one", &login.ed), ("two", &login.ec)]));
    assert!(proved(&identity, &new).is_err(), "nobody may be asked within a minute");
    clock.advance(Duration::from_secs(60));
    until("the second look", || proved(&identity, &new).is_ok());
    proved(&identity, &old).expect("both are good");
    site.publishes(&set(&[("two", &login.ec)]));
    clock.advance(Duration::from_secs(300));
    // Also what is remembered is looked at again.
    until("the old key ends", || proved(&identity, &old).is_err());
    proved(&identity, &new).unwrap();
    // A name that comes again with another key means that one alone.
    site.publishes(&set(&[("two", &login.ed)]));
    clock.advance(Duration::from_secs(300));
    until("the key of that name changed", || proved(&identity, &new).is_err());
    proved(&identity, &token(&login.ed, "two")).unwrap();
}

#[test]
fn requests_go_on_while_keys_rotate() {
    let (login, clock) = (small(), FakeClock::new());
    let signers: Vec<Signer> = (0..8).map(|_| Signer::ed()).collect();
    let names: Vec<String> = (0..8).map(|n| format!("key-{n}")).collect();
    let site = Site::new(&set(&[(&names[0], &signers[0])]));
    let identity = site.host(&login, &clock);
    let stranger = Signer::ed();
    until("the first look", || proved(&identity, &token(&signers[0], &names[0])).is_ok());
    for round in 1..8 {
        let both = [(names[round - 1].as_str(), &signers[round - 1]), (names[round].as_str(), &signers[round])];
        site.publishes(&set(&both));
        clock.advance(Duration::from_secs(60));
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..20 {
                        // The key that both sets have is good throughout, and no other key under its name.
                        proved(&identity, &token(&signers[round - 1], &names[round - 1])).unwrap();
                        assert!(proved(&identity, &token(&stranger, &names[round - 1])).is_err());
                        assert!(proved(&identity, &token(&stranger, &names[round])).is_err());
                    }
                });
            }
        });
        until("the next key is known", || proved(&identity, &token(&signers[round], &names[round])).is_ok());
    }
    assert!(site.asked() <= 8, "{} looks in 8 minutes", site.asked());
}

#[test]
fn keys_that_cannot_be_read_again_are_used_for_an_hour() {
    let (login, clock) = (small(), FakeClock::new());
    let site = Site::new(&set(&[("ed", &login.ed)]));
    let identity = site.host(&login, &clock);
    let good = token(&login.ed, "ed");
    until("the first look", || proved(&identity, &good).is_ok());
    let bad: [(&str, Vec<u8>); 8] = [
        ("an error", page("500 Internal Server Error", &set(&[("ed", &login.ec)]).to_string())),
        ("a redirect", b"HTTP/1.1 302 Found\r\nlocation: /other\r\ncontent-length: 0\r\n\r\n".to_vec()),
        ("no JSON", page("200 OK", "<html>")),
        ("no keys", page("200 OK", r#"{"keys":[]}"#)),
        ("a name twice", page("200 OK", r#"{"keys":[],"keys":[{}]}"#)),
        ("too much", page("200 OK", &format!("{{\"keys\":[],\"x\":\"{}\"}}", "x".repeat(300_000)))),
        ("half of it", b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"keys\":[".to_vec()),
        ("nothing", Vec::new()),
    ];
    let mut asked = site.asked();
    clock.advance(Duration::from_secs(300));
    for (what, answer) in bad {
        site.says(answer);
        clock.advance(Duration::from_secs(60));
        until(what, || site.asked() > asked);
        asked = site.asked();
        proved(&identity, &good).unwrap_or_else(|why| panic!("{what}: {why}"));
        assert!(proved(&identity, &token(&login.ec, "ed")).is_err(), "{what}");
    }
    clock.advance(Duration::from_secs(3_600 - 300 - 8 * 60 - 61));
    proved(&identity, &good).expect("not an hour yet");
    clock.advance(Duration::from_secs(61 + 60));
    assert!(proved(&identity, &good).is_err(), "an hour is over");
    site.publishes(&set(&[("ed", &login.ed)]));
    clock.advance(Duration::from_secs(60));
    // The token itself ended meanwhile; a fresh one is good.
    let fresh = {
        let mut claims = login_claims();
        claims["exp"] = json!(super::common::NOW_S + 36_000);
        login.ed.token(&json!({"alg": "EdDSA", "kid": "ed"}), &claims)
    };
    until("the keys are back", || proved(&identity, &fresh).is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_for_keys_that_are_on_their_way() {
    let (login, clock) = (small(), FakeClock::new());
    let site = Site::new(&set(&[("one", &login.ed)]));
    let identity = site.host(&login, &clock);
    // The first request of all finds no keys, waits, and is proved.
    identity.prove_soon(&bearer(&token(&login.ed, "one"))).await.expect("it waits for the first look");
    site.publishes(&set(&[("one", &login.ed), ("two", &login.ec)]));
    clock.advance(Duration::from_secs(60));
    identity.prove_soon(&bearer(&token(&login.ec, "two"))).await.expect("it waits for the second look");
    assert_eq!(site.asked(), 2);
    // Nobody may be asked now, so nobody waits.
    assert!(identity.prove_soon(&bearer(&token(&login.ec, "three"))).await.is_err());
    assert_eq!(site.asked(), 2);
}

#[test]
fn a_key_file_is_watched() {
    let (login, clock) = (small(), FakeClock::new());
    login.publish(&set(&[("one", &login.ed)]));
    let identity = login.host(&login.rule(), &clock);
    proved(&identity, &token(&login.ed, "one")).unwrap();
    login.publish(&set(&[("two", &login.ec)]));
    clock.advance(Duration::from_secs(5));
    until("the file is read again", || proved(&identity, &token(&login.ec, "two")).is_ok());
    assert!(proved(&identity, &token(&login.ed, "one")).is_err());
}

#[test]
fn keys_that_should_not_be_used_are_left_out() {
    let login = small();
    let good = login.ed.jwk("good");
    let with = |name: &str, value: Value| {
        let mut key = login.ec.jwk("bad");
        key[name] = value;
        key
    };
    let rsa = |n: Vec<u8>, e: &[u8]| json!({"kty": "RSA", "kid": "bad", "n": super::issuers::base64(n), "e": super::issuers::base64(e)});
    let modulus = |bytes: usize| [&[0xc1][..], &vec![7; bytes - 1]].concat();
    let bad = [
        ("a shared secret", json!({"kty": "oct", "kid": "bad", "k": "AAAA"})),
        ("a private half", with("d", json!("AAAA"))),
        ("for encryption", with("use", json!("enc"))),
        ("use as a list", with("use", json!(["sig"]))),
        ("for signing only", with("key_ops", json!(["sign"]))),
        ("another algorithm", with("alg", json!("ES384"))),
        ("algorithm none", with("alg", json!("none"))),
        ("another curve", with("crv", json!("P-384"))),
        ("half a point", with("x", json!("AAAA"))),
        ("no point", with("y", json!(null))),
        ("a name of another type", with("kid", json!(7))),
        ("a name that is too long", with("kid", json!("k".repeat(129)))),
        ("RSA of 1024 bits", rsa(modulus(128), &[1, 0, 1])),
        ("RSA of 2047 bits", rsa([&[0x41][..], &[7; 255]].concat(), &[1, 0, 1])),
        ("RSA of 1024 bits behind zeros", rsa([&[0; 128][..], &modulus(128)].concat(), &[1, 0, 1])),
        ("RSA of 16384 bits", rsa(modulus(2048), &[1, 0, 1])),
        ("an exponent of one", rsa(modulus(256), &[1])),
        ("an even exponent", rsa(modulus(256), &[4])),
        ("an exponent without end", rsa(modulus(256), &[1; 64])),
        ("no object", json!("key")),
    ];
    for (what, key) in bad {
        login.publish(&json!({ "keys": [key] }));
        let faults = login.rules(&login.rule()).map(|_| ()).unwrap_err();
        assert!(faults[0].to_string().contains("no key of it can be used"), "{what}: {faults:?}");
        login.publish(&json!({"keys": [key, good]}));
        let identity = login.host(&login.rule(), &FakeClock::new());
        proved(&identity, &token(&login.ed, "good")).unwrap_or_else(|why| panic!("{what}: {why}"));
        let bad = login.ec.token(&json!({"alg": "ES256", "kid": "bad"}), &login_claims());
        assert!(proved(&identity, &bad).is_err(), "{what}");
    }
    let many = json!({ "keys": vec![good; 65] });
    login.publish(&many);
    assert!(login.rules(&login.rule()).is_err(), "65 keys");
}
