//! Declarations follow the signature; arguments are checked against them; answers carry nothing that they must not.
#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use grid_sdk::{Code, IntoTool, Tool, ToolError, ToolType, tool};
use grid_sdk_tool::{Answer, Work};

/// How loud.
#[derive(ToolType, Debug, PartialEq)]
enum Volume {
    #[tool(rename = "low")]
    Low,
    #[tool(rename = "high")]
    High,
}

/// Where it goes.
#[derive(ToolType)]
struct Target {
    /// The room.
    room: String,
    #[tool(rename = "type")]
    kind: Option<Volume>,
}

/// Speaks a text.
///
/// It does so at once.
///
/// # Arguments
/// * `text` - what to say
#[tool]
async fn speak(
    text: &str,
    /// How often.
    times: u8,
    volume: Option<Volume>,
    targets: Option<Vec<Target>>,
    weights: Option<BTreeMap<String, f32>>,
) -> String {
    let mut said = String::new();
    write!(said, "{text} {times} {volume:?}").unwrap();
    for target in targets.unwrap_or_default() {
        write!(said, " {}{:?}", target.room, target.kind).unwrap();
    }
    write!(said, " {}", weights.map_or(0, |weights| weights.len())).unwrap();
    said
}

/// Divides.
#[tool(name = "divide-whole", description = "Divides one number by another.")]
fn divide(dividend: i64, divisor: i64) -> Result<i64, ToolError> {
    dividend
        .checked_div(divisor)
        .ok_or_else(|| ToolError::new("BUSINESS_RULE_VIOLATION", "`divisor` is 0; use another"))
}

type Alias<T> = Result<T, String>;

/// Fails with a text that shows too much.
#[tool]
fn leak() -> Alias<()> {
    Err("cannot open /home/someone/secret.txt today\n  at frame 1\n  at frame 2".into())
}

async fn answer(tool: impl IntoTool, args: Value) -> Answer {
    match tool.into_tool().prepare(&args.to_string())? {
        Work::Async(work) => work.await,
        Work::Blocking(work) => work(),
    }
}

async fn fault(tool: impl IntoTool, args: Value) -> String {
    let error = answer(tool, args).await.unwrap_err();
    assert_eq!(*error.kind(), Code::PARAMETER_VALIDATION_FAILED);
    error.message().to_owned()
}

#[test]
fn a_declaration_is_read_from_the_signature_and_the_comments() {
    let tool = speak.into_tool();
    assert_eq!(tool.name(), "speak");
    assert_eq!(tool.description(), "Speaks a text.");
    let parameters: Value = serde_json::from_str(tool.parameters()).unwrap();
    assert_eq!(
        parameters,
        json!({
            "type": "OBJECT",
            "properties": {
                "text": {"type": "STRING", "description": "what to say"},
                "times": {"type": "INTEGER", "description": "How often."},
                "volume": {"type": "STRING", "enum": ["low", "high"], "description": "How loud."},
                "targets": {"type": "ARRAY", "items": {
                    "type": "OBJECT",
                    "description": "Where it goes.",
                    "properties": {
                        "room": {"type": "STRING", "description": "The room."},
                        "type": {"type": "STRING", "enum": ["low", "high"], "description": "How loud."},
                    },
                    "required": ["room"],
                }},
                "weights": {"type": "OBJECT"},
            },
            "required": ["text", "times"],
        })
    );
    assert!(tool.problems().is_empty());
}

#[test]
fn the_attribute_can_name_and_describe() {
    let tool = divide.into_tool();
    assert_eq!(tool.name(), "divide-whole");
    assert_eq!(tool.description(), "Divides one number by another.");
}

#[test]
fn a_tool_without_parameters_declares_an_empty_object() {
    let parameters: Value = serde_json::from_str(leak.into_tool().parameters()).unwrap();
    assert_eq!(parameters, json!({"type": "OBJECT", "properties": {}}));
}

#[tokio::test]
async fn a_tool_can_still_be_called_like_its_function() {
    assert_eq!(speak("hi", 2, None, None, None).await, "hi 2 None 0");
    assert_eq!(divide(7, 2), Ok(3));
}

#[tokio::test]
async fn arguments_reach_the_function_by_name() {
    let args = json!({
        "times": 2.0, "text": "hi", "volume": "high", "weights": {"a": 1},
        "targets": [{"room": "r", "type": "low"}, {"room": "s"}],
    });
    let content = answer(speak, args).await.unwrap();
    assert_eq!(content, r#""hi 2 Some(High) rSome(Low)sNone 1""#.replace(")s", ") s"));
}

#[tokio::test]
async fn every_fault_is_reported_with_its_place_and_no_value() {
    let args = json!({
        "text": 7, "volume": "secret-value", "targets": [{"room": "r"}, {"romo": "r"}], "a/b": 1,
    });
    let message = fault(speak, args).await;
    for part in [
        "`/text` must be a STRING",
        "`/times` is missing",
        "`/volume` must be one of `low`, `high`",
        "`/targets/1/room` is missing",
        "`/targets/1/romo` is not declared",
        "`/a~1b` is not declared",
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(!message.contains("secret-value"), "{message}");
}

#[tokio::test]
async fn numbers_outside_the_range_of_the_parameter_are_refused() {
    for (times, part) in [
        (json!(256), "from 0 to 255"),
        (json!(-1), "from 0 to 255"),
        (json!(1.5), "must be an INTEGER"),
        (json!("1"), "must be an INTEGER"),
        (json!(null), "must be an INTEGER"),
        (json!(18_446_744_073_709_551_615_u64), "must be an INTEGER"),
    ] {
        let message = fault(speak, json!({"text": "", "times": times})).await;
        assert!(message.contains(part), "{message}");
    }
    let message = fault(speak, json!({"text": "", "times": 1, "weights": {"w": 1e300}})).await;
    assert!(message.contains("`/weights/w` must fit"), "{message}");
}

#[tokio::test]
async fn an_explicit_null_is_no_left_out_argument() {
    let message = fault(speak, json!({"text": "", "times": 1, "targets": null})).await;
    assert!(message.contains("`/targets` must be an ARRAY"), "{message}");
}

#[tokio::test]
async fn many_faults_are_counted_and_not_listed() {
    let args: serde_json::Map<String, Value> = (0..1_000).map(|index| (format!("x{index}"), json!(1))).collect();
    let message = fault(leak, Value::Object(args)).await;
    assert!(message.contains("and 992 more"), "{message}");
}

#[test]
fn arguments_that_are_no_object_are_refused() {
    let tool = divide.into_tool();
    for args in ["", "[]", "null", "{", "{}x", "\"a\""] {
        assert!(tool.prepare(args).is_err(), "{args}");
    }
    let twice = r#"{"dividend": 1, "divisor": 1, "divisor": 2}"#;
    let error = tool.prepare(twice).unwrap_err();
    assert!(error.message().contains("not usable JSON"), "{}", error.message());
}

#[tokio::test]
async fn a_tools_own_error_keeps_its_kind_and_message() {
    let error = answer(divide, json!({"dividend": 1, "divisor": 0})).await.unwrap_err();
    assert_eq!(error.kind().as_str(), "BUSINESS_RULE_VIOLATION");
    assert_eq!(error.message(), "`divisor` is 0; use another");
}

#[tokio::test]
async fn another_error_is_cut_to_one_line_and_its_paths_are_hidden() {
    let error = answer(leak, json!({})).await.unwrap_err();
    assert_eq!(*error.kind(), Code::TOOL_EXECUTION_FAILED);
    assert_eq!(error.message(), "cannot open (path hidden) today");
}

#[derive(ToolType)]
struct Tree {
    #[expect(dead_code, reason = "only its type counts")]
    children: Vec<Tree>,
}

/// Grows.
#[tool]
fn grow(tree: Tree) -> bool {
    drop(tree);
    true
}

#[test]
fn a_type_that_contains_itself_is_a_problem_of_the_tool() {
    let problems = grow.into_tool().problems().to_vec();
    assert!(problems[0].contains("`Tree` contains itself"), "{problems:?}");
}

/// Which of the two ways to check arguments accepts them: the reading into Rust values, and the data model's checker
/// on the declaration.
fn verdicts(tool: &Tool, args: &Value) -> (bool, bool) {
    let (schema, _) = grid_adm::Schema::read(tool.parameters()).unwrap();
    let checker = grid_adm::ArgumentChecker::compile(&schema, grid_adm::ExtraArgs::Reject).unwrap();
    let value = grid_adm::Value::from_serde(args).unwrap();
    let read = tool.prepare(&args.to_string()).is_ok();
    (read, checker.check(&value).is_ok())
}

#[test]
fn reading_agrees_with_the_checker_of_the_data_model() {
    let tool = speak.into_tool();
    let right = json!({
        "text": "hi", "times": 1.0, "volume": "low", "targets": [{"room": "r", "type": "high"}],
    });
    assert_eq!(verdicts(&tool, &right), (true, true));
    for (place, wrong) in [
        ("/text", json!(1)),
        ("/text", json!(null)),
        ("/times", json!("1")),
        ("/times", json!(1.5)),
        ("/volume", json!("loud")),
        ("/volume", json!(null)),
        ("/targets", json!({})),
        ("/targets/0", json!([])),
        ("/targets/0", json!({})),
        ("/targets/0", json!({"room": "r", "romo": "r"})),
        ("/targets/0/type", json!(true)),
        ("", json!({"text": "hi"})),
        ("", json!({"text": "hi", "times": 1, "more": 1})),
    ] {
        let mut args = right.clone();
        *args.pointer_mut(place).unwrap() = wrong;
        assert_eq!(verdicts(&tool, &args), (false, false), "{args}");
    }
}
