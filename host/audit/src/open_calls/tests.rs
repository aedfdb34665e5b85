use super::{Peek, glance};

/// What a parser says, and what the glance says where it sees anything.
#[track_caller]
fn agree(entry: &str, sees: bool) {
    let parsed: Peek<'_> = serde_json::from_str(entry).unwrap();
    let seen = glance(entry.as_bytes());
    assert_eq!(seen.is_some(), sees, "{entry}");
    if let Some(seen) = seen {
        assert_eq!((seen.kind, seen.invocation), (parsed.kind, parsed.invocation), "{entry}");
    }
}

#[test]
fn both_fields_are_seen_where_the_host_writes_them() {
    agree(r#"{"at_ms":1,"invocation":"i-01","kind":"admitted","tool":"x"}"#, true);
    agree(r#"{"at_ms":1,"invocation":"i-01","kind":"concluded"}"#, true);
    agree(r#"{"at_ms":1,"detail":"ends with a comma,","invocation":"i-01","kind":"concluded"}"#, true);
}

#[test]
fn a_text_that_looks_like_the_fields_is_left_to_the_parser() {
    agree(r#"{"at_ms":1,"detail":",\"invocation\":\"i-02\",\"kind\":\"admitted\"","kind":"decided"}"#, false);
    agree(r#"{"at_ms":1,"detail":",\"invocation\":\"i-02","invocation":"i-01","kind":"admitted"}"#, true);
    agree(r#"{"at_ms":1,"kind":"host_started"}"#, false);
    agree(r#"{"at_ms":1,"invocation":"i-01","j":",","kind":"admitted"}"#, false);
    assert!(glance(br#"{"at_ms":1,"invocation":"i-0\u0031","kind":"admitted"}"#).is_none());
}
