//! Reading a manifest: every fault, at its place, all at once.

use std::path::Path;

use grid_contract::{Fault, Manifest};
use grid_testkit::options;

use crate::text::{manifest, one};

fn faults(text: &str) -> Vec<Fault> {
    Manifest::read(text, options()).unwrap_err()
}

/// Places and rules of what stops the host.
fn errors(text: &str) -> Vec<(String, &'static str)> {
    let errors = faults(text).into_iter().filter(|fault| !fault.warning);
    errors.map(|fault| (fault.pointer, fault.rule)).collect()
}

fn with_parameters(schema: &str) -> String {
    format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"calc","required_roles":["*"],"function_declarations":[{{"name":"sum","description":"Adds.","parameters":{schema}}}]}}]}}"#
    )
}

#[test]
fn each_fault_of_the_structure_is_named_at_its_place() {
    let cases = [
        ("", "", "json.syntax"),
        ("[1]", "", "field.type"),
        (r#"{"contracts":[]}"#, "", "field.required"),
        (r#"{"manifest_version":"1.0","contracts":[]}"#, "/manifest_version", "manifest.version"),
        (r#"{"manifest_version":"2.0.0","contracts":[]}"#, "/manifest_version", "manifest.version-major"),
        (r#"{"manifest_version":"1.0.0","contracts":[]}"#, "/contracts", "manifest.contracts-empty"),
        (r#"{"manifest_version":"1.0.0","contracts":null}"#, "/contracts", "field.null"),
        (r#"{"manifest_version":"1.0.0","manifest_version":"1.0.0"}"#, "/manifest_version", "json.duplicate-key"),
        (
            r#"{"manifest_version":"1.0.0","contracts":[{"name":"c","function_declarations":[]}]}"#,
            "/contracts/0/function_declarations",
            "declarations.empty",
        ),
        (
            r#"{"manifest_version":"1.0.0","contracts":[],"global_metadata":{"owner":7}}"#,
            "/global_metadata/owner",
            "field.type",
        ),
    ];
    for (text, pointer, rule) in cases {
        let told = errors(text);
        assert!(told.contains(&(pointer.to_owned(), rule)), "{text}\nneeds {rule} at {pointer:?}, told {told:?}");
    }
}

#[test]
fn each_fault_of_a_declaration_is_named_at_its_place() {
    let declaration = |function: &str| {
        format!(
            r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"c","required_roles":["*"],"function_declarations":[{function}]}}]}}"#
        )
    };
    let object = r#"{"type":"OBJECT"}"#;
    let at = "/contracts/0/function_declarations/0";
    let cases = [
        (format!(r#"{{"name":"2x","description":"d","parameters":{object}}}"#), "/name", "name.pattern"),
        (format!(r#"{{"name":"x\n","description":"d","parameters":{object}}}"#), "/name", "name.pattern"),
        (format!(r#"{{"name":"x","description":" ","parameters":{object}}}"#), "/description", "description.empty"),
        (format!(r#"{{"description":"d","parameters":{object}}}"#), "", "field.required"),
        (r#"{"name":"x","description":"d"}"#.to_owned(), "", "field.required"),
        (
            r#"{"name":"x","description":"d","parameters":{"type":"STRING"}}"#.to_owned(),
            "/parameters",
            "parameters.root-object",
        ),
    ];
    for (function, end, rule) in cases {
        let told = errors(&declaration(&function));
        let pointer = format!("{at}{end}");
        assert!(told.contains(&(pointer.clone(), rule)), "{function}\nneeds {rule} at {pointer:?}, told {told:?}");
    }
}

#[test]
fn each_fault_of_a_schema_is_named_at_its_place() {
    let property = |schema: &str| format!(r#"{{"type":"OBJECT","properties":{{"a":{schema}}}}}"#);
    let cases = [
        (r#"{"type":"object"}"#.to_owned(), "/type", "schema.type"),
        (property(r#"{"type":"DATETIME"}"#), "/properties/a/type", "schema.type"),
        (property(r#"{"type":"ARRAY"}"#), "/properties/a", "schema.items-required"),
        (property(r#"{"type":"INTEGER","enum":["1"]}"#), "/properties/a/enum", "schema.enum-misplaced"),
        (property(r#"{"type":"STRING","enum":[]}"#), "/properties/a/enum", "schema.enum-empty"),
        (property(r#"{"type":"STRING","enum":["x","x"]}"#), "/properties/a/enum/1", "schema.enum-duplicate"),
        (r#"{"type":"OBJECT","required":["b"]}"#.to_owned(), "/required/0", "schema.required-undeclared"),
        (
            r#"{"type":"OBJECT","properties":{"a":{"type":"STRING"}},"required":["a","a"]}"#.to_owned(),
            "/required/1",
            "schema.required-duplicate",
        ),
    ];
    for (schema, end, rule) in cases {
        let told = errors(&with_parameters(&schema));
        let pointer = format!("/contracts/0/function_declarations/0/parameters{end}");
        assert!(told.contains(&(pointer.clone(), rule)), "{schema}\nneeds {rule} at {pointer:?}, told {told:?}");
    }
}

#[test]
fn a_schema_with_too_many_levels_has_a_fault_of_its_own() {
    let deep =
        (0..70).fold(r#"{"type":"STRING"}"#.to_owned(), |inner, _| format!(r#"{{"type":"ARRAY","items":{inner}}}"#));
    let told = errors(&with_parameters(&format!(r#"{{"type":"OBJECT","properties":{{"a":{deep}}}}}"#)));
    assert!(told.iter().any(|(_, rule)| *rule == "schema.depth"), "{told:?}");
}

#[test]
fn a_function_name_is_unique_over_all_contracts() {
    let text = manifest(&[
        ("calc", r#""required_roles":["*"],"#, &[("sum", "")]),
        ("more", r#""required_roles":["*"],"#, &[("diff", ""), ("sum", "")]),
    ]);
    let pointer = "/contracts/1/function_declarations/1/name".to_owned();
    assert_eq!(errors(&text), [(pointer, "name.duplicate")]);
}

#[test]
fn a_contract_name_is_unique() {
    let text = manifest(&[
        ("calc", r#""required_roles":["*"],"#, &[("sum", "")]),
        ("calc", r#""required_roles":["*"],"#, &[("diff", "")]),
    ]);
    let pointer = "/contracts/1/name".to_owned();
    assert_eq!(errors(&text), [(pointer, "contract.name-duplicate")]);
}

#[test]
fn all_faults_are_told_at_once() {
    let text = manifest(&[
        ("calc", r#""effect":"maybe","timeout":"5","#, &[("2sum", ""), ("diff", r#""tags":[7],"#)]),
        ("", "", &[("diff", "")]),
    ]);
    let told = errors(&text);
    for expected in [
        ("/contracts/0/effect", "setting.effect"),
        ("/contracts/0/timeout", "setting.timeout"),
        ("/contracts/0/function_declarations/0/name", "name.pattern"),
        ("/contracts/0/function_declarations/1/tags", "setting.texts"),
        ("/contracts/1/name", "contract.name-empty"),
        ("/contracts/1/function_declarations/0/name", "name.duplicate"),
    ] {
        assert!(told.contains(&(expected.0.to_owned(), expected.1)), "{expected:?} is missing in {told:?}");
    }
    assert_eq!(told.len(), 6, "each once: {told:?}");
}

#[test]
fn a_fault_says_its_place_what_is_wrong_and_its_rule() {
    let faults = faults(&one(r#""required_roles":["*"],"effect":"maybe","#, ""));
    let [fault] = &faults[..] else { panic!("{faults:?}") };
    assert_eq!(fault.to_string(), "/contracts/0/effect: `effect` must be `pure`, `read` or `write` [setting.effect]");
}

#[test]
fn a_fault_of_a_contract_is_told_once_however_many_functions_it_has() {
    let text = manifest(&[("calc", r#""required_roles":["*"],"effect":"maybe","#, &[("a", ""), ("b", ""), ("c", "")])]);
    assert_eq!(errors(&text), [("/contracts/0/effect".to_owned(), "setting.effect")]);
}

#[test]
fn a_function_that_nobody_may_call_is_a_warning_at_its_place() {
    let text = manifest(&[("calc", "", &[("open", r#""required_roles":["*"],"#), ("shut", "")])]);
    let loaded = Manifest::read(&text, options()).unwrap();
    let [warning] = &loaded.warnings[..] else { panic!("{:?}", loaded.warnings) };
    assert!(warning.warning);
    assert_eq!(warning.pointer, "/contracts/0/function_declarations/1");
    assert_eq!(warning.rule, "setting.required-roles");
    assert!(warning.message.contains("`shut`"), "{warning}");
    assert_eq!(loaded.manifest.len(), 2, "a warning stops nothing");
}

#[test]
fn warnings_stand_among_the_faults_of_a_manifest_that_is_refused() {
    let all = faults(&one(r#""effect":"maybe","#, ""));
    let warnings: Vec<_> = all.iter().filter(|fault| fault.warning).map(|fault| fault.rule).collect();
    assert_eq!(warnings, ["setting.required-roles"]);
}

#[test]
fn a_manifest_keeps_its_order_version_and_digest() {
    let text = manifest(&[
        ("z", r#""required_roles":["*"],"#, &[("b", ""), ("a", "")]),
        ("y", r#""required_roles":["*"],"#, &[("c", "")]),
    ]);
    let manifest = Manifest::read(&text, options()).unwrap().manifest;
    let names: Vec<_> = manifest.iter().map(|contract| contract.name().to_string()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    assert_eq!((manifest.version(), manifest.len(), manifest.is_empty()), ("1.0.0", 3, false));
    assert_eq!(manifest.digest(), Some(grid_adm::Digest::of_bytes(text.as_bytes())));
    assert!(manifest.get("b").is_some() && manifest.get("B").is_none() && manifest.get("z").is_none());
}

#[test]
fn a_name_means_a_contract_first_and_then_a_function() {
    let text = manifest(&[
        ("sum", r#""required_roles":["*"],"#, &[("sum", ""), ("b", "")]),
        ("other", r#""required_roles":["*"],"#, &[("d", ""), ("c", "")]),
    ]);
    let manifest = Manifest::read(&text, options()).unwrap().manifest;
    let named = |name| manifest.named(name).iter().map(|contract| contract.name().to_string()).collect::<Vec<_>>();
    assert_eq!(named("sum"), ["sum", "b"], "the contract `sum` goes before the function `sum`");
    assert_eq!(named("other"), ["d", "c"]);
    assert_eq!(named("c"), ["c"]);
    assert!(named("nothing").is_empty());
}

#[test]
fn a_file_that_is_not_there_is_the_callers_to_report() {
    assert!(Manifest::load(Path::new("no/such/manifest.json"), options()).is_err());
}

#[test]
fn names_of_a_manifest_that_pass_for_one_another_are_refused() {
    let functions = |first: &str, second: &str| {
        manifest(&[
            ("one", r#""required_roles":["*"],"#, &[(first, "")]),
            ("two", r#""required_roles":["*"],"#, &[(second, "")]),
        ])
    };
    for (first, second) in
        [("mail", "Mail"), ("mail", "rnail"), ("list_all", "list-all"), ("item_l", "item_1"), ("go", "g0")]
    {
        let place = "/contracts/1/function_declarations/0/name".to_owned();
        assert_eq!(errors(&functions(first, second)), [(place, "name.look-alike")], "{first} and {second}");
    }
    for (name, rule) in [
        ("_adm_x", "name.reserved"),
        ("MCP__x", "name.reserved"),
        ("two", "name.look-alike"),
        ("Two", "name.look-alike"),
    ] {
        let found = errors(&functions(name, "f"));
        assert!(found.iter().all(|(_, found)| *found == rule) && found.len() == 1, "{name}: {found:?}");
    }
    let groups = |name: &str| {
        manifest(&[
            ("calc", r#""required_roles":["*"],"#, &[("f", "")]),
            (name, r#""required_roles":["*"],"#, &[("g", "")]),
        ])
    };
    for name in ["CALC", "саlс", "ca1c", "cal\u{200b}c", "ｃａｌｃ"] {
        let found = errors(&groups(name));
        assert!(
            found.iter().any(|(place, rule)| place == "/contracts/1/name" && rule.starts_with("name.")),
            "{name}: {found:?}"
        );
    }
    assert!(Manifest::read(&functions("get_user", "get_users"), options()).is_ok());
}

#[test]
fn keywords_that_refer_or_combine_are_refused_and_those_that_bind_nobody_are_named() {
    for keyword in ["$ref", "$dynamicRef", "$defs", "$id", "allOf", "oneOf", "not", "if", "patternProperties", "const"]
    {
        let text = with_parameters(&format!(
            r#"{{"type":"OBJECT","properties":{{"a/b":{{"type":"ARRAY","items":{{"type":"STRING","{keyword}":{{}}}}}}}}}}"#
        ));
        let place = format!("/contracts/0/function_declarations/0/parameters/properties/a~1b/items/{keyword}");
        assert_eq!(errors(&text), [(place, "schema.foreign-keyword")]);
    }
    for keyword in ["pattern", "maximum", "minLength", "uniqueItems"] {
        let text = with_parameters(&format!(r#"{{"type":"OBJECT","{keyword}":"(a+)+$"}}"#));
        let warnings = Manifest::read(&text, options()).unwrap().warnings;
        assert_eq!(warnings.first().map(|fault| fault.rule), Some("schema.idle-keyword"));
    }
    let usual = with_parameters(r#"{"type":"OBJECT","additionalProperties":false,"title":"T","x-own":{"$ref":"x"}}"#);
    assert!(Manifest::read(&usual, options()).unwrap().warnings.is_empty());
}
