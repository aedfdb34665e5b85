//! DEVELOPMENT: what runtimes register for one session. And STRICT, which has no place for it.

use std::sync::Arc;

use grid_contract::{Contracts as _, Effect, Manifest, Registration, Session};
use grid_core::Code;
use grid_testkit::{Declaration, Development, Scene, manifest, options};

use crate::text::one;

const OBJECT: &str = r#"{"type":"OBJECT","properties":{}}"#;

fn scene() -> Scene<Development> {
    let known = manifest(&one(r#""required_roles":["*"],"#, ""));
    Scene::new(Development::new(known, options(), 50))
}

fn tool(name: &str, parameters: &str) -> Declaration {
    Declaration { name: name.to_owned(), description: "Does.".to_owned(), parameters: parameters.to_owned() }
}

fn register(scene: &Scene<Development>, session: &Session, provider: &str, names: &[&str]) -> Registration {
    let tools = names.iter().map(|name| tool(name, OBJECT)).collect();
    scene.contracts.register(session.id(), provider, &[tools])
}

fn accepted(registration: &Registration) -> Vec<String> {
    let accepted = registration.accepted.iter();
    accepted.map(|contract| contract.name().to_string()).collect()
}

fn rejected(registration: &Registration) -> Vec<(&str, Code)> {
    let rejected = registration.rejected.iter();
    rejected.map(|(name, refusal)| (name.as_str(), refusal.code())).collect()
}

fn visible(scene: &Scene<Development>, session: &Arc<Session>) -> Vec<String> {
    let visible = scene.contracts.visible(session);
    visible.iter().map(|contract| contract.name().to_string()).collect()
}

#[test]
fn the_valid_tools_of_a_mixed_batch_are_live_and_each_other_has_its_reason() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let batch = [
        vec![tool("first", OBJECT), tool("2bad", OBJECT), tool("second", OBJECT)],
        vec![tool("lower", r#"{"type":"object"}"#), tool("broken", "{"), tool("sum", OBJECT)],
        vec![tool("third", OBJECT), tool("third", OBJECT), tool("", OBJECT)],
    ];
    let registration = scene.contracts.register(session.id(), "calc", &batch);
    assert_eq!(accepted(&registration), ["first", "second", "third"]);
    assert_eq!(
        rejected(&registration),
        [
            ("2bad", Code::SchemaViolation),
            ("lower", Code::SchemaViolation),
            ("broken", Code::SchemaViolation),
            ("sum", Code::PolicyViolation),
            ("third", Code::SchemaViolation),
            ("", Code::SchemaViolation),
        ]
    );
    assert_eq!(visible(&scene, &session), ["sum", "first", "second", "third"]);
    assert_eq!(scene.contracts.registered(session.id()), 3);
}

#[test]
fn a_rejected_declaration_is_told_where_it_is_wrong() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let bad = tool("lower", r#"{"type":"OBJECT","properties":{"a":{"type":"string"},"b":{"type":"ARRAY"}}}"#);
    let registration = scene.contracts.register(session.id(), "calc", &[vec![bad]]);
    let [(_, refusal)] = &registration.rejected[..] else { panic!("{registration:?}") };
    for place in ["/parameters/properties/a/type: ", "/parameters/properties/b: "] {
        assert!(refusal.message().contains(place), "{refusal}");
    }
}

#[test]
fn a_registered_tool_is_its_providers_own_dynamic_and_taken_for_a_write() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    register(&scene, &session, "calc", &["mine"]);
    let contract = scene.contracts.find(&session, "mine").unwrap();
    assert!(contract.is_dynamic());
    assert_eq!(contract.effect(), Effect::Write);
    assert_eq!(contract.timeout(), options().timeout);
    assert!(contract.required_roles().is_empty());
    assert!(contract.admits_provider("calc") && !contract.admits_provider("other"));
}

#[test]
fn a_registration_never_shadows_the_manifest() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let before = scene.contracts.find(&session, "sum").unwrap().digest();
    let registration = register(&scene, &session, "calc", &["sum"]);
    assert_eq!(rejected(&registration), [("sum", Code::PolicyViolation)]);
    let after = scene.contracts.find(&session, "sum").unwrap();
    assert_eq!(after.digest(), before);
    assert!(!after.is_dynamic());
}

#[test]
fn another_provider_cannot_take_a_registered_name() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    register(&scene, &session, "calc", &["mine"]);
    let before = scene.contracts.find(&session, "mine").unwrap().digest();
    let registration = register(&scene, &session, "thief", &["mine", "own"]);
    assert_eq!(rejected(&registration), [("mine", Code::PolicyViolation)]);
    assert_eq!(accepted(&registration), ["own"]);
    assert_eq!(scene.contracts.find(&session, "mine").unwrap().digest(), before);
}

#[test]
fn a_provider_may_replace_its_own_tool_also_where_the_session_is_full() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let names: Vec<String> = (0..50).map(|at| format!("t{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    register(&scene, &session, "calc", &names);
    let changed = tool("t7", r#"{"type":"OBJECT","properties":{"a":{"type":"STRING"}}}"#);
    let before = scene.contracts.find(&session, "t7").unwrap().digest();
    let registration = scene.contracts.register(session.id(), "calc", &[vec![changed]]);
    assert_eq!(accepted(&registration), ["t7"]);
    assert_ne!(scene.contracts.find(&session, "t7").unwrap().digest(), before);
    assert_eq!(scene.contracts.registered(session.id()), 50);
}

#[test]
fn a_session_holds_fifty_registered_tools() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let names: Vec<String> = (0..52).map(|at| format!("t{at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let registration = register(&scene, &session, "calc", &names);
    assert_eq!(registration.accepted.len(), 50);
    assert_eq!(rejected(&registration), [("t50", Code::PolicyViolation), ("t51", Code::PolicyViolation)]);
    let other = scene.session("calc", "demo", &[]);
    assert_eq!(register(&scene, &other, "calc", &["t50"]).accepted.len(), 1, "each session has its own fifty");
}

#[test]
fn a_registered_tool_is_known_in_its_own_session_only() {
    let scene = scene();
    let (session, other) = (scene.session("calc", "demo", &[]), scene.session("calc", "demo", &[]));
    register(&scene, &session, "calc", &["mine"]);
    assert!(scene.contracts.find(&other, "mine").is_none());
    assert_eq!(visible(&scene, &other), ["sum"]);
    let call = scene.entered(&other, scene.request("mine", "{}"));
    assert_eq!(scene.contracts.bind(call).unwrap_err().code(), Code::UnsupportedTool);
    let call = scene.entered(&session, scene.request("mine", "{}"));
    assert_eq!(&**scene.contracts.bind(call).unwrap().contract().name(), "mine");
}

#[test]
fn registered_tools_go_with_their_session() {
    let scene = scene();
    let (session, other) = (scene.session("calc", "demo", &[]), scene.session("calc", "demo", &[]));
    register(&scene, &session, "calc", &["mine"]);
    register(&scene, &other, "calc", &["mine"]);
    scene.contracts.forget(session.id());
    assert!(scene.contracts.find(&session, "mine").is_none());
    assert!(scene.contracts.find(&other, "mine").is_some());
    assert_eq!((scene.contracts.registered(session.id()), scene.contracts.registered(other.id())), (0, 1));
}

#[test]
fn what_is_withdrawn_is_gone_and_the_rest_stays() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    register(&scene, &session, "calc", &["one", "two", "three"]);
    scene.contracts.withdraw(session.id(), &["one".to_owned(), "three".to_owned()]);
    assert_eq!(visible(&scene, &session), ["sum", "two"]);
}

#[test]
fn an_unknown_tool_is_named_back_in_plain_characters() {
    let scene = Scene::strict(&one(r#""required_roles":["*"],"#, ""));
    let session = scene.session("agent", "demo", &[]);
    let call = scene.entered(&session, scene.request("su\u{1b}[31m\n", "{}"));
    let refusal = scene.contracts.bind(call).unwrap_err();
    assert_eq!(refusal.code(), Code::UnsupportedTool);
    assert!(refusal.message().contains("`su?[31m?`"), "{refusal}");
}

#[test]
fn strict_has_no_place_to_register() {
    let scene = Scene::strict(&one(r#""required_roles":["*"],"#, ""));
    assert!(scene.contracts.registrar().is_none());
    let session = scene.session("agent", "demo", &[]);
    assert_eq!(scene.contracts.visible(&session).len(), 1);
    scene.contracts.forget(session.id());
    assert!(scene.contracts.find(&session, "sum").is_some());
}

#[test]
fn development_without_a_manifest_knows_what_is_registered_only() {
    let scene = Scene::new(Development::new(Manifest::default(), options(), 1));
    let session = scene.session("calc", "demo", &[]);
    assert!(scene.contracts.manifest().is_empty());
    register(&scene, &session, "calc", &["mine", "more"]);
    assert_eq!(visible(&scene, &session), ["mine"]);
}

/// SC-2: the manifest has `sum`, another runtime registered `mail_list`.
#[test]
fn no_runtime_registers_a_name_that_passes_for_another() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    assert_eq!(accepted(&register(&scene, &session, "calc", &["mail_list"])), ["mail_list"]);
    for name in
        ["SUM", "Sum", "surn", "sUm", "Mail_List", "mail-list", "maiI_list", "mai1_list", "rnail_list", "calc", "CALC"]
    {
        for provider in ["calc", "other"] {
            let registration = register(&scene, &session, provider, &[name]);
            assert_eq!(rejected(&registration), [(name, Code::PolicyViolation)], "by {provider}");
        }
    }
    for name in ["_adm_sum", "_ADM_sum", "mcp__mail", "_grid_stop", "s\u{200b}um", "ѕum", "ｓｕｍ"] {
        assert!(accepted(&register(&scene, &session, "calc", &[name])).is_empty(), "{name}");
    }
    let registration = register(&scene, &session, "calc", &["mail_list", "draft", "Draft"]);
    assert_eq!(accepted(&registration), ["mail_list", "draft"], "its own it may replace");
    assert_eq!(rejected(&registration), [("Draft", Code::PolicyViolation)]);
    let elsewhere = scene.session("calc", "demo", &[]);
    assert_eq!(accepted(&register(&scene, &elsewhere, "other", &["Mail_List"])), ["Mail_List"], "another session");
}

#[test]
fn no_runtime_registers_a_schema_with_references() {
    let scene = scene();
    let session = scene.session("calc", "demo", &[]);
    let schema = r##"{"type":"OBJECT","properties":{"a":{"type":"STRING","$ref":"#/properties/a"}}}"##;
    let registration = scene.contracts.register(session.id(), "calc", &[vec![tool("f", schema)]]);
    assert_eq!(rejected(&registration), [("f", Code::SchemaViolation)]);
    let message = registration.rejected.first().unwrap().1.message().to_owned();
    assert!(message.contains("/parameters/properties/a/$ref"), "{message}");
}
