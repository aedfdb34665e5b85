//! `grid manifest`, as the examples use it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn grid(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
    let folder = tempfile::tempdir().unwrap();
    command.args(arguments).current_dir(folder.path()).env_clear().output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_example_of_a_supply_chain_runs_and_refuses_what_was_tampered_with() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("place");
    let script = root().join("examples/supply-chain/try.sh");
    let output = Command::new(&script).arg(env!("CARGO_BIN_EXE_grid")).arg(&place).output().unwrap();
    let said = said(&output);
    assert!(output.status.success(), "{said}");
    for line in [
        "ok: version 1.0.0, signed by example.org/manifests",
        "the bytes of this one differ from those that were signed",
        "find_order: changed in /description (compatible)",
        "tools.json:13: /contracts/0/function_declarations/0/description: error",
        "[order.sequence]",
        "[order.conceal]",
        "is not as `grid.lock` says",
    ] {
        assert!(said.contains(line), "{line}\n{said}");
    }
}

#[test]
fn the_lock_of_the_quickstart_is_fresh() {
    let manifest = root().join("manifests/quickstart.json");
    let output = grid(&["manifest", "lock", "--check", manifest.to_str().unwrap()]);
    assert!(output.status.success(), "run `grid manifest lock manifests/quickstart.json`:\n{}", said(&output));
}

#[test]
fn the_manifests_of_the_examples_pass_the_lint() {
    let mut seen = 0;
    for path in [
        "manifests/quickstart.json",
        "examples/supply-chain/tools.json",
        "examples/local-rust/tools.json",
        "examples/python_local/tools.json",
        "examples/python_strict/tools.json",
    ] {
        let path = root().join(path);
        let output = grid(&["manifest", "lint", "--strict", path.to_str().unwrap()]);
        assert!(output.status.success(), "{}:\n{}", path.display(), said(&output));
        seen += 1;
    }
    assert_eq!(seen, 5);
}

#[test]
fn a_lock_is_replaced_whole_and_drift_has_an_exit_code_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("tools.json");
    let text = fs::read_to_string(root().join("manifests/quickstart.json")).unwrap();
    fs::write(&manifest, &text).unwrap();
    let check = || grid(&["manifest", "lock", "--check", "--json", manifest.to_str().unwrap()]);
    assert_eq!(check().status.code(), Some(5), "there is no lock yet");
    assert!(grid(&["manifest", "lock", manifest.to_str().unwrap()]).status.success());
    assert_eq!(check().status.code(), Some(0));
    fs::write(&manifest, text.replacen("\"NUMBER\"", "\"INTEGER\"", 1)).unwrap();
    let output = check();
    assert_eq!(output.status.code(), Some(5));
    let Ok(answer) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else { panic!("{}", said(&output)) };
    assert_eq!(answer.get("verdict").unwrap(), "breaking");
    assert!(grid(&["manifest", "lock", manifest.to_str().unwrap()]).status.success());
    assert_eq!(check().status.code(), Some(0));
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "nothing is left behind: {names:?}");
}
