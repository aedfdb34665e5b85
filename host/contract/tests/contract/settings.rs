//! What the host reads beside the data model: a function's own setting goes before its contract's.

use std::{sync::Arc, time::Duration};

use grid_contract::{Contract, Effect, Local, Manifest};
use grid_testkit::options;

use crate::text::one;

fn contract(group: &str, function: &str) -> Arc<Contract> {
    let loaded = Manifest::read(&one(group, function), options()).unwrap();
    loaded.manifest.get("sum").unwrap()
}

fn rules(group: &str, function: &str) -> Vec<(String, &'static str)> {
    let faults = Manifest::read(&one(group, function), options()).unwrap_err();
    let errors = faults.into_iter().filter(|fault| !fault.warning);
    errors.map(|fault| (fault.pointer, fault.rule)).collect()
}

#[test]
fn where_nothing_is_said_the_careful_value_holds() {
    let contract = contract("", "");
    assert_eq!(contract.effect(), Effect::Write, "what is not declared is taken for a write");
    assert_eq!(contract.timeout(), options().timeout);
    assert!(contract.required_roles().is_empty(), "nobody");
    assert!(contract.tags().is_empty() && contract.version().is_empty());
    assert!(contract.admits_provider("anyone"));
    assert!(!contract.is_dynamic());
    assert_eq!(contract.local(), Local::Checked);
    assert_eq!((contract.group(), contract.description()), ("calc", "Adds."));
}

#[test]
fn a_contracts_setting_holds_for_its_functions() {
    let group = r#""version":"2.1","effect":"read","timeout":"2s","required_roles":["a","b"],"tags":["t"],"providers":["calc"],"#;
    let contract = contract(group, "");
    assert_eq!((contract.version(), contract.effect()), ("2.1", Effect::Read));
    assert_eq!(contract.timeout(), Duration::from_secs(2));
    assert_eq!(contract.required_roles(), ["a", "b"]);
    assert_eq!(contract.tags(), ["t"]);
    assert!(contract.admits_provider("calc") && !contract.admits_provider("calc2"));
}

#[test]
fn a_functions_setting_goes_before_its_contracts() {
    let group =
        r#""version":"2.1","effect":"write","timeout":"2s","required_roles":["a"],"tags":["t"],"providers":["calc"],"#;
    let function =
        r#""version":"3","effect":"pure","timeout":"500ms","required_roles":["c"],"tags":[],"providers":["other"],"#;
    let contract = contract(group, function);
    assert_eq!((contract.version(), contract.effect()), ("3", Effect::Pure));
    assert_eq!(contract.timeout(), Duration::from_millis(500));
    assert_eq!(contract.required_roles(), ["c"], "replaced, not added to");
    assert!(contract.tags().is_empty());
    assert!(contract.admits_provider("other") && !contract.admits_provider("calc"));
}

#[test]
fn a_contract_says_whether_callers_may_run_it() {
    for (written, local) in [
        ("true", Local::Checked),
        ("false", Local::Never),
        (r#"{"args_digest_only":true}"#, Local::Unseen),
        (r#"{"args_digest_only":false}"#, Local::Checked),
    ] {
        let setting = format!(r#""local":{written},"#);
        assert_eq!(contract(&setting, "").local(), local, "{written}");
        assert_eq!(contract(r#""local":false,"#, &setting).local(), local, "a function's own goes first");
    }
    for wrong in
        ["1", "null", r#""yes""#, "[]", "{}", r#"{"args_digest_only":1}"#, r#"{"args_digest_only":true,"x":1}"#]
    {
        let setting = format!(r#""local":{wrong},"#);
        assert_eq!(rules(&setting, ""), [("/contracts/0/local".to_owned(), "setting.local")], "{wrong}");
    }
}

#[test]
fn an_empty_list_of_providers_admits_none() {
    assert!(!contract(r#""providers":[],"#, "").admits_provider("calc"));
}

#[test]
fn a_timeout_over_the_limit_is_a_fault_where_it_stands() {
    let longest = r#""required_roles":["*"],"timeout":"300s","#;
    assert_eq!(contract(longest, "").timeout(), Duration::from_secs(300));
    assert_eq!(
        rules("", r#""timeout":"301s","#),
        [("/contracts/0/function_declarations/0/timeout".to_owned(), "setting.timeout-max")]
    );
    assert_eq!(rules(r#""timeout":"6m","#, ""), [("/contracts/0/timeout".to_owned(), "setting.timeout-max")]);
    // A contract's value that no function uses does no harm.
    assert_eq!(contract(r#""timeout":"6m","#, r#""timeout":"1s","#).timeout(), Duration::from_secs(1));
}

#[test]
fn a_setting_of_another_form_is_a_fault_and_never_a_default() {
    let cases = [
        (r#""effect":"PURE","#, "effect", "setting.effect"),
        (r#""effect":true,"#, "effect", "setting.effect"),
        (r#""effect":null,"#, "effect", "setting.effect"),
        (r#""timeout":"0s","#, "timeout", "setting.timeout"),
        (r#""timeout":30,"#, "timeout", "setting.timeout"),
        (r#""timeout":"30","#, "timeout", "setting.timeout"),
        (r#""required_roles":"admin","#, "required_roles", "setting.texts"),
        (r#""required_roles":[""],"#, "required_roles", "setting.texts"),
        (r#""required_roles":["a",null],"#, "required_roles", "setting.texts"),
        (r#""required_roles":null,"#, "required_roles", "setting.texts"),
        (r#""tags":{},"#, "tags", "setting.texts"),
        (r#""providers":"calc","#, "providers", "setting.texts"),
        (r#""version":1,"#, "version", "setting.text"),
    ];
    for (fields, key, rule) in cases {
        let pointer = format!("/contracts/0/function_declarations/0/{key}");
        assert_eq!(rules(r#""required_roles":["*"],"#, fields), [(pointer, rule)], "{fields}");
    }
}
