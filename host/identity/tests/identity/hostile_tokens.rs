//! Tokens that no host may believe, each made by hand. Every one is signed with the right key where a signature is
//! possible at all, so that what is tested is what the test's name says.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use grid_identity::Identity;
use serde_json::{Value, json};

use super::common::{FakeClock, Forge, NOW_S, assert_refused, bearer, claims, developer, header, shared};

fn refused(forge: &Forge, what: &str, token: &str) -> String {
    let clock = FakeClock::new();
    let strict = forge.strict(&clock);
    let development = Identity::development(Some(forge.verifier()), developer(), shared(&clock));
    for identity in [&strict, &development] {
        // Twice, because the second look must not find what the first refused.
        for _ in 0..2 {
            match identity.prove(&bearer(token)) {
                Ok(caller) => panic!("{what}: believed as {:?}", caller.principal()),
                Err(refusal) => assert_refused(&refusal, token),
            }
        }
    }
    let refusal = strict.prove(&bearer(token)).unwrap_err();
    refusal.internal().unwrap_or_default().to_owned()
}

fn believed(forge: &Forge, what: &str, token: &str) {
    let identity = forge.strict(&FakeClock::new());
    if let Err(refusal) = identity.prove(&bearer(token)) {
        panic!("{what}: {refusal:?}");
    }
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

#[test]
fn the_forge_makes_good_tokens() {
    let forge = Forge::new();
    believed(&forge, "good", &forge.token(&claims()));
    let several = with(claims(), "aud", json!(["other", "grid-host"]));
    believed(&forge, "several audiences", &forge.token(&several));
    let unknown = with(claims(), "custom", json!({"a": [1.5, null]}));
    believed(&forge, "unknown claim", &forge.token(&unknown));
    let no_type = forge.sign(r#"{"alg":"EdDSA"}"#, &claims().to_string());
    believed(&forge, "no typ", &no_type);
    let any_tenant = with(claims(), "tenant", json!("*"));
    believed(&forge, "tenant of a runtime", &forge.token(&any_tenant));
}

#[test]
fn other_algorithms_are_refused() {
    let forge = Forge::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS512",
        "RS256",
        "ES256",
        "PS256",
        "eddsa",
        "EDDSA",
        "EdDsa",
        "Ed25519",
        " EdDSA",
        "EdDSA ",
        "EdDSA\u{0}",
    ] {
        let header = with(header(), "alg", json!(alg)).to_string();
        let why = refused(&forge, alg, &forge.sign(&header, &claims().to_string()));
        assert!(why.contains("alg"), "{alg}: {why}");
    }
    for alg in [json!(null), json!(["EdDSA"]), json!(1), json!({"EdDSA": 1})] {
        let header = with(header(), "alg", alg.clone()).to_string();
        refused(&forge, "typed alg", &forge.sign(&header, &claims().to_string()));
    }
}

#[test]
fn no_signature_is_refused() {
    let forge = Forge::new();
    let payload = URL_SAFE_NO_PAD.encode(claims().to_string());
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let good = URL_SAFE_NO_PAD.encode(header().to_string());
    refused(&forge, "alg none", &format!("{none}.{payload}."));
    refused(&forge, "empty signature", &format!("{good}.{payload}."));
}

#[test]
fn the_public_key_is_no_shared_secret() {
    let forge = Forge::new();
    let public = forge.key.verifying_key();
    let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS256"}"#);
    let message = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
    for secret in [public.as_bytes().to_vec(), public.to_pem().into_bytes()] {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &secret);
        let tag = hmac::sign(&key, message.as_bytes());
        let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag.as_ref()));
        refused(&forge, "HS256 with the public key", &token);
    }
}

#[test]
fn headers_that_bring_keys_or_demands_are_refused() {
    let forge = Forge::new();
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(forge.key.verifying_key().as_bytes())});
    for (name, value) in [
        ("jwk", jwk),
        ("jwk", json!(null)),
        ("jku", json!("https://example.com/keys")),
        ("x5u", json!("https://example.com/chain")),
        ("x5c", json!(["MIIB"])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("b64", json!(false)),
        ("typ", json!("dpop+jwt")),
        ("typ", json!(7)),
        ("kid", json!(7)),
        ("kid", json!(null)),
        ("kid", json!("k".repeat(129))),
    ] {
        let header = with(header(), name, value).to_string();
        refused(&forge, name, &forge.sign(&header, &claims().to_string()));
    }
}

#[test]
fn a_key_id_is_an_opaque_name() {
    let forge = Forge::new();
    for kid in ["../../../dev/null", "' or 1=1 --", "", "a\u{0}b"] {
        let header = with(header(), "kid", json!(kid)).to_string();
        believed(&forge, kid, &forge.sign(&header, &claims().to_string()));
    }
}

#[test]
fn headers_that_are_no_objects_are_refused() {
    let forge = Forge::new();
    for header in [
        "",
        "null",
        "[]",
        "{",
        "\"EdDSA\"",
        "{}",
        "{}{}",
        "{\"alg\":\"EdDSA\"} x",
        r#"{"alg":"none","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","alg":"EdDSA"}"#,
        r#"{"alg":"EdDSA","x":1,"x":2}"#,
    ] {
        refused(&forge, header, &forge.sign(header, &claims().to_string()));
    }
}

#[test]
fn a_missing_claim_is_refused() {
    let forge = Forge::new();
    for name in ["iss", "aud", "sub", "tenant", "iat", "exp"] {
        let why = refused(&forge, name, &forge.token(&without(claims(), name)));
        assert!(why.contains(&format!("`{name}` is missing")), "{why}");
    }
}

#[test]
fn a_claim_of_another_type_is_refused() {
    let forge = Forge::new();
    let times = [
        json!("1800003600"),
        json!(1_800_003_600.5),
        json!(1.8e9),
        json!(null),
        json!([NOW_S]),
        json!(true),
        json!(-1),
        json!({}),
    ];
    for name in ["iat", "exp", "nbf"] {
        for value in &times {
            let token = forge.token(&with(claims(), name, value.clone()));
            let why = refused(&forge, &format!("{name} {value}"), &token);
            assert!(why.contains(name), "{why}");
        }
    }
    for name in ["iss", "aud", "sub", "tenant"] {
        for value in [json!(null), json!(1), json!({"a": 1}), json!([1]), json!(true), json!([])] {
            let token = forge.token(&with(claims(), name, value.clone()));
            refused(&forge, &format!("{name} {value}"), &token);
        }
    }
    for roles in [json!("admin"), json!(null), json!([1]), json!([["admin"]]), json!({"admin": true})] {
        refused(&forge, "roles", &forge.token(&with(claims(), "roles", roles)));
    }
    for opaque in [json!("a"), json!(null), json!({"a": 1}), json!({"a": {"b": "c"}}), json!([])] {
        refused(&forge, "claims", &forge.token(&with(claims(), "claims", opaque)));
    }
}

#[test]
fn names_follow_the_rule_of_all_ids() {
    let forge = Forge::new();
    let long = "x".repeat(129);
    for name in ["", "   ", "a\nb", "ä", "a\u{202e}b", long.as_str()] {
        for claim in ["sub", "tenant"] {
            refused(&forge, claim, &forge.token(&with(claims(), claim, json!(name))));
        }
        refused(&forge, "role", &forge.token(&with(claims(), "roles", json!(["ok", name]))));
    }
    let many: Vec<_> = (0..65).map(|n| format!("role{n}")).collect();
    refused(&forge, "65 roles", &forge.token(&with(claims(), "roles", json!(many))));
}

#[test]
fn other_issuers_and_audiences_are_refused() {
    let forge = Forge::new();
    for (claim, value) in [
        ("iss", json!("Grid")),
        ("iss", json!("grid ")),
        ("iss", json!("")),
        ("iss", json!("https://grid")),
        ("aud", json!("grid-hos")),
        ("aud", json!("GRID-HOST")),
        ("aud", json!(["a", "b"])),
        ("aud", json!("")),
    ] {
        refused(&forge, claim, &forge.token(&with(claims(), claim, value)));
    }
}

#[test]
fn clocks_may_differ_by_thirty_seconds_and_no_more() {
    let forge = Forge::new();
    let at = |iat: u64, exp: u64| with(with(claims(), "iat", json!(iat)), "exp", json!(exp));
    believed(&forge, "ended 29 s ago", &forge.token(&at(NOW_S - 60, NOW_S - 29)));
    refused(&forge, "ended 30 s ago", &forge.token(&at(NOW_S - 60, NOW_S - 30)));
    let why = refused(&forge, "ended 31 s ago", &forge.token(&at(NOW_S - 60, NOW_S - 31)));
    assert!(why.contains("31000 ms ago"), "{why}");
    believed(&forge, "begins in 30 s", &forge.token(&at(NOW_S + 30, NOW_S + 60)));
    refused(&forge, "begins in 31 s", &forge.token(&at(NOW_S + 31, NOW_S + 60)));
    let not_before = |at: u64| with(claims(), "nbf", json!(at));
    believed(&forge, "good in 30 s", &forge.token(&not_before(NOW_S + 30)));
    refused(&forge, "good in 31 s", &forge.token(&not_before(NOW_S + 31)));
    refused(&forge, "ends as it begins", &forge.token(&at(NOW_S, NOW_S)));
    refused(&forge, "backwards", &forge.token(&at(NOW_S + 20, NOW_S + 10)));
    refused(&forge, "long ago", &forge.token(&at(0, 1)));
    refused(&forge, "far ahead", &forge.token(&at(u64::MAX - 1, u64::MAX)));
}

#[test]
fn a_claim_that_is_there_twice_is_refused() {
    let forge = Forge::new();
    let good = claims().to_string();
    let body = good.trim_end_matches('}');
    for twice in [
        r#""sub":"root""#,
        r#""tenant":"other""#,
        r#""roles":["grid_admin"]"#,
        r#""exp":9999999999"#,
        r#""jti":"2""#,
        r#""iss":"grid""#,
        r#""claims":{"a":"1","a":"2"}"#,
    ] {
        let token = forge.sign(&header().to_string(), &format!("{body},{twice}}}"));
        let why = refused(&forge, twice, &token);
        assert!(why.contains("twice"), "{why}");
    }
    // The same name, written otherwise.
    let token = forge.sign(&header().to_string(), &format!("{body},\"\\u0073ub\":\"root\"}}"));
    refused(&forge, "escaped name", &token);
}

#[test]
fn payloads_that_are_no_objects_are_refused() {
    let forge = Forge::new();
    for payload in ["", "null", "[]", "\"alice\"", "{", "{}", "{} {}", "\u{feff}{}"] {
        refused(&forge, payload, &forge.sign(&header().to_string(), payload));
    }
    let trailing = format!("{}x", claims());
    refused(&forge, "trailing", &forge.sign(&header().to_string(), &trailing));
}

#[test]
fn tokens_of_another_shape_are_refused() {
    let forge = Forge::new();
    let good = forge.token(&claims());
    let parts: Vec<_> = good.split('.').collect();
    for (what, token) in [
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("many dots", ".".repeat(8000)),
        ("one part", parts[0].to_owned()),
        ("two parts", format!("{}.{}", parts[0], parts[1])),
        ("trailing dot", format!("{good}.")),
        ("two trailing dots", format!("{good}..")),
        ("leading dot", format!(".{good}")),
        ("four parts", format!("{good}.{}", parts[2])),
        ("scheme", format!("Bearer {good}")),
        ("leading blank", format!(" {good}")),
        ("trailing line", format!("{good}\n")),
        ("trailing zero", format!("{good}\0")),
        ("swapped", format!("{}.{}.{}", parts[1], parts[0], parts[2])),
        ("not ASCII", format!("{}.é.{}", parts[0], parts[2])),
    ] {
        refused(&forge, what, &token);
    }
}

#[test]
fn tokens_that_are_too_long_are_refused_unread() {
    let forge = Forge::new();
    let padded = |pad: usize| forge.token(&with(claims(), "pad", json!("x".repeat(pad))));
    believed(&forge, "7 KiB", &padded(5_000));
    for pad in [6_200, 49_000] {
        let why = refused(&forge, "long", &padded(pad));
        assert!(why.contains("bytes"), "{why}");
    }
    refused(&forge, "64 KiB of nothing", &"a".repeat(65_536));
}

#[test]
fn base64_has_one_spelling() {
    let forge = Forge::new();
    let good = forge.token(&claims());
    let parts: Vec<_> = good.split('.').collect();
    refused(&forge, "padded signature", &format!("{good}=="));
    let message = format!("{}=.{}", parts[0], parts[1]);
    refused(&forge, "padded header", &forge.sign_message(&message));
    let message = format!("{}.{}=", parts[0], parts[1]);
    refused(&forge, "padded payload", &forge.sign_message(&message));
    // 64 bytes leave four bits of the last letter unused; another last letter is another text of the same bytes.
    let last = good.chars().last().unwrap();
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = alphabet.find(last).unwrap();
    let twin = alphabet.chars().nth(at ^ 1).unwrap();
    let other = format!("{}{twin}", &good[..good.len() - 1]);
    refused(&forge, "unused bits", &other);
    let with_marks =
        (0..).map(|n| forge.token(&with(claims(), "jti", json!(n)))).find(|token| token.contains(['-', '_'])).unwrap();
    let standard = with_marks.replace('-', "+").replace('_', "/");
    refused(&forge, "standard alphabet", &standard);
}

#[test]
fn signatures_of_others_are_refused() {
    let (forge, other) = (Forge::new(), Forge::new());
    refused(&forge, "other key", &other.token(&claims()));
    let mine = forge.token(&claims());
    let admin = forge.token(&with(claims(), "sub", json!("bob")));
    let (mine, admin): (Vec<_>, Vec<_>) = (mine.split('.').collect(), admin.split('.').collect());
    refused(&forge, "swapped signature", &format!("{}.{}.{}", mine[0], mine[1], admin[2]));
    refused(&forge, "swapped payload", &format!("{}.{}.{}", mine[0], admin[1], mine[2]));
    let zeros = URL_SAFE_NO_PAD.encode([0; 64]);
    refused(&forge, "zeros", &format!("{}.{}.{zeros}", mine[0], mine[1]));
    let short = URL_SAFE_NO_PAD.encode([1; 63]);
    refused(&forge, "short", &format!("{}.{}.{short}", mine[0], mine[1]));
    let long = URL_SAFE_NO_PAD.encode([1; 65]);
    refused(&forge, "long", &format!("{}.{}.{long}", mine[0], mine[1]));
}
