//! Histories whose verdict is known: what the check must not let pass, and what it must not mistake for that.

use std::time::Duration;

use crate::{
    approvals::{Approvals, Op as ApprovalOp, Ret as ApprovalRet},
    check::{Event, NEVER, Spec, Stamp, fits, smallest},
    grants::{Grants, Op as GrantOp, Ret as GrantRet},
    registry::{Op as RuntimeOp, Registry, Ret as RuntimeRet},
    sessions::{CallOp, CallRet, Calls, Op as SessionOp, Ret as SessionRet, Sessions},
};

fn at(time: u64) -> Stamp {
    (Duration::from_secs(time), time)
}

/// Asked and heard at these times.
fn event<S: Spec>(from: u64, to: u64, op: S::Op, ret: S::Ret) -> Event<S> {
    let (invoked, returned, who) = (at(from), at(to), "somebody".to_owned());
    Event { id: from * 1000 + to, who, op, ret: Some(ret), invoked, returned, after: None }
}

/// Asked at that time, and never heard.
fn lost<S: Spec>(from: u64, op: S::Op) -> Event<S> {
    Event {
        id: from * 1000,
        who: "somebody".to_owned(),
        op,
        ret: None,
        invoked: at(from),
        returned: NEVER,
        after: None,
    }
}

#[test]
fn a_session_that_ended_answers_nobody() {
    let open = event::<Sessions>(1, 2, SessionOp::Open, SessionRet::Done);
    let close = event(5, 8, SessionOp::Close, SessionRet::Done);
    let used = |from, to, ret| event::<Sessions>(from, to, SessionOp::Use, ret);
    assert!(fits(&[open.clone(), close.clone(), used(6, 9, SessionRet::Alive), used(9, 10, SessionRet::Unknown)]));
    assert!(!fits(&[open.clone(), close.clone(), used(9, 10, SessionRet::Alive)]), "it answers after its end");
    let back = [event(5, 12, SessionOp::Close, SessionRet::Done), used(6, 7, SessionRet::Unknown)];
    assert!(!fits(&[&[open.clone(), used(8, 9, SessionRet::Alive)][..], &back].concat()), "it ended and is back");
    let lost = lost(5, SessionOp::Close);
    assert!(fits(&[open.clone(), lost.clone(), used(9, 10, SessionRet::Alive)]), "nobody knows that it ended");
    assert!(fits(&[open.clone(), lost.clone(), used(9, 10, SessionRet::Unknown)]));
    let both = [used(9, 10, SessionRet::Unknown), used(11, 12, SessionRet::Alive)];
    assert!(!fits(&[&[open.clone(), lost][..], &both].concat()));
    let expires = event(20, 21, SessionOp::Expire, SessionRet::Done);
    assert!(!fits(&[open.clone(), expires.clone(), used(10, 11, SessionRet::Expired)]), "before its time");
    assert!(!fits(&[open, expires, used(22, 23, SessionRet::Alive)]), "after its time");
}

#[test]
fn a_repeat_gets_the_first_outcome() {
    let call = |from, to, args, outcome: &str| {
        event::<Calls>(from, to, CallOp::Call { args }, CallRet::Outcome(outcome.to_owned()))
    };
    let conflict = |from, to, args| event::<Calls>(from, to, CallOp::Call { args }, CallRet::Conflict);
    assert!(fits(&[call(1, 5, 0, "a"), call(2, 4, 0, "a"), conflict(3, 4, 1), call(8, 9, 0, "a")]));
    assert!(!fits(&[call(1, 2, 0, "a"), call(3, 4, 0, "b")]), "it ran again");
    assert!(!fits(&[call(1, 2, 0, "a"), call(3, 4, 1, "a")]), "other arguments were let pass");
    assert!(!fits(&[conflict(1, 2, 1), call(3, 4, 0, "a")]), "a conflict with nothing");
    let unheard = lost::<Calls>(1, CallOp::Call { args: 0 });
    assert!(fits(&[unheard.clone(), conflict(3, 4, 1), call(5, 6, 0, "a"), call(7, 8, 0, "a")]));
    assert!(!fits(&[unheard, call(5, 6, 0, "a"), call(7, 8, 0, "b")]));
}

#[test]
fn a_call_that_failed_holds_its_name_as_long_as_it_lasts() {
    let failed = |from: u64, to: u64, args| {
        let (id, ret) = (from, CallRet::Failed);
        let begin = event::<Calls>(from, to, CallOp::Begin { args, id }, ret.clone());
        let end = event::<Calls>(from, to, CallOp::End { id }, ret);
        [begin.clone(), Event { id: begin.id + 500, after: Some(begin.id), ..end }]
    };
    let conflict = |from, to, args| event::<Calls>(from, to, CallOp::Call { args }, CallRet::Conflict);
    let call = |from, to, args| event::<Calls>(from, to, CallOp::Call { args }, CallRet::Outcome("a".to_owned()));
    assert!(fits(&[&failed(1, 5, 0)[..], &failed(2, 4, 0), &[conflict(3, 4, 1), call(6, 7, 1)]].concat()));
    assert!(!fits(&[&failed(1, 5, 0)[..], &[conflict(6, 7, 1)]].concat()), "it holds its name for ever");
}

#[test]
fn a_grant_is_redeemed_once() {
    let give = event::<Grants>(1, 2, GrantOp::Give, GrantRet::Done);
    let report = |from, to, content, ret| event::<Grants>(from, to, GrantOp::Report(content), ret);
    assert!(fits(&[give.clone(), report(3, 6, 1, GrantRet::Done), report(4, 5, 2, GrantRet::Reused)]));
    assert!(fits(&[give.clone(), report(3, 4, 1, GrantRet::Done), report(5, 6, 1, GrantRet::Done)]), "the same again");
    assert!(!fits(&[give.clone(), report(3, 4, 1, GrantRet::Done), report(5, 6, 2, GrantRet::Done)]), "twice");
    let revoke = event(3, 4, GrantOp::Revoke, GrantRet::Done);
    assert!(!fits(&[give.clone(), revoke.clone(), report(5, 6, 1, GrantRet::Done)]), "after its rights ended");
    assert!(fits(&[give.clone(), revoke, report(5, 6, 1, GrantRet::Revoked)]));
    let back = event(3, 4, GrantOp::GiveBack, GrantRet::Done);
    assert!(!fits(&[give.clone(), back, report(5, 6, 1, GrantRet::Done)]), "it was given back");
    let lost = lost(3, GrantOp::Report(1));
    let late = event(7, 8, GrantOp::GiveBack, GrantRet::Over);
    assert!(fits(&[give.clone(), lost, late.clone()]), "somebody's report arrived");
    assert!(!fits(&[give, late]), "nobody reported it");
}

#[test]
fn a_call_is_decided_once() {
    let ask = |from, to, ret| event::<Approvals>(from, to, ApprovalOp::Ask, ret);
    let decide = |from, to, yes| {
        let decide = event::<Approvals>(from, to, ApprovalOp::Decide, ApprovalRet::Done);
        let hold = event::<Approvals>(from, to, ApprovalOp::Hold(yes), ApprovalRet::Done);
        [decide.clone(), Event { id: decide.id + 500, after: Some(decide.id), ..hold }]
    };
    let asked = [ask(1, 2, ApprovalRet::Waits)];
    let granted = [ask(8, 9, ApprovalRet::Granted)];
    assert!(fits(&[&asked[..], &decide(3, 4, true), &granted].concat()));
    assert!(!fits(&[&asked[..], &decide(3, 4, false), &granted].concat()), "they said no");
    assert!(!fits(&[&asked[..], &decide(3, 4, true), &decide(5, 6, false)].concat()), "decided twice");
    assert!(!fits(&[&asked[..], &granted].concat()), "nobody decided");
    assert!(
        !fits(&[&asked[..], &decide(3, 4, true), &granted, &[ask(10, 11, ApprovalRet::Granted)]].concat()),
        "twice"
    );
}

#[test]
fn a_runtime_that_left_is_not_there() {
    let attached = |id: &str| RuntimeRet::Attached(id.to_owned());
    let leave = |from, to, id: &str| {
        event::<Registry>(from, to, RuntimeOp::Leave { connection: id.to_owned() }, RuntimeRet::Done)
    };
    let announce = |from, to, ret| event::<Registry>(from, to, RuntimeOp::Announce, ret);
    let listed = |from, to, id: Option<&str>| {
        event::<Registry>(from, to, RuntimeOp::List, RuntimeRet::Listed(id.map(str::to_owned)))
    };
    let fulfil = event::<Registry>(2, 3, RuntimeOp::Fulfil { connection: "a".to_owned() }, RuntimeRet::Done);
    let called = |from, to, ret| event::<Registry>(from, to, RuntimeOp::Call, ret);
    let by = RuntimeRet::By("a".to_owned());
    let first = [announce(1, 2, attached("a")), fulfil];
    let then = |more: &[Event<Registry>]| fits(&[&first[..], more].concat());
    assert!(then(&[
        leave(5, 7, "a"),
        listed(5, 6, Some("a")),
        announce(6, 8, attached("b")),
        listed(9, 10, Some("b"))
    ]));
    assert!(!then(&[leave(5, 7, "a"), listed(8, 9, Some("a"))]), "it left and is listed");
    assert!(!then(&[leave(5, 7, "a"), called(8, 9, by.clone())]), "it left and is called");
    assert!(!then(&[announce(5, 6, attached("b"))]), "two have one id");
    assert!(!then(&[leave(5, 6, "a"), announce(7, 8, RuntimeRet::Taken)]), "nobody has the id");
    assert!(!then(&[called(5, 6, RuntimeRet::Nobody)]), "it serves and is not called");
    let drain = event(5, 6, RuntimeOp::Drain { connection: "a".to_owned() }, RuntimeRet::Done);
    assert!(!then(&[drain, called(7, 8, by)]), "it wants no calls and is called");
}

/// What is shown of a long history is the part that matters.
#[test]
fn the_smallest_part_is_shown() {
    let mut events = vec![event::<Sessions>(1, 2, SessionOp::Open, SessionRet::Done)];
    events.extend((3..40).map(|from| event(from, from + 1, SessionOp::Use, SessionRet::Alive)));
    events.push(event(50, 51, SessionOp::Close, SessionRet::Done));
    events.push(event(60, 61, SessionOp::Use, SessionRet::Alive));
    events.extend((70..90).map(|from| event(from, from + 1, SessionOp::Use, SessionRet::Unknown)));
    let small = smallest(&events);
    let times: Vec<u64> = small.iter().map(|event| event.invoked.1).collect();
    assert_eq!(times, [1, 50, 60]);
}
