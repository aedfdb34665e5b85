//! Which faults are repeated, how often, and how long after.

use grid_proto::v1::EnhancedError;

use super::*;
use crate::error::TransportFault;

fn attempt(safety: Safety) -> Attempt<'static> {
    Attempt::new("client-1-00000000", safety, Retries::default())
}

fn refusal(retry_allowed: bool, retry_after_ms: u64, max_retries: u32) -> Error {
    Error::refused(EnhancedError { retry_allowed, retry_after_ms, max_retries, ..Default::default() })
}

fn fault(before_send: bool, transient: bool) -> Error {
    Error::Transport(Box::new(TransportFault {
        code: Code::CONNECTION_FAILED,
        message: String::new(),
        correlation_id: String::new(),
        before_send,
        transient,
    }))
}

#[test]
fn a_refusal_that_forbids_a_retry_is_never_repeated() {
    let error = refusal(false, 10, 5);
    assert_eq!(attempt(Safety::Idempotent).pause(&error), None);
}

#[test]
fn a_refusal_is_repeated_as_often_and_as_late_as_it_says() {
    let mut attempt = attempt(Safety::OnlyUnsent);
    let error = refusal(true, 5_000, 2);
    assert_eq!(attempt.pause(&error), Some(Duration::from_secs(5)));
    assert!(attempt.pause(&error).is_some());
    assert_eq!(attempt.pause(&error), None);
}

#[test]
fn a_pause_longer_than_the_client_accepts_ends_the_tries() {
    let error = refusal(true, 31_000, 0);
    assert_eq!(attempt(Safety::Idempotent).pause(&error), None);
}

#[test]
fn no_pause_reaches_past_the_deadline() {
    let soon = clock::deadline_in(Duration::from_millis(50));
    let mut attempt = attempt(Safety::Idempotent).until(Some(soon));
    assert_eq!(attempt.pause(&refusal(true, 5_000, 0)), None);
}

#[test]
fn a_recorded_refusal_is_not_asked_for_again() {
    let mut attempt = attempt(Safety::Idempotent);
    let error = attempt.refused(Refused {
        error: EnhancedError { retry_allowed: true, ..Default::default() },
        invocation_id: "i1".into(),
        repeated: true,
        receipt: None,
        attempts: Vec::new(),
    });
    assert_eq!(attempt.pause(&error), None);
}

#[test]
fn a_lost_request_is_repeated_only_where_that_is_harmless() {
    for (safety, before_send, repeated) in
        [(Safety::Idempotent, false, true), (Safety::OnlyUnsent, true, true), (Safety::OnlyUnsent, false, false)]
    {
        let pause = attempt(safety).pause(&fault(before_send, true));
        assert_eq!(pause.is_some(), repeated, "{safety:?} {before_send}");
    }
    assert_eq!(attempt(Safety::Idempotent).pause(&fault(true, false)), None);
}

#[test]
fn retries_can_be_switched_off() {
    let mut attempt = attempt(Safety::Idempotent).retried(Some(Retries::none()));
    assert_eq!(attempt.pause(&fault(true, true)), None);
}
