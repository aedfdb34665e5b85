//! Good tokens made bad at random: whatever is changed in the text of a signed token, and whatever bad claims are signed,
//! it is refused. 50,000 a run; GRID_SOAK=1 makes a million.

use std::{env, sync::Arc};

use serde_json::Value;

use super::{
    bad_tokens::{claims, login},
    common::{FakeClock, bearer},
    issuers::login_claims,
};

/// Small, fast, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }
}

fn changed(dice: &mut Dice, token: &str, other: &str) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0{}\"";
    let mut bytes = token.as_bytes().to_vec();
    for _ in 0..=dice.below(4) {
        let (at, letter) = (dice.below(bytes.len()), LETTERS[dice.below(LETTERS.len())]);
        match dice.below(6) {
            0 => bytes[at] = letter,
            1 => bytes.insert(at, letter),
            2 => drop(bytes.remove(at)),
            3 => bytes.truncate(at.max(1)),
            4 => bytes.splice(at.., other.bytes().skip(at)).for_each(drop),
            _ => {
                let to = dice.below(bytes.len());
                bytes.swap(at, to);
            }
        }
        if bytes.is_empty() {
            bytes.push(b'.');
        }
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn no_changed_token_is_believed() {
    let soak = env::var_os("GRID_SOAK").is_some();
    let (count, seed) = if soak { (1_000_000, 0x5eed_0002) } else { (50_000, 0x5eed_0001) };
    let login = login();
    let identity = login.host(&login.rule(), &FakeClock::new());
    let mut admin = login_claims();
    admin["sub"] = Value::from("root");
    let good: Vec<String> = ["ed", "ec", "rsa"]
        .iter()
        .flat_map(|kid| [&login_claims(), &admin].map(|claims| login.token(kid, claims)))
        .collect();
    for token in &good {
        identity.prove(&bearer(token)).unwrap();
    }
    let bad: Vec<(String, Value)> = claims();
    let dice = &mut Dice(seed);
    let mut tried = 0;
    for round in 0..count {
        let token = if round % 10 == 0 {
            let (_, claims) = &bad[dice.below(bad.len())];
            login.token("ed", claims)
        } else {
            let (one, other) = (dice.below(good.len()), dice.below(good.len()));
            changed(dice, &good[one], &good[other])
        };
        if good.contains(&token) {
            continue;
        }
        tried += 1;
        if let Ok(caller) = identity.prove(&bearer(&token)) {
            panic!("seed {seed:#x}, round {round}: {token} is believed as {:?}", Arc::clone(caller.principal()));
        }
    }
    assert!(tried > count * 9 / 10, "{tried} of {count}");
}
