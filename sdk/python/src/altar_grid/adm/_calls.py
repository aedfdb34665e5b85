"""Rules of calls, results and errors."""

from altar_grid.adm import limits
from altar_grid.adm.problem import quoted
from altar_grid.adm.reader import JsonValue
from altar_grid.adm.rules import Map, Reader, error_type, is_blank, name


def _call_id(reader: Reader, value: JsonValue) -> None:
    if not reader.is_a(str, "string", value):
        return
    most = limits.CALL_ID_CHARS
    if not 1 <= len(value) <= most:
        reader.say("call-id.length", f"call id has {len(value)} characters; use 1 to {most}")
    if not all(" " <= character <= "~" for character in value):
        words = f"call id {quoted(value)} has other than printable ASCII characters; use a UUID"
        reader.say("call-id.characters", words)
    if value and not value.strip(" "):
        reader.say("call-id.blank", "call id is blank; use a UUID")


def function_call(reader: Reader, value: JsonValue) -> None:
    """One call."""
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "call_id", _call_id)
    reader.required(value, "name", name)
    reader.required(value, "args", lambda reader, args: reader.is_a(dict, "object", args))
    reader.unknown(value, "call_id", "name", "args")


def _status(reader: Reader, value: JsonValue) -> None:
    if reader.is_a(str, "string", value) and value not in ("SUCCESS", "ERROR"):
        reader.say("result.status", f"status {quoted(value)} is not known; use `SUCCESS` or `ERROR`")


def tool_result(reader: Reader, value: JsonValue) -> None:
    """An answer: content if and only if SUCCESS, error if and only if ERROR."""
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "call_id", _call_id)
    reader.required(value, "name", name)
    reader.required(value, "status", _status)
    _outcome(reader, value)
    reader.unknown(value, "call_id", "name", "status", "content", "error")


def _outcome(reader: Reader, map_: Map) -> None:
    status = map_.get("status")
    status = status if status in ("SUCCESS", "ERROR") else None
    has_content, has_error = "content" in map_, "error" in map_
    if has_content and ((has_error and status is None) or status == "ERROR"):
        with reader.at("content"):
            words = "content next to an error; remove `content` or use status `SUCCESS` without `error`"
            reader.say("result.content-misplaced", words)
    if has_error and status == "SUCCESS":
        with reader.at("error"):
            words = "error in a result of status `SUCCESS`; remove `error` or use status `ERROR`"
            reader.say("result.error-misplaced", words)
    if not has_content and status == "SUCCESS":
        words = "status `SUCCESS` without content; add `content`, null if there is nothing to say"
        reader.say("result.content-required", words)
    if not has_error and status == "ERROR":
        reader.say("result.error-required", "status `ERROR` without error; add `error` with a `message`")
    reader.optional(map_, "error", error_object)


def error_object(reader: Reader, value: JsonValue) -> None:
    """What went wrong in a tool."""
    if not reader.is_a(dict, "object", value):
        return
    reader.required(value, "message", _message)
    reader.optional(value, "type", error_type)
    reader.unknown(value, "message", "type")


def _message(reader: Reader, value: JsonValue) -> None:
    if not reader.is_a(str, "string", value):
        return
    if is_blank(value):
        reader.say("error.message-empty", "the error's message is blank; say what went wrong")
    most = limits.ERROR_MESSAGE_CHARS
    if len(value) > most:
        words = f"the error's message has {len(value)} characters; at most {most} are recommended, shorten it"
        reader.warn("error.message-long", words)
