//! Who may import whom. A crate is a room; what it may use is written here before it is used there.

use std::collections::{BTreeMap, BTreeSet};

use grid_house::{Breaches, Told, files, packages, text, toml};

/// A crate and the crates of ours that it may use.
struct Room {
    name: &'static str,
    uses: &'static [&'static str],
}

const fn room(name: &'static str, uses: &'static [&'static str]) -> Room {
    Room { name, uses }
}

/// Stages stand in the order of the path. Each uses the vocabulary and the stage whose evidence it takes. To make
/// that evidence, its tests may walk the path up to it: they use the testkit and whatever stands above it here.
const ROOMS: &[Room] = &[
    room("grid-codes", &[]),
    room("grid-ids", &[]),
    room("grid-core", &["grid-codes", "grid-ids"]),
    room("grid-adm", &[]),
    room("grid-proto", &[]),
    room("grid-tlog", &[]),
    // What was reviewed is read by hosts, runtimes and reviewers alike.
    room("grid-lock", &["grid-adm"]),
    room("grid-supply", &["grid-adm", "grid-tlog"]),
    room("grid-identity", &["grid-core"]),
    room("grid-session", &["grid-core", "grid-identity"]),
    room("grid-contract", &["grid-adm", "grid-core", "grid-session", "grid-supply"]),
    room("grid-authorize", &["grid-core", "grid-contract"]),
    // It asks somebody over the network, which nothing else of the host's decisions does.
    room("grid-authzen", &["grid-adm", "grid-core"]),
    // What decides there is read and put in its place from beside it; the host is a trait to it.
    room("grid-reload", &["grid-adm", "grid-authorize", "grid-contract", "grid-core"]),
    // What operators write is held against contracts; the stage asks it through the port of authorizers.
    room("grid-policy", &["grid-adm", "grid-contract", "grid-core"]),
    room("grid-limits", &["grid-core", "grid-authorize"]),
    room("grid-validate", &["grid-adm", "grid-core", "grid-authorize", "grid-limits"]),
    // Arguments are known only now, and what they decide is asked of the authorizer.
    room("grid-approve", &["grid-adm", "grid-authorize", "grid-core", "grid-validate"]),
    // Who fails is known by name alone; what a call is stays outside, and so does what a result was made of.
    room("grid-breaker", &["grid-core"]),
    room("grid-reuse", &["grid-core"]),
    room("grid-resolve", &["grid-core", "grid-approve"]),
    // The log can be kept, read and checked without the host.
    room("grid-audit-wal", &["grid-core", "grid-tlog"]),
    room("grid-audit", &["grid-audit-wal", "grid-core", "grid-tlog"]),
    // So can its index, which is made of it.
    room("grid-audit-index", &["grid-audit", "grid-core", "grid-tlog"]),
    // What others get of it: files, a report, sinks. It sees the log as any reader does.
    room("grid-audit-export", &["grid-core", "grid-tlog", "grid-audit"]),
    // It speaks to the network as sinks of the log do, and knows nothing of how calls wait.
    room("grid-approve-notify", &["grid-core", "grid-audit-export"]),
    // Witnesses see checkpoints and proofs, never the log itself; of the vocabulary they use the clock.
    room("grid-audit-witness", &["grid-core", "grid-tlog"]),
    // Who checks it reads its files, and needs nothing of who writes it.
    room("grid-audit-verify", &["grid-audit-wal", "grid-core", "grid-tlog"]),
    room("grid-dispatch", &["grid-adm", "grid-core", "grid-audit", "grid-resolve"]),
    // Where the path parts: in place of resolve and dispatch, for a call that its caller runs.
    room(
        "grid-local",
        &["grid-adm", "grid-approve", "grid-audit", "grid-core", "grid-session", "grid-tlog", "grid-validate"],
    ),
    room("grid-link", &["grid-core"]),
    // The order of a swap; the host that it happens in is a trait to it.
    room("grid-swap", &["grid-core"]),
    // What is counted has the names of the vocabulary and of nothing else.
    room("grid-metrics", &["grid-core"]),
    // It knows the settings of both and nothing of what is told.
    room("grid-telemetry", &["grid-config", "grid-core"]),
    // Certificates become evidence here; whom they name is decided behind the doors.
    room("grid-tls", &["grid-core"]),
    // Transports call ports; they never see a stage.
    room("grid-grpc", &["grid-core", "grid-proto", "grid-tls"]),
    // Settings are the program's, and the only thing in it that others may want to read.
    room("grid-config", &["grid-core"]),
    // What a host serves is read before there is a host, and by commands that start none.
    room(
        "grid-source",
        &[
            "grid-adm",
            "grid-audit-wal",
            "grid-config",
            "grid-contract",
            "grid-core",
            "grid-lock",
            "grid-supply",
            "grid-tlog",
        ],
    ),
    // Commands share flags, output and exit codes; those that need no host cannot reach for the client or the server.
    room("grid-console", &["grid-config"]),
    room("grid-reach", &["grid-config", "grid-console", "grid-core", "grid-sdk"]),
    room(
        "grid-cli-audit",
        &[
            "grid-audit",
            "grid-audit-export",
            "grid-audit-index",
            "grid-audit-verify",
            "grid-console",
            "grid-core",
            "grid-reach",
            "grid-sdk",
            "grid-tlog",
        ],
    ),
    room(
        "grid-offline",
        &[
            "grid-adm",
            "grid-audit",
            "grid-config",
            "grid-console",
            "grid-contract",
            "grid-core",
            "grid-lock",
            "grid-policy",
            "grid-source",
            "grid-supply",
            "grid-tlog",
            "grid-tls",
        ],
    ),
    // It hands a stage's tests the evidence that the stages before it made.
    room(
        "grid-testkit",
        &[
            "grid-adm",
            "grid-approve",
            "grid-audit",
            "grid-authorize",
            "grid-contract",
            "grid-core",
            "grid-identity",
            "grid-limits",
            "grid-resolve",
            "grid-session",
            "grid-tlog",
            "grid-validate",
        ],
    ),
    // SDKs and what is built with them never see the host.
    room("grid-sdk", &["grid-adm", "grid-lock", "grid-proto", "grid-sdk-macros", "grid-sdk-tool", "grid-tlog"]),
    room("grid-sdk-tool", &["grid-adm"]),
    room("grid-sdk-macros", &[]),
    // What runs tools where their caller is meets the host through the client alone.
    room("grid-sdk-local", &["grid-adm", "grid-sdk", "grid-sdk-tool", "grid-tlog"]),
    room("quickstart-rust", &["grid-sdk"]),
    room("quickstart-client", &["grid-sdk"]),
    room("resolve-example", &["grid-sdk"]),
    room("local-rust", &["grid-sdk", "grid-sdk-local"]),
    // It has no code of its own; its tests meet hosts over the wire alone.
    room("grid-e2e", &[]),
    // What measures the host sees it from outside, as callers and runtimes do; the log it can measure alone.
    room("grid-bench", &["grid-audit", "grid-audit-verify", "grid-core", "grid-proto", "grid-tlog"]),
    // What measures local calls is a caller with tools of its own; processes, samples and goals it shares with the other.
    room("grid-bench-scale", &["grid-bench", "grid-proto"]),
    room("grid-bench-local", &["grid-bench", "grid-proto", "grid-sdk", "grid-sdk-local"]),
    // Its program keeps a log as a host does, for tests to kill and starve; hosts it meets over the wire alone.
    // What attacks a host meets it over the wire alone.
    room("grid-attacks", &["grid-proto", "grid-sdk"]),
    room("grid-faults", &["grid-audit", "grid-core", "grid-tlog"]),
    // It lives in the host's own thread: it makes one of a host, a log that it drives and a clock that stands still.
    room(
        "grid-sim",
        &[
            "grid-audit",
            "grid-config",
            "grid-contract",
            "grid-core",
            "grid-identity",
            "grid-server",
            "grid-testkit",
            "grid-tlog",
        ],
    ),
    // So does this one, with several threads where a history wants them.
    room(
        "grid-histories",
        &[
            "grid-adm",
            "grid-audit",
            "grid-config",
            "grid-contract",
            "grid-core",
            "grid-identity",
            "grid-server",
            "grid-testkit",
            "grid-tlog",
        ],
    ),
    // The protocol on paper, as it were.
    room("grid-models", &[]),
    // Its program is a runtime, for tests to kill; hosts it meets over the wire alone.
    room("grid-chaos", &["grid-sdk"]),
    room("grid-house", &[]),
];

/// The one crate that sees all of ours, the testkit apart, and the program around it.
const SERVER: &str = "grid-server";
const PROGRAM: &str = "grid-cli";
/// Fakes for tests; never part of a program.
const TESTKIT: &str = "grid-testkit";

/// Third parties that stay in their rooms. Tests, benches and examples may use more, crates of such too.
const CONFINED: &[(&str, &[&str])] = &[
    ("tonic", &["grid-proto", "grid-grpc", "grid-sdk"]),
    ("tonic-prost", &["grid-proto", "grid-grpc", "grid-sdk"]),
    ("tonic-prost-build", &["grid-proto"]),
    ("tonic-health", &["grid-grpc"]),
    ("tonic-reflection", &["grid-grpc"]),
    ("prost", &["grid-proto", "grid-grpc", "grid-sdk"]),
    ("protox", &["grid-proto"]),
    ("h2", &["grid-grpc"]),
    // A witness is an HTTP server of its own, and is run where no host is.
    ("hyper", &["grid-authzen", "grid-grpc", "grid-audit-witness", SERVER]),
    ("hyper-util", &["grid-authzen", "grid-grpc", "grid-audit-witness", SERVER]),
    ("hyper-rustls", &["grid-authzen"]),
    ("tower-service", &["grid-grpc"]),
    ("governor", &["grid-limits"]),
    ("jsonschema", &["grid-adm"]),
    ("unicode-normalization", &["grid-supply"]),
    ("unicode-security", &["grid-supply"]),
    ("moka", &["grid-authorize", "grid-identity"]),
    (
        "aws-lc-rs",
        &[
            "grid-adm",
            "grid-approve-notify",
            "grid-identity",
            "grid-tlog",
            "grid-tls",
            "grid-audit-witness",
            "grid-sdk-local",
        ],
    ),
    ("jsonwebtoken", &["grid-identity"]),
    ("cedar-policy", &["grid-policy"]),
    ("miette", &["grid-policy"]),
    ("crc32c", &["grid-audit-wal"]),
    ("redb", &["grid-audit-index"]),
    ("ureq", &["grid-audit-export", "grid-audit-verify", "grid-audit-witness", "grid-identity"]),
    (
        "rustls",
        &["grid-authzen", "grid-audit-export", "grid-audit-verify", "grid-audit-witness", "grid-identity", "grid-tls"],
    ),
    ("tokio-rustls", &["grid-tls"]),
    ("rustls-webpki", &["grid-tls"]),
    ("x509-parser", &["grid-tls"]),
    ("rcgen", &["grid-tls"]),
    (
        "rustls-native-certs",
        &["grid-authzen", "grid-audit-export", "grid-audit-verify", "grid-audit-witness", "grid-identity"],
    ),
    ("prometheus", &["grid-metrics"]),
    ("opentelemetry", &["grid-telemetry"]),
    ("opentelemetry-otlp", &["grid-telemetry"]),
    ("opentelemetry_sdk", &["grid-telemetry"]),
    ("tracing-opentelemetry", &["grid-telemetry"]),
    // The example programs have a command line of their own.
    (
        "clap",
        &[
            PROGRAM,
            "grid-cli-audit",
            "grid-console",
            "grid-offline",
            "quickstart-rust",
            "quickstart-client",
            "resolve-example",
        ],
    ),
    ("serde_norway", &["grid-config"]),
    ("syn", &["grid-sdk-macros", "grid-house"]),
];

#[test]
fn every_crate_uses_only_what_its_room_allows() -> Result<(), Told> {
    let packages = packages()?;
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut breaches = Breaches::default();
    for package in packages.iter().filter(|package| ![SERVER, PROGRAM].contains(&package.name.as_str())) {
        let Some((place, room)) = ROOMS.iter().enumerate().find(|(_, room)| room.name == package.name) else {
            breaches.add(format!(
                "`{}` has no entry in ROOMS of tests/house/tests/architecture.rs; add one that names the crates of \
                 ours it may use, say in host/README.md what it is, and in docs/architecture.md why it is a room",
                package.name
            ));
            continue;
        };
        for dependency in package.dependencies.iter().filter(|dependency| ours.contains(dependency.name.as_str())) {
            let name = dependency.name.as_str();
            let above = || ROOMS.iter().take(place).any(|room| room.name == name);
            let allowed = room.uses.contains(&name) || (dependency.dev && (name == TESTKIT || above()));
            breaches.unless(allowed, || {
                let how = if dependency.dev { "in its tests" } else { "" };
                format!("`{}` uses `{name}` {how}, which its entry in ROOMS does not allow", package.name)
            });
        }
    }
    breaches.result()
}

#[test]
fn the_table_names_no_crate_that_is_gone() -> Result<(), Told> {
    let packages = packages()?;
    let mut breaches = Breaches::default();
    for room in ROOMS {
        let exists = packages.iter().any(|package| package.name == room.name);
        breaches.unless(exists, || {
            format!(
                "ROOMS names `{}`, which is no member of the workspace; add it there or take it out here",
                room.name
            )
        });
    }
    breaches.result()
}

#[test]
fn every_crate_on_disk_belongs_to_the_workspace() -> Result<(), Told> {
    let members: BTreeSet<String> = packages()?.into_iter().map(|package| package.folder).collect();
    let root = toml("Cargo.toml")?;
    let excluded = root.get("workspace").and_then(|workspace| workspace.get("exclude"));
    let excluded: Vec<&str> =
        excluded.and_then(|list| list.as_array()).into_iter().flatten().filter_map(|folder| folder.as_str()).collect();
    let mut breaches = Breaches::default();
    for folder in files()?.iter().filter_map(|file| file.strip_suffix("/Cargo.toml")) {
        let known = members.contains(folder) || excluded.iter().any(|out| folder.starts_with(out));
        breaches.unless(known, || format!("`{folder}` is neither member nor excluded, so nothing builds or tests it"));
    }
    breaches.result()
}

#[test]
fn the_testkit_is_part_of_no_program() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for package in packages()? {
        let uses = package.needs().any(|dependency| dependency.name == TESTKIT);
        breaches.unless(!uses, || format!("`{}` is built of `{TESTKIT}`; only tests may use it", package.name));
    }
    breaches.result()
}

#[test]
fn third_parties_stay_in_their_rooms() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for package in packages()?.iter().filter(|package| !package.folder.starts_with("tests/")) {
        for dependency in package.needs() {
            let entry = CONFINED.iter().find(|(name, _)| *name == dependency.name);
            if let Some((name, rooms)) = entry {
                breaches.unless(rooms.contains(&package.name.as_str()), || {
                    format!("`{}` uses `{name}`, which stays in {}", package.name, rooms.join(", "))
                });
            }
        }
    }
    breaches.result()
}

#[test]
fn the_vocabulary_does_no_io() -> Result<(), Told> {
    const ALLOWED: [&str; 7] = ["bytes", "grid-codes", "grid-ids", "serde", "serde_json", "tokio", "uuid"];
    const CORE: [&str; 3] = ["grid-codes", "grid-core", "grid-ids"];
    const FOLDERS: [&str; 3] = ["host/core/src/", "host/core/codes/src/", "host/core/ids/src/"];
    let mut breaches = Breaches::default();
    let packages = packages()?;
    for dependency in
        packages.iter().filter(|package| CORE.contains(&package.name.as_str())).flat_map(|package| package.needs())
    {
        let name = &dependency.name;
        breaches.unless(ALLOWED.contains(&name.as_str()), || format!("the vocabulary uses `{name}`"));
    }
    // The workspace's own entry turns more of tokio on; no name of it appears outside channels.
    for file in
        files()?.iter().filter(|file| FOLDERS.iter().any(|folder| file.starts_with(folder)) && file.ends_with(".rs"))
    {
        let text = text(file).unwrap_or_default();
        for line in text.lines().filter(|line| line.contains("tokio::") && !line.trim_start().starts_with("//")) {
            breaches.unless(line.contains("tokio::sync"), || format!("{file}: `{}`", line.trim()));
        }
        for forbidden in ["std::fs", "std::net", "std::process", "std::thread", "std::env"] {
            breaches.unless(is_test(file) || !text.contains(forbidden), || format!("{file} uses `{forbidden}`"));
        }
    }
    breaches.result()
}

#[test]
fn strict_has_no_code_for_registrations() -> Result<(), Told> {
    let strict = text("host/contract/src/strict.rs").ok_or("host/contract/src/strict.rs is gone".to_owned())?;
    let mut breaches = Breaches::default();
    for (at, line) in strict.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        breaches.unless(!code.contains("register("), || format!("strict.rs:{}: `{}`", at + 1, code.trim()));
    }
    breaches.unless(strict.contains("fn registrar(&self) -> Option<&Development> {\n        None\n    }"), || {
        "STRICT answers something else than `None` when it is asked for a place to register".to_owned()
    });
    breaches.result()
}

#[test]
fn argument_checks_fetch_nothing() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for package in packages()? {
        for dependency in package.dependencies.iter().filter(|dependency| dependency.name == "jsonschema") {
            breaches.unless(!dependency.default_features, || {
                format!("`{}` takes jsonschema's default features, which fetch remote schemas", package.name)
            });
            for feature in dependency.features.iter().filter(|feature| feature.starts_with("resolve-")) {
                breaches.add(format!("`{}` turns on `{feature}` of jsonschema", package.name));
            }
        }
    }
    breaches.result()
}

/// The schema library brings an engine that backtracks; no pattern of a contract may reach it.
#[test]
fn argument_checks_run_no_backtracking_pattern() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    let sources = files()?.into_iter().filter(|file| file.starts_with("proto/adm/src/") && !is_test(file));
    let whole: String = sources.filter_map(|file| text(&file)).collect();
    let compiles = whole.contains("jsonschema::");
    breaches.unless(compiles, || "`grid-adm` no longer uses jsonschema; this test looks in the wrong place".to_owned());
    let patterns = ["\"pattern\"", "\"patternProperties\""].iter().any(|keyword| whole.contains(keyword));
    breaches.unless(!patterns || whole.contains("PatternOptions::regex()"), || {
        "`grid-adm` hands patterns to jsonschema without `PatternOptions::regex()`, so they can backtrack".to_owned()
    });
    breaches.result()
}

#[test]
fn every_workspace_dependency_says_what_it_is_for() -> Result<(), Told> {
    let text = text("Cargo.toml").ok_or("Cargo.toml cannot be read".to_owned())?;
    let lines = text.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    let mut breaches = Breaches::default();
    for line in lines.take_while(|line| !line.starts_with('[')) {
        // Our own say it in their `description`.
        let Some((name, rest)) = line.split_once(" = ").filter(|(_, rest)| !rest.contains("path = ")) else { continue };
        let comment = rest.rsplit_once('#').map_or("", |(_, comment)| comment.trim());
        breaches
            .unless(comment.len() > 3, || format!("`{name}` in Cargo.toml has no comment that says what it is for"));
    }
    for package in packages()? {
        breaches.unless(!package.description.is_empty(), || format!("`{}` has no description", package.name));
    }
    breaches.result()
}

#[test]
fn dependencies_are_declared_once_and_used() -> Result<(), Told> {
    let root = toml("Cargo.toml")?;
    let declared = root.get("workspace").and_then(|workspace| workspace.get("dependencies"));
    let declared = declared.and_then(|table| table.as_table()).cloned().unwrap_or_default();
    let mut used: BTreeMap<String, u32> = declared.keys().map(|name| (name.clone(), 0)).collect();
    let mut breaches = Breaches::default();
    for package in packages()? {
        let manifest = toml(&format!("{}/Cargo.toml", package.folder))?;
        for kind in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(table) = manifest.get(kind).and_then(|table| table.as_table()) else { continue };
            for (name, value) in table {
                let inherits = value.get("workspace").and_then(|value| value.as_bool()) == Some(true);
                breaches.unless(inherits, || {
                    format!(
                        "`{}` declares `{name}` by itself; declare it in the workspace and inherit it",
                        package.name
                    )
                });
                *used.entry(name.clone()).or_default() += 1;
            }
        }
        let lints = manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(|value| value.as_bool());
        breaches.unless(lints == Some(true), || format!("`{}` does not take the workspace's lints", package.name));
    }
    for name in used.into_iter().filter(|(_, count)| *count == 0).map(|(name, _)| name) {
        breaches.add(format!("`{name}` is declared in the workspace and used by no crate; take it out"));
    }
    breaches.result()
}

fn is_test(file: &str) -> bool {
    file.ends_with("/tests.rs") || file.contains("/tests/")
}
