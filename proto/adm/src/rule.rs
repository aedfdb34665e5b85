//! The stable ids of every rule that a [`Problem`](crate::Problem) can name.
//! Ids are part of the interface of `grid adm check`: they are never renamed, only added.

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $id:literal;)*) => {
        $($(#[$doc])* pub const $name: &str = $id;)*

        /// Every id, in the order of this file.
        pub const ALL: &[&str] = &[$($id),*];
    };
}

rules! {
    /// Not JSON (RFC 8259).
    JSON_SYNTAX = "json.syntax";
    /// Not UTF-8.
    JSON_UTF8 = "json.utf8";
    /// A key twice in one object (R-172, Q53).
    JSON_DUPLICATE_KEY = "json.duplicate-key";
    /// Half a surrogate pair (R-172, Q53).
    JSON_LONE_SURROGATE = "json.lone-surrogate";
    /// A number beyond a double (R-172, Q53).
    JSON_NUMBER_OVERFLOW = "json.number-overflow";
    /// Too many levels.
    JSON_DEPTH = "json.depth";
    /// Too many values.
    JSON_NODES = "json.nodes";
    /// Text after the value.
    JSON_TRAILING = "json.trailing";
    /// A field of the wrong JSON type (protocol section 1.2).
    FIELD_TYPE = "field.type";
    /// A required field is absent.
    FIELD_REQUIRED = "field.required";
    /// A structure's field is null (Q1).
    FIELD_NULL = "field.null";
    /// A field that the data model does not know (Q8); strict mode only.
    FIELD_UNKNOWN = "field.unknown";
    /// A field or function name that the data model reserves (protocol section 1.3).
    FIELD_RESERVED = "field.reserved";
    /// A function name off the pattern.
    NAME_PATTERN = "name.pattern";
    /// A function name twice in a tool, contract or manifest (Q52).
    NAME_DUPLICATE = "name.duplicate";
    /// A declaration's description is blank.
    DESCRIPTION_EMPTY = "description.empty";
    /// A description is longer than recommended (Q4).
    DESCRIPTION_LONG = "description.long";
    /// The root of parameters is not OBJECT (Q9).
    PARAMETERS_ROOT = "parameters.root-object";
    /// A list of declarations is empty.
    DECLARATIONS_EMPTY = "declarations.empty";
    /// A schema's type is not one of the six (Q48).
    SCHEMA_TYPE = "schema.type";
    /// A schema's description is blank.
    SCHEMA_DESCRIPTION_EMPTY = "schema.description-empty";
    /// `properties` off an OBJECT (Q51).
    SCHEMA_PROPERTIES_MISPLACED = "schema.properties-misplaced";
    /// `required` off an OBJECT (Q51).
    SCHEMA_REQUIRED_MISPLACED = "schema.required-misplaced";
    /// `items` off an ARRAY (Q51).
    SCHEMA_ITEMS_MISPLACED = "schema.items-misplaced";
    /// `enum` off a STRING.
    SCHEMA_ENUM_MISPLACED = "schema.enum-misplaced";
    /// An ARRAY without `items`.
    SCHEMA_ITEMS_REQUIRED = "schema.items-required";
    /// `required` names no property.
    SCHEMA_REQUIRED_UNDECLARED = "schema.required-undeclared";
    /// `required` names a property twice.
    SCHEMA_REQUIRED_DUPLICATE = "schema.required-duplicate";
    /// `enum` without values.
    SCHEMA_ENUM_EMPTY = "schema.enum-empty";
    /// `enum` with a value twice.
    SCHEMA_ENUM_DUPLICATE = "schema.enum-duplicate";
    /// A schema with too many levels.
    SCHEMA_DEPTH = "schema.depth";
    /// A schema with too many schemas below it.
    SCHEMA_COUNT = "schema.count";
    /// A schema with too many bytes.
    SCHEMA_BYTES = "schema.bytes";
    /// A schema that the checker cannot be built from.
    SCHEMA_COMPILE = "schema.compile";
    /// A call id of the wrong length.
    CALL_ID_LENGTH = "call-id.length";
    /// A call id with other than printable ASCII.
    CALL_ID_CHARACTERS = "call-id.characters";
    /// A call id of spaces only.
    CALL_ID_BLANK = "call-id.blank";
    /// A result's status is neither SUCCESS nor ERROR (Q48).
    RESULT_STATUS = "result.status";
    /// SUCCESS without content.
    RESULT_CONTENT_REQUIRED = "result.content-required";
    /// Content where there must be none.
    RESULT_CONTENT_MISPLACED = "result.content-misplaced";
    /// ERROR without error.
    RESULT_ERROR_REQUIRED = "result.error-required";
    /// Error where there must be none.
    RESULT_ERROR_MISPLACED = "result.error-misplaced";
    /// An error's message is blank.
    ERROR_MESSAGE_EMPTY = "error.message-empty";
    /// An error's message is longer than recommended.
    ERROR_MESSAGE_LONG = "error.message-long";
    /// An error's type is not upper snake case.
    ERROR_TYPE_FORM = "error.type-form";
    /// A manifest version that is no version.
    MANIFEST_VERSION = "manifest.version";
    /// A manifest version with a suffix (Q7).
    MANIFEST_VERSION_SUFFIX = "manifest.version-suffix";
    /// A manifest version of an unknown major (Q7).
    MANIFEST_VERSION_MAJOR = "manifest.version-major";
    /// A manifest without contracts.
    MANIFEST_CONTRACTS_EMPTY = "manifest.contracts-empty";
    /// A metadata key is empty.
    METADATA_KEY_EMPTY = "metadata.key-empty";
    /// A contract's name is blank (Q6).
    CONTRACT_NAME_EMPTY = "contract.name-empty";
    /// A contract's name is off the pattern of function names.
    CONTRACT_NAME_PATTERN = "contract.name-pattern";
    /// A contract's name comes twice.
    CONTRACT_NAME_DUPLICATE = "contract.name-duplicate";
    /// An argument of the wrong type (R-031, Q1, Q3).
    ARGUMENTS_TYPE = "arguments.type";
    /// A required argument is absent.
    ARGUMENTS_REQUIRED = "arguments.required";
    /// An argument that is not declared (R-032, Q2).
    ARGUMENTS_UNDECLARED = "arguments.undeclared";
    /// A string that is not among the allowed ones.
    ARGUMENTS_ENUM = "arguments.enum";
    /// More problems than a report lists.
    TRUNCATED = "problems.truncated";
    /// A line that is no request (JSON lines).
    LINE_REQUEST = "line.request";
    /// A kind of document that is not known.
    KIND_UNKNOWN = "kind.unknown";
}
