//! Refusals keep what the host said; statuses become codes with advice.

use tonic::Status;

use super::*;

#[test]
fn a_refusal_keeps_every_field_that_the_host_sent() {
    let refusal = Refusal::from(v1::EnhancedError {
        message: "the caller lacks a role".into(),
        r#type: "PERMISSION_DENIED".into(),
        details: [("required".to_owned(), "[\"a\"]".to_owned())].into(),
        correlation_id: "client-1-00000000".into(),
        retry_allowed: true,
        retry_after_ms: 1_500,
        max_retries: 2,
        remediation_steps: vec!["ask for the role".into()],
        session_id: "s1".into(),
        tool_name: "add".into(),
        ..Default::default()
    });
    assert_eq!(refusal.code, Code::PERMISSION_DENIED);
    assert_eq!(refusal.retry_after, Some(Duration::from_millis(1_500)));
    assert_eq!(refusal.max_retries, Some(2));
    assert_eq!(refusal.details["required"], "[\"a\"]");
    assert_eq!(refusal.to_string(), "PERMISSION_DENIED: the caller lacks a role; ask for the role (client-1-00000000)");
}

#[test]
fn an_unknown_code_is_kept_and_an_empty_refusal_is_a_protocol_violation() {
    let unknown = Refusal::from(v1::EnhancedError { r#type: "BRAND_NEW".into(), ..Default::default() });
    assert_eq!(unknown.code, "BRAND_NEW");
    let empty = Refusal::from(v1::EnhancedError::default());
    assert_eq!(empty.code, Code::PROTOCOL_VIOLATION);
    assert!(!empty.retry_allowed);
}

#[test]
fn statuses_become_codes_with_advice() {
    for (status, code, transient) in [
        (Status::unavailable("x"), Code::CONNECTION_FAILED, true),
        (Status::deadline_exceeded("x"), Code::NETWORK_TIMEOUT, true),
        (Status::out_of_range("x"), Code::MESSAGE_TOO_LARGE, false),
        (Status::resource_exhausted("message too large"), Code::MESSAGE_TOO_LARGE, false),
        (Status::unimplemented("x"), Code::FEATURE_UNAVAILABLE, false),
        (Status::unknown("x"), Code::PROTOCOL_VIOLATION, false),
    ] {
        let Error::Transport(fault) = Error::from_status(&status, "c") else {
            panic!("{status:?} is a transport fault");
        };
        assert_eq!((&fault.code, fault.transient), (&code, transient));
        assert!(!fault.before_send, "a status from the host is not before sending");
        assert!(fault.message.contains(';'), "no advice: {}", fault.message);
    }
}

#[test]
fn an_unauthenticated_status_is_a_refusal_that_no_retry_mends() {
    let Error::Refused(refusal) = Error::from_status(&Status::unauthenticated("x"), "c") else {
        panic!("a refusal");
    };
    assert_eq!(refusal.code, Code::INVALID_CREDENTIALS);
    assert!(!refusal.retry_allowed);
}

#[test]
fn a_status_that_says_when_to_come_again_is_a_refusal_that_may_be_repeated() {
    let mut status = Status::resource_exhausted("RESOURCE_EXHAUSTED: x");
    assert!(matches!(Error::from_status(&status, "c"), Error::Transport(_)));
    status.metadata_mut().insert("grpc-retry-pushback-ms", "120".parse().unwrap());
    let Error::Refused(refusal) = Error::from_status(&status, "c") else {
        panic!("a refusal");
    };
    assert_eq!((&refusal.code, refusal.retry_allowed), (&Code::RESOURCE_EXHAUSTED, true));
    assert_eq!(refusal.retry_after, Some(std::time::Duration::from_millis(120)));
    status.metadata_mut().insert("grpc-retry-pushback-ms", "-1".parse().unwrap());
    assert!(matches!(Error::from_status(&status, "c"), Error::Transport(_)));
}
