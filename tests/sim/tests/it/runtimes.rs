//! Runtimes that answer, answer late, twice, for others, in no order; that break, part, read slowly and come back.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use grid_core::{
    frame::{Announce, CallFrame, Fulfil, HostFrame, ResultFrame, RuntimeFrame},
    id::InvocationId,
    outcome::ToolAnswer,
    port::RuntimeDoor,
};
use grid_testkit::Dice;
use tokio::{sync::mpsc, time::sleep};
use tokio_util::task::TaskTracker;

use crate::{
    life::{Doors, TOOLS, token},
    line::{Sent, carry},
    script::{Habit, Mood, between, dice},
    world::{Form, Ran, Said, World},
};

/// Principal, id and tenant.
const SEATS: [(&str, &str, &str); 4] =
    [("calc", "calc/0", "demo"), ("calc", "calc/1", "demo"), ("mail", "mail", "demo"), ("calc", "calc/0", "rival")];

const HEARTBEAT: Duration = Duration::from_secs(3);
const NEVER: Duration = Duration::from_secs(1_000_000);

/// Seats all of them.
pub fn start<D: Doors>(world: &World, door: &D) -> TaskTracker {
    let tasks = TaskTracker::new();
    for (at, (name, id, tenant)) in SEATS.into_iter().enumerate() {
        let actor = 10 + at as u64 + 1000 * world.life() as u64;
        let seat = Seat { world: world.clone(), tasks: tasks.clone(), id, tenant, dice: dice(world.seed, actor) };
        tasks.spawn(seat.attend(door.clone(), name));
    }
    tasks.close();
    tasks
}

struct Seat {
    world: World,
    tasks: TaskTracker,
    id: &'static str,
    tenant: &'static str,
    dice: Dice,
}

impl Seat {
    /// Attaches, and again after each end.
    async fn attend(mut self, door: impl RuntimeDoor, name: &str) {
        let who = token(name, self.tenant, "grid_runtime");
        let mut before: Vec<CallFrame> = Vec::new();
        while !self.world.is_stopping() {
            let announce = Announce { runtime_id: self.id.to_owned(), level: 2, ..Announce::default() };
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
struct Attachment<'a> {
    seat: &'a mut Seat,
    lines: mpsc::Sender<Sent>,
    mood: Mood,
    /// When the mood shows, and for how long.
    turns: Duration,
    lasts: Duration,
    /// What will be said, and when.
    due: BTreeMap<(Duration, usize), Sent>,
    said: usize,
    /// Calls that are answered when they are to be stopped.
    stubborn: HashMap<InvocationId, CallFrame>,
    /// Calls so far.
    calls: Vec<CallFrame>,
    reads: Duration,
    beats: Duration,
    gone: bool,
}

impl<'a> Attachment<'a> {
    fn new(seat: &'a mut Seat, lines: mpsc::Sender<Sent>) -> Self {
        let now = seat.world.now();
        let mood = Mood::next(&mut seat.dice);
        let turns = now + between(&mut seat.dice, 200, 20_000);
        let lasts = between(&mut seat.dice, 1000, 50_000);
        let (reads, beats) = (now, now + HEARTBEAT);
        let (due, stubborn, calls) = (BTreeMap::new(), HashMap::new(), Vec::new());
        Self { seat, lines, mood, turns, lasts, due, said: 0, stubborn, calls, reads, beats, gone: false }
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
        if now >= self.beats {
            self.say(RuntimeFrame::Heartbeat { sequence: 1 });
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
                if let Some(call) = self.stubborn.remove(&invocation_id) {
                    let said = self.content(&call);
                    self.later(&call, said, Form::Right, 500);
                } else if self.seat.dice.coin() {
                    let of = |sent: &Sent| sent.said.as_ref().is_some_and(|said| said.invocation == invocation_id);
                    self.due.retain(|_, sent| !of(sent));
                }
            }
            _ => {}
        }
    }

    fn run(&mut self, call: CallFrame) {
        let world = &self.seat.world;
        let habit = Habit::next(&mut self.seat.dice);
        world.tell(&format!("{}: runs {} {} {habit:?}", self.seat.id, call.name, call.invocation_id));
        world.memory().ran.push(Ran {
            life: world.life(),
            at: world.now(),
            synced: world.disk.synced(),
            invocation: call.invocation_id,
            call_id: call.call_id.to_string(),
            tool: call.name.to_string(),
            args: call.args.clone(),
            runtime: self.seat.id.to_owned(),
            tenant: self.seat.tenant,
            prompt: !matches!(self.mood, Mood::Slow | Mood::Parted),
        });
        let content = self.content(&call);
        match habit {
            Habit::Answer => self.later(&call, content, Form::Right, 800),
            Habit::Late => self.later(&call, content, Form::Right, 15_000),
            Habit::Fail => self.later(&call, format!("!{content}"), Form::Right, 800),
            Habit::Mute => {}
            Habit::Twice => {
                self.later(&call, content, Form::Right, 800);
                let again = self.content(&call);
                self.later(&call, again, Form::Right, 800);
            }
            Habit::WrongCall | Habit::WrongName => self.wrong(&call, habit),
            Habit::Invented => {
                let mut other = call.clone();
                other.invocation_id = "i-00000000000000000000000000000000".parse().unwrap();
                self.later(&other, content.clone(), Form::Elsewhere, 800);
                self.later(&call, content, Form::Right, 800);
            }
            Habit::Garbled => self.later(&call, format!("{content},"), Form::Garbled, 800),
            Habit::Stubborn => drop(self.stubborn.insert(call.invocation_id, call.clone())),
            Habit::Crash => self.gone = true,
        }
        self.calls.push(call);
    }

    fn wrong(&mut self, call: &CallFrame, habit: Habit) {
        let mut wrong = call.clone();
        if habit == Habit::WrongCall {
            wrong.call_id = grid_core::id::CallId::parse("another").unwrap();
        } else {
            wrong.name = TOOLS.into_iter().find(|name| *name != &*call.name).unwrap().into();
        }
        let content = self.content(call);
        self.later(&wrong, content.clone(), Form::Wrong, 800);
        self.later(call, content, Form::Right, 2000);
    }

    /// Words that nobody said before.
    fn content(&mut self, call: &CallFrame) -> String {
        format!(r#"{{"of":"{}","n":{}}}"#, call.call_id, self.seat.world.number())
    }

    /// Says it within so many milliseconds; what begins with `!` is an error of the tool.
    fn later(&mut self, call: &CallFrame, content: String, form: Form, most: u64) {
        let world = &self.seat.world;
        let answer = match content.strip_prefix('!') {
            Some(message) => ToolAnswer::Error { message: message.to_owned(), kind: "TRIED".to_owned() },
            None => ToolAnswer::Success(content.clone()),
        };
        let frame = RuntimeFrame::Result(ResultFrame {
            invocation_id: call.invocation_id.to_string(),
            correlation_id: call.correlation_id.to_string(),
            call_id: call.call_id.to_string(),
            name: call.name.to_string(),
            answer: Ok(answer),
        });
        let content = content.trim_start_matches('!').to_owned();
        let said = Some(Said { life: world.life(), invocation: call.invocation_id, content, form });
        let at = world.now() + between(&mut self.seat.dice, 0, most);
        self.said += 1;
        self.due.insert((at, self.said), Sent { frame, said });
    }

    fn say(&self, frame: RuntimeFrame) {
        // As above.
        let _ = self.lines.try_send(frame.into());
    }
}
