//! Auditors over the wire: what they see is what the log has and their rights allow, whatever they ask and whatever
//! happened to the host or to the index meanwhile.

use std::fs;

use grid_sdk::{
    Auditor, Error,
    auditor::{Filter, Following, Query, Record},
};
use serde_json::Value;

use crate::common::{Caller, Host, Setup, kind, serve, soon, text, until};

const SUM: &str = r#"{"a": 2, "b": 40}"#;

/// A host with callers of two tenants, each of whom has made some calls.
struct Office {
    host: Host,
    _runtime: crate::common::Serving,
    alice: Caller,
    bob: Caller,
}

impl Office {
    async fn open() -> Self {
        let host = Host::strict().await;
        let runtime = serve(&host, "calc").await;
        let alice = host.caller().await;
        let mut bob = host.stranger(&host.token("bob", "globex", &["caller"])).await;
        bob.open().await;
        let office = Self { host, _runtime: runtime, alice, bob };
        office.calls(4).await;
        office
    }

    /// Both make so many calls, each in turn, and are refused one.
    async fn calls(&self, count: usize) {
        for _ in 0..count {
            self.alice.still_served().await;
            self.bob.still_served().await;
        }
        self.alice.call("open_vault", "{}").await;
        self.bob.call("no_such_tool", "{}").await;
    }

    async fn auditor(&self, tenant: &str, role: &str) -> Auditor {
        auditor(&self.host, tenant, role).await
    }
}

async fn auditor(host: &Host, tenant: &str, role: &str) -> Auditor {
    let token = host.token(&format!("{role}-of-{tenant}"), tenant, &[role]);
    soon("an auditor connects", Auditor::builder().endpoint(host.endpoint()).token(token).connect()).await.unwrap()
}

/// Every page of a query.
async fn all(auditor: &Auditor, query: Query) -> Result<Vec<Record>, Error> {
    let mut query = query;
    let mut found = Vec::new();
    loop {
        let page = soon("a page is answered", auditor.query(query.clone())).await?;
        found.extend(page.records);
        match page.next {
            Some(next) => query.page_token = Some(next),
            None => return Ok(found),
        }
    }
}

fn by(filter: Filter) -> Query {
    Query { filter, page_size: 7, ..Query::default() }
}

/// A record as the log's own reader prints it.
fn printed(record: &Record) -> Value {
    let mut value: Value = serde_json::from_str(&record.entry).unwrap();
    value["index"] = record.index.into();
    value
}

fn code(error: &Error) -> &str {
    let Error::Refused(refusal) = error else { panic!("expected a refusal: {error:?}") };
    refusal.code.as_str()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_tenant_sees_its_own_records_and_the_operator_all() {
    let office = Office::open().await;
    let log = office.host.audit();
    for newest_first in [false, true] {
        for (auditor, tenant) in [
            (office.auditor("acme", "auditor").await, Some("acme")),
            (office.auditor("globex", "auditor").await, Some("globex")),
            (office.auditor("acme", "audit-operator").await, None),
        ] {
            let query = Query { newest_first, ..by(Filter::default()) };
            let mut seen = all(&auditor, query).await.unwrap();
            if newest_first {
                seen.reverse();
            }
            // Readings are records too; those that this test makes come after what it looks at.
            seen.retain(|record| record.index < log.len() as u64);
            let fits = |record: &&Value| tenant.is_none_or(|tenant| text(record, "tenant") == tenant);
            let expected: Vec<Value> = log.iter().filter(fits).cloned().collect();
            assert!(expected.len() > 8, "{expected:?}");
            assert_eq!(seen.iter().map(printed).collect::<Vec<_>>(), expected, "{tenant:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_can_guess_a_record_of_another_tenant() {
    let office = Office::open().await;
    let log = office.host.audit();
    let acme = office.auditor("acme", "auditor").await;
    let globex = office.auditor("globex", "auditor").await;
    let mut foreign = 0;
    for record in &log {
        let index = record["index"].as_u64().unwrap();
        let got = soon("a record is asked for", acme.get(index)).await.unwrap();
        assert_eq!(got.as_ref().map(printed).as_ref(), Some(record).filter(|it| text(it, "tenant") == "acme"));
        foreign += usize::from(got.is_none());
        let invocation = text(record, "invocation");
        if !invocation.is_empty() {
            let own = text(record, "tenant") == "acme";
            assert_eq!(acme.of_invocation(invocation).await.unwrap().is_empty(), !own, "{record}");
        }
    }
    assert!(foreign > 8);
    for index in [log.len() as u64 + 50_000, u64::MAX] {
        assert_eq!(acme.get(index).await.unwrap(), None, "what is not there looks like what is foreign");
    }
    let values = ["principal", "session", "correlation", "invocation"];
    let of_globex = log.iter().rfind(|record| text(record, "tenant") == "globex" && kind(record) == "concluded");
    let [principal, session, correlation, invocation] =
        values.map(|field| Some(text(of_globex.unwrap(), field).to_owned()));
    for filter in [
        Filter { tenant: Some("globex".into()), ..Filter::default() },
        Filter { principal, ..Filter::default() },
        Filter { session, ..Filter::default() },
        Filter { correlation, ..Filter::default() },
        Filter { invocation, ..Filter::default() },
    ] {
        assert_eq!(all(&acme, by(filter.clone())).await.unwrap(), []);
        assert!(!all(&globex, by(filter)).await.unwrap().is_empty());
    }
    let page = globex.query(by(Filter::default())).await.unwrap();
    let stolen = Query { page_token: page.next.clone(), ..by(Filter::default()) };
    let made_up = Query { page_token: Some("AQ".into()), ..by(Filter::default()) };
    let (stolen, made_up) = (acme.query(stolen).await.unwrap_err(), acme.query(made_up).await.unwrap_err());
    assert_eq!((code(&stolen), code(&made_up)), ("MALFORMED_REQUEST", "MALFORMED_REQUEST"));
    let other = Query { newest_first: true, page_token: page.next, ..by(Filter::default()) };
    assert_eq!(code(&globex.query(other).await.unwrap_err()), "MALFORMED_REQUEST");
    let mut following = acme.follow(Filter::default(), Some(0)).await.unwrap();
    let own = log.iter().filter(|record| text(record, "tenant") == "acme");
    for expected in own {
        let record = soon("a record is followed", following.next()).await.unwrap().unwrap();
        assert_eq!(&printed(&record), expected);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_takes_a_role_and_leaves_a_record() {
    let office = Office::open().await;
    let host = &office.host;
    for role in ["caller", "grid_admin", "grid_runtime"] {
        let nobody = office.auditor("acme", role).await;
        assert_eq!(code(&nobody.query(by(Filter::default())).await.unwrap_err()), "PERMISSION_DENIED");
        assert_eq!(code(&nobody.get(0).await.unwrap_err()), "PERMISSION_DENIED");
        let mut following = nobody.follow(Filter::default(), None).await.unwrap();
        assert_eq!(code(&following.next().await.unwrap_err()), "PERMISSION_DENIED");
    }
    let stranger = Auditor::builder().endpoint(host.endpoint()).connect().await.unwrap();
    assert_eq!(code(&stranger.get(0).await.unwrap_err()), "INVALID_CREDENTIALS");
    assert_eq!(host.records("audit_read").len(), 0);
    let refused = host.records("refused");
    let denied = refused.iter().filter(|record| text(record, "principal").ends_with("-of-acme")).count();
    assert_eq!(denied, 9);

    let acme = office.auditor("acme", "auditor").await;
    let filter = Filter { principal: Some("needle".into()), from_ms: Some(5), ..Filter::default() };
    acme.query(by(filter)).await.unwrap();
    acme.get(3).await.unwrap();
    let read = host.records("audit_read");
    assert_eq!(read.len(), 2);
    assert_eq!(text(&read[0], "principal"), "auditor-of-acme");
    assert_eq!(text(&read[0], "read"), "query");
    assert_eq!(read[0]["filters"], serde_json::json!(["principal", "from_ms"]));
    assert_eq!((text(&read[1], "read"), text(&read[1], "rule")), ("get", "auditor"));
    assert!(!read.iter().any(|record| record.to_string().contains("needle")));
}

/// Takes what comes until the host ends it.
async fn to_the_end(following: &mut Following) -> (Vec<u64>, Error) {
    let mut seen = Vec::new();
    loop {
        match soon("the log goes on or ends", following.next()).await {
            Ok(Some(record)) => seen.push(record.index),
            Ok(None) => panic!("the host ended the stream without a word"),
            Err(error) => return (seen, error),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_misses_nothing_and_sees_nothing_twice_over_a_restart() {
    let mut office = Office::open().await;
    let operator = office.auditor("acme", "audit-operator").await;
    let mut following = operator.follow(Filter::default(), Some(0)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        office.calls(3).await;
        let last = office.host.audit().len() as u64 - 1;
        while seen.last().is_none_or(|seen| *seen < last) {
            seen.push(soon("a record comes", following.next()).await.unwrap().unwrap().index);
        }
    }
    let (alice, bob) = (office.alice.clone(), office.bob.clone());
    // Calls go on until nobody takes them any more.
    let busy = async |caller: &Caller| {
        for number in 0.. {
            if caller.send(caller.message(&format!("busy-{number}"), "add", SUM)).await.is_err() {
                return;
            }
        }
    };
    let ending = async { tokio::join!(busy(&alice), busy(&bob), to_the_end(&mut following)).2 };
    let stop = async {
        until("the calls go on", async || (office.host.records("admitted").len() > 20).then_some(())).await;
        crate::common::signal("TERM", office.host.pid());
    };
    let ((rest, end), ()) = tokio::join!(ending, stop);
    seen.extend(rest);
    assert_eq!(code(&end), "SERVICE_UNAVAILABLE");
    let next = following.next_index().unwrap();
    assert_eq!(office.host.ended().await.code(), Some(0));
    office.host.start().await;
    let operator = office.auditor("acme", "audit-operator").await;
    let mut following = operator.follow(Filter::default(), Some(next)).await.unwrap();
    let last = office.host.audit().len() as u64 - 1;
    while seen.last().is_none_or(|seen| *seen < last) {
        seen.push(soon("a record comes", following.next()).await.unwrap().unwrap().index);
    }
    assert_eq!(seen, (0..=last).collect::<Vec<_>>(), "each once and in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_happens_to_host_and_index_answers_are_whole() {
    let mut office = Office::open().await;
    let index = office.host.folder().join("data/audit/index.redb");
    for round in 0..4 {
        office.host.kill();
        match round {
            0 => {}
            1 => fs::remove_file(&index).unwrap(),
            2 => fs::write(&index, b"no index").unwrap(),
            _ => {
                let mut bytes = fs::read(&index).unwrap();
                bytes.iter_mut().skip(4096).step_by(3).for_each(|byte| *byte ^= 0x55);
                fs::write(&index, bytes).unwrap();
            }
        }
        office.host.start().await;
        let log = office.host.audit();
        let operator = office.auditor("acme", "audit-operator").await;
        let mut seen = all(&operator, by(Filter::default())).await.unwrap();
        seen.retain(|record| record.index < log.len() as u64);
        assert_eq!(seen.iter().map(printed).collect::<Vec<_>>(), log, "round {round}");
        let concluded = Filter { kind: Some("concluded".into()), ..Filter::default() };
        let found = all(&operator, by(concluded)).await.unwrap();
        assert_eq!(found.iter().map(printed).collect::<Vec<_>>(), office.host.records("concluded"));
        // Something to be killed in the middle of.
        let mut alice = office.host.stranger(&office.host.token("alice", "acme", &["caller"])).await;
        alice.open().await;
        for _ in 0..30 {
            alice.call("no_such_tool", "{}").await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_finds_records_here_and_at_the_host() {
    let mut office = Office::open().await;
    for (principal, tenant, role) in
        [("au", "acme", "auditor"), ("op", "acme", "audit-operator"), ("other", "globex", "auditor")]
    {
        office.host.token_file(principal, tenant, &[role]);
    }
    office.host.token_file("alice", "acme", &["caller"]);
    let host = &office.host;
    let lines = |arguments: &[&str], who: &str| -> Vec<Value> {
        let token = format!("{who}.token");
        let arguments = [&["audit", "query", "--json"], arguments].concat();
        let ended = host.grid_with(&arguments, &[("GRID_TOKEN_FILE", &token)]);
        assert_eq!(ended.code, 0, "{ended:?}");
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let concluded = host.records("concluded");
    let of_alice: Vec<&Value> = concluded.iter().filter(|record| text(record, "principal") == "alice").collect();
    let query = ["--kind", "concluded", "--principal", "alice", "--since", "1h"];
    assert_eq!(lines(&query, "au").iter().collect::<Vec<_>>(), of_alice, "the whole log is read");
    let remote = [&query[..], &["--remote"]].concat();
    assert_eq!(lines(&remote, "au").iter().collect::<Vec<_>>(), of_alice);
    assert_eq!(lines(&remote, "op").len(), of_alice.len());
    assert_eq!(lines(&remote, "other"), Vec::<Value>::new());
    let newest = lines(&["--remote", "--newest", "--limit", "3", "--kind", "concluded"], "op");
    assert_eq!(newest.iter().rev().collect::<Vec<_>>(), concluded.iter().rev().take(3).rev().collect::<Vec<_>>());

    let said = host.grid(&["audit", "query", "--kind", "refused"]);
    assert!(said.code == 0 && said.err.contains("in use") && said.out.contains("UNSUPPORTED_TOOL"), "{said:?}");
    let in_use = host.grid(&["audit", "rebuild-index"]);
    assert!(in_use.code == 1 && in_use.err.contains("in use by another process"), "{in_use:?}");
    let denied = host.grid_with(&["audit", "query", "--remote"], &[("GRID_TOKEN_FILE", "alice.token")]);
    assert!(denied.code == 6 && denied.err.contains("PERMISSION_DENIED"), "{denied:?}");
    for wrong in [&["--limit", "0"][..], &["--since", "soon"], &["--remote", "--dir", "x"]] {
        assert_eq!(host.grid(&[&["audit", "query"], wrong].concat()).code, 2, "{wrong:?}");
    }

    assert_eq!(office.host.stop().await, Some(0));
    let host = &office.host;
    let quiet = host.grid(&["audit", "query", "--kind", "refused", "--tool", "open_vault"]);
    assert!(quiet.code == 0 && quiet.err.is_empty(), "the index is free now: {quiet:?}");
    assert_eq!(quiet.out.lines().count(), 1);
    let records = host.audit().len();
    let rebuilt = host.grid(&["audit", "rebuild-index"]);
    assert_eq!((rebuilt.code, rebuilt.out), (0, format!("indexed {records} records\n")));
    assert_eq!(host.grid(&["audit", "rebuild-index", "--json"]).json()["records"], records);
    assert_eq!(host.grid(&["audit", "query", "--limit", "100000"]).out.lines().count(), records);
    assert_eq!(host.grid(&["audit", "query", "--dir", "nowhere"]).code, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_have_the_names_that_the_configuration_gives_them() {
    let host = Setup::strict().set("audit.reader_role=books").set("audit.operator_role=all-books").start().await;
    host.caller().await;
    let books = auditor(&host, "acme", "books").await;
    assert!(!all(&books, by(Filter::default())).await.unwrap().is_empty());
    let everything = auditor(&host, "globex", "all-books").await;
    assert!(everything.get(0).await.unwrap().unwrap().entry.contains("host_started"));
    assert_eq!(code(&auditor(&host, "acme", "auditor").await.get(0).await.unwrap_err()), "PERMISSION_DENIED");
    let one = Setup::strict().set("audit.reader_role=x").set("audit.operator_role=x").desk().refuses_to_start().await;
    assert!(one.0 == 3 && one.1.contains("audit.operator_role"), "{one:?}");
}
