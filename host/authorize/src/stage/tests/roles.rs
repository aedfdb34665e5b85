//! Deny is the default.

use grid_testkit::{Declaration, Development, Scene, manifest, options};

use super::common::{SETTINGS, Stage, context, contract, stage, strict};
use crate::{Roles, stage::*};

fn by_roles() -> Stage {
    stage(Arc::new(Roles), SETTINGS)
}

async fn admits(required: &str, held: &[&str]) -> bool {
    let contract = contract("sum", &format!(r#""required_roles":{required},"#));
    let asked = by_roles();
    asked.ask(&context("agent", "demo", held), &contract).await.is_ok()
}

#[tokio::test]
async fn a_contract_that_names_no_roles_admits_nobody() {
    assert!(!admits("[]", &[]).await);
    assert!(!admits("[]", &["admin", "*"]).await);
    let silent = contract("sum", "");
    let decided = by_roles().ask(&context("agent", "demo", &["admin"]), &silent).await;
    assert_eq!(decided.unwrap_err(), Code::PermissionDenied);
}

#[tokio::test]
async fn all_roles_of_a_contract_are_needed() {
    assert!(admits(r#"["a","b"]"#, &["b", "a", "c"]).await);
    for held in [&[][..], &["a"], &["b"], &["c"], &["A", "B"], &["ab"], &["a,b"]] {
        assert!(!admits(r#"["a","b"]"#, held).await, "{held:?}");
    }
}

#[tokio::test]
async fn a_lone_star_admits_any_proved_principal() {
    assert!(admits(r#"["*"]"#, &[]).await);
    assert!(admits(r#"["*"]"#, &["whatever"]).await);
}

#[tokio::test]
async fn a_star_beside_a_role_does_not_widen_it() {
    assert!(!admits(r#"["*","admin"]"#, &[]).await);
    assert!(!admits(r#"["*","admin"]"#, &["admin"]).await);
}

#[tokio::test]
async fn holding_a_role_called_star_opens_nothing_else() {
    assert!(!admits(r#"["admin"]"#, &["*"]).await);
}

#[tokio::test]
async fn a_tool_that_was_registered_for_a_session_is_open_to_it() {
    let known = manifest(
        r#"{"manifest_version":"1.0.0","contracts":[{"name":"calc","function_declarations":[{"name":"sum","description":"d","parameters":{"type":"OBJECT"}}]}]}"#,
    );
    let scene = Scene::new(Development::new(known, options(), 50));
    let session = scene.session("calc", "demo", &[]);
    let mine = Declaration {
        name: "mine".to_owned(),
        description: "Does.".to_owned(),
        parameters: r#"{"type":"OBJECT"}"#.to_owned(),
    };
    let registered = scene.contracts.register(session.id(), "calc", &[vec![mine]]);
    assert_eq!(registered.accepted.len(), 1);
    let asked = by_roles();
    let permitted = asked.authorize.permit(scene.contracted(&session, "mine"), false).await.unwrap();
    assert_eq!(&*permitted.decision().rule, "registered-for-this-session");
    let refused = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "the manifest is not opened by that");
}

#[tokio::test]
async fn a_permit_says_by_which_rule_and_epoch() {
    let scene = strict("sum", r#""required_roles":["a","b"],"#);
    let session = scene.session("agent", "demo", &["a", "b"]);
    let asked = by_roles();
    let permitted = asked.authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap();
    let decision = permitted.decision();
    assert_eq!((&*decision.rule, decision.epoch, decision.age), ("roles:a+b", 1, None));
    assert_eq!(&**permitted.call().contract().name(), "sum");
}

#[tokio::test]
async fn a_denial_tells_the_caller_what_is_missing_and_the_operator_by_which_rule() {
    let scene = strict("sum", r#""required_roles":["a","b","c"],"#);
    let session = scene.session("agent", "demo", &["b"]);
    let refused = by_roles().authorize.permit(scene.contracted(&session, "sum"), false).await.unwrap_err();
    assert_eq!((refused.code(), refused.stage()), (Code::PermissionDenied, grid_core::Stage::Authorize));
    assert_eq!(refused.message(), "`agent` may not call `sum`: it lacks the role `a`, `c`");
    assert_eq!(refused.internal(), Some("missing-roles"));
}
