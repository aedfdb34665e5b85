"""The ALTAR data model: structures, their JSON form, their rules, canonical bytes and digests.

It agrees with the host's own: the files in `sdk/conformance/adm` are run by both.
"""

from altar_grid.adm.arguments import ArgumentChecker, ExtraArgs, adm_integer
from altar_grid.adm.canonical import canonical, contract_digest, digest, to_text
from altar_grid.adm.limits import DATA, DEFINITION, Limits
from altar_grid.adm.models import (
    MODELS,
    AdmModel,
    ErrorObject,
    FunctionCall,
    FunctionDeclaration,
    ResultStatus,
    Schema,
    SchemaType,
    Tool,
    ToolContract,
    ToolManifest,
    ToolResult,
)
from altar_grid.adm.problem import AdmError, Problem
from altar_grid.adm.reader import Decimal64, JsonFault, JsonValue, parse
from altar_grid.adm.rules import Kind, check

ADM_VERSION = "1.0.0"
"""The version of the data model that this package implements."""

__all__ = [
    "ADM_VERSION",
    "DATA",
    "DEFINITION",
    "MODELS",
    "AdmError",
    "AdmModel",
    "ArgumentChecker",
    "Decimal64",
    "ErrorObject",
    "ExtraArgs",
    "FunctionCall",
    "FunctionDeclaration",
    "JsonFault",
    "JsonValue",
    "Kind",
    "Limits",
    "Problem",
    "ResultStatus",
    "Schema",
    "SchemaType",
    "Tool",
    "ToolContract",
    "ToolManifest",
    "ToolResult",
    "adm_integer",
    "canonical",
    "check",
    "contract_digest",
    "digest",
    "parse",
    "to_text",
]
