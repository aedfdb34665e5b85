//! Against a second opinion on RFC 8785, and against every way to change one byte.

use serde_json::{Value, json};

use super::{minted, peek};

const ENTRY: &str = r#"{"args_shape":"{\"a\":\"string(3)\"}","at_ms":1795000000000,"detail":"caf\u0001é\n","dynamic":true,"epoch":3,"invocation":"i-0123456789abcdef0123456789abcdef","kind":"admitted","rejected":[{"code":"X","name":"y"},{"code":"Z","name":""}],"rule":"all-roles"}"#;

/// Whether `text` is a record in canonical form, by the other implementation.
fn canonical(text: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<Value>(text) else {
        return false;
    };
    serde_json_canonicalizer::to_vec(&value).is_ok_and(|again| again == text)
}

#[test]
fn a_record_is_read() {
    let found = peek(ENTRY.as_bytes()).unwrap();
    assert!(canonical(ENTRY.as_bytes()));
    assert_eq!((found.kind, found.at_ms, found.epoch), ("admitted", 1_795_000_000_000, Some(3)));
    assert_eq!(found.rule, Some("all-roles"));
    assert_eq!(found.invocation, Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef));
}

#[test]
fn whatever_is_accepted_is_canonical() {
    let mut accepted = 0;
    for at in 0..ENTRY.len() {
        for byte in 0..=255_u8 {
            let mut changed = ENTRY.as_bytes().to_vec();
            changed[at] = byte;
            if peek(&changed).is_ok() {
                assert!(canonical(&changed), "{}", String::from_utf8_lossy(&changed));
                accepted += 1;
            }
        }
        let mut shorter = ENTRY.as_bytes().to_vec();
        shorter.remove(at);
        assert!(peek(&shorter).is_err() || canonical(&shorter), "{}", String::from_utf8_lossy(&shorter));
        for byte in b" ,\"\\{}[]:0e.-/u" {
            let mut longer = ENTRY.as_bytes().to_vec();
            longer.insert(at, *byte);
            assert!(peek(&longer).is_err() || canonical(&longer), "{}", String::from_utf8_lossy(&longer));
        }
    }
    assert!(accepted > 5_000, "{accepted}");
}

#[test]
fn whatever_is_canonical_with_whole_numbers_is_accepted() {
    for extra in [
        json!("\u{0}\u{8}\u{b}\u{1f}\u{7f}\"\\/\u{2028}\u{10000}"),
        json!([[], {}, [1, [2, [null, false]]], -7, 0, 9_007_199_254_740_991_u64]),
        json!({"\u{e000}": 1, "\u{10000}": 2, "\u{5}": 3, "\"": 4, "a": {"b": {}}, "": 5}),
        Value::Null,
    ] {
        let record = json!({"zz": extra, "at_ms": 1, "kind": "gap", "aa": [extra]});
        let text = serde_json_canonicalizer::to_vec(&record).unwrap();
        peek(&text).unwrap_or_else(|flaw| panic!("{flaw:?}: {}", String::from_utf8_lossy(&text)));
    }
}

#[test]
fn what_is_written_otherwise_is_refused() {
    for (text, what) in [
        (r#"{"at_ms":1,"kind":"gap"} "#, "behind"),
        (r#"{"at_ms":1, "kind":"gap"}"#, "text"),
        (r#"{"kind":"gap","at_ms":1}"#, "ascend"),
        (r#"{"at_ms":1,"at_ms":1,"kind":"gap"}"#, "ascend"),
        (r#"{"a":"\u0041","at_ms":1,"kind":"gap"}"#, "escape"),
        (r#"{"a":"\/","at_ms":1,"kind":"gap"}"#, "escape"),
        (r#"{"a":"\u000a","at_ms":1,"kind":"gap"}"#, "escape"),
        (r#"{"a":"\u001F","at_ms":1,"kind":"gap"}"#, "escape"),
        (r#"{"a":1.0,"at_ms":1,"kind":"gap"}"#, "number"),
        (r#"{"a":1e3,"at_ms":1,"kind":"gap"}"#, "number"),
        (r#"{"a":01,"at_ms":1,"kind":"gap"}"#, "number"),
        (r#"{"a":-0,"at_ms":1,"kind":"gap"}"#, "number"),
        (r#"{"a":9007199254740992,"at_ms":1,"kind":"gap"}"#, "number"),
        (r#"{"at_ms":1}"#, "no kind"),
        (r#"{"kind":"gap"}"#, "no time"),
        (r#"{"at_ms":"1","kind":"gap"}"#, "another type"),
        (r#"{"at_ms":1,"invocation":"i-0","kind":"gap"}"#, "invocation"),
        (r#"[]"#, "no object"),
        ("", "no object"),
        (r#"{"at_ms":1,"kind":"gap""#, "no comma"),
    ] {
        let flaw = peek(text.as_bytes()).unwrap_err();
        assert!(flaw.what.contains(what), "{text}: {flaw:?}");
    }
    let deep = format!("{{\"a\":{}1{},\"at_ms\":1,\"kind\":\"gap\"}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(peek(deep.as_bytes()).unwrap_err().what.contains("deep"));
    assert!(peek(b"{\"a\":\"\xff\",\"at_ms\":1,\"kind\":\"gap\"}").unwrap_err().what.contains("UTF-8"));
}

#[test]
fn invocations_have_one_form() {
    assert_eq!(minted("i-00000000000000000000000000000001", "i-"), Some(1));
    for bad in ["", "i-", "0123456789abcdef0123456789abcdef", "i-0123456789ABCDEF0123456789abcdef"] {
        assert_eq!(minted(bad, "i-"), None, "{bad}");
    }
}
