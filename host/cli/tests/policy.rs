//! `grid policy` as operators run it, on the policies of this repository.

#[cfg(test)]
mod policy {
    use std::{
        fs,
        path::{Path, PathBuf},
        process::Command,
    };

    use serde_json::Value;

    fn root() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
    }

    struct Ended {
        code: i32,
        out: String,
        err: String,
    }

    fn grid(arguments: &[&str]) -> Ended {
        let program = Command::new(env!("CARGO_BIN_EXE_grid"));
        ended(program, arguments)
    }

    fn ended(mut command: Command, arguments: &[&str]) -> Ended {
        let output = command.args(arguments).current_dir(root()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    const TELLER: [&str; 3] = ["manifests/policies", "--manifest", "manifests/teller.json"];

    fn policy(command: &str, more: &[&str]) -> Ended {
        grid(&[&["policy", command][..], &TELLER, more].concat())
    }

    /// A copy of the repository's policies, to break.
    fn copy() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("tests")).unwrap();
        for name in ["roles.toml", "counter.cedar", "limits.cedar", "tests/counter.toml"] {
            fs::copy(root().join("manifests/policies").join(name), dir.path().join(name)).unwrap();
        }
        dir
    }

    #[test]
    fn the_repositorys_policies_are_good_and_say_what_they_should() {
        let check = policy("check", &["--json"]);
        let json: Value = serde_json::from_str(&check.out).unwrap();
        assert_eq!(
            (check.code, &json["ok"], &json["faults"]),
            (0, &true.into(), &Value::Array(vec![])),
            "{}",
            check.err
        );
        assert_eq!(json["tools"][1]["reads"], serde_json::json!(["arguments", "time", "local"]));
        let dir = tempfile::tempdir().unwrap();
        let junit = dir.path().join("junit.xml");
        let test = policy("test", &["--junit", junit.to_str().unwrap()]);
        assert_eq!(test.code, 0, "{}", test.out);
        assert!(fs::read_to_string(junit).unwrap().contains("failures=\"0\""));
    }

    #[test]
    fn a_test_that_is_not_fulfilled_ends_with_4() {
        let dir = copy();
        let path = dir.path().join("limits.cedar");
        let text = fs::read_to_string(&path).unwrap().replace("1000.0", "2000.0");
        fs::write(path, text).unwrap();
        let junit = dir.path().join("junit.xml");
        let arguments =
            ["policy", "test", dir.path().to_str().unwrap(), TELLER[1], TELLER[2], "--junit", junit.to_str().unwrap()];
        let test = grid(&arguments);
        assert_eq!(test.code, 4, "{}", test.err);
        assert!(test.out.contains("expected deny, got ask by policy:limits#second-person"), "{}", test.out);
        assert!(fs::read_to_string(junit).unwrap().contains("<failure message=\"expected deny"));
    }

    #[test]
    fn faults_have_file_line_and_column_and_end_with_3() {
        let dir = copy();
        fs::write(
            dir.path().join("x.cedar"),
            "permit (principal,\n action == Grid::Action::\"transfer_mony\", resource);",
        )
        .unwrap();
        let path = dir.path().to_str().unwrap();
        let check = grid(&["policy", "check", path, TELLER[1], TELLER[2]]);
        assert_eq!(check.code, 3);
        assert!(check.err.contains(&format!("{path}/x.cedar:2:12: ")), "{}", check.err);
        let set = ["--set", "manifest.path=manifests/teller.json", "--set", &format!("policy.dir={path}")];
        let whole = grid(&[&["check"][..], &set].concat());
        assert_eq!(whole.code, 3, "{}", whole.out);
        assert!(whole.err.contains("x.cedar") && whole.err.contains("transfer_mony"), "{}", whole.err);
    }

    #[test]
    fn an_explanation_names_the_policy_and_shows_its_text() {
        let args = r#"{"amount": 700, "currency": "EUR", "from": "17", "to": "18"}"#;
        let caller = ["--principal", "tom", "--tenant", "north", "--role", "teller", "--tool", "transfer_money"];
        let page = policy("explain", &[&caller[..], &["--args", args]].concat());
        assert_eq!(page.code, 0, "{}", page.err);
        assert!(page.out.starts_with("`tom` of `north` calls `transfer_money`: ask\n"), "{}", page.out);
        assert!(page.out.contains("decided by  policy:limits#second-person"), "{}", page.out);
        assert!(page.out.contains("@approval(\"teller_lead\")"), "{}", page.out);
    }

    #[test]
    fn a_diff_tells_what_flips() {
        let same = grid(&["policy", "diff", TELLER[0], TELLER[0], TELLER[1], TELLER[2], "--no-audit"]);
        assert_eq!(same.code, 0, "{}", same.out);
        let other =
            grid(&["policy", "diff", TELLER[0], "examples/policy/candidate", TELLER[1], TELLER[2], "--no-audit"]);
        assert_eq!(other.code, 5, "{}", other.err);
        assert!(
            other.out.contains("700 needs a second person: ask (policy:limits#second-person) -> allow"),
            "{}",
            other.out
        );
        assert!(other.out.contains("; 2 flip"), "{}", other.out);
    }

    #[test]
    fn the_example_runs() {
        let mut script = Command::new(root().join("examples/policy/run.sh"));
        script.env("GRID", env!("CARGO_BIN_EXE_grid"));
        let run = ended(script, &[]);
        assert_eq!(run.code, 0, "{}\n{}", run.out, run.err);
        for word in ["transfer_money`: allow", "transfer_money`: ask", "transfer_money`: deny", "0 failed", "; 2 flip"] {
            assert!(run.out.contains(word), "{word}: {}", run.out);
        }
    }
}
