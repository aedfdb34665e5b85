//! DEVELOPMENT: tools that runtimes bring along, for one session each.

use grid_proto::{adm, v1};
use tokio::task::JoinSet;

use crate::common::{Caller, Host, Peer, Setup, content, kind, refusal, text};

fn declaration(name: &str) -> adm::FunctionDeclaration {
    adm::FunctionDeclaration {
        name: name.to_owned(),
        description: "Says it again.".to_owned(),
        parameters: r#"{"type": "OBJECT", "properties": {"text": {"type": "STRING", "description": "what"}}}"#
            .to_owned(),
    }
}

/// A caller who is the runtime's own principal, as registration asks for.
async fn own_caller(host: &Host) -> Caller {
    let mut caller = host.stranger(&host.token("maker", "acme", &["caller", "grid_runtime"])).await;
    caller.open().await;
    caller
}

async fn maker(host: &Host) -> Peer {
    let mut peer = Peer::open(host, &host.token("maker", "acme", &["caller", "grid_runtime"])).await;
    assert_eq!(peer.announce(crate::common::announcement("maker")).await.error, None);
    peer
}

#[tokio::test]
async fn of_a_mixed_batch_the_valid_tools_live_in_one_session_and_each_other_name_is_answered() {
    let host = Setup::development().start().await;
    let caller = own_caller(&host).await;
    let mut peer = maker(&host).await;
    let without_root =
        adm::FunctionDeclaration { parameters: r#"{"type": "STRING"}"#.to_owned(), ..declaration("rootless") };
    let no_json = adm::FunctionDeclaration { parameters: "{".to_owned(), ..declaration("unreadable") };
    let mute = adm::FunctionDeclaration { description: String::new(), ..declaration("mute") };
    let batch = vec![
        declaration("repeat"),
        without_root,
        no_json,
        declaration("9 lives"),
        mute,
        declaration("add"),
        declaration("repeat"),
    ];
    let answer = peer.register(&caller.session, batch).await;
    assert_eq!(answer.status, Some(v1::register_tools_response::Status::PartialSuccess.into()));
    assert_eq!(answer.accepted_tools, ["repeat"]);
    assert_eq!(answer.rejected_tools, ["rootless", "unreadable", "9 lives", "mute", "add", "repeat"]);
    assert_eq!(answer.errors.len(), answer.rejected_tools.len());
    assert_eq!(answer.session_id, caller.session);
    let codes: Vec<&str> = answer.errors.iter().map(|error| error.r#type.as_str()).collect();
    let expected = [
        "SCHEMA_VIOLATION",
        "SCHEMA_VIOLATION",
        "SCHEMA_VIOLATION",
        "SCHEMA_VIOLATION",
        "POLICY_VIOLATION",
        "SCHEMA_VIOLATION",
    ];
    assert_eq!(codes, expected, "a contract of the manifest is never shadowed");
    let names: Vec<&str> = answer.errors.iter().map(|error| error.details["tool_name"].as_str()).collect();
    // What cannot stand in a log line is not repeated as it came.
    assert_eq!(names, ["rootless", "unreadable", "9?lives", "mute", "add", "repeat"]);

    let mut runtimes = JoinSet::new();
    peer.answering(&mut runtimes);
    assert_eq!(content(&caller.call("repeat", r#"{"text":"x"}"#).await), r#"{"text":"x"}"#);
    assert_eq!(refusal(&caller.call("repeat", r#"{"text":1}"#).await).r#type, "INVALID_TOOL_ARGS");
    let listing = caller.tools().await.into_iter().find(|tool| tool.dynamic).unwrap();
    assert_eq!(listing.declaration.unwrap().name, "repeat");
    // Neither another session of the same principal nor anybody else has it.
    let mut second = caller.clone();
    second.open().await;
    for other in [second, host.caller().await] {
        assert_eq!(refusal(&other.call("repeat", r#"{"text":"x"}"#).await).r#type, "UNSUPPORTED_TOOL");
        assert!(other.tools().await.iter().all(|tool| !tool.dynamic));
    }
    let attempt = &host.records("registered")[0];
    assert_eq!(attempt["accepted"], serde_json::json!(["repeat"]));
    assert_eq!(attempt["rejected"].as_array().unwrap().len(), 6);
    let admitted = &host.records("admitted")[0];
    assert_eq!((text(admitted, "tool"), &admitted["dynamic"]), ("repeat", &serde_json::json!(true)));
    assert!(host.said().contains("DEVELOPMENT"), "a registration is warned of: {}", host.said());
}

#[tokio::test]
async fn a_registered_tool_goes_with_its_session() {
    let host = Setup::development().start().await;
    let caller = own_caller(&host).await;
    let mut peer = maker(&host).await;
    peer.register(&caller.session, vec![declaration("repeat")]).await;
    let closing = v1::DestroySession { session_id: caller.session.clone(), force: true, ..Default::default() };
    assert!(caller.service().destroy_session(caller.request(closing)).await.unwrap().into_inner().destroyed);
    assert_eq!(refusal(&caller.call("repeat", "{}").await).r#type, "INVALID_SESSION");
    let again = peer.register(&caller.session, vec![declaration("repeat")]).await;
    assert_eq!(again.errors[0].r#type, "INVALID_SESSION");
    peer.lives().await;
}

#[tokio::test]
async fn a_session_takes_so_many_registered_tools_and_no_more() {
    let host = Setup::development().set("development.max_tools_per_session=2").start().await;
    let caller = own_caller(&host).await;
    let mut peer = maker(&host).await;
    let answer = peer.register(&caller.session, ["one", "two", "three"].map(declaration).to_vec()).await;
    assert_eq!((answer.accepted_tools.len(), answer.rejected_tools.as_slice()), (2, ["three".to_owned()].as_slice()));
    assert_eq!(answer.errors[0].r#type, "POLICY_VIOLATION");
    let again = peer.register(&caller.session, vec![declaration("two")]).await;
    assert_eq!(again.accepted_tools, ["two"], "one's own tool may be replaced");
    let more = peer.register(&caller.session, vec![declaration("four")]).await;
    assert_eq!(more.status, Some(v1::register_tools_response::Status::Failure.into()));
    let nothing = peer.register(&caller.session, Vec::new()).await;
    assert_eq!(nothing.status, Some(v1::register_tools_response::Status::Failure.into()), "nothing is no success");
    assert_eq!(host.records("registered").len(), 4);
}

#[tokio::test]
async fn nobody_registers_in_somebody_elses_session() {
    let host = Setup::development().start().await;
    let victim = host.caller().await;
    let mut peer = maker(&host).await;
    for session in [victim.session.as_str(), "s-00000000000000000000000000000000", "nonsense"] {
        let answer = peer.register(session, vec![declaration("repeat")]).await;
        assert_eq!(answer.status, Some(v1::register_tools_response::Status::Failure.into()));
        assert_eq!(answer.errors[0].r#type, "INVALID_SESSION");
    }
    assert_eq!(refusal(&victim.call("repeat", "{}").await).r#type, "UNSUPPORTED_TOOL");
    // Without a session the host opens one, for the runtime's own principal.
    let answer = peer.register("", vec![declaration("repeat")]).await;
    assert_eq!(answer.accepted_tools, ["repeat"]);
    let mut owner = own_caller(&host).await;
    owner.session.clone_from(&answer.session_id);
    let mut runtimes = JoinSet::new();
    peer.answering(&mut runtimes);
    assert_eq!(content(&owner.call("repeat", "{}").await), "{}");
    let mut thief = victim.clone();
    thief.session = answer.session_id;
    assert_eq!(refusal(&thief.call("repeat", "{}").await).r#type, "INVALID_SESSION");
}

#[tokio::test]
async fn two_runtimes_do_not_take_each_others_names_in_a_session() {
    let host = Setup::development().start().await;
    let caller = own_caller(&host).await;
    let mut one = maker(&host).await;
    one.register(&caller.session, vec![declaration("repeat")]).await;
    let mut other = Peer::open(&host, &host.token("rival", "acme", &["grid_runtime"])).await;
    other.announce(crate::common::announcement("rival")).await;
    let answer = other.register(&caller.session, vec![declaration("repeat")]).await;
    assert_eq!(answer.errors[0].r#type, "INVALID_SESSION");
    other.lives().await;
}

#[tokio::test]
async fn without_a_token_a_caller_of_this_machine_is_the_developer_and_a_bad_token_is_still_bad() {
    let host = Setup::development().start().await;
    let mut local = host.stranger("x").await.with_header("");
    local.open().await;
    assert_eq!(refusal(&local.call("add", r#"{"a": 1, "b": 2}"#).await).r#type, "PERMISSION_DENIED");
    let opened = host.records("session_opened");
    assert_eq!((text(&opened[0], "principal"), text(&opened[0], "tenant")), ("developer", "dev"));
    let bad = local.with_token("garbage").open_with(v1::CreateSession::default()).await;
    assert_eq!(bad.error.unwrap().r#type, "INVALID_CREDENTIALS");
}

#[tokio::test]
async fn registrations_can_be_switched_off_in_development_too() {
    let host = Setup::development().set("development.allow_registration=false").start().await;
    let caller = own_caller(&host).await;
    let mut peer = maker(&host).await;
    let answer = peer.register(&caller.session, vec![declaration("repeat")]).await;
    assert_eq!(answer.status, Some(v1::register_tools_response::Status::Failure.into()));
    assert_eq!(host.audit().iter().filter(|record| kind(record) == "registered").count(), 1);
    peer.lives().await;
}
