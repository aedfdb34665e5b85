//! The table itself: complete, documented, and equal to what is made of it.

use std::{collections::BTreeSet, time::Duration};

use super::{
    Sources, describe,
    kind::Kind,
    load::read,
    setting::Fallback,
    source::Entry,
    table::{SECTIONS, settings},
    units::{ByteSize, parse_time, show_time},
};

#[test]
fn every_setting_is_documented_in_one_sentence() {
    for setting in settings() {
        let doc = setting.doc();
        assert!(doc.ends_with('.') && doc.len() > 10, "{}: `{doc}`", setting.key);
        assert!(!doc.contains('\n') && !doc.contains(". "), "{}: one sentence", setting.key);
    }
    for section in SECTIONS {
        assert!(section.doc().ends_with('.'), "{}", section.name);
    }
}

#[test]
fn keys_and_their_variables_are_unique() {
    let keys: BTreeSet<_> = settings().map(|setting| setting.key).collect();
    let variables: BTreeSet<_> = settings().map(|setting| setting.env().replace("__", "_")).collect();
    assert_eq!(keys.len(), settings().count());
    assert_eq!(variables.len(), settings().count());
}

#[test]
fn defaults_are_values_of_their_kind_and_fit_their_fields() {
    let reading = read(&Sources::default());
    let config = reading.values().unwrap();
    assert_eq!(reading.effective().count(), settings().count());
    assert!(reading.warnings().is_empty());
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:9090");
    assert_eq!(config.server.max_message.bytes(), 4 << 20);
    assert_eq!(config.session.ttl, Duration::from_secs(3600));
    assert_eq!(config.authorize.timeout, Duration::from_millis(100));
    assert_eq!(config.identity.key.display().to_string(), ".grid/grid-key.pem");
    assert_eq!(config.audit.dir.display().to_string(), ".grid/audit");
    assert_eq!(config.development.roles, ["grid_admin", "grid_runtime", "developer"]);
    assert_eq!(config.manifest.path, None);
}

#[test]
fn derived_defaults_name_settings_that_are() {
    for setting in settings() {
        if let Fallback::Under(folder, _) = setting.fallback {
            let parent = settings().find(|other| other.key == folder).unwrap();
            assert!(matches!(parent.kind, Kind::Path) && matches!(parent.fallback, Fallback::Is(_)));
        }
    }
}

#[test]
fn the_schema_knows_every_setting_and_nothing_else() {
    let schema = describe::schema();
    let mut count = 0;
    for (name, member) in schema["properties"].as_object().unwrap() {
        let Some(members) = member["properties"].as_object() else {
            assert_eq!(name, "mode");
            count += 1;
            continue;
        };
        assert_eq!(member["additionalProperties"], false);
        for (key, described) in members {
            assert!(described["description"].is_string(), "{name}.{key}");
            if described["type"] == "object" {
                let of_name = described["additionalProperties"]["properties"].as_object().unwrap();
                assert_eq!(described["properties"].as_object().unwrap().len(), of_name.len(), "{name}.{key}");
                continue;
            }
            count += 1;
            assert!(settings().any(|setting| setting.key == format!("{name}.{key}")));
        }
    }
    assert_eq!(count, settings().count());
    assert_eq!(schema["properties"]["server"]["properties"]["workers"]["default"], 0);
    assert_eq!(schema["properties"]["call"]["properties"]["timeout"]["default"], "30s");
}

#[test]
fn the_page_of_documentation_is_the_table() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let written = std::fs::read_to_string(path).unwrap();
    assert!(
        written == describe::page(),
        "docs/configuration.md is not what the table says; run `cargo run --bin grid -- config docs > docs/configuration.md`"
    );
}

#[test]
fn what_dump_prints_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("grid.toml");
    let first = super::dump::to_toml(&read(&Sources::default()));
    std::fs::write(&path, &first).unwrap();
    let again = read(&Sources { file: Some(path), ..Sources::default() });
    assert!(again.values().is_ok());
    for (setting, value, _) in read(&Sources::default()).effective() {
        let (_, reread, _) = again.effective().find(|(other, ..)| other.key == setting.key).unwrap();
        assert_eq!(value, reread, "{}", setting.key);
    }
}

#[test]
fn times_and_sizes_are_read_and_shown() {
    for (text, ms) in [("0s", 0), ("1ms", 1), ("30s", 30_000), ("1h30m", 5_400_000), ("7d", 604_800_000)] {
        assert_eq!(parse_time(text), Some(Duration::from_millis(ms)), "{text}");
    }
    for text in ["", "30", "s", "30 s", "-1s", "1.5s", "30S", "30sec", "1h30", "99999999999999999999s", "300000000000d"]
    {
        assert_eq!(parse_time(text), None, "{text}");
    }
    assert_eq!(show_time(Duration::from_secs(90)), "90s");
    assert_eq!(show_time(Duration::from_secs(7200)), "2h");
    for (text, bytes) in [("0B", 0), ("64KiB", 65_536), ("4MiB", 4 << 20), ("4 mib", 4 << 20), ("1GB", 1_000_000_000)] {
        assert_eq!(ByteSize::parse(text).map(ByteSize::bytes), Some(bytes), "{text}");
    }
    for text in ["", "4", "MiB", "4M", "-4MiB", "4.5MiB", "99999999999GiB"] {
        assert_eq!(ByteSize::parse(text), None, "{text}");
    }
    assert_eq!(ByteSize::parse("65536B").unwrap().to_string(), "64KiB");
}

#[test]
fn every_setting_can_be_set_by_its_variable_and_its_flag() {
    for setting in settings() {
        let sources = Sources {
            env: vec![(setting.env(), "x".into())],
            set: vec![format!("{}=x", setting.key)],
            ..Sources::default()
        };
        let mut problems = Vec::new();
        let entries: Vec<Entry> = sources.entries(&mut problems, &mut Vec::new());
        assert!(problems.is_empty(), "{problems:?}");
        assert!(entries.iter().all(|entry| entry.setting.key == setting.key));
        assert_eq!(entries.len(), 2);
    }
}
