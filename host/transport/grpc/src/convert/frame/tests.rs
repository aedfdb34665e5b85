use super::*;

fn error() -> adm::ErrorObject {
    adm::ErrorObject { message: "m".to_owned(), r#type: "T".to_owned() }
}

/// Every mixture of status, content and error; only two of them are answers.
#[test]
fn a_result_is_an_answer_only_where_status_and_fields_agree() {
    for status in -1..4 {
        for content in [None, Some("1".to_owned())] {
            for error in [None, Some(error())] {
                let answer = answer(status, content.clone(), error.clone());
                let good = match (status, &content, &error) {
                    (1, Some(content), None) => Some(ToolAnswer::Success(content.clone())),
                    (2, None, Some(error)) => {
                        Some(ToolAnswer::Error { message: error.message.clone(), kind: error.r#type.clone() })
                    }
                    _ => None,
                };
                match good {
                    Some(good) => assert_eq!(answer, Ok(good)),
                    None => assert!(answer.unwrap_err().starts_with('`')),
                }
            }
        }
    }
}

#[test]
fn a_result_without_a_result_names_the_field() {
    let frame = result(v1::ToolResult::default());
    assert_eq!(frame.answer, Err("`result` is missing".to_owned()));
}

#[test]
fn levels_of_the_future_and_of_nobody_are_brought_within_bounds() {
    for (wire, want) in [(i32::MIN, 1), (-1, 1), (0, 1), (1, 2), (2, 3), (3, 3), (i32::MAX, 3)] {
        assert_eq!(level(wire), want, "{wire}");
    }
    for (level, want) in [(0, 0), (1, 0), (2, 1), (3, 2), (u8::MAX, 2)] {
        assert_eq!(wire_level(level), want, "{level}");
    }
}

#[test]
fn versions_are_the_union_of_what_was_said() {
    let said = |one: &str, all: &[&str]| {
        announce(v1::AnnounceRuntime {
            protocol_version: one.to_owned(),
            supported_versions: all.iter().map(|&v| v.to_owned()).collect(),
            ..v1::AnnounceRuntime::default()
        })
        .versions
    };
    assert!(said("", &[]).is_empty());
    assert_eq!(said("1.0", &[]), ["1.0"]);
    assert_eq!(said("1.0", &["1.0", "1.1"]), ["1.0", "1.1"]);
    assert_eq!(said("1.2", &["1.0"]), ["1.0", "1.2"]);
}

#[test]
fn a_runtimes_words_are_bounded_and_escaped() {
    let long = words(Some(v1::EnhancedError {
        message: "\u{1b}[31m".to_owned() + &"x".repeat(10_000),
        r#type: "T\n".to_owned(),
        ..v1::EnhancedError::default()
    }));
    assert!(long.len() < 700, "{}", long.len());
    assert!(!long.contains(['\u{1b}', '\n']), "{long}");
    assert_eq!(words(None), "no error given");
}

#[test]
fn a_question_keeps_its_number_and_a_beat_its_numbers() {
    use grid_core::{
        id::CorrelationId,
        lifecycle::{Ask, Beat, Phase, Report},
    };
    for (phase, wire) in
        [(Phase::Init, 1), (Phase::Health, 2), (Phase::Cleanup, 3), (Phase::Pause, 4), (Phase::Resume, 5)]
    {
        let ask = Ask { sequence: 7, phase, tool: "get".into(), correlation_id: CorrelationId::parse("c").unwrap() };
        let Some(Out::Lifecycle(sent)) = outbound(HostFrame::Lifecycle(ask), 4 << 20).frame else {
            panic!("no question")
        };
        assert_eq!(
            (sent.sequence, sent.phase, sent.tool.as_str(), sent.correlation_id.as_str()),
            (7, wire, "get", "c")
        );
    }
    let frame = |frame| inbound(v1::RuntimeFrame { frame: Some(frame) }).unwrap();
    let beat = v1::Heartbeat { sequence: 1, in_flight: 2, free_slots: 3, load_percent: 4 };
    let want = Beat { sequence: 1, in_flight: 2, free_slots: 3, load_percent: 4 };
    assert!(matches!(frame(In::Heartbeat(beat)), RuntimeFrame::Heartbeat(beat) if beat == want));
    let report = v1::LifecycleReport { sequence: 7, ok: false, message: "no\ndisk".repeat(200) };
    let RuntimeFrame::Lifecycle(Report { sequence, ok, message }) = frame(In::Lifecycle(report)) else {
        panic!("no answer")
    };
    assert_eq!((sequence, ok), (7, false));
    assert!(message.starts_with("no\\ndisk") && message.len() < 600, "its words are shortened and stay on one line");
}
