from altar_grid._wire.grid.adm.v1 import adm_pb2 as _adm_pb2
from altar_grid._wire.grid.v1 import call_pb2 as _call_pb2
from altar_grid._wire.grid.v1 import common_pb2 as _common_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AuthorizeToolCallRequest(_message.Message):
    __slots__ = ("session_id", "security_context", "call", "correlation_id", "metadata", "args_digest", "trace_context")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SECURITY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    ARGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    security_context: _common_pb2.SecurityContext
    call: _adm_pb2.FunctionCall
    correlation_id: str
    metadata: _containers.ScalarMap[str, str]
    args_digest: ArgsDigest
    trace_context: _common_pb2.TraceContext
    def __init__(self, session_id: _Optional[str] = ..., security_context: _Optional[_Union[_common_pb2.SecurityContext, _Mapping]] = ..., call: _Optional[_Union[_adm_pb2.FunctionCall, _Mapping]] = ..., correlation_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., args_digest: _Optional[_Union[ArgsDigest, _Mapping]] = ..., trace_context: _Optional[_Union[_common_pb2.TraceContext, _Mapping]] = ...) -> None: ...

class ArgsDigest(_message.Message):
    __slots__ = ("sha256", "size")
    SHA256_FIELD_NUMBER: _ClassVar[int]
    SIZE_FIELD_NUMBER: _ClassVar[int]
    sha256: bytes
    size: int
    def __init__(self, sha256: _Optional[bytes] = ..., size: _Optional[int] = ...) -> None: ...

class AuthorizeToolCallResponse(_message.Message):
    __slots__ = ("status", "invocation_id", "correlation_id", "error", "authorization_ttl_ms", "execution_context", "grant")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        APPROVED: _ClassVar[AuthorizeToolCallResponse.Status]
        DENIED: _ClassVar[AuthorizeToolCallResponse.Status]
        PENDING: _ClassVar[AuthorizeToolCallResponse.Status]
    APPROVED: AuthorizeToolCallResponse.Status
    DENIED: AuthorizeToolCallResponse.Status
    PENDING: AuthorizeToolCallResponse.Status
    class ExecutionContextEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    STATUS_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    AUTHORIZATION_TTL_MS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    status: AuthorizeToolCallResponse.Status
    invocation_id: str
    correlation_id: str
    error: _errors_pb2.EnhancedError
    authorization_ttl_ms: int
    execution_context: _containers.ScalarMap[str, str]
    grant: Grant
    def __init__(self, status: _Optional[_Union[AuthorizeToolCallResponse.Status, str]] = ..., invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., authorization_ttl_ms: _Optional[int] = ..., execution_context: _Optional[_Mapping[str, str]] = ..., grant: _Optional[_Union[Grant, _Mapping]] = ...) -> None: ...

class Grant(_message.Message):
    __slots__ = ("record", "receipt")
    RECORD_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    record: bytes
    receipt: _call_pb2.AuditReceipt
    def __init__(self, record: _Optional[bytes] = ..., receipt: _Optional[_Union[_call_pb2.AuditReceipt, _Mapping]] = ...) -> None: ...

class AuthorizeToolCallsRequest(_message.Message):
    __slots__ = ("session_id", "security_context", "correlation_id", "items")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SECURITY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    security_context: _common_pb2.SecurityContext
    correlation_id: str
    items: _containers.RepeatedCompositeFieldContainer[AuthorizeToolCallRequest]
    def __init__(self, session_id: _Optional[str] = ..., security_context: _Optional[_Union[_common_pb2.SecurityContext, _Mapping]] = ..., correlation_id: _Optional[str] = ..., items: _Optional[_Iterable[_Union[AuthorizeToolCallRequest, _Mapping]]] = ...) -> None: ...

class AuthorizeToolCallsResponse(_message.Message):
    __slots__ = ("items", "correlation_id", "error")
    ITEMS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    items: _containers.RepeatedCompositeFieldContainer[AuthorizeToolCallResponse]
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, items: _Optional[_Iterable[_Union[AuthorizeToolCallResponse, _Mapping]]] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...

class LogToolResultRequest(_message.Message):
    __slots__ = ("session_id", "invocation_id", "correlation_id", "result", "execution_time_ms", "execution_metadata", "timestamp", "grant", "args_digest")
    class ExecutionMetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_METADATA_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    ARGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    invocation_id: str
    correlation_id: str
    result: _adm_pb2.ToolResult
    execution_time_ms: int
    execution_metadata: _containers.ScalarMap[str, str]
    timestamp: int
    grant: bytes
    args_digest: bytes
    def __init__(self, session_id: _Optional[str] = ..., invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., result: _Optional[_Union[_adm_pb2.ToolResult, _Mapping]] = ..., execution_time_ms: _Optional[int] = ..., execution_metadata: _Optional[_Mapping[str, str]] = ..., timestamp: _Optional[int] = ..., grant: _Optional[bytes] = ..., args_digest: _Optional[bytes] = ...) -> None: ...

class LogToolResultResponse(_message.Message):
    __slots__ = ("status", "correlation_id", "error", "invocation_id")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        LOGGED: _ClassVar[LogToolResultResponse.Status]
        REJECTED: _ClassVar[LogToolResultResponse.Status]
    LOGGED: LogToolResultResponse.Status
    REJECTED: LogToolResultResponse.Status
    STATUS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    status: LogToolResultResponse.Status
    correlation_id: str
    error: _errors_pb2.EnhancedError
    invocation_id: str
    def __init__(self, status: _Optional[_Union[LogToolResultResponse.Status, str]] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., invocation_id: _Optional[str] = ...) -> None: ...

class CancelGrantRequest(_message.Message):
    __slots__ = ("session_id", "invocation_id", "grant", "reason", "correlation_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    GRANT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    invocation_id: str
    grant: bytes
    reason: str
    correlation_id: str
    def __init__(self, session_id: _Optional[str] = ..., invocation_id: _Optional[str] = ..., grant: _Optional[bytes] = ..., reason: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class CancelGrantResponse(_message.Message):
    __slots__ = ("cancelled", "correlation_id", "error")
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, cancelled: bool = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...

class WatchGrantsRequest(_message.Message):
    __slots__ = ("session_id", "correlation_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    correlation_id: str
    def __init__(self, session_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class WatchGrantsResponse(_message.Message):
    __slots__ = ("epoch", "reason", "error")
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    epoch: int
    reason: str
    error: _errors_pb2.EnhancedError
    def __init__(self, epoch: _Optional[int] = ..., reason: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...
