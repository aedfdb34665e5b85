//! The host's end of a runtime's stream, as a transport keeps it: it hands frames on, one after the other, until one of
//! both ends.

use grid_core::{frame::RuntimeFrame, id::InvocationId, port::RuntimePort};
use tokio::sync::mpsc;

use crate::world::{Said, World};

/// A frame, and what is remembered of it once the host has taken it.
#[derive(Debug)]
pub struct Sent {
    pub frame: RuntimeFrame,
    pub note: Option<Note>,
}

/// What is remembered of a frame.
#[derive(Debug)]
pub enum Note {
    Said(Said),
    /// A piece of a result: of which execution, on which connection.
    Chunk {
        of: (InvocationId, usize),
        payload: Vec<u8>,
        is_final: bool,
        overruns: bool,
        breaks: bool,
    },
}

impl From<RuntimeFrame> for Sent {
    fn from(frame: RuntimeFrame) -> Self {
        Self { frame, note: None }
    }
}

impl Sent {
    pub fn is_result_of(&self, invocation: InvocationId) -> bool {
        matches!(&self.note, Some(Note::Said(said)) if said.invocation == invocation)
    }
}

pub async fn carry(world: World, mut port: impl RuntimePort, mut frames: mpsc::Receiver<Sent>, who: String) {
    let reason = loop {
        tokio::select! {
            biased;
            () = port.ended() => break "the host ended it",
            sent = frames.recv() => match sent {
                Some(Sent { frame, note }) => {
                    port.receive(frame).await;
                    if let Some(note) = note {
                        remember(&world, note, &who);
                    }
                }
                None => break "the stream broke",
            },
        }
    };
    world.tell(&format!("{who}: {reason}"));
    port.detach(reason.to_owned()).await;
}

fn remember(world: &World, note: Note, who: &str) {
    match note {
        Note::Said(said) => {
            world.tell(&format!("{who}: {:?} for {}", said.form, said.invocation));
            world.memory().said.push(said);
        }
        Note::Chunk { of, payload, is_final, overruns, breaks } => {
            let mut memory = world.memory();
            if breaks {
                memory.streams.breaks(of);
            }
            let fault = memory.streams.sent(of, &payload, (is_final, overruns));
            memory.faults.extend(fault);
        }
    }
}
