//! The commands that talk to a host or read its log: how they end, and what they print for programs.

use serde_json::Value;

use crate::common::{Ended, Host, Setup, files, serve};

struct Desk {
    host: Host,
    _runtime: crate::common::Serving,
}

impl Desk {
    async fn new() -> Self {
        let host = Host::strict().await;
        let runtime = serve(&host, "calc").await;
        host.token_file("alice", "acme", &["caller"]);
        host.token_file("ops", "acme", &["grid_admin"]);
        Self { host, _runtime: runtime }
    }

    /// As a user with this token, which is a file of that name.
    fn run(&self, who: &str, arguments: &[&str]) -> Ended {
        self.host.grid_with(arguments, &[("GRID_TOKEN_FILE", &format!("{who}.token"))])
    }
}

/// What a command says on standard error with `--json`.
fn error(ended: &Ended) -> Value {
    serde_json::from_str(ended.err.trim()).unwrap_or_else(|error| panic!("no JSON ({error}): {ended:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_prints_its_answer_and_ends_by_what_came_of_it() {
    let desk = Desk::new().await;
    let sum = r#"{"a": 2, "b": 40}"#;
    let good = desk.run("alice", &["call", "add", sum]);
    assert_eq!((good.code, good.out.as_str(), good.err.as_str()), (0, "42\n", ""));
    let json = desk.run("alice", &["call", "add", sum, "--json", "--correlation-id", "w-1"]).json();
    assert_eq!(
        (&json["content"], &json["correlation_id"], &json["repeated"]),
        (&42.into(), &"w-1".into(), &false.into())
    );
    let invocation = json["invocation_id"].as_str().unwrap();
    let shown = desk.run("alice", &["audit", "show", invocation, "--json"]);
    let kinds: Vec<Value> =
        shown.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].clone()).collect();
    assert_eq!(kinds, ["admitted", "concluded"]);
    assert!(desk.run("alice", &["audit", "show", invocation]).out.contains("correlation"));

    for (who, arguments, code, word) in [
        ("alice", &["call", "add", r#"{"a": "two"}"#][..], 1, "INVALID_TOOL_ARGS"),
        ("alice", &["call", "no_such_tool"], 1, "UNSUPPORTED_TOOL"),
        ("alice", &["call", "weigh"], 1, "SERVICE_UNAVAILABLE"),
        ("alice", &["call", "fail"], 1, "RESOURCE_NOT_FOUND"),
        ("alice", &["call", "hang", "--deadline", "100ms"], 1, "TIMEOUT"),
        ("alice", &["call", "open_vault"], 6, "PERMISSION_DENIED"),
        ("ops", &["call", "add", sum], 6, "PERMISSION_DENIED"),
        ("alice", &["runtimes"], 6, "PERMISSION_DENIED"),
        ("alice", &["sessions"], 6, "PERMISSION_DENIED"),
    ] {
        let ended = desk.run(who, arguments);
        assert_eq!(ended.code, code, "{arguments:?}: {ended:?}");
        assert!(ended.err.starts_with("error: ") && ended.err.contains(word), "{arguments:?}: {ended:?}");
        assert_eq!(ended.out, "");
        let ended = desk.run(who, &[arguments, &["--json"]].concat());
        let said = error(&ended);
        assert_eq!((&said["code"], &said["exit"]), (&word.into(), &code.into()), "{said}");
    }
    let nobody = desk.host.grid(&["call", "add", sum]);
    assert_eq!(nobody.code, 6, "{nobody:?}");
    assert!(nobody.err.contains("INVALID_CREDENTIALS"), "{nobody:?}");
    let nowhere = desk.run("alice", &["call", "add", sum, "--endpoint", "http://127.0.0.1:1", "--json"]);
    assert_eq!((nowhere.code, &error(&nowhere)["code"]), (1, &"CONNECTION_FAILED".into()));
    assert_eq!(desk.run("alice", &["call"]).code, 2);
    assert_eq!(desk.run("missing", &["call", "add", sum]).code, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_say_what_there_is_to_people_and_to_programs() {
    let desk = Desk::new().await;
    let tools = desk.run("alice", &["tools"]);
    assert_eq!(tools.code, 0, "{tools:?}");
    assert!(
        tools.out.contains("add") && tools.out.contains("no runtime") && !tools.out.contains("open_vault"),
        "{}",
        tools.out
    );
    let json = desk.run("alice", &["tools", "--json"]).json();
    let add = json["tools"].as_array().unwrap().iter().find(|tool| tool["name"] == "add").unwrap().clone();
    assert_eq!((&add["effect"], &add["available"], &add["dynamic"]), (&"pure".into(), &true.into(), &false.into()));
    assert!(add["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(add["parameters"]["type"], "OBJECT");

    let runtimes = desk.run("ops", &["runtimes"]);
    assert!(runtimes.code == 0 && runtimes.out.contains("calc"), "{runtimes:?}");
    let json = desk.run("ops", &["runtimes", "--json"]).json();
    assert_eq!((&json["runtimes"][0]["runtime"], &json["runtimes"][0]["draining"]), (&"calc".into(), &false.into()));

    let caller = desk.host.caller().await;
    let json = desk.run("ops", &["sessions", "--json"]).json();
    assert_eq!(json["sessions"].as_array().unwrap().len(), 1, "the commands close their own");
    assert_eq!(json["sessions"][0]["session"], caller.session.as_str());
    assert!(desk.run("ops", &["sessions"]).out.contains(&caller.session));
    assert_eq!(desk.run("alice", &["tools", "--session", &caller.session]).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operators_revoke_what_was_permitted_and_say_why() {
    let desk = Desk::new().await;
    let revoke = ["revoke", "--reason", "alice has left"];
    assert_eq!(desk.run("alice", &revoke).code, 6);
    assert_eq!(desk.run("ops", &["revoke"]).code, 2, "a reason is wanted");
    let first = desk.run("ops", &[&revoke[..], &["--json"]].concat()).json()["policy_epoch"].as_u64().unwrap();
    let second = desk.run("ops", &revoke);
    assert_eq!(second.code, 0);
    assert!(second.out.contains(&format!("before epoch {} are void", first + 1)), "{second:?}");
    let log = desk.host.grid(&["audit", "tail", "--json"]).out;
    assert_eq!(log.matches("alice has left").count(), 2, "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_read_with_and_without_its_host() {
    let mut desk = Desk::new().await;
    desk.run("alice", &["call", "add", r#"{"a": 2, "b": 40}"#]);
    let tail = desk.host.grid(&["audit", "tail"]);
    assert!(tail.code == 0 && tail.out.contains("concluded"), "{tail:?}");
    assert_eq!(desk.host.grid(&["audit", "tail", "-n", "2", "--json"]).out.lines().count(), 2);
    let unknown = desk.host.grid(&["audit", "show", &format!("i-{}", "0".repeat(32))]);
    assert_eq!(unknown.code, 1, "{unknown:?}");
    assert_eq!(desk.host.grid(&["audit", "show", "nonsense"]).code, 2);
    assert_eq!(desk.host.grid(&["audit", "tail", "--dir", "nowhere"]).code, 1);
    let before = desk.host.audit().len();
    assert_eq!(desk.host.stop().await, Some(0));
    assert!(desk.host.audit().len() > before, "the farewell is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_changed_is_damaged_and_no_host_starts_on_it() {
    let mut host = Host::strict().await;
    host.caller().await;
    host.stop().await;
    let (path, mut bytes) = files(&host.folder().join("data/audit"))
        .into_iter()
        .filter_map(|path| Some((path.clone(), std::fs::read(path).ok()?)))
        .find(|(_, bytes)| bytes.windows(12).any(|part| part == b"host_started"))
        .unwrap();
    let at = bytes.windows(12).position(|part| part == b"host_started").unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
    assert_eq!(host.grid(&["audit", "tail"]).code, 7);
    let (code, said) = host.refuses_to_start().await;
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("damaged"), "{said}");
}

#[tokio::test]
async fn documents_are_checked_without_a_host() {
    let desk = Setup::strict().desk();
    std::fs::write(desk.folder().join("bad.json"), r#"{"manifest_version": "1", "contracts": []}"#).unwrap();
    let good = desk.grid(&["adm", "check", "tools.json"]);
    assert_eq!((good.code, good.out.as_str()), (0, "valid tools.json\n"));
    let bad = desk.grid(&["adm", "check", "bad.json", "tools.json", "--json"]);
    assert_eq!(bad.code, 3);
    let files = bad.json()["files"].clone();
    assert_eq!((&files[0]["valid"], &files[1]["valid"]), (&false.into(), &true.into()));
    assert_eq!(files[0]["problems"][0]["pointer"], "/manifest_version");
    assert_eq!(desk.grid(&["adm", "check", "missing.json"]).code, 1);
    assert_eq!(desk.grid(&["adm", "check"]).code, 2);
}
