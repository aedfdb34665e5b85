//! Approvals: asked for, decided once by one of those who may, used once, run out, made void.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use grid_core::{
    Code, Stage,
    consent::{Decide, Say},
    envelope::{Envelope, OpenSession},
    local::Authorized,
};
use grid_testkit::Dice;

use crate::{
    check::{Event, Spec, Stamp},
    grants::{self, ARGS},
    host::WAIT,
    world::{Doors, Who, World, impatience},
};

/// One call that needs a person's yes.
#[derive(Debug, Clone, Copy)]
pub struct Approvals;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Approval {
    #[default]
    Unknown,
    Waiting,
    /// Somebody has decided, and that is being written down: nobody else decides, and nobody hears of it yet.
    Decided,
    Allowed,
    Denied,
    Used,
    /// Its time was over while a decision was being written down: who asks may still be told to wait.
    TimeUp,
    /// Its time or its rights are over.
    Over,
}

#[derive(Debug, Clone, Copy)]
pub enum Op {
    /// For the call itself.
    Ask,
    Decide,
    /// What was decided holds: yes, or no.
    Hold(bool),
    Expire,
    Revoke,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ret {
    Done,
    Waits,
    Granted,
    Refused,
}

impl Spec for Approvals {
    type State = Approval;
    type Op = Op;
    type Ret = Ret;

    fn step(state: &Approval, op: &Op, ret: Option<&Ret>) -> Vec<Approval> {
        let state = *state;
        let next = match (op, ret, state) {
            (Op::Ask, Some(Ret::Waits), Approval::Unknown) => Approval::Waiting,
            (Op::Ask, Some(Ret::Granted) | None, Approval::Allowed) => Approval::Used,
            // Nobody heard what came of it.
            (Op::Ask, None, Approval::Unknown) => return vec![Approval::Waiting, state],
            (Op::Decide, Some(Ret::Done) | None, Approval::Waiting) => Approval::Decided,
            (Op::Hold(true), _, Approval::Decided) => Approval::Allowed,
            (Op::Hold(false), _, Approval::Decided) => Approval::Denied,
            (Op::Expire, _, Approval::Decided) => Approval::TimeUp,
            (Op::Ask, Some(Ret::Refused), Approval::TimeUp)
            | (Op::Expire, _, Approval::Waiting | Approval::Allowed)
            | (Op::Revoke, _, Approval::Waiting | Approval::Decided | Approval::Allowed | Approval::TimeUp) => {
                Approval::Over
            }
            (Op::Ask, Some(Ret::Waits), Approval::Waiting | Approval::Decided | Approval::TimeUp)
            | (Op::Ask, Some(Ret::Refused), Approval::Denied | Approval::Used | Approval::Over)
            | (Op::Ask, None, _)
            | (Op::Hold(_), _, Approval::TimeUp | Approval::Over)
            | (Op::Expire | Op::Revoke, _, _) => state,
            (Op::Decide, Some(Ret::Refused), _) if !matches!(state, Approval::Unknown | Approval::Waiting) => state,
            _ => return Vec::new(),
        };
        vec![next]
    }

    fn only_reads(_: &Op, ret: Option<&Ret>) -> bool {
        matches!(ret, Some(Ret::Refused))
    }
}

/// Any end of rights makes all of them void. Of one that nobody heard was asked for it is not known when.
pub fn add_ends(world: &World) {
    let asked = |event: &Event<Approvals>| matches!(event.op, Op::Ask);
    world.memory.approvals.lock().retain(|_, events| events.iter().any(asked));
    let revocations = world.memory.revocations.lock().unwrap().clone();
    world.memory.approvals.add_to_all(|_| {
        let event = |at: &crate::world::Revocation| -> Event<Approvals> {
            let (op, ret, who) = (Op::Revoke, Some(Ret::Done), "operator".to_owned());
            let (invoked, returned) = (at.invoked, at.returned);
            Event { id: world.number(), who, op, ret, invoked, returned, after: None }
        };
        revocations.iter().map(event).collect()
    });
}

/// Somebody whose calls need a yes.
pub struct Asker<D> {
    pub world: World,
    pub door: D,
    pub name: String,
    pub who: Who,
    pub held: grants::Shared,
    pub owners: Arc<Mutex<Vec<(String, &'static str)>>>,
    pub dice: Dice,
}

impl<D: Doors> Asker<D> {
    pub async fn live(mut self) {
        let open = OpenSession { level: 2, ..OpenSession::default() };
        let session = self.door.open_session(self.who.proof.clone(), open).await.unwrap().session_id;
        self.owners.lock().unwrap().push((session.clone(), self.who.name));
        while self.world.goes_on() {
            self.one(&session).await;
            self.world.rest(&mut self.dice, 0, 100).await;
        }
    }

    /// One call, asked about again and again.
    async fn one(&mut self, session: &str) {
        let call_id = format!("a{}", self.world.number());
        let (mut approval, mut first): (Option<String>, Option<Stamp>) = (None, None);
        let mut unheard: Vec<Event<Approvals>> = Vec::new();
        for _ in 0..2 + self.dice.below(10) {
            let envelope = Envelope {
                session_id: session.to_owned(),
                call_id: call_id.clone(),
                name: "pay".to_owned(),
                args: ARGS.to_owned(),
                ..Envelope::default()
            };
            let leave = impatience(&mut self.dice);
            let invoked = self.world.stamp();
            self.world.goes_on();
            let asked = self.world.wait(leave, self.door.authorize(self.who.proof.clone(), envelope)).await;
            first = first.or(Some(invoked));
            let ret = match asked {
                Some(Ok(Authorized::Waiting(waits))) => {
                    if approval.is_none() {
                        let id = waits.approval.to_string();
                        let times = (first.unwrap().0 + WAIT, self.world.clock.elapsed() + WAIT);
                        let memory = &self.world.memory;
                        memory.approvals.add(&id, self.world.by_time(Op::Expire, Ret::Done, times));
                        unheard.drain(..).for_each(|event| memory.approvals.add(&id, event));
                        approval = Some(id);
                    }
                    Some(Ret::Waits)
                }
                Some(Ok(Authorized::Granted(grant))) => {
                    let call = (session, call_id.as_str(), "pay");
                    grants::given(&self.world, &self.name, &self.held, call, *grant, invoked);
                    Some(Ret::Granted)
                }
                // The one before is still on its way.
                Some(Err(refusal)) if refusal.stage() == Stage::Repeat => {
                    self.world.rest(&mut self.dice, 50, 300).await;
                    continue;
                }
                Some(Err(_)) => Some(Ret::Refused),
                None => None,
            };
            let event = self.world.event(&self.name, Op::Ask, ret, invoked);
            match &approval {
                Some(id) => self.world.memory.approvals.add(id, event),
                None => unheard.push(event),
            }
            if matches!(ret, Some(Ret::Granted | Ret::Refused)) {
                return;
            }
            self.world.rest(&mut self.dice, 20, 1200).await;
        }
    }
}

/// Somebody who decides, beside others who do, sometimes what was decided long ago.
pub async fn decide<D: Doors>(world: World, door: D, who: Who, number: u64) {
    let mut dice = world.dice(700 + number);
    let name = format!("approver{number}");
    let mut seen: HashMap<String, Decide> = HashMap::new();
    while world.goes_on() {
        let listed = door.waiting(who.proof.clone(), String::new()).await.unwrap();
        for call in listed.calls {
            let hex = |bytes: [u8; 32]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
            let digest = |bytes| format!("sha256:{}", hex(bytes));
            let decide = Decide {
                approval_id: call.approval.to_string(),
                contract_digest: digest(call.contract),
                args_digest: digest(call.args_digest),
                ..Decide::default()
            };
            seen.insert(call.approval.to_string(), decide);
        }
        let mut ids: Vec<&String> = seen.keys().collect();
        ids.sort();
        if let Some(id) = ids.get(dice.below(ids.len())) {
            let (yes, leave) = (dice.coin(), impatience(&mut dice));
            let say = Some(if yes { Say::Approve } else { Say::Deny });
            let decide = Decide { say, ..seen[*id].clone() };
            let id = (*id).clone();
            let invoked = world.stamp();
            let decided = world.wait(leave, door.decide(who.proof.clone(), decide)).await;
            let ret = decided.map(|decided| match decided {
                Ok(_) => Ret::Done,
                Err(refusal) => {
                    assert_eq!(refusal.code(), Code::PermissionDenied, "{refusal:?}");
                    Ret::Refused
                }
            });
            let decided = world.event(&name, Op::Decide, ret, invoked);
            if ret != Some(Ret::Refused) {
                let holds = world.event(&name, Op::Hold(yes), ret, invoked);
                world.memory.approvals.add(&id, Event { after: Some(decided.id), ..holds });
            }
            world.memory.approvals.add(&id, decided);
            if dice.below(3) == 0 {
                seen.remove(&id);
            }
        }
        world.rest(&mut dice, 20, 400).await;
    }
}
