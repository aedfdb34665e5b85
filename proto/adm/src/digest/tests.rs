//! Digests do not move.

use super::*;
use crate::json::parse;

const EMPTY_OBJECT: &str = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

#[test]
fn the_digest_of_an_empty_object_is_known() {
    let known = digest(&parse(" { } ").unwrap());
    assert_eq!(known.to_string(), EMPTY_OBJECT);
    assert_eq!(known, Digest::of_bytes(b"{}"));
    assert_eq!(format!("{known:?}"), format!("sha256:{EMPTY_OBJECT}"));
}

#[test]
fn texts_of_digests_are_read_back() {
    let known: Digest = EMPTY_OBJECT.parse().unwrap();
    assert_eq!(format!("sha256:{EMPTY_OBJECT}").parse(), Ok(known));
    assert_eq!(serde_json::to_string(&known).unwrap(), format!("\"sha256:{EMPTY_OBJECT}\""));
    assert_eq!(serde_json::from_str::<Digest>(&format!("\"sha256:{EMPTY_OBJECT}\"")).unwrap(), known);
    assert_eq!(Digest::from_bytes(*known.as_bytes()), known);
    for wrong in [
        "",
        "sha256:",
        "sha512:00",
        &EMPTY_OBJECT[1..],
        &EMPTY_OBJECT.replace('4', "g"),
        "é4136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    ] {
        assert_eq!(wrong.parse::<Digest>(), Err(NotADigest), "{wrong}");
    }
}

#[test]
fn a_contract_digest_moves_with_every_part_and_with_nothing_else() {
    let read = |text: &str| FunctionDeclaration::read(text).unwrap().0;
    let host = parse(r#"{"effect":"read"}"#).unwrap();
    let base = read(r#"{"name":"f","description":"d","parameters":{"type":"OBJECT","x":1}}"#);
    let known = contract_digest(&base, &host);
    let expected = r#"{"description":"d","host":{"effect":"read"},"name":"f","parameters":{"type":"OBJECT","x":1}}"#;
    assert_eq!(known, Digest::of_bytes(expected.as_bytes()));
    let same = read(r#"{"parameters":{"x":1.0,"type":"OBJECT"},"description":"d","tags":[],"name":"f"}"#);
    assert_eq!(contract_digest(&same, &host), known);
    for other in [
        r#"{"name":"g","description":"d","parameters":{"type":"OBJECT","x":1}}"#,
        r#"{"name":"f","description":"e","parameters":{"type":"OBJECT","x":1}}"#,
        r#"{"name":"f","description":"d","parameters":{"type":"OBJECT","x":2}}"#,
    ] {
        assert_ne!(contract_digest(&read(other), &host), known);
    }
    assert_ne!(contract_digest(&base, &parse("{}").unwrap()), known);
}
