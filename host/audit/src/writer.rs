//! The thread that owns the storage. It takes all records that wait, writes them as one frame, syncs once, and
//! then has all their callers told. The first error ends it, unless records may be lost.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use grid_audit_wal::{Error, NotAdded, Sealer, Storage};
use grid_core::{
    clock::SharedClock,
    event::{Event, Kind},
};
use tokio::sync::mpsc;

use crate::{
    Durability, Observer, Record, Unavailable,
    ack::{Acks, Waiter},
    background::Background,
    encode,
    linger::Linger,
    open_approvals, open_calls,
    state::State,
};

/// Records taken at once.
pub(crate) const BATCH: usize = 256;
/// What is kept free for the conclusion of every open admission, in a frame of its own. Without `detail` no
/// conclusion is longer, whatever its ids are.
const CONCLUSION: u64 = 3 << 10;
/// Characters of `detail` that fit into that too.
const SHORT_DETAIL: usize = 100;
const FULL: &str = "the audit log has no room for this and its outcome; free some space on its disk and repeat";
/// The most looks at the queue while a batch waits for more; a clock that a test holds still must not hold it.
const TURNS: u32 = 1000;
/// How long records gather where nobody waits for them.
const GATHER: Duration = Duration::from_millis(1);

/// What the handle asks for.
#[derive(Debug)]
pub(crate) enum Command {
    /// Store this; tell `waiter` when it is durable.
    Store { event: Box<Event>, waiter: Option<Waiter> },
    /// Store what is queued, then end.
    Close,
}

impl Command {
    /// Somebody waits for it.
    fn waits(&self) -> bool {
        matches!(self, Self::Store { waiter: Some(_), .. })
    }
}

/// The state of the thread.
#[derive(Debug)]
pub(crate) struct Writer<S> {
    pub(crate) storage: S,
    pub(crate) queue: mpsc::Receiver<Command>,
    pub(crate) acks: Acks,
    pub(crate) state: Arc<State>,
    pub(crate) clock: SharedClock,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) durability: Durability,
    pub(crate) sealer: Sealer,
    /// The entry that is being stored. Its memory is used again for the next one.
    pub(crate) entry: Vec<u8>,
    pub(crate) pending: Pending,
    /// Records that were accepted and not stored, to be counted in the log.
    pub(crate) lost: u64,
    /// The storage failed and was not yet reset.
    pub(crate) broken: bool,
    pub(crate) linger: Linger,
    /// Ends before the storage: the directory is its own until then.
    pub(crate) background: Background,
}

/// What the current frame will change once it is durable.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    admitted: u64,
    concluded: u64,
    gap: u64,
}

impl<S: Storage> Writer<S> {
    /// Writes an end for each approval and each admission that an earlier process left open.
    pub(crate) fn conclude(&mut self, admissions: &[Record], approvals: &[Record]) -> Result<(), Error> {
        let at_ms = self.clock.unix_ms();
        for requested in approvals {
            self.add(|out| open_approvals::end(requested, at_ms, out))?;
        }
        for admission in admissions {
            self.add(|out| open_calls::conclusion(admission, at_ms, out))?;
        }
        Ok(self.commit()?)
    }

    /// Entries in the tree.
    pub(crate) fn size(&self) -> u64 {
        self.sealer.edge().size()
    }

    /// Stores one entry that no event is, before the thread runs.
    pub(crate) fn store_entry(&mut self, write: impl Fn(&mut Vec<u8>)) -> Result<(), Error> {
        self.add(write)?;
        Ok(self.commit()?)
    }

    /// The thread's life.
    pub(crate) fn run(mut self) {
        self.serve();
        self.background = Background::None;
    }

    fn serve(&mut self) {
        let mut taken = Vec::with_capacity(BATCH);
        while self.queue.blocking_recv_many(&mut taken, BATCH) > 0 {
            if self.durability == Durability::Relaxed && !self.queue.is_closed() && !taken.iter().any(Command::waits) {
                // Whoever sends something and waits for it wakes the thread.
                thread::park_timeout(GATHER);
            }
            if let Err(reason) = self.batch(&mut taken) {
                while let Some(command) = self.queue.blocking_recv() {
                    answer(command, &reason);
                }
                return;
            }
        }
    }

    /// Stores what was taken and what comes behind it. After an error nothing is stored any more, and who waits for
    /// what was taken has heard it; what is still queued is to be answered with it.
    fn batch(&mut self, taken: &mut Vec<Command>) -> Result<(), Unavailable> {
        let here = taken.len();
        let mut commands = taken.drain(..);
        let stored = commands.try_for_each(|command| self.take(command));
        let stored = stored.and_then(|()| self.gather(here)).and_then(|()| self.commit());
        if let Err(reason) = &stored {
            self.fail(reason, commands);
        }
        stored
    }

    /// Takes the records that wait, and those that are expected in a moment. Each is made ready as it comes, while
    /// the next ones are still on their way.
    fn gather(&mut self, mut here: usize) -> Result<(), Unavailable> {
        self.take_waiting(&mut here)?;
        if let Some((wanted, longest)) = self.linger.wanted(here) {
            let until = self.clock.elapsed() + longest;
            for _ in 0..TURNS {
                if here >= wanted || self.clock.elapsed() >= until {
                    break;
                }
                thread::yield_now();
                self.take_waiting(&mut here)?;
            }
            self.linger.waited(here >= wanted);
        }
        Ok(())
    }

    fn take_waiting(&mut self, here: &mut usize) -> Result<(), Unavailable> {
        while *here < BATCH
            && let Ok(command) = self.queue.try_recv()
        {
            *here += 1;
            self.take(command)?;
        }
        Ok(())
    }

    pub(crate) fn take(&mut self, command: Command) -> Result<(), Unavailable> {
        let (event, waiter) = match command {
            Command::Store { event, waiter } => (event, waiter),
            Command::Close => {
                self.queue.close();
                return Ok(());
            }
        };
        if waiter.is_some() && self.state.is_overtaken(&event) {
            self.refuse(waiter, Unavailable::overtaken());
            return Ok(());
        }
        let kind = event.kind;
        match self.put(event) {
            Ok(index) => {
                self.pending.admitted += u64::from(kind == Kind::Admitted);
                self.pending.concluded += u64::from(kind == Kind::Concluded);
                if let Some(waiter) = waiter {
                    self.acks.expect(waiter, index);
                }
                Ok(())
            }
            Err(reason) if reason.is_lasting() => {
                self.refuse(waiter, reason.clone());
                Err(reason)
            }
            Err(reason) => {
                self.refuse(waiter, reason);
                Ok(())
            }
        }
    }

    /// Puts an event into the frame where there is room for it: for a conclusion always, for others if the
    /// conclusions of all that is open find theirs afterwards.
    fn put(&mut self, mut event: Box<Event>) -> Result<u64, Unavailable> {
        let mut entry = std::mem::take(&mut self.entry);
        entry.clear();
        encode::encode(&event, &mut entry);
        let mut has_room = self.has_room(event.kind, entry.len());
        if !has_room && event.kind == Kind::Concluded {
            event.detail = event.detail.map(|detail| detail.chars().take(SHORT_DETAIL).collect());
            event.result_shape = None;
            entry.clear();
            encode::encode(&event, &mut entry);
            has_room = true;
        }
        let added = match has_room {
            true => self.add(|out| out.extend_from_slice(&entry)),
            false => Err(Unavailable::once(FULL)),
        };
        self.entry = entry;
        added
    }

    /// Puts one entry into the frame; commits the frame first where it is full.
    fn add(&mut self, write: impl Fn(&mut Vec<u8>)) -> Result<u64, Unavailable> {
        loop {
            // What was lost is counted before anything that came after it, or a conclusion could stand there without
            // its admission and nothing would say why.
            if self.sealer.count() > 0 && self.lost > self.pending.gap {
                self.commit()?;
            }
            if self.sealer.count() == 0 {
                self.begin();
            }
            match self.sealer.push(self.storage.max_frame(), &write) {
                Ok(index) => return Ok(index),
                Err(NotAdded::Full) => self.commit()?,
                Err(NotAdded::TooLong(bytes)) => {
                    return Err(Unavailable::once(format!(
                        "a record of {bytes} bytes does not fit into the audit log; send shorter names"
                    )));
                }
            }
        }
    }

    fn begin(&mut self) {
        self.sealer.begin();
        let lost = self.lost;
        if lost > 0 {
            let at_ms = self.clock.unix_ms();
            let limit = self.storage.max_frame();
            let added = self.sealer.push(limit, |out| encode::gap(at_ms, lost, out));
            self.pending.gap = if added.is_ok() { lost } else { 0 };
        }
    }

    /// One write, one sync, and everybody is told.
    pub(crate) fn commit(&mut self) -> Result<(), Unavailable> {
        let entries = self.sealer.count();
        if entries == 0 {
            return Ok(());
        }
        let began = self.clock.elapsed();
        let written = self.write();
        let pending = std::mem::take(&mut self.pending);
        if let Err(error) = written {
            let stored = u64::from(entries) - u64::from(pending.gap > 0);
            self.sealer.begin();
            return self.missed(&error, stored);
        }
        let kept = self.sealer.keep();
        self.lost -= pending.gap;
        let state = &self.state;
        state.records.store(self.sealer.edge().size(), Ordering::Release);
        let open = state.open.load(Ordering::Relaxed) + pending.admitted;
        state.open.store(open.saturating_sub(pending.concluded), Ordering::Relaxed);
        state.lost.store(self.lost, Ordering::Relaxed);
        state.writable.store(true, Ordering::Release);
        let took = self.clock.elapsed().saturating_sub(began);
        if let Some(kept) = kept {
            self.acks.durable(kept);
        }
        self.background.committed(&self.state);
        let entries = usize::try_from(entries).unwrap_or(usize::MAX);
        self.linger.committed(entries.min(BATCH), took);
        self.observer.committed(entries, took);
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if self.broken {
            self.storage.reset()?;
            self.broken = false;
        }
        let (frame, edge) = self.sealer.seal();
        self.storage.append(frame, edge)?;
        self.storage.sync()
    }

    /// The frame is not durable.
    fn missed(&mut self, error: &io::Error, entries: u64) -> Result<(), Unavailable> {
        let reason = Unavailable::lasting(format!(
            "the audit log cannot be written: {error}; repair its disk and start the host again"
        ));
        self.observer.failed(&reason);
        if self.durability == Durability::Full {
            return Err(reason);
        }
        // Some wait for their evidence all the same.
        self.acks.lost(&reason);
        self.broken = true;
        self.lost += entries;
        self.state.lost.store(self.lost, Ordering::Relaxed);
        self.state.writable.store(false, Ordering::Release);
        Ok(())
    }

    /// Whether an entry of that length may be stored.
    fn has_room(&mut self, kind: Kind, length: usize) -> bool {
        let is_conclusion = kind == Kind::Concluded;
        let (length, too_long) = (length as u64, length >= self.storage.max_frame());
        if too_long || (is_conclusion && length <= CONCLUSION / 2) {
            return true;
        }
        let begun = self.pending.admitted + u64::from(kind == Kind::Admitted);
        let ended = self.pending.concluded + u64::from(is_conclusion);
        let open = (self.state.open.load(Ordering::Relaxed) + begun).saturating_sub(ended);
        // One more for what frames add to their entries.
        let wanted = (open + 1) * CONCLUSION + self.sealer.bytes() as u64 + length;
        self.storage.has_room(wanted)
    }

    fn refuse(&mut self, waiter: Option<Waiter>, reason: Unavailable) {
        match waiter {
            Some(waiter) => {
                // A caller that went away does not need the answer.
                let _ = waiter.send(Err(reason));
            }
            None => {
                self.lost += 1;
                self.state.lost.store(self.lost, Ordering::Relaxed);
            }
        }
    }

    /// Nothing is stored any more: everybody who waits hears it, and nobody else is let in.
    pub(crate) fn fail(&mut self, reason: &Unavailable, rest: impl Iterator<Item = Command>) {
        self.state.fail(reason);
        self.queue.close();
        self.acks.lost(reason);
        for command in rest {
            answer(command, reason);
        }
    }
}

pub(crate) fn answer(command: Command, reason: &Unavailable) {
    if let Command::Store { waiter: Some(waiter), .. } = command {
        let _ = waiter.send(Err(reason.clone()));
    }
}
