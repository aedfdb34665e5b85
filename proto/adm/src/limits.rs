//! Every bound of this crate in one table.
//! All of them guard against untrusted input; none is a rule of the data model itself.
//! Readers, checkers and tests take them from here, so that a bound has one place.

/// Levels of arrays and objects in arguments, calls and results.
pub const JSON_DEPTH: usize = 64;
/// Levels of arrays and objects in a document that holds schemas. An OBJECT level of a schema costs two levels of JSON, so
/// this is what [`SCHEMA_LEVELS`] needs, so that a schema that is too deep is refused by its own rule.
pub const DEFINITION_DEPTH: usize = 2 * SCHEMA_LEVELS + 12;
/// Values in one JSON document, containers included.
pub const JSON_NODES: usize = 100_000;
/// Values in one manifest, which its own operator writes: ten thousand functions of two hundred values.
pub const MANIFEST_NODES: usize = 2_000_000;
/// Levels of a parameter schema; the root is level one (R-027, protocol section 1.2).
pub const SCHEMA_LEVELS: usize = 64;
/// Schemas in one parameter schema, the root included.
pub const SUBSCHEMAS: usize = 2_000;
/// Bytes of one parameter schema as compact JSON.
pub const SCHEMA_BYTES: usize = 256 * 1024;
/// Problems that one check lists before it only counts.
pub const PROBLEMS: usize = 1_000;
/// Bytes of text that the problems of one check may hold together.
pub const PROBLEM_BYTES: usize = 1024 * 1024;
/// Characters of user input that a message quotes before it cuts.
pub const QUOTED_CHARS: usize = 64;
/// Bytes of JSON pointers that collecting every violation may cost; above, the first violation stands for all.
pub const POINTER_BYTES: usize = 64 * 1024 * 1024;
/// Characters of a description that the data model recommends as the most (Q4).
pub const DESCRIPTION_CHARS: usize = 1_000;
/// Characters of an error message that the data model recommends as the most.
pub const ERROR_MESSAGE_CHARS: usize = 500;
/// Characters of a call id (protocol section 1.2).
pub const CALL_ID_CHARS: usize = 128;
/// Characters of a function name.
pub const NAME_CHARS: usize = 64;
