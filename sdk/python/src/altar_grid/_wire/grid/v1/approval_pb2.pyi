from altar_grid._wire.grid.v1 import errors_pb2 as _errors_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListApprovalsRequest(_message.Message):
    __slots__ = ("correlation_id",)
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    correlation_id: str
    def __init__(self, correlation_id: _Optional[str] = ...) -> None: ...

class Approval(_message.Message):
    __slots__ = ("approval_id", "tenant", "principal", "tool", "contract_digest", "args_digest", "args", "role", "rule", "reason", "policy_epoch", "requested_at_ms", "expires_at_ms", "session_id", "call_correlation_id", "args_unseen", "args_bytes", "time_left_ms", "local")
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PRINCIPAL_FIELD_NUMBER: _ClassVar[int]
    TOOL_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARGS_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    POLICY_EPOCH_FIELD_NUMBER: _ClassVar[int]
    REQUESTED_AT_MS_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_MS_FIELD_NUMBER: _ClassVar[int]
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ARGS_UNSEEN_FIELD_NUMBER: _ClassVar[int]
    ARGS_BYTES_FIELD_NUMBER: _ClassVar[int]
    TIME_LEFT_MS_FIELD_NUMBER: _ClassVar[int]
    LOCAL_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    tenant: str
    principal: str
    tool: str
    contract_digest: str
    args_digest: str
    args: str
    role: str
    rule: str
    reason: str
    policy_epoch: int
    requested_at_ms: int
    expires_at_ms: int
    session_id: str
    call_correlation_id: str
    args_unseen: bool
    args_bytes: int
    time_left_ms: int
    local: bool
    def __init__(self, approval_id: _Optional[str] = ..., tenant: _Optional[str] = ..., principal: _Optional[str] = ..., tool: _Optional[str] = ..., contract_digest: _Optional[str] = ..., args_digest: _Optional[str] = ..., args: _Optional[str] = ..., role: _Optional[str] = ..., rule: _Optional[str] = ..., reason: _Optional[str] = ..., policy_epoch: _Optional[int] = ..., requested_at_ms: _Optional[int] = ..., expires_at_ms: _Optional[int] = ..., session_id: _Optional[str] = ..., call_correlation_id: _Optional[str] = ..., args_unseen: bool = ..., args_bytes: _Optional[int] = ..., time_left_ms: _Optional[int] = ..., local: bool = ...) -> None: ...

class ListApprovalsResponse(_message.Message):
    __slots__ = ("approvals", "correlation_id", "error", "more")
    APPROVALS_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MORE_FIELD_NUMBER: _ClassVar[int]
    approvals: _containers.RepeatedCompositeFieldContainer[Approval]
    correlation_id: str
    error: _errors_pb2.EnhancedError
    more: bool
    def __init__(self, approvals: _Optional[_Iterable[_Union[Approval, _Mapping]]] = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ..., more: bool = ...) -> None: ...

class DecideApprovalRequest(_message.Message):
    __slots__ = ("approval_id", "verdict", "contract_digest", "args_digest", "reason", "correlation_id")
    class Verdict(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        VERDICT_UNSPECIFIED: _ClassVar[DecideApprovalRequest.Verdict]
        APPROVE: _ClassVar[DecideApprovalRequest.Verdict]
        DENY: _ClassVar[DecideApprovalRequest.Verdict]
    VERDICT_UNSPECIFIED: DecideApprovalRequest.Verdict
    APPROVE: DecideApprovalRequest.Verdict
    DENY: DecideApprovalRequest.Verdict
    APPROVAL_ID_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_DIGEST_FIELD_NUMBER: _ClassVar[int]
    ARGS_DIGEST_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    approval_id: str
    verdict: DecideApprovalRequest.Verdict
    contract_digest: str
    args_digest: str
    reason: str
    correlation_id: str
    def __init__(self, approval_id: _Optional[str] = ..., verdict: _Optional[_Union[DecideApprovalRequest.Verdict, str]] = ..., contract_digest: _Optional[str] = ..., args_digest: _Optional[str] = ..., reason: _Optional[str] = ..., correlation_id: _Optional[str] = ...) -> None: ...

class DecideApprovalResponse(_message.Message):
    __slots__ = ("decided", "correlation_id", "error")
    DECIDED_FIELD_NUMBER: _ClassVar[int]
    CORRELATION_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    decided: bool
    correlation_id: str
    error: _errors_pb2.EnhancedError
    def __init__(self, decided: bool = ..., correlation_id: _Optional[str] = ..., error: _Optional[_Union[_errors_pb2.EnhancedError, _Mapping]] = ...) -> None: ...
