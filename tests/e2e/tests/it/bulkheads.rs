//! Pools of places over several tools: a pool that is full holds up nobody outside of it.

use std::fs;

use grid_proto::v1::{self, runtime_frame::Frame as Said};
use serde_json::json;
use tokio::task::JoinSet;

use crate::common::{Caller, Host, Peer, Setup, answer, check_log, content, refusal, soon, until};

const TOOLS: [&str; 5] = ["batch_import", "batch_export", "lab_try", "critical_pay", "critical_refund"];

/// Of protocol 6.1, with fewer places: batch and lab are pools over tools by their names' beginnings.
const LIMITS: &str = r#"
[[limit]]
name = "batch"
tool = "batch_*"
concurrency = 2
queue = 1
wait = "5m"

[[limit]]
name = "experimental"
tool = "lab_*"
concurrency = 1
queue = 10
wait = "50ms"

[[limit]]
name = "critical"
tool = "critical_*"
concurrency = 10
queue = 50
wait = "30s"
"#;

struct Hall {
    host: Host,
    caller: Caller,
    admin: grid_sdk::Admin,
    peer: Peer,
    calls: JoinSet<v1::CallToolResponse>,
}

impl Hall {
    async fn open() -> Self {
        let functions = TOOLS.map(|name| {
            json!({ "name": name, "description": "Works.", "effect": "write", "parameters": { "type": "OBJECT" } })
        });
        let manifest = json!({ "manifest_version": "1.0.0", "contracts": [
            { "name": "work", "required_roles": ["caller"], "function_declarations": functions }
        ] });
        let mut host = Setup::strict().manifest(Some(manifest)).set("limits.file=limits.toml").desk();
        fs::write(host.folder().join("limits.toml"), LIMITS).unwrap();
        host.start().await;
        let peer = Peer::serving(&host, "calc", &TOOLS).await;
        let caller = host.caller().await;
        Self { admin: host.admin().await, host, caller, peer, calls: JoinSet::new() }
    }

    /// A call that goes on by itself.
    fn begin(&mut self, call_id: &str, tool: &str) {
        let (caller, call_id, tool) = (self.caller.clone(), call_id.to_owned(), tool.to_owned());
        self.calls.spawn(async move { caller.call_as(&call_id, &tool, "{}").await });
    }

    /// The same, in the hands of the runtime.
    async fn held(&mut self, call_id: &str, tool: &str) -> v1::ToolCall {
        self.begin(call_id, tool);
        let call = self.peer.called().await;
        assert_eq!(call.call.as_ref().unwrap().call_id, call_id);
        call
    }

    async fn end(&mut self, call: &v1::ToolCall) {
        self.peer.say(Said::Result(answer(call, "1"))).await;
        let ended = soon("a call ends", self.calls.join_next()).await.unwrap().unwrap();
        assert_eq!((content(&ended), &*ended.call_id), ("1", &*call.call.as_ref().unwrap().call_id));
    }

    /// Until so many calls of the pool run and wait.
    async fn stands(&self, pool: &str, running: u32, waiting: u32) {
        let stands = async || {
            let list = self.admin.limits(0).await.unwrap();
            let mut uses = list.uses.iter().filter(|used| used.limit == pool);
            let used = uses.next().filter(|used| (used.running, used.waiting) == (running, waiting));
            (used.is_some() && uses.next().is_none()).then_some(())
        };
        until("the pool stands so", stands).await;
    }
}

fn is_full(answer: &v1::CallToolResponse, pool: &str, kind: &str) {
    let refusal = refusal(answer);
    assert_eq!(refusal.r#type, "RESOURCE_EXHAUSTED");
    assert_eq!((refusal.details["limit"].as_str(), refusal.details["kind"].as_str()), (pool, kind));
    assert!(refusal.retry_allowed && refusal.retry_after_ms > 0, "it says when to try again: {refusal:?}");
}

#[tokio::test]
async fn a_full_pool_of_several_tools_holds_up_none_of_another_pool() {
    let mut hall = Hall::open().await;
    // Two tools share the two places, and the one place in the queue.
    let import = hall.held("b-1", "batch_import").await;
    let export = hall.held("b-2", "batch_export").await;
    hall.begin("b-3", "batch_import");
    hall.stands("batch", 2, 1).await;
    is_full(&hall.caller.call_as("b-4", "batch_export", "{}").await, "batch", "queue");
    // Who is outside of it runs at once, as often as wanted.
    for at in 0..10 {
        let tool = ["critical_pay", "critical_refund"][at % 2];
        let call = hall.held(&format!("c-{at}"), tool).await;
        hall.end(&call).await;
    }
    hall.stands("batch", 2, 1).await;
    // A place that becomes free goes to whoever waits, of whatever tool of the pool.
    hall.end(&export).await;
    let third = hall.peer.called().await;
    assert_eq!(third.call.as_ref().unwrap().call_id, "b-3");
    hall.end(&third).await;
    hall.end(&import).await;
    let last = hall.held("b-5", "batch_export").await;
    hall.end(&last).await;
    assert_eq!(hall.host.records("refused").len(), 1);
    check_log(&hall.host.audit());
}

#[tokio::test]
async fn who_waits_for_a_place_longer_than_its_pool_says_is_refused() {
    let mut hall = Hall::open().await;
    let first = hall.held("l-1", "lab_try").await;
    is_full(&hall.caller.call_as("l-2", "lab_try", "{}").await, "experimental", "wait");
    // A caller's own time counts where it is shorter than the pool's.
    let _batch = [hall.held("b-1", "batch_import").await, hall.held("b-2", "batch_import").await];
    let soon_over = v1::ToolCall { deadline_unix_ms: in_ms(200), ..hall.caller.message("b-3", "batch_import", "{}") };
    is_full(&hall.caller.send(soon_over).await.unwrap(), "batch", "wait");
    hall.stands("batch", 2, 0).await;
    hall.end(&first).await;
    let next = hall.held("l-3", "lab_try").await;
    hall.end(&next).await;
}

#[expect(clippy::disallowed_methods, reason = "a deadline is a time of the clock that host and caller share")]
fn in_ms(ms: u64) -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u64::try_from(now.as_millis()).unwrap() + ms
}
