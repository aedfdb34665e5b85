//! What another tenant has is as good as not there: each request of each door that names something, asked once with ids of
//! another tenant and once with ids that nobody has, is answered in the same words. A request that begins to take an id
//! belongs into this table.

use grid_core::{
    consent::{Decide, Say},
    envelope::{CancelCall, CloseSession, Credentials, Envelope},
    frame::{Fulfil, HostFrame, Register, ResultFrame, RuntimeFrame},
    id::{ApprovalId, InvocationId, SessionId},
    local::{Authorized, Batch, GiveBack, Report},
    outcome::ToolAnswer,
    port::{AdminDoor as _, ApprovalDoor as _, AuditDoor as _, FrontDoor as _, LocalDoor as _, RuntimePort as _},
    reading::{Filter, Follow, Get, Page, Prove, Query, Which},
    revocation::Invalidate,
};
use grid_testkit::until;

use super::{
    desk::ask,
    tenants_world::{World, told},
};

/// Names of things, whoever has them.
#[derive(Debug, Clone)]
struct Ids {
    session: String,
    call_id: String,
    invocation: String,
    leaf: Vec<u8>,
    approval: String,
    digests: (String, String),
    tool: String,
    tenant: String,
    principal: String,
    correlation: String,
    index: u64,
}

fn nobodys() -> Ids {
    let digest = || format!("sha256:{}", "07".repeat(32));
    Ids {
        session: SessionId::mint().to_string(),
        call_id: "nobodys-call".to_owned(),
        invocation: InvocationId::mint().to_string(),
        leaf: vec![7; 32],
        approval: ApprovalId::mint().to_string(),
        digests: (digest(), digest()),
        tool: "nobodys".to_owned(),
        tenant: "nobody".to_owned(),
        principal: "nobodys-agent".to_owned(),
        correlation: "w-nobodys".to_owned(),
        index: 1 << 40,
    }
}

/// Without the random part of correlation ids that the host minted where a request has no room for one: no two are alike,
/// whatever was asked for.
fn unminted(text: &str) -> String {
    let mut parts = text.split("host-");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let random = part.split_once('-').and_then(|(_, random)| random.get(..8)).unwrap_or_default();
        let minted = random.len() == 8 && random.bytes().all(|byte| byte.is_ascii_hexdigit());
        plain += "host-";
        plain += &if minted { part.replacen(random, "x", 1) } else { part.to_owned() };
    }
    plain
}

/// Answers of all doors to one tenant, by the request; ids and what is said of them left out.
#[derive(Default)]
struct Answers(Vec<(&'static str, String)>);

struct Asker<'a> {
    world: &'a World,
    ids: &'a Ids,
    answers: Answers,
}

impl Asker<'_> {
    fn say<T: std::fmt::Debug>(&mut self, request: &'static str, answer: Result<T, grid_core::Refusal>) {
        let ids = self.ids;
        let mut text = told(answer);
        for id in [&ids.session, &ids.invocation, &ids.approval, &ids.call_id, &ids.tool, &ids.correlation] {
            text = text.replace(id, "x");
        }
        self.answers.0.push((request, unminted(&text)));
    }

    fn paged(&mut self, request: &'static str, page: Result<Page, grid_core::Refusal>) {
        let page = page.map(|page| (page.rows.into_iter().map(|row| row.line).collect::<Vec<_>>(), page.next));
        self.say(request, page);
    }

    fn agent(&self) -> Credentials {
        self.world.sides[0].agent.clone()
    }

    async fn calls(&mut self, own: &str) {
        let (door, ids) = (&self.world.desk.door, self.ids.clone());
        let agent = self.agent();
        let call = |session: &str, tool: &str| ask(session, "k", tool, "{}");
        self.say("CallTool in a session", door.call(agent.clone(), call(&ids.session, "sum")).await);
        self.say("CallTool of a tool", door.call(agent.clone(), call(own, &ids.tool)).await);
        let nested = Envelope { parent_invocation_id: ids.invocation.clone(), ..call(own, "sum") };
        self.say("CallTool below an execution", door.call(agent.clone(), nested).await);
        self.say("ListTools", door.list_tools(agent.clone(), ids.session.clone(), "w".into()).await);
        for (request, session) in [("CancelCall in a session", ids.session.as_str()), ("CancelCall of a call", own)] {
            let cancel = CancelCall {
                correlation_id: "w".to_owned(),
                session_id: session.to_owned(),
                call_id: ids.call_id.clone(),
                reason: String::new(),
            };
            self.say(request, door.cancel(agent.clone(), cancel).await);
        }
        for force in [false, true] {
            let close = CloseSession { session_id: ids.session.clone(), force, correlation_id: "w".to_owned() };
            self.say("DestroySession", door.close_session(agent.clone(), close).await);
        }
    }

    async fn grants(&mut self, own: &str) {
        let (door, ids) = (&self.world.desk.door, self.ids.clone());
        let agent = self.agent();
        let call = |session: &str, tool: &str| ask(session, "k", tool, "{}");
        self.say("AuthorizeToolCall in a session", door.authorize(agent.clone(), call(&ids.session, "sum")).await);
        self.say("AuthorizeToolCall of a tool", door.authorize(agent.clone(), call(own, &ids.tool)).await);
        for (request, session) in [("a batch in a session", ids.session.as_str()), ("a batch of a tool", own)] {
            let batch = Batch {
                correlation_id: "w".to_owned(),
                session_id: session.to_owned(),
                claim: None,
                items: vec![Ok(call(session, &ids.tool))],
            };
            self.say(request, door.authorize_all(agent.clone(), batch).await);
        }
        for session in [ids.session.as_str(), own] {
            let report = Report {
                correlation_id: "w".to_owned(),
                session_id: session.to_owned(),
                invocation_id: ids.invocation.clone(),
                grant: ids.leaf.clone(),
                args_digest: vec![7; 32],
                call_id: ids.call_id.clone(),
                name: "sum".to_owned(),
                answer: Ok(ToolAnswer::Success("7".to_owned())),
                took: std::time::Duration::ZERO,
                ended_at_ms: 0,
            };
            self.say("LogToolResult", door.log_result(agent.clone(), report).await);
            let back = GiveBack {
                correlation_id: "w".to_owned(),
                session_id: session.to_owned(),
                invocation_id: ids.invocation.clone(),
                grant: ids.leaf.clone(),
                reason: String::new(),
            };
            self.say("CancelGrant", door.cancel_grant(agent.clone(), back).await);
        }
        let watched = door.watch_grants(agent, ids.session.clone(), "w".into()).await;
        self.say("WatchGrants", watched.map(|_| "watched"));
    }

    async fn records(&mut self) {
        let (door, ids) = (&self.world.desk.door, self.ids.clone());
        let rita = self.world.sides[0].rita.clone();
        let filter = |set: fn(&mut Filter, &Ids)| {
            let mut filter = Filter::default();
            set(&mut filter, &ids);
            filter
        };
        let filters: [(&'static str, Filter); 6] = [
            ("records of a session", filter(|filter, ids| filter.session = Some(ids.session.clone()))),
            ("records of an execution", filter(|filter, ids| filter.invocation = Some(ids.invocation.clone()))),
            ("records of a correlation", filter(|filter, ids| filter.correlation = Some(ids.correlation.clone()))),
            ("records of a principal", filter(|filter, ids| filter.principal = Some(ids.principal.clone()))),
            ("records of a tenant", filter(|filter, ids| filter.tenant = Some(ids.tenant.clone()))),
            ("records of a tool", filter(|filter, ids| filter.tool = Some(ids.tool.clone()))),
        ];
        for (request, filter) in filters {
            let query = Query { filter: filter.clone(), correlation_id: "w".to_owned(), ..Query::default() };
            self.paged(request, door.query(rita.clone(), query).await);
            let follow = Follow { filter, from: Some(0), correlation_id: "w".to_owned() };
            self.say("FollowRecords", door.follow(rita.clone(), follow).await.map(|_| "followed"));
        }
        for which in [Which::Index(ids.index), Which::Invocation(ids.invocation.clone())] {
            let get = Get { which: Some(which.clone()), correlation_id: "w".to_owned() };
            self.paged("GetRecord", door.get(rita.clone(), get).await);
            let prove = Prove { which: Some(which), tree_size: None, correlation_id: "w".to_owned() };
            // What it asked for stands under its own refusals, which can be proved; the other's record cannot.
            let proof = door.inclusion(rita.clone(), prove).await;
            self.say("ProveInclusion", proof.map(|proof| proof.map(|proof| proof.index == ids.index)));
        }
    }

    async fn people_and_operators(&mut self) {
        let (door, ids) = (&self.world.desk.door, self.ids.clone());
        for say in [Say::Approve, Say::Deny] {
            let decide = Decide {
                approval_id: ids.approval.clone(),
                say: Some(say),
                contract_digest: ids.digests.0.clone(),
                args_digest: ids.digests.1.clone(),
                reason: String::new(),
                correlation_id: "w".to_owned(),
            };
            self.say("Decide", door.decide(self.world.sides[0].boss.clone(), decide).await);
        }
        // Who is no operator learns nothing from lists, whatever they ask for.
        let (agent, tenant) = (self.agent(), ids.tenant);
        self.say("ListSessions", door.sessions(agent.clone(), tenant.clone()).await);
        self.say("ListRuntimes", door.runtimes(agent.clone(), tenant.clone()).await);
        self.say("ListContracts", door.contracts(agent.clone(), tenant.clone()).await);
        self.say("Explain", door.explain(agent.clone(), ids.invocation).await);
        let end = Invalidate { tenant, session: ids.session, ..Invalidate::default() };
        self.say("InvalidateAuthorizations", door.invalidate(agent, end).await);
    }

    async fn runtimes(&mut self, own: &str) {
        let (desk, ids) = (&self.world.desk, self.ids.clone());
        let probe = desk.token("probe", "acme", &["runtime"]);
        let mut runtime = desk.attach_as(&probe, "probe").await.unwrap();
        for (session, name) in [(ids.session.as_str(), "sum"), (own, ids.tool.as_str()), ("", ids.tool.as_str())] {
            let fulfil = Fulfil {
                names: vec![name.to_owned()],
                session_id: session.to_owned(),
                correlation_id: "w".to_owned(),
                ..Fulfil::default()
            };
            let answer = runtime.answered(RuntimeFrame::Fulfil(fulfil)).await;
            self.say("FulfilContracts", Ok(answer));
        }
        let register =
            Register { session_id: ids.session.clone(), correlation_id: "w".to_owned(), ..Register::default() };
        let answer = runtime.answered(RuntimeFrame::Register(register)).await;
        self.say("RegisterTools", Ok(answer));
        let result = ResultFrame {
            invocation_id: ids.invocation.clone(),
            correlation_id: "w".to_owned(),
            call_id: ids.call_id.clone(),
            name: "sum".to_owned(),
            answer: Ok(ToolAnswer::Success("stolen".to_owned())),
        };
        runtime.receive(RuntimeFrame::Result(result)).await;
        let mut heard = Vec::new();
        let mut next = runtime
            .answered(RuntimeFrame::Heartbeat(grid_core::lifecycle::Beat { sequence: 7, ..Default::default() }))
            .await;
        while !matches!(next, HostFrame::HeartbeatAck { sequence: 7 }) {
            heard.push(format!("{next:?}"));
            next = runtime.next().await;
        }
        self.say("a result", Ok(heard));
        runtime.port.detach("done".to_owned()).await;
    }
}

/// Every answer of every door.
async fn answers(world: &World, own: &str, ids: &Ids) -> Vec<(&'static str, String)> {
    let mut asker = Asker { world, ids, answers: Answers::default() };
    asker.calls(own).await;
    asker.grants(own).await;
    asker.records().await;
    asker.people_and_operators().await;
    asker.runtimes(own).await;
    asker.answers.0
}

#[tokio::test]
async fn what_another_tenant_has_is_answered_like_what_nobody_has() {
    let world = World::new(true);
    let own = world.desk.session(&world.sides[0].agent).await;
    // The other tenant has one of everything: a session, a call that runs, a grant, a call that waits for a person.
    let theirs = world.sides[1].agent.clone();
    let session = world.desk.session(&theirs).await;
    let running = world.desk.begin(&theirs, ask(&session, "their-call", "sum", r#"{"a":1}"#));
    until("it is with its runtime", || world.sides[1].runtime.waiting() == 1).await;
    let granted =
        match world.desk.door.authorize(theirs.clone(), ask(&session, "their-grant", "sum", r#"{"a":2}"#)).await {
            Ok(Authorized::Granted(granted)) => granted,
            other => panic!("it is granted: {other:?}"),
        };
    let pay = ask(&session, "their-wish", "pay", r#"{"a":3}"#);
    assert!(matches!(world.desk.door.authorize(theirs, pay).await, Ok(Authorized::Waiting(_))));
    let boss = world.sides[1].boss.clone();
    let waiting = world.desk.door.waiting(boss, "w".into()).await.unwrap().calls.remove(0);
    let digest = |bytes| format!("sha256:{}", grid_adm::Digest::from_bytes(bytes));
    let foreign = Ids {
        session: session.clone(),
        call_id: "their-call".to_owned(),
        invocation: granted.invocation_id.to_string(),
        leaf: granted.receipt.leaf.to_vec(),
        approval: waiting.approval.to_string(),
        digests: (digest(waiting.contract), digest(waiting.args_digest)),
        tool: "globexes".to_owned(),
        tenant: "globex".to_owned(),
        principal: "nobodys-agent".to_owned(),
        correlation: "w-their-call".to_owned(),
        index: granted.receipt.index,
    };
    let theirs = answers(&world, &own, &foreign).await;
    let unknown = answers(&world, &own, &nobodys()).await;
    assert_eq!(theirs.len(), unknown.len());
    for (foreign, unknown) in theirs.iter().zip(&unknown) {
        assert_eq!(foreign, unknown);
    }

    // All of it is as it was.
    assert!(!running.is_finished() && world.desk.host().grants.count() == 1);
    assert!(world.desk.host().sessions.peek(&session.parse().unwrap()).is_some());
    assert!(world.sides[1].runtime.end(super::desk::success("7")));
    assert!(running.await.unwrap().is_ok());
    let boss = world.sides[1].boss.clone();
    assert_eq!(world.desk.door.waiting(boss, "w".into()).await.unwrap().calls.len(), 1);
}

#[tokio::test]
async fn lists_of_a_tenant_have_what_is_that_tenants_and_of_nobody_nothing() {
    let world = World::new(false);
    let door = &world.desk.door;
    let root = world.desk.token("root", "ops", &["operator"]);
    for side in &world.sides {
        world.desk.session(&side.agent).await;
    }
    let mut attached = Vec::new();
    for name in ["acme", "globex"] {
        let probe = world.desk.token(name, name, &["runtime"]);
        attached.push(world.desk.attach_as(&probe, name).await.unwrap());
    }
    for (tenant, tool) in [("acme", "acmes"), ("globex", "globexes")] {
        let sessions = door.sessions(root.clone(), tenant.to_owned()).await.unwrap();
        assert!(sessions.len() == 1 && sessions.iter().all(|row| row.tenant == tenant), "{sessions:?}");
        let runtimes = door.runtimes(root.clone(), tenant.to_owned()).await.unwrap();
        assert_eq!(runtimes.iter().map(|row| row.runtime_id.clone()).collect::<Vec<_>>(), [tenant]);
        let contracts = door.contracts(root.clone(), tenant.to_owned()).await.unwrap();
        let names: Vec<String> = contracts.iter().map(|row| row.name.clone()).collect();
        assert!(names.len() == 3 && names.contains(&tool.to_owned()), "{names:?}");
    }
    assert_eq!(attached.len(), 2);
    let nobodys = "nobody".to_owned();
    assert!(door.sessions(root.clone(), nobodys.clone()).await.unwrap().is_empty());
    assert!(door.runtimes(root.clone(), nobodys.clone()).await.unwrap().is_empty());
    assert_eq!(door.contracts(root, nobodys).await.unwrap().len(), 2, "those of all tenants");
}
