//! Calls that wait for a person: what they may, what is on record, and what ends the wait.

use std::time::Duration;

use grid_contract::Strict;
use grid_core::{
    Code, Refusal,
    consent::{Decide, Say, WaitingCall},
    envelope::Credentials,
    local::{Authorized, Waits},
    port::{ApprovalDoor as _, LocalDoor as _},
};
use grid_testkit::until;

use super::desk::{Desk, ask, strict_with, success};

/// `pay` waits for somebody with `approver`.
const BANK: &str = r#"{"manifest_version":"1.0.0","contracts":[
    {"name":"bank","effect":"write","required_roles":["caller"],"approval":{"role":"approver","within":"60s"},
     "function_declarations":[
        {"name":"pay","description":"Pays.","parameters":{"type":"OBJECT","properties":{"to":{"type":"STRING"}}}}]}]}"#;

const ARGS: &str = r#"{"to":"canary-bob"}"#;

struct Bank {
    desk: Desk<Strict>,
    agent: Credentials,
    session: String,
    boss: Credentials,
}

async fn bank() -> Bank {
    let desk = strict_with(BANK);
    let (agent, session) = desk.agent().await;
    let boss = desk.token("boss", "demo", &["approver"]);
    Bank { desk, agent, session, boss }
}

impl Bank {
    async fn seen(&self, who: &Credentials) -> Vec<WaitingCall> {
        self.desk.door.waiting(who.clone(), "w-list".to_owned()).await.unwrap().calls
    }

    /// The call that waits, as soon as it does.
    async fn waiting(&self) -> WaitingCall {
        until("the call waits", || self.desk.log.of("approval_requested").len() == 1).await;
        loop {
            if let Some(call) = self.seen(&self.boss).await.pop() {
                return call;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn decide(&self, who: &Credentials, call: &WaitingCall, say: Say) -> Result<(), Refusal> {
        let hex = |bytes: &[u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let decide = Decide {
            approval_id: call.approval.to_string(),
            say: Some(say),
            contract_digest: format!("sha256:{}", hex(&call.contract)),
            args_digest: format!("sha256:{}", hex(&call.args_digest)),
            reason: "it is due".to_owned(),
            correlation_id: "w-decide".to_owned(),
        };
        self.desk.door.decide(who.clone(), decide).await.map(|_| ())
    }

    async fn authorize(&self, call_id: &str) -> Result<Authorized, Refusal> {
        self.desk.door.authorize(self.agent.clone(), ask(&self.session, call_id, "pay", ARGS)).await
    }

    fn kinds(&self) -> Vec<String> {
        self.desk.log.records().iter().map(|record| record.kind().to_owned()).collect()
    }
}

fn waits(authorized: Result<Authorized, Refusal>) -> Waits {
    match authorized.unwrap() {
        Authorized::Waiting(waits) => *waits,
        Authorized::Granted(granted) => panic!("it was granted: {granted:?}"),
    }
}

#[tokio::test]
async fn a_call_waits_for_a_person_and_then_runs() {
    let bank = bank().await;
    let runtime = bank.desk.seated("bank", &["pay"]);
    let running = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
    let call = bank.waiting().await;
    assert_eq!(call.args.as_deref(), Some(ARGS));
    assert!(runtime.calls().is_empty(), "nothing runs before");
    assert_eq!(bank.kinds(), ["session_opened", "approval_requested"]);
    let joined = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
    bank.decide(&bank.boss, &call, Say::Approve).await.unwrap();
    until("the runtime has the call", || runtime.waiting() > 0).await;
    assert!(runtime.end(success("1")));
    let answer = running.await.unwrap().unwrap();
    assert!(!answer.repeated);
    assert!(joined.await.unwrap().unwrap().repeated, "who sends the same call waits for the same");
    let kinds = bank.kinds();
    assert_eq!(kinds.get(1..5).unwrap(), ["approval_requested", "approval_decided", "admitted", "concluded"]);
    let records = bank.desk.log.records();
    let text = |at: usize, field: &str| records.get(at).and_then(|record| record.text(field)).map(str::to_owned);
    let approval = Some(call.approval.to_string());
    assert_eq!(
        [text(1, "approval"), text(2, "approval"), text(3, "approval")],
        [approval.clone(), approval.clone(), approval]
    );
    assert_eq!((text(1, "principal").as_deref(), text(2, "principal").as_deref()), (Some("agent"), Some("boss")));
    assert_eq!((text(1, "verdict").as_deref(), text(2, "verdict").as_deref()), (Some("ask"), Some("allow")));
    assert_eq!(text(2, "detail").as_deref(), Some("in their own words: it is due"));
    assert!(!format!("{records:?}").contains("canary"), "no value of an argument is in the log");
}

#[tokio::test]
async fn a_denied_call_runs_nowhere_and_stays_denied() {
    let bank = bank().await;
    let runtime = bank.desk.seated("bank", &["pay"]);
    let running = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
    let call = bank.waiting().await;
    let joined = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
    tokio::task::yield_now().await;
    bank.decide(&bank.boss, &call, Say::Deny).await.unwrap();
    for ended in [running.await, joined.await] {
        let refusal = ended.unwrap().unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied);
        assert!(refusal.message().contains("has denied"), "{refusal}");
        assert!(!refusal.message().contains("due"), "the words are for the log alone");
    }
    let again = bank.desk.call(&bank.agent, ask(&bank.session, "k", "pay", ARGS)).await.unwrap_err();
    assert_eq!(again.code(), Code::PermissionDenied);
    assert!(runtime.calls().is_empty());
    assert_eq!(bank.desk.log.of("approval_requested").len(), 1, "nobody is asked twice");
    let refused = bank.desk.log.of("refused");
    assert_eq!(refused.first().and_then(|record| record.text("approval")), Some(&*call.approval.to_string()));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_decides_is_denied_in_time() {
    let bank = bank().await;
    let running = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
    until("the call waits", || bank.desk.log.of("approval_requested").len() == 1).await;
    tokio::time::advance(Duration::from_secs(60)).await;
    let refusal = running.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied);
    assert!(refusal.message().contains("in time"), "{refusal}");
    let decided = bank.desk.log.of("approval_decided");
    assert_eq!(decided.first().and_then(|record| record.text("verdict")), Some("expired"));
}

#[tokio::test]
async fn nobody_approves_their_own_call_and_others_see_nothing() {
    let bank = bank().await;
    let both = bank.desk.token("agent", "demo", &["caller", "approver"]);
    let running = bank.desk.begin(&both, ask(&bank.session, "k", "pay", ARGS));
    let call = bank.waiting().await;
    let stranger = bank.desk.token("boss", "other", &["approver"]);
    let clerk = bank.desk.token("clerk", "demo", &["caller"]);
    for who in [&both, &stranger, &clerk] {
        assert!(bank.seen(who).await.is_empty());
        let refusal = bank.decide(who, &call, Say::Approve).await.unwrap_err();
        assert_eq!(refusal.code(), Code::PermissionDenied);
    }
    assert!(bank.desk.log.of("approval_decided").is_empty());
    assert_eq!(bank.desk.log.of("refused").len(), 3, "each try is on record");
    bank.decide(&bank.boss, &call, Say::Deny).await.unwrap();
    running.await.unwrap().unwrap_err();
}

#[tokio::test]
async fn cancelling_closing_revoking_and_stopping_end_the_wait() {
    let ways: [(&str, Code); 4] = [
        ("cancel", Code::Cancelled),
        ("close", Code::Cancelled),
        ("revoke", Code::PermissionDenied),
        ("stop", Code::ServiceUnavailable),
    ];
    for (way, code) in ways {
        let bank = bank().await;
        let runtime = bank.desk.seated("bank", &["pay"]);
        let running = bank.desk.begin(&bank.agent, ask(&bank.session, "k", "pay", ARGS));
        bank.waiting().await;
        match way {
            "cancel" => assert!(bank.desk.cancel(&bank.agent, &bank.session, "k").await.unwrap()),
            "close" => drop(bank.desk.close(&bank.agent, &bank.session, true).await.unwrap()),
            "revoke" => {
                let epoch = bank.desk.host().authorize.invalidate();
                bank.desk.host().revoke_grants(epoch, "they left").await;
            }
            _ => bank.desk.host().stopping.cancel(),
        }
        let refusal = running.await.unwrap().unwrap_err();
        assert_eq!(refusal.code(), code, "{way}: {refusal}");
        let decided = bank.desk.log.of("approval_decided");
        assert_eq!(decided.first().and_then(|record| record.text("verdict")), Some("void"), "{way}");
        assert!(runtime.calls().is_empty(), "{way}");
        assert_eq!(bank.desk.host().approvals.count(), 0, "{way}");
    }
}

#[tokio::test]
async fn a_caller_that_runs_it_itself_comes_back_for_its_grant() {
    let bank = bank().await;
    let first = waits(bank.authorize("k").await);
    assert_eq!(first.retry_after, Duration::from_secs(2));
    assert_eq!(first.refusal.code(), Code::PermissionDenied, "who knows no waiting takes it for a denial");
    let second = waits(bank.authorize("k").await);
    assert_eq!((first.approval, bank.kinds().len()), (second.approval, 2), "asking again asks nobody again");
    let call = bank.waiting().await;
    assert!(call.local);
    bank.decide(&bank.boss, &call, Say::Approve).await.unwrap();
    let Authorized::Granted(granted) = bank.authorize("k").await.unwrap() else { panic!("it was approved") };
    assert!(String::from_utf8(granted.record).unwrap().contains(&call.approval.to_string()));
    let third = bank.authorize("l").await;
    assert_ne!(waits(third).approval, call.approval, "another call needs another yes");
    let kinds = bank.kinds();
    assert_eq!(kinds.get(1..).unwrap(), ["approval_requested", "approval_decided", "admitted", "approval_requested"]);
}

#[tokio::test]
async fn an_approval_of_a_grant_that_is_denied_or_void_grants_nothing() {
    let bank = bank().await;
    waits(bank.authorize("k").await);
    let call = bank.waiting().await;
    bank.decide(&bank.boss, &call, Say::Deny).await.unwrap();
    assert_eq!(bank.authorize("k").await.unwrap_err().code(), Code::PermissionDenied);
    waits(bank.authorize("l").await);
    let epoch = bank.desk.host().authorize.invalidate();
    bank.desk.host().revoke_grants(epoch, "they left").await;
    let refusal = bank.authorize("l").await.unwrap_err();
    assert!(refusal.message().contains("made void"), "{refusal}");
    assert!(bank.desk.log.of("admitted").is_empty());
}

#[tokio::test]
async fn as_many_wait_as_may_and_the_rest_is_told_when_to_come() {
    let bank = bank().await;
    for number in 0..4 {
        waits(bank.authorize(&format!("k{number}")).await);
    }
    let refusal = bank.authorize("more").await.unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_after_ms()), (Code::ResourceExhausted, 5_000));
    assert!(matches!(bank.authorize("k0").await, Ok(Authorized::Waiting(_))), "those that wait go on waiting");
}

#[tokio::test]
async fn an_approval_that_finds_no_runtime_is_kept_for_the_same_call() {
    let bank = bank().await;
    let call = || ask(&bank.session, "k", "pay", ARGS);
    let first = bank.desk.begin(&bank.agent, call());
    let waiting = bank.waiting().await;
    bank.decide(&bank.boss, &waiting, Say::Approve).await.unwrap();
    let refusal = first.await.unwrap().unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable, "{refusal}");
    let detail = |name: &str| refusal.details().iter().find(|(key, _)| *key == name).map(|(_, value)| value.clone());
    assert_eq!(detail("approval_id"), Some(waiting.approval.to_string()));
    assert!(detail("approval").unwrap().contains("unused"), "{refusal:?}");
    assert_eq!(bank.desk.host().approvals.count(), 1, "it holds its place again");

    // The same call goes on with it, once, and nobody is asked again.
    let runtime = bank.desk.seated("bank", &["pay"]);
    bank.desk.ended(&bank.agent, call(), &runtime, success("7")).await.unwrap();
    assert_eq!((bank.desk.log.of("approval_requested").len(), bank.desk.log.of("approval_decided").len()), (1, 1));
    let [admitted] = &bank.desk.log.of("admitted")[..] else { panic!("one") };
    assert_eq!(admitted.text("approval"), Some(waiting.approval.to_string().as_str()));
    assert_eq!(bank.desk.host().approvals.count(), 0);
}
