//! Grants: given, reported or given back once, run out, made void by an operator or by the end of their session.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use grid_adm::Digest;
use grid_core::{
    Code,
    envelope::{CloseSession, Envelope, OpenSession},
    local::{Authorized, GiveBack, Granted, Report},
    outcome::ToolAnswer,
};
use grid_testkit::Dice;

use crate::{
    check::{Event, NEVER, Spec, Stamp},
    host::TTL,
    world::{Doors, Ended, Who, World, impatience},
};

/// One grant.
#[derive(Debug, Clone, Copy)]
pub struct Grants;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Grant {
    #[default]
    Unknown,
    Open,
    Reported(u64),
    Cancelled,
    /// Its time is over, and nobody was told yet: nobody reports it any more, but another end may still be its.
    TimeUp,
    Expired,
    Revoked,
}

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Give,
    /// With this content.
    Report(u64),
    GiveBack,
    Expire,
    /// It is written down that its time is over.
    Sweep,
    Revoke,
    /// Its session ends by force.
    EndSession,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    Done,
    /// Something else was reported before.
    Reused,
    Cancelled,
    Expired,
    Revoked,
    /// It was given back too late.
    Over,
}

impl Spec for Grants {
    type State = Grant;
    type Op = Op;
    type Ret = Ret;

    fn step(state: &Grant, op: &Op, ret: Option<&Ret>) -> Vec<Grant> {
        let state = *state;
        let next = match (op, ret, state) {
            (Op::Give, _, Grant::Unknown) => Grant::Open,
            (Op::Report(content), Some(Ret::Done) | None, Grant::Open) => Grant::Reported(*content),
            (Op::GiveBack, Some(Ret::Done) | None, Grant::Open) | (Op::EndSession, _, Grant::Open | Grant::TimeUp) => {
                Grant::Cancelled
            }
            (Op::Expire, _, Grant::Open) => Grant::TimeUp,
            (Op::Sweep | Op::GiveBack, Some(Ret::Done) | None, Grant::TimeUp)
            | (Op::Report(_), Some(Ret::Expired), Grant::TimeUp) => Grant::Expired,
            (Op::Revoke, _, Grant::Open | Grant::TimeUp) => Grant::Revoked,
            (Op::Report(content), Some(Ret::Done), Grant::Reported(first)) if first == *content => state,
            (Op::Report(content), Some(Ret::Reused), Grant::Reported(first)) if first != *content => state,
            (Op::Report(_), Some(Ret::Cancelled), Grant::Cancelled)
            | (Op::Report(_), Some(Ret::Expired), Grant::Expired)
            | (Op::Report(_), Some(Ret::Revoked), Grant::Revoked)
            | (Op::GiveBack, Some(Ret::Done), Grant::Cancelled | Grant::Expired | Grant::Revoked)
            | (Op::GiveBack, Some(Ret::Over), Grant::Reported(_))
            | (Op::Report(_) | Op::GiveBack, None, _)
            | (Op::Expire | Op::Revoke | Op::EndSession, _, _) => state,
            _ => return Vec::new(),
        };
        vec![next]
    }

    fn only_reads(op: &Op, ret: Option<&Ret>) -> bool {
        matches!(op, Op::Report(_) | Op::GiveBack) && ret.is_some_and(|ret| !matches!(ret, Ret::Done | Ret::Expired))
    }
}

/// What was granted, as those keep it who share it.
#[derive(Debug, Clone)]
pub struct Held {
    session: String,
    call_id: String,
    tool: &'static str,
    grant: Arc<Granted>,
}

/// What the callers of one principal share: their session and their grants.
pub type Shared = Arc<Mutex<(String, Vec<Held>)>>;

pub const ARGS: &str = r#"{"n":7}"#;

/// Notes that a grant was given, and when it runs out.
pub fn given(
    world: &World,
    who: &str,
    held: &Shared,
    (session, call_id, tool): (&str, &str, &'static str),
    grant: Granted,
    invoked: Stamp,
) {
    let key = format!("{session} {} {tool}", grant.invocation_id);
    let returned = world.clock.elapsed();
    world.memory.grants.add(&key, world.event(who, Op::Give, Some(Ret::Done), invoked));
    let expires = world.by_time(Op::Expire, Ret::Done, (invoked.0 + TTL, returned + TTL));
    world.memory.grants.add(&key, expires);
    let swept = world.by_time(Op::Sweep, Ret::Done, (invoked.0 + TTL, Duration::MAX));
    world.memory.grants.add(&key, Event { ret: None, returned: NEVER, ..swept });
    let (session, call_id, grant) = (session.to_owned(), call_id.to_owned(), Arc::new(grant));
    held.lock().unwrap().1.push(Held { session, call_id, tool, grant });
}

/// What operators and the ends of sessions did to them, once all is over.
pub fn add_ends(world: &World, owner: impl Fn(&str) -> Option<&'static str>) {
    let memory = &world.memory;
    let (revocations, ends) = (memory.revocations.lock().unwrap().clone(), memory.ends.lock().unwrap().clone());
    let event = |op, who: &str, (invoked, returned): (Stamp, Stamp)| -> Event<Grants> {
        let ret = (returned != NEVER).then_some(Ret::Done);
        Event { id: world.number(), who: who.to_owned(), op, ret, invoked, returned, after: None }
    };
    memory.grants.add_to_all(|key| {
        let session = key.split(' ').next().unwrap_or_default();
        // A yes is for its epoch: whoever else's rights end, what rests on one is not decided anew without asking again.
        let touches = |of: Option<&'static str>| of.is_none() || of == owner(session) || key.ends_with(" pay");
        let revoked = revocations.iter().filter(|revocation| touches(revocation.of));
        let revoked = revoked.map(|one| event(Op::Revoke, "operator", (one.invoked, one.returned)));
        let ended = ends.iter().filter(|end| end.session == session);
        let ended = ended.map(|end| event(Op::EndSession, "session", (end.invoked, end.returned)));
        revoked.chain(ended).collect()
    });
}

/// Somebody who runs tools, beside others with the same grants.
pub struct Holder<D> {
    pub world: World,
    pub door: D,
    pub name: String,
    pub who: Who,
    pub held: Shared,
    pub owners: Arc<Mutex<Vec<(String, &'static str)>>>,
    pub dice: Dice,
}

impl<D: Doors> Holder<D> {
    pub async fn live(mut self) {
        while self.world.goes_on() {
            match self.dice.below(16) {
                0..=5 => self.ask().await,
                6..=11 => self.report().await,
                12..=14 => self.give_back().await,
                _ if self.dice.below(3) == 0 => self.end().await,
                _ => self.world.rest(&mut self.dice, 0, 2500).await,
            }
            self.world.rest(&mut self.dice, 0, 80).await;
        }
    }

    /// The session of all of them, opened where there is none.
    async fn session(&self) -> String {
        let session = self.held.lock().unwrap().0.clone();
        if !session.is_empty() {
            return session;
        }
        let open = OpenSession { level: 2, ..OpenSession::default() };
        let session = self.door.open_session(self.who.proof.clone(), open).await.unwrap().session_id;
        self.owners.lock().unwrap().push((session.clone(), self.who.name));
        let mut held = self.held.lock().unwrap();
        if held.0.is_empty() {
            held.0.clone_from(&session);
        }
        held.0.clone()
    }

    async fn ask(&mut self) {
        let session = self.session().await;
        let call_id = format!("g{}", self.world.number());
        let leave = impatience(&mut self.dice);
        let envelope = Envelope {
            session_id: session.clone(),
            call_id: call_id.clone(),
            name: "sum".to_owned(),
            args: ARGS.to_owned(),
            ..Envelope::default()
        };
        let invoked = self.world.stamp();
        let asked = self.world.wait(leave, self.door.authorize(self.who.proof.clone(), envelope)).await;
        if let Some(Ok(Authorized::Granted(grant))) = asked {
            given(&self.world, &self.name, &self.held, (&session, &call_id, "sum"), *grant, invoked);
        }
    }

    /// Mostly one that is new.
    fn some(&mut self) -> Option<Held> {
        let held = self.held.lock().unwrap();
        let back = self.dice.below(held.1.len()).min(self.dice.below(5));
        held.1.iter().rev().nth(back).cloned()
    }

    async fn report(&mut self) {
        let Some(held) = self.some() else { return };
        let (content, leave) = (self.dice.below(3) as u64 / 2, impatience(&mut self.dice));
        let report = Report {
            correlation_id: String::new(),
            session_id: held.session.clone(),
            invocation_id: held.grant.invocation_id.to_string(),
            grant: held.grant.receipt.leaf.to_vec(),
            args_digest: Digest::of_bytes(ARGS.as_bytes()).as_bytes().to_vec(),
            call_id: held.call_id.clone(),
            name: held.tool.to_owned(),
            answer: Ok(ToolAnswer::Success(content.to_string())),
            took: Duration::ZERO,
            ended_at_ms: 0,
        };
        let invoked = self.world.stamp();
        let logged = self.world.wait(leave, self.door.log_result(self.who.proof.clone(), report)).await;
        let ret = logged.map(|logged| match logged {
            Ok(_) => Ret::Done,
            Err(refusal) => match refusal.code() {
                Code::Timeout => Ret::Expired,
                Code::Cancelled => Ret::Cancelled,
                Code::PermissionDenied => Ret::Revoked,
                Code::SecurityViolation => Ret::Reused,
                other => panic!("a report was refused with {}: {refusal:?}", other.as_str()),
            },
        });
        self.note(&held, Op::Report(content), ret, invoked);
    }

    async fn give_back(&mut self) {
        let Some(held) = self.some() else { return };
        let leave = impatience(&mut self.dice);
        let request = GiveBack {
            session_id: held.session.clone(),
            invocation_id: held.grant.invocation_id.to_string(),
            grant: held.grant.receipt.leaf.to_vec(),
            ..GiveBack::default()
        };
        let invoked = self.world.stamp();
        let given = self.world.wait(leave, self.door.cancel_grant(self.who.proof.clone(), request)).await;
        let ret = given.map(|given| if given.unwrap().cancelled { Ret::Done } else { Ret::Over });
        self.note(&held, Op::GiveBack, ret, invoked);
    }

    /// Their session ends by force, and the next one begins.
    async fn end(&mut self) {
        let session = std::mem::take(&mut self.held.lock().unwrap().0);
        if session.is_empty() {
            return;
        }
        let request = CloseSession { session_id: session.clone(), force: true, ..CloseSession::default() };
        let invoked = self.world.stamp();
        self.door.close_session(self.who.proof.clone(), request).await.unwrap();
        let returned = self.world.stamp();
        self.world.memory.ends.lock().unwrap().push(Ended { session, invoked, returned });
    }

    fn note(&self, held: &Held, op: Op, ret: Option<Ret>, invoked: Stamp) {
        let key = format!("{} {} {}", held.session, held.grant.invocation_id, held.tool);
        self.world.memory.grants.add(&key, self.world.event(&self.name, op, ret, invoked));
    }
}
