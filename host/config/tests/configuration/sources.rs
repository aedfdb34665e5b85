//! Flag beats environment beats file beats default, in TOML, YAML and JSON.

use std::time::Duration;

use grid_config::{LogLevel, Mode, to_json, to_toml};

use super::common::Place;

const TOML: &str = "[session]\nttl = \"10m\"\nmax_per_principal = 7\n[log]\nlevel = \"debug\"\n";

#[test]
fn defaults_hold_where_nothing_is_written() {
    let config = Place::strict().config();
    assert_eq!(config.mode, Mode::Strict);
    assert!(!config.development.allow_registration);
}

#[test]
fn a_file_beats_defaults() {
    let config = Place::strict().file("grid.toml", TOML).config();
    assert_eq!(config.session.ttl, Duration::from_secs(600));
    assert_eq!(config.session.max_per_principal, 7);
    assert_eq!(config.log.level, LogLevel::Debug);
    assert_eq!(config.call.timeout, Duration::from_secs(30));
}

#[test]
fn the_environment_beats_the_file_and_a_flag_beats_both() {
    let place = Place::strict().file("grid.toml", TOML).env("GRID_SESSION__TTL", "20m");
    assert_eq!(place.config().session.ttl, Duration::from_secs(1200));
    let place = place.set("session.ttl=30m");
    assert_eq!(place.config().session.ttl, Duration::from_secs(1800));
    let place = place.set("session.ttl=40m");
    assert_eq!(place.config().session.ttl, Duration::from_secs(2400), "the last flag holds");
}

#[test]
fn yaml_and_json_say_the_same() {
    let yaml = "session:\n  ttl: 10m\n  max_per_principal: 7\nlog: {level: debug}\n";
    let json = r#"{"session": {"ttl": "10m", "max_per_principal": 7}, "log": {"level": "debug"}}"#;
    for (name, text) in [("grid.yaml", yaml), ("grid.yml", yaml), ("grid.json", json), ("grid.toml", TOML)] {
        let config = Place::strict().file(name, text).config();
        assert_eq!(config.session.ttl, Duration::from_secs(600), "{name}");
        assert_eq!(config.session.max_per_principal, 7, "{name}");
        assert_eq!(config.log.level, LogLevel::Debug, "{name}");
    }
    for (name, text) in [("grid.yaml", ""), ("grid.toml", ""), ("grid.json", "{}")] {
        Place::strict().file(name, text).config();
    }
}

#[test]
fn the_file_is_found_by_flag_then_variable_then_its_usual_name() {
    let mut place = Place::empty().file("grid.toml", "");
    place.sources.file = None;
    assert_eq!(place.sources.chosen_file(), Some(place.path("grid.toml")));
    std::fs::write(place.path("other.toml"), "").unwrap();
    let other = place.path("other.toml");
    let mut place = place.env("GRID_CONFIG", other.to_str().unwrap());
    assert_eq!(place.sources.chosen_file(), Some(other));
    place.sources.file = Some(place.path("third.toml"));
    assert_eq!(place.sources.chosen_file(), Some(place.path("third.toml")));
    assert_eq!(Place::empty().sources.chosen_file(), None);
}

#[test]
fn modes_are_read_in_any_case_and_from_their_old_variable() {
    for text in ["DEVELOPMENT", "development", "Development"] {
        let config = Place::empty().env("GRID_MODE", text).config();
        assert_eq!(config.mode, Mode::Development);
        assert!(config.development.allow_registration);
    }
    Place::strict().env("GRID_MODE", "STRICT").config();
}

#[test]
fn lists_are_written_with_commas_outside_the_file() {
    let place = Place::strict().env("GRID_DEVELOPMENT__ROLES", "a, b,,c");
    assert_eq!(place.config().development.roles, ["a", "b", "c"]);
    let place = place.file("grid.toml", "development.roles = [\"x,y\"]");
    assert_eq!(place.config().development.roles, ["a", "b", "c"]);
}

#[test]
fn folders_follow_the_data_folder_unless_they_are_named() {
    let place = Place::strict().set("data.dir=/var/lib/grid");
    let config = place.config();
    assert_eq!(config.audit.dir.display().to_string(), "/var/lib/grid/audit");
    assert_eq!(config.identity.key.display().to_string(), "/var/lib/grid/grid-key.pem");
    let config = place.set("audit.dir=/log").config();
    assert_eq!(config.audit.dir.display().to_string(), "/log");
}

#[test]
fn times_above_their_cap_count_as_the_cap_and_are_reported() {
    let place = Place::strict()
        .file("grid.toml", "[authorize]\ncache_ttl = \"5m\"\n")
        .env("GRID_AUTHORIZE__DENY_TTL", "60s")
        .set("identity.leeway=31s");
    let reading = place.read();
    let warnings: Vec<_> = reading.warnings().iter().map(|warning| place.shown(warning)).collect();
    assert_eq!(
        warnings,
        [
            "grid.toml:2: authorize.cache_ttl: `5m` is more than the host allows and counts as `1m`; give at most that",
            "GRID_AUTHORIZE__DENY_TTL: authorize.deny_ttl: `1m` is more than the host allows and counts as `5s`; give at most that",
            "--set: identity.leeway: `31s` is more than the host allows and counts as `30s`; give at most that",
        ]
    );
    let config = reading.settle().unwrap();
    assert_eq!(config.authorize.cache_ttl, Duration::from_secs(60));
    assert_eq!(config.authorize.deny_ttl, Duration::from_secs(5));
    assert_eq!(config.identity.leeway, Duration::from_secs(30));
}

#[test]
fn a_dump_says_where_each_value_comes_from() {
    let place = Place::strict().file("grid.toml", TOML).env("GRID_CALL__TIMEOUT", "1s").set("log.format=json");
    let reading = place.read();
    let json = to_json(&reading);
    let setting = |key: &str| json["settings"][key].clone();
    assert_eq!(setting("session.ttl")["value"], "10m");
    assert_eq!(setting("session.ttl")["origin"], "file");
    assert!(setting("session.ttl")["place"].as_str().unwrap().ends_with("grid.toml:2"));
    assert_eq!(setting("session.max_per_principal")["value"], 7);
    assert_eq!(setting("call.timeout")["origin"], "env");
    assert_eq!(setting("log.format")["origin"], "flag");
    assert_eq!(setting("mode")["origin"], "default");
    assert_eq!(setting("telemetry.otlp_endpoint")["value"], serde_json::Value::Null);
    assert!(to_toml(&reading).contains("# GRID_CALL__TIMEOUT\n"));
}

#[test]
fn a_dump_holds_no_password() {
    for endpoint in [
        "https://user:hunter2@collector:4317/v1",
        "https://hunter2@collector/",
        "https://collector/?key=hunter2",
        "https://user:p@hunter2@collector",
    ] {
        let place = Place::strict().env("GRID_TELEMETRY__OTLP_ENDPOINT", endpoint);
        let reading = place.read();
        let config = reading.values().unwrap();
        assert_eq!(config.telemetry.otlp_endpoint.as_ref().unwrap().reveal(), endpoint);
        let shown = format!("{}{}{reading:?}{:?}", to_toml(&reading), to_json(&reading), place.sources);
        assert!(!shown.contains("hunter2"), "{endpoint}");
        assert!(place.problems().iter().all(|problem| !problem.to_string().contains("hunter2")));
    }
}

#[test]
fn a_breaker_has_what_its_name_says_then_its_scope_then_all() {
    let text = "[breaker]\nwindow = \"50s\"\n[breaker.tool]\nrecovery = \"20s\"\nminimum_calls = 20\n\
        [breaker.tool.\"cache.get\"]\nrecovery = \"120s\"\n";
    let place = Place::strict().file("grid.toml", text).set("breaker.tool.cache.get.slow_call=30s");
    let reading = place.read();
    let config = reading.values().unwrap();
    let seconds = std::time::Duration::from_secs;
    let tools = config.own.scope("tool").unwrap();
    assert_eq!((tools.recovery, tools.window, tools.minimum_calls), (seconds(20), seconds(50), 20));
    let [(scope, name, own)] = config.own.names().collect::<Vec<_>>()[..] else { panic!("one name") };
    assert_eq!((scope, name), ("tool", "cache.get"));
    assert_eq!((own.recovery, own.minimum_calls, own.slow_call), (seconds(120), 20, seconds(30)));
    assert!(config.own.scope("runtime").is_none() && config.breaker.recovery == seconds(30));
    let dump = to_toml(&reading);
    assert!(dump.contains("[breaker.tool.\"cache.get\"]\nrecovery = \"2m\""), "{dump}");
    let again = Place::strict().file("grid.toml", &dump);
    assert_eq!(again.read().values().unwrap().own.names().count(), 1);
    assert_eq!(to_json(&reading)["settings"]["breaker.tool.cache.get.slow_call"]["origin"], "flag");
}
