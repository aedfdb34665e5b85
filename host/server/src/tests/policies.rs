//! Policies in front of the whole path: what is listed, what is called, and what takes whose place.

use std::{fs, path::Path, sync::Arc, time::Duration};

use grid_config::DeniedTools;
use grid_core::{
    Code,
    port::{AdminDoor as _, FrontDoor as _},
};
use grid_metrics::Glance;
use grid_reload::{Policies, reload, shadowing, watching};
use grid_testkit::{Dice, until};

use super::desk::{Desk, SUM, ask, strict_by, success};
use crate::deciding::read;

const OPEN: &str = "permit (principal, action, resource);";
const NO_SUM: &str = "permit (principal, action, resource);
forbid (principal, action == Grid::Action::\"sum\", resource);";

fn write(dir: &Path, text: &str) {
    fs::write(dir.join("rules.cedar"), text).unwrap();
}

fn by(live: &Path, shadow: Option<&Path>, denied: DeniedTools) -> Desk<grid_contract::Strict> {
    strict_by(Policies::new(Some(live.to_owned()), shadow.map(Path::to_owned), None, read), denied)
}

/// Policies of which some are put together at random.
const RULES: [&str; 10] = [
    "permit (principal in Grid::Role::\"caller\", action in Grid::Action::\"call\", resource);",
    "permit (principal in Grid::Role::\"vault\", action, resource in Grid::Group::\"vault\");",
    "permit (principal in Grid::Tenant::\"other\", action == Grid::Action::\"sum\", resource);",
    "permit (principal, action == Grid::Action::\"sum\", resource) when { context.args.a > 5 };",
    "forbid (principal, action == Grid::Action::\"sum\", resource) when { context.args.a < 0 };",
    "forbid (principal, action == Grid::Action::\"send\", resource) unless { context.tenant == Grid::Tenant::\"demo\" };",
    "forbid (principal, action == Grid::Action::\"text\", resource) when { context.args has t && context.args.t like \"*x*\" };",
    "permit (principal, action == Grid::Action::\"text\", resource) when { context.args has t && context.args.t == \"yes\" };",
    "forbid (principal in Grid::Tenant::\"demo\", action == Grid::Action::\"look\", resource);",
    "forbid (principal, action == Grid::Action::\"look\", resource) when { resource.effect == \"read\" };",
];

/// Arguments of every kind that the rules tell apart.
fn arguments(tool: &str) -> &'static [&'static str] {
    match tool {
        "sum" => &[r#"{"a":-1,"b":0}"#, r#"{"a":3,"b":0}"#, r#"{"a":9,"b":0}"#],
        "text" => &["{}", r#"{"t":"yes"}"#, r#"{"t":"x"}"#],
        _ => &["{}"],
    }
}

#[tokio::test]
async fn what_is_listed_is_what_may_be_called_over_random_policies_roles_and_tenants() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), OPEN);
    let desk = by(dir.path(), None, DeniedTools::Omit);
    let mut dice = Dice::seeded(11);
    let (mut hidden, mut shown, mut partly) = (0, 0, 0);
    for round in 0..150 {
        let rules = dice.some(&RULES);
        write(dir.path(), &rules.join("\n"));
        reload(desk.host(), &grid_reload::Cause::Signal).await.unwrap();
        let (roles, tenant) = (dice.some(&["caller", "vault", "other"]), ["demo", "other"][dice.below(2)]);
        let who = desk.token("agent", tenant, &roles);
        let session = desk.session(&who).await;
        let listed = desk.listed(&who, &session).await;
        for tool in ["look", "open", "send", "shut", "sum", "text"] {
            let reads = desk.host().authorize.deciding().1.reads(tool).args;
            let mut permitted = Vec::new();
            for (at, args) in arguments(tool).iter().enumerate() {
                let refusal = desk.call(&who, ask(&session, &format!("{tool}-{at}"), tool, args)).await.unwrap_err();
                permitted.push(match refusal.code() {
                    // Nobody serves anything here: who gets as far as that may call.
                    Code::ServiceUnavailable => true,
                    Code::PermissionDenied => false,
                    other => panic!("round {round}: {tool} ended in {other}"),
                });
            }
            let (any, all) = (permitted.contains(&true), !permitted.contains(&false));
            let about = format!("round {round}: {tool} of {roles:?} in {tenant} under {rules:?}: {permitted:?}");
            match listed.iter().any(|name| name == tool) {
                false => assert!(!any, "hidden and callable: {about}"),
                true => assert!(all || reads, "listed and denied whatever the arguments: {about}"),
            }
            hidden += usize::from(!any);
            shown += usize::from(all);
            partly += usize::from(any && !all);
        }
        desk.close(&who, &session, true).await.unwrap();
    }
    assert!(hidden > 100 && shown > 100 && partly > 10, "{hidden} {shown} {partly}: too one-sided to show anything");
}

#[tokio::test]
async fn another_set_takes_the_place_of_the_one_before_and_a_faulty_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), OPEN);
    let desk = by(dir.path(), None, DeniedTools::Omit);
    let operator = desk.token("root", "demo", &["operator"]);
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum"]);
    desk.ended(&agent, ask(&session, "1", "sum", SUM), &runtime, success("3")).await.unwrap();
    let before = desk.door.reload_policies(operator.clone()).await.unwrap();
    assert!(!before.changed);

    write(dir.path(), NO_SUM);
    let after = desk.door.reload_policies(operator.clone()).await.unwrap();
    assert!(after.changed && after.policy != before.policy && after.epoch > before.epoch);
    let refusal = desk.call(&agent, ask(&session, "2", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied, "the set before permitted it from the cache");
    let changed = desk.log.of("policy_changed");
    assert_eq!((changed.len(), changed[0].number("epoch")), (1, Some(after.epoch)));
    assert_eq!(changed[0].principal(), Some("root"));

    write(dir.path(), "permit (principal, action == Grid::Action::\"nothing\", resource);\npermit (");
    let refusal = desk.door.reload_policies(operator.clone()).await.unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidConfig);
    assert!(refusal.message().contains("rules.cedar:"), "no place: {refusal}");
    assert_eq!(desk.log.of("policy_refused").len(), 1);
    assert_eq!(desk.host().authorize.epoch(), after.epoch);
    let refusal = desk.call(&agent, ask(&session, "3", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::PermissionDenied, "the set before does not decide any more");
    let metrics = desk.host().metrics.render(&Glance::default());
    assert!(metrics.contains("grid_policy_loads_total{result=\"refused\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_set_that_cannot_be_recorded_is_not_taken() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), OPEN);
    let desk = by(dir.path(), None, DeniedTools::Omit);
    let operator = desk.token("root", "demo", &["operator"]);
    let before = desk.host().authorize.deciding();
    write(dir.path(), NO_SUM);
    desk.log.disk.break_down();
    let refusal = desk.door.reload_policies(operator).await.unwrap_err();
    assert_eq!(refusal.code(), Code::AuditUnavailable);
    let now = desk.host().authorize.deciding();
    assert_eq!((now.0, now.1.digest()), (before.0, before.1.digest()));
}

#[tokio::test]
async fn a_directory_that_changed_and_came_to_rest_is_read() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), OPEN);
    let desk = by(dir.path(), None, DeniedTools::Omit);
    let host = desk.host();
    let digest = || host.authorize.deciding().1.digest();
    let before = digest();
    host.tasks.spawn(watching(Arc::clone(host), Duration::from_millis(10)));
    write(dir.path(), NO_SUM);
    until("the other set decides", || digest() != before).await;
    host.stopping.cancel();
    assert_eq!(desk.log.of("policy_changed").len(), 1);
}

#[tokio::test]
async fn a_candidate_is_asked_beside_the_one_that_decides_and_changes_nothing() {
    let (live, shadow) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(live.path(), OPEN);
    write(shadow.path(), NO_SUM);
    let desk = by(live.path(), Some(shadow.path()), DeniedTools::Omit);
    let host = desk.host();
    host.tasks.spawn(shadowing(Arc::clone(host)));
    host.tasks.spawn(watching(Arc::clone(host), Duration::from_millis(10)));
    until("the candidate is there", || host.policies.candidate().is_some()).await;
    let (agent, session) = desk.agent().await;
    let runtime = desk.seated("calc", &["sum", "text"]);
    desk.ended(&agent, ask(&session, "1", "text", "{}"), &runtime, success("3")).await.unwrap();
    desk.ended(&agent, ask(&session, "2", "sum", SUM), &runtime, success("3")).await.unwrap();
    until("the difference is on record", || !desk.log.of("policy_differed").is_empty()).await;
    let differed = desk.log.of("policy_differed");
    assert!(differed.iter().all(|record| record.text("tool") == Some("sum")), "{differed:?}");
    assert_eq!(differed[0].text("verdict"), Some("deny"));
    let metrics = host.metrics.render(&Glance::default());
    let counted = metrics.lines().find(|line| line.starts_with("grid_policy_shadow_differences_total ")).unwrap();
    assert!(!counted.ends_with(" 0"), "{counted}");
    write(shadow.path(), "permit (");
    until("the candidate is gone", || host.policies.candidate().is_none()).await;
    desk.ended(&agent, ask(&session, "3", "sum", SUM), &runtime, success("3")).await.unwrap();
    host.stopping.cancel();
}

#[tokio::test]
async fn what_is_hidden_answers_as_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), NO_SUM);
    let desk = by(dir.path(), None, DeniedTools::Hide);
    let (agent, session) = desk.agent().await;
    assert!(!desk.listed(&agent, &session).await.contains(&"sum".to_owned()));
    let hidden = desk.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    let unknown = desk.call(&agent, ask(&session, "k", "nope", SUM)).await.unwrap_err();
    let plain = |text: &str| text.replace("nope", "sum");
    assert_eq!((hidden.code(), hidden.stage()), (unknown.code(), unknown.stage()));
    assert_eq!(hidden.message(), plain(unknown.message()));
    assert_eq!((hidden.details(), hidden.retry_allowed()), (unknown.details(), unknown.retry_allowed()));
    let refused = desk.log.of("refused");
    assert_eq!(
        refused.first().and_then(|record| record.code()),
        Some("PERMISSION_DENIED"),
        "operators see what it was"
    );
}

#[tokio::test]
async fn what_is_shown_although_denied_says_so() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), NO_SUM);
    let desk = by(dir.path(), None, DeniedTools::Show);
    let (agent, session) = desk.agent().await;
    let listed = desk.door.list_tools(agent, session, String::new()).await.unwrap().tools;
    let denied: Vec<_> = listed.iter().map(|tool| (tool.name.as_str(), tool.denied)).collect();
    let all = [("look", false), ("open", true), ("send", false), ("shut", true), ("sum", true), ("text", false)];
    assert_eq!(denied, all);
}
