//! What went into the streams of a run and what came out: how much waits in between, and what each reader had of them.

use std::collections::BTreeMap;

use grid_core::{
    id::InvocationId,
    stream::{CREDIT, Streamed, cost},
};

/// What one connection sent of one result.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub bytes: Vec<u8>,
    /// Chunks so far cost so much.
    pub cost: u64,
    /// It knew of no credit for some of that.
    pub overran: bool,
    /// Something about it was against the rules: the call must not succeed.
    pub faulty: bool,
}

/// How a stream ended for its reader.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    Whole(Streamed),
    ToolError,
    Refused(&'static str),
}

/// What one reader had of one call.
#[derive(Debug, Clone, Default)]
pub struct Read {
    pub call_id: String,
    pub invocation: Option<InvocationId>,
    pub bytes: Vec<u8>,
    pub chunks: u64,
    /// The number of each chunk was the next one, and nothing came after the final one.
    pub in_order: bool,
    pub is_final: bool,
    /// It went away before the end.
    pub left: bool,
    pub ends: Vec<End>,
    /// Frames of the log that were durable at the end.
    pub synced: usize,
    /// The log could not be written any more.
    pub unwritable: bool,
}

#[derive(Debug, Default)]
pub struct Streams {
    /// By execution and connection.
    pub sent: BTreeMap<(InvocationId, usize), Sent>,
    /// What readers have taken of an execution, in what chunks cost.
    taken: BTreeMap<InvocationId, u64>,
    pub read: Vec<Read>,
}

impl Streams {
    /// The host has taken a chunk. What is wrong with how much of the stream it holds now.
    pub fn sent(
        &mut self,
        of: (InvocationId, usize),
        payload: &[u8],
        (is_final, overran): (bool, bool),
    ) -> Option<String> {
        let sent = self.sent.entry(of).or_default();
        sent.overran |= overran;
        sent.bytes.extend_from_slice(payload);
        sent.cost += cost(payload.len(), is_final);
        let taken = self.taken.get(&of.0).copied().unwrap_or(0);
        let waits = sent.cost.saturating_sub(taken);
        // What was granted and not read yet may be used by accident; more than that may not.
        sent.faulty |= waits > CREDIT;
        (waits > CREDIT && !sent.overran).then(|| format!("{}: {waits} bytes of its stream wait in the host", of.0))
    }

    /// It broke a rule by what it sends now.
    pub fn breaks(&mut self, of: (InvocationId, usize)) {
        self.sent.entry(of).or_default().faulty = true;
    }

    pub fn taken(&mut self, invocation: InvocationId, payload: usize, is_final: bool) {
        *self.taken.entry(invocation).or_default() += cost(payload, is_final);
    }

    pub fn has(&self, invocation: InvocationId) -> bool {
        self.of(invocation).next().is_some()
    }

    /// What every connection sent of it.
    pub fn of(&self, invocation: InvocationId) -> impl Iterator<Item = &Sent> {
        self.sent.range((invocation, 0)..=(invocation, usize::MAX)).map(|(_, sent)| sent)
    }
}
