from altar_grid._wire.grid.v1 import common_pb2 as _common_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AnnounceRuntime(_message.Message):
    __slots__ = ("runtime_id", "language", "version", "capabilities", "metadata", "compliance_level", "optional_features", "protocol_version", "supported_versions", "version_preferences", "correlation_id")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VersionPreferencesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CAPABILITIES_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    COMPLIANCE_LEVEL_FIELD_NUMBER: _ClassVar[int]
    OPTIONAL_FEATURES_FIELD_NUMBER: _ClassVar[int]
    PROTOCOL_VERSION_FIELD_NUMBER: _ClassVar[int]
    SUPPORTED_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    VERSION_PREFERENCES_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    runtime_id: str
    language: str
    version: str
    capabilities: _containers.RepeatedScalarFieldContainer[str]
    metadata: _containers.ScalarMap[str, str]
    compliance_level: _common_pb2.ComplianceLevel
    optional_features: _containers.RepeatedScalarFieldContainer[str]
    protocol_version: str
    supported_versions: _containers.RepeatedScalarFieldContainer[str]
    version_preferences: _containers.ScalarMap[str, str]
    correlation_id: str
    def __init__(self, runtime_id: _Optional[str] = ..., language: _Optional[str] = ..., version: _Optional[str] = ..., capabilities: _Optional[_Iterable[str]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., compliance_level: _Optional[_Union[_common_pb2.ComplianceLevel, str]] = ..., optional_features: _Optional[_Iterable[str]] = ..., protocol_version: _Optional[str] = ..., supported_versions: _Optional[_Iterable[str]] = ..., version_preferences: _Optional[_Mapping[str, str]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class AnnounceRuntimeResponse(_message.Message):
    __slots__ = ("connection_id", "available_contracts", "correlation_id", "negotiated_level", "enabled_features", "feature_config", "negotiated_version", "available_features", "version_config", "error", "heartbeat_interval_ms", "mode")
    class FeatureConfigEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    class VersionConfigEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CONNECTION_ID_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_CONTRACTS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    NEGOTIATED_LEVEL_FIELD_NUMBER: _ClassVar[int]
    ENABLED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    FEATURE_CONFIG_FIELD_NUMBER: _ClassVar[int]
    NEGOTIATED_VERSION_FIELD_NUMBER: _ClassVar[int]
    AVAILABLE_FEATURES_FIELD_NUMBER: _ClassVar[int]
    VERSION_CONFIG_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    connection_id: str
    available_contracts: _containers.RepeatedScalarFieldContainer[str]
    correlation_id: str
    negotiated_level: _common_pb2.ComplianceLevel
    enabled_features: _containers.RepeatedScalarFieldContainer[str]
    feature_config: _containers.ScalarMap[str, str]
    negotiated_version: str
    available_features: _containers.RepeatedScalarFieldContainer[str]
    version_config: _containers.ScalarMap[str, str]
    error: _errors_pb2.EnhancedError
    heartbeat_interval_ms: int
    mode: str
    def __init__(self, connection_id: _Optional[str] = ..., available_contracts: _Optional[_Iterable[str]] = ..., correlation_id: _Optional[str] = ..., negotiated_level: _Optional[_Union[_common_pb2.ComplianceLevel, str]] = ..., enabled_features: _Optional[_Iterable[str]] = ..., feature_config: _Optional[_Mapping[str, str]] = ..., negotiated_version: _Optional[str] = ..., available_features: _Optional[_Iterable[str]] = ..., version_config: _Optional[_Mapping[str, str]] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., heartbeat_interval_ms: _Optional[int] = ..., mode: _Optional[str] = ...) -> None: ...

class CapabilityUpdate(_message.Message):
    __slots__ = ("runtime_id", "new_features", "deprecated_features", "reason", "effective_timestamp")
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    NEW_FEATURES_FIELD_NUMBER: _ClassVar[int]
    DEPRECATED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    runtime_id: str
    new_features: _containers.RepeatedScalarFieldContainer[str]
    deprecated_features: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    effective_timestamp: int
    def __init__(self, runtime_id: _Optional[str] = ..., new_features: _Optional[_Iterable[str]] = ..., deprecated_features: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., effective_timestamp: _Optional[int] = ...) -> None: ...

class CapabilityUpdateResponse(_message.Message):
    __slots__ = ("status", "accepted_features", "rejected_features", "errors", "next_review_timestamp")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        ACCEPTED: _ClassVar[CapabilityUpdateResponse.Status]
        PARTIAL: _ClassVar[CapabilityUpdateResponse.Status]
        REJECTED: _ClassVar[CapabilityUpdateResponse.Status]
    ACCEPTED: CapabilityUpdateResponse.Status
    PARTIAL: CapabilityUpdateResponse.Status
    REJECTED: CapabilityUpdateResponse.Status
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    REJECTED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    NEXT_REVIEW_TIMESTAMP_FIELD_NUMBER: _ClassVar[int]
    status: CapabilityUpdateResponse.Status
    accepted_features: _containers.RepeatedScalarFieldContainer[str]
    rejected_features: _containers.RepeatedScalarFieldContainer[str]
    errors: _containers.RepeatedCompositeFieldContainer[_errors_pb2.EnhancedError]
    next_review_timestamp: int
    def __init__(self, status: _Optional[_Union[CapabilityUpdateResponse.Status, str]] = ..., accepted_features: _Optional[_Iterable[str]] = ..., rejected_features: _Optional[_Iterable[str]] = ..., errors: _Optional[_Iterable[_Union[_errors_pb2.EnhancedError, _Mapping]]] = ..., next_review_timestamp: _Optional[int] = ...) -> None: ...

class ValidateFeatures(_message.Message):
    __slots__ = ("enabled_features",)
    ENABLED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    enabled_features: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, enabled_features: _Optional[_Iterable[str]] = ...) -> None: ...

class ValidationResponse(_message.Message):
    __slots__ = ("confirmed_features", "disabled_features", "warnings")
    CONFIRMED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FEATURES_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    confirmed_features: _containers.RepeatedScalarFieldContainer[str]
    disabled_features: _containers.RepeatedScalarFieldContainer[str]
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, confirmed_features: _Optional[_Iterable[str]] = ..., disabled_features: _Optional[_Iterable[str]] = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...
