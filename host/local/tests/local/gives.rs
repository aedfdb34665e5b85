//! What is given, and what is not.

use std::time::Duration;

use grid_audit::Record;
use grid_core::{Code, clock::Clock as _, refusal::Context};
use grid_testkit::SessionRequest;
use grid_tlog::Hash;

use super::common::{TTL, desk, desk_with, settings};

#[tokio::test]
async fn a_grant_is_its_admissions_record_and_the_proof_that_the_log_has_it() {
    let desk = desk();
    let given = desk.grant("sum").await;
    let issued = &given.issued;
    let checkpoint = issued.proof.verify(desk.log.key()).unwrap();
    assert_eq!((checkpoint.size, issued.proof.index), (1, 0));
    assert_eq!(issued.proof.leaf, Hash::leaf(&issued.record));
    let stored = desk.log.of("admitted");
    assert_eq!(stored[0].line().as_bytes(), issued.record, "the grant is the record byte for byte");
    let record = Record::decode(0, &issued.record).unwrap();
    assert_eq!((record.principal(), record.tenant(), record.tool()), (Some("agent"), Some("demo"), Some("sum")));
    assert_eq!(record.session(), Some(given.session.as_str()));
    assert_eq!(record.invocation(), Some(issued.grant.invocation().to_string().as_str()));
    assert_eq!((record.rule(), record.number("epoch")), (Some("any-principal"), Some(1)));
    assert!(record.text("args_digest").is_some() && record.text("contract").is_some());
    assert_eq!(record.fields().get("local"), Some(&true.into()));
    let expires = desk.scene.clock.unix_ms() + 60_000;
    assert_eq!((record.number("expires_ms"), issued.ttl), (Some(expires), TTL));
    assert_eq!(desk.grants.count(), 1);
}

#[tokio::test]
async fn a_contract_can_forbid_that_callers_run_it() {
    let desk = desk();
    let refusal = desk.hold("open_door").await.unwrap_err();
    assert_eq!(refusal.code(), Code::FeatureUnavailable);
    assert_eq!((desk.grants.count(), desk.session.in_flight()), (0, 0), "neither place nor call_id stays taken");
}

#[tokio::test]
async fn arguments_may_be_known_by_their_digest_where_the_contract_permits_it() {
    let desk = desk();
    let issued = desk.issue(desk.unseen([7; 32]).await).await;
    let record = Record::decode(0, &issued.record).unwrap();
    assert_eq!(record.text("args_digest"), Some(format!("sha256:{}", "07".repeat(32)).as_str()));
    assert_eq!((record.number("args_bytes"), record.text("args_shape")), (Some(12), None));
}

#[tokio::test]
async fn a_principal_holds_so_many_and_the_host_so_many_in_all() {
    let desk = desk_with(settings(2, 3));
    let given = [desk.grant("sum").await, desk.grant("sum").await];
    let refusal = desk.hold("sum").await.unwrap_err();
    assert_eq!((refusal.code(), refusal.retry_after_ms()), (Code::RateLimitExceeded, 1000));
    let session = desk.scene.session("other", "demo", &[]);
    let (call, ticket) = desk.consented(&session, desk.request("sum", "{}")).await;
    let third = desk.grants.hold(call, ticket).unwrap();
    let session = desk.scene.session("third", "demo", &[]);
    let (call, ticket) = desk.consented(&session, desk.request("sum", "{}")).await;
    let refusal = desk.grants.hold(call, ticket).unwrap_err();
    let refusal = refusal.within(Context { repeatable: true, ..Context::default() });
    assert_eq!((refusal.code(), refusal.retry_after_ms()), (Code::ResourceExhausted, 1000), "nothing ran");
    drop(third);
    desk.report(&given[0]).await;
    assert_eq!(desk.grants.count(), 1, "what was refused took no place, and what ended gave its own back");
    assert!(desk.hold("sum").await.is_ok());
}

#[tokio::test]
async fn a_grant_does_not_outlive_its_session() {
    let desk = desk();
    desk.scene.clock.advance(Duration::from_secs(3600 - 7));
    assert_eq!(desk.grant("sum").await.issued.ttl, Duration::from_secs(7));
}

#[tokio::test]
async fn nothing_is_given_to_whoever_no_longer_waits() {
    let desk = desk();
    let deadline_unix_ms = Some(desk.scene.clock.unix_ms());
    let request = SessionRequest { deadline_unix_ms, ..desk.request("sum", "{}") };
    let (call, ticket) = desk.consented(&desk.session, request).await;
    assert_eq!(desk.grants.hold(call, ticket).unwrap_err().code(), Code::Timeout);
}

#[tokio::test]
async fn the_receipt_of_another_admission_opens_nothing() {
    let desk = desk();
    let (mut one, mut other) = (desk.hold("sum").await.unwrap(), desk.hold("sum").await.unwrap());
    let receipt = desk.admit(&mut one).await;
    desk.admit(&mut other).await;
    assert_eq!(desk.grants.open(other, &receipt).unwrap_err().code(), Code::AuditUnavailable);
    assert!(desk.grants.open(one, &receipt).is_ok());
}

#[tokio::test]
async fn no_configuration_makes_a_grant_live_longer_than_five_minutes() {
    let desk = desk_with(grid_local::Settings { ttl: Duration::from_secs(3000), outstanding: 9, total: 9 });
    assert_eq!(desk.grant("sum").await.issued.ttl, Duration::from_secs(300));
}
