//! How a streamed result gets to its caller: in order, checked as it passes and kept nowhere. What was sent is counted and
//! digested for the record.

use std::{sync::Arc, time::Duration};

use grid_adm::Digesting;
use grid_core::{
    id::InvocationId,
    runtime::Runtime,
    stream::{CREDIT, CallEvent, Chunk, Heard, Ids, Pipe, Streamed, cost},
};
use tokio::{sync::mpsc, time::sleep};

use crate::flow::{self, Flow};

/// Credit that is less than a portion, or could not be said to a busy runtime, is said after this.
const SOON: Duration = Duration::from_millis(10);
/// Bytes of credit that are said at once.
const PORTION: u64 = CREDIT / 4;

/// The way to the caller of a streamed call. Its channel holds one event, so that what was taken is known exactly.
#[derive(Debug)]
pub struct Delivery {
    events: mpsc::Sender<CallEvent>,
    text: Flow,
    digesting: Digesting,
    chunks: u64,
    bytes: u64,
}

impl Delivery {
    /// Events leave through the receiver.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<CallEvent>) {
        let (events, receiver) = mpsc::channel(1);
        let (text, digesting) = (Flow::default(), Digesting::default());
        (Self { events, text, digesting, chunks: 0, bytes: 0 }, receiver)
    }

    /// The channel.
    #[must_use]
    pub fn events(&self) -> &mpsc::Sender<CallEvent> {
        &self.events
    }

    /// The caller has a part of the result: no other runtime may be tried.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.chunks > 0
    }

    /// What the caller was sent so far.
    #[must_use]
    pub fn sent(&self) -> Streamed {
        Streamed { chunks: self.chunks, bytes: self.bytes, digest: *self.digesting.digest().as_bytes() }
    }

    /// The last chunk is sent; what is wrong with the text as a whole.
    pub(crate) fn end(&mut self) -> Result<Streamed, String> {
        self.text.end().map_err(|error| unfit(&error))?;
        Ok(self.sent())
    }

    /// Takes note of a chunk on its way.
    ///
    /// # Errors
    /// What is wrong with its content; the text is lost with it.
    pub fn count(&mut self, chunk: &Chunk) -> Result<(), String> {
        self.text.feed(&chunk.payload).map_err(|error| unfit(&error))?;
        self.digesting.feed(&chunk.payload);
        self.chunks += 1;
        self.bytes += u64::try_from(chunk.payload.len()).unwrap_or(u64::MAX);
        Ok(())
    }
}

fn unfit(error: &flow::Error) -> String {
    format!("its content is not strict JSON: {error}")
}

/// Sends what was heard; what it costs until it is taken.
fn pass(ids: &Arc<Ids>, heard: Heard, room: mpsc::Permit<'_, CallEvent>) -> u64 {
    let ids = Arc::clone(ids);
    match heard {
        Heard::Chunk(chunk) => {
            let cost = cost(chunk.payload.len(), chunk.is_final);
            room.send(CallEvent::Chunk(ids, chunk));
            cost
        }
        Heard::Progress(progress) => {
            room.send(CallEvent::Progress(ids, progress));
            0
        }
    }
}

/// What an attempt hears before its end, and where it goes.
pub(crate) struct Hearing<'d> {
    pipe: Arc<Pipe>,
    delivery: Option<(&'d mut Delivery, mpsc::Sender<CallEvent>)>,
    ids: Arc<Ids>,
    /// Waits for the caller to take what came before.
    waiting: Option<Heard>,
    /// What the chunk cost that the caller may not have taken.
    untaken: u64,
    /// Taken, and not said to the runtime.
    owed: u64,
}

impl<'d> Hearing<'d> {
    pub(crate) fn new(ids: Ids, delivery: Option<&'d mut Delivery>) -> Self {
        let (pipe, ids) = (Arc::new(Pipe::default()), Arc::new(ids));
        let delivery = delivery.map(|delivery| {
            let events = delivery.events.clone();
            (delivery, events)
        });
        Self { pipe, delivery, ids, waiting: None, untaken: 0, owed: 0 }
    }

    pub(crate) fn pipe(&self) -> Arc<Pipe> {
        Arc::clone(&self.pipe)
    }

    /// It is the caller who holds the call up: something waits to be sent, or what was sent was not taken, and the runtime
    /// may have no credit for more.
    pub(crate) fn waits_for_the_caller(&self) -> bool {
        self.waiting.is_some() || self.untaken > 0
    }

    /// One thing that happens: something is heard, or the caller takes something. May be given up at any time.
    pub(crate) async fn step(&mut self, runtime: &dyn Runtime) -> Result<(), String> {
        let Some((delivery, events)) = &mut self.delivery else {
            // Who waits for one answer is told nothing before it.
            self.pipe.next().await;
            return Ok(());
        };
        let invocation = self.ids.invocation;
        let mut late = false;
        tokio::select! {
            biased;
            room = events.reserve(), if self.waiting.is_some() || self.untaken > 0 => {
                let Ok(room) = room else {
                    // The caller has gone; whoever watches it asks the call to stop.
                    return std::future::pending().await;
                };
                self.owed += std::mem::take(&mut self.untaken);
                if let Some(heard) = self.waiting.take() {
                    self.untaken = pass(&self.ids, heard, room);
                }
            }
            heard = self.pipe.next(), if self.waiting.is_none() => {
                if let Heard::Chunk(chunk) = &heard {
                    delivery.count(chunk)?;
                }
                match events.try_reserve() {
                    Ok(room) => {
                        self.owed += std::mem::take(&mut self.untaken);
                        self.untaken = pass(&self.ids, heard, room);
                    }
                    // Not now; or the caller has gone, which the next step sees.
                    Err(_) => self.waiting = Some(heard),
                }
            }
            () = async { sleep(SOON).await }, if self.owed > 0 => late = true,
        }
        self.repay(runtime, invocation, late);
        Ok(())
    }

    /// Everything that was heard is with the caller.
    pub(crate) async fn rest(&mut self, runtime: &dyn Runtime) -> Result<(), String> {
        loop {
            if self.waiting.is_none() {
                match self.pipe.take() {
                    None => return Ok(()),
                    Some(heard) => {
                        if let (Heard::Chunk(chunk), Some((delivery, _))) = (&heard, &mut self.delivery) {
                            delivery.count(chunk)?;
                        }
                        self.waiting = self.delivery.is_some().then_some(heard);
                    }
                }
            } else {
                self.step(runtime).await?;
            }
        }
    }

    /// Credit is given back in portions: each costs the runtime a frame and a wakeup. A smaller rest follows when the
    /// stream stands still, as its runtime may wait for that.
    fn repay(&mut self, runtime: &dyn Runtime, invocation: InvocationId, late: bool) {
        let due = self.owed >= PORTION || (late && self.owed > 0);
        if due && runtime.grant(invocation, self.owed) {
            self.owed = 0;
        }
    }

    /// The result is whole; what is wrong with it.
    pub(crate) fn end(self) -> Result<Streamed, String> {
        match self.delivery {
            Some((delivery, _)) => delivery.end(),
            None => Err("its chunks were not asked for".to_owned()),
        }
    }
}
