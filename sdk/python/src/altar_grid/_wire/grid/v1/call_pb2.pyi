from altar_grid._wire.grid.adm.v1 import adm_pb2 as _adm_pb2
from altar_grid._wire.grid.v1 import common_pb2 as _common_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ToolCall(_message.Message):
    __slots__ = ("invocation_id", "correlation_id", "call", "trace_context", "session_id", "streaming", "parent_invocation_id", "deadline_unix_ms", "metadata", "receipt", "provider")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    TRACE_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    STREAMING_FIELD_NUMBER: _ClassVar[int]
    PARENT_INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    DEADLINE_UNIX_MS_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    correlation_id: str
    call: _adm_pb2.FunctionCall
    trace_context: _common_pb2.TraceContext
    session_id: str
    streaming: bool
    parent_invocation_id: str
    deadline_unix_ms: int
    metadata: _containers.ScalarMap[str, str]
    receipt: bool
    provider: str
    def __init__(self, invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., call: _Optional[_Union[_adm_pb2.FunctionCall, _Mapping]] = ..., trace_context: _Optional[_Union[_common_pb2.TraceContext, _Mapping]] = ..., session_id: _Optional[str] = ..., streaming: bool = ..., parent_invocation_id: _Optional[str] = ..., deadline_unix_ms: _Optional[int] = ..., metadata: _Optional[_Mapping[str, str]] = ..., receipt: bool = ..., provider: _Optional[str] = ...) -> None: ...

class ToolResult(_message.Message):
    __slots__ = ("invocation_id", "correlation_id", "result")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    correlation_id: str
    result: _adm_pb2.ToolResult
    def __init__(self, invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., result: _Optional[_Union[_adm_pb2.ToolResult, _Mapping]] = ...) -> None: ...

class StreamChunk(_message.Message):
    __slots__ = ("invocation_id", "chunk_id", "payload", "is_final", "error", "correlation_id", "enhanced_error")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CHUNK_ID_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    IS_FINAL_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ENHANCED_ERROR_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    chunk_id: int
    payload: bytes
    is_final: bool
    error: _errors_pb2.Error
    correlation_id: str
    enhanced_error: _errors_pb2.EnhancedError
    def __init__(self, invocation_id: _Optional[str] = ..., chunk_id: _Optional[int] = ..., payload: _Optional[bytes] = ..., is_final: bool = ..., error: _Optional[_Union[_errors_pb2.Error, _Mapping]] = ..., correlation_id: _Optional[str] = ..., enhanced_error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...

class CallToolResponse(_message.Message):
    __slots__ = ("result", "error", "streamed", "correlation_id", "invocation_id", "repeated", "receipt", "call_id", "provider", "attempts", "reused", "parent_invocation_id", "tried")
    RESULT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    STREAMED_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    REPEATED_FIELD_NUMBER: _ClassVar[int]
    RECEIPT_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    REUSED_FIELD_NUMBER: _ClassVar[int]
    PARENT_INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    TRIED_FIELD_NUMBER: _ClassVar[int]
    result: ToolResult
    error: _errors_pb2.EnhancedError
    streamed: StreamEnd
    correlation_id: str
    invocation_id: str
    repeated: bool
    receipt: AuditReceipt
    call_id: str
    provider: str
    attempts: int
    reused: bool
    parent_invocation_id: str
    tried: _containers.RepeatedCompositeFieldContainer[Attempt]
    def __init__(self, result: _Optional[_Union[ToolResult, _Mapping]] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., streamed: _Optional[_Union[StreamEnd, _Mapping]] = ..., correlation_id: _Optional[str] = ..., invocation_id: _Optional[str] = ..., repeated: bool = ..., receipt: _Optional[_Union[AuditReceipt, _Mapping]] = ..., call_id: _Optional[str] = ..., provider: _Optional[str] = ..., attempts: _Optional[int] = ..., reused: bool = ..., parent_invocation_id: _Optional[str] = ..., tried: _Optional[_Iterable[_Union[Attempt, _Mapping]]] = ...) -> None: ...

class Attempt(_message.Message):
    __slots__ = ("provider", "runtime", "ended")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_FIELD_NUMBER: _ClassVar[int]
    ENDED_FIELD_NUMBER: _ClassVar[int]
    provider: str
    runtime: str
    ended: str
    def __init__(self, provider: _Optional[str] = ..., runtime: _Optional[str] = ..., ended: _Optional[str] = ...) -> None: ...

class StreamEnd(_message.Message):
    __slots__ = ("chunks", "bytes", "digest")
    CHUNKS_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    chunks: int
    bytes: int
    digest: str
    def __init__(self, chunks: _Optional[int] = ..., bytes: _Optional[int] = ..., digest: _Optional[str] = ...) -> None: ...

class Progress(_message.Message):
    __slots__ = ("invocation_id", "correlation_id", "fraction", "message")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    FRACTION_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    correlation_id: str
    fraction: float
    message: str
    def __init__(self, invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., fraction: _Optional[float] = ..., message: _Optional[str] = ...) -> None: ...

class CallEvent(_message.Message):
    __slots__ = ("chunk", "progress", "end")
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    chunk: StreamChunk
    progress: Progress
    end: CallToolResponse
    def __init__(self, chunk: _Optional[_Union[StreamChunk, _Mapping]] = ..., progress: _Optional[_Union[Progress, _Mapping]] = ..., end: _Optional[_Union[CallToolResponse, _Mapping]] = ...) -> None: ...

class AuditReceipt(_message.Message):
    __slots__ = ("index", "leaf_hash", "inclusion", "checkpoint")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    LEAF_HASH_FIELD_NUMBER: _ClassVar[int]
    INCLUSION_FIELD_NUMBER: _ClassVar[int]
    CHECKPOINT_FIELD_NUMBER: _ClassVar[int]
    index: int
    leaf_hash: bytes
    inclusion: _containers.RepeatedScalarFieldContainer[bytes]
    checkpoint: str
    def __init__(self, index: _Optional[int] = ..., leaf_hash: _Optional[bytes] = ..., inclusion: _Optional[_Iterable[bytes]] = ..., checkpoint: _Optional[str] = ...) -> None: ...

class CancelToolCall(_message.Message):
    __slots__ = ("session_id", "call_id", "reason", "correlation_id", "parent_invocation_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    call_id: str
    reason: str
    correlation_id: str
    parent_invocation_id: str
    def __init__(self, session_id: _Optional[str] = ..., call_id: _Optional[str] = ..., reason: _Optional[str] = ..., correlation_id: _Optional[str] = ..., parent_invocation_id: _Optional[str] = ...) -> None: ...

class CancelToolCallResponse(_message.Message):
    __slots__ = ("cancelled", "correlation_id", "error")
    CANCELLED_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    cancelled: bool
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, cancelled: bool = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...

class ListTools(_message.Message):
    __slots__ = ("session_id", "correlation_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    correlation_id: str
    def __init__(self, session_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class ToolListing(_message.Message):
    __slots__ = ("declaration", "contract", "version", "effect", "timeout_ms", "tags", "digest", "dynamic", "available", "denied", "needs_approval")
    DECLARATION_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_MS_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    DYNAMIC_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FIELD_NUMBER: _ClassVar[int]
    DENIED_FIELD_NUMBER: _ClassVar[int]
    NEEDS_APPROVAL_FIELD_NUMBER: _ClassVar[int]
    declaration: _adm_pb2.FunctionDeclaration
    contract: str
    version: str
    effect: str
    timeout_ms: int
    tags: _containers.RepeatedScalarFieldContainer[str]
    digest: str
    dynamic: bool
    available: bool
    denied: bool
    needs_approval: bool
    def __init__(self, declaration: _Optional[_Union[_adm_pb2.FunctionDeclaration, _Mapping]] = ..., contract: _Optional[str] = ..., version: _Optional[str] = ..., effect: _Optional[str] = ..., timeout_ms: _Optional[int] = ..., tags: _Optional[_Iterable[str]] = ..., digest: _Optional[str] = ..., dynamic: bool = ..., available: bool = ..., denied: bool = ..., needs_approval: bool = ...) -> None: ...

class ListToolsResponse(_message.Message):
    __slots__ = ("tools", "correlation_id", "error")
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    tools: _containers.RepeatedCompositeFieldContainer[ToolListing]
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, tools: _Optional[_Iterable[_Union[ToolListing, _Mapping]]] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...
