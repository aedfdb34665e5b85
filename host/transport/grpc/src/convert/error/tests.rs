use std::time::Duration;

use grid_core::{Code, Stage, refusal::Context};
use prost::Message as _;

use super::*;

#[test]
fn the_operators_words_reach_no_wire() {
    for code in Code::ALL {
        for plain in [false, true] {
            let refusal = Refusal::new(code, Stage::Authorize, "what to do")
                .because("policy 7, epoch 3")
                .within(Context { plain, ..Context::default() });
            let bytes = enhanced_error(&refusal).encode_to_vec();
            let text = String::from_utf8_lossy(&bytes);
            assert!(text.contains("what to do") && text.contains(code.as_str()));
            assert!(!text.contains("policy 7") && !text.contains("epoch"), "{text}");
        }
    }
}

#[test]
fn a_repeat_is_advised_only_where_it_is_allowed() {
    let refusal = |repeatable| {
        Refusal::new(Code::Timeout, Stage::Dispatch, "late")
            .retry_after(Duration::from_millis(250))
            .within(Context { repeatable, ..Context::default() })
    };
    let yes = enhanced_error(&refusal(true));
    assert!(yes.retry_allowed && yes.max_retries > 0);
    assert_eq!(yes.retry_after_ms, 250);
    let no = enhanced_error(&refusal(false));
    assert_eq!((no.retry_allowed, no.max_retries, no.retry_after_ms), (false, 0, 0));
}

#[test]
fn a_rejected_name_stands_in_the_error_unless_the_peer_is_plain() {
    let refusal = Refusal::new(Code::UnsupportedTool, Stage::Contract, "no such; check it");
    let error = of_name("mul", &refusal);
    assert_eq!((&*error.tool_name, &*error.details["tool_name"]), ("mul", "mul"));
    let plain = refusal.within(Context { plain: true, ..Context::default() });
    let error = of_name("mul", &plain);
    assert!(error.details.is_empty() && error.tool_name.is_empty());
}
