//! Locks are written one way, and only what was written is read.

use super::*;

fn contract(name: &str, parameters: &str, roles: &str) -> Value {
    let text = format!(
        r#"{{"name":"{name}","description":"d","host":{{"effect":"read","required_roles":{roles}}},"parameters":{parameters}}}"#
    );
    json::parse(&text).unwrap()
}

fn lock(contracts: &[Value]) -> Lock {
    let named = |value: &Value| value.get("name").unwrap().as_str().unwrap().to_owned();
    let contracts = contracts.iter().map(|value| (named(value), Entry::of(value.clone()))).collect();
    Lock { version: "1.0.0".to_owned(), manifest: Digest::of_bytes(b"m"), contracts }
}

const ONE: &str =
    r#"{"type":"OBJECT","properties":{"a":{"type":"STRING","enum":["x"]}},"required":["a"],"z":[{"k":1.50}]}"#;

#[test]
fn what_is_written_is_read_back_and_written_the_same() {
    for lock in [lock(&[]), lock(&[contract("f", ONE, "[\"r\"]"), contract("g", "{\"type\":\"OBJECT\"}", "[]")])] {
        let text = lock.to_string();
        let read: Lock = text.parse().unwrap();
        assert_eq!((read.version.as_str(), read.manifest), ("1.0.0", lock.manifest));
        assert_eq!(read.to_string(), text);
        assert!(read.contracts.iter().all(|(name, entry)| lock.digest_of(name) == Some(entry.digest())));
        assert!(changes(&lock, &read).is_empty());
    }
}

#[test]
fn a_lock_that_was_edited_is_none() {
    let text = lock(&[contract("f", ONE, "[\"r\"]")]).to_string();
    for (from, to, why) in [
        ("\"read\"", "\"pure\"", "one of them was edited"),
        ("\"f\": {", "\"g\": {", "another name"),
        ("\"lock_version\": 1", "\"lock_version\": 2", "`lock_version`"),
        ("\"lock_version\"", "\"locked\"", "unknown field `locked`"),
        ("sha256:", "sha1:", "of the form"),
        ("\"version\": \"1.0.0\"", "\"version\": 1", "no `version`"),
        ("{", "", "not"),
    ] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text, "{from}");
        let error = edited.parse::<Lock>().unwrap_err().to_string();
        assert!(error.contains(why) && error.contains("grid manifest lock"), "{error}");
    }
}

#[test]
fn every_change_is_named_with_what_it_means() {
    let old = lock(&[contract("f", ONE, "[\"r\"]"), contract("g", ONE, "[\"r\"]"), contract("gone", ONE, "[]")]);
    let wider = ONE.replace("[\"x\"]", "[\"x\",\"y\"]");
    let narrower = ONE.replace("STRING\",\"enum\":[\"x\"]", "INTEGER\"").replace(",\"enum\":[\"x\"]", "");
    let said = |new: &[Value]| -> Vec<String> { changes(&old, &lock(new)).iter().map(ToString::to_string).collect() };
    let kept = [contract("g", ONE, "[\"r\"]"), contract("gone", ONE, "[]")];
    let with = |one: Value| said(&[&[one], kept.as_slice()].concat());
    assert!(with(contract("f", ONE, "[\"r\"]")).is_empty());
    assert_eq!(with(contract("f", &wider, "[\"r\"]")), ["f: changed in /parameters/properties/a (widening)"]);
    assert_eq!(with(contract("f", &narrower, "[\"r\"]")), ["f: changed in /parameters/properties/a (breaking)"]);
    assert_eq!(with(contract("f", ONE, "[\"r\",\"s\"]")), ["f: changed in /host/required_roles (breaking)"]);
    assert_eq!(with(contract("f", ONE, "[\"*\"]")), ["f: changed in /host/required_roles (widening)"]);
    let effect = json::parse(&contract("f", ONE, "[\"r\"]").to_text().replace("\"read\"", "\"write\"")).unwrap();
    assert_eq!(with(effect), ["f: changed in /host/effect (unknown)"]);
    assert_eq!(
        said(&[contract("new", ONE, "[]"), contract("f", ONE, "[\"r\"]"), contract("g", ONE, "[\"r\"]")]),
        ["gone: it is gone (breaking)", "new: it is new (widening)"]
    );
    let mut other = old.clone();
    other.manifest = Digest::of_bytes(b"n");
    assert_eq!(
        changes(&old, &other)[0].to_string(),
        "the manifest: something differs that is part of no contract (compatible)"
    );
    other.version = "1.0.1".to_owned();
    assert_eq!(
        changes(&old, &other)[0].to_string(),
        "the manifest: its version was `1.0.0` and is `1.0.1` (compatible)"
    );
}
