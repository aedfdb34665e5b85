//! What keeps a host from starting. It is all said at once, with its place, and nothing is left behind.

use std::fs;

use serde_json::{Value, json};

use crate::common::{Host, Setup, manifest};

/// Faults of the manifest, each with the place that is told.
#[tokio::test]
async fn each_fault_of_a_manifest_is_told_with_its_place_and_keeps_the_host_from_starting() {
    type Spoil = fn(&mut Value);
    let spoils: [(&str, Spoil); 16] = [
        ("/manifest_version", |m| m["manifest_version"] = json!("one")),
        // What is missing is told at the place where it should be.
        ("/", |m| drop(m.as_object_mut().unwrap().remove("manifest_version"))),
        ("/contracts", |m| m["contracts"] = json!([])),
        ("/contracts/0", |m| drop(m["contracts"][0].as_object_mut().unwrap().remove("name"))),
        ("/contracts/1/name", |m| m["contracts"][1]["name"] = json!("calculator")),
        ("/contracts/0/timeout", |m| m["contracts"][0]["timeout"] = json!("20")),
        ("/contracts/0/timeout", |m| m["contracts"][0]["timeout"] = json!("2h")),
        ("/contracts/0/required_roles", |m| m["contracts"][0]["required_roles"] = json!("caller")),
        ("/contracts/0/function_declarations", |m| m["contracts"][0]["function_declarations"] = json!([])),
        ("/contracts/0/function_declarations/0/name", |m| {
            m["contracts"][0]["function_declarations"][0]["name"] = json!("9 lives")
        }),
        ("/contracts/1/function_declarations/0/name", |m| {
            m["contracts"][1]["function_declarations"][0]["name"] = json!("add")
        }),
        ("/contracts/0/function_declarations/0/description", |m| {
            m["contracts"][0]["function_declarations"][0]["description"] = json!("")
        }),
        ("/contracts/0/function_declarations/0/effect", |m| {
            m["contracts"][0]["function_declarations"][0]["effect"] = json!("none")
        }),
        ("/contracts/0/function_declarations/0/parameters/type", |m| {
            m["contracts"][0]["function_declarations"][0]["parameters"]["type"] = json!("object")
        }),
        ("/contracts/0/function_declarations/0/parameters/required/0", |m| {
            m["contracts"][0]["function_declarations"][0]["parameters"]["required"] = json!(["c"])
        }),
        ("/contracts/0/function_declarations/0/parameters/properties/a/type", |m| {
            m["contracts"][0]["function_declarations"][0]["parameters"]["properties"]["a"]["type"] = json!("NUMERAL")
        }),
    ];
    let mut wrong = Vec::new();
    for (place, spoil) in spoils {
        let mut spoiled = manifest();
        spoil(&mut spoiled);
        let mut host = Setup::strict().manifest(Some(spoiled)).desk();
        let checked = host.grid(&["check", "--json"]);
        let problems = checked.json()["problems"].as_array().unwrap().clone();
        let told = problems
            .iter()
            .any(|problem| problem["key"] == place && problem["code"].as_str().is_some_and(|code| !code.is_empty()));
        let (code, said) = host.refuses_to_start().await;
        let line = problems.first().and_then(|problem| problem["code"].as_str()).unwrap_or("no code").to_owned();
        if checked.code != 3 || !told || code != 3 || !said.contains(&line) || host.folder().join("data").exists() {
            wrong.push(format!("{place}: check {}, serve {code}, {problems:?}, {said}", checked.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_manifest_that_is_missing_or_unreadable_is_told_as_such() {
    let mut none = Setup::strict().manifest(None).desk();
    assert!(none.grid(&["check"]).err.contains("[MISSING_MANIFEST]"));
    let (code, said) = none.refuses_to_start().await;
    assert!(code == 3 && said.contains("MISSING_MANIFEST"), "{code} {said}");
    for text in
        [None, Some("{"), Some(""), Some("[]"), Some(r#"{"manifest_version": "1.0.0", "manifest_version": "1.0.0"}"#)]
    {
        let mut host = Setup::strict().desk();
        let path = host.folder().join("tools.json");
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let checked = host.grid(&["check"]);
        assert_eq!(checked.code, 3, "{text:?}: {checked:?}");
        assert!(checked.err.contains("tools.json"), "{text:?}: {checked:?}");
        let (code, said) = host.refuses_to_start().await;
        assert_eq!(code, 3, "{text:?}: {said}");
    }
}

#[tokio::test]
async fn all_faults_of_a_configuration_are_told_at_once() {
    let mut host = Setup::strict()
        .set("call.timeout=30")
        .set("server.max_message=1B")
        .set("sesion.ttl=1h")
        .environment("GRID_LOG__LEVEL", "loud")
        .desk();
    fs::write(
        host.folder().join("grid.toml"),
        "mode = \"strict\"\n[manifest]\npath = \"tools.json\"\n[audit]\nqeue = 1\nsegment = \"1KiB\"\n",
    )
    .unwrap();
    let (code, said) = host.refuses_to_start().await;
    assert_eq!(code, 3, "{said}");
    for part in [
        "call.timeout",
        "server.max_message",
        "sesion.ttl",
        "session",
        "log.level",
        "grid.toml:5",
        "audit.qeue",
        "queue",
        "grid.toml:6",
    ] {
        assert!(said.contains(part), "`{part}` is not told: {said}");
    }
    assert!(!host.folder().join("data").exists() && !host.folder().join(".grid").exists());
}

#[tokio::test]
async fn modes_and_environments_that_do_not_fit_are_refused_with_their_code() {
    let cases = [
        (Setup::development().environment("GRID_ENVIRONMENT", "production"), "ENVIRONMENT_ERROR"),
        (Setup::strict().set("development.allow_registration=true"), "INCOMPATIBLE_MODE"),
        (Setup::strict().set("mode=lenient"), "INCOMPATIBLE_MODE"),
        (Setup::strict().set("audit.durability=relaxed"), "INVALID_CONFIG"),
        (Setup::strict().environment("GRID_SERVER__LISTEN", "0.0.0.0:0"), "INVALID_CONFIG"),
        (Setup::strict().set("server.listen=0.0.0.0:9999"), "INVALID_CONFIG"),
        (Setup::strict().set("server.admin_listen=0.0.0.0:9999"), "INVALID_CONFIG"),
    ];
    let mut wrong = Vec::new();
    for (at, (setup, expected)) in cases.into_iter().enumerate() {
        let mut host = setup.desk();
        let (code, said) = host.refuses_to_start().await;
        if code != 3 || !said.contains(expected) {
            wrong.push(format!("case {at}: {code}, expected {expected}: {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let allowed = Setup::strict().set("server.allow_plaintext=true").desk();
    let checked =
        allowed.grid(&["check", "--set", "server.listen=0.0.0.0:9999", "--set", "server.allow_plaintext=true"]);
    assert_eq!(checked.code, 0, "{checked:?}");
}

#[tokio::test]
async fn development_warns_of_itself_when_it_starts() {
    let host = Setup::development().start().await;
    let said = host.said();
    assert!(said.contains("WARN") && said.to_lowercase().contains("development"), "{said}");
    let strict = Host::strict().await;
    assert!(!strict.said().contains("WARN"), "{}", strict.said());
}

#[tokio::test]
async fn a_port_or_a_log_that_another_host_has_is_named() {
    let first = Host::strict().await;
    let listen = first.endpoint().replace("http://", "server.listen=");
    let mut second = Setup::strict().set(&listen).desk();
    let (code, said) = second.refuses_to_start().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("ENVIRONMENT_ERROR") && said.contains("cannot listen"), "{said}");
    let data = format!("data.dir={}", first.folder().join("data").display());
    let mut third = Setup::strict().set(&data).desk();
    let (code, said) = third.refuses_to_start().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("in use") && said.contains(&first.pid().to_string()), "{said}");
}
