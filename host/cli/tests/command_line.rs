//! The program as its users run it: exit codes, what goes where, and help that teaches.

#[cfg(test)]
mod command_line {
    use std::{
        fs,
        path::Path,
        process::{Command, Output},
    };

    use serde_json::Value;
    use tempfile::TempDir;

    struct Desk(TempDir);

    impl Desk {
        fn new() -> Self {
            Self(tempfile::tempdir().unwrap())
        }

        fn path(&self) -> &Path {
            self.0.path()
        }

        fn command(&self, arguments: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
            command.args(arguments).env_clear().current_dir(self.path());
            command
        }

        fn run(&self, arguments: &[&str]) -> Ended {
            Ended::of(self.command(arguments).output().unwrap())
        }
    }

    struct Ended {
        code: i32,
        out: String,
        err: String,
    }

    impl Ended {
        fn of(output: Output) -> Self {
            Self {
                code: output.status.code().unwrap(),
                out: String::from_utf8(output.stdout).unwrap(),
                err: String::from_utf8(output.stderr).unwrap(),
            }
        }

        fn json(&self) -> Value {
            serde_json::from_str(&self.out).unwrap()
        }
    }

    #[test]
    fn every_help_has_an_example() {
        let desk = Desk::new();
        for command in [
            &[][..],
            &["serve"],
            &["check"],
            &["config"],
            &["config", "dump"],
            &["config", "schema"],
            &["config", "docs"],
            &["token"],
            &["token", "new"],
            &["audit"],
            &["audit", "export"],
            &["audit", "report"],
            &["audit", "verify"],
            &["audit", "prove"],
            &["audit", "verify-proof"],
            &["audit", "consistency"],
            &["audit", "checkpoint"],
            &["witness"],
            &["witness", "init"],
            &["witness", "serve"],
            &["completions"],
        ] {
            let help = desk.run(&[command, &["--help"]].concat());
            assert_eq!(help.code, 0, "{command:?}");
            let (_, examples) = help.out.split_once("Examples:").unwrap();
            let line = format!("grid {}", command.join(" "));
            assert!(examples.contains(line.trim()), "{command:?}: {examples}");
        }
    }

    #[test]
    fn wrong_usage_ends_with_two() {
        let desk = Desk::new();
        for arguments in [
            &[][..],
            &["fly"],
            &["check", "--fly"],
            &["token", "new"],
            &["token", "new", "--principal", "", "--tenant", "t"],
            &["token", "new", "--principal", "a", "--tenant", "t", "--ttl", "30"],
            &["completions", "tin"],
            &["witness", "serve"],
            &["witness", "serve", "--log", "no key and no file"],
        ] {
            let ended = desk.run(arguments);
            assert_eq!(ended.code, 2, "{arguments:?}");
            assert!(ended.out.is_empty() && !ended.err.is_empty());
        }
    }

    #[test]
    fn check_ends_with_three_and_names_what_is_wrong() {
        let desk = Desk::new();
        let ended = desk.run(&["check"]);
        assert_eq!(ended.code, 3);
        assert!(ended.err.contains("[MISSING_MANIFEST]"), "{}", ended.err);
        fs::write(desk.path().join("grid.toml"), "[call]\ntimeout = 30\n").unwrap();
        let ended = desk.run(&["check", "--set", "mode=development", "--set", "log.level=x"]);
        assert_eq!(ended.code, 3);
        assert!(ended.err.contains("error: grid.toml:2: call.timeout: "), "{}", ended.err);
        assert!(ended.err.contains("error: --set: log.level: "), "{}", ended.err);
        assert!(!ended.err.contains('\u{1b}'), "no colour outside a terminal");
    }

    #[test]
    fn check_is_content_with_a_good_configuration() {
        let desk = Desk::new();
        let ended = desk.run(&["check", "--set", "mode=development"]);
        assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (0, "ok\n", ""));
        let ended = desk.run(&["check", "--set", "mode=development", "--set", "authorize.cache_ttl=5m"]);
        assert_eq!(ended.code, 0);
        assert!(ended.err.starts_with("warning: --set: authorize.cache_ttl: "), "{}", ended.err);
    }

    #[test]
    fn check_reads_the_secrets_of_webhooks() {
        let desk = Desk::new();
        fs::write(desk.path().join("short"), "too short").unwrap();
        fs::write(desk.path().join("good"), "x".repeat(32)).unwrap();
        let check = |settings: &[&str]| {
            let settings: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
            desk.run(&[&["check", "--set", "mode=development"], &settings[..]].concat())
        };
        for file in ["short", "none"] {
            let invalidation = format!("invalidation.secret_file={file}");
            let ended = check(&[&invalidation]);
            assert_eq!(ended.code, 3, "{}", ended.err);
            assert!(ended.err.contains(file) && ended.err.contains("invalidation.secret_file"), "{}", ended.err);
            let approval = format!("approval.webhook_secret_file={file}");
            let ended = check(&["approval.webhook_url=https://desk.example/", &approval]);
            assert_eq!(ended.code, 3, "{}", ended.err);
            assert!(ended.err.contains("approval.webhook_secret_file"), "{}", ended.err);
        }
        assert_eq!(check(&["invalidation.secret_file=good"]).code, 0);
    }

    #[test]
    fn check_speaks_json() {
        let desk = Desk::new();
        fs::write(desk.path().join("grid.toml"), "[call]\ntimeout = 30\n").unwrap();
        let ended = desk.run(&["check", "--json"]);
        assert_eq!(ended.code, 3);
        let json = ended.json();
        assert_eq!(json["ok"], false);
        let first = &json["problems"][0];
        assert_eq!(first["code"], "INVALID_CONFIG");
        assert_eq!(first["file"], "grid.toml");
        assert_eq!(first["line"], 2);
        assert_eq!(first["key"], "call.timeout");
        assert_eq!(json["problems"][1]["code"], "MISSING_MANIFEST");
        let ended = desk.run(&["check", "--json", "--config", "/dev/null/none.toml"]);
        assert_eq!(ended.code, 3);
        fs::remove_file(desk.path().join("grid.toml")).unwrap();
        assert_eq!(desk.run(&["check", "--json", "--set", "mode=development"]).json()["ok"], true);
    }

    #[test]
    fn environment_and_files_reach_the_dump() {
        let desk = Desk::new();
        fs::write(desk.path().join("other.yaml"), "log: {level: debug}\n").unwrap();
        let output = desk
            .command(&["config", "dump", "--json"])
            .env("GRID_CONFIG", "other.yaml")
            .env("GRID_SESSION__TTL", "10m")
            .output();
        let json = Ended::of(output.unwrap()).json();
        assert_eq!(json["settings"]["log.level"]["value"], "debug");
        assert_eq!(json["settings"]["session.ttl"]["place"], "GRID_SESSION__TTL");
        let dump = desk.run(&["config", "dump"]);
        assert_eq!(dump.code, 0);
        assert!(dump.out.contains("[server]\n") && dump.out.contains("# default"));
    }

    #[test]
    fn the_schema_is_json() {
        let ended = Desk::new().run(&["config", "schema"]);
        assert_eq!(ended.code, 0);
        assert_eq!(ended.json()["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }

    #[test]
    fn a_new_token_is_printed_alone() {
        let desk = Desk::new();
        let new = ["token", "new", "--principal", "alice", "--tenant", "acme", "--role", "reader"];
        let first = desk.run(&new);
        assert_eq!(first.code, 0, "{}", first.err);
        assert_eq!(first.out.trim().split('.').count(), 3);
        assert!(first.err.contains("made key file"), "{}", first.err);
        assert!(desk.path().join(".grid/grid-key.pem").is_file());
        let second = desk.run(&new);
        assert!(second.err.is_empty(), "the key is there: {}", second.err);
        let json = desk.run(&[&new[..], &["--json", "--ttl", "1h"]].concat()).json();
        assert_eq!(json["ttl"], "1h");
        assert!(json["token"].is_string());
    }

    #[test]
    #[cfg(unix)]
    fn a_token_file_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let desk = Desk::new();
        let path = desk.path().join("alice.token");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let ended = desk.run(&["token", "new", "--principal", "a", "--tenant", "*", "-o", "alice.token"]);
        assert_eq!((ended.code, ended.out.as_str()), (0, ""));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_to_string(&path).unwrap().trim().split('.').count(), 3);
        let key = desk.path().join(".grid/grid-key.pem");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        let ended = desk.run(&["token", "new", "--principal", "a", "--tenant", "t", "--json"]);
        assert_eq!(ended.code, 1);
        let error: Value = serde_json::from_str(&ended.err).unwrap();
        assert!(error["error"].as_str().unwrap().contains("chmod 600"), "{error}");
    }

    #[test]
    fn serve_refuses_what_check_refuses() {
        let desk = Desk::new();
        fs::write(desk.path().join("bad.json"), r#"{"manifest_version": "1.0.0", "contracts": []}"#).unwrap();
        for flags in [&["--set", "mode=lenient"][..], &[], &["--set", "manifest.path=bad.json"]] {
            for command in ["check", "serve"] {
                let ended = desk.run(&[&[command], flags].concat());
                assert_eq!(ended.code, 3, "{command} {flags:?}: {}", ended.err);
            }
        }
        assert!(!desk.path().join(".grid").exists(), "a host that does not start leaves nothing behind");
    }

    #[test]
    fn check_names_every_fault_of_a_manifest_with_its_place() {
        let desk = Desk::new();
        let manifest = r#"{"manifest_version": "1.0.0", "contracts": [{"name": "c", "timeout": "5", "function_declarations": [
            {"name": "9x", "description": "", "parameters": {"type": "object"}}]}]}"#;
        fs::write(desk.path().join("bad.json"), manifest).unwrap();
        let ended = desk.run(&["check", "--json", "--set", "manifest.path=bad.json"]);
        let problems = ended.json()["problems"].as_array().unwrap().clone();
        let keys: Vec<&str> = problems.iter().map(|problem| problem["key"].as_str().unwrap()).collect();
        for part in ["/name", "/description", "/parameters/type"] {
            let key = format!("/contracts/0/function_declarations/0{part}");
            assert!(keys.contains(&key.as_str()), "{key} is not among {keys:?}");
        }
        assert_eq!(ended.code, 3);
    }

    #[test]
    fn a_certificate_is_shown_as_a_host_would_see_it() {
        let desk = Desk::new();
        let made =
            desk.run(&["tls", "dev-ca", "--dir", "tls", "--client", "spiffe://dev.local/caller/alice", "--json"]);
        assert_eq!(made.code, 0, "{}", made.err);
        assert_eq!(made.json()["clients"][0]["certificate"], "tls/caller-alice.pem");
        let shown = desk.run(&["tls", "show", "tls/caller-alice.pem", "--json"]);
        assert_eq!((shown.code, &shown.json()[0]["spiffe_id"]), (0, &Value::from("spiffe://dev.local/caller/alice")));
        let authority = desk.run(&["tls", "show", "tls/ca.pem"]);
        assert!(authority.code == 3 && authority.out.contains("it is the certificate of an authority"));
        assert_eq!(desk.run(&["tls", "show", "tls/server.pem"]).code, 3, "it is for servers");
        assert_eq!(desk.run(&["tls", "show", "--server", "tls/server.pem"]).code, 0);
        let key = desk.run(&["tls", "show", "tls/ca.key"]);
        assert!(key.code == 1 && key.err.contains("tls/ca.key"), "{}", key.err);
        let foreign = desk.run(&["tls", "dev-ca", "--dir", "other", "--client", "spiffe://other.test/a"]);
        assert!(foreign.code == 2 && !desk.path().join("other").exists());
        let alone = desk.run(&["tools", "--cert", "tls/caller-alice.pem"]);
        assert!(alone.code == 2 && alone.err.contains("--cert-key"), "{}", alone.err);
    }

    #[test]
    fn shells_get_completions() {
        let desk = Desk::new();
        for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
            let ended = desk.run(&["completions", shell]);
            assert_eq!(ended.code, 0);
            assert!(ended.out.contains("completions"), "{shell}");
        }
    }
}
