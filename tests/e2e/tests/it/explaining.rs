//! Why a call was permitted or refused, as operators ask for it: found in the log by what callers know of a call, with the
//! policy that decided as it is written, and with a record of who asked.

use std::fs;

use grid_sdk::{Approvals, Client, SessionOptions, Verdict, client::CallOptions};
use serde_json::json;

use crate::common::{Host, Setup, kind, manifest, serve, text, until};

/// What forbids begins in the fourth line.
const POLICIES: &str = r#"@id("everything")
permit (principal, action, resource);

@id("no-big-sums")
@message("sums stay below a hundred")
forbid (principal, action == Grid::Action::"add", resource)
when { context.args.a >= 100 };

@id("somebody-says-yes")
@approval("lead")
forbid (principal, action == Grid::Action::"add", resource)
when { context.args.a == 50 };
"#;

const ROLES: &str = "[roles]\nlead = {}\nhead = { includes = [\"lead\"] }\n";

async fn host() -> Host {
    let mut host = Setup::strict().set("policy.dir=policies").manifest(Some(manifest())).desk();
    let dir = host.folder().join("policies");
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("sums.cedar"), POLICIES).unwrap();
    fs::write(dir.join("roles.toml"), ROLES).unwrap();
    host.start().await;
    host
}

async fn session(host: &Host) -> grid_sdk::Session {
    let client = Client::builder().endpoint(host.endpoint()).token(host.token("alice", "acme", &["caller"]));
    client.connect().await.unwrap().open_session(SessionOptions::default()).await.unwrap()
}

fn explain(host: &Host, id: &str, form: &[&str]) -> crate::common::Ended {
    host.grid_with(&[&["explain", id], form].concat(), &[("GRID_TOKEN_FILE", "root.token")])
}

#[tokio::test]
async fn an_operator_reads_why_with_the_policy_as_it_is_written_and_the_log_has_that_they_did() {
    let host = host().await;
    let _runtime = serve(&host, "calc").await;
    host.token_file("root", "ops", &["grid_admin"]);
    let session = session(&host).await;
    let answer = session.call_with("add", json!({ "a": 2, "b": 40 }), CallOptions::default()).await.unwrap();
    let refused = session.call_with("add", json!({ "a": 100, "b": 1 }), CallOptions::default()).await.unwrap_err();
    let admitted = host.records("admitted").pop().unwrap();
    let denied = host.records("refused").pop().unwrap();
    assert_eq!(text(&denied, "code"), refused.code().as_str());

    // By the id of the execution, which finds its admission and its end.
    let invocation = text(&admitted, "invocation");
    let page = explain(&host, invocation, &[]);
    assert_eq!(page.code, 0, "{page:?}");
    let says = |page: &crate::common::Ended, words: &str| assert!(page.out.contains(words), "{words}: {}", page.out);
    says(&page, &format!("permitted `add` for `alice` of `acme` ({invocation})"));
    says(&page, "the rule `policy:sums#everything` permitted it");
    says(&page, "`policy:sums#everything` is at sums.cedar:");
    says(&page, "permit (principal, action, resource);");
    says(&page, "handed to the runtime `calc` of the provider `calc`, chosen by only_candidate");
    says(&page, "success");
    says(&page, "now: permitted");
    assert!(!page.out.contains("no-big-sums"), "what did not decide is not told: {}", page.out);
    assert_eq!(answer.content, "42");

    // A refused call has no execution: it is found by the correlation id of its request.
    let told = explain(&host, text(&denied, "correlation"), &["--json"]);
    let told = told.json();
    assert_eq!((&told["decision"], &told["code"]), (&json!("refused"), &json!("PERMISSION_DENIED")));
    let grounds: Vec<&str> = told["grounds"].as_array().unwrap().iter().map(|ground| text(ground, "text")).collect();
    let rule = grounds.iter().find(|ground| ground.contains("policy:sums#no-big-sums")).unwrap();
    assert!(
        rule.contains("is at sums.cedar:4 in the set of now:\n") && rule.contains("context.args.a >= 100"),
        "{rule}"
    );

    // Of another set, it is said that it did not decide.
    let file = host.folder().join("policies/sums.cedar");
    fs::write(&file, format!("// Moved down.\n{POLICIES}")).unwrap();
    host.admin().await.reload_policies().await.unwrap();
    says(&explain(&host, invocation, &[]), "is at sums.cedar:2 in the set of now, which did not decide:");

    // Each look is on record, with who looked and by what.
    let looks = host.records("audit_read");
    let looked: Vec<_> = looks.iter().map(|record| (text(record, "principal"), text(record, "read"))).collect();
    assert_eq!(looked, [("root", "explain"); 3], "{looks:?}");
    let by: Vec<_> = looks.iter().map(|record| record["filters"].to_string()).collect();
    assert!(by[0].contains("invocation") && by[1].contains("correlation"), "{by:?}");

    // Who may not know is told nothing, and an id that nobody has is said to be none.
    host.token_file("eve", "acme", &["caller"]);
    let eve = host.grid_with(&["explain", invocation], &[("GRID_TOKEN_FILE", "eve.token")]);
    assert_eq!(eve.code, 6, "{eve:?}");
    let nobodys = explain(&host, &format!("i-{:032x}", 7), &[]);
    assert!(nobodys.code == 1 && nobodys.err.contains("has no call of"), "{nobodys:?}");
}

#[tokio::test]
async fn a_role_that_includes_the_one_asked_for_decides() {
    let host = host().await;
    let _runtime = serve(&host, "calc").await;
    let session = session(&host).await;
    let call = tokio_util::task::TaskTracker::new().spawn(async move {
        session.call_with("add", json!({ "a": 50, "b": 1 }), CallOptions::default()).await.map(|answer| answer.content)
    });
    let people = |name: &str, role: &str| {
        let people = Approvals::builder().endpoint(host.endpoint()).token(host.token(name, "acme", &[role]));
        async move { people.connect().await.unwrap() }
    };
    let head = people("boss", "head").await;
    let waiting = until("a call waits for a lead", async || head.list().await.unwrap().pop()).await;
    let clerk = people("clerk", "clerk").await;
    assert!(clerk.list().await.unwrap().is_empty());
    clerk.decide(&waiting, Verdict::Approve, "").await.unwrap_err();
    head.decide(&waiting, Verdict::Approve, "").await.unwrap();
    assert_eq!(call.await.unwrap().unwrap(), "51");
    let decided = host.audit().into_iter().rfind(|record| kind(record) == "approval_decided").unwrap();
    assert_eq!(text(&decided, "principal"), "boss");
}
