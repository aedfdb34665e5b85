//! Results in pieces: which chunk is believed, and how much of a stream a runtime may send ahead of its caller. A fault
//! ends the call that it is in and nothing else.

use grid_core::{
    frame::HostFrame,
    id::InvocationId,
    outcome::ToolAnswer,
    runtime::Ending,
    stream::{CREDIT, Chunk, ChunkFrame, Heard, ProgressFrame, cost},
};

use super::{Over, Settled, Wire};

/// What is known of one stream.
#[derive(Debug, Clone, Copy)]
pub(super) struct Flow {
    /// The chunk that has to come.
    next: u64,
    /// Bytes that may come.
    credit: u64,
}

impl Default for Flow {
    fn default() -> Self {
        Self { next: 0, credit: CREDIT }
    }
}

impl Flow {
    pub(super) fn has_begun(self) -> bool {
        self.next > 0
    }

    /// Takes note of a chunk, or says what is wrong with it.
    fn admit(&mut self, chunk: &ChunkFrame) -> Result<(), String> {
        if chunk.error.is_some() {
            return match chunk.is_final {
                true => Ok(()),
                false => Err("a chunk with an error is not the final one".to_owned()),
            };
        }
        if chunk.chunk_id != self.next {
            return Err(format!("chunk {} came where chunk {} was due", chunk.chunk_id, self.next));
        }
        let cost = cost(chunk.payload.len(), chunk.is_final);
        let Some(left) = self.credit.checked_sub(cost) else {
            return Err(format!("a chunk that costs {cost} bytes came with {} bytes of credit left", self.credit));
        };
        self.credit = left;
        self.next = self.next.saturating_add(1);
        Ok(())
    }
}

impl Wire {
    /// Takes a piece of a result.
    #[must_use]
    pub fn chunk(&self, chunk: ChunkFrame) -> Settled {
        let Ok(id) = chunk.invocation_id.parse::<InvocationId>() else {
            return Settled::Violation(None, "the chunk names no invocation; copy the call's id".to_owned());
        };
        let mut calls = self.lock();
        let Some(call) = calls.in_flight.get_mut(&id) else {
            return match calls.over(id) {
                Some(Over::ByHost) if chunk.is_final => Settled::Late(id),
                Some(Over::ByHost) => Settled::Ignored,
                Some(Over::ByRuntime) => Settled::Violation(Some(id), "a chunk came after the result".to_owned()),
                None => Settled::Violation(Some(id), "the chunk is for no call of this runtime".to_owned()),
            };
        };
        let admitted = match (&mut call.flow, &call.pipe) {
            (Some(flow), Some(pipe)) => flow.admit(&chunk).map(|()| pipe),
            _ => Err("a chunk came for a call that is not streamed; send one result".to_owned()),
        };
        let (ending, settled) = match admitted {
            Ok(pipe) => {
                let ChunkFrame { chunk_id: number, payload, is_final, error, .. } = chunk;
                let ending = match error {
                    Some((message, kind)) => Ending::Answered(ToolAnswer::Error { message, kind }),
                    None => {
                        pipe.put(Heard::Chunk(Chunk { number, payload, is_final }));
                        Ending::Streamed
                    }
                };
                if !is_final {
                    return Settled::Delivered;
                }
                (ending, Settled::Delivered)
            }
            Err(fault) => (Ending::Violated(fault.clone()), Settled::Violation(Some(id), fault)),
        };
        // What a runtime that broke the rules has under way is nothing new.
        let by = if settled == Settled::Delivered { Over::ByRuntime } else { Over::ByHost };
        let call = calls.take(id, by);
        drop(calls);
        if let Settled::Violation(_, fault) = &settled {
            self.stop(id, fault);
        }
        match call.map(|call| call.ending.send(ending)) {
            Some(Ok(())) => settled,
            // The path gave up between its deadline and this line.
            _ => Settled::Late(id),
        }
    }

    /// Takes word of how far a call has come.
    #[must_use]
    pub fn progress(&self, frame: ProgressFrame) -> Settled {
        let Ok(id) = frame.invocation_id.parse::<InvocationId>() else {
            return Settled::Violation(None, "the progress names no invocation; copy the call's id".to_owned());
        };
        let calls = self.lock();
        match calls.in_flight.get(&id) {
            Some(call) => {
                if let Some(pipe) = &call.pipe {
                    pipe.put(Heard::Progress(frame.progress));
                }
                Settled::Delivered
            }
            None if calls.over(id).is_some() => Settled::Ignored,
            None => Settled::Violation(Some(id), "the progress is for no call of this runtime".to_owned()),
        }
    }

    /// Lets the runtime send more; false where that cannot be said now.
    pub(super) fn credit(&self, invocation_id: InvocationId, bytes: u64) -> bool {
        let mut calls = self.lock();
        let flow = calls.in_flight.get_mut(&invocation_id).and_then(|call| call.flow.as_mut());
        let Some(flow) = flow else {
            // It has sent all it had.
            return true;
        };
        // Counted before it is said: the runtime cannot use it sooner.
        let said = self.frames.try_send(HostFrame::Credit { invocation_id, bytes }).is_ok();
        if said {
            flow.credit = flow.credit.saturating_add(bytes);
        }
        said
    }
}

#[cfg(test)]
mod tests;
