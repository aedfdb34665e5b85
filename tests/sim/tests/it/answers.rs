//! What a runtime does with a call, and what it says of it.

use grid_core::{
    frame::{CallFrame, ResultFrame, RuntimeFrame},
    outcome::ToolAnswer,
};

use crate::{
    life::TOOLS,
    line::{Note, Sent},
    runtimes::Attachment,
    script::{Habit, Mood, between},
    world::{Form, Ran, Said},
};

impl Attachment<'_> {
    pub fn run(&mut self, call: CallFrame) {
        let world = &self.seat.world;
        let habit = if world.is_fair() { Habit::Answer } else { Habit::next(&mut self.seat.dice) };
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
        if call.streaming && habit != Habit::Crash && self.seat.dice.below(6) > 0 {
            self.stream(&call);
            return self.calls.push(call);
        }
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
            Habit::Asks => self.ask(&call, true),
            Habit::Forgets => {
                self.ask(&call, false);
                self.later(&call, content, Form::Right, 300);
            }
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
    pub fn content(&mut self, call: &CallFrame) -> String {
        format!(r#"{{"of":"{}","n":{}}}"#, call.call_id, self.seat.world.number())
    }

    /// Says it within so many milliseconds; what begins with `!` is an error of the tool.
    pub fn later(&mut self, call: &CallFrame, content: String, form: Form, most: u64) {
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
        let note = Some(Note::Said(Said { life: world.life(), invocation: call.invocation_id, content, form }));
        let at = world.now() + between(&mut self.seat.dice, 0, most);
        self.said += 1;
        self.due.insert((at, self.said), Sent { frame, note });
    }
}
