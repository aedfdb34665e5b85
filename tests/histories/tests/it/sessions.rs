//! Sessions and the calls in them: open, use, end, run out; a call_id used once, again, for something else.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use grid_core::{
    Code, Refusal, Stage,
    envelope::{CancelCall, CloseSession, Envelope, OpenSession},
    outcome::{CallAnswer, ToolAnswer},
};
use grid_testkit::Dice;

use crate::{
    check::{NEVER, Spec, Stamp},
    host::TOOLS,
    world::{Doors, Ended, Who, World, impatience},
};

/// One session.
#[derive(Debug, Clone, Copy)]
pub struct Sessions;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Session {
    #[default]
    Unopened,
    Open,
    Ended,
    Expired,
}

#[derive(Debug, Clone, Copy)]
pub enum Op {
    Open,
    /// Whatever needs a session.
    Use,
    /// By somebody whose session it is not.
    Trespass,
    Close,
    Expire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    /// It was found.
    Alive,
    /// There is no such session.
    Unknown,
    /// It ended while the request was on its way.
    JustEnded,
    Expired,
    /// Calls are in flight.
    Busy,
    Done,
}

impl Spec for Sessions {
    type State = Session;
    type Op = Op;
    type Ret = Ret;

    fn step(state: &Session, op: &Op, ret: Option<&Ret>) -> Vec<Session> {
        let state = *state;
        let next = match (op, ret, state) {
            (Op::Open, _, Session::Unopened) | (Op::Use | Op::Close, Some(Ret::Alive | Ret::Busy), Session::Open) => {
                Session::Open
            }
            (Op::Close, Some(Ret::Done) | None, Session::Open) => Session::Ended,
            (Op::Expire, _, Session::Open) => Session::Expired,
            (Op::Use | Op::Close, Some(Ret::Unknown), Session::Ended)
            | (Op::Use, Some(Ret::JustEnded), Session::Ended | Session::Expired)
            | (Op::Use | Op::Close, Some(Ret::Expired), Session::Expired)
            | (Op::Trespass, Some(Ret::Unknown), _)
            | (Op::Use | Op::Close | Op::Trespass, None, _)
            | (Op::Expire, _, _) => state,
            _ => return Vec::new(),
        };
        vec![next]
    }

    fn only_reads(op: &Op, ret: Option<&Ret>) -> bool {
        matches!(op, Op::Use | Op::Trespass) || (matches!(op, Op::Close) && ret.is_some_and(|ret| *ret != Ret::Done))
    }
}

/// One call_id of a session.
#[derive(Debug, Clone, Copy)]
pub struct Calls;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Name {
    #[default]
    Free,
    /// By a call whose end nobody remembers, once it is there.
    Held { args: u64, by: u64 },
    /// By a call that nobody heard the end of: taken, or free again.
    Perhaps { args: u64 },
    /// The outcome is kept.
    Kept { args: u64, outcome: String },
}

#[derive(Debug, Clone)]
pub enum CallOp {
    Call {
        args: u64,
    },
    /// The two halves of a call whose end is not kept.
    Begin {
        args: u64,
        id: u64,
    },
    End {
        id: u64,
    },
}

#[derive(Debug, Clone)]
pub enum CallRet {
    Outcome(String),
    /// It was used for something else.
    Conflict,
    /// It failed, and may be sent again.
    Failed,
}

impl Spec for Calls {
    type State = Name;
    type Op = CallOp;
    type Ret = CallRet;

    fn step(state: &Name, op: &CallOp, ret: Option<&CallRet>) -> Vec<Name> {
        let as_it_is = vec![state.clone()];
        let taken = match state {
            Name::Free => None,
            Name::Held { args, .. } | Name::Perhaps { args } | Name::Kept { args, .. } => Some(*args),
        };
        match (op, ret) {
            (CallOp::Call { args }, Some(CallRet::Outcome(outcome))) => match state {
                Name::Free | Name::Perhaps { .. } => vec![Name::Kept { args: *args, outcome: outcome.clone() }],
                Name::Kept { args: first, outcome: kept } if first == args && kept == outcome => as_it_is,
                _ => Vec::new(),
            },
            (CallOp::Call { args }, Some(CallRet::Conflict)) => match taken.is_some_and(|taken| taken != *args) {
                true => as_it_is,
                false => Vec::new(),
            },
            (CallOp::Call { args }, None) => match state {
                Name::Free | Name::Perhaps { .. } => vec![Name::Perhaps { args: *args }],
                _ => as_it_is,
            },
            (CallOp::Begin { args, id }, _) => match state {
                Name::Free | Name::Perhaps { .. } => vec![Name::Held { args: *args, by: *id }],
                // It waits for the other one, which fails too.
                Name::Held { args: first, .. } if first == args => as_it_is,
                _ => Vec::new(),
            },
            (CallOp::End { id }, _) => match state {
                Name::Held { by, .. } if by == id => vec![Name::Free],
                _ => as_it_is,
            },
            (CallOp::Call { .. }, Some(CallRet::Failed)) => Vec::new(),
        }
    }

    fn only_reads(_: &CallOp, ret: Option<&CallRet>) -> bool {
        matches!(ret, Some(CallRet::Conflict))
    }
}

/// What became of a call, as its name sees it; nothing where it got no further than its session.
fn heard(answer: &Result<CallAnswer, Refusal>) -> Option<CallRet> {
    let refusal = match answer {
        Ok(answer) => {
            let said = match &answer.answer {
                ToolAnswer::Success(content) => content.clone(),
                other => format!("{other:?}"),
            };
            return Some(CallRet::Outcome(said));
        }
        Err(refusal) => refusal,
    };
    let code = refusal.code();
    match refusal.stage() {
        Stage::Repeat if code == Code::MalformedRequest => Some(CallRet::Conflict),
        Stage::Repeat if code == Code::ServiceUnavailable => Some(CallRet::Failed),
        Stage::Resolve | Stage::Audit | Stage::Dispatch | Stage::Link => Some(match refusal.context().repeatable {
            true => CallRet::Failed,
            false => CallRet::Outcome(code.as_str().to_owned()),
        }),
        _ => None,
    }
}

/// What a request says of its session; nothing where it got no further than who asks.
fn found<T>(answer: &Result<T, Refusal>) -> Option<Ret> {
    let Err(refusal) = answer else { return Some(Ret::Alive) };
    Some(match (refusal.stage(), refusal.code()) {
        (Stage::Session, Code::SessionExpired) => Ret::Expired,
        (Stage::Session, _) if refusal.details().iter().any(|(_, value)| value == "busy") => Ret::Busy,
        (Stage::Session, _) => Ret::Unknown,
        (Stage::Repeat, Code::InvalidSession) => Ret::JustEnded,
        (Stage::Transport | Stage::Identity | Stage::Limits, _) => return None,
        _ => Ret::Alive,
    })
}

/// Sessions that the callers of one principal share.
pub type Shared = Arc<Mutex<Vec<String>>>;

/// Sessions that end by themselves do so after this.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(3600);

pub struct Caller<D> {
    pub world: World,
    pub door: D,
    pub name: String,
    pub who: Who,
    pub own: Shared,
    pub others: Shared,
    pub dice: Dice,
}

impl<D: Doors> Caller<D> {
    pub async fn live(mut self) {
        self.open().await;
        while self.world.goes_on() {
            match self.dice.below(20) {
                0 => self.open().await,
                1..=2 => self.close().await,
                3..=4 => self.look(false).await,
                5 => self.look(true).await,
                6 => self.cancel().await,
                _ => self.call().await,
            }
            self.world.rest(&mut self.dice, 0, 60).await;
        }
    }

    fn some(&mut self, of: bool) -> Option<String> {
        let sessions = if of { &self.own } else { &self.others }.lock().unwrap();
        // Mostly one that is new.
        let back = self.dice.below(sessions.len()).min(self.dice.below(4));
        sessions.iter().rev().nth(back).cloned()
    }

    fn note(&self, session: &str, op: Op, ret: Option<Ret>, invoked: Stamp) {
        self.world.memory.sessions.add(session, self.world.event(&self.name, op, ret, invoked));
    }

    async fn open(&mut self) {
        let ttl = if self.dice.below(3) == 0 { SHORT } else { LONG };
        let request = OpenSession { level: 2, ttl: Some(ttl), ..OpenSession::default() };
        let invoked = self.world.stamp();
        let opened = self.door.open_session(self.who.proof.clone(), request).await.unwrap();
        let returned = self.world.clock.elapsed();
        self.note(&opened.session_id, Op::Open, Some(Ret::Done), invoked);
        let expires = self.world.by_time(Op::Expire, Ret::Done, (invoked.0 + ttl, returned + ttl));
        self.world.memory.sessions.add(&opened.session_id, expires);
        self.own.lock().unwrap().push(opened.session_id);
    }

    async fn close(&mut self) {
        let Some(session) = self.some(true) else { return };
        let (force, leave) = (self.dice.coin(), impatience(&mut self.dice));
        let request = CloseSession { session_id: session.clone(), force, ..CloseSession::default() };
        let invoked = self.world.stamp();
        let closed = self.world.wait(leave, self.door.close_session(self.who.proof.clone(), request)).await;
        let ret = closed.as_ref().map(|closed| found(closed).map(|ret| if closed.is_ok() { Ret::Done } else { ret }));
        if ret != Some(None) {
            self.note(&session, Op::Close, ret.flatten(), invoked);
        }
        let heard = closed.is_some_and(|closed| closed.is_ok());
        let returned = if heard { self.world.stamp() } else { NEVER };
        self.world.memory.ends.lock().unwrap().push(Ended { session, invoked, returned });
        self.open().await;
    }

    async fn look(&mut self, foreign: bool) {
        let Some(session) = self.some(!foreign) else { return };
        let invoked = self.world.stamp();
        let listed = self.door.list_tools(self.who.proof.clone(), session.clone(), String::new()).await;
        self.note(&session, if foreign { Op::Trespass } else { Op::Use }, found(&listed), invoked);
    }

    async fn cancel(&mut self) {
        let Some(session) = self.some(true) else { return };
        let call_id = format!("k{}", self.dice.below(6));
        let request = CancelCall { session_id: session.clone(), call_id, ..CancelCall::default() };
        let invoked = self.world.stamp();
        let cancelled = self.door.cancel(self.who.proof.clone(), request).await;
        if let Some(ret) = found(&cancelled) {
            self.note(&session, Op::Use, Some(ret), invoked);
        }
    }

    async fn call(&mut self) {
        let Some(session) = self.some(true) else { return };
        let (number, leave) = (self.dice.below(9), impatience(&mut self.dice));
        // A name has a tool, and mostly the same arguments.
        let (call_id, args) = (format!("k{number}"), u64::from(self.dice.below(5) == 0));
        let tool = TOOLS[[2, 2, 1, 2, 0, 2, 2, 1, 2][number]];
        let envelope = Envelope {
            session_id: session.clone(),
            call_id: call_id.clone(),
            name: tool.to_owned(),
            args: format!(r#"{{"n":{args}}}"#),
            ..Envelope::default()
        };
        let invoked = self.world.stamp();
        let answer = self.world.wait(leave, self.door.call(self.who.proof.clone(), envelope)).await;
        let key = format!("{session} {call_id}");
        let Some(answer) = answer else {
            self.note(&session, Op::Use, None, invoked);
            let lost = self.world.event(&self.name, CallOp::Call { args }, None, invoked);
            return self.world.memory.calls.add(&key, lost);
        };
        if let Some(ret) = found(&answer) {
            self.note(&session, Op::Use, Some(ret), invoked);
        }
        match heard(&answer) {
            Some(ret @ CallRet::Failed) => {
                let id = self.world.number();
                let begin = CallOp::Begin { args, id };
                let begin = self.world.event(&self.name, begin, Some(ret.clone()), invoked);
                let end = self.world.event(&self.name, CallOp::End { id }, Some(ret), invoked);
                let end = crate::check::Event { after: Some(begin.id), ..end };
                self.world.memory.calls.add(&key, begin);
                self.world.memory.calls.add(&key, end);
            }
            Some(ret) => {
                let event = self.world.event(&self.name, CallOp::Call { args }, Some(ret), invoked);
                self.world.memory.calls.add(&key, event);
            }
            None => {}
        }
    }
}
