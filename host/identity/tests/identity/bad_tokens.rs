//! AZ-1: tokens of an issuer that no host may believe, each made by hand from a good one by one change, each with a name.

use std::{collections::BTreeSet, sync::OnceLock};

use aws_lc_rs::{
    hmac,
    signature::{RSA_PKCS1_SHA512, RSA_PSS_SHA256},
};
use grid_identity::Identity;
use serde_json::{Value, json};

use super::{
    common::{FakeClock, NOW_S, bearer},
    issuers::{LOGIN, Login, Signer, base64, login_claims},
};

/// A name and a token that is to be refused.
pub type Case = (String, String);

/// One issuer for all: an RSA key takes its time.
pub fn login() -> &'static Login {
    static LOGIN: OnceLock<Login> = OnceLock::new();
    LOGIN.get_or_init(Login::new)
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name);
    object
}

/// Signed with a good header by the key `ed`.
fn claimed(claims: &Value) -> String {
    login().token("ed", claims)
}

/// Good claims under another header, signed by the key `ed`.
fn headed(header: &Value) -> String {
    login().ed.token(header, &login_claims())
}

fn algorithms() -> Vec<Case> {
    let mut cases = Vec::new();
    for name in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        "HS256",
        "HS384",
        "HS512",
        "RS384",
        "RS512",
        "PS256",
        "PS384",
        "PS512",
        "ES384",
        "ES512",
        "ES256K",
        "eddsa",
        "EDDSA",
        "Ed25519",
        "EdDSA ",
        " EdDSA",
        "EdDSA\u{0}",
        "EdDSA,none",
    ] {
        let header = with(login().header("ed"), "alg", json!(name));
        cases.push((format!("alg {name:?}"), headed(&header)));
        let unsigned = format!("{}.{}.", base64(header.to_string()), base64(login_claims().to_string()));
        cases.push((format!("alg {name:?} without a signature"), unsigned));
    }
    for value in [json!(null), json!(1), json!(["EdDSA"]), json!({"EdDSA": 1}), json!(true)] {
        cases.push((format!("alg as {value}"), headed(&with(login().header("ed"), "alg", value))));
    }
    cases.push(("alg missing".to_owned(), headed(&without(login().header("ed"), "alg"))));
    for (kid, signer) in login().named() {
        for (other, liar) in login().named().into_iter().filter(|(other, _)| *other != kid) {
            let header = with(login().header(kid), "alg", json!(liar.algorithm()));
            let claims = login_claims();
            cases.push((format!("key {kid} under the algorithm of {other}"), signer.token(&header, &claims)));
            cases.push((format!("key {other} under the name of {kid}"), liar.token(&header, &claims)));
            let honest = login().header(kid);
            cases.push((format!("key {other} under name and algorithm of {kid}"), liar.token(&honest, &claims)));
        }
    }
    cases
}

/// The public key is no shared secret, in whatever form it is taken for one.
fn confusions() -> Vec<Case> {
    let mut cases = Vec::new();
    for (kid, signer) in login().named() {
        let (public, jwk) = (signer.public(), signer.jwk(kid).to_string());
        let pem = pem::encode(&pem::Pem::new("PUBLIC KEY", public.clone()));
        let set = login().keys().to_string();
        for (form, secret) in
            [("bytes", public), ("PEM", pem.into_bytes()), ("JWK", jwk.into_bytes()), ("key set", set.into_bytes())]
        {
            for alg in ["HS256", signer.algorithm()] {
                let header = with(login().header(kid), "alg", json!(alg)).to_string();
                let message = format!("{}.{}", base64(header), base64(login_claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
                let token = format!("{message}.{}", base64(tag.as_ref()));
                cases.push((format!("HMAC with the {form} of {kid}, called {alg}"), token));
            }
        }
    }
    cases
}

fn headers() -> Vec<Case> {
    let good = || login().header("ed");
    let mut cases = Vec::new();
    let long = "k".repeat(129);
    let huge = "k".repeat(65_536);
    for kid in [
        "../../../dev/null",
        "/dev/null",
        "keys.json",
        "' or 1=1 --",
        "ed'; drop table keys; --",
        "",
        " ",
        "ED",
        "ed ",
        " ed",
        "ed\u{0}",
        "ed\n",
        "*",
        ".*",
        "http://127.0.0.1/keys",
        "${jndi:ldap://127.0.0.1/a}",
        "\u{435}d",
        "0",
        long.as_str(),
        huge.as_str(),
    ] {
        let name: String = kid.chars().take(30).collect();
        cases.push((format!("kid {name:?} of {} bytes", kid.len()), headed(&with(good(), "kid", json!(kid)))));
    }
    for kid in [json!(null), json!(0), json!(["ed"]), json!({"kid": "ed"}), json!(true), json!(1.5)] {
        cases.push((format!("kid as {kid}"), headed(&with(good(), "kid", kid))));
    }
    let evil = Signer::ed();
    let jwk = evil.jwk("evil");
    for (name, value) in [
        ("jwk", jwk.clone()),
        ("jwk", json!(null)),
        ("jwk", login().ed.jwk("ed")),
        ("jku", json!("https://evil.example/keys")),
        ("jku", json!(null)),
        ("jku", json!(LOGIN)),
        ("x5u", json!("https://evil.example/chain")),
        ("x5c", json!(["MIIB"])),
        ("x5c", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("crit", json!(null)),
        ("crit", json!("exp")),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("zip", json!("DEF")),
        ("typ", json!("dpop+jwt")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!("JWE")),
        ("typ", json!("")),
        ("typ", json!(7)),
        ("typ", json!(null)),
        ("typ", json!(["JWT"])),
    ] {
        let case = format!("header {name} {}", value.to_string().chars().take(20).collect::<String>());
        cases.push((format!("{case} ({})", cases.len()), headed(&with(good(), name, value))));
    }
    let brought = with(with(with(good(), "jwk", jwk), "kid", json!("evil")), "alg", json!("EdDSA"));
    cases.push(("a key that the token brings".to_owned(), evil.token(&brought, &login_claims())));
    for header in [
        "",
        "null",
        "[]",
        "{",
        "{}",
        "\"EdDSA\"",
        "{}{}",
        "{\"alg\":\"EdDSA\",\"kid\":\"ed\"} x",
        "\u{feff}{\"alg\":\"EdDSA\"}",
        r#"{"alg":"none","alg":"EdDSA","kid":"ed"}"#,
        r#"{"alg":"EdDSA","alg":"none","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"x","kid":"ed"}"#,
        r#"{"alg":"EdDSA","kid":"ed","a":{"b":1,"b":2}}"#,
        r#"{"\u0061lg":"none","alg":"EdDSA","kid":"ed"}"#,
        r#"{"ALG":"EdDSA","kid":"ed"}"#,
    ] {
        cases.push((format!("header text {header:?}"), login().ed.sign(header, &login_claims().to_string())));
    }
    cases
}

/// Claims with one change that makes them bad.
pub fn claims() -> Vec<(String, Value)> {
    let mut cases: Vec<(String, Value)> = Vec::new();
    let mut case = |name: String, value: Value| cases.push((name, value));
    let set = |name: &str, value: Value| with(login_claims(), name, value);
    for name in ["iss", "aud", "sub", "org", "iat", "exp"] {
        case(format!("{name} missing"), without(login_claims(), name));
    }
    for value in [
        json!("1800003600"),
        json!(1_800_003_600.5),
        json!(1.8e9),
        json!(null),
        json!([NOW_S]),
        json!(true),
        json!(-1),
        json!({}),
        json!(1e30),
    ] {
        for name in ["iat", "exp", "nbf"] {
            case(format!("{name} as {value}"), set(name, value.clone()));
        }
    }
    for value in [json!(null), json!(1), json!({"a": 1}), json!([1]), json!(true), json!([]), json!([null])] {
        for name in ["iss", "aud", "sub"] {
            case(format!("{name} as {value}"), set(name, value.clone()));
        }
        case(format!("tenant as {value}"), set("org", json!({ "name": value })));
        case(format!("object of the tenant as {value}"), set("org", value));
    }
    for iss in [
        "",
        "grid",
        "GRID",
        &LOGIN.to_uppercase(),
        &format!("{LOGIN}/"),
        &format!("{LOGIN} "),
        &LOGIN.replace("https", "http"),
        &LOGIN[..LOGIN.len() - 1],
        "https://login.example/realms/other",
        "*",
    ] {
        case(format!("iss {iss:?}"), set("iss", json!(iss)));
    }
    case("iss as a list with the right one".to_owned(), set("iss", json!([LOGIN])));
    for aud in [
        json!(""),
        json!("GRID-HOST"),
        json!("grid-hos"),
        json!("grid-host "),
        json!("grid-host,other"),
        json!("*"),
        json!("other"),
        json!(["other", "another"]),
        json!(["other", 1, "grid-host"]),
        json!([["grid-host"]]),
        json!(["grid-host", null]),
        json!({"grid-host": true}),
    ] {
        case(format!("aud {aud}"), set("aud", aud));
    }
    let at = |iat: u64, exp: u64| with(set("iat", json!(iat)), "exp", json!(exp));
    case("ended 30 s ago".to_owned(), at(NOW_S - 60, NOW_S - 30));
    case("ended 31 s ago".to_owned(), at(NOW_S - 60, NOW_S - 31));
    case("begins in 31 s".to_owned(), at(NOW_S + 31, NOW_S + 60));
    case("good in 31 s".to_owned(), set("nbf", json!(NOW_S + 31)));
    case("ends as it begins".to_owned(), at(NOW_S, NOW_S));
    case("ends before it begins".to_owned(), at(NOW_S + 20, NOW_S + 10));
    case("of 1970".to_owned(), at(0, 1));
    case("of the end of time".to_owned(), at(u64::MAX - 1, u64::MAX));
    case("times in milliseconds".to_owned(), at(NOW_S * 1000, (NOW_S + 60) * 1000));
    for sub in ["", "a\nb", "\u{e4}", "a\u{202e}b", "a\u{0}", &"x".repeat(129)] {
        case(
            format!("sub {:?} of {} bytes", sub.chars().take(8).collect::<String>(), sub.len()),
            set("sub", json!(sub)),
        );
    }
    for org in ["*", "", "acme", "ACME-CORP", "acme-corp ", "acme-corp\u{0}"] {
        case(format!("tenant {org:?}"), set("org", json!({ "name": org })));
    }
    case(
        "tenant under a name with a dot".to_owned(),
        with(without(login_claims(), "org"), "org.name", json!("acme-corp")),
    );
    for roles in [
        json!("staff"),
        json!(null),
        json!([1]),
        json!([["staff"]]),
        json!({"staff": true}),
        json!([null]),
        json!(["staff", 1]),
    ] {
        case(format!("roles as {roles}"), set("realm_access", json!({ "roles": roles })));
    }
    for dept in [json!(null), json!(["tills"]), json!({"a": "b"}), json!(1.5), json!(-1)] {
        case(format!("kept claim as {dept}"), set("dept", dept));
    }
    let deep = (0..20).fold(json!(1), |inner, _| json!([inner]));
    case("nested too deep".to_owned(), set("deep", deep));
    case("too long".to_owned(), set("pad", json!("x".repeat(8_192))));
    cases
}

fn texts() -> Vec<Case> {
    let mut cases = Vec::new();
    let header = login().header("ed").to_string();
    let mut sign = |name: String, text: &str| cases.push((name, login().ed.sign(&header, text)));
    let good = login_claims().to_string();
    let body = good.trim_end_matches('}').to_owned() + "}";
    assert!(body != good || good.ends_with('}'));
    let open = &good[..good.len() - 1];
    for twice in [
        format!(r#""iss":"{LOGIN}""#),
        r#""sub":"root""#.to_owned(),
        r#""aud":"grid-host""#.to_owned(),
        r#""exp":9999999999"#.to_owned(),
        r#""org":{"name":"acme-corp"}"#.to_owned(),
        r#""realm_access":{"roles":["staff"]}"#.to_owned(),
        r#""x":{"a":1,"a":2}"#.to_owned(),
        r#""x":[{"b":{"a":1,"a":1}}]"#.to_owned(),
        r#""\u0073ub":"root""#.to_owned(),
        r#""x":1,"x":1"#.to_owned(),
    ] {
        sign(format!("twice {twice}"), &format!("{open},{twice}}}"));
    }
    let org = good.replace(r#"{"name":"acme-corp"}"#, r#"{"name":"globex-corp","name":"acme-corp"}"#);
    assert_ne!(org, good);
    sign("twice the tenant within its object".to_owned(), &org);
    for text in ["", "null", "[]", "\"alice\"", "{", "{}", "{} {}", "\u{feff}{}", "1", "true"] {
        sign(format!("claims text {text:?}"), text);
    }
    sign("claims and more".to_owned(), &format!("{good}x"));
    sign("claims twice".to_owned(), &format!("{good}{good}"));
    sign("claims in a list".to_owned(), &format!("[{good}]"));
    sign("NaN".to_owned(), &good.replace("\"iat\":1800000000", "\"iat\":NaN"));
    sign("a comment".to_owned(), &format!("{good}//"));
    cases
}

fn shapes() -> Vec<Case> {
    let good = claimed(&login_claims());
    let [head, body, end] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let other = claimed(&with(login_claims(), "sub", json!("root")));
    let theirs: Vec<&str> = other.split('.').collect();
    let mut cases: Vec<Case> = [
        ("empty", String::new()),
        ("dots", "..".to_owned()),
        ("many dots", ".".repeat(8_000)),
        ("one part", head.to_owned()),
        ("two parts", format!("{head}.{body}")),
        ("no signature", format!("{head}.{body}.")),
        ("no claims", format!("{head}..{end}")),
        ("no header", format!(".{body}.{end}")),
        ("four parts", format!("{good}.{end}")),
        ("five parts, as an encrypted token", format!("{head}.{body}.{end}.{end}.{end}")),
        ("trailing dot", format!("{good}.")),
        ("scheme", format!("Bearer {good}")),
        ("leading blank", format!(" {good}")),
        ("trailing blank", format!("{good} ")),
        ("trailing line", format!("{good}\n")),
        ("trailing zero", format!("{good}\0")),
        ("swapped parts", format!("{body}.{head}.{end}")),
        ("not ASCII", format!("{head}.\u{e9}.{end}")),
        ("padded signature", format!("{good}==")),
        ("padded header", format!("{head}=.{body}.{end}")),
        ("another's signature", format!("{head}.{body}.{}", theirs[2])),
        ("another's claims", format!("{head}.{}.{end}", theirs[1])),
        ("signature of zeros", format!("{head}.{body}.{}", base64([0; 64]))),
        ("signature of 63 bytes", format!("{head}.{body}.{}", base64([1; 63]))),
        ("signature of 65 bytes", format!("{head}.{body}.{}", base64([1; 65]))),
        ("64 KiB of nothing", "a".repeat(65_536)),
        ("JSON serialisation", json!({"protected": head, "payload": body, "signature": end}).to_string()),
    ]
    .into_iter()
    .map(|(name, token)| (name.to_owned(), token))
    .collect();
    // Signatures that some libraries have taken.
    let sign = |kid: &str, signature: &[u8]| {
        let message = format!("{}.{}", base64(login().header(kid).to_string()), base64(login_claims().to_string()));
        format!("{message}.{}", base64(signature))
    };
    let message = format!("{}.{}", base64(login().header("rsa").to_string()), base64(login_claims().to_string()));
    let pss = login().rsa.rsa_signature(&RSA_PSS_SHA256, message.as_bytes());
    let sha512 = login().rsa.rsa_signature(&RSA_PKCS1_SHA512, message.as_bytes());
    for (name, token) in [
        ("ECDSA with r and s of zero", sign("ec", &[0; 64])),
        ("ECDSA with r and s of one", sign("ec", &[&[0; 31][..], &[1], &[0; 31], &[1]].concat())),
        ("ECDSA in DER", sign("ec", &[0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x01])),
        ("RSA of zero", sign("rsa", &[0; 256])),
        ("RSA of one", sign("rsa", &[&[0; 255][..], &[1]].concat())),
        ("RSA of 255 bytes", sign("rsa", &[7; 255])),
        ("RSA-PSS called RS256", sign("rsa", &pss)),
        ("RSA with SHA-512 called RS256", sign("rsa", &sha512)),
        ("a key that nobody published", Signer::ed().token(&login().header("ed"), &login_claims())),
        ("a P-256 key that nobody published", Signer::ec().token(&login().header("ec"), &login_claims())),
    ] {
        cases.push((name.to_owned(), token));
    }
    cases
}

pub fn all() -> Vec<Case> {
    let claims = claims().into_iter().map(|(name, value)| (name, claimed(&value)));
    [algorithms(), confusions(), headers(), claims.collect(), texts(), shapes()].concat()
}

fn believed(identity: &Identity, name: &str, token: &str) {
    if let Err(refusal) = identity.prove(&bearer(token)) {
        panic!("{name}: {refusal:?}");
    }
}

#[test]
fn no_bad_token_is_believed() {
    let identity = login().host(&login().rule(), &FakeClock::new());
    let cases = all();
    let names: BTreeSet<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
    assert!(names.len() == cases.len() && cases.len() >= 150, "{} cases, {} names", cases.len(), names.len());
    let mut wrong = Vec::new();
    for (name, token) in &cases {
        // Twice, because the second look must not find what the first refused.
        for _ in 0..2 {
            match identity.prove(&bearer(token)) {
                Ok(caller) => wrong.push(format!("{name}: believed as {:?}", caller.principal().id)),
                Err(refusal) => {
                    assert_eq!(refusal.code().as_str(), "INVALID_CREDENTIALS", "{name}");
                    assert!(token.len() < 40 || !format!("{refusal:?}").contains(token.as_str()), "{name} is printed");
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    // The host still believes what is good, also at the edge of its leeway.
    let at = |iat: u64, exp: u64| with(with(login_claims(), "iat", json!(iat)), "exp", json!(exp));
    believed(&identity, "good", &claimed(&login_claims()));
    believed(&identity, "ended 29 s ago", &claimed(&at(NOW_S - 60, NOW_S - 29)));
    believed(&identity, "begins in 30 s", &claimed(&at(NOW_S + 30, NOW_S + 60)));
    believed(&identity, "good in 30 s", &claimed(&with(login_claims(), "nbf", json!(NOW_S + 30))));
    believed(&identity, "several audiences", &claimed(&with(login_claims(), "aud", json!(["x", "grid"]))));
}

#[test]
fn an_algorithm_that_the_rules_leave_out_is_refused() {
    let rule = login().rule().replace("principal_prefix", "algorithms = [\"ES256\"]\nprincipal_prefix");
    let identity = login().host(&rule, &FakeClock::new());
    believed(&identity, "ES256", &login().token("ec", &login_claims()));
    for kid in ["ed", "rsa"] {
        assert!(identity.prove(&bearer(&login().token(kid, &login_claims()))).is_err(), "{kid}");
    }
}
