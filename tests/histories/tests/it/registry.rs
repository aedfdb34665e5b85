//! The registry of runtimes and what they serve: announce, fulfil, drain, leave, come back under the same id, be listed, be
//! called. Two programs fight for each id.

use std::{collections::BTreeMap, time::Duration};

use grid_core::{
    Code, Stage,
    envelope::{Envelope, OpenSession},
    frame::{Announce, CallFrame, Fulfil, HostFrame, ResultFrame, RuntimeFrame},
    lifecycle::Beat,
    outcome::ToolAnswer,
    port::RuntimePort,
};
use grid_testkit::Dice;
use tokio::{sync::mpsc, time::sleep};

use crate::{
    check::{Spec, Stamp},
    host::{TOOLS, token},
    world::{Doors, Who, World, between},
};

/// Ids, each of which serves the tool of its place.
pub const IDS: [&str; 3] = ["calc", "desk/1", "mail"];

/// One runtime's id. The connection is what tells apart those who have it one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Registry;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Attached {
    connection: Option<String>,
    serving: bool,
    draining: bool,
}

#[derive(Debug, Clone)]
pub enum Op {
    Announce,
    Fulfil { connection: String },
    Drain { connection: String },
    Leave { connection: String },
    List,
    Call,
}

#[derive(Debug, Clone)]
pub enum Ret {
    Attached(String),
    /// Somebody else has the id.
    Taken,
    Done,
    Listed(Option<String>),
    /// A call was answered over this connection.
    By(String),
    /// Nobody serves it.
    Nobody,
}

impl Spec for Registry {
    type State = Attached;
    type Op = Op;
    type Ret = Ret;

    fn step(state: &Attached, op: &Op, ret: Option<&Ret>) -> Vec<Attached> {
        let is = |connection: &String| state.connection.as_ref() == Some(connection);
        let may = |fits: bool, next: Attached| if fits { vec![next] } else { Vec::new() };
        let as_it_is = state.clone();
        let serves = state.serving && !state.draining;
        match (op, ret) {
            (Op::Announce, Some(Ret::Attached(connection))) => may(
                state.connection.is_none(),
                Attached { connection: Some(connection.clone()), ..Attached::default() },
            ),
            (Op::Announce, Some(Ret::Taken)) => may(state.connection.is_some(), as_it_is),
            (Op::Fulfil { connection }, _) => may(is(connection), Attached { serving: true, ..as_it_is }),
            (Op::Drain { connection }, _) => may(is(connection), Attached { draining: true, ..as_it_is }),
            (Op::Leave { connection }, _) => may(is(connection), Attached::default()),
            (Op::List, Some(Ret::Listed(connection))) => may(state.connection == *connection, as_it_is),
            (Op::Call, Some(Ret::By(connection))) => may(serves && is(connection), as_it_is),
            (Op::Call, Some(Ret::Nobody)) => may(!serves, as_it_is),
            (Op::List | Op::Call, None) => vec![as_it_is],
            _ => Vec::new(),
        }
    }

    fn only_reads(op: &Op, ret: Option<&Ret>) -> bool {
        matches!(op, Op::List | Op::Call) || matches!(ret, Some(Ret::Taken))
    }
}

/// Longer than a host waits for who says nothing.
const PATIENCE: Duration = Duration::from_secs(10);

/// A program that wants an id.
pub struct Seat<D> {
    pub world: World,
    pub door: D,
    /// Which of [`IDS`].
    pub at: usize,
    pub number: usize,
    pub dice: Dice,
}

/// How an attachment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The connection breaks.
    Broken,
    /// It says that it goes.
    Drained,
    /// Nothing comes any more, until the host has had enough.
    Silent,
}

impl<D: Doors> Seat<D> {
    pub async fn attend(mut self) {
        let who = format!("{}#{}", IDS[self.at], self.number);
        let provider = IDS[self.at].split('/').next().unwrap();
        let proof = token(provider, "demo", "grid_runtime");
        while !self.world.is_stopping() {
            let announce = Announce { runtime_id: IDS[self.at].to_owned(), level: 2, ..Announce::default() };
            let invoked = self.world.stamp();
            self.world.goes_on();
            match self.door.attach(proof.clone(), announce).await {
                Ok((port, mut frames)) => {
                    let Some(HostFrame::Announced(announced)) = frames.recv().await else { unreachable!("no answer") };
                    let connection = announced.connection_id.to_string();
                    self.note(&who, Op::Announce, Ret::Attached(connection.clone()), invoked);
                    self.serve(&who, port, frames, connection).await;
                }
                Err(refusal) if refusal.code() == Code::PolicyViolation => {
                    self.note(&who, Op::Announce, Ret::Taken, invoked);
                }
                Err(refusal) => panic!("{who} was not attached: {refusal:?}"),
            }
            self.world.rest(&mut self.dice, 0, 800).await;
        }
    }

    fn note(&self, who: &str, op: Op, ret: Ret, invoked: Stamp) {
        self.world.memory.registry.add(IDS[self.at], self.world.event(who, op, Some(ret), invoked));
    }

    async fn serve(&mut self, who: &str, mut port: D::Port, mut frames: mpsc::Receiver<HostFrame>, connection: String) {
        let names = vec![TOOLS[self.at].to_owned()];
        let mut heard = self.world.stamp();
        port.receive(RuntimeFrame::Fulfil(Fulfil { names, ..Fulfil::default() })).await;
        self.note(who, Op::Fulfil { connection: connection.clone() }, Ret::Done, heard);
        let end = [End::Broken, End::Broken, End::Drained, End::Silent][self.dice.below(4)];
        let mut until = self.world.clock.elapsed() + between(&mut self.dice, 50, 6000);
        let mut drained = false;
        let mut due: BTreeMap<(Duration, u64), RuntimeFrame> = BTreeMap::new();
        let mut beat = self.world.clock.elapsed();
        let cut = loop {
            let now = self.world.clock.elapsed();
            if now >= until && end == End::Drained && !drained {
                drained = true;
                heard = self.world.stamp();
                port.receive(RuntimeFrame::Drain { reason: "enough".to_owned() }).await;
                self.note(who, Op::Drain { connection: connection.clone() }, Ret::Done, heard);
                until = now + between(&mut self.dice, 0, 500);
            }
            if now >= until || self.world.is_stopping() {
                break false;
            }
            let next = due.keys().next().map_or(until, |(at, _)| *at).min(until).min(beat);
            tokio::select! {
                biased;
                () = port.ended() => break true,
                frame = frames.recv() => match frame {
                    Some(HostFrame::Call(call)) => self.run(*call, &connection, &mut due),
                    Some(_) => {}
                    None => break true,
                },
                () = sleep(self.world.real(next.saturating_sub(now))) => {
                    let now = self.world.clock.elapsed();
                    let ready = due.first_entry().filter(|entry| entry.key().0 <= now);
                    let frame = match ready {
                        Some(entry) => entry.remove(),
                        None if now >= beat => {
                            beat = now + Duration::from_millis(400);
                            RuntimeFrame::Heartbeat(Beat { sequence: 1, ..Beat::default() })
                        }
                        None => continue,
                    };
                    heard = self.world.stamp();
                    port.receive(frame).await;
                }
            }
        };
        // The host ends who is silent, at a time of its own after it last heard something.
        let invoked = if cut || end == End::Silent {
            // One that it does not end goes by itself.
            self.world.wait(Some(PATIENCE), port.ended()).await;
            heard
        } else {
            self.world.stamp()
        };
        self.world.goes_on();
        port.detach("gone".to_owned()).await;
        self.note(who, Op::Leave { connection }, Ret::Done, invoked);
    }

    fn run(&mut self, call: CallFrame, connection: &str, due: &mut BTreeMap<(Duration, u64), RuntimeFrame>) {
        if self.at == 2 {
            self.world.memory.runs.lock().unwrap().push(format!("{} {}", call.session_id, call.call_id));
        }
        let number = self.world.number();
        // Some are never answered.
        if self.dice.below(15) == 0 {
            return;
        }
        let content = format!(r#"{{"by":"{connection}","n":{number}}}"#);
        let frame = RuntimeFrame::Result(ResultFrame {
            invocation_id: call.invocation_id.to_string(),
            correlation_id: call.correlation_id.to_string(),
            call_id: call.call_id.to_string(),
            name: call.name.to_string(),
            answer: Ok(ToolAnswer::Success(content)),
        });
        due.insert((self.world.clock.elapsed() + between(&mut self.dice, 0, 60), number), frame);
    }
}

/// Looks who is there and calls them, each call under a name of its own.
pub async fn probe<D: Doors>(world: World, door: D, caller: Who, operator: Who, number: u64) {
    let mut dice = world.dice(500 + number);
    let name = format!("probe{number}");
    let open = OpenSession { level: 2, ..OpenSession::default() };
    let session = door.open_session(caller.proof.clone(), open).await.unwrap().session_id;
    while world.goes_on() {
        let invoked = world.stamp();
        if dice.below(3) == 0 {
            let rows = door.runtimes(operator.proof.clone(), String::new()).await.unwrap();
            for id in IDS {
                let row = rows.iter().find(|row| row.runtime_id == id);
                let ret = Ret::Listed(row.map(|row| row.connection_id.clone()));
                world.memory.registry.add(id, world.event(&name, Op::List, Some(ret), invoked));
            }
        } else {
            let at = dice.below(IDS.len());
            let envelope = Envelope {
                session_id: session.clone(),
                call_id: format!("probe-{}", world.number()),
                name: TOOLS[at].to_owned(),
                args: r#"{"n":1}"#.to_owned(),
                ..Envelope::default()
            };
            let ret = match door.call(caller.proof.clone(), envelope).await {
                Ok(answer) => match answer.answer {
                    ToolAnswer::Success(content) => content.split('"').nth(3).map(|by| Ret::By(by.to_owned())),
                    _ => None,
                },
                Err(refusal) => {
                    let nobody = refusal.code() == Code::ServiceUnavailable && refusal.stage() == Stage::Resolve;
                    nobody.then_some(Ret::Nobody)
                }
            };
            if ret.is_some() {
                world.memory.registry.add(IDS[at], world.event(&name, Op::Call, ret, invoked));
            }
        }
        world.rest(&mut dice, 0, 40).await;
    }
}
