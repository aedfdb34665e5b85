//! What a set of policies answers.

use crate::common::{ask, set, teller};
use grid_core::port::{Authorizer, Reads};

const TELLERS: &str = r#"
permit (principal in Grid::Role::"teller", action in Grid::Action::"call", resource in Grid::Tag::"money");
@id("large")
forbid (principal, action == Grid::Action::"transfer", resource)
when { context.args.amount.greaterThan(decimal("1000.0")) };
@id("watched") @approval("teller_lead")
forbid (principal, action == Grid::Action::"transfer", resource)
when { context.args.amount.greaterThan(decimal("500.0")) };
"#;

#[test]
fn arguments_decide_between_yes_no_and_a_person() {
    let set = set(TELLERS);
    let amount = |amount: &str| ask(&set, &teller("transfer", Some(&format!(r#"{{"amount":{amount},"to":"x"}}"#))));
    assert_eq!(amount("500"), "allow policy:p#1");
    assert_eq!(amount("500.0001"), "ask policy:p#watched");
    assert_eq!(amount("1e3"), "ask policy:p#watched");
    assert_eq!(amount("1000.01"), "deny policy:p#large");
    assert_eq!(
        amount("0.00001"),
        "deny error: the number at `/amount` has more digits than a decimal of policies holds (15 and 4)"
    );
    assert_eq!(amount("922337203685478"), "deny error: a number or a time is too large for policies to read");
    assert_eq!(ask(&set, &teller("transfer", None)), "allow policy:p#1", "for some arguments they may");
    assert_eq!(ask(&set, &teller("report", None)), "deny policy:none-permits");
}

#[test]
fn roles_and_policies_both_have_to_permit() {
    let set = set("permit (principal, action, resource);");
    let mut probe = teller("balance", Some(r#"{"account":"1"}"#));
    assert_eq!(ask(&set, &probe), "allow policy:p#1");
    probe.roles.clear();
    assert_eq!(ask(&set, &probe), "deny missing-roles");
    probe.claims.insert("department".to_owned(), "branch".to_owned());
    assert_eq!(ask(&set, &probe), "allow policy:p#1", "a binding by claim, and teller includes viewer");
    probe.claims.clear();
    probe.principal = "lena".to_owned();
    assert_eq!(ask(&set, &probe), "allow policy:p#1", "a binding by name");
    probe.tenant = "other".to_owned();
    assert_eq!(ask(&set, &probe), "deny missing-roles", "of another tenant");
}

#[test]
fn an_empty_directory_permits_nothing() {
    assert_eq!(ask(&set(""), &teller("balance", Some(r#"{"account":"1"}"#))), "deny policy:none-permits");
}

#[test]
fn a_policy_that_fails_denies_although_another_permits() {
    let set = set(r#"
permit (principal, action, resource);
@id("sum") forbid (principal, action == Grid::Action::"transfer", resource)
when { context.args has count && context.args.count + 1 > 10 };
"#);
    let count =
        |count: i64| ask(&set, &teller("transfer", Some(&format!(r#"{{"amount":1,"to":"x","count":{count}}}"#))));
    assert_eq!(count(1), "allow policy:p#1");
    assert_eq!(count(100), "deny policy:p#sum");
    assert_eq!(count(i64::MAX), "deny error: policy:p#sum: a sum or product is too large");
}

#[test]
fn what_a_set_reads_is_told_tool_by_tool() {
    let set = set(r#"
permit (principal, action == Grid::Action::"balance", resource);
permit (principal, action == Grid::Action::"report", resource) when { context.session.hasTag("a") && context.local };
permit (principal, action == Grid::Action::"transfer", resource)
when { context.args.to == "x" && context.now < datetime("2030-01-01") };
"#);
    assert_eq!(set.reads("balance"), Reads::default());
    assert_eq!(set.reads("report"), Reads { session: true, local: true, ..Reads::default() });
    assert_eq!(set.reads("transfer"), Reads { args: true, moment: true, ..Reads::default() });
    assert_eq!(set.reads("unheard-of"), Reads::default());
    assert!(set.digest().is_some());
}

#[test]
fn tools_that_a_session_brought_have_an_action_of_their_own() {
    let of_any = set("permit (principal, action in Grid::Action::\"call\", resource);");
    let probe = teller("brought", Some("{\"x\":1.00001}"));
    assert_eq!(ask(&of_any, &probe), "allow policy:p#1");
    let one = set("permit (principal, action == Grid::Action::\"dynamic\", resource == Grid::Tool::\"report\");");
    assert_eq!(ask(&one, &probe), "deny policy:none-permits");
    let registered =
        set("permit (principal, action, resource in Grid::Group::\"registered\") when { resource.dynamic };");
    assert_eq!(ask(&registered, &probe), "allow policy:p#1");
    assert_eq!(ask(&registered, &teller("report", Some("{}"))), "deny policy:none-permits");
}

#[test]
fn whose_consent_is_asked_includes_all_that_ask() {
    let both = |one: &str, other: &str| {
        set(&format!(
            r#"permit (principal, action, resource);
@approval("{one}") forbid (principal, action == Grid::Action::"report", resource);
@approval("{other}") forbid (principal, action, resource) unless {{ principal.id == "nobody" }};"#
        ))
    };
    let probe = teller("report", Some("{}"));
    let of =
        |set: std::sync::Arc<grid_policy::PolicySet>| format!("{:?}", probe.ask(&set, &crate::common::bank()).unwrap());
    assert!(of(both("teller", "teller_lead")).contains("role: \"teller_lead\""));
    assert!(of(both("teller_lead", "teller")).contains("role: \"teller_lead\""));
    assert!(of(both("auditor", "teller")).contains("policy:approvals-differ"));
}
