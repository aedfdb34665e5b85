//! Calls from within a call: whose rights they have, what stops them, what the log says of them (R-166, R-167).

use grid_contract::Strict;
use grid_core::{
    Code, Refusal, Stage,
    envelope::{Credentials, Envelope},
    frame::{Announce, CallFrame, CancelNested, HostFrame, RuntimeFrame},
    id::{InvocationId, PrincipalId, TenantId},
    outcome::{CallAnswer, ToolAnswer},
    port::{RuntimeDoor as _, RuntimePort as _},
};
use grid_testkit::until;

use super::desk::{Attached, Desk, SUM, ask, strict, strict_with};

/// A runtime that calls upwards, with these roles beside its own.
async fn caller(desk: &Desk<Strict>, id: &str, roles: &[&str], serves: &[&str]) -> Attached<Strict> {
    let name = id.split('/').next().unwrap();
    let who = desk.token(name, "demo", &[&["runtime"], roles].concat());
    let announce = Announce {
        runtime_id: id.to_owned(),
        level: 2,
        features: vec!["nested-calls".to_owned()],
        ..Announce::default()
    };
    let (port, frames) = desk.door.attach(who, announce).await.unwrap();
    let mut attached = Attached { port, frames };
    let HostFrame::Announced(answer) = attached.next().await else { panic!("the answer comes first") };
    assert_eq!(answer.features, ["nested-calls"]);
    assert_eq!(answer.config["nested-calls.depth"], "8");
    attached.fulfil(serves).await;
    attached
}

fn up(parent: &CallFrame, call_id: &str, name: &str, args: &str) -> Envelope {
    Envelope {
        parent_invocation_id: parent.invocation_id.to_string(),
        call_id: call_id.to_owned(),
        name: name.to_owned(),
        args: args.to_owned(),
        ..Envelope::default()
    }
}

impl Attached<Strict> {
    async fn calls(&mut self, envelope: Envelope) {
        self.receive(RuntimeFrame::Call(Box::new(envelope))).await;
    }

    async fn answer(&mut self) -> (String, Result<CallAnswer, Refusal>) {
        match self.next().await {
            HostFrame::Answer { call_id, ended, .. } => (call_id, *ended),
            other => panic!("expected an answer, got {other:?}"),
        }
    }

    async fn refused(&mut self, envelope: Envelope) -> Refusal {
        self.calls(envelope).await;
        self.answer().await.1.unwrap_err()
    }
}

/// A root call of `sum` in the hands of a runtime that may call, and another runtime for the rest.
struct Scene {
    desk: Desk<Strict>,
    agent: Credentials,
    session: String,
    asking: Attached<Strict>,
    serving: Attached<Strict>,
}

impl Scene {
    async fn new() -> Self {
        let desk = strict();
        let (agent, session) = desk.agent().await;
        let asking = caller(&desk, "calc", &["caller"], &["sum"]).await;
        let serving = caller(&desk, "store", &["caller"], &["look", "send", "text"]).await;
        Self { desk, agent, session, asking, serving }
    }

    async fn root(&mut self, call_id: &str) -> CallFrame {
        // What comes of it is on record.
        drop(self.desk.begin(&self.agent, ask(&self.session, call_id, "sum", SUM)));
        self.asking.called().await
    }

    /// A call of `look` within a root call, in the hands of the other runtime.
    async fn two_deep(&mut self) -> (CallFrame, CallFrame) {
        let root = self.root("k").await;
        self.asking.calls(up(&root, "n", "look", "{}")).await;
        (root, self.serving.called().await)
    }

    async fn stopped(&mut self, nested: &CallFrame) {
        match self.serving.next().await {
            HostFrame::Cancel { invocation_id, .. } => assert_eq!(invocation_id, nested.invocation_id),
            other => panic!("expected a cancellation, got {other:?}"),
        }
        let concluded = || self.desk.log.of("concluded").into_iter().find(|record| record.text("tool") == Some("look"));
        until("its end is on record", || concluded().is_some()).await;
        assert_eq!(concluded().unwrap().text("code"), Some("CANCELLED"));
    }
}

#[tokio::test]
async fn a_nested_call_runs_for_the_root_and_is_recorded_below_its_parent() {
    let mut scene = Scene::new().await;
    let root = scene.desk.begin(&scene.agent, ask(&scene.session, "k", "sum", SUM));
    let outer = scene.asking.called().await;
    scene.asking.calls(up(&outer, "n", "look", "{}")).await;
    let inner = scene.serving.called().await;
    assert_eq!((inner.correlation_id.as_str(), inner.call_id.as_str()), ("w-k-1", "n"));
    assert_eq!(inner.session_id, outer.session_id);
    scene.serving.result(&inner, "7").await;
    let (call_id, answer) = scene.asking.answer().await;
    let answer = answer.unwrap();
    assert_eq!((call_id.as_str(), &answer.answer), ("n", &ToolAnswer::Success("7".to_owned())));
    assert_eq!(answer.correlation_id.as_str(), "w-k-1");
    scene.asking.result(&outer, "3").await;
    assert_eq!(root.await.unwrap().unwrap().answer, ToolAnswer::Success("3".to_owned()));
    for kind in ["admitted", "concluded"] {
        let records = scene.desk.log.of(kind);
        let nested = records.iter().find(|record| record.text("tool") == Some("look")).unwrap();
        assert_eq!((nested.principal(), nested.runtime()), (Some("agent"), Some("store")), "{kind}");
        assert_eq!(nested.text("parent"), Some(&*outer.invocation_id.to_string()), "{kind}");
        let own = records.iter().find(|record| record.text("tool") == Some("sum")).unwrap();
        assert_eq!(own.text("parent"), None, "{kind}");
    }
    let rule = scene.desk.log.of("admitted")[1].text("rule").unwrap().to_owned();
    assert!(rule.contains(" + calc: "), "both decisions are named: {rule}");
    assert!(scene.desk.host().lineages.is_empty());
}

#[tokio::test]
async fn a_runtime_serves_the_call_that_it_waits_for_itself() {
    let scene = Scene::new().await;
    let mut both = caller(&scene.desk, "both", &["caller"], &["text"]).await;
    scene.serving.port.detach("it goes".to_owned()).await;
    drop(scene.desk.begin(&scene.agent, ask(&scene.session, "k", "text", "{}")));
    let outer = both.called().await;
    both.fulfil(&["look"]).await;
    both.calls(up(&outer, "n", "look", "{}")).await;
    let inner = both.called().await;
    both.result(&inner, "1").await;
    assert_eq!(both.answer().await.1.unwrap().answer, ToolAnswer::Success("1".to_owned()));
}

#[tokio::test]
async fn both_have_to_be_permitted() {
    let desk = strict();
    let (agent, session) = desk.agent().await;
    let mut weak = caller(&desk, "weak", &[], &["sum"]).await;
    let mut strong = caller(&desk, "strong", &["caller", "vault"], &["text"]).await;
    let mut safe = caller(&desk, "safe", &[], &["open"]).await;
    // The root may, the runtime may not.
    drop(desk.begin(&agent, ask(&session, "k", "sum", SUM)));
    let outer = weak.called().await;
    let refusal = weak.refused(up(&outer, "n", "text", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Authorize));
    assert!(refusal.message().contains("`weak`"), "{refusal}");
    // The runtime may, the root may not.
    drop(desk.begin(&agent, ask(&session, "l", "text", "{}")));
    let outer = strong.called().await;
    let refusal = strong.refused(up(&outer, "n", "open", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::PermissionDenied, Stage::Authorize));
    assert!(safe.lives().await, "nothing else came to it");
    let refused = desk.log.of("refused");
    assert_eq!(refused.len(), 2);
    assert!(refused.iter().all(|record| record.principal() == Some("agent") && record.text("parent").is_some()));
}

#[tokio::test]
async fn circles_and_depths_are_refused() {
    let mut scene = Scene::new().await;
    let root = scene.root("k").await;
    let refusal = scene.asking.refused(up(&root, "n", "sum", SUM)).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::PolicyViolation, Stage::Link));
    assert!(refusal.message().contains("sum > sum"), "{refusal}");
    scene.asking.calls(up(&root, "m", "look", "{}")).await;
    let inner = scene.serving.called().await;
    let refusal = scene.serving.refused(up(&inner, "n", "sum", SUM)).await;
    assert!(refusal.message().contains("sum > look > sum"), "{refusal}");
    assert_eq!(refusal.details(), [("reason", "CYCLE".to_owned())]);
    assert_eq!(scene.desk.log.of("refused").len(), 2);
}

#[tokio::test]
async fn eight_calls_may_be_within_one_another_and_a_ninth_may_not() {
    let tools: Vec<String> = (1..=9).map(|at| format!("t{at}")).collect();
    let one =
        |name: &String| format!(r#"{{"name":"{name}","description":"Goes on.","parameters":{{"type":"OBJECT"}}}}"#);
    let functions = tools.iter().map(one).collect::<Vec<_>>().join(",");
    let desk = strict_with(&format!(
        r#"{{"manifest_version":"1.0.0","contracts":[{{"name":"c","required_roles":["caller"],"function_declarations":[{functions}]}}]}}"#
    ));
    let (agent, session) = desk.agent().await;
    let names: Vec<&str> = tools.iter().map(String::as_str).collect();
    // A runtime has room for four calls, so three of them share the way down: three tools each.
    let mut runtimes = Vec::new();
    for (at, serves) in names.chunks(3).enumerate() {
        runtimes.push(caller(&desk, &format!("calc{at}"), &["caller"], serves).await);
    }
    let root = desk.begin(&agent, ask(&session, "k", "t1", "{}"));
    let mut held = vec![runtimes[0].called().await];
    for at in 1..8 {
        runtimes[(at - 1) / 3].calls(up(&held[at - 1], "n", names[at], "{}")).await;
        held.push(runtimes[at / 3].called().await);
    }
    assert_eq!(&*held[7].name, "t8");
    let refusal = runtimes[2].refused(up(&held[7], "m", "t9", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::PolicyViolation, Stage::Link));
    assert_eq!(refusal.details(), [("reason", "DEPTH".to_owned())]);
    // A circle is one however deep it is.
    let refusal = runtimes[2].refused(up(&held[7], "o", "t1", "{}")).await;
    assert_eq!(refusal.details(), [("reason", "CYCLE".to_owned())]);
    assert!(refusal.message().contains("t1 > t2 > t3 > t4 > t5 > t6 > t7 > t8 > t1"), "{refusal}");
    assert_eq!((desk.log.of("admitted").len(), desk.log.of("refused").len()), (8, 2));
    // Higher up there is room, and all end well from within.
    runtimes[2].calls(up(&held[6], "p", "t9", "{}")).await;
    let beside = runtimes[2].called().await;
    for call in held.drain(1..).chain([beside]).rev().collect::<Vec<_>>() {
        let number: usize = call.name[1..].parse().unwrap();
        runtimes[(number - 1) / 3].result(&call, "1").await;
        let parent = (number - 1).min(7);
        let answer = runtimes[(parent - 1) / 3].answer().await.1.unwrap();
        assert_eq!(answer.answer, ToolAnswer::Success("1".to_owned()), "t{number}");
    }
    runtimes[0].result(&held[0], "1").await;
    assert_eq!(root.await.unwrap().unwrap().answer, ToolAnswer::Success("1".to_owned()));
    assert!(desk.host().lineages.is_empty());
}

#[tokio::test]
async fn a_parent_that_is_not_in_this_runtimes_hands_is_a_violation() {
    let mut scene = Scene::new().await;
    let (root, inner) = scene.two_deep().await;
    let mut stolen = up(&inner, "s", "text", "{}");
    let unknown = InvocationId::mint().to_string();
    for parent in [inner.invocation_id.to_string(), unknown, "nonsense".to_owned(), String::new()] {
        stolen.parent_invocation_id.clone_from(&parent);
        let refusal = scene.asking.refused(stolen.clone()).await;
        assert_eq!(refusal.code(), Code::ProtocolViolation, "{parent}");
    }
    until("all are recorded", || scene.desk.log.of("violation").len() == 4).await;
    assert!(scene.desk.log.of("violation").iter().all(|record| record.runtime() == Some("calc")));
    assert_eq!(scene.desk.log.of("admitted").len(), 2);
    // One that it had is no violation: the two sides may miss each other.
    scene.asking.result(&root, "3").await;
    assert_eq!(scene.asking.answer().await.1.unwrap_err().code(), Code::Cancelled, "what it had called");
    let refusal = scene.asking.refused(up(&root, "late", "text", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::Cancelled, Stage::Link));
    let [record] = &scene.desk.log.of("refused")[..] else { panic!("one record") };
    assert_eq!(record.text("parent"), Some(&*root.invocation_id.to_string()));
}

#[tokio::test]
async fn the_feature_is_announced_and_can_be_switched_off() {
    let scene = Scene::new().await;
    let mut plain = scene.desk.attach("plain").await;
    plain.fulfil(&["shut", "sum"]).await;
    scene.asking.port.detach("it goes".to_owned()).await;
    drop(scene.desk.begin(&scene.agent, ask(&scene.session, "k", "sum", SUM)));
    let outer = plain.called().await;
    let refusal = plain.refused(up(&outer, "n", "look", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::FeatureUnavailable, Stage::Link));
    let on = |on: &[&str], off: &[&str]| {
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect();
        RuntimeFrame::Update(grid_core::frame::Update { wanted: names(on), dropped: names(off), ..Default::default() })
    };
    let HostFrame::Updated(updated) = plain.answered(on(&["nested-calls"], &[])).await else { panic!("an answer") };
    assert_eq!(updated.accepted, ["nested-calls"]);
    let refusal = plain.refused(up(&outer, "n", "look", "{}")).await;
    assert_eq!(refusal.code(), Code::PermissionDenied, "it got as far as its roles");
    plain.answered(on(&[], &["nested-calls"])).await;
    assert_eq!(plain.refused(up(&outer, "n", "look", "{}")).await.code(), Code::FeatureUnavailable);
    until("both are recorded", || scene.desk.log.of("features_changed").len() == 2).await;
    let changed = &scene.desk.log.of("features_changed")[0];
    assert_eq!((changed.runtime(), changed.text("detail")), (Some("plain"), Some("on: nested-calls; ")));
}

#[tokio::test]
async fn the_end_of_the_parent_ends_what_it_called() {
    let mut scene = Scene::new().await;
    let (root, inner) = scene.two_deep().await;
    scene.asking.result(&root, "3").await;
    scene.stopped(&inner).await;
    assert_eq!(scene.asking.answer().await.1.unwrap_err().code(), Code::Cancelled);
}

#[tokio::test]
async fn a_cancelled_parent_and_a_lost_runtime_end_what_they_called() {
    let mut scene = Scene::new().await;
    let (_, inner) = scene.two_deep().await;
    assert!(scene.desk.cancel(&scene.agent, &scene.session, "k").await.unwrap());
    scene.stopped(&inner).await;

    let mut scene = Scene::new().await;
    let (_, inner) = scene.two_deep().await;
    let Scene { desk, agent, session, asking, serving } = scene;
    asking.port.detach("its stream broke".to_owned()).await;
    let lost = caller(&desk, "calc", &["caller"], &["sum"]).await;
    Scene { desk, agent, session, asking: lost, serving }.stopped(&inner).await;
}

#[tokio::test]
async fn a_runtime_takes_its_call_back() {
    let mut scene = Scene::new().await;
    let (root, inner) = scene.two_deep().await;
    let cancel = |call_id: &str| {
        let (parent, reason) = (root.invocation_id.to_string(), "enough".to_owned());
        RuntimeFrame::CancelCall(CancelNested { parent, call_id: call_id.to_owned(), reason })
    };
    scene.asking.receive(cancel("other")).await;
    assert!(scene.serving.lives().await, "nothing is stopped");
    scene.asking.receive(cancel("n")).await;
    scene.stopped(&inner).await;
    assert_eq!(scene.asking.answer().await.1.unwrap_err().code(), Code::Cancelled);
    let [record] = &scene.desk.log.of("cancel_requested")[..] else { panic!("one record") };
    assert_eq!((record.principal(), record.text("detail")), (Some("calc"), Some("enough")));
    assert!(scene.asking.lives().await);
}

#[tokio::test]
async fn a_nested_call_has_the_time_of_its_parent_at_most() {
    let mut scene = Scene::new().await;
    let root = scene.root("k").await;
    for (call_id, deadline) in [("a", None), ("b", Some(u64::MAX)), ("c", Some(root.deadline_unix_ms - 5))] {
        let envelope = Envelope { deadline_unix_ms: deadline, ..up(&root, call_id, "look", "{}") };
        scene.asking.calls(envelope).await;
        let inner = scene.serving.called().await;
        assert_eq!(inner.deadline_unix_ms, deadline.unwrap_or(u64::MAX).min(root.deadline_unix_ms), "{call_id}");
    }
    let envelope = Envelope { deadline_unix_ms: Some(1), ..up(&root, "d", "look", "{}") };
    assert_eq!(scene.asking.refused(envelope).await.code(), Code::Timeout);
}

#[tokio::test]
async fn names_of_nested_calls_are_their_parents_own() {
    let mut scene = Scene::new().await;
    let (one, other) = (scene.root("k").await, scene.root("l").await);
    for root in [&one, &other] {
        // The client's own name for a call, and the other parent's.
        scene.asking.calls(up(root, "k", "look", "{}")).await;
        let inner = scene.serving.called().await;
        scene.serving.result(&inner, "1").await;
        assert!(!scene.asking.answer().await.1.unwrap().repeated);
        scene.asking.calls(up(root, "k", "look", "{}")).await;
        assert!(scene.asking.answer().await.1.unwrap().repeated);
    }
    assert_eq!(scene.desk.log.of("admitted").len(), 4);
}

#[tokio::test]
async fn who_is_revoked_is_called_for_by_nobody() {
    for revoked in ["agent", "calc"] {
        let mut scene = Scene::new().await;
        let root = scene.root("k").await;
        let (tenant, id) = (TenantId::parse("demo").unwrap(), PrincipalId::parse(revoked).unwrap());
        let now_ms = scene.desk.host().clock.unix_ms();
        scene.desk.host().identity.revoke(&tenant, &id, "left", now_ms).unwrap();
        let refusal = scene.asking.refused(up(&root, "n", "look", "{}")).await;
        assert_eq!((refusal.code(), refusal.stage()), (Code::InvalidCredentials, Stage::Identity), "{revoked}");
        assert_eq!(scene.desk.log.of("refused").len(), 1, "it is no stranger");
    }
}

#[tokio::test]
async fn streams_are_not_nested_and_clients_name_no_parent() {
    let mut scene = Scene::new().await;
    let root = scene.root("k").await;
    let envelope = Envelope { streaming: true, ..up(&root, "n", "look", "{}") };
    assert_eq!(scene.asking.refused(envelope).await.code(), Code::FeatureUnavailable);
    let mut envelope = up(&root, "n", "look", "{}");
    envelope.session_id.clone_from(&scene.session);
    let refusal = scene.desk.call(&scene.agent, envelope).await.unwrap_err();
    assert_eq!(refusal.code(), Code::FeatureUnavailable);
    assert_eq!(scene.desk.log.of("admitted").len(), 1);
}

#[tokio::test]
async fn a_runtime_has_so_many_calls_open_and_no_more() {
    let mut scene = Scene::new().await;
    let root = scene.root("k").await;
    for call_id in ["a", "b", "c", "d"] {
        scene.asking.calls(up(&root, call_id, "look", "{}")).await;
        scene.serving.called().await;
    }
    let refusal = scene.asking.refused(up(&root, "e", "send", "{}")).await;
    assert_eq!((refusal.code(), refusal.stage()), (Code::ResourceExhausted, Stage::Link));
    assert!(scene.asking.lives().await, "the stream goes on while they wait");
}
