//! The digest of a long result. It costs more than all the rest of its way, so it is made on another thread: in order, a
//! portion at a time, and of no more than the stream has credit for. Short results are digested where they are.

use std::{sync::LazyLock, thread::available_parallelism};

use bytes::Bytes;
use grid_adm::Digesting;
use tokio::task::{JoinHandle, spawn_blocking};

/// Bytes of a result from which on it is worth its while.
const LONG: u64 = 1 << 20;
/// Bytes that another thread takes at once.
const PORTION: u64 = 64 << 10;

/// There is a core to do it on.
static CORES: LazyLock<bool> = LazyLock::new(|| available_parallelism().is_ok_and(|cores| cores.get() > 1));

/// A digest in the making.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    /// Before what is under way and what waits.
    digesting: Digesting,
    under_way: Option<UnderWay>,
    waiting: Vec<Bytes>,
    /// Credit that what waits costs.
    cost: u64,
    /// Bytes so far.
    passed: u64,
}

#[derive(Debug)]
struct UnderWay {
    job: JoinHandle<Digesting>,
    /// What it has, should it be lost.
    pieces: Vec<Bytes>,
    cost: u64,
}

impl Beside {
    /// Takes the next piece, which has so much credit.
    pub(crate) fn feed(&mut self, piece: &Bytes, cost: u64) {
        self.passed += u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if self.waiting.is_empty() && self.under_way.is_none() && (self.passed < LONG || !*CORES) {
            self.digesting.feed(piece);
            return;
        }
        self.waiting.push(piece.clone());
        self.cost += cost;
        self.begin();
    }

    fn begin(&mut self) {
        if self.under_way.is_some() || self.cost < PORTION {
            return;
        }
        let (pieces, cost) = (std::mem::take(&mut self.waiting), std::mem::take(&mut self.cost));
        let (mut digesting, all) = (self.digesting.clone(), pieces.clone());
        let job = spawn_blocking(move || {
            all.iter().for_each(|piece| digesting.feed(piece));
            digesting
        });
        self.under_way = Some(UnderWay { job, pieces, cost });
    }

    /// Credit of what is kept for the digest alone.
    pub(crate) fn kept(&self) -> u64 {
        self.cost + self.under_way.as_ref().map_or(0, |under_way| under_way.cost)
    }

    pub(crate) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// Waits for the other thread, and gives it the next portion. May be given up at any time.
    pub(crate) async fn done(&mut self) {
        let Some(under_way) = &mut self.under_way else { return };
        match (&mut under_way.job).await {
            Ok(digesting) => self.digesting = digesting,
            // The host stops; nobody else would do it.
            Err(_) => under_way.pieces.iter().for_each(|piece| self.digesting.feed(piece)),
        }
        self.under_way = None;
        self.begin();
    }

    /// Digests what waits, here: no more comes for now.
    pub(crate) fn catch_up(&mut self) {
        if self.under_way.is_none() {
            self.waiting.drain(..).for_each(|piece| self.digesting.feed(&piece));
            self.cost = 0;
        }
    }

    /// Of everything so far.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut digesting = self.digesting.clone();
        let under_way = self.under_way.iter().flat_map(|under_way| &under_way.pieces);
        under_way.chain(&self.waiting).for_each(|piece| digesting.feed(piece));
        *digesting.digest().as_bytes()
    }
}

#[cfg(test)]
mod tests;
