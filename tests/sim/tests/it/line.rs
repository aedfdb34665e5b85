//! The host's end of a runtime's stream, as a transport keeps it: it hands frames on, one after the other, until one of
//! both ends.

use grid_core::{frame::RuntimeFrame, port::RuntimePort};
use tokio::sync::mpsc;

use crate::world::{Said, World};

/// A frame, and what is remembered of it once the host has taken it.
#[derive(Debug)]
pub struct Sent {
    pub frame: RuntimeFrame,
    pub said: Option<Said>,
}

impl From<RuntimeFrame> for Sent {
    fn from(frame: RuntimeFrame) -> Self {
        Self { frame, said: None }
    }
}

pub async fn carry(world: World, mut port: impl RuntimePort, mut frames: mpsc::Receiver<Sent>, who: String) {
    let reason = loop {
        tokio::select! {
            biased;
            () = port.ended() => break "the host ended it",
            sent = frames.recv() => match sent {
                Some(Sent { frame, said }) => {
                    port.receive(frame).await;
                    if let Some(said) = said {
                        world.tell(&format!("{who}: {:?} for {}", said.form, said.invocation));
                        world.memory().said.push(said);
                    }
                }
                None => break "the stream broke",
            },
        }
    };
    world.tell(&format!("{who}: {reason}"));
    port.detach(reason.to_owned()).await;
}
