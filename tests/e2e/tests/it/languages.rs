//! The Python runtime of the examples beside a Rust one (R-053).

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use crate::common::{Host, Setup, check_log, content, failure, refusal, root, serve, text};

/// The example, set up once. Its own script makes an environment for it.
fn example() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = root().join("examples/quickstart-python");
        let setup = Command::new(folder.join("setup.sh")).output().unwrap();
        let said = String::from_utf8_lossy(&setup.stderr);
        assert!(setup.status.success(), "setup.sh needs Python 3.11 with venv: {said}");
        folder
    })
}

/// A process that is killed when it is dropped.
struct Python(Child);

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(host: &Host, folder: &Path, script: &Path) -> Python {
    let token = host.token_file("quickstart-python", "*", &["grid_runtime"]);
    let log = fs::File::create(host.folder().join("python.log")).unwrap();
    let mut command = Command::new(folder.join(".venv/bin/python"));
    command.arg(script).env("GRID_ENDPOINT", host.endpoint()).env("GRID_TOKEN_FILE", token);
    Python(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn().unwrap())
}

/// The contracts of the examples and those of the tests.
fn both() -> serde_json::Value {
    let text = fs::read_to_string(root().join("manifests/quickstart.json")).unwrap();
    let mut manifest: serde_json::Value = serde_json::from_str(&text).unwrap();
    let contracts = crate::common::manifest()["contracts"].as_array().unwrap().clone();
    manifest["contracts"].as_array_mut().unwrap().extend(contracts);
    manifest
}

#[tokio::test]
async fn a_python_and_a_rust_runtime_serve_in_one_host() {
    let folder = example();
    let host = Setup::strict().manifest(Some(both())).start().await;
    let _rust = serve(&host, "calc").await;
    let mut python = start(&host, folder, &folder.join("runtime.py"));
    host.serves("reverse_words").await;
    let mut caller = host.stranger(&host.token("alice", "acme", &["caller", "text_user"])).await;
    caller.open().await;
    caller.still_served().await;
    assert_eq!(content(&caller.call("reverse_words", r#"{"text": "hällo wörld 🌍"}"#).await), "\"olläh dlröw 🌍\"");
    assert_eq!(refusal(&caller.call("reverse_words", "{}").await).r#type, "INVALID_TOOL_ARGS");
    let languages: Vec<String> =
        host.records("admitted").iter().map(|record| text(record, "runtime").to_owned()).collect();
    assert_eq!(languages, ["calc", "quickstart-python"]);
    // It leaves in order.
    crate::common::signal("TERM", python.0.id());
    let status = crate::common::until("the runtime ends", async || python.0.try_wait().unwrap()).await;
    assert!(status.success());
    assert_eq!(refusal(&caller.call("reverse_words", r#"{"text": "x"}"#).await).r#type, "SERVICE_UNAVAILABLE");
    check_log(&host.audit());
}

#[tokio::test]
async fn an_exception_in_python_is_an_error_without_its_stack_or_path() {
    let folder = example();
    let host = Setup::strict().manifest(Some(both())).start().await;
    // The example as it is, with a tool that has a fault of its own.
    let script = host.folder().join("faulty.py");
    let lines = [
        "import asyncio, sys",
        &format!("sys.path.insert(0, {:?})", folder.to_str().unwrap()),
        "import tools",
        "def reverse_words(text): raise RuntimeError('secret of ' + __file__)",
        "tools.TOOLS['reverse_words'] = (reverse_words, {'text': (str, True)})",
        "import runtime",
        "sys.exit(asyncio.run(runtime.main()))",
    ];
    fs::write(&script, lines.join("\n")).unwrap();
    let _python = start(&host, folder, &script);
    host.serves("reverse_words").await;
    let mut caller = host.stranger(&host.token("alice", "acme", &["caller", "text_user"])).await;
    caller.open().await;
    let answer = caller.call("reverse_words", r#"{"text": "x"}"#).await;
    let error = failure(&answer);
    assert_eq!(error.r#type, "TOOL_EXECUTION_FAILED");
    for word in ["secret", "Traceback", "RuntimeError", ".py", "/"] {
        assert!(!error.message.contains(word), "{}", error.message);
    }
    let concluded = host.records("concluded");
    assert_eq!(text(&concluded[0], "outcome"), "tool_error");
    // It lives on.
    let answer = caller.call("word_statistics", r#"{"text": "a b a"}"#).await;
    assert!(content(&answer).contains("\"different\": 2"), "{answer:?}");
}
