//! A host's approvals, and calls that need one.

use std::{sync::Arc, time::Duration};

use grid_approve::{Approvals, Approved, Asked, Asking, CheckedCall, Ending, Judged, Settings};
use grid_core::{Refusal, consent::Say, id::CallId, principal::Principal};
use grid_testkit::{Scene, Session, Strict, principal};

pub const MANIFEST: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"bank","effect":"write","required_roles":["caller"],"approval":{"role":"approver","within":"60s"},
     "function_declarations":[
        {"name":"pay","description":"Pays.","parameters":{"type":"OBJECT","properties":{"to":{"type":"STRING"}}}},
        {"name":"lend","description":"Lends.","parameters":{"type":"OBJECT","properties":{"to":{"type":"STRING"}}}}]},
    {"name":"desk","effect":"read","required_roles":["caller"],"function_declarations":[
        {"name":"look","description":"Looks.","parameters":{"type":"OBJECT","properties":{}}}]}]}"#;

pub const ARGS: &str = r#"{"to":"bob"}"#;

pub struct Bank {
    pub scene: Scene<Strict>,
    pub approvals: Approvals,
    pub session: Arc<Session>,
}

pub fn settings() -> Settings {
    Settings { timeout: Duration::from_secs(300), per_principal: 100, per_tenant: 100, total: 100, kept_args: 64 }
}

pub fn bank() -> Bank {
    bank_with(settings())
}

pub fn bank_with(settings: Settings) -> Bank {
    let scene = Scene::strict(MANIFEST);
    let session = scene.session("alice", "acme", &["caller"]);
    Bank { approvals: Approvals::new(settings, scene.clock.shared()), session, scene }
}

pub fn holds(who: &Principal) -> impl Fn(&str) -> bool {
    |role| who.has_role(role)
}

pub fn boss() -> Arc<Principal> {
    principal("boss", "acme", &["approver"])
}

impl Bank {
    pub async fn judged(&self, call_id: &str, tool: &str, args: &str) -> Judged<CheckedCall> {
        self.judged_of(&self.session, call_id, tool, args).await
    }

    pub async fn judged_of(
        &self,
        session: &Arc<Session>,
        call_id: &str,
        tool: &str,
        args: &str,
    ) -> Judged<CheckedCall> {
        let mut request = self.scene.request(tool, args);
        request.call_id = CallId::parse(call_id).unwrap();
        self.scene.judged(session, request).await
    }

    /// It is on record and waits.
    pub fn wait(&self, judged: &Judged<CheckedCall>) -> Arc<Asked> {
        match self.ask(judged).unwrap() {
            Asking::New(request) => {
                let asked = Arc::clone(request.asked());
                drop(request.open());
                asked
            }
            other => panic!("it was asked before: {other:?}"),
        }
    }

    pub fn ask(&self, judged: &Judged<CheckedCall>) -> Result<Asking, Refusal> {
        self.approvals.ask(judged)
    }

    pub fn decide(&self, who: &Arc<Principal>, asked: &Asked, say: Say) -> Result<Ending, Refusal> {
        let saw = (asked.contract(), asked.args_digest());
        self.approvals.decide(who, holds(who), asked.approval(), saw, (say, "because".to_owned()))
    }

    pub fn approve(&self, asked: &Asked) {
        self.decide(&boss(), asked, Say::Approve).unwrap().settle();
    }

    pub fn consume(&self, asked: &Asked, judged: Judged<CheckedCall>) -> Result<Approved<CheckedCall>, Refusal> {
        self.approvals.consume(asked.approval(), judged, 1)
    }
}
