//! Every rule of every structure: a document that breaks it, the rule's id, the place.

use crate::{Kind, Mode, Problem, Tool, ToolManifest, ToolResult, check, json, rule};

/// Rules and places of the problems of a document.
fn problems(kind: Kind, text: &str) -> Vec<(&'static str, String)> {
    list(check(kind, &json::parse_within(text, kind.limits()).expect(text), Mode::Lenient))
}

fn list(problems: Vec<Problem>) -> Vec<(&'static str, String)> {
    problems.into_iter().map(|problem| (problem.rule, problem.pointer)).collect()
}

fn one(kind: Kind, text: &str, rule: &'static str, pointer: &str) {
    assert_eq!(problems(kind, text), [(rule, pointer.to_owned())], "{text}");
}

fn schema(text: &str, rule: &'static str, pointer: &str) {
    one(Kind::Schema, text, rule, pointer);
}

fn declaration(name: &str) -> String {
    format!(r#"{{"name":"{name}","description":"d","parameters":{{"type":"OBJECT"}}}}"#)
}

#[test]
fn names_follow_the_pattern_from_end_to_end() {
    let long = "n".repeat(64);
    for name in ["a", "_", "A-b_9", long.as_str()] {
        assert_eq!(problems(Kind::FunctionDeclaration, &declaration(name)), [], "{name}");
    }
    let longer = "n".repeat(65);
    for name in ["", "9a", "-a", "a b", "a\\n", "\\na", "é", "a.b", "\u{ff41}", longer.as_str()] {
        one(Kind::FunctionDeclaration, &declaration(name), rule::NAME_PATTERN, "/name");
    }
    one(Kind::FunctionDeclaration, &declaration("_adm_x"), rule::FIELD_RESERVED, "/name");
}

#[test]
fn declarations_say_all_that_is_wrong() {
    let text = r#"{"name":null,"description":" \n","parameters":{"type":"STRING"}}"#;
    let expected = [
        (rule::FIELD_NULL, "/name".to_owned()),
        (rule::DESCRIPTION_EMPTY, "/description".to_owned()),
        (rule::PARAMETERS_ROOT, "/parameters".to_owned()),
    ];
    assert_eq!(problems(Kind::FunctionDeclaration, text), expected);
    assert_eq!(problems(Kind::FunctionDeclaration, "{}").len(), 3);
    one(Kind::FunctionDeclaration, "[]", rule::FIELD_TYPE, "");
    let long = declaration("f").replace(r#""d""#, &format!(r#""{}""#, "é".repeat(1001)));
    one(Kind::FunctionDeclaration, &long, rule::DESCRIPTION_LONG, "/description");
    assert!(crate::FunctionDeclaration::read(&long).is_ok());
}

#[test]
fn tools_have_functions_of_different_names() {
    let tool = |list: &str| format!(r#"{{"function_declarations":[{list}]}}"#);
    let two = format!("{},{}", declaration("f"), declaration("f"));
    one(Kind::Tool, &tool(""), rule::DECLARATIONS_EMPTY, "/function_declarations");
    one(Kind::Tool, &tool(&two), rule::NAME_DUPLICATE, "/function_declarations/1/name");
    one(Kind::Tool, &tool("7"), rule::FIELD_TYPE, "/function_declarations/0");
    one(Kind::Tool, "{}", rule::FIELD_REQUIRED, "");
    assert_eq!(problems(Kind::Tool, &tool(&two.replacen("\"f\"", "\"F\"", 1))), []);
}

#[test]
fn schemas_know_six_types() {
    for kind in ["STRING", "NUMBER", "INTEGER", "BOOLEAN", "OBJECT"] {
        assert_eq!(problems(Kind::Schema, &format!(r#"{{"type":"{kind}"}}"#)), []);
    }
    for kind in ["string", "Object", "DATETIME", "NULL", ""] {
        schema(&format!(r#"{{"type":"{kind}"}}"#), rule::SCHEMA_TYPE, "/type");
    }
    schema(r#"{"type":["STRING"]}"#, rule::FIELD_TYPE, "/type");
    schema("{}", rule::FIELD_REQUIRED, "");
    schema("true", rule::FIELD_TYPE, "");
}

#[test]
fn keywords_belong_to_their_types() {
    schema(r#"{"type":"ARRAY"}"#, rule::SCHEMA_ITEMS_REQUIRED, "");
    schema(r#"{"type":"ARRAY","items":null}"#, rule::FIELD_NULL, "/items");
    schema(r#"{"type":"STRING","items":{"type":"STRING"}}"#, rule::SCHEMA_ITEMS_MISPLACED, "/items");
    schema(r#"{"type":"STRING","properties":{}}"#, rule::SCHEMA_PROPERTIES_MISPLACED, "/properties");
    schema(r#"{"type":"NUMBER","required":[]}"#, rule::SCHEMA_REQUIRED_MISPLACED, "/required");
    schema(r#"{"type":"INTEGER","enum":["1"]}"#, rule::SCHEMA_ENUM_MISPLACED, "/enum");
}

#[test]
fn required_names_declared_properties_once() {
    schema(r#"{"type":"OBJECT","required":["a"]}"#, rule::SCHEMA_REQUIRED_UNDECLARED, "/required/0");
    let object = |required: &str| {
        format!(r#"{{"type":"OBJECT","properties":{{"a":{{"type":"STRING"}}}},"required":{required}}}"#)
    };
    schema(&object(r#"["a","A"]"#), rule::SCHEMA_REQUIRED_UNDECLARED, "/required/1");
    schema(&object(r#"["a","a"]"#), rule::SCHEMA_REQUIRED_DUPLICATE, "/required/1");
    schema(&object(r#"["a",1]"#), rule::FIELD_TYPE, "/required/1");
    schema(&object("{}"), rule::FIELD_TYPE, "/required");
    schema(&object("null"), rule::FIELD_NULL, "/required");
    assert_eq!(problems(Kind::Schema, &object("[]")), []);
}

#[test]
fn enums_are_lists_of_different_strings() {
    let string = |values: &str| format!(r#"{{"type":"STRING","enum":{values}}}"#);
    schema(&string("[]"), rule::SCHEMA_ENUM_EMPTY, "/enum");
    schema(&string(r#"["a","b","a"]"#), rule::SCHEMA_ENUM_DUPLICATE, "/enum/2");
    schema(&string(r#"["a",1]"#), rule::FIELD_TYPE, "/enum/1");
    schema(&string(r#"["a",null]"#), rule::FIELD_TYPE, "/enum/1");
    assert_eq!(problems(Kind::Schema, &string(r#"["a","A",""]"#)), []);
}

#[test]
fn properties_may_have_any_name_and_are_checked_all() {
    let text = r#"{"type":"OBJECT","properties":{"":{"type":"x"},"a/b":{"type":"ARRAY","items":{"type":"y"}},"$ref":{"type":"STRING"},"n":null}}"#;
    let expected = [
        (rule::SCHEMA_TYPE, "/properties//type".to_owned()),
        (rule::SCHEMA_TYPE, "/properties/a~1b/items/type".to_owned()),
        (rule::FIELD_TYPE, "/properties/n".to_owned()),
    ];
    assert_eq!(problems(Kind::Schema, text), expected);
    schema(r#"{"type":"STRING","description":" "}"#, rule::SCHEMA_DESCRIPTION_EMPTY, "/description");
    schema(r#"{"type":"STRING","description":1}"#, rule::FIELD_TYPE, "/description");
}

#[test]
fn schemas_keep_their_bounds() {
    let nested = |levels: usize| {
        let open = r#"{"type":"OBJECT","properties":{"a":"#.repeat(levels - 1);
        format!("{open}{{\"type\":\"STRING\"}}{}", "}}".repeat(levels - 1))
    };
    assert_eq!(problems(Kind::Schema, &nested(64)), []);
    schema(&nested(65), rule::SCHEMA_DEPTH, "");
    let wide = |count: usize| {
        let properties: Vec<_> = (1..count).map(|at| format!(r#""p{at}":{{"type":"STRING"}}"#)).collect();
        format!(r#"{{"type":"OBJECT","properties":{{{}}}}}"#, properties.join(","))
    };
    assert_eq!(problems(Kind::Schema, &wide(2_000)), []);
    schema(&wide(2_001), rule::SCHEMA_COUNT, "");
    let frame = r#"{"type":"STRING","x":""}"#.len();
    let long = |bytes: usize| format!(r#"{{"type":"STRING","x":"{}"}}"#, "x".repeat(bytes - frame));
    assert_eq!(problems(Kind::Schema, &long(256 * 1024)), []);
    schema(&long(256 * 1024 + 1), rule::SCHEMA_BYTES, "");
}

fn call(id: &str) -> String {
    format!(r#"{{"call_id":"{id}","name":"f","args":{{}}}}"#)
}

#[test]
fn call_ids_are_short_printable_and_not_blank() {
    let id = "i".repeat(128);
    for id in ["a", " a ", "~!", id.as_str()] {
        assert_eq!(problems(Kind::FunctionCall, &call(id)), [], "{id}");
    }
    let long = "i".repeat(129);
    one(Kind::FunctionCall, &call(&long), rule::CALL_ID_LENGTH, "/call_id");
    one(Kind::FunctionCall, &call(""), rule::CALL_ID_LENGTH, "/call_id");
    one(Kind::FunctionCall, &call("  "), rule::CALL_ID_BLANK, "/call_id");
    for id in ["é", "a\\n", "\\u007f", "\\u0000"] {
        one(Kind::FunctionCall, &call(id), rule::CALL_ID_CHARACTERS, "/call_id");
    }
}

#[test]
fn calls_have_a_name_and_an_object_of_arguments() {
    one(Kind::FunctionCall, r#"{"call_id":"1","name":"f"}"#, rule::FIELD_REQUIRED, "");
    one(Kind::FunctionCall, r#"{"call_id":"1","name":"f","args":[]}"#, rule::FIELD_TYPE, "/args");
    one(Kind::FunctionCall, r#"{"call_id":"1","name":"f","args":null}"#, rule::FIELD_NULL, "/args");
    one(Kind::FunctionCall, r#"{"call_id":"1","name":"f\n","args":{"x":null}}"#, rule::NAME_PATTERN, "/name");
    one(Kind::FunctionCall, r#"{"call_id":1,"name":"f","args":{}}"#, rule::FIELD_TYPE, "/call_id");
}

#[test]
fn results_have_content_or_error() {
    let result = |rest: &str| format!(r#"{{"call_id":"1","name":"f",{rest}}}"#);
    let check = |rest: &str, rule, pointer| one(Kind::ToolResult, &result(rest), rule, pointer);
    for fine in
        [r#""status":"SUCCESS","content":null"#, r#""status":"ERROR","error":{"message":"m","code":7},"details":1"#]
    {
        assert_eq!(problems(Kind::ToolResult, &result(fine)), [], "{fine}");
    }
    check(r#""status":"SUCCESS""#, rule::RESULT_CONTENT_REQUIRED, "");
    check(r#""status":"ERROR""#, rule::RESULT_ERROR_REQUIRED, "");
    check(r#""status":"SUCCESS","content":1,"error":{"message":"m"}"#, rule::RESULT_ERROR_MISPLACED, "/error");
    check(r#""status":"ERROR","content":null,"error":{"message":"m"}"#, rule::RESULT_CONTENT_MISPLACED, "/content");
    check(r#""status":"PARTIAL","content":1"#, rule::RESULT_STATUS, "/status");
    check(r#""status":"success","content":1"#, rule::RESULT_STATUS, "/status");
    check(r#""content":1"#, rule::FIELD_REQUIRED, "");
    check(r#""status":"ERROR","error":{}"#, rule::FIELD_REQUIRED, "/error");
    check(r#""status":"ERROR","error":null"#, rule::FIELD_NULL, "/error");
    check(r#""status":"ERROR","error":{"message":"\t"}"#, rule::ERROR_MESSAGE_EMPTY, "/error/message");
    check(r#""status":"ERROR","error":{"message":"m","type":"lower"}"#, rule::ERROR_TYPE_FORM, "/error/type");
    check(r#""status":"ERROR","error":{"message":"m","type":null}"#, rule::FIELD_NULL, "/error/type");
    let long = format!(r#""status":"ERROR","error":{{"message":"{}"}}"#, "m".repeat(501));
    check(&long, rule::ERROR_MESSAGE_LONG, "/error/message");
    assert!(ToolResult::read(&result(&long)).is_ok());
    one(Kind::ToolResult, r#"{"name":"f","status":"SUCCESS","content":1}"#, rule::FIELD_REQUIRED, "");
}

fn manifest(version: &str, contracts: &str, rest: &str) -> String {
    format!(r#"{{"manifest_version":"{version}","contracts":[{contracts}]{rest}}}"#)
}

fn contract(name: &str, function: &str) -> String {
    format!(r#"{{"name":"{name}","function_declarations":[{}]}}"#, declaration(function))
}

#[test]
fn manifest_versions_are_three_numbers_of_a_known_major() {
    let check = |version: &str, rule| {
        one(Kind::ToolManifest, &manifest(version, &contract("c", "f"), ""), rule, "/manifest_version");
    };
    assert_eq!(problems(Kind::ToolManifest, &manifest("1.20.3", &contract("c", "f"), "")), []);
    for version in
        ["1", "1.0", "1.0.0.0", "01.0.0", "1.00.0", "v1.0.0", "1.0.0\\n", " 1.0.0", "1.0.0-", "\u{661}.0.0", ""]
    {
        check(version, rule::MANIFEST_VERSION);
    }
    for version in ["1.0.0-beta", "1.0.0+build.7"] {
        check(version, rule::MANIFEST_VERSION_SUFFIX);
        assert!(
            ToolManifest::read(&manifest(version, &contract("c", "f"), ""))
                .is_ok_and(|(_, warnings)| warnings.len() == 1)
        );
    }
    for version in ["0.9.0", "2.0.0"] {
        check(version, rule::MANIFEST_VERSION_MAJOR);
    }
}

#[test]
fn manifests_have_contracts_and_every_name_once() {
    let check =
        |contracts: &str, rule, pointer| one(Kind::ToolManifest, &manifest("1.0.0", contracts, ""), rule, pointer);
    check("", rule::MANIFEST_CONTRACTS_EMPTY, "/contracts");
    check(
        &format!("{},{}", contract("c", "f"), contract("c", "g")),
        rule::CONTRACT_NAME_DUPLICATE,
        "/contracts/1/name",
    );
    let pointer = "/contracts/1/function_declarations/0/name";
    check(&format!("{},{}", contract("c", "f"), contract("d", "f")), rule::NAME_DUPLICATE, pointer);
    check(&contract(" ", "f"), rule::CONTRACT_NAME_EMPTY, "/contracts/0/name");
    check(&contract("two words", "f"), rule::CONTRACT_NAME_PATTERN, "/contracts/0/name");
    check(r#"{"name":"c","function_declarations":[]}"#, rule::DECLARATIONS_EMPTY, "/contracts/0/function_declarations");
    check(
        &contract("c", "f").replace("\"name\":\"c\"", "\"name\":\"c\",\"description\":\"\""),
        rule::DESCRIPTION_EMPTY,
        "/contracts/0/description",
    );
}

#[test]
fn metadata_are_named_texts() {
    let check = |metadata: &str, rule, pointer| {
        let rest = format!(r#","global_metadata":{metadata}"#);
        one(Kind::ToolManifest, &manifest("1.0.0", &contract("c", "f"), &rest), rule, pointer);
    };
    check(r#"{"owner":1}"#, rule::FIELD_TYPE, "/global_metadata/owner");
    check(r#"{"owner":null}"#, rule::FIELD_TYPE, "/global_metadata/owner");
    check(r#"{"":"x"}"#, rule::METADATA_KEY_EMPTY, "/global_metadata/");
    check("[]", rule::FIELD_TYPE, "/global_metadata");
    check("null", rule::FIELD_NULL, "/global_metadata");
}

#[test]
fn unknown_fields_survive_at_every_level_and_known_ones_come_first() {
    let text = r#"{"z":1.50,"contracts":[{"version":"2","function_declarations":[{"x":{"y":null},"parameters":{"pattern":5,"type":"OBJECT","properties":{"a":{"type":"INTEGER","minimum":1e2}}},"description":"d","name":"f"}],"name":"c"}],"global_metadata":{"owner":""},"manifest_version":"1.0.0"}"#;
    let (read, warnings) = ToolManifest::read(text).unwrap();
    assert_eq!(warnings, []);
    let expected = r#"{"manifest_version":"1.0.0","contracts":[{"name":"c","function_declarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER","minimum":1e2}},"pattern":5},"x":{"y":null}}],"version":"2"}],"global_metadata":{"owner":""},"z":1.50}"#;
    assert_eq!(read.to_text(), expected);
    assert_eq!(read.contracts[0].function_declarations[0].extra.get("x"), json::parse(r#"{"y":null}"#).ok().as_ref());
}

#[test]
fn strict_mode_lists_unknown_fields_and_lenient_only_reserved_prefixes() {
    let text = r#"{"function_declarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","pattern":1},"_adm_x":1,"_metadata":1,"y":1}]}"#;
    let value = json::parse(text).unwrap();
    assert_eq!(
        list(check(Kind::Tool, &value, Mode::Lenient)),
        [(rule::FIELD_RESERVED, "/function_declarations/0/_adm_x".to_owned())]
    );
    let strict = check(Kind::Tool, &value, Mode::Strict);
    assert!(strict.iter().all(|problem| !problem.is_error()));
    let rules: Vec<_> = strict.iter().map(|problem| problem.rule).collect();
    assert_eq!(rules, [rule::FIELD_UNKNOWN, rule::FIELD_RESERVED, rule::FIELD_RESERVED, rule::FIELD_UNKNOWN]);
    assert!(Tool::read(text).is_ok());
}
