use grid_core::id::{CallId, CorrelationId, InvocationId};

use super::*;

#[test]
fn an_answer_with_neither_result_nor_error_is_never_written() {
    let answer = |answer| CallAnswer {
        invocation_id: InvocationId::mint(),
        correlation_id: CorrelationId::parse("c").unwrap(),
        call_id: CallId::parse("call-1").unwrap(),
        name: "add".into(),
        answer,
        carried: grid_core::outcome::Carried::default(),
        repeated: false,
        receipt: None,
    };
    let success = ToolAnswer::Success("1".to_owned());
    let failure = ToolAnswer::Error { message: "m".to_owned(), kind: "K".to_owned() };
    let refusal = Refusal::new(Code::Timeout, Stage::Dispatch, "late");
    for given in [Ok(answer(success)), Ok(answer(failure)), Err(refusal)] {
        assert!(answered(given, 4096).outcome.is_some());
    }
}

#[test]
fn a_tools_long_error_is_measured_too() {
    let answer = CallAnswer {
        invocation_id: InvocationId::mint(),
        correlation_id: CorrelationId::parse("c").unwrap(),
        call_id: CallId::parse("call-1").unwrap(),
        name: "add".into(),
        answer: ToolAnswer::Error { message: "m".repeat(5000), kind: "K".to_owned() },
        carried: grid_core::outcome::Carried::default(),
        repeated: false,
        receipt: None,
    };
    let response = answered(Ok(answer), 4096);
    assert!(response.encoded_len() < 4096);
    assert!(matches!(response.outcome, Some(Outcome::Error(error)) if error.r#type == "MESSAGE_TOO_LARGE"));
}
