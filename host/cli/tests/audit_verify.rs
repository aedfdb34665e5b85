//! `grid audit verify`, `prove`, `verify-proof`, `consistency` and `checkpoint` as an auditor runs them, over a log on
//! the disk and copies of it that were changed.

#[cfg(test)]
mod audit_verify {
    use std::{fs, path::Path, process::Command, sync::Arc};

    use grid_audit::{Ledger, Options};
    use grid_core::{
        clock::SystemClock,
        event::{Event, Kind, Outcome},
        id::{CorrelationId, InvocationId},
    };
    use grid_tlog::{Kind as KeyKind, Note, Signer, cosign};
    use serde_json::Value;
    use tempfile::TempDir;

    /// A folder with a log of finished calls in it, and its key as an auditor has it.
    struct Desk {
        folder: TempDir,
        signer: Arc<Signer>,
        calls: Vec<InvocationId>,
    }

    /// How a command ended.
    struct Ended {
        code: i32,
        out: String,
        err: String,
    }

    impl Desk {
        fn new(calls: usize) -> Self {
            let signer = Arc::new(Signer::generate("example.org/test/host/audit", KeyKind::Note).unwrap());
            let mut desk = Self { folder: tempfile::tempdir().unwrap(), signer, calls: Vec::new() };
            desk.work(calls);
            fs::write(desk.path("host.vkey"), format!("{}\n", desk.signer.verifying_key())).unwrap();
            desk
        }

        fn path(&self, name: &str) -> std::path::PathBuf {
            self.folder.path().join(name)
        }

        fn work(&mut self, calls: usize) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let minted: Vec<_> = (0..calls).map(|_| InvocationId::mint()).collect();
            runtime.block_on(async {
                let options = Options { segment_bytes: 1 << 20, ..Options::new(self.path("log"), self.signer.clone()) };
                let handle = tokio::runtime::Handle::current();
                let (ledger, _) = Ledger::open(options, SystemClock::shared(), Arc::new(()), &handle).unwrap();
                let event = |kind| Event::new(kind, 1_795_000_000_000, CorrelationId::parse("c-1").unwrap());
                for invocation in minted.iter().copied().map(Some) {
                    let (rule, epoch) = (Some("all-roles".into()), Some(1));
                    ledger.admit(Event { invocation, rule, epoch, ..event(Kind::Admitted) }).await.unwrap();
                    let outcome = Some(Outcome::Success);
                    ledger.conclude(Event { invocation, outcome, ..event(Kind::Concluded) }).await.unwrap();
                }
                ledger.close().await.unwrap();
            });
            self.calls.extend(minted);
        }

        fn run(&self, arguments: &[&str]) -> Ended {
            let mut command = Command::new(env!("CARGO_BIN_EXE_grid"));
            let output =
                command.arg("audit").args(arguments).env_clear().current_dir(self.folder.path()).output().unwrap();
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            Ended { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
        }

        fn json(&self, arguments: &[&str]) -> (i32, Value) {
            let ended = self.run(&[arguments, &["--json"]].concat());
            (ended.code, serde_json::from_str(&ended.out).unwrap_or_else(|_| panic!("{}{}", ended.out, ended.err)))
        }
    }

    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.path().is_dir() {
                copy(&entry.path(), &to);
            } else {
                fs::copy(entry.path(), to).unwrap();
            }
        }
    }

    #[test]
    fn a_log_is_verified_and_the_first_bad_entry_of_a_changed_copy_is_named() {
        let desk = Desk::new(200);
        let verified = desk.run(&["verify", "log", "--key", "host.vkey"]);
        assert_eq!((verified.code, verified.err.as_str()), (0, ""), "{}", verified.out);
        for said in ["verified    example.org/test/host/audit", "entries     400: 400 published", "admitted 200"] {
            assert!(verified.out.contains(said), "{}", verified.out);
        }
        let (code, told) = desk.json(&["verify", "log", "--key", &desk.signer.verifying_key().to_string()]);
        assert_eq!((code, &told["verified"], &told["entries"]), (0, &Value::Bool(true), &Value::from(400)));
        assert_eq!(told["records"]["concluded"], 200);

        copy(&desk.path("log"), &desk.path("copy"));
        let bundle = desk.path("copy/tile/entries/000");
        let mut bytes = fs::read(&bundle).unwrap();
        let mut at = 0;
        for _ in 0..97 {
            at += 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
        }
        bytes[at + 30] ^= 1;
        fs::write(&bundle, bytes).unwrap();
        let refused = desk.run(&["verify", "copy", "--key", "host.vkey"]);
        assert_eq!(refused.code, 7);
        assert!(refused.err.contains("does not verify: entry 97:"), "{}", refused.err);
        assert!(refused.err.contains("tile/entries/000"), "{}", refused.err);
        let (code, told) = desk.json(&["verify", "copy", "--key", "host.vkey"]);
        assert_eq!((code, &told["verified"]), (7, &Value::Bool(false)));
        assert_eq!(told["failure"]["index"], 97);
    }

    #[test]
    fn a_key_out_of_the_log_itself_is_told_plainly() {
        let desk = Desk::new(1);
        let verified = desk.run(&["verify", "log"]);
        assert_eq!(verified.code, 0);
        assert!(verified.err.contains("the key was taken from the log itself"), "{}", verified.err);
        assert!(verified.out.contains("(from the log itself)"), "{}", verified.out);
        assert_eq!(desk.json(&["verify", "log"]).1["key_from_log"], true);
        let stranger = Signer::generate("example.org/test/host/audit", KeyKind::Note).unwrap();
        let refused = desk.run(&["verify", "log", "--key", &stranger.verifying_key().to_string()]);
        assert!(refused.code == 7 && refused.err.contains("never signed"), "{}", refused.err);
    }

    #[test]
    fn what_cannot_be_read_is_no_verdict() {
        let desk = Desk::new(1);
        for (arguments, says) in [
            (vec!["verify", "none"], "is no directory"),
            (vec!["verify", "."], "holds no log"),
            (vec!["verify", "log", "--key", "none.vkey"], "none.vkey"),
            (vec!["verify", "log", "--key", "log/checkpoint"], "no key in"),
            (vec!["verify", "log", "--at-least", "none"], "none"),
            (vec!["verify", "log", "--at-least", "host.vkey"], "host.vkey"),
            (vec!["verify", "http://127.0.0.1:1/log"], "cannot read"),
            (vec!["prove", "--index", "2", "--dir", "log"], "no entry 2"),
            (vec!["prove", "--invocation", "i-00000000000000000000000000000000", "--dir", "log"], "has no record"),
            (vec!["consistency", "1", "7", "--dir", "log"], "no tree of 7"),
        ] {
            let ended = desk.run(&arguments);
            assert!(ended.code == 1 && ended.err.contains(says), "{arguments:?}: {} {}", ended.code, ended.err);
        }
        assert_eq!(desk.run(&["prove", "--dir", "log"]).code, 2);
        assert_eq!(desk.run(&["consistency", "log/checkpoint"]).code, 2);
    }

    #[test]
    fn a_proof_convinces_somebody_who_has_the_key_alone() {
        let desk = Desk::new(300);
        let call = desk.calls[123].to_string();
        let made = desk.run(&["prove", "--invocation", &call, "--dir", "log", "-o", "proof.json"]);
        assert_eq!(made.code, 0, "{}", made.err);
        let verified = desk.run(&["verify-proof", "proof.json", "--key", "host.vkey"]);
        assert_eq!(verified.code, 0, "{}", verified.err);
        assert!(verified.out.contains("entry 247 is in the log") && verified.out.contains(&call), "{}", verified.out);
        let (_, told) = desk.json(&["verify-proof", "proof.json", "--key", "log/log.vkeys"]);
        assert_eq!((&told["index"], &told["record"]["kind"]), (&Value::from(247), &Value::from("concluded")));
        // The index of the log, where there is one, finds the same.
        assert_eq!(desk.run(&["rebuild-index", "--dir", "log"]).code, 0);
        let admitted = desk.json(&["prove", "--invocation", &call, "--record", "admitted", "--dir", "log"]).1;
        assert_eq!(admitted["index"], 246);

        let text = fs::read_to_string(desk.path("proof.json")).unwrap();
        for (name, changed) in [
            ("index", text.replace("\"index\": 247", "\"index\": 246")),
            ("entry", text.replace("success", "failed_")),
            ("checkpoint", text.replace("\\n600\\n", "\\n601\\n")),
            ("form", text.replace("{", "[")),
        ] {
            assert_ne!(changed, text, "{name}");
            fs::write(desk.path("changed.json"), changed).unwrap();
            assert_eq!(desk.run(&["verify-proof", "changed.json", "--key", "host.vkey"]).code, 7, "{name}");
        }
        let stranger = Signer::generate("example.org/test/host/audit", KeyKind::Note).unwrap();
        let key = stranger.verifying_key().to_string();
        assert_eq!(desk.run(&["verify-proof", "proof.json", "--key", &key]).code, 7);
    }

    #[test]
    fn a_checkpoint_that_was_kept_shows_what_became_of_the_log() {
        let mut desk = Desk::new(10);
        copy(&desk.path("log"), &desk.path("earlier"));
        let monday = desk.run(&["checkpoint", "--dir", "log"]);
        assert_eq!(monday.code, 0);
        fs::write(desk.path("monday"), monday.out).unwrap();
        desk.work(20);
        fs::write(desk.path("tuesday"), desk.run(&["checkpoint", "--dir", "log"]).out).unwrap();
        assert_eq!(desk.json(&["checkpoint", "--dir", "log"]).1["size"], 60);
        for kept in ["monday", "tuesday"] {
            let verified = desk.run(&["verify", "log", "--key", "host.vkey", "--at-least", kept]);
            assert!(verified.code == 0 && verified.out.contains("continues   1 kept"), "{}", verified.err);
        }
        let rolled_back = desk.run(&["verify", "earlier", "--key", "host.vkey", "--at-least", "tuesday"]);
        assert!(rolled_back.code == 7 && rolled_back.err.contains("rolled back"), "{}", rolled_back.err);

        let grown = desk.run(&["consistency", "monday", "tuesday", "--dir", "log", "-o", "grown.json"]);
        assert_eq!(grown.code, 0, "{}", grown.err);
        let checked = desk.run(&["consistency", "grown.json", "--key", "host.vkey"]);
        assert!(checked.code == 0 && checked.out.contains("of 60 entries begins with the 20"), "{}", checked.out);
        assert_eq!(desk.run(&["consistency", "20", "60", "--dir", "log", "--key", "host.vkey"]).code, 0);
        assert_eq!(desk.run(&["consistency", "tuesday", "monday", "--dir", "log"]).code, 1);
        assert_eq!(desk.run(&["consistency", "monday", "tuesday", "--dir", "earlier"]).code, 7);
        let text = fs::read_to_string(desk.path("grown.json")).unwrap();
        fs::write(desk.path("grown.json"), text.replace("\\n20\\n", "\\n21\\n")).unwrap();
        assert_eq!(desk.run(&["consistency", "grown.json", "--key", "host.vkey"]).code, 7);
    }

    #[test]
    fn witnesses_are_demanded_with_keys_that_came_from_somewhere_else() {
        let desk = Desk::new(10);
        let verify = |more: &[&str]| desk.run(&[&["verify", "log", "--key", "host.vkey"], more].concat());
        let witness = |name: &str| Signer::generate(name, KeyKind::Cosignature).unwrap();
        let (one, two) = (witness("w.example/1"), witness("w.example/2"));
        fs::write(desk.path("one.vkey"), format!("{}\n", one.verifying_key())).unwrap();
        let file =
            format!("# whom the host asks\n\n{} http://w\n{} http://v\n", one.verifying_key(), two.verifying_key());
        fs::write(desk.path("witnesses"), file).unwrap();

        let none = verify(&["--witness", "one.vkey"]);
        assert!(none.code == 7 && none.err.contains("no witness has cosigned"), "{}", none.err);
        let note = fs::read_to_string(desk.path("log/checkpoint")).unwrap();
        let mut note = Note::parse(&note).unwrap();
        note.add(cosign(note.text(), 1_795_000_000, &one).unwrap());
        fs::write(desk.path("log/checkpoint.witnessed"), note.to_string()).unwrap();
        let seen = verify(&["--witness", "one.vkey"]);
        assert!(
            seen.code == 0 && seen.out.contains("cosigned    20 of 20 entries, by w.example/1 at 2026-"),
            "{}",
            seen.out
        );
        assert_eq!(verify(&["--witness", "witnesses", "--quorum", "1"]).code, 0);
        let few = verify(&["--witness", "witnesses"]);
        assert!(few.code == 7 && few.err.contains("1 of the given witnesses cosigned it where 2 must"), "{}", few.err);
        let (code, told) = desk.json(&["verify", "log", "--witness", "witnesses", "--quorum", "1"]);
        assert_eq!((code, &told["cosigned"]["size"]), (0, &Value::from(20)));
        assert_eq!(told["cosigned"]["by"][0], serde_json::json!({ "name": "w.example/1", "time": 1_795_000_000 }));
        let (code, told) = desk.json(&["verify", "log", "--witness", &two.verifying_key().to_string()]);
        assert_eq!((code, &told["verified"]), (7, &Value::Bool(false)));

        for (wrong, says) in [
            (&["--witness", "host.vkey"][..], "is a log's, not a witness's"),
            (&["--witness", "witnesses", "--quorum", "3"], "3 of 2 witnesses"),
            (&["--witness", "witnesses", "--witness", "one.vkey"], "given twice"),
            (&["--witness", "witnesses", "--quorum", "0"], "quorum"),
            (&["--quorum", "1"], "--witness"),
        ] {
            let ended = verify(wrong);
            assert!(ended.code == 2 && ended.err.contains(says), "{wrong:?}: {} {}", ended.code, ended.err);
        }
    }
}
