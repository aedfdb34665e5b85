//! A host, and what tests ask of it.

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use grid_approve::Approvals;
use grid_authorize::{Authorize, Disclosure, Roles, Settings};
use grid_config::DeniedTools;
use grid_contract::{Contracts, Development, Strict};
use grid_core::{
    Refusal,
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    frame::{Announce, BatchAnswer, CallFrame, Fulfil, HostFrame, ResultFrame, RuntimeFrame},
    id::{PrincipalId, TenantId},
    lifecycle::Beat,
    listing::Closed,
    outcome::{CallAnswer, ToolAnswer},
    port::{FrontDoor as _, RuntimeDoor as _, RuntimePort as _},
    runtime::{Ending, Runtime},
};
use grid_identity::{Beside, Claims, Identity, SigningKey, Verifier, mint};
use grid_link::Hub;
use grid_local::Grants;
use grid_metrics::Metrics;
use grid_reload::Policies;
use grid_resolve::{Roster, Scope};
use grid_session::Sessions;
use grid_testkit::{FakeClock, FakeRuntime, Log, limits, manifest, options, soon, until};
use tokio::{
    join,
    sync::{mpsc, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    archive::Archive,
    events::Events,
    front_door::Door,
    guard::Guard,
    host::{Epoch, Host, Rules},
    nested::Lineages,
    outlets::Outlets,
    places::Places,
    providers::ProvidersFile,
    runtime_door::Port,
};

/// `sum` and `text` are pure, `look` reads, `send` writes, `open` belongs to another provider and needs a further
/// role, `shut` admits nobody.
pub(super) const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"calc","version":"1.2","effect":"pure","timeout":"10s","required_roles":["caller"],"function_declarations":[
        {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT","required":["a","b"],"properties":{"a":{"type":"INTEGER"},"b":{"type":"INTEGER"}}}},
        {"name":"text","description":"Takes text.","parameters":{"type":"OBJECT","properties":{"t":{"type":"STRING"},"size":{"type":"STRING","enum":["s","m"]}}}}]},
    {"name":"desk","effect":"read","required_roles":["caller"],"function_declarations":[
        {"name":"look","description":"Looks.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"mail","effect":"write","required_roles":["caller"],"function_declarations":[
        {"name":"send","description":"Sends.","parameters":{"type":"OBJECT","properties":{"to":{"type":"STRING"}}}}]},
    {"name":"vault","effect":"read","providers":["safe"],"required_roles":["caller","vault"],"function_declarations":[
        {"name":"open","description":"Opens.","parameters":{"type":"OBJECT"}}]},
    {"name":"attic","function_declarations":[
        {"name":"shut","description":"For nobody.","parameters":{"type":"OBJECT"}}]}]}"#;

pub(super) const SUM: &str = r#"{"a":1,"b":2}"#;

pub(super) struct Desk<C> {
    pub(super) door: Door<C>,
    pub(super) clock: FakeClock,
    pub(super) log: Log,
    key: SigningKey,
}

pub(super) fn strict() -> Desk<Strict> {
    strict_over(Archive::closed(4 << 20))
}

/// With other contracts.
pub(super) fn strict_with(text: &str) -> Desk<Strict> {
    desk(Strict::new(manifest(text)), Archive::closed(4 << 20))
}

/// The same, and what callers hear of denials and of who had their calls.
pub(super) fn strict_telling(text: &str, disclosure: Disclosure) -> Desk<Strict> {
    let mut desk = strict_with(text);
    let host = Arc::get_mut(&mut desk.door.0).unwrap();
    host.authorize = Authorize::new(Arc::new(Roles), decisions(disclosure), desk.clock.shared());
    desk
}

fn decisions(disclosure: Disclosure) -> Settings {
    Settings {
        cache: true,
        ttl: Duration::from_secs(60),
        deny_ttl: Duration::from_secs(5),
        entries: 1000,
        timeout: Duration::from_secs(1),
        disclosure,
    }
}

/// With these policies; what is hidden from callers as `denied` says.
pub(super) fn strict_by(mut policies: Policies, denied: DeniedTools) -> Desk<Strict> {
    let mut desk = strict();
    let deciding = policies.start(&manifest(MANIFEST)).unwrap();
    let host = Arc::get_mut(&mut desk.door.0).unwrap();
    host.authorize.replace(deciding, 0);
    (host.policies, host.rules.denied_tools) = (policies, denied);
    desk
}

/// With identity rules.
pub(super) fn strict_ruled(rules: &str) -> Desk<Strict> {
    let mut desk = strict();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity.toml");
    std::fs::write(&path, rules).unwrap();
    let rules = grid_identity::Rules::load(&path, Beside { issuer: "grid", runtime_role: "runtime" }).unwrap();
    let verifier = Verifier::new(desk.key.verifying_key(), "grid", "grid-host", Duration::ZERO);
    let host = Arc::get_mut(&mut desk.door.0).unwrap();
    host.identity = Identity::strict(verifier, desk.clock.shared()).ruled(rules).unwrap();
    desk
}

/// With a log that can be read through the host.
pub(super) fn strict_over(archive: Archive) -> Desk<Strict> {
    desk(Strict::new(manifest(MANIFEST)), archive)
}

pub(super) fn development() -> Desk<Development> {
    desk(Development::new(manifest(MANIFEST), options(), 50), Archive::closed(4 << 20))
}

fn desk<C: Contracts>(contracts: C, archive: Archive) -> Desk<C> {
    let key = SigningKey::generate().unwrap();
    desk_on(contracts, archive, FakeClock::default(), key, Log::open())
}

fn desk_on<C: Contracts>(contracts: C, archive: Archive, clock: FakeClock, key: SigningKey, log: Log) -> Desk<C> {
    let verifier = Verifier::new(key.verifying_key(), "grid", "grid-host", Duration::ZERO);
    let local = grid_local::Settings { ttl: Duration::from_secs(60), outstanding: 1000, total: 10_000 };
    let waiting = grid_approve::Settings {
        timeout: Duration::from_secs(300),
        per_principal: 4,
        per_tenant: 100,
        total: 100,
        kept_args: 1024,
    };
    let roster = Roster::default();
    let host = Host {
        identity: Identity::strict(verifier, clock.shared()),
        sessions: Sessions::new(limits(), clock.shared()),
        contracts,
        authorize: Authorize::new(Arc::new(Roles), decisions(Disclosure::Full), clock.shared()),
        policies: Policies::new(None, None, None, |_, _| Err(Vec::new())),
        limits: grid_limits::Limits::default(),
        gate: None,
        guard: Guard::with(grid_breaker::Settings::default(), &clock.shared(), &roster),
        reuse: grid_reuse::Reuse::new(grid_reuse::Settings { bytes: 1 << 20, entries: 100, largest: 1 << 16 }),
        roster,
        providers: ProvidersFile::default(),
        swaps: grid_swap::Turns::default(),
        hub: Hub::default(),
        lineages: Lineages::default(),
        ledger: log.ledger.clone(),
        grants: Grants::new(local, clock.shared()),
        approvals: Approvals::new(waiting, clock.shared()),
        epochs: watch::Sender::new(Epoch { number: 1, ..Epoch::default() }),
        events: Events::new(clock.shared()),
        watchers: Places::new(16),
        archive,
        outlets: Outlets::default(),
        clock: clock.shared(),
        metrics: Metrics::new().unwrap(),
        tasks: TaskTracker::new(),
        rules: Rules {
            admin_role: "operator".to_owned(),
            runtime_role: "runtime".to_owned(),
            select_role: "selector".to_owned(),
            reader_role: "auditor".to_owned(),
            operator_role: "audit-operator".to_owned(),
            denied_tools: DeniedTools::Omit,
            heartbeat: Duration::from_secs(10),
            silent_limit: Duration::from_secs(30),
            max_in_flight: 4,
            frame_queue: 16,
            local: true,
            require_digests: false,
        },
        strangers: AtomicU64::new(0),
        stopping: CancellationToken::new(),
    };
    Desk { door: Door(Arc::new(host)), clock, log, key }
}

/// A call of `name`; its correlation id is `w-` and its call_id.
pub(super) fn ask(session: &str, call_id: &str, name: &str, args: &str) -> Envelope {
    Envelope {
        correlation_id: format!("w-{call_id}"),
        session_id: session.to_owned(),
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        args: args.to_owned(),
        ..Envelope::default()
    }
}

pub(super) fn success(content: &str) -> Ending {
    Ending::Answered(ToolAnswer::Success(content.to_owned()))
}

pub(super) fn failure(message: &str) -> Ending {
    Ending::Answered(ToolAnswer::Error { message: message.to_owned(), kind: "INVALID_STATE".to_owned() })
}

impl Desk<Strict> {
    /// The host was killed; another one opens its log some time later.
    pub(super) fn killed(self, later: Duration) -> Self {
        self.clock.advance(later);
        let (log, recovered) = self.log.again(self.clock.shared());
        let contracts = Strict::new(manifest(MANIFEST));
        let next = desk_on(contracts, Archive::closed(4 << 20), self.clock, self.key, log);
        next.host().take_up(&recovered);
        next
    }
}

impl<C: Contracts> Desk<C> {
    /// With another rule; before anybody uses the host.
    pub(super) fn ruled(mut self, change: impl FnOnce(&mut Rules)) -> Self {
        change(&mut Arc::get_mut(&mut self.door.0).unwrap().rules);
        self
    }

    /// Calls get through whoever failed before; before anybody uses the host.
    pub(super) fn unguarded(mut self) -> Self {
        Arc::get_mut(&mut self.door.0).unwrap().guard = Guard::default();
        self
    }

    pub(super) fn host(&self) -> &Arc<Host<C>> {
        &self.door.0
    }

    pub(super) fn token(&self, name: &str, tenant: &str, roles: &[&str]) -> Credentials {
        let claims = Claims {
            principal: PrincipalId::parse(name).unwrap(),
            tenant: TenantId::parse(tenant).unwrap(),
            roles: roles.iter().map(ToString::to_string).collect(),
            ttl: Duration::from_secs(1_000_000),
            issuer: "grid".to_owned(),
            audience: "grid-host".to_owned(),
        };
        let bearer = mint(&self.key, &claims, &self.clock).unwrap();
        Credentials { bearer: Some(bearer), loopback: false, ..Credentials::default() }
    }

    /// The caller of most tests, with an open session.
    pub(super) async fn agent(&self) -> (Credentials, String) {
        let agent = self.token("agent", "demo", &["caller"]);
        let session = self.session(&agent).await;
        (agent, session)
    }

    pub(super) async fn session(&self, who: &Credentials) -> String {
        let request = OpenSession { level: 2, ..OpenSession::default() };
        self.door.open_session(who.clone(), request).await.unwrap().session_id
    }

    pub(super) async fn close(&self, who: &Credentials, session: &str, force: bool) -> Result<u32, Refusal> {
        let request = CloseSession { session_id: session.to_owned(), force, correlation_id: "w-close".to_owned() };
        self.door.close_session(who.clone(), request).await.map(|closed| closed.cancelled)
    }

    /// A closing by force that goes on beside the test.
    pub(super) fn begin_close(&self, who: &Credentials, session: &str) -> JoinHandle<Result<Closed, Refusal>> {
        let (door, who) = (self.door.clone(), who.clone());
        let request = CloseSession { session_id: session.to_owned(), force: true, ..CloseSession::default() };
        self.host().tasks.spawn(async move { door.close_session(who, request).await })
    }

    pub(super) async fn cancel(&self, who: &Credentials, session: &str, call_id: &str) -> Result<bool, Refusal> {
        let request = CancelCall {
            correlation_id: "w-cancel".to_owned(),
            session_id: session.to_owned(),
            call_id: call_id.to_owned(),
            reason: "no longer wanted".to_owned(),
        };
        self.door.cancel(who.clone(), request).await.map(|cancelled| cancelled.cancelled)
    }

    pub(super) async fn listed(&self, who: &Credentials, session: &str) -> Vec<String> {
        let listed = self.door.list_tools(who.clone(), session.to_owned(), String::new()).await.unwrap();
        listed.tools.into_iter().map(|tool| tool.name).collect()
    }

    /// A runtime of the tenant `demo` that serves these for every session.
    pub(super) fn seated(&self, id: &str, tools: &[&str]) -> Arc<FakeRuntime> {
        self.seated_for(id, "demo", tools)
    }

    /// The same of another tenant.
    pub(super) fn seated_for(&self, id: &str, tenant: &str, tools: &[&str]) -> Arc<FakeRuntime> {
        let runtime = FakeRuntime::new(id, tenant, 4);
        let seated: Arc<dyn Runtime> = runtime.clone();
        for tool in tools {
            self.host().roster.seat(&Arc::from(*tool), &seated, Scope::Every);
        }
        runtime
    }

    pub(super) async fn call(&self, who: &Credentials, envelope: Envelope) -> Result<CallAnswer, Refusal> {
        self.door.call(who.clone(), envelope).await
    }

    /// A call that goes on beside the test.
    pub(super) fn begin(&self, who: &Credentials, envelope: Envelope) -> JoinHandle<Result<CallAnswer, Refusal>> {
        let (door, who) = (self.door.clone(), who.clone());
        self.host().tasks.spawn(async move { door.call(who, envelope).await })
    }

    /// A call that the runtime ends so.
    pub(super) async fn ended(
        &self,
        who: &Credentials,
        envelope: Envelope,
        runtime: &FakeRuntime,
        ending: Ending,
    ) -> Result<CallAnswer, Refusal> {
        let end = async {
            until("the runtime has the call", || runtime.waiting() > 0).await;
            assert!(runtime.end(ending));
        };
        join!(self.call(who, envelope), end).0
    }

    pub(super) async fn attach(&self, id: &str) -> Attached<C> {
        let name = id.split('/').next().unwrap();
        let who = self.token(name, "demo", &["runtime"]);
        self.attach_as(&who, id).await.unwrap()
    }

    pub(super) async fn attach_as(&self, who: &Credentials, id: &str) -> Result<Attached<C>, Refusal> {
        let announce = Announce {
            runtime_id: id.to_owned(),
            level: 2,
            correlation_id: "w-attach".to_owned(),
            ..Announce::default()
        };
        let (port, frames) = self.door.attach(who.clone(), announce).await?;
        let mut attached = Attached { port, frames };
        assert!(matches!(attached.next().await, HostFrame::Announced(_)));
        Ok(attached)
    }
}

/// A runtime's own end of its stream.
pub(super) struct Attached<C> {
    pub(super) port: Port<C>,
    pub(super) frames: mpsc::Receiver<HostFrame>,
}

impl<C: Contracts> Attached<C> {
    pub(super) async fn next(&mut self) -> HostFrame {
        soon("a frame", self.frames.recv()).await.expect("the stream is open")
    }

    pub(super) async fn receive(&mut self, frame: RuntimeFrame) {
        self.port.receive(frame).await;
    }

    /// Sends a frame and gives the answer to it.
    pub(super) async fn answered(&mut self, frame: RuntimeFrame) -> HostFrame {
        self.receive(frame).await;
        self.next().await
    }

    pub(super) async fn fulfil(&mut self, names: &[&str]) -> BatchAnswer {
        let names = names.iter().map(ToString::to_string).collect();
        let fulfil = Fulfil { names, correlation_id: "w-fulfil".to_owned(), ..Fulfil::default() };
        match self.answered(RuntimeFrame::Fulfil(fulfil)).await {
            HostFrame::Fulfilled(answer) => *answer,
            other => panic!("expected an answer to the fulfilment, got {other:?}"),
        }
    }

    pub(super) async fn called(&mut self) -> CallFrame {
        match self.next().await {
            HostFrame::Call(call) => *call,
            other => panic!("expected a call, got {other:?}"),
        }
    }

    pub(super) async fn result(&mut self, of: &CallFrame, content: &str) {
        self.receive(RuntimeFrame::Result(result(of, content))).await;
    }

    /// It is still served.
    pub(super) async fn lives(&mut self) -> bool {
        matches!(
            self.answered(RuntimeFrame::Heartbeat(Beat { sequence: 7, ..Beat::default() })).await,
            HostFrame::HeartbeatAck { sequence: 7 }
        )
    }
}

pub(super) fn result(of: &CallFrame, content: &str) -> ResultFrame {
    ResultFrame {
        invocation_id: of.invocation_id.to_string(),
        correlation_id: of.correlation_id.to_string(),
        call_id: of.call_id.to_string(),
        name: of.name.to_string(),
        answer: Ok(ToolAnswer::Success(content.to_owned())),
    }
}
