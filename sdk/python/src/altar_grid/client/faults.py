"""Turns what gRPC reports into one of the transport codes, with advice, and says whether the request can have reached
the host."""

from __future__ import annotations

import re

import grpc
import grpc.aio

from altar_grid import errors
from altar_grid.errors import BY_CODE, GridError

_CODED = re.compile(r"([A-Z][A-Z_]+): (.+)", re.DOTALL)
_TLS = ("certificate", "ssl", "tls", "handshake", "verification check")
#: What gRPC says where no connection could be made, so that nothing was sent.
_UNREACHED = ("failed to connect", "dns resolution failed", "name resolution", "connection refused", "domain name not")

_PUSHBACK = "grpc-retry-pushback-ms"

_StatusCode = grpc.StatusCode


def from_status(fault: grpc.aio.AioRpcError, correlation_id: str) -> GridError:
    """The exception for a request that ended with a gRPC status other than OK."""
    text = fault.details() or ""
    wait = _pushback(fault)
    if wait is not None:
        return errors.ResourceExhausted(
            "the host has more to do than it can just now and read nothing; send the request again later",
            correlation_id=correlation_id,
            component="host",
            retry_allowed=True,
            retry_after_ms=wait,
            max_retries=3,
            refused=True,
        )
    unsent = fault.code() is _StatusCode.UNAVAILABLE and any(word in text.lower() for word in _UNREACHED)
    coded = _CODED.fullmatch(text)
    if coded is not None and coded[1] in BY_CODE:
        # The host says it in the words of the closed set.
        return BY_CODE[coded[1]](coded[2], correlation_id=correlation_id)
    kind, advice = _unreached(text) if unsent else _meaning(fault.code(), text)
    return kind(advice, correlation_id=correlation_id, unsent=unsent)


def _pushback(fault: grpc.aio.AioRpcError) -> int | None:
    """Milliseconds after which a host that sheds load takes the request; `None` where it does not say."""
    if fault.code() is not _StatusCode.RESOURCE_EXHAUSTED:
        return None
    # An answer of headers alone has them in one of the two.
    told = dict([*(fault.initial_metadata() or ()), *(fault.trailing_metadata() or ())]).get(_PUSHBACK)
    # A negative one says that nobody should come again.
    return int(told) if isinstance(told, str) and told.isascii() and told.isdigit() else None


def _unreached(text: str) -> tuple[type[GridError], str]:
    if any(word in text.lower() for word in _TLS):
        return (
            errors.TlsHandshakeFailed,
            "the secured connection failed; check the certificates of both sides and the host's name in them",
        )
    return (
        errors.ConnectionFailed,
        "the host cannot be reached; check that it runs and that the endpoint is right",
    )


def _meaning(code: grpc.StatusCode, text: str) -> tuple[type[GridError], str]:
    match code:
        case _StatusCode.UNAUTHENTICATED:
            return (
                errors.InvalidCredentials,
                "the host does not accept the credentials; check the token and fetch a fresh one",
            )
        case _StatusCode.PERMISSION_DENIED:
            return errors.PermissionDenied, "the host does not let this caller in; ask its operator"
        case _StatusCode.DEADLINE_EXCEEDED:
            return late_kind()
        case _StatusCode.CANCELLED | _StatusCode.UNAVAILABLE | _StatusCode.ABORTED:
            return errors.ConnectionFailed, "the connection to the host broke; try again"
        case _StatusCode.OUT_OF_RANGE:
            return _too_large()
        case _StatusCode.RESOURCE_EXHAUSTED if "larg" in text:
            return _too_large()
        case _StatusCode.RESOURCE_EXHAUSTED:
            return errors.ResourceExhausted, "the host has no room for the request; try again later"
        case _StatusCode.UNIMPLEMENTED:
            return (
                errors.FeatureUnavailable,
                "the host does not know this request; check that the endpoint is a host of grid.v1",
            )
        case _StatusCode.INVALID_ARGUMENT:
            return (
                errors.MalformedRequest,
                "the host could not read the request; check that both sides have the same version",
            )
        case _:
            return (
                errors.ProtocolViolation,
                "the answer is not one of grid.v1; check that the endpoint is a host",
            )


def late_kind() -> tuple[type[GridError], str]:
    """Class and advice where no answer came in time."""
    return errors.NetworkTimeout, "no answer came in time; try again, or allow more time"


def _too_large() -> tuple[type[GridError], str]:
    return (
        errors.MessageTooLarge,
        "the message is larger than one side takes; send less, or raise the limit on both sides",
    )
