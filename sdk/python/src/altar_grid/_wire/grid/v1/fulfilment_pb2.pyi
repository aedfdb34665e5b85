from altar_grid._wire.grid.adm.v1 import adm_pb2 as _adm_pb2
from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FulfillTools(_message.Message):
    __slots__ = ("session_id", "tool_names", "runtime_id", "correlation_id", "contract_digests")
    class ContractDigestsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAMES_FIELD_NUMBER: _ClassVar[int]
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_DIGESTS_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    tool_names: _containers.RepeatedScalarFieldContainer[str]
    runtime_id: str
    correlation_id: str
    contract_digests: _containers.ScalarMap[str, str]
    def __init__(self, session_id: _Optional[str] = ..., tool_names: _Optional[_Iterable[str]] = ..., runtime_id: _Optional[str] = ..., correlation_id: _Optional[str] = ..., contract_digests: _Optional[_Mapping[str, str]] = ...) -> None: ...

class FulfillToolsResponse(_message.Message):
    __slots__ = ("status", "fulfilled_tools", "rejected_tools", "errors", "session_id", "correlation_id")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SUCCESS: _ClassVar[FulfillToolsResponse.Status]
        PARTIAL_SUCCESS: _ClassVar[FulfillToolsResponse.Status]
        FAILURE: _ClassVar[FulfillToolsResponse.Status]
    SUCCESS: FulfillToolsResponse.Status
    PARTIAL_SUCCESS: FulfillToolsResponse.Status
    FAILURE: FulfillToolsResponse.Status
    STATUS_FIELD_NUMBER: _ClassVar[int]
    FULFILLED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    status: FulfillToolsResponse.Status
    fulfilled_tools: _containers.RepeatedScalarFieldContainer[str]
    rejected_tools: _containers.RepeatedScalarFieldContainer[str]
    errors: _containers.RepeatedCompositeFieldContainer[_errors_pb2.EnhancedError]
    session_id: str
    correlation_id: str
    def __init__(self, status: _Optional[_Union[FulfillToolsResponse.Status, str]] = ..., fulfilled_tools: _Optional[_Iterable[str]] = ..., rejected_tools: _Optional[_Iterable[str]] = ..., errors: _Optional[_Iterable[_Union[_errors_pb2.EnhancedError, _Mapping]]] = ..., session_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class RegisterToolsRequest(_message.Message):
    __slots__ = ("runtime_id", "tools", "session_id", "metadata", "correlation_id")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    RUNTIME_ID_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    runtime_id: str
    tools: _containers.RepeatedCompositeFieldContainer[_adm_pb2.Tool]
    session_id: str
    metadata: _containers.ScalarMap[str, str]
    correlation_id: str
    def __init__(self, runtime_id: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[_adm_pb2.Tool, _Mapping]]] = ..., session_id: _Optional[str] = ..., metadata: _Optional[_Mapping[str, str]] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class RegisterToolsResponse(_message.Message):
    __slots__ = ("status", "accepted_tools", "rejected_tools", "errors", "session_id", "correlation_id")
    class Status(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        SUCCESS: _ClassVar[RegisterToolsResponse.Status]
        PARTIAL_SUCCESS: _ClassVar[RegisterToolsResponse.Status]
        FAILURE: _ClassVar[RegisterToolsResponse.Status]
    SUCCESS: RegisterToolsResponse.Status
    PARTIAL_SUCCESS: RegisterToolsResponse.Status
    FAILURE: RegisterToolsResponse.Status
    STATUS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    REJECTED_TOOLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    status: RegisterToolsResponse.Status
    accepted_tools: _containers.RepeatedScalarFieldContainer[str]
    rejected_tools: _containers.RepeatedScalarFieldContainer[str]
    errors: _containers.RepeatedCompositeFieldContainer[_errors_pb2.EnhancedError]
    session_id: str
    correlation_id: str
    def __init__(self, status: _Optional[_Union[RegisterToolsResponse.Status, str]] = ..., accepted_tools: _Optional[_Iterable[str]] = ..., rejected_tools: _Optional[_Iterable[str]] = ..., errors: _Optional[_Iterable[_Union[_errors_pb2.EnhancedError, _Mapping]]] = ..., session_id: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...
