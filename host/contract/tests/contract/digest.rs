//! The digest of a contract: another one for whatever could change what a call does or who may make it, the same
//! one for the same contract written differently.

use std::collections::BTreeMap;

use grid_adm::Digest;
use grid_contract::Manifest;
use grid_testkit::{Contracts as _, Declaration, Development, Scene, options};

use crate::text::{manifest, one};

const FIELDS: &str =
    r#""version":"1","effect":"read","timeout":"2s","required_roles":["a","b"],"tags":["t","u"],"providers":["calc"],"#;

fn of(text: &str, name: &str) -> Digest {
    let loaded = Manifest::read(text, options()).unwrap();
    loaded.manifest.get(name).unwrap().digest()
}

#[test]
fn each_setting_alone_changes_the_digest() {
    let original = one(FIELDS, "");
    let changes = [
        (r#""version":"1""#, r#""version":"2""#),
        (r#""effect":"read""#, r#""effect":"pure""#),
        (r#""timeout":"2s""#, r#""timeout":"2001ms""#),
        (r#"["a","b"]"#, r#"["a"]"#),
        (r#"["a","b"]"#, r#"["*"]"#),
        (r#"["a","b"]"#, r#"["ab"]"#),
        (r#"["t","u"]"#, r#"["t"]"#),
        (r#""providers":["calc"],"#, r#""providers":[],"#),
        (r#""providers":["calc"],"#, ""),
        (r#""version":"1""#, r#""version":"1","local":false"#),
        (r#""version":"1""#, r#""version":"1","local":{"args_digest_only":true}"#),
        (r#""name":"calc""#, r#""name":"calc2""#),
        (r#""description":"Adds.""#, r#""description":"Adds!""#),
        (r#"{"type":"INTEGER"}"#, r#"{"type":"NUMBER"}"#),
        (r#"{"type":"INTEGER"}"#, r#"{"type":"INTEGER","description":"A."}"#),
        (r#"{"type":"INTEGER"}"#, r#"{"type":"INTEGER","x_unit":"m"}"#),
        (r#"{"a":{"type":"INTEGER"}}"#, r#"{"b":{"type":"INTEGER"}}"#),
    ];
    let mut seen = BTreeMap::from([(of(&original, "sum").to_string(), original.clone())]);
    for (from, to) in changes {
        let changed = original.replacen(from, to, 1);
        assert_ne!(changed, original, "{from} stands nowhere");
        let digest = of(&changed, "sum").to_string();
        let twin = seen.insert(digest, changed.clone());
        assert_eq!(twin, None, "the digest does not tell these apart:\n{changed}");
    }
    let renamed = original.replacen(r#""name":"sum""#, r#""name":"add""#, 1);
    assert!(!seen.contains_key(&of(&renamed, "add").to_string()));
}

#[test]
fn white_space_and_the_order_of_keys_do_not_change_it() {
    let plain = one(r#""effect":"read","timeout":"2s","#, "");
    let spaced = plain.replace(',', " ,\n\t").replace(':', " : ");
    let turned = r#"{"contracts":[{"function_declarations":[{"parameters":{"properties":{"a":{"type":"INTEGER"}},"type":"OBJECT"},"description":"Adds.","name":"sum"}],"timeout":"2000ms","effect":"read","name":"calc"}],"manifest_version":"1.0.0"}"#;
    assert_eq!(of(&plain, "sum"), of(&spaced, "sum"));
    assert_eq!(of(&plain, "sum"), of(turned, "sum"));
}

#[test]
fn a_setting_counts_the_same_from_either_layer() {
    let above = one(r#""effect":"pure","timeout":"2s","required_roles":["a"],"#, "");
    let own = one("", r#""effect":"pure","timeout":"2s","required_roles":["a"],"#);
    assert_eq!(of(&above, "sum"), of(&own, "sum"));
}

#[test]
fn what_says_nothing_of_local_runs_keeps_its_digest() {
    assert_eq!(of(&one(FIELDS, ""), "sum"), of(&one(FIELDS, r#""local":true,"#), "sum"));
}

#[test]
fn neighbours_do_not_change_it() {
    let alone = of(&one(FIELDS, ""), "sum");
    let text = manifest(&[("calc", FIELDS, &[("diff", ""), ("sum", "")]), ("other", "", &[("x", "")])]);
    assert_eq!(alone, of(&text, "sum"));
}

#[test]
fn a_registered_tool_is_told_apart_from_the_same_one_in_a_manifest() {
    let fields = r#""required_roles":[],"providers":["calc"],"#;
    let known = of(&manifest(&[("registered", fields, &[("sum", "")])]), "sum");
    let scene = Scene::new(Development::new(Manifest::default(), options(), 50));
    let session = scene.session("calc", "demo", &[]);
    let declaration = Declaration {
        name: "sum".to_owned(),
        description: "Adds.".to_owned(),
        parameters: r#"{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}"#.to_owned(),
    };
    let registered = scene.contracts.register(session.id(), "calc", &[vec![declaration]]);
    assert_eq!(registered.accepted.len(), 1, "{registered:?}");
    let dynamic = scene.contracts.find(&session, "sum").unwrap();
    assert_ne!(dynamic.digest(), known);
}
