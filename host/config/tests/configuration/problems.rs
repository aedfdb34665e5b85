//! What is said of a configuration that is wrong: every fault, each with its place and with what would be right.

use grid_core::Code;

use super::common::Place;

fn of_toml(text: &str) -> String {
    Place::strict().file("grid.toml", text).only()
}

fn of_flag(flag: &str) -> String {
    Place::strict().set(flag).only()
}

#[test]
fn a_value_of_another_type_is_named_with_its_line() {
    for (text, expected) in [
        (
            "\n[call]\n\ntimeout = 30\n",
            "grid.toml:4: call.timeout: found the number `30`; give a time with its unit, for example `30s`",
        ),
        (
            "[call]\ntimeout = true",
            "grid.toml:2: call.timeout: found `true`; give a time with its unit, for example `30s`",
        ),
        (
            "[call]\ntimeout = \"soon\"",
            "grid.toml:2: call.timeout: `soon` is not a time; give a number with its unit (ms, s, m, h, d), for example `30s`",
        ),
        (
            "[server]\nmax_message = 4194304",
            "grid.toml:2: server.max_message: found the number `4194304`; give a size with its unit, for example `4MiB`",
        ),
        (
            "[server]\nworkers = \"2\"",
            "grid.toml:2: server.workers: found the text `2`; give a whole number from 0 to 1024",
        ),
        (
            "[server]\nworkers = 1.5",
            "grid.toml:2: server.workers: found a fraction; give a whole number from 0 to 1024",
        ),
        (
            "[server]\nallow_plaintext = \"true\"",
            "grid.toml:2: server.allow_plaintext: found the text `true`; give `true` or `false`",
        ),
        ("[server]\nlisten = 9090", "grid.toml:2: server.listen: found the number `9090`; give an address"),
        (
            "[development]\nroles = \"a\"",
            "grid.toml:2: development.roles: found the text `a`; give a list of names, for example `[\"developer\"]`",
        ),
        ("[development]\nroles = [1]", "grid.toml:2: development.roles: found the number `1`; give a name"),
        ("[data]\ndir = []", "grid.toml:2: data.dir: found a list; give a path"),
        ("[data]\ndir = 2020-01-01", "grid.toml:2: data.dir: found a date; give a path"),
        (
            "[log.level]\nx = 1",
            "grid.toml:1: log.level: found a table; give one of `error`, `warn`, `info`, `debug`, `trace`",
        ),
    ] {
        assert_eq!(of_toml(text), expected);
    }
}

#[test]
fn a_value_out_of_bounds_is_told_the_bounds() {
    for (flag, expected) in [
        ("server.workers=9999", "--set: server.workers: found the text `9999`; give a whole number from 0 to 1024"),
        ("server.workers=-1", "--set: server.workers: found the text `-1`; give a whole number from 0 to 1024"),
        ("session.ttl=25h", "--set: session.ttl: `25h` is too long; give at most `1d`"),
        ("session.ttl=0s", "--set: session.ttl: `0s` is too short; give at least `1s`"),
        ("server.max_message=1GiB", "--set: server.max_message: `1GiB` is too large; give at most `64MiB`"),
        ("server.max_message=1KB", "--set: server.max_message: `1000B` is too small; give at least `64KiB`"),
        (
            "log.level=loud",
            "--set: log.level: found the text `loud`; give one of `error`, `warn`, `info`, `debug`, `trace`",
        ),
        (
            "development.principal=a\tb",
            "--set: development.principal: `a\tb` is not a name; give 1 to 128 printable ASCII characters",
        ),
        ("data.dir=", "--set: data.dir: is empty; give a path, or leave the setting out"),
        (
            "server.listen=here",
            "--set: server.listen: `here` is not an address; give an IP address and a port, for example `127.0.0.1:9090` or `[::1]:9090`",
        ),
        (
            "telemetry.otlp_endpoint=ftp://x",
            "--set: telemetry.otlp_endpoint: is not a URL; give one that begins with `http://` or `https://`, for example `http://127.0.0.1:4317`",
        ),
        ("server.listen", "--set: `server.listen` has no value; write `section.key=value`"),
    ] {
        assert_eq!(of_flag(flag), expected);
    }
}

#[test]
fn an_unknown_key_is_told_its_nearest_name() {
    for (text, expected) in [
        ("[server]\nlisen = \"x\"", "grid.toml:2: server.lisen: is not a setting; did you mean `server.listen`?"),
        ("[session]\ntimeout = \"1s\"", "grid.toml:2: session.timeout: is not a setting; did you mean `call.timeout`?"),
        (
            "[server]\nfavourite_colour = 1",
            "grid.toml:2: server.favourite_colour: is not a setting; `grid config dump` shows all settings",
        ),
        ("[sever]\nlisten = 1", "grid.toml:1: sever: is not a section; did you mean `server`?"),
        ("[plugins]\na = 1", "grid.toml:1: plugins: is not a section; `grid config dump` shows all sections"),
        ("modus = \"strict\"", "grid.toml:1: modus: is not a setting; did you mean `mode`?"),
        (
            "server = 1",
            "grid.toml:1: server: found the number `1`; `server` is a section, so write `[server]` and its settings below",
        ),
        (
            "\"server.listen\" = \"x\"",
            "grid.toml:1: server.listen: found the text `x` under a name with a dot; write the setting within its section",
        ),
    ] {
        assert_eq!(of_toml(text), expected);
    }
    let of_env = |name: &str| Place::strict().env(name, "1").only();
    assert_eq!(
        of_env("GRID_SERVER__LISEN"),
        "GRID_SERVER__LISEN: server.lisen: is not a setting; did you mean `GRID_SERVER__LISTEN`?"
    );
    assert!(of_env("GRID_A__B").contains("is not a setting"));
    assert!(of_flag("sesion.ttl=1s").contains("did you mean `session.ttl`?"));
}

#[test]
fn variables_that_are_no_settings_are_left_alone() {
    let mut place = Place::strict();
    for name in ["GRID_ENVIRONMENT", "GRID_ENDPOINT", "GRID_TOKEN_FILE", "GRID_HOST_URL"] {
        place = place.env(name, "x");
    }
    place.config();
    let hinted = Place::strict().env("GRID_SERVER_LISTEN", "x").read();
    assert!(hinted.warnings()[0].to_string().contains("write `GRID_SERVER__LISTEN`"));
}

#[test]
fn files_that_cannot_be_read_are_told_why() {
    for (name, text, expected) in [
        ("grid.toml", "a = \n[x", "grid.toml:1: cannot read TOML"),
        ("grid.toml", "[log]\nlevel = \"a\"\nlevel = \"b\"", "grid.toml:3: cannot read TOML"),
        ("grid.json", "{\n\"log\": }", "grid.json:2: cannot read JSON"),
        ("grid.json", "{\"log\": {\"level\": \"info\",\n \"level\": \"warn\"}}", "is there twice"),
        ("grid.json", "[]", "grid.json: cannot read JSON: found a list"),
        ("grid.yaml", "log:\n  level: [", "cannot read YAML"),
        ("grid.yaml", "log:\n  level: info\n  level: warn\n", "is there twice"),
        ("grid.yaml", "- a", "cannot read YAML: found a list"),
        ("grid.ini", "", "grid.ini: is not a known kind of file"),
    ] {
        let place = Place::strict().file(name, text);
        let shown = place.shown(&place.problems()[0]);
        assert!(shown.contains(expected), "{name}: {shown}");
    }
    let mut place = Place::strict();
    place.sources.file = Some(place.path("absent.toml"));
    assert!(place.only().starts_with("absent.toml: cannot read the configuration file"));
    let null = Place::strict().file("grid.yaml", "log:\n  level:\n");
    assert!(null.only().contains("found nothing"));
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let place = Place::empty()
        .file("grid.toml", "colour = 1\n[call]\ntimeout = 30\nmax_timeout = \"x\"\n[server]\nlisten = \"0.0.0.0:1\"\n")
        .env("GRID_SERVER__LISEN", "x")
        .env("GRID_AUDIT__DURABILITY", "relaxed")
        .set("log.level=loud");
    let problems = place.problems();
    let keys: Vec<_> = problems.iter().map(|problem| problem.key.as_str()).collect();
    assert_eq!(
        keys,
        [
            "colour",
            "call.timeout",
            "call.max_timeout",
            "server.lisen",
            "log.level",
            "manifest.path",
            "audit.durability",
            "server.listen",
        ]
    );
    assert!(place.read().settle().unwrap_err().len() == 8);
    assert!(problems[7].to_string().contains("grid.toml:6: server.listen"));
}

#[test]
fn a_wrong_value_is_reported_even_where_another_overrides_it() {
    let place = Place::strict().file("grid.toml", "[call]\ntimeout = 30").set("call.timeout=5s");
    assert!(place.only().starts_with("grid.toml:2: call.timeout"));
}

fn code_of(place: &Place) -> Code {
    let problems = place.problems();
    assert_eq!(problems.len(), 1, "{problems:#?}");
    problems[0].code
}

#[test]
fn strict_mode_needs_a_manifest() {
    assert_eq!(code_of(&Place::empty()), Code::MissingManifest);
    for mode in ["strict", "development"] {
        let place = Place::empty().env("GRID_MODE", mode).set("manifest.path=/nowhere/manifest.json");
        assert_eq!(code_of(&place), Code::MissingManifest);
        assert!(place.only().contains("there is no file `/nowhere/manifest.json`"));
    }
    Place::empty().env("GRID_MODE", "development").config();
}

#[test]
fn unknown_modes_and_registration_in_strict_are_incompatible() {
    for mode in ["lenient", "", "strict "] {
        let place = Place::empty().env("GRID_MODE", mode);
        assert_eq!(code_of(&place), Code::IncompatibleMode, "{mode}");
    }
    let place = Place::strict().set("development.allow_registration=true");
    assert_eq!(code_of(&place), Code::IncompatibleMode);
    Place::strict().set("development.allow_registration=false").config();
    Place::empty().set("mode=development").set("development.allow_registration=true").config();
}

#[test]
fn development_refuses_production() {
    for mark in ["production", "Production", " prod "] {
        let place = Place::empty().env("GRID_ENVIRONMENT", mark).env("GRID_MODE", "development");
        assert_eq!(code_of(&place), Code::EnvironmentError);
        assert!(place.only().starts_with("GRID_MODE: mode: "));
    }
    Place::empty().env("GRID_ENVIRONMENT", "staging").env("GRID_MODE", "development").config();
    Place::strict().env("GRID_ENVIRONMENT", "production").config();
}

#[test]
fn relaxed_durability_is_for_development() {
    let place = Place::strict().set("audit.durability=relaxed");
    assert_eq!(code_of(&place), Code::InvalidConfig);
    Place::empty().set("mode=development").set("audit.durability=relaxed").config();
}

#[test]
fn plaintext_stays_on_this_machine_unless_it_is_allowed() {
    for key in ["server.listen", "server.admin_listen"] {
        for address in ["0.0.0.0:7000", "[::]:7000", "10.0.0.1:7000", "[2001:db8::1]:7000"] {
            let place = Place::strict().set(&format!("{key}={address}"));
            assert_eq!(code_of(&place), Code::InvalidConfig);
            place.set("server.allow_plaintext=true").config();
            let place = Place::strict().set(&format!("{key}={address}"));
            place.set("tls.cert=host.pem").set("tls.key=host.key").config();
        }
        for address in ["127.0.0.1:7000", "127.9.9.9:7000", "[::1]:7000", "localhost:7000"] {
            Place::strict().set(&format!("{key}={address}")).config();
        }
    }
}

#[test]
fn certificates_are_asked_for_only_where_they_can_be_held_against_something() {
    for (flags, expected) in [
        (&["tls.cert=a"][..], "tls.key: is not set, and `tls.cert` is; name the file of the certificate's key"),
        (&["tls.key=a"], "tls.key: is set, and `tls.cert` is not; name the file of the key's certificate"),
        (
            &["tls.client_auth=required"],
            "tls.client_auth: is `required`, and `tls.cert` is not set; only over TLS can it be asked",
        ),
        (
            &["tls.cert=a", "tls.key=b", "tls.client_auth=optional"],
            "tls.client_auth: is `optional`, and nobody vouches for clients; say who does in `tls.bundles`",
        ),
        (
            &["tls.cert=a", "tls.key=b", "tls.bundles=spiffe://dev.local=ca.pem"],
            "tls.client_auth: is `off`, and `tls.bundles` says who vouches for clients; set it to `optional` or `required`",
        ),
        (
            &["tls.cert=a", "tls.key=b", "tls.crl=x.crl"],
            "tls.crl: is set, and `tls.client_auth` is `off`, so nobody is held against it; leave it out",
        ),
    ] {
        let place = flags.iter().fold(Place::strict(), |place, flag| place.set(flag));
        let said = place.only();
        assert!(said.ends_with(expected), "{said}");
    }
    let full = ["tls.cert=a", "tls.key=b", "tls.client_auth=required", "tls.bundles=spiffe://a=x.pem,partners=y.pem"];
    let config = full.iter().fold(Place::strict(), |place, flag| place.set(flag)).config();
    assert_eq!(config.tls.bundles, ["spiffe://a=x.pem", "partners=y.pem"]);
    assert_eq!(config.server.unix_mode.bits(), 0o600);
    let listed = Place::strict().file("grid.toml", "[tls]\ncert = \"a\"\nkey = \"b\"\nclient_auth = \"optional\"\nbundles = [\"spiffe://a=x.pem\"]\nmin_version = \"1.2\"");
    assert_eq!(listed.config().tls.min_version, grid_config::TlsVersion::Tls12);
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    for flag in ["server.admin_listen=127.0.0.1:9090", "session.max_ttl=1m", "call.max_timeout=1s"] {
        assert_eq!(code_of(&Place::strict().set(flag)), Code::InvalidConfig, "{flag}");
    }
    Place::strict().set("server.admin_listen=127.0.0.1:0").set("server.listen=127.0.0.1:0").config();
}

#[test]
fn problems_are_worded_as_the_house_says() {
    let place = Place::empty().file("grid.toml", "colour = 1\n[call]\ntimeout = 30\n").set("log.level=loud");
    for problem in place.problems() {
        assert!(!problem.message.ends_with('.'), "{problem}");
        assert!(problem.message.contains(';'), "says what to do: {problem}");
        for word in ["Duration", "String", "u64", "usize", "Option"] {
            assert!(!problem.message.contains(word), "{problem}");
        }
    }
}

#[test]
fn a_breaker_of_one_scope_or_name_is_told_every_fault_at_once() {
    let text = "[breaker.tool]\nrecovry = \"1s\"\n\n[breaker.tool.data_processing]\nrecovery = \"soon\"\nwindow = 5\n\n\
        [breaker.runtime]\ntool_errors = true\n\n[breaker.provider.\"a.b\"]\nenabled = false\n";
    let problems = Place::strict().file("grid.toml", text).all();
    let begin = |line: &str| problems.iter().any(|problem| problem.starts_with(line));
    for expected in [
        "grid.toml:2: breaker.tool.recovry: is not a setting; `breaker.tool`, and each name in it, has `consecutive_failures`",
        "grid.toml:5: breaker.tool.data_processing.recovery: `soon` is not a time",
        "grid.toml:6: breaker.tool.data_processing.window: found the number `5`",
        "grid.toml:9: breaker.runtime.tool_errors: is not a setting; `breaker.runtime`",
        "grid.toml:12: breaker.provider.a.b.enabled: is not a setting; `breaker.provider`",
    ] {
        assert!(begin(expected), "{expected}\n{problems:#?}");
    }
    assert_eq!(problems.len(), 5, "{problems:#?}");
}

#[test]
fn rules_hold_for_breakers_with_settings_of_their_own() {
    let problems = Place::strict()
        .set("breaker.tool.recovery=10m")
        .set("breaker.tool.cache.get.half_open_calls=2")
        .set("breaker.provider.max_recovery=1s")
        .all();
    assert_eq!(
        problems,
        [
            "--set: breaker.provider.max_recovery: with it, `recovery` `30s` is longer than `breaker.max_recovery`, which is \
             `1s`; lower the one or raise the other",
            "--set: breaker.tool.recovery: `10m` is longer than `breaker.max_recovery`, which is `5m`; lower the one or raise \
             the other",
            "--set: breaker.tool.cache.get.half_open_calls: is less than `breaker.success_threshold`, which is 3, so that no \
             breaker could close; raise it",
        ]
    );
}
