//! Callers that call, repeat, misuse, cancel, trespass, leave, and end their sessions.

use std::time::Duration;

use grid_core::{
    Refusal,
    envelope::{CancelCall, CloseSession, Credentials, Envelope, OpenSession},
    outcome::{CallAnswer, ToolAnswer},
};
use grid_testkit::Dice;
use tokio::time::sleep;
use tokio_util::task::TaskTracker;

use crate::{
    holders::hold,
    life::{Doors, PATIENT, TOOLS, token_at},
    readers::read,
    script::{Step, between, dice},
    world::{Heard, Sender, World},
};

/// Principal and tenant.
pub const NAMES: [(&str, &str); 3] = [("agent", "demo"), ("second", "demo"), ("other", "rival")];

pub fn start<D: Doors>(world: &World, door: &D) -> TaskTracker {
    let tasks = TaskTracker::new();
    for (at, (name, tenant)) in NAMES.into_iter().enumerate() {
        let caller = Caller {
            world: world.clone(),
            door: door.clone(),
            tasks: tasks.clone(),
            who: token_at(name, tenant, &["caller"], &*world.clock()),
            proved: world.unix_ms(),
            name,
            tenant,
            dice: dice(world.seed, 100 + at as u64 + 1000 * world.life() as u64),
            session: String::new(),
            made: Vec::new(),
        };
        tasks.spawn(caller.live());
    }
    tasks
}

/// A call, as it was sent the first time.
#[derive(Debug, Clone)]
struct Made {
    call_id: String,
    tool: &'static str,
    args: String,
    /// Its result was one that is not kept.
    once: bool,
}

struct Caller<D> {
    world: World,
    door: D,
    tasks: TaskTracker,
    who: Credentials,
    proved: u64,
    name: &'static str,
    tenant: &'static str,
    dice: Dice,
    session: String,
    made: Vec<Made>,
}

impl<D: Doors> Caller<D> {
    async fn live(mut self) {
        let fair = self.world.is_fair();
        // Runtimes are there in fair weather.
        sleep(between(&mut self.dice, 0, 1000) + Duration::from_secs(if fair { 8 } else { 0 })).await;
        self.open().await;
        for _ in 0..10 + self.dice.below(if fair { 5 } else { 20 }) {
            let step = if fair { Step::fair(&mut self.dice) } else { Step::next(&mut self.dice) };
            self.world.tell(&format!("{}: {step:?}", self.name));
            self.step(step).await;
        }
        // Otherwise it runs out by itself.
        if !fair && self.dice.coin() {
            sleep(between(&mut self.dice, 0, 12_000)).await;
            self.close(true).await;
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Call => {
                let envelope = self.fresh();
                self.ask(envelope, None).await;
            }
            Step::Burst => {
                for _ in 0..2 + self.dice.below(4) {
                    let envelope = self.fresh();
                    self.aside(envelope, None);
                }
            }
            Step::Leave => {
                let (envelope, after) = (self.fresh(), between(&mut self.dice, 0, 500));
                self.ask(envelope, Some(after)).await;
            }
            Step::Hurry => {
                let soon = between(&mut self.dice, 0, 60).as_millis();
                let deadline_unix_ms = Some(self.world.unix_ms() + u64::try_from(soon).unwrap());
                let envelope = Envelope { deadline_unix_ms, ..self.fresh() };
                self.aside(envelope, None);
            }
            Step::Repeat => {
                if let Some(made) = self.earlier().filter(|made| !made.once) {
                    let envelope = self.envelope(&made);
                    self.aside(envelope, None);
                }
            }
            Step::Misuse => {
                if let Some(made) = self.earlier().filter(|made| !made.once) {
                    let args = format!(r#"{{"n":{}}}"#, self.world.number());
                    let envelope = self.envelope(&Made { args, ..made });
                    self.ask(envelope, None).await;
                }
            }
            Step::Cancel => self.cancel().await,
            Step::Trespass => self.trespass().await,
            Step::Read => {
                let envelope = self.fresh();
                self.made.last_mut().unwrap().once = true;
                let (world, door, who) = (self.world.clone(), self.door.clone(), self.who.clone());
                self.tasks.spawn(read(world, door, who, envelope, Dice::seeded(self.dice.roll())));
            }
            Step::Grant => {
                let envelope = self.fresh();
                self.made.pop();
                let (world, door, who) = (self.world.clone(), self.door.clone(), self.who.clone());
                self.tasks.spawn(hold(world, door, who, envelope, Dice::seeded(self.dice.roll())));
            }
            Step::Reopen => {
                let force = self.dice.coin();
                if self.close(force).await {
                    self.open().await;
                }
            }
            Step::Rest => sleep(between(&mut self.dice, 10, if self.world.is_fair() { 2000 } else { 6000 })).await,
        }
    }

    async fn open(&mut self) {
        // Whoever was revoked comes back with a new proof.
        self.who = token_at(self.name, self.tenant, &["caller"], &*self.world.clock());
        self.proved = self.world.unix_ms();
        let request = OpenSession { level: 2, ..OpenSession::default() };
        match self.door.open_session(self.who.clone(), request).await {
            Ok(opened) => {
                self.session = opened.session_id;
                self.made.clear();
                self.world.memory().sessions.push((self.name, self.session.clone()));
            }
            Err(refusal) => self.world.tell(&format!("{}: no session, {}", self.name, refusal.code().as_str())),
        }
    }

    async fn close(&self, force: bool) -> bool {
        let request = CloseSession { session_id: self.session.clone(), force, ..CloseSession::default() };
        let closed = self.door.close_session(self.who.clone(), request).await;
        let said = closed.as_ref().map_or_else(|refusal| refusal.code().as_str(), |_| "closed");
        self.world.tell(&format!("{}: session {} {said}", self.name, self.session));
        closed.is_ok()
    }

    async fn cancel(&mut self) {
        let Some(made) = self.earlier() else { return };
        let request = CancelCall {
            session_id: self.session.clone(),
            call_id: made.call_id.clone(),
            reason: "tried".to_owned(),
            ..CancelCall::default()
        };
        let cancelled = self.door.cancel(self.who.clone(), request).await;
        let said =
            cancelled.map_or_else(|refusal| refusal.code().as_str().to_owned(), |done| done.cancelled.to_string());
        self.world.tell(&format!("{}: cancel of {}: {said}", self.name, made.call_id));
    }

    async fn trespass(&mut self) {
        let others: Vec<String> = {
            let memory = self.world.memory();
            let others = memory.sessions.iter().filter(|(owner, _)| *owner != self.name);
            others.map(|(_, session)| session.clone()).collect()
        };
        if others.is_empty() {
            return;
        }
        let at = self.dice.below(others.len());
        let envelope = Envelope { session_id: others[at].clone(), ..self.fresh() };
        let call_id = envelope.call_id.clone();
        self.ask(envelope, None).await;
        let memory = self.world.memory();
        let answer = memory.heard.iter().rev().find(|heard| heard.call_id == call_id).unwrap();
        assert!(answer.answer.is_err(), "a call in somebody else's session was answered");
    }

    fn fresh(&mut self) -> Envelope {
        let number = self.world.number();
        let tool = if self.world.is_fair() { PATIENT[self.dice.below(3)] } else { TOOLS[self.dice.below(4)] };
        let made = Made { call_id: format!("k{number}"), tool, args: format!(r#"{{"n":{number}}}"#), once: false };
        let envelope = self.envelope(&made);
        let sender = Sender { name: self.name, proved: self.proved, sent: self.world.now() };
        self.world.memory().senders.insert(made.call_id.clone(), sender);
        self.made.push(made);
        envelope
    }

    fn earlier(&mut self) -> Option<Made> {
        if self.made.is_empty() {
            return None;
        }
        // Mostly one that may still run.
        let back = self.dice.below(self.made.len()).min(self.dice.below(4));
        self.made.iter().rev().nth(back).cloned()
    }

    fn envelope(&self, made: &Made) -> Envelope {
        Envelope {
            correlation_id: format!("w-{}", made.call_id),
            session_id: self.session.clone(),
            call_id: made.call_id.clone(),
            name: made.tool.to_owned(),
            args: made.args.clone(),
            ..Envelope::default()
        }
    }

    /// Beside what comes next.
    fn aside(&self, envelope: Envelope, leave: Option<Duration>) {
        let (world, door, who) = (self.world.clone(), self.door.clone(), self.who.clone());
        self.tasks.spawn(async move { ask(&world, &door, who, envelope, leave).await });
    }

    async fn ask(&self, envelope: Envelope, leave: Option<Duration>) {
        ask(&self.world, &self.door, self.who.clone(), envelope, leave).await;
    }
}

async fn ask(world: &World, door: &impl Doors, who: Credentials, envelope: Envelope, leave: Option<Duration>) {
    let call_id = envelope.call_id.clone();
    let answer = tokio::select! {
        biased;
        answer = door.call(who, envelope) => answer,
        () = async { match leave { Some(after) => sleep(after).await, None => std::future::pending().await } } => {
            world.tell(&format!("{call_id}: its caller leaves"));
            return;
        }
    };
    heard(world, call_id, answer);
}

pub fn heard(world: &World, call_id: String, answer: Result<CallAnswer, Refusal>) {
    let (synced, unwritable) = (world.disk.synced(), world.disk.has_failed());
    let heard = match answer {
        Ok(answer) => Heard {
            synced,
            unwritable,
            call_id,
            invocation: Some(answer.invocation_id),
            repeated: answer.repeated,
            answer: Ok(match answer.answer {
                ToolAnswer::Success(content) => content,
                ToolAnswer::Error { message, .. } => message,
                ToolAnswer::Streamed(_) => "streamed".to_owned(),
            }),
        },
        Err(refusal) => Heard {
            synced,
            unwritable,
            call_id,
            invocation: refusal.context().invocation_id,
            repeated: false,
            answer: Err(refusal.code().as_str()),
        },
    };
    world.tell(&format!("{}: {:?} {}", heard.call_id, heard.answer.as_ref().map(|_| "answer"), heard.repeated));
    world.memory().heard.push(heard);
}
