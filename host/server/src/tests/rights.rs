//! Who may do what: lists and calls agree, and a right that ends has ended.

use std::collections::BTreeSet;

use grid_core::{
    Code,
    frame::{Declaration, HostFrame, Register, RuntimeFrame},
};
use grid_testkit::Dice;

use super::desk::{SUM, ask, development, strict, success};

const ALL: [&str; 6] = ["look", "open", "send", "shut", "sum", "text"];

/// Arguments that fit each function.
fn fitting(name: &str) -> &'static str {
    if name == "sum" { SUM } else { "{}" }
}

#[tokio::test]
async fn what_is_listed_is_what_may_be_called_over_random_roles() {
    let desk = strict();
    let mut dice = Dice::seeded(5);
    let mut sizes = BTreeSet::new();
    for round in 0..60 {
        let roles = dice.some(&["caller", "vault", "other", "*"]);
        let who = desk.token("agent", "demo", &roles);
        let session = desk.session(&who).await;
        let listed = desk.listed(&who, &session).await;
        sizes.insert(listed.len());
        for name in ALL {
            let refusal = desk.call(&who, ask(&session, name, name, fitting(name))).await.unwrap_err();
            let permitted = match refusal.code() {
                // Nobody serves anything here: who gets as far as that may call.
                Code::ServiceUnavailable => true,
                Code::PermissionDenied => false,
                other => panic!("round {round}: {name} with {roles:?} ended in {other}"),
            };
            assert_eq!(listed.iter().any(|tool| tool == name), permitted, "round {round}: {name} with {roles:?}");
        }
    }
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [0, 4, 5], "nothing, the common ones, the vault too");
}

#[tokio::test]
async fn registered_tools_are_listed_and_callable_in_their_session_only() {
    let desk = development();
    let calc = desk.token("calc", "demo", &["runtime", "caller"]);
    let (session, other) = (desk.session(&calc).await, desk.session(&calc).await);
    let mut runtime = desk.attach_as(&calc, "calc").await.unwrap();
    let mine = Declaration {
        name: "mine".to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT"}"#.to_owned(),
    };
    let register = Register { session_id: session.clone(), tools: vec![vec![mine]], ..Register::default() };
    assert!(matches!(runtime.answered(RuntimeFrame::Register(register)).await, HostFrame::Registered(_)));
    assert!(desk.listed(&calc, &session).await.contains(&"mine".to_owned()));
    assert!(!desk.listed(&calc, &other).await.contains(&"mine".to_owned()));
    let refusal = desk.call(&calc, ask(&other, "k", "mine", "{}")).await.unwrap_err();
    assert_eq!(refusal.code(), Code::UnsupportedTool);
}

#[tokio::test]
async fn a_tool_is_listed_with_all_that_its_caller_needs() {
    use grid_core::port::FrontDoor as _;
    let desk = strict();
    let (agent, session) = desk.agent().await;
    desk.seated("calc", &["sum"]);
    let tools = desk.door.list_tools(agent.clone(), session, "w-list".to_owned()).await.unwrap();
    assert_eq!(tools.correlation_id.as_str(), "w-list");
    let names: Vec<_> = tools.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(names, ["look", "send", "sum", "text"], "by name");
    let sum = &tools.tools[2];
    assert_eq!(
        (sum.contract.as_str(), sum.version.as_str(), sum.effect, sum.timeout_ms),
        ("calc", "1.2", "pure", 10_000)
    );
    assert!(sum.available && !tools.tools[0].available && !sum.dynamic);
    assert!(sum.digest.starts_with("sha256:") && sum.parameters.contains(r#""required""#));
}

#[tokio::test]
async fn a_token_with_fewer_roles_may_do_no_more_than_it_proves() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    let weaker = desk.token("agent", "demo", &[]);
    let refusal = desk.call(&weaker, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied, "the session lent its opener's roles to a weaker token");
    assert!(desk.listed(&weaker, &session).await.is_empty());
    assert!(runtime.calls().is_empty());
    assert!(desk.ended(&agent, ask(&session, "k", "sum", SUM), &runtime, success("3")).await.is_ok());
}

#[tokio::test]
async fn a_role_that_was_granted_later_counts_from_the_token_that_proves_it() {
    let desk = strict();
    let before = desk.token("agent", "demo", &[]);
    let session = desk.session(&before).await;
    assert!(desk.listed(&before, &session).await.is_empty());
    let (after, _) = desk.agent().await;
    assert_eq!(desk.listed(&after, &session).await, ["look", "send", "sum", "text"]);
}
