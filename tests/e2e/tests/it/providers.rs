//! Who serves what, on a host that runs: ranks of the file, selections, what is left over a restart, and that whoever
//! explains says what calls then do.

use std::fs;

use serde_json::{Value, json};

use grid_sdk::{Client, Retries, Session, SessionOptions, client::CallOptions};

use crate::common::{Ended, Host, Serving, Setup, serve, text, until};

const FILE: &str =
    "[providers.redis]\nstack_level = 10\n[providers.memcached]\nstack_level = 5\n[providers.custom]\npriority = 100\n";

struct Desk {
    host: Host,
}

impl Desk {
    async fn new() -> Self {
        let mut host = Setup::strict().set("providers.file=providers.toml").set("providers.reload=50ms").desk();
        fs::write(host.folder().join("providers.toml"), FILE).unwrap();
        host.start().await;
        host.token_file("ops", "acme", &["grid_admin"]);
        Self { host }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        self.host.grid_with(arguments, &[("GRID_TOKEN_FILE", "ops.token")])
    }

    /// Who is chosen, by what, and everybody in order.
    fn told(&self, arguments: &[&str]) -> (String, String, Vec<String>) {
        let ended = self.run(&[&["explain", "echo", "--json"], arguments].concat());
        assert_eq!(ended.code, 0, "{ended:?}");
        let told = ended.json();
        let field = |name: &str| told[name].as_str().unwrap_or_default().to_owned();
        let names = told["candidates"].as_array().unwrap().iter();
        let names = names.map(|row| row["provider"].as_str().unwrap().to_owned()).collect();
        (field("chosen"), field("decided_by"), names)
    }

    fn chosen(&self) -> (String, String) {
        let (chosen, by, _) = self.told(&[]);
        (chosen, by)
    }

    async fn session(&self, roles: &[&str]) -> Session {
        let client = Client::builder().endpoint(self.host.endpoint()).token(self.host.token("alice", "acme", roles));
        // A refusal is looked at, not waited out.
        let client = client.retries(Retries::none());
        client.connect().await.unwrap().open_session(SessionOptions::default()).await.unwrap()
    }

    /// The provider that the next call goes to and the rule, as the log has it.
    async fn goes_to(&self, session: &Session) -> (String, String) {
        let before = self.host.records("admitted").len();
        session.call("echo", json!({ "text": "x" })).await.unwrap();
        let record =
            until("the call is in the log", async || self.host.records("admitted").into_iter().nth(before)).await;
        (text(&record, "provider").to_owned(), text(&record, "chosen_by").to_owned())
    }

    async fn chooses(&self, provider: &str, by: &str) {
        let fits = async || (self.chosen() == (provider.to_owned(), by.to_owned())).then_some(());
        until(&format!("{provider} is chosen by {by}"), fits).await;
    }
}

fn pair(provider: &str, by: &str) -> (String, String) {
    (provider.to_owned(), by.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranks_of_the_file_decide_and_the_order_of_the_first_time_stays() {
    let mut desk = Desk::new().await;
    let mut serving: Vec<Serving> = Vec::new();
    for id in ["redis", "memcached", "memory", "custom"] {
        serving.push(serve(&desk.host, id).await);
    }
    let (chosen, by, order) = desk.told(&[]);
    assert_eq!((chosen.as_str(), by.as_str()), ("custom", "priority"));
    assert_eq!(order, ["custom", "redis", "memcached", "memory"]);
    let session = desk.session(&["caller"]).await;
    assert_eq!(desk.goes_to(&session).await, pair("custom", "priority"), "what explains is what chooses");
    drop(serving.pop());
    desk.chooses("redis", "stack_level").await;
    assert_eq!(desk.goes_to(&session).await, pair("redis", "stack_level"));
    let rows = desk.run(&["providers", "echo", "--json"]).json();
    let custom = rows["providers"].as_array().unwrap().iter().find(|row| row["provider"] == "custom").unwrap().clone();
    assert!(custom["view"] == "ineligible" && custom["gone_at_ms"].as_u64().unwrap() > 0, "{custom}");

    serving.clear();
    let one = serve(&desk.host, "one").await;
    let _two = serve(&desk.host, "two").await;
    desk.chooses("two", "registration_order").await;
    drop(one);
    desk.chooses("two", "only_candidate").await;
    let _one = serve(&desk.host, "one").await;
    desk.chooses("two", "registration_order").await;
    assert_eq!(desk.host.stop().await, Some(0));
    desk.host.start_again().await;
    desk.chooses("two", "registration_order").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn selections_hold_for_whom_they_are_and_name_nobody_else() {
    let desk = Desk::new().await;
    let mut serving = Vec::new();
    for id in ["redis", "memcached", "memory"] {
        serving.push(serve(&desk.host, id).await);
    }
    let selected = desk.run(&["select", "echo", "memcached", "--note", "for a test", "--json"]);
    assert_eq!(selected.json(), json!({ "tool": "echo", "before": "", "now": "memcached" }), "{selected:?}");
    assert_eq!(desk.chosen(), pair("memcached", "selection:host"));
    let (mine, other) = (desk.session(&["caller"]).await, desk.session(&["caller"]).await);
    let ended = desk.run(&["select", "echo", "memory", "--session", mine.id()]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(desk.goes_to(&mine).await, pair("memory", "selection:session"));
    assert_eq!(desk.goes_to(&other).await, pair("memcached", "selection:host"), "inside that session alone");
    let typo = desk.run(&["select", "echo", "typo", "--json"]);
    assert_eq!(typo.code, 3, "{typo:?}");
    assert!(typo.err.contains("SERVICE_UNAVAILABLE"), "{typo:?}");
    assert_eq!(desk.run(&["select", "nothing", "redis"]).code, 3);
    assert_eq!(desk.run(&["explain", "nothing"]).code, 3);
    assert_eq!(desk.run(&["providers", "nothing"]).code, 3);
    assert_eq!(desk.run(&["select", "echo"]).code, 2);
    let record = desk
        .host
        .record("the selection", |record| {
            text(record, "provider") == "memcached" && text(record, "kind") == "provider_selected"
        })
        .await;
    assert!(text(&record, "detail").contains("for a test"), "{record}");

    let named = |name: &str| CallOptions { provider: Some(name.to_owned()), ..CallOptions::default() };
    let refused = mine.call_with("echo", json!({}), named("redis")).await.unwrap_err();
    assert_eq!(refused.code().to_string(), "PERMISSION_DENIED", "{refused}");
    let selector = desk.session(&["caller", "grid_selector"]).await;
    let before = desk.host.records("admitted").len();
    selector.call_with("echo", json!({}), named("redis")).await.unwrap();
    let record = until("the call is in the log", async || desk.host.records("admitted").into_iter().nth(before)).await;
    assert_eq!((text(&record, "provider"), text(&record, "chosen_by")), ("redis", "selection:call"));
    let refused = selector.call_with("echo", json!({}), named("typo")).await.unwrap_err();
    let grid_sdk::Error::Refused(refusal) = refused else { panic!("{refused}") };
    assert_eq!(refusal.details.get("reason").map(String::as_str), Some("PROVIDER_UNAVAILABLE"), "{refusal:?}");

    drop(serving.remove(1));
    let gone = async || desk.chosen().0.is_empty().then_some(());
    until("memcached is gone, and nobody takes its place", gone).await;
    let refused = other.call("echo", json!({})).await.unwrap_err();
    assert_eq!(refused.code().to_string(), "SERVICE_UNAVAILABLE");
    assert_eq!(desk.run(&["select", "echo", "memcached", "--fallback"]).code, 0);
    assert_eq!(desk.chosen(), pair("redis", "stack_level"));
    assert_eq!(desk.run(&["select", "echo", "--clear"]).code, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_file_is_in_force_as_a_whole_and_a_bad_one_changes_nothing() {
    let desk = Desk::new().await;
    let _serving = [serve(&desk.host, "redis").await, serve(&desk.host, "memory").await];
    assert_eq!(desk.chosen(), pair("redis", "stack_level"));
    let path = desk.host.folder().join("providers.toml");
    fs::write(&path, "[providers.memory]\npriority = 1001\n[select]\nnothing = \"x\"\n").unwrap();
    let refused = desk.host.record("a refusal", |record| text(record, "kind") == "providers_refused").await;
    let detail = text(&refused, "detail");
    assert!(detail.contains("line 2") && detail.contains("line 4"), "{detail}");
    assert_eq!(desk.chosen(), pair("redis", "stack_level"), "it changed nothing");
    fs::write(&path, "[providers.memory]\npriority = 1\n").unwrap();
    desk.chooses("memory", "priority").await;
    let changed = desk.host.record("a change", |record| text(record, "kind") == "providers_changed").await;
    assert!(text(&changed, "detail").contains("it changed on the disk"), "{changed}");
    let admin = desk.host.admin().await;
    let again: Value = json!(admin.reload_providers().await.unwrap().changed);
    assert_eq!(again, json!(false), "it is the same");
}
