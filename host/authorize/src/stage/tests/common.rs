//! Authorizers that do as they are told, and the stage around them.

use std::sync::{Mutex, atomic::AtomicU64};

use grid_core::port::{Pending, Undecided, Verdict};
use grid_testkit::{Contracts, FakeClock, manifest, principal};
use tokio::sync::Semaphore;

use crate::stage::*;

/// Longer than any cap.
pub(super) const SETTINGS: Settings = Settings {
    cache: true,
    ttl: Duration::from_secs(3600),
    deny_ttl: Duration::from_secs(3600),
    entries: 10_000,
    timeout: Duration::from_secs(1),
    disclosure: Disclosure::Full,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Say {
    Yes,
    No,
    Fault,
    Nothing,
}

/// Says what it was told last, and counts.
#[derive(Debug)]
pub(super) struct Told {
    say: Mutex<Say>,
    asked: AtomicU64,
}

impl Told {
    pub(super) fn to(say: Say) -> Arc<Self> {
        Arc::new(Self { say: Mutex::new(say), asked: AtomicU64::new(0) })
    }

    pub(super) fn now(&self, say: Say) {
        *self.say.lock().unwrap() = say;
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Authorizer for Told {
    fn decide<'a>(&'a self, _: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let say = *self.say.lock().unwrap();
        Box::pin(async move { answer(say).await })
    }
}

async fn answer(say: Say) -> Result<Verdict, Undecided> {
    let rule = "told".to_owned();
    match say {
        Say::Yes => Ok(Verdict::Allow { rule }),
        Say::No => Ok(Verdict::Deny { rule, message: "no".to_owned() }),
        Say::Fault => Err(Undecided("the directory is down".to_owned())),
        Say::Nothing => std::future::pending().await,
    }
}

/// Decides at once, and keeps its answer back until it is let go: what others do meanwhile comes too late for it.
#[derive(Debug)]
pub(super) struct Slow {
    pub(super) told: Arc<Told>,
    pub(super) go: Semaphore,
}

impl Slow {
    pub(super) fn to(say: Say) -> Arc<Self> {
        Arc::new(Self { told: Told::to(say), go: Semaphore::new(0) })
    }
}

impl Authorizer for Slow {
    fn decide<'a>(&'a self, question: Question<'a>) -> Pending<'a, Result<Verdict, Undecided>> {
        let decided = self.told.decide(question);
        Box::pin(async move {
            self.go.acquire().await.unwrap().forget();
            decided.await
        })
    }
}

pub(super) struct Stage {
    pub(super) clock: FakeClock,
    pub(super) authorize: Authorize,
}

pub(super) fn stage(authorizer: Arc<dyn Authorizer>, settings: Settings) -> Stage {
    let clock = FakeClock::default();
    let authorize = Authorize::new(authorizer, settings, clock.shared());
    Stage { clock, authorize }
}

impl Stage {
    pub(super) async fn ask(&self, context: &SecurityContext, contract: &Arc<Contract>) -> Result<Decision, Code> {
        self.ask_in(&session(), context, contract).await.map_err(|refusal| refusal.code())
    }

    pub(super) async fn ask_in(
        &self,
        session: &Arc<Session>,
        context: &SecurityContext,
        contract: &Arc<Contract>,
    ) -> Result<Decision, Refusal> {
        ask(&self.authorize, session, context, contract).await
    }
}

pub(super) async fn ask(
    stage: &Authorize,
    session: &Arc<Session>,
    context: &SecurityContext,
    contract: &Arc<Contract>,
) -> Result<Decision, Refusal> {
    stage.decide(Asked { stage, context, session, contract, local: false, args: None }).await
}

/// Another one each time.
pub(super) fn session() -> Arc<Session> {
    strict("sum", "").session("agent", "demo", &[])
}

pub(super) fn context(name: &str, tenant: &str, roles: &[&str]) -> SecurityContext {
    SecurityContext { principal: principal(name, tenant, roles), claim: None }
}

/// A contract of that name with these settings (`"effect":"pure",`).
pub(super) fn contract(name: &str, fields: &str) -> Arc<Contract> {
    let text = format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"calc",{fields}"function_declarations":[{{"name":"{name}","description":"Does.","parameters":{{"type":"OBJECT"}}}}]}}]}}"#
    );
    manifest(&text).get(name).unwrap()
}

/// The same, as the only one of STRICT.
pub(super) fn strict(name: &str, fields: &str) -> grid_testkit::Scene<impl Contracts> {
    let text = format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"calc",{fields}"function_declarations":[{{"name":"{name}","description":"Does.","parameters":{{"type":"OBJECT"}}}}]}}]}}"#
    );
    grid_testkit::Scene::strict(&text)
}
