//! Tokens of strangers, and tokens whose text the fuzzer makes up and a believed key signs. Nothing panics; nothing that
//! was not signed is believed; what is believed says so in claims that another parser reads alike, and is read twice with
//! the same result.

#![no_main]

use std::{sync::{Arc, OnceLock}, time::Duration};

use aws_lc_rs::signature::Ed25519KeyPair;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grid_core::{clock::Clock, envelope::Credentials, principal::Principal};
use grid_identity::{Beside, Identity, Rules, SigningKey, Verifier};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

const NOW_S: u64 = 1_800_000_000;
/// Claims may begin later and end earlier by so much.
const LEEWAY_S: u64 = 30;
const RULE: &str = "[[issuer]]\nissuer = \"i\"\naudience = \"a\"\njwks = \"keys.json\"\ntenant_claim = \"t\"\n\
                    roles_claim = \"r.r\"\n[issuer.claims]\nk = \"k\"\n";

#[derive(Debug)]
struct Still;

impl Clock for Still {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn unix_ms(&self) -> u64 {
        NOW_S * 1000
    }
}

struct Host {
    identity: Identity,
    /// Of the host, and of the issuer `i`.
    pair: Ed25519KeyPair,
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).expect("a seed");
        let pkcs8 = pair.to_pkcs8v1().expect("a key");
        let body = base64::engine::general_purpose::STANDARD.encode(pkcs8.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let key = SigningKey::from_pem(&pem).expect("a key");
        let folder = std::env::temp_dir().join(format!("grid-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let x = URL_SAFE_NO_PAD.encode(key.verifying_key().as_bytes());
        let keys = format!(r#"{{"keys":[{{"kty":"OKP","crv":"Ed25519","kid":"k","x":"{x}"}}]}}"#);
        std::fs::write(folder.join("keys.json"), keys).expect("a file");
        std::fs::write(folder.join("rules.toml"), RULE).expect("a file");
        let beside = Beside { issuer: "grid", runtime_role: "grid_runtime" };
        let rules = Rules::load(&folder.join("rules.toml"), beside).expect("rules");
        std::fs::remove_dir_all(&folder).expect("it was made here");
        let own = Verifier::new(key.verifying_key(), "grid", "grid-host", Duration::from_secs(LEEWAY_S));
        let identity = Identity::strict(own, Arc::new(Still)).ruled(rules).expect("a thread");
        Host { identity, pair }
    })
}

fn proved(token: &str) -> Option<Arc<Principal>> {
    let credentials = Credentials { bearer: Some(token.to_owned()), ..Credentials::default() };
    let one = host().identity.prove(&credentials).ok().map(|caller| Arc::clone(caller.principal()));
    let two = host().identity.prove(&credentials).ok().map(|caller| Arc::clone(caller.principal()));
    assert_eq!(one.as_ref().map(|who| who.digest), two.map(|who| who.digest), "one token names two");
    one
}

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    assert!(proved(text).is_none(), "a token that nobody signed is believed");
    let Some((header, claims)) = text.split_once('\n') else { return };
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(host().pair.sign(message.as_bytes())));
    let Some(who) = proved(&token) else { return };
    let header: Value = serde_json::from_str(header).expect("what is believed is JSON");
    let claims: Value = serde_json::from_str(claims).expect("what is believed is JSON");
    assert_eq!(header["alg"], "EdDSA");
    for name in ["jwk", "jku", "x5u", "x5c", "crit", "b64"] {
        assert!(header.get(name).is_none(), "{name} is believed");
    }
    let (iat, exp) = (claims["iat"].as_u64().expect("a number"), claims["exp"].as_u64().expect("a number"));
    assert!(iat < exp && iat <= NOW_S + LEEWAY_S && exp.saturating_add(LEEWAY_S) > NOW_S);
    assert_eq!(claims["sub"], who.id.as_str());
    let (tenant, audience) = if claims["iss"] == "grid" { ("tenant", "grid-host") } else { ("t", "a") };
    assert_eq!(claims[tenant], who.tenant.as_str());
    let is_for_us = |aud: &Value| aud == audience;
    assert!(is_for_us(&claims["aud"]) || claims["aud"].as_array().is_some_and(|all| all.iter().any(is_for_us)));
});
