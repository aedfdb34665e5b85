//! Rules of calls, results and errors.

use super::Reader;
use super::function::name;
use crate::limits;
use crate::model::{ErrorObject, FunctionCall, Outcome, ToolResult};
use crate::problem::quoted;
use crate::{Map, Value, rule};

fn call_id<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    let characters = text.chars().count();
    let most = limits::CALL_ID_CHARS;
    if characters == 0 || characters > most {
        let message = format!("call id has {characters} characters; use 1 to {most}");
        reader.error(rule::CALL_ID_LENGTH, message, &format!("1 to {most} characters"), &characters.to_string());
    }
    if !text.bytes().all(|byte| matches!(byte, 0x20..=0x7e)) {
        let message = format!("call id {} has other than printable ASCII characters; use a UUID", quoted(text));
        reader.error(rule::CALL_ID_CHARACTERS, message, "printable ASCII", "other characters");
    }
    if characters > 0 && text.bytes().all(|byte| byte == b' ') {
        reader.error(rule::CALL_ID_BLANK, "call id is blank; use a UUID", "more than spaces", "spaces");
    }
    Some(text.to_owned())
}

pub(crate) fn function_call<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<FunctionCall> {
    let map = reader.object(value)?;
    let call_id = reader.required(map, "call_id", call_id);
    let name = reader.required(map, "name", name);
    let args = reader.required(map, "args", |reader, value| reader.object(value));
    let extra = reader.extra(map, &["call_id", "name", "args"]);
    Some(FunctionCall { call_id: call_id?, name: name?, args: args?.clone(), extra })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Status {
    Success,
    Error,
}

fn status<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<Status> {
    match reader.string(value)? {
        "SUCCESS" => Some(Status::Success),
        "ERROR" => Some(Status::Error),
        other => {
            let message = format!("status {} is not known; use `SUCCESS` or `ERROR`", quoted(other));
            reader.error(rule::RESULT_STATUS, message, "SUCCESS or ERROR", "another string");
            None
        }
    }
}

pub(crate) fn tool_result<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<ToolResult> {
    let map = reader.object(value)?;
    let call_id = reader.required(map, "call_id", call_id);
    let name = reader.required(map, "name", name);
    let status = reader.required(map, "status", status);
    let outcome = outcome(reader, map, status);
    let extra = reader.extra(map, &["call_id", "name", "status", "content", "error"]);
    Some(ToolResult { call_id: call_id?, name: name?, outcome: outcome?, extra })
}

/// Content if and only if SUCCESS, error if and only if ERROR. Null is content, but no error (Q1).
fn outcome<'v>(reader: &mut Reader<'v>, map: &'v Map, status: Option<Status>) -> Option<Outcome> {
    let content = map.get("content");
    let has_error = map.contains_key("error");
    if content.is_some() && (has_error && status.is_none() || status == Some(Status::Error)) {
        reader.at_key("content", |reader| {
            let message = "content next to an error; remove `content` or use status `SUCCESS` without `error`";
            reader.error(rule::RESULT_CONTENT_MISPLACED, message, "no `content`", "`content`");
        });
    }
    if has_error && status == Some(Status::Success) {
        reader.at_key("error", |reader| {
            let message = "error in a result of status `SUCCESS`; remove `error` or use status `ERROR`";
            reader.error(rule::RESULT_ERROR_MISPLACED, message, "no `error`", "`error`");
        });
    }
    if content.is_none() && status == Some(Status::Success) {
        let message = "status `SUCCESS` without content; add `content`, null if there is nothing to say";
        reader.error(rule::RESULT_CONTENT_REQUIRED, message, "`content`", "no such field");
    }
    if !has_error && status == Some(Status::Error) {
        let message = "status `ERROR` without error; add `error` with a `message`";
        reader.error(rule::RESULT_ERROR_REQUIRED, message, "`error`", "no such field");
    }
    let error = reader.optional(map, "error", error_object);
    match status? {
        Status::Success => content.cloned().map(Outcome::Success),
        Status::Error => error.map(Outcome::Error),
    }
}

pub(crate) fn error_object<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<ErrorObject> {
    let map = reader.object(value)?;
    let message = reader.required(map, "message", error_message);
    let kind = reader.optional(map, "type", error_type);
    let extra = reader.extra(map, &["message", "type"]);
    Some(ErrorObject { message: message?, kind, extra })
}

fn error_message<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    if text.trim().is_empty() {
        let message = "the error's message is blank; say what went wrong";
        reader.error(rule::ERROR_MESSAGE_EMPTY, message, "a text that is not blank", "a blank text");
    }
    let (characters, most) = (text.chars().count(), limits::ERROR_MESSAGE_CHARS);
    if characters > most {
        let message =
            format!("the error's message has {characters} characters; at most {most} are recommended, shorten it");
        reader.warn(rule::ERROR_MESSAGE_LONG, message, &format!("at most {most} characters"), &characters.to_string());
    }
    Some(text.to_owned())
}

fn error_type<'v>(reader: &mut Reader<'v>, value: &'v Value) -> Option<String> {
    let text = reader.string(value)?;
    let upper_snake = text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_');
    if !upper_snake {
        let message =
            format!("error type {} is not upper snake case; prefer the form `RESOURCE_NOT_FOUND`", quoted(text));
        reader.warn(rule::ERROR_TYPE_FORM, message, "upper snake case", "another string");
    }
    Some(text.to_owned())
}
