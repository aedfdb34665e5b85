//! Calls that wait for a person: who may decide them, what they may do before and after, and what the log has of it.

use std::time::Duration;

use grid_sdk::{
    Approvals, AuthorizeOptions, Client, Error, Session, SessionOptions, Verdict, WaitingCall, client::CallOptions,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::common::{Host, Setup, kind, serve, soon, text, until};

const WORDS: &str = "canary-4711-vanishes";

/// `echo` needs somebody with the role `approver`.
fn manifest() -> Value {
    let text =
        json!({ "type": "OBJECT", "properties": { "text": { "type": "STRING", "description": "what it takes" } } });
    let tool = json!({ "name": "echo", "description": "Says it again.", "effect": "write", "parameters": text });
    json!({
        "manifest_version": "1.0.0",
        "contracts": [{
            "name": "speech",
            "version": "1.0.0",
            "required_roles": ["caller"],
            "approval": { "role": "approver" },
            "function_declarations": [tool]
        }]
    })
}

struct Desk {
    host: Host,
    session: Session,
    boss: Approvals,
    _runtime: Option<crate::common::Serving>,
}

impl Desk {
    async fn new() -> Self {
        Self::with(Setup::strict()).await
    }

    async fn with(setup: Setup) -> Self {
        let host = setup.manifest(Some(manifest())).start().await;
        let runtime = Some(serve_echo(&host).await);
        let session = session(&host, "alice", "acme", &["caller"]).await;
        let boss = people(&host, "boss", "acme", &["approver"]).await;
        Self { host, session, boss, _runtime: runtime }
    }

    /// Calls, and goes on beside it.
    fn call(&self, call_id: &str, words: &str) -> JoinSet<Result<String, Error>> {
        let (session, args) = (self.session.clone(), json!({ "text": words }));
        let options = CallOptions { call_id: Some(call_id.to_owned()), ..CallOptions::default() };
        let mut call = JoinSet::new();
        call.spawn(async move { session.call_with("echo", args, options).await.map(|answer| answer.content) });
        call
    }

    async fn waiting(&self) -> WaitingCall {
        until("a call waits", async || self.boss.list().await.unwrap().pop()).await
    }

    fn ran(&self) -> usize {
        self.host.records("admitted").len()
    }
}

/// The runtime of the other tests, which has more tools than this manifest knows.
async fn serve_echo(host: &Host) -> crate::common::Serving {
    serve(host, "calc").await
}

async fn session(host: &Host, name: &str, tenant: &str, roles: &[&str]) -> Session {
    let client = Client::builder().endpoint(host.endpoint()).token(host.token(name, tenant, roles));
    client.connect().await.unwrap().open_session(SessionOptions::default()).await.unwrap()
}

async fn people(host: &Host, name: &str, tenant: &str, roles: &[&str]) -> Approvals {
    let people = Approvals::builder().endpoint(host.endpoint()).token(host.token(name, tenant, roles));
    people.connect().await.unwrap()
}

async fn ended(mut call: JoinSet<Result<String, Error>>) -> Result<String, Error> {
    soon("the call ends", call.join_next()).await.unwrap().unwrap()
}

fn code(error: &Error) -> &str {
    error.code().as_str()
}

#[tokio::test]
async fn a_call_waits_is_approved_runs_and_its_arguments_are_nowhere_in_the_log() {
    let desk = Desk::new().await;
    let call = desk.call("k", WORDS);
    let waiting = desk.waiting().await;
    assert_eq!((waiting.tool.as_str(), waiting.principal.as_str()), ("echo", "alice"));
    assert!(waiting.args.contains(WORDS), "those who decide see what they decide");
    assert_eq!(desk.ran(), 0);
    desk.boss.decide(&waiting, Verdict::Approve, "agreed").await.unwrap();
    assert_eq!(ended(call).await.unwrap(), format!("\"{WORDS}\""));
    let records = desk.host.audit();
    let of = |name: &str| records.iter().find(|record| kind(record) == name).unwrap();
    let decided = of("approval_decided");
    assert_eq!((text(decided, "principal"), text(decided, "verdict")), ("boss", "allow"));
    assert_eq!(text(decided, "detail"), "in their own words: agreed");
    for name in ["approval_requested", "approval_decided", "admitted"] {
        assert_eq!(text(of(name), "approval"), waiting.approval_id, "{name}");
    }
    assert!(!format!("{records:?}").contains(WORDS) && !desk.host.said().contains(WORDS));
    assert_eq!(desk.host.metric(r#"grid_approvals_total{status="allow"}"#).await, 1);
    // Used once: the same arguments under another name of the call wait for a yes of their own.
    let again = desk.call("l", WORDS);
    assert_ne!(desk.waiting().await.approval_id, waiting.approval_id);
    desk.boss.decide(&desk.waiting().await, Verdict::Deny, "").await.unwrap();
    assert_eq!(code(&ended(again).await.unwrap_err()), "PERMISSION_DENIED");
    assert_eq!(desk.ran(), 1);
    check(desk).await;
}

/// What every such log must be.
async fn check(mut desk: Desk) {
    drop(desk._runtime.take());
    desk.host.stop().await;
    let verified = desk.host.grid(&["audit", "verify", "data/audit", "--key", "data/audit/log.vkey"]);
    assert_eq!(verified.code, 0, "{verified:?}");
}

#[tokio::test]
async fn only_somebody_else_of_the_tenant_with_the_role_decides() {
    let desk = Desk::new().await;
    let call = desk.call("k", "x");
    let waiting = desk.waiting().await;
    let own = people(&desk.host, "alice", "acme", &["caller", "approver"]).await;
    let clerk = people(&desk.host, "clerk", "acme", &["caller"]).await;
    let foreign = people(&desk.host, "boss", "globex", &["approver"]).await;
    for who in [&own, &clerk, &foreign] {
        assert_eq!(who.list().await.unwrap(), Vec::new());
        let error = who.decide(&waiting, Verdict::Approve, "").await.unwrap_err();
        assert_eq!(code(&error), "PERMISSION_DENIED", "{error}");
    }
    let made_up = WaitingCall { approval_id: format!("a-{:032x}", 7), ..waiting.clone() };
    let unknown = desk.boss.decide(&made_up, Verdict::Approve, "").await.unwrap_err().to_string();
    let hidden = foreign.decide(&waiting, Verdict::Approve, "").await.unwrap_err().to_string();
    let first = |text: &str| text.split('`').next().unwrap_or_default().to_owned();
    assert_eq!(first(&unknown), first(&hidden), "of another tenant is as good as unknown");
    let changed = WaitingCall { args_digest: format!("sha256:{}", "0".repeat(64)), ..waiting.clone() };
    let error = desk.boss.decide(&changed, Verdict::Approve, "").await.unwrap_err();
    assert_eq!(code(&error), "MALFORMED_REQUEST", "what was seen was something else");
    assert_eq!(desk.ran(), 0);
    desk.boss.decide(&waiting, Verdict::Approve, "").await.unwrap();
    ended(call).await.unwrap();
    let error = desk.boss.decide(&waiting, Verdict::Deny, "").await.unwrap_err();
    assert_eq!(code(&error), "PERMISSION_DENIED", "it is decided");
    check(desk).await;
}

#[tokio::test]
async fn what_nobody_decides_in_time_is_denied() {
    let desk = Desk::with(Setup::strict().set("approval.timeout=1s")).await;
    let error = ended(desk.call("k", "x")).await.unwrap_err();
    assert_eq!(code(&error), "PERMISSION_DENIED");
    assert!(error.to_string().contains("in time"), "{error}");
    assert_eq!((desk.ran(), text(&desk.host.records("approval_decided")[0], "verdict")), (0, "expired"));
    check(desk).await;
}

#[tokio::test]
async fn a_revocation_and_a_cancellation_end_the_wait() {
    let desk = Desk::new().await;
    let call = desk.call("k", "x");
    let waiting = desk.waiting().await;
    desk.host.admin().await.invalidate_authorizations("they left").await.unwrap();
    let error = ended(call).await.unwrap_err();
    assert_eq!(code(&error), "PERMISSION_DENIED");
    assert!(error.to_string().contains("made void"), "{error}");
    assert!(desk.boss.decide(&waiting, Verdict::Approve, "").await.is_err(), "it is too late");
    let call = desk.call("l", "x");
    desk.waiting().await;
    assert!(desk.session.cancel("l").await.unwrap());
    assert_eq!(code(&ended(call).await.unwrap_err()), "CANCELLED");
    assert_eq!(desk.ran(), 0);
    check(desk).await;
}

#[tokio::test]
async fn a_host_that_is_killed_or_stopped_while_a_call_waits_runs_nothing_and_says_so() {
    let mut desk = Desk::new().await;
    let call = desk.call("k", "x");
    let waiting = desk.waiting().await;
    desk.host.kill();
    ended(call).await.unwrap_err();
    desk.host.start_again().await;
    let ended_at_start = &desk.host.records("approval_decided")[0];
    assert_eq!(text(ended_at_start, "verdict"), "void");
    assert_eq!(text(ended_at_start, "approval"), waiting.approval_id);
    assert!(desk.boss.decide(&waiting, Verdict::Approve, "").await.is_err(), "nobody waits for it any more");
    assert_eq!((desk.ran(), desk.boss.list().await.unwrap()), (0, Vec::new()));

    let session = session(&desk.host, "alice", "acme", &["caller"]).await;
    desk.session = session;
    let call = desk.call("l", "x");
    desk.waiting().await;
    assert_eq!(desk.host.stop().await, Some(0), "a call that waits does not keep the host");
    ended(call).await.unwrap_err();
    let verdicts: Vec<String> =
        desk.host.records("approval_decided").iter().map(|record| text(record, "verdict").to_owned()).collect();
    assert_eq!((verdicts, desk.ran()), (vec!["void".to_owned(), "void".to_owned()], 0));
}

#[tokio::test]
async fn a_caller_that_runs_it_itself_is_told_to_wait_and_then_granted_once() {
    let desk = Desk::new().await;
    let options = AuthorizeOptions { call_id: Some("k".to_owned()), ..AuthorizeOptions::default() };
    let args = json!({ "text": WORDS });
    let error = desk.session.authorize("echo", &args, options.clone()).await.unwrap_err();
    let Error::Refused(refusal) = &error else { panic!("expected a refusal: {error}") };
    let waiting = desk.waiting().await;
    assert_eq!(refusal.waits_for(), Some(waiting.approval_id.as_str()), "{refusal:?}");
    assert!(refusal.retry_after.is_some());
    assert_eq!(desk.ran(), 0, "waiting is no permission");
    let (boss, wanted) = (desk.boss.clone(), waiting.clone());
    let patient = AuthorizeOptions { approval: Some(Duration::from_secs(20)), ..options.clone() };
    let deciding = async { boss.decide(&wanted, Verdict::Approve, "").await.unwrap() };
    let (approval, ()) = tokio::join!(desk.session.authorize("echo", &args, patient), deciding);
    let approval = approval.unwrap();
    assert!(String::from_utf8_lossy(&approval.grant.record).contains(&waiting.approval_id));
    let other = AuthorizeOptions { call_id: Some("l".to_owned()), ..options };
    let error = desk.session.authorize("echo", json!({ "text": "changed" }), other).await.unwrap_err();
    let Error::Refused(refusal) = &error else { panic!("expected a refusal: {error}") };
    assert!(refusal.waits_for().is_some_and(|id| id != waiting.approval_id), "other arguments, another approval");
    assert_eq!(desk.ran(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_list_approve_and_deny_on_the_command_line() {
    let desk = Desk::new().await;
    desk.host.token_file("boss", "acme", &["approver"]);
    let run = |arguments: &[&str]| desk.host.grid_with(arguments, &[("GRID_TOKEN_FILE", "boss.token")]);
    assert_eq!(run(&["approvals", "list"]).out, "nothing waits for you\n");
    let call = desk.call("k", "\u{202e}dlrow\u{1b}[2J");
    let waiting = desk.waiting().await;
    let listed = run(&["approvals", "list"]);
    assert!(listed.out.contains(&waiting.approval_id) && listed.out.contains("denied in"), "{listed:?}");
    assert!(listed.out.contains("\\u{202e}dlrow") && !listed.out.contains(['\u{202e}', '\u{1b}']), "{listed:?}");
    let json = run(&["approvals", "list", "--json"]).json();
    assert_eq!(json["approvals"][0]["args"]["text"], "\u{202e}dlrow\u{1b}[2J");
    let unasked = run(&["approvals", "approve", &waiting.approval_id]);
    assert_eq!(unasked.code, 1, "nobody is asked back where nobody is there: {unasked:?}");
    let approved = run(&["approvals", "approve", &waiting.approval_id, "--yes", "--reason", "fine"]);
    assert_eq!((approved.code, approved.out.starts_with("approved: ")), (0, true), "{approved:?}");
    ended(call).await.unwrap();
    let call = desk.call("l", "x");
    let denied = run(&["approvals", "deny", &desk.waiting().await.approval_id]);
    assert_eq!(denied.code, 0, "{denied:?}");
    assert_eq!(code(&ended(call).await.unwrap_err()), "PERMISSION_DENIED");
    let unknown = run(&["approvals", "approve", "a-nothing", "--yes"]);
    assert_eq!(unknown.code, 6, "{unknown:?}");
    assert!(unknown.err.contains("yours to decide"), "{unknown:?}");
}
