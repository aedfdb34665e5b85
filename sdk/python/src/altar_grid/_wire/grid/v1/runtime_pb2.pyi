from altar_grid._wire.grid.v1 import call_pb2 as _call_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from altar_grid._wire.grid.v1 import fulfilment_pb2 as _fulfilment_pb2
from altar_grid._wire.grid.v1 import handshake_pb2 as _handshake_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RuntimeFrame(_message.Message):
    __slots__ = ("announce", "fulfil", "register", "result", "chunk", "progress", "heartbeat", "drain", "bye", "capability_update", "validate_features", "call", "log", "error", "lifecycle", "cancel_call")
    ANNOUNCE_FIELD_NUMBER: _ClassVar[int]
    FULFIL_FIELD_NUMBER: _ClassVar[int]
    REGISTER_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_UPDATE_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_FEATURES_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    LOG_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    CANCEL_CALL_FIELD_NUMBER: _ClassVar[int]
    announce: _handshake_pb2.AnnounceRuntime
    fulfil: _fulfilment_pb2.FulfillTools
    register: _fulfilment_pb2.RegisterToolsRequest
    result: _call_pb2.ToolResult
    chunk: _call_pb2.StreamChunk
    progress: _call_pb2.Progress
    heartbeat: Heartbeat
    drain: Drain
    bye: Bye
    capability_update: _handshake_pb2.CapabilityUpdate
    validate_features: _handshake_pb2.ValidateFeatures
    call: _call_pb2.ToolCall
    log: RuntimeLog
    error: ProtocolError
    lifecycle: LifecycleReport
    cancel_call: _call_pb2.CancelToolCall
    def __init__(self, announce: _Optional[_Union[_handshake_pb2.AnnounceRuntime, _Mapping]] = ..., fulfil: _Optional[_Union[_fulfilment_pb2.FulfillTools, _Mapping]] = ..., register: _Optional[_Union[_fulfilment_pb2.RegisterToolsRequest, _Mapping]] = ..., result: _Optional[_Union[_call_pb2.ToolResult, _Mapping]] = ..., chunk: _Optional[_Union[_call_pb2.StreamChunk, _Mapping]] = ..., progress: _Optional[_Union[_call_pb2.Progress, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., bye: _Optional[_Union[Bye, _Mapping]] = ..., capability_update: _Optional[_Union[_handshake_pb2.CapabilityUpdate, _Mapping]] = ..., validate_features: _Optional[_Union[_handshake_pb2.ValidateFeatures, _Mapping]] = ..., call: _Optional[_Union[_call_pb2.ToolCall, _Mapping]] = ..., log: _Optional[_Union[RuntimeLog, _Mapping]] = ..., error: _Optional[_Union[ProtocolError, _Mapping]] = ..., lifecycle: _Optional[_Union[LifecycleReport, _Mapping]] = ..., cancel_call: _Optional[_Union[_call_pb2.CancelToolCall, _Mapping]] = ...) -> None: ...

class HostFrame(_message.Message):
    __slots__ = ("announced", "fulfilled", "registered", "call", "cancel", "heartbeat_ack", "drain", "bye", "capability_updated", "validated", "answer", "error", "lifecycle", "credit")
    ANNOUNCED_FIELD_NUMBER: _ClassVar[int]
    FULFILLED_FIELD_NUMBER: _ClassVar[int]
    REGISTERED_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    CANCEL_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_ACK_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    BYE_FIELD_NUMBER: _ClassVar[int]
    CAPABILITY_UPDATED_FIELD_NUMBER: _ClassVar[int]
    VALIDATED_FIELD_NUMBER: _ClassVar[int]
    ANSWER_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_FIELD_NUMBER: _ClassVar[int]
    CREDIT_FIELD_NUMBER: _ClassVar[int]
    announced: _handshake_pb2.AnnounceRuntimeResponse
    fulfilled: _fulfilment_pb2.FulfillToolsResponse
    registered: _fulfilment_pb2.RegisterToolsResponse
    call: _call_pb2.ToolCall
    cancel: CancelInvocation
    heartbeat_ack: HeartbeatAck
    drain: Drain
    bye: Bye
    capability_updated: _handshake_pb2.CapabilityUpdateResponse
    validated: _handshake_pb2.ValidationResponse
    answer: _call_pb2.CallToolResponse
    error: ProtocolError
    lifecycle: Lifecycle
    credit: Credit
    def __init__(self, announced: _Optional[_Union[_handshake_pb2.AnnounceRuntimeResponse, _Mapping]] = ..., fulfilled: _Optional[_Union[_fulfilment_pb2.FulfillToolsResponse, _Mapping]] = ..., registered: _Optional[_Union[_fulfilment_pb2.RegisterToolsResponse, _Mapping]] = ..., call: _Optional[_Union[_call_pb2.ToolCall, _Mapping]] = ..., cancel: _Optional[_Union[CancelInvocation, _Mapping]] = ..., heartbeat_ack: _Optional[_Union[HeartbeatAck, _Mapping]] = ..., drain: _Optional[_Union[Drain, _Mapping]] = ..., bye: _Optional[_Union[Bye, _Mapping]] = ..., capability_updated: _Optional[_Union[_handshake_pb2.CapabilityUpdateResponse, _Mapping]] = ..., validated: _Optional[_Union[_handshake_pb2.ValidationResponse, _Mapping]] = ..., answer: _Optional[_Union[_call_pb2.CallToolResponse, _Mapping]] = ..., error: _Optional[_Union[ProtocolError, _Mapping]] = ..., lifecycle: _Optional[_Union[Lifecycle, _Mapping]] = ..., credit: _Optional[_Union[Credit, _Mapping]] = ...) -> None: ...

class CancelInvocation(_message.Message):
    __slots__ = ("invocation_id", "correlation_id", "reason")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    correlation_id: str
    reason: str
    def __init__(self, invocation_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ("sequence", "in_flight", "free_slots", "load_percent")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    IN_FLIGHT_FIELD_NUMBER: _ClassVar[int]
    FREE_SLOTS_FIELD_NUMBER: _ClassVar[int]
    LOAD_PERCENT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    in_flight: int
    free_slots: int
    load_percent: int
    def __init__(self, sequence: _Optional[int] = ..., in_flight: _Optional[int] = ..., free_slots: _Optional[int] = ..., load_percent: _Optional[int] = ...) -> None: ...

class Credit(_message.Message):
    __slots__ = ("invocation_id", "bytes")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    BYTES_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    bytes: int
    def __init__(self, invocation_id: _Optional[str] = ..., bytes: _Optional[int] = ...) -> None: ...

class Lifecycle(_message.Message):
    __slots__ = ("sequence", "phase", "tool", "correlation_id")
    class Phase(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        PHASE_UNSPECIFIED: _ClassVar[Lifecycle.Phase]
        INIT: _ClassVar[Lifecycle.Phase]
        HEALTH: _ClassVar[Lifecycle.Phase]
        CLEANUP: _ClassVar[Lifecycle.Phase]
        PAUSE: _ClassVar[Lifecycle.Phase]
        RESUME: _ClassVar[Lifecycle.Phase]
    PHASE_UNSPECIFIED: Lifecycle.Phase
    INIT: Lifecycle.Phase
    HEALTH: Lifecycle.Phase
    CLEANUP: Lifecycle.Phase
    PAUSE: Lifecycle.Phase
    RESUME: Lifecycle.Phase
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    PHASE_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    phase: Lifecycle.Phase
    tool: str
    correlation_id: str
    def __init__(self, sequence: _Optional[int] = ..., phase: _Optional[_Union[Lifecycle.Phase, str]] = ..., tool: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class LifecycleReport(_message.Message):
    __slots__ = ("sequence", "ok", "message")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    OK_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    ok: bool
    message: str
    def __init__(self, sequence: _Optional[int] = ..., ok: bool = ..., message: _Optional[str] = ...) -> None: ...

class HeartbeatAck(_message.Message):
    __slots__ = ("sequence",)
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    def __init__(self, sequence: _Optional[int] = ...) -> None: ...

class Drain(_message.Message):
    __slots__ = ("reason", "grace_ms")
    REASON_FIELD_NUMBER: _ClassVar[int]
    GRACE_MS_FIELD_NUMBER: _ClassVar[int]
    reason: str
    grace_ms: int
    def __init__(self, reason: _Optional[str] = ..., grace_ms: _Optional[int] = ...) -> None: ...

class Bye(_message.Message):
    __slots__ = ("reason",)
    REASON_FIELD_NUMBER: _ClassVar[int]
    reason: str
    def __init__(self, reason: _Optional[str] = ...) -> None: ...

class RuntimeLog(_message.Message):
    __slots__ = ("invocation_id", "severity", "message")
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    invocation_id: str
    severity: _errors_pb2.ErrorSeverity
    message: str
    def __init__(self, invocation_id: _Optional[str] = ..., severity: _Optional[_Union[_errors_pb2.ErrorSeverity, str]] = ..., message: _Optional[str] = ...) -> None: ...

class ProtocolError(_message.Message):
    __slots__ = ("error", "invocation_id")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    INVOCATION_ID_FIELD_NUMBER: _ClassVar[int]
    error: _errors_pb2.EnhancedError
    invocation_id: str
    def __init__(self, error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., invocation_id: _Optional[str] = ...) -> None: ...
