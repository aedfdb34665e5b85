//! What is kept, for how long, and for whom.

use std::collections::BTreeMap;

use grid_core::principal::{Principal, SecurityClaim};
use grid_testkit::{Declaration, Development, Opening, Scene, options, principal};

use super::common::{SETTINGS, Say, Slow, Told, context, contract, session, stage, strict};
use crate::stage::*;

const OPEN: &str = r#""required_roles":["*"],"#;

#[tokio::test]
async fn a_permit_is_kept_for_sixty_seconds_whatever_is_configured() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    assert_eq!(asked.ask(&context, &contract).await.unwrap().age, None);
    asked.clock.advance(Duration::from_millis(59_999));
    let kept = asked.ask(&context, &contract).await.unwrap();
    assert_eq!((kept.age, told.asked()), (Some(Duration::from_millis(59_999)), 1));
    told.now(Say::No);
    asked.clock.advance(Duration::from_millis(1));
    assert!(asked.ask(&context, &contract).await.is_err(), "what has run out is not served");
    assert_eq!(told.asked(), 2);
}

#[tokio::test]
async fn a_denial_is_kept_for_five_seconds_whatever_is_configured() {
    let told = Told::to(Say::No);
    let asked = stage(told.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    assert!(asked.ask(&context, &contract).await.is_err());
    told.now(Say::Yes);
    asked.clock.advance(Duration::from_millis(4_999));
    assert!(asked.ask(&context, &contract).await.is_err());
    assert_eq!(told.asked(), 1);
    asked.clock.advance(Duration::from_millis(1));
    assert!(asked.ask(&context, &contract).await.is_ok());
}

#[tokio::test]
async fn a_shorter_time_is_kept_to() {
    let told = Told::to(Say::Yes);
    let short = Settings { ttl: Duration::from_secs(2), deny_ttl: Duration::from_secs(1), ..SETTINGS };
    let asked = stage(told.clone(), short);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    for (wait, count) in [(0, 1), (1, 1), (1, 2), (2, 3)] {
        asked.clock.advance(Duration::from_secs(wait));
        assert!(asked.ask(&context, &contract).await.is_ok());
        assert_eq!(told.asked(), count);
    }
}

#[tokio::test]
async fn hits_and_misses_are_counted() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    for _ in 0..5 {
        asked.ask(&context, &contract).await.unwrap();
    }
    asked.clock.advance(Duration::from_secs(60));
    asked.ask(&context, &contract).await.unwrap();
    assert_eq!(asked.authorize.hits_and_misses(), (4, 2));
    assert_eq!(told.asked(), 2);
}

#[tokio::test]
async fn without_a_cache_each_question_is_asked() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), Settings { cache: false, ..SETTINGS });
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    for _ in 0..5 {
        assert_eq!(asked.ask(&context, &contract).await.unwrap().age, None);
    }
    assert_eq!((told.asked(), asked.authorize.hits_and_misses()), (5, (0, 5)));
}

#[tokio::test]
async fn an_authorizer_that_errs_denies_and_is_asked_again() {
    let told = Told::to(Say::Fault);
    let asked = stage(told.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let refused = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(refused.internal(), Some("error: the directory is down"));
    assert!(!refused.message().contains("directory"), "that is the operator's: {refused}");
    told.now(Say::Yes);
    assert!(asked.authorize.permit(scene.contracted(&session, "sum"), false).await.is_ok(), "the fault was kept");
}

#[tokio::test(start_paused = true)]
async fn an_authorizer_that_does_not_answer_in_time_denies_and_is_asked_again() {
    let told = Told::to(Say::Nothing);
    let asked = stage(told.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    let began = tokio::time::Instant::now();
    assert_eq!(asked.ask(&context, &contract).await.unwrap_err(), Code::PermissionDenied);
    let took = began.elapsed();
    assert!(took >= SETTINGS.timeout && took < SETTINGS.timeout * 2, "{took:?}");
    told.now(Say::Yes);
    assert!(asked.ask(&context, &contract).await.is_ok(), "the time-out was kept");
}

#[tokio::test]
async fn a_fault_does_not_push_out_what_was_decided_for_others() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let contract = contract("sum", OPEN);
    asked.ask(&context("one", "demo", &[]), &contract).await.unwrap();
    told.now(Say::Fault);
    assert!(asked.ask(&context("two", "demo", &[]), &contract).await.is_err());
    assert!(asked.ask(&context("one", "demo", &[]), &contract).await.is_ok());
}

/// Whether the second question is answered from the cache after the first.
async fn shares(first: (&SecurityContext, &Arc<Contract>), second: (&SecurityContext, &Arc<Contract>)) -> bool {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    asked.ask(first.0, first.1).await.unwrap();
    told.now(Say::No);
    let shared = asked.ask(second.0, second.1).await.is_ok();
    assert_eq!(told.asked(), if shared { 1 } else { 2 });
    shared
}

#[tokio::test]
async fn the_same_question_from_another_session_shares_the_decision() {
    let contract = contract("sum", OPEN);
    let (one, two) = (context("agent", "demo", &["a", "b"]), context("agent", "demo", &["b", "a"]));
    assert!(shares((&one, &contract), (&two, &contract)).await);
}

#[tokio::test]
async fn each_part_of_the_principal_alone_asks_again() {
    let contract = contract("sum", OPEN);
    let one = context("agent", "demo", &["a"]);
    for other in [
        context("agenT", "demo", &["a"]),
        context("agent", "demo2", &["a"]),
        context("agent", "demo", &[]),
        context("agent", "demo", &["b"]),
        context("agent", "demo", &["a", "b"]),
        context("agentd", "emo", &["a"]),
    ] {
        assert!(!shares((&one, &contract), (&other, &contract)).await, "{other:?}");
    }
    let mut digested = Principal::clone(&one.principal);
    digested.digest.0[31] ^= 1;
    let other = SecurityContext { principal: Arc::new(digested), claim: None };
    assert!(!shares((&one, &contract), (&other, &contract)).await, "the last bit of the digest");
}

#[tokio::test]
async fn each_setting_of_the_contract_alone_asks_again() {
    let context = context("agent", "demo", &["a"]);
    let one = contract("sum", r#""required_roles":["a"],"effect":"read","tags":["t"],"#);
    for other in [
        contract("sum2", r#""required_roles":["a"],"effect":"read","tags":["t"],"#),
        contract("sum", r#""required_roles":["*"],"effect":"read","tags":["t"],"#),
        contract("sum", r#""required_roles":["a"],"effect":"pure","tags":["t"],"#),
        contract("sum", r#""required_roles":["a"],"effect":"read","tags":[],"#),
        contract("sum", r#""required_roles":["a"],"effect":"read","tags":["t"],"timeout":"1s","#),
    ] {
        assert!(!shares((&context, &one), (&context, &other)).await, "{other:?}");
    }
}

#[tokio::test]
async fn a_decision_on_a_registered_tool_stays_in_its_session() {
    let scene = Scene::new(Development::new(grid_contract::Manifest::default(), options(), 50));
    let (one, two) = (scene.session("calc", "demo", &[]), scene.session("calc", "demo", &[]));
    let mine = Declaration {
        name: "mine".to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT"}"#.to_owned(),
    };
    for session in [&one, &two] {
        let registered = scene.contracts.register(session.id(), "calc", &[vec![mine.clone()]]);
        assert_eq!(registered.accepted.len(), 1);
    }
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    for _ in 0..2 {
        asked.authorize.permit(scene.contracted(&one, "mine"), false).await.unwrap();
    }
    assert_eq!(told.asked(), 1);
    told.now(Say::No);
    assert!(asked.authorize.permit(scene.contracted(&two, "mine"), false).await.is_err());
}

#[tokio::test]
async fn the_claims_of_a_session_keep_its_decisions_apart() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let contract = contract("sum", OPEN);
    let claim =
        SecurityClaim { claims: BTreeMap::from([("desk".to_owned(), "7".to_owned())]), ..SecurityClaim::default() };
    let claiming = SecurityContext { principal: principal("agent", "demo", &[]), claim: Some(Arc::new(claim)) };
    let session = session();
    for _ in 0..3 {
        asked.ask_in(&session, &claiming, &contract).await.unwrap();
    }
    assert_eq!(told.asked(), 1, "a claim never changes within its session");
    told.now(Say::No);
    assert!(asked.ask(&claiming, &contract).await.is_err(), "another session's claim served this one");
    let plain = context("agent", "demo", &[]);
    assert!(asked.ask(&plain, &contract).await.is_err(), "a permit with claims served one without");
    told.now(Say::Yes);
    assert!(asked.ask(&claiming, &contract).await.is_ok(), "a denial without claims served one with");
}

#[tokio::test]
async fn the_claims_of_a_session_reach_the_stage() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let claim = Some(Arc::new(SecurityClaim { principal: "agent".to_owned(), ..SecurityClaim::default() }));
    let session = scene.session_with("agent", "demo", &[], Opening { claim, ..Opening::default() });
    asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
    let plain = scene.session("agent", "demo", &[]);
    asked.authorize.permit(scene.contracted(&plain, "sum"), false).await.unwrap();
    assert_eq!(told.asked(), 2, "a permit with a claim served a session without one");
}

#[tokio::test]
async fn a_list_asks_the_same_question_as_a_call() {
    let told = Told::to(Say::Yes);
    let asked = stage(told.clone(), SETTINGS);
    let scene = strict("sum", OPEN);
    let session = scene.session("agent", "demo", &[]);
    let call = scene.contracted(&session, "sum");
    let listed = asked.authorize.lists(call.call().context(), &session, call.contract(), false).await;
    assert_eq!(listed, Listed::Callable { needs_approval: false });
    told.now(Say::No);
    assert!(asked.authorize.permit(call, false).await.is_ok(), "the list's decision is the call's");
    assert_eq!(told.asked(), 1);
}

#[tokio::test]
async fn a_question_that_nobody_waits_for_leaves_nothing_behind() {
    let slow = Slow::to(Say::Yes);
    let asked = stage(slow.clone(), SETTINGS);
    let (context, contract) = (context("agent", "demo", &[]), contract("sum", OPEN));
    {
        let mut waiting = Box::pin(asked.ask(&context, &contract));
        let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(waiting.as_mut().poll(cx).is_pending()));
        assert!(polled.await);
    }
    slow.told.now(Say::No);
    slow.go.add_permits(1);
    assert!(asked.ask(&context, &contract).await.is_err());
}
