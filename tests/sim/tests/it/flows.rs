//! The streams of a runtime: results in pieces, within their credit or beyond it, in order or not, to the end or not.

use std::time::Duration;

use grid_core::{
    frame::{CallFrame, RuntimeFrame},
    id::InvocationId,
    stream::{CREDIT, ChunkFrame, Progress, ProgressFrame, cost},
};
use grid_testkit::Dice;

use crate::{
    line::{Note, Sent},
    runtimes::Attachment,
    script::{Way, between},
};

/// More than the host holds of one stream.
const LARGE: usize = 256 << 10;

/// One result on its way.
pub struct Flow {
    call: CallFrame,
    way: Way,
    /// What is still to be sent.
    rest: Vec<u8>,
    /// The largest piece.
    piece: usize,
    number: u64,
    credit: u64,
    /// When the next piece is due.
    pub at: Duration,
    /// Pieces until it does what its way says.
    until: usize,
    over: bool,
}

impl Flow {
    fn new(call: CallFrame, now: Duration, number: usize, way: Way, dice: &mut Dice) -> Self {
        let (length, piece) = match dice.below(40) {
            // In pieces that are large.
            _ if way == Way::Overruns => (LARGE + dice.below(LARGE), 60_000),
            0 => (LARGE + dice.below(LARGE), 60_000),
            // As much by its number of pieces.
            1 | 2 => (1100 + dice.below(300), 1),
            _ => (dice.below(900), 1 + dice.below(200)),
        };
        let text = format!(r#"{{"of":"{}","n":{number},"pad":"{}"}}"#, call.call_id, "x".repeat(length));
        let at = now + between(dice, 0, 500);
        let until = 1 + dice.below(6);
        Self { call, way, rest: text.into_bytes(), piece, number: 0, credit: CREDIT, at, until, over: false }
    }

    pub fn is_of(&self, invocation: InvocationId) -> bool {
        self.call.invocation_id == invocation
    }

    fn chunk(&self, payload: Vec<u8>, is_final: bool) -> ChunkFrame {
        ChunkFrame {
            invocation_id: self.call.invocation_id.to_string(),
            correlation_id: self.call.correlation_id.to_string(),
            chunk_id: self.number,
            payload: payload.into(),
            is_final,
            error: None,
        }
    }

    /// The next piece; nothing where there is no credit for it, or nothing is left to say.
    fn next(&mut self, dice: &mut Dice) -> Option<(ChunkFrame, bool, bool)> {
        let turned = self.until == 0;
        let length = (1 + dice.below(self.piece)).min(self.rest.len());
        let is_final = length == self.rest.len();
        let cost = cost(length, is_final);
        let overruns = cost > self.credit;
        if overruns && self.way != Way::Overruns {
            return None;
        }
        self.credit = self.credit.saturating_sub(cost);
        self.until = self.until.saturating_sub(1);
        let payload: Vec<u8> = self.rest.drain(..length).collect();
        let mut chunk = self.chunk(payload, is_final);
        self.number += 1;
        self.over = is_final;
        let mut breaks = false;
        match self.way {
            Way::Skips if turned => {
                chunk.chunk_id += 1;
                (breaks, self.over) = (true, true);
            }
            Way::Fails if turned => {
                chunk = ChunkFrame { is_final: true, error: Some(("no more".into(), "TRIED".into())), ..chunk };
                self.over = true;
            }
            Way::Falls if turned => self.over = true,
            Way::Torn if turned => {
                chunk.is_final = true;
                (breaks, self.over) = (!is_final, true);
            }
            _ => {}
        }
        Some((chunk, overruns, breaks))
    }
}

impl Attachment<'_> {
    /// Begins to answer in pieces.
    pub fn stream(&mut self, call: &CallFrame) {
        let world = &self.seat.world;
        let way = if world.is_fair() { Way::Even } else { Way::next(&mut self.seat.dice) };
        let flow = Flow::new(call.clone(), world.now(), world.number(), way, &mut self.seat.dice);
        world.tell(&format!("{}: streams {} bytes, {way:?}", self.seat.id, flow.rest.len()));
        self.flows.push(flow);
    }

    /// The host lets it send more.
    pub fn credited(&mut self, invocation: InvocationId, bytes: u64) {
        let now = self.seat.world.now();
        for flow in self.flows.iter_mut().filter(|flow| flow.is_of(invocation)) {
            flow.credit += bytes;
            flow.at = flow.at.min(now);
        }
    }

    /// Sends the pieces that are due.
    pub fn flow(&mut self, now: Duration) {
        let mut flows = std::mem::take(&mut self.flows);
        for flow in flows.iter_mut().filter(|flow| flow.at <= now) {
            match flow.next(&mut self.seat.dice) {
                Some((chunk, overruns, breaks)) => self.piece(flow, chunk, (overruns, breaks)),
                // Credit wakes it.
                None => flow.at = Duration::MAX,
            }
        }
        flows.retain(|flow| !flow.over);
        self.flows = flows;
    }

    fn piece(&mut self, flow: &mut Flow, chunk: ChunkFrame, (overruns, breaks): (bool, bool)) {
        let dice = &mut self.seat.dice;
        let of = (flow.call.invocation_id, self.line);
        if dice.below(8) == 0 {
            let progress = Progress { fraction: 0.5, message: "on the way".to_owned() };
            let invocation_id = flow.call.invocation_id.to_string();
            let frame = ProgressFrame { invocation_id, progress, ..ProgressFrame::default() };
            let _ = self.lines.try_send(RuntimeFrame::Progress(Box::new(frame)).into());
        }
        let again = (flow.way == Way::GoesOn && chunk.is_final && chunk.error.is_none()).then(|| chunk.clone());
        let note = Note::Chunk { of, payload: chunk.payload.to_vec(), is_final: chunk.is_final, overruns, breaks };
        // A line that takes nothing more has lost it, and the rest would not fit.
        flow.over |=
            self.lines.try_send(Sent { frame: RuntimeFrame::Chunk(Box::new(chunk)), note: Some(note) }).is_err();
        if let Some(again) = again {
            // After the end; it is part of nothing.
            let chunk = ChunkFrame { chunk_id: again.chunk_id + 1, payload: b"1".to_vec().into(), ..again };
            let _ = self.lines.try_send(RuntimeFrame::Chunk(Box::new(chunk)).into());
        }
        let pause = if flow.piece == 1 { 3 } else { 60 };
        flow.at = self.seat.world.now() + between(&mut self.seat.dice, 0, pause);
    }
}
