//! A table of grants, a log, and somebody who asks.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use grid_audit::{Receipt, Unavailable};
use grid_core::{
    Refusal,
    clock::Clock as _,
    id::CallId,
    local::{Report, UnseenArgs},
    outcome::ToolAnswer,
    principal::Principal,
};
use grid_local::{Approved, Claim, DigestedCall, Ending, Grants, Held, Issued, Redeemed, Rejected, Settings, Ticket};
use grid_session::{Claim as CallClaim, Session};
use grid_testkit::{Log, Scene, SessionRequest, Strict};

const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"calc","required_roles":["*"],"effect":"read","function_declarations":[
        {"name":"sum","description":"Adds.","parameters":{"type":"OBJECT","properties":{"a":{"type":"INTEGER"}}}}]},
    {"name":"mail","required_roles":["*"],"effect":"write","function_declarations":[
        {"name":"send","description":"Sends.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"big","required_roles":["*"],"effect":"pure","local":{"args_digest_only":true},"function_declarations":[
        {"name":"crunch","description":"Large.","parameters":{"type":"OBJECT","properties":{}}}]},
    {"name":"hall","required_roles":["*"],"local":false,"function_declarations":[
        {"name":"open_door","description":"Here only.","parameters":{"type":"OBJECT","properties":{}}}]}]}"#;

pub const TTL: Duration = Duration::from_secs(60);

pub struct Desk {
    pub scene: Scene<Strict>,
    pub session: Arc<Session>,
    pub log: Log,
    pub grants: Grants,
    pub calls: AtomicU64,
}

pub fn settings(outstanding: usize, total: usize) -> Settings {
    Settings { ttl: TTL, outstanding, total }
}

pub fn desk() -> Desk {
    desk_with(settings(100_000, 100_000))
}

pub fn desk_with(settings: Settings) -> Desk {
    let scene = Scene::strict(MANIFEST);
    let session = scene.session("agent", "demo", &[]);
    let grants = Grants::new(settings, scene.clock.shared());
    Desk { session, log: Log::open(), grants, scene, calls: AtomicU64::new(0) }
}

impl Desk {
    pub fn agent(&self) -> Arc<Principal> {
        Arc::clone(self.session.principal())
    }

    pub fn request(&self, tool: &str, args: &str) -> SessionRequest {
        let number = self.calls.fetch_add(1, Ordering::Relaxed);
        let call_id = CallId::parse(&format!("call-{number}")).unwrap();
        SessionRequest { call_id, ..self.scene.request(tool, args) }
    }

    pub async fn consented(&self, session: &Arc<Session>, request: SessionRequest) -> (Approved<DigestedCall>, Ticket) {
        let call = self.scene.consented(session, request).await;
        let contracted = call.call().call().call();
        let asked = contracted.call().request();
        let digest = *call.call().digest().as_bytes();
        let tool = contracted.contract().name();
        let CallClaim::First(ticket) = session.claim(&asked.call_id, tool, digest, self.scene.clock.elapsed()) else {
            panic!("the call_id is new");
        };
        (call, ticket)
    }

    pub async fn hold(&self, tool: &str) -> Result<Held, Refusal> {
        let request = self.request(tool, "{}");
        let (call, ticket) = self.consented(&self.session, request).await;
        self.grants.hold(call, ticket)
    }

    pub async fn unseen(&self, digest: [u8; 32]) -> Held {
        let unseen = Some(UnseenArgs { digest, bytes: 12 });
        let request = SessionRequest { unseen, ..self.request("crunch", "") };
        let (call, ticket) = self.consented(&self.session, request).await;
        self.grants.hold(call, ticket).unwrap()
    }

    pub async fn admit(&self, held: &mut Held) -> Receipt {
        self.log.ledger.admit_proved(held.admission()).await.unwrap()
    }

    pub async fn issue(&self, mut held: Held) -> Issued {
        let receipt = self.admit(&mut held).await;
        self.grants.open(held, &receipt).unwrap()
    }

    pub async fn grant(&self, tool: &str) -> Given {
        let request = self.request(tool, "{}");
        let call_id = request.call_id.to_string();
        let (call, ticket) = self.consented(&self.session, request).await;
        let held = self.grants.hold(call, ticket).unwrap();
        let args = held.call().digest().as_bytes().to_vec();
        let issued = self.issue(held).await;
        Given { call_id, args, tool: tool.to_owned(), session: self.session.id().to_string(), issued }
    }

    pub fn redeem(&self, report: Report) -> Result<Redeemed, Rejected> {
        self.grants.redeem(&self.agent(), Claim::read(report).unwrap())
    }

    /// As the host concludes what somebody began to end.
    pub async fn conclude(&self, ending: Ending) -> Result<(), Unavailable> {
        self.log.ledger.conclude(ending.conclusion(self.scene.clock.unix_ms())).await?;
        ending.settle();
        Ok(())
    }

    pub async fn report(&self, given: &Given) {
        let Ok(Redeemed::First(ending)) = self.redeem(given.report("3")) else { panic!("it is open") };
        self.conclude(ending).await.unwrap();
    }

    /// What is due, concluded; how each ended.
    pub async fn sweep(&self) -> Vec<&'static str> {
        let mut outcomes = Vec::new();
        for ending in self.grants.due() {
            outcomes.push(ending.outcome().as_str());
            self.conclude(ending).await.unwrap();
        }
        outcomes
    }
}

/// A grant as its holder has it.
pub struct Given {
    pub issued: Issued,
    pub session: String,
    pub call_id: String,
    pub tool: String,
    pub args: Vec<u8>,
}

impl Given {
    pub fn report(&self, content: &str) -> Report {
        Report {
            correlation_id: "w-report".to_owned(),
            session_id: self.session.clone(),
            invocation_id: self.issued.grant.invocation().to_string(),
            grant: self.issued.proof.leaf.as_bytes().to_vec(),
            args_digest: self.args.clone(),
            call_id: self.call_id.clone(),
            name: self.tool.clone(),
            answer: Ok(ToolAnswer::Success(content.to_owned())),
            took: Duration::ZERO,
            ended_at_ms: 0,
        }
    }

    pub fn leaf(&self) -> Option<[u8; 32]> {
        Some(*self.issued.proof.leaf.as_bytes())
    }
}
