//! Calls from within a call: a runtime asks for another tool, for a call that it has in hand.

use grid_core::{
    Refusal,
    envelope::Envelope,
    frame::{CallFrame, RuntimeFrame},
    outcome::{CallAnswer, ToolAnswer},
};

use crate::{
    callers,
    life::TOOLS,
    runtimes::Attachment,
    world::{Form, Nested, Sender},
};

impl Attachment<'_> {
    /// Asks for another tool; `waits` for its answer before it gives its own.
    pub fn ask(&mut self, call: &CallFrame, waits: bool) {
        let number = self.seat.world.number();
        let others: Vec<_> = TOOLS.into_iter().filter(|name| *name != &*call.name).collect();
        let name = others[self.seat.dice.below(others.len())].to_owned();
        let (call_id, parent) = (format!("n{number}"), call.invocation_id);
        let world = &self.seat.world;
        world.tell(&format!("{}: asks for {name} as {call_id}", self.seat.id));
        {
            let mut memory = world.memory();
            let may_call = self.seat.may_call;
            memory.nested.push(Nested { parent, call_id: call_id.clone(), may_call });
            // It is for whoever made the first call.
            let root = memory.senders[call.call_id.as_str()];
            memory.senders.insert(call_id.clone(), Sender { sent: world.now(), ..root });
        }
        let envelope = Envelope {
            parent_invocation_id: parent.to_string(),
            call_id: call_id.clone(),
            name,
            args: format!(r#"{{"n":{number}}}"#),
            ..Envelope::default()
        };
        if waits {
            self.asking.insert(call_id, call.clone());
        }
        self.say(RuntimeFrame::Call(Box::new(envelope)));
    }

    /// What came of that.
    pub fn answered(&mut self, parent: &str, call_id: &str, ended: Result<CallAnswer, Refusal>) {
        if let Ok(CallAnswer { answer: ToolAnswer::Streamed(_), .. }) = &ended {
            self.seat.world.fault(format!("{call_id}: a call from within {parent} was answered in pieces"));
        }
        callers::heard(&self.seat.world, call_id.to_owned(), ended);
        if let Some(call) = self.asking.remove(call_id) {
            let content = self.content(&call);
            self.later(&call, content, Form::Right, 300);
        }
    }
}
