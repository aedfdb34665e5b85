from altar_grid._wire.grid.v1 import common_pb2 as _common_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateSession(_message.Message):
    __slots__ = ("suggested_session_id", "metadata", "ttl_seconds", "security_context", "compliance_level", "correlation_id", "optional_features", "supported_versions")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SUGGESTED_SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    TTL_SECONDS_FIELD_NUMBER: _ClassVar[int]
    SECURITY_CONTEXT_FIELD_NUMBER: _ClassVar[int]
    COMPLIANCE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FEATURES_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    suggested_session_id: str
    metadata: _containers.ScalarMap[str, str]
    ttl_seconds: int
    security_context: _common_pb2.SecurityContext
    compliance_level: _common_pb2.ComplianceLevel
    correlation_id: str
    optional_features: _containers.RepeatedScalarFieldContainer[str]
    supported_versions: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, suggested_session_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., ttl_seconds: _Optional[int] = ..., security_context: _Optional[_Union[_common_pb2.SecurityContext, _Mapping]] = ..., compliance_level: _Optional[_Union[_common_pb2.ComplianceLevel, str]] = ..., correlation_id: _Optional[str] = ..., optional_features: _Optional[_Iterable[str]] = ..., supported_versions: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateSessionResponse(_message.Message):
    __slots__ = ("session_id", "expires_at_ms", "correlation_id", "error", "enabled_features", "negotiated_level", "negotiated_version")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    NEGOTIATED_LEVEL_FIELD_NUMBER: _ClassVar[int]
    NEGOTIATED_VERSION_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    expires_at_ms: int
    correlation_id: str
    error: _errors_pb2.EnhancedError
    enabled_features: _containers.RepeatedScalarFieldContainer[str]
    negotiated_level: _common_pb2.ComplianceLevel
    negotiated_version: str
    def __init__(self, session_id: _Optional[str] = ..., expires_at_ms: _Optional[int] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., enabled_features: _Optional[_Iterable[str]] = ..., negotiated_level: _Optional[_Union[_common_pb2.ComplianceLevel, str]] = ..., negotiated_version: _Optional[str] = ...) -> None: ...

class DestroySession(_message.Message):
    __slots__ = ("session_id", "force", "correlation_id")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    force: bool
    correlation_id: str
    def __init__(self, session_id: _Optional[str] = ..., force: bool = ..., correlation_id: _Optional[str] = ...) -> None: ...

class DestroySessionResponse(_message.Message):
    __slots__ = ("destroyed", "cancelled_invocations", "correlation_id", "error")
    DESTROYED_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_INVOCATIONS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    destroyed: bool
    cancelled_invocations: int
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, destroyed: bool = ..., cancelled_invocations: _Optional[int] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...
