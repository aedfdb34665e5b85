use super::*;

fn scope(tenant: &str, principal: &str, tool: &str, session: &str) -> Scope {
    let request = Invalidate {
        tenant: tenant.to_owned(),
        principal: principal.to_owned(),
        tool: tool.to_owned(),
        session: session.to_owned(),
        ..Invalidate::default()
    };
    Scope::read(&request).unwrap()
}

#[test]
fn a_pattern_fits_its_name_or_every_name_that_begins_so() {
    let fits = |pattern: &str, name: &str| Pattern::read("tool", pattern).unwrap().fits(name);
    assert!(fits("", "anything") && fits("*", "anything") && fits("", ""));
    assert!(fits("alice", "alice"));
    assert!(!fits("alice", "alice2") && !fits("alice", "Alice") && !fits("alice", ""));
    assert!(fits("svc-*", "svc-") && fits("svc-*", "svc-a"));
    assert!(!fits("svc-*", "svc") && !fits("svc-*", "asvc-a"));
}

#[test]
fn a_pattern_that_could_be_misread_is_none() {
    for text in ["*alice", "a*b", "**", "a*b*", "ali\u{e7}e", "a\nb", "a\0", &"x".repeat(129)] {
        assert!(Pattern::read("principal", text).unwrap_err().0.contains("`principal`"), "{text:?}");
    }
    assert!(Pattern::read("principal", &"x".repeat(128)).is_ok());
}

#[test]
fn a_scope_fits_where_all_of_it_fits() {
    let (acme, other) = (TenantId::parse("acme").unwrap(), TenantId::parse("acme2").unwrap());
    let id = SessionId::mint();
    let alice = scope("acme", "alice", "", "");
    assert!(alice.fits_session(&acme, "alice", id));
    assert!(!alice.fits_session(&other, "alice", id) && !alice.fits_session(&acme, "bob", id));
    let session = scope("", "", "", &id.to_string());
    assert!(session.fits_session(&other, "bob", id) && !session.fits_session(&other, "bob", SessionId::mint()));
    assert!(Scope::everything().is_everything() && scope("*", "", "*", "").is_everything());
    assert!(!alice.is_everything() && !session.is_everything());
}

#[test]
fn a_scope_is_recorded_by_what_was_named() {
    assert_eq!(scope("acme", "al*", "", "").names(), ["principal=al*", "tenant=acme"]);
    assert!(Scope::everything().names().is_empty());
}

#[test]
fn causes_are_found_by_their_names() {
    assert!(Cause::ALL.into_iter().all(|cause| Cause::of(cause.as_str()) == Some(cause)));
    assert_eq!(Cause::of("USER_ROLE_CHANGE"), None);
}
