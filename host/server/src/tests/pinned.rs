//! SC-1: a runtime that was built against another contract is not used.

use std::collections::BTreeMap;

use grid_core::{
    Code,
    frame::{BatchAnswer, Fulfil, HostFrame, RuntimeFrame},
    port::RuntimePort as _,
};

use super::desk::{Desk, MANIFEST, SUM, ask, strict, strict_with};

async fn fulfil<C: grid_contract::Contracts>(
    desk: &Desk<C>,
    names: &[&str],
    digests: BTreeMap<String, String>,
) -> BatchAnswer {
    let mut runtime = desk.attach("calc").await;
    let names = names.iter().map(ToString::to_string).collect();
    let frame = RuntimeFrame::Fulfil(Fulfil { names, digests, ..Fulfil::default() });
    let HostFrame::Fulfilled(answer) = runtime.answered(frame).await else { panic!("an answer") };
    runtime.port.detach("it has asked".to_owned()).await;
    *answer
}

fn digests<C: grid_contract::Contracts>(desk: &Desk<C>) -> BTreeMap<String, String> {
    let contracts = desk.host().contracts.manifest().iter();
    contracts.map(|contract| (contract.name().to_string(), format!("sha256:{}", contract.digest()))).collect()
}

#[tokio::test]
async fn the_contracts_that_a_runtime_was_built_against_are_used_and_no_others() {
    let desk = strict();
    let good = digests(&desk);
    let answer = fulfil(&desk, &["calc", "look"], good.clone()).await;
    assert_eq!(answer.accepted, ["sum", "text", "look"]);
    let mut stale = good.clone();
    stale.insert("sum".to_owned(), good["look"].clone());
    stale.insert("look".to_owned(), "sha256:nonsense".to_owned());
    let answer = fulfil(&desk, &["calc", "look"], stale).await;
    assert_eq!(answer.accepted, ["text"]);
    for (name, refusal) in &answer.rejected {
        assert_eq!(refusal.code(), Code::VersionMismatch);
        let message = refusal.message();
        assert!(message.contains(&good[name]) && message.contains("grid manifest lock"), "{message}");
    }
    assert!(desk.host().roster.serving("sum").is_empty());
}

#[tokio::test]
async fn a_runtime_that_does_not_say_is_used_unless_that_is_required() {
    assert_eq!(fulfil(&strict(), &["sum"], BTreeMap::new()).await.accepted, ["sum"]);
    let desk = strict().ruled(|rules| rules.require_digests = true);
    let answer = fulfil(&desk, &["sum"], BTreeMap::new()).await;
    assert_eq!(answer.rejected.first().map(|(_, refusal)| refusal.code()), Some(Code::VersionMismatch));
    assert_eq!(fulfil(&desk, &["sum"], digests(&desk)).await.accepted, ["sum"]);
}

/// The host came back with a contract that was swapped while the runtime was away.
#[tokio::test]
async fn a_runtime_that_reconnects_to_a_swapped_contract_is_not_called() {
    let built_against = digests(&strict());
    let swapped = strict_with(&MANIFEST.replace("\"Adds.\"", "\"Adds, and tells others.\""));
    let answer = fulfil(&swapped, &["sum", "text"], built_against).await;
    assert_eq!((answer.accepted.as_slice(), answer.rejected.len()), (["text".to_owned()].as_slice(), 1));
    let (agent, session) = swapped.agent().await;
    let refusal = swapped.call(&agent, ask(&session, "k", "sum", SUM)).await.unwrap_err();
    assert_eq!(refusal.code(), Code::ServiceUnavailable);
}

/// Each of five hundred contracts has one field that is another than when the runtime was built.
#[tokio::test]
async fn none_of_five_hundred_changed_contracts_is_used() {
    let manifest = |edited: bool| {
        let function = |at: usize| {
            let (mut description, mut name, mut roles, mut kind) = ("Does.".to_owned(), "a", "caller", "STRING");
            if edited {
                match at % 4 {
                    0 => description = format!("Does {at}."),
                    1 => name = "b",
                    2 => roles = "other",
                    _ => kind = "INTEGER",
                }
            }
            format!(
                r#"{{"name":"f_{at}x","description":"{description}","required_roles":["{roles}"],"parameters":{{"type":"OBJECT","properties":{{"{name}":{{"type":"{kind}"}}}}}}}}"#
            )
        };
        let functions: Vec<String> = (0..500).map(function).collect();
        format!(
            r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"calc","function_declarations":[{}]}}]}}"#,
            functions.join(",")
        )
    };
    let before = digests(&strict_with(&manifest(false)));
    let answer = fulfil(&strict_with(&manifest(true)), &["calc"], before.clone()).await;
    assert_eq!((answer.accepted.len(), answer.rejected.len()), (0, 500));
    let answer = fulfil(&strict_with(&manifest(false)), &["calc"], before).await;
    assert_eq!((answer.accepted.len(), answer.rejected.len()), (500, 0));
}
