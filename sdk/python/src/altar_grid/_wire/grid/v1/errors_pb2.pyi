from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorSeverity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    INFO: _ClassVar[ErrorSeverity]
    WARNING: _ClassVar[ErrorSeverity]
    ERROR: _ClassVar[ErrorSeverity]
    CRITICAL: _ClassVar[ErrorSeverity]
    FATAL: _ClassVar[ErrorSeverity]

class ErrorCategory(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    AUTHORIZATION: _ClassVar[ErrorCategory]
    VALIDATION: _ClassVar[ErrorCategory]
    RUNTIME: _ClassVar[ErrorCategory]
    TRANSPORT: _ClassVar[ErrorCategory]
    CONFIGURATION: _ClassVar[ErrorCategory]
INFO: ErrorSeverity
WARNING: ErrorSeverity
ERROR: ErrorSeverity
CRITICAL: ErrorSeverity
FATAL: ErrorSeverity
AUTHORIZATION: ErrorCategory
VALIDATION: ErrorCategory
RUNTIME: ErrorCategory
TRANSPORT: ErrorCategory
CONFIGURATION: ErrorCategory

class Error(_message.Message):
    __slots__ = ("message", "type")
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    message: str
    type: str
    def __init__(self, message: _Optional[str] = ..., type: _Optional[str] = ...) -> None: ...

class EnhancedError(_message.Message):
    __slots__ = ("message", "type", "details", "correlation_id", "timestamp", "retry_allowed", "retry_after_ms", "max_retries", "remediation_steps", "documentation_url", "support_reference", "component", "session_id", "runtime_id", "tool_name", "severity", "category", "tags", "execution_time_ms", "performance_metrics", "trace_id", "caused_by")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class PerformanceMetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    RETRY_ALLOWED_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_RETRIES_FIELD_NUMBER: _ClassVar[int]
    REMEDIATION_STEPS_FIELD_NUMBER: _ClassVar[int]
    DOCUMENTATION_URL_FIELD_NUMBER: _ClassVar[int]
    SUPPORT_REFERENCE_FIELD_NUMBER: _ClassVar[int]
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    CATEGORY_FIELD_NUMBER: _ClassVar[int]
    TAGS_FIELD_NUMBER: _ClassVar[int]
    EXECUTION_TIME_MS_FIELD_NUMBER: _ClassVar[int]
    PERFORMANCE_METRICS_FIELD_NUMBER: _ClassVar[int]
    TRACE_ID_FIELD_NUMBER: _ClassVar[int]
    CAUSED_BY_FIELD_NUMBER: _ClassVar[int]
    message: str
    type: str
    details: _containers.ScalarMap[str, str]
    correlation_id: str
    timestamp: int
    retry_allowed: bool
    retry_after_ms: int
    max_retries: int
    remediation_steps: _containers.RepeatedScalarFieldContainer[str]
    documentation_url: str
    support_reference: str
    component: str
    session_id: str
    runtime_id: str
    tool_name: str
    severity: ErrorSeverity
    category: ErrorCategory
    tags: _containers.RepeatedScalarFieldContainer[str]
    execution_time_ms: int
    performance_metrics: _containers.ScalarMap[str, str]
    trace_id: str
    caused_by: _containers.RepeatedCompositeFieldContainer[EnhancedError]
    def __init__(self, message: _Optional[str] = ..., type: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., correlation_id: _Optional[str] = ..., timestamp: _Optional[int] = ..., retry_allowed: bool = ..., retry_after_ms: _Optional[int] = ..., max_retries: _Optional[int] = ..., remediation_steps: _Optional[_Iterable[str]] = ..., documentation_url: _Optional[str] = ..., support_reference: _Optional[str] = ..., component: _Optional[str] = ..., session_id: _Optional[str] = ..., runtime_id: _Optional[str] = ..., tool_name: _Optional[str] = ..., severity: _Optional[_Union[ErrorSeverity, str]] = ..., category: _Optional[_Union[ErrorCategory, str]] = ..., tags: _Optional[_Iterable[str]] = ..., execution_time_ms: _Optional[int] = ..., performance_metrics: _Optional[_Mapping[str, str]] = ..., trace_id: _Optional[str] = ..., caused_by: _Optional[_Iterable[_Union[EnhancedError, _Mapping]]] = ...) -> None: ...
