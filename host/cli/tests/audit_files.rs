//! `grid audit export` and `grid audit report` as their users run them, over a log on the disk.

#[cfg(test)]
mod audit_files {
    use std::{
        fs,
        process::{Command, Stdio},
        sync::Arc,
    };

    use grid_audit::{Ledger, Options};
    use grid_core::{
        clock::SystemClock,
        event::{Event, Kind, Outcome},
        id::{CorrelationId, InvocationId},
    };
    use grid_tlog::{Kind as KeyKind, Signer};
    use serde_json::Value;
    use tempfile::TempDir;

    const NOON: u64 = 1_772_366_400_000; // 2026-03-01T12:00:00Z
    const HOUR: u64 = 3_600_000;

    /// A folder with a log in it: a call an hour from noon on, every third one refused.
    struct Desk(TempDir);

    impl Desk {
        fn new(calls: u64) -> Self {
            let desk = Self(tempfile::tempdir().unwrap());
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let signer = Arc::new(Signer::generate("example.org/test/host/audit", KeyKind::Note).unwrap());
                let options = Options { segment_bytes: 1 << 20, ..Options::new(desk.0.path().join("log"), signer) };
                let handle = tokio::runtime::Handle::current();
                let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &handle).unwrap();
                for call in 0..calls {
                    let at = NOON + call * HOUR;
                    let event = |kind| {
                        let mut event = Event::new(kind, at, CorrelationId::parse(&format!("c-{call}")).unwrap());
                        event.tool = Some(["=files", "mail"][call as usize % 2].into());
                        event
                    };
                    if call % 3 == 2 {
                        let code = Some(grid_core::Code::PermissionDenied);
                        ledger.record(Event { code, ..event(Kind::Refused) }).await.unwrap();
                        continue;
                    }
                    let invocation = Some(InvocationId::mint());
                    ledger.admit(Event { invocation, ..event(Kind::Admitted) }).await.unwrap();
                    let (outcome, duration_us) = (Some(Outcome::Success), Some(1_000 * (call + 1)));
                    let event = Event { invocation, outcome, duration_us, ..event(Kind::Concluded) };
                    ledger.conclude(event).await.unwrap();
                }
            });
            desk
        }

        fn command(&self, arguments: &[&str]) -> Command {
            let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
            command.arg("audit").args(arguments).args(["--dir", "log"]).env_clear().current_dir(self.0.path());
            command
        }

        /// Exit code, standard output, standard error.
        fn run(&self, arguments: &[&str]) -> (i32, String, String) {
            let output = self.command(arguments).output().unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
        }
    }

    #[test]
    fn an_export_says_how_many_of_how_many() {
        let desk = Desk::new(30);
        let (code, out, err) = desk.run(&["export"]);
        assert_eq!((code, err.as_str()), (0, "note: wrote 50 of 50 records\n"));
        let indices = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["index"].as_u64().unwrap());
        assert!(indices.eq(0..50));
        let (_, refused, err) = desk.run(&["export", "--kind", "refused", "--tool", "mail", "--format", "csv"]);
        assert_eq!((refused.lines().count(), err.as_str()), (6, "note: wrote 5 of 50 records\n"));
        let (_, formula, _) = desk.run(&["export", "--tool", "=files", "--format", "csv"]);
        assert!(formula.contains(",'=files,") && !formula.contains(",=files,"));
        for format in ["ocsf", "cef"] {
            let (code, out, _) = desk.run(&["export", "--format", format, "--outcome", "success"]);
            assert_eq!((code, out.lines().count()), (0, 20));
        }
    }

    #[test]
    fn times_are_taken_as_people_write_them() {
        let desk = Desk::new(30);
        let count = |conditions: &[&str]| desk.run(&[&["export"], conditions].concat()).1.lines().count();
        assert_eq!(count(&["--since", "2026-03-01T14:00:00Z", "--until", "2026-03-01T15:00:00Z"]), 1);
        assert_eq!(count(&["--until", "2026-03-02"]), 20, "twelve hours, four of them refusals");
        assert_eq!(count(&["--since", "2026-03-02"]), 30);
        assert_eq!(count(&["--since", "1s"]), 0);
        assert_eq!(count(&["--correlation", "c-2"]), 1);
        let (code, _, err) = desk.run(&["export", "--since", "lately"]);
        assert!(code == 2 && err.contains("so long ago (30m, 24h, 7d)"), "{err}");
        assert_eq!(desk.run(&["export", "--format", "xml"]).0, 2);
        assert_eq!(desk.run(&["export", "--outcome", "refused"]).0, 2);
    }

    #[test]
    fn a_file_appears_complete_and_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let desk = Desk::new(6);
        let (code, out, err) = desk.run(&["export", "-o", "out.jsonl"]);
        assert_eq!((code, out.as_str(), err.as_str()), (0, "", "note: wrote 10 of 10 records to `out.jsonl`\n"));
        let file = desk.0.path().join("out.jsonl");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        let (_, out, _) = desk.run(&["export", "-o", "out.jsonl", "--json", "--kind", "refused"]);
        let told: Value = serde_json::from_str(&out).unwrap();
        assert_eq!((&told["written"], &told["read"]), (&Value::from(2), &Value::from(10)));
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
        assert_eq!(desk.run(&["export", "-o", "none/out.jsonl"]).0, 1);
        damage(&desk);
        let (code, _, err) = desk.run(&["export", "-o", "bad.jsonl"]);
        assert!(code == 7 && err.contains("damaged"), "{code}: {err}");
        let left: Vec<_> = fs::read_dir(desk.0.path()).unwrap().map(|it| it.unwrap().file_name()).collect();
        assert!(!left.iter().any(|name| name.to_string_lossy().contains("bad")), "{left:?}");
        let (code, out, _) = desk.run(&["export"]);
        assert!(code == 7 && out.lines().count() < 10, "what is good is there");
        assert_eq!(desk.run(&["report"]).0, 7);
    }

    /// Changes a byte of the second record.
    fn damage(desk: &Desk) {
        let segment = fs::read_dir(desk.0.path().join("log/wal")).unwrap().map(|file| file.unwrap().path());
        let segment = segment.min().unwrap();
        let mut bytes = fs::read(&segment).unwrap();
        let at = bytes.windows(5).position(|part| part == b"\"c-1\"").unwrap();
        bytes[at + 1] ^= 1;
        fs::write(segment, bytes).unwrap();
    }

    #[test]
    fn a_reader_that_has_enough_is_no_failure() {
        let desk = Desk::new(400);
        let mut child = desk.command(&["export"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
    }

    #[test]
    fn a_report_is_text_json_or_a_page() {
        let desk = Desk::new(30);
        let (code, text, err) = desk.run(&["report", "--period", "hour"]);
        assert_eq!((code, err.as_str()), (0, ""));
        assert!(text.contains("calls      20 ended") && text.contains("refusals   10"), "{text}");
        assert!(!text.contains('\u{1b}'), "no colour, on whatever it is printed");
        let (_, json, _) = desk.run(&["report", "--json", "--tool", "mail", "--top", "1"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&json["total"]["refused"], &json["filter"]["tool"]), (&Value::from(5), &Value::from("mail")));
        let (code, out, err) = desk.run(&["report", "--html", "report.html"]);
        assert_eq!((code, out.as_str(), err.as_str()), (0, "", "note: wrote the report to `report.html`\n"));
        let page = fs::read_to_string(desk.0.path().join("report.html")).unwrap();
        assert!(page.starts_with("<!doctype html>") && page.ends_with("</html>\n") && page.contains("<svg "));
        assert_eq!(desk.run(&["report", "--period", "year"]).0, 2);
    }

    #[test]
    fn help_teaches() {
        let desk = Desk::new(0);
        for command in [&["export"][..], &["report"]] {
            let (code, help, _) = desk.run(&[command, &["--help"]].concat());
            let (_, examples) = help.split_once("Examples:").unwrap();
            assert!(code == 0 && examples.contains(&format!("grid audit {}", command[0])));
        }
    }
}
