//! Versions below which a dependency is known to be unsafe, and dependencies that do not come in at all. Held
//! against Cargo.lock, so that a transitive one counts as well.

use grid_house::{Breaches, Told, toml};

/// Crate, lowest version, why.
const FLOORS: &[(&str, &str, &str)] = &[
    ("h2", "0.4.16", "RUSTSEC-2026-0258: floods of small DATA frames"),
    ("hyper", "1.5.1", "a wrong parameter left the limit on reset streams unset"),
    ("tonic", "0.14.3", "limits hold for compressed messages too"),
    ("rustls", "0.23.18", "an accepted connection could panic"),
    ("rustls-webpki", "0.103.13", "several advisories on certificates below it"),
    ("jsonwebtoken", "10.3.0", "claims of a wrong type passed as absent"),
    ("rmcp", "1.4.0", "RUSTSEC-2026-0189"),
    ("async-nats", "0.29.0", "server names of certificates were not checked"),
    ("ed25519-dalek", "2.0.0", "signing with a foreign public key gave the secret away"),
    ("tungstenite", "0.20.1", "long handshakes took unbounded time"),
    ("ring", "0.17.12", "some AES calls could panic"),
    ("crossbeam-channel", "0.5.15", "a double free when a channel was dropped"),
    ("tokio", "1.44.2", "broadcast channels cloned values without a lock"),
];

/// Crate, why not.
const BARRED: &[(&str, &str)] = &[
    ("openssl-sys", "one TLS and one cryptography library: rustls on aws-lc-rs"),
    ("native-tls", "one TLS and one cryptography library: rustls on aws-lc-rs"),
    ("serde_yaml", "no longer maintained; serde_norway is"),
    ("serde_yml", "unsound"),
    ("libyml", "unsound"),
    ("yaml-rust", "no longer maintained"),
    ("reqwest", "nothing here fetches; jsonschema would, for remote references"),
    ("dotenv", "no longer maintained"),
    ("atty", "unsound, no longer maintained"),
    ("failure", "unsound, no longer maintained"),
    ("async-std", "no longer maintained"),
    ("users", "unsound, no longer maintained"),
    ("proc-macro-error", "no longer maintained"),
];

#[test]
fn no_dependency_is_below_its_floor() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for (name, version) in locked()? {
        for (_, floor, why) in FLOORS.iter().filter(|(floored, ..)| *floored == name) {
            breaches.unless(parts(&version) >= parts(floor), || format!("`{name}` {version} is below {floor}: {why}"));
        }
    }
    breaches.result()
}

#[test]
fn no_barred_dependency_comes_in() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for (name, version) in locked()? {
        for (_, why) in BARRED.iter().filter(|(barred, _)| *barred == name) {
            breaches
                .add(format!("`{name}` {version} is in Cargo.lock: {why}; `cargo tree -i {name}` says who brings it"));
        }
    }
    breaches.result()
}

#[test]
fn everything_comes_from_one_registry() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    let lock = toml("Cargo.lock")?;
    for package in lock.get("package").and_then(|list| list.as_array()).into_iter().flatten() {
        let text = |key: &str| package.get(key).and_then(|value| value.as_str());
        let name = text("name").unwrap_or_default();
        match (text("source"), text("checksum")) {
            (None, _) => {}
            (Some(source), Some(_)) if source.starts_with("registry+") && source.contains("crates.io") => {}
            (Some(source), _) => breaches.add(format!("`{name}` comes from `{source}` or has no checksum")),
        }
    }
    breaches.result()
}

/// Versions with a known hole, each the last one that has it, and the advisory: every one must be below a floor.
const KNOWN_BAD: &[(&str, &str, &str)] = &[
    ("h2", "0.4.15", "RUSTSEC-2026-0258"),
    ("h2", "0.3.23", "RUSTSEC-2024-0003"),
    ("rustls", "0.23.17", "RUSTSEC-2024-0399"),
    ("rustls-webpki", "0.103.12", "name constraints and revocation lists"),
    ("jsonwebtoken", "10.2.0", "claims of a wrong type passed as absent"),
    ("rmcp", "1.3.0", "RUSTSEC-2026-0189"),
    ("ed25519-dalek", "1.0.1", "RUSTSEC-2022-0093"),
    ("tungstenite", "0.20.0", "RUSTSEC-2023-0065"),
    ("ring", "0.17.11", "RUSTSEC-2025-0009"),
    ("crossbeam-channel", "0.5.14", "RUSTSEC-2025-0024"),
    ("tokio", "1.44.1", "RUSTSEC-2025-0023"),
    ("async-nats", "0.28.0", "RUSTSEC-2023-0027"),
];

#[test]
fn every_version_with_a_known_hole_is_below_a_floor() {
    for (name, version, advisory) in KNOWN_BAD {
        let floor = FLOORS.iter().find(|(floored, ..)| floored == name);
        assert!(floor.is_some_and(|(_, floor, _)| parts(version) < parts(floor)), "{name} {version}: {advisory}");
    }
}

#[test]
fn versions_compare_by_number() {
    assert!(parts("0.4.16") < parts("0.4.20"));
    assert!(parts("0.4.9") < parts("0.4.16"));
    assert!(parts("1.0.0-rc.1") < parts("1.0.0"), "a version before its release is below it");
    assert!(parts("2.0.0+build.7") == parts("2.0.0"));
}

fn locked() -> Result<Vec<(String, String)>, String> {
    let lock = toml("Cargo.lock")?;
    let packages = lock.get("package").and_then(|list| list.as_array()).into_iter().flatten();
    let text =
        |value: &toml::Value, key: &str| value.get(key).and_then(|value| value.as_str()).unwrap_or_default().to_owned();
    Ok(packages.map(|package| (text(package, "name"), text(package, "version"))).collect())
}

/// Numbers of a version; the last says whether it was released.
fn parts(version: &str) -> (Vec<u64>, bool) {
    let version = version.split('+').next().unwrap_or_default();
    let (numbers, released) = version.split_once('-').map_or((version, true), |(numbers, _)| (numbers, false));
    (numbers.split('.').map(|number| number.parse().unwrap_or(0)).collect(), released)
}
