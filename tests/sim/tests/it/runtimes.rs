//! Runtimes that answer, answer late, twice, for others, in no order; that break, part, read slowly and come back.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use grid_core::{
    frame::{Announce, CallFrame, Fulfil, HostFrame, RuntimeFrame},
    id::InvocationId,
    lifecycle::{self, Ask, Report},
    port::RuntimeDoor,
};
use grid_testkit::Dice;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{
    flows::Flow,
    life::{Doors, TOOLS, token},
    line::{Sent, carry},
    script::{Mood, between, dice},
    world::{Form, World},
};

/// Principal, id and tenant. `calc` may call tools itself, `mail` may not.
const SEATS: [(&str, &str, &str); 5] = [
    ("calc", "calc/0", "demo"),
    ("calc", "calc/1", "demo"),
    ("mail", "mail", "demo"),
    ("calc", "calc/0", "rival"),
    ("mail", "mail", "rival"),
];

/// What each of them can do, mostly.
const FEATURES: [&str; 4] = ["streaming", "progress", "nested-calls", lifecycle::FEATURE];

const HEARTBEAT: Duration = Duration::from_secs(3);
const NEVER: Duration = Duration::from_secs(1_000_000);

/// Seats all of them.
pub fn start<D: Doors>(world: &World, door: &D) -> TaskTracker {
    let tasks = TaskTracker::new();
    for (at, (name, id, tenant)) in SEATS.into_iter().enumerate() {
        let actor = 10 + at as u64 + 1000 * world.life() as u64;
        let (dice, tasks_of) = (dice(world.seed, actor), tasks.clone());
        let seat = Seat { world: world.clone(), tasks: tasks_of, id, tenant, may_call: name == "calc", dice };
        tasks.spawn(seat.attend(door.clone(), name));
    }
    tasks.close();
    tasks
}

pub struct Seat {
    pub world: World,
    tasks: TaskTracker,
    pub id: &'static str,
    pub tenant: &'static str,
    /// Its principal has the role that callers need.
    pub may_call: bool,
    pub dice: Dice,
}

impl Seat {
    /// Attaches, and again after each end.
    async fn attend(mut self, door: impl RuntimeDoor, name: &str) {
        let roles: &[&str] = if self.may_call { &["grid_runtime", "caller"] } else { &["grid_runtime"] };
        let who = token(name, self.tenant, roles);
        let mut before: Vec<CallFrame> = Vec::new();
        while !self.world.is_stopping() {
            let mut features = FEATURES.map(str::to_owned).to_vec();
            features.retain(|_| self.world.is_fair() || self.dice.below(8) > 0);
            let announce = Announce { runtime_id: self.id.to_owned(), level: 2, features, ..Announce::default() };
            match door.attach(who.clone(), announce).await {
                Ok((port, frames)) => {
                    let (lines, sent) = mpsc::channel(64);
                    let who = format!("{}@{}", self.id, self.tenant);
                    self.world.tell(&format!("{who}: attached"));
                    self.tasks.spawn(carry(self.world.clone(), port, sent, who));
                    before = Attachment::new(&mut self, lines).serve(frames, before).await;
                }
                Err(refusal) => {
                    self.world.tell(&format!("{}@{}: {}", self.id, self.tenant, refusal.code().as_str()));
                    sleep(between(&mut self.dice, 500, 3000)).await;
                }
            }
            sleep(between(&mut self.dice, 0, 2000)).await;
        }
    }
}

/// One connection.
pub struct Attachment<'a> {
    pub seat: &'a mut Seat,
    /// No other connection has this number.
    pub line: usize,
    pub lines: mpsc::Sender<Sent>,
    pub mood: Mood,
    /// When the mood shows, and for how long.
    turns: Duration,
    lasts: Duration,
    /// What will be said, and when.
    pub due: BTreeMap<(Duration, usize), Sent>,
    pub said: usize,
    /// Results in pieces that are on their way.
    pub flows: Vec<Flow>,
    /// Calls that wait for another tool, by the name of the call to it.
    pub asking: HashMap<String, CallFrame>,
    /// Calls that are answered when they are to be stopped.
    pub stubborn: HashMap<InvocationId, CallFrame>,
    /// Calls so far.
    pub calls: Vec<CallFrame>,
    reads: Duration,
    beats: Duration,
    pub gone: bool,
}

impl<'a> Attachment<'a> {
    fn new(seat: &'a mut Seat, lines: mpsc::Sender<Sent>) -> Self {
        let now = seat.world.now();
        let mood = if seat.world.is_fair() { Mood::Steady } else { Mood::next(&mut seat.dice) };
        let turns = now + between(&mut seat.dice, 200, 20_000);
        let lasts = between(&mut seat.dice, 1000, 50_000);
        let (reads, beats) = (now, now + HEARTBEAT);
        let (line, due, flows, calls) = (seat.world.number(), BTreeMap::new(), Vec::new(), Vec::new());
        let (asking, stubborn, said, gone) = (HashMap::new(), HashMap::new(), 0, false);
        Self { seat, line, lines, mood, turns, lasts, due, said, flows, asking, stubborn, calls, reads, beats, gone }
    }

    /// Until it ends; the calls that it was given, for the next one to confuse.
    async fn serve(mut self, mut frames: mpsc::Receiver<HostFrame>, before: Vec<CallFrame>) -> Vec<CallFrame> {
        let names = TOOLS.map(str::to_owned).to_vec();
        self.say(RuntimeFrame::Fulfil(Fulfil { names, ..Fulfil::default() }));
        for call in before.iter().rev().take(self.seat.dice.below(3)) {
            let said = self.content(call);
            self.later(call, said, Form::Elsewhere, 5000);
        }
        while !self.gone && !self.lines.is_closed() && !self.seat.world.is_stopping() {
            let now = self.seat.world.now();
            let reads = now >= self.reads;
            let next = self.due.keys().next().map_or(NEVER, |(at, _)| *at).min(self.beats).min(self.turns);
            let next = self.flows.iter().map(|flow| flow.at).fold(next, Duration::min);
            let next = if reads { next } else { next.min(self.reads) };
            tokio::select! {
                biased;
                frame = frames.recv(), if reads => match frame {
                    Some(frame) => self.take(frame).await,
                    None => break,
                },
                () = sleep(next.saturating_sub(now)) => self.pass().await,
            }
        }
        let who = self.seat.id;
        self.seat.world.tell(&format!("{who}@{}: leaves, {:?}", self.seat.tenant, self.mood));
        self.calls
    }

    /// Something is due.
    async fn pass(&mut self) {
        let now = self.seat.world.now();
        if now >= self.turns {
            self.turn(now).await;
        }
        if self.gone {
            return;
        }
        while let Some(entry) = self.due.first_entry().filter(|entry| entry.key().0 <= now) {
            let sent = entry.remove();
            // A stream that takes nothing more loses it.
            let _ = self.lines.try_send(sent);
        }
        self.flow(now);
        if now >= self.beats {
            self.say(RuntimeFrame::Heartbeat(grid_core::lifecycle::Beat { sequence: 1, ..Default::default() }));
            self.beats = now + HEARTBEAT;
        }
    }

    async fn turn(&mut self, now: Duration) {
        self.turns = NEVER;
        match self.mood {
            Mood::Steady | Mood::Slow => {}
            Mood::Breaks => self.gone = true,
            Mood::Parted => sleep(self.lasts).await,
            Mood::Drains => {
                self.say(RuntimeFrame::Drain { reason: "enough".to_owned() });
                (self.mood, self.turns) = (Mood::Breaks, now + self.lasts);
            }
        }
    }

    async fn take(&mut self, frame: HostFrame) {
        let now = self.seat.world.now();
        if self.mood == Mood::Slow {
            self.reads = now + between(&mut self.seat.dice, 0, 4000);
        }
        match frame {
            HostFrame::Call(call) => self.run(*call),
            HostFrame::Cancel { invocation_id, .. } => {
                self.flows.retain(|flow| !flow.is_of(invocation_id));
                if let Some(call) = self.stubborn.remove(&invocation_id) {
                    let said = self.content(&call);
                    self.later(&call, said, Form::Right, 500);
                } else if self.seat.dice.coin() {
                    self.due.retain(|_, sent| !sent.is_result_of(invocation_id));
                }
            }
            HostFrame::Credit { invocation_id, bytes } => self.credited(invocation_id, bytes),
            HostFrame::Answer { parent, call_id, ended } => self.answered(&parent, &call_id, *ended),
            HostFrame::Lifecycle(ask) => self.asked(&ask),
            _ => {}
        }
    }

    /// Somebody else may come in its place, or it in somebody's.
    fn asked(&mut self, ask: &Ask) {
        let (sequence, at) = (ask.sequence, self.seat.world.now() + between(&mut self.seat.dice, 0, 300));
        let ok = self.seat.dice.below(6) > 0;
        let report = Report { sequence, ok, message: if ok { String::new() } else { "not today".to_owned() } };
        self.said += 1;
        self.due.insert((at, self.said), RuntimeFrame::Lifecycle(report).into());
    }

    pub fn say(&self, frame: RuntimeFrame) {
        // As above.
        let _ = self.lines.try_send(frame.into());
    }
}
