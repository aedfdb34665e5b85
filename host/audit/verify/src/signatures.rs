//! Signatures are checked on threads of their own, because each costs as much as thirty entries.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, Scope, ScopedJoinHandle},
};

use grid_tlog::{Checkpoint, VerifyingKey};

use crate::{Failure, checkpoints::Signed};

/// Handed over at once.
const TOGETHER: usize = 32;
/// Packs of them that may wait for one thread.
const WAITING: usize = 16;

/// Where a signature stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: Arc<str>,
    pub(crate) offset: u64,
}

struct Task {
    signed: Signed,
    key: Arc<VerifyingKey>,
    place: Place,
    /// The first entry that no earlier signature covers.
    index: u64,
}

/// The first signature that does not hold, by the size of its tree.
type First = Arc<Mutex<Option<(u64, Failure)>>>;

/// Takes signatures, and says at the end whether all of them hold.
pub(crate) struct Signatures<'scope> {
    threads: Vec<(SyncSender<Vec<Task>>, ScopedJoinHandle<'scope, ()>)>,
    pack: Vec<Task>,
    turn: usize,
    first: First,
    pub(crate) taken: u64,
}

impl<'scope> Signatures<'scope> {
    /// One thread a processor. Where the machine gives none, signatures are checked on the caller's.
    pub(crate) fn on(scope: &'scope Scope<'scope, '_>) -> Self {
        let first = First::default();
        let threads = (0..thread::available_parallelism().map_or(1, usize::from)).map_while(|_| {
            let (sender, receiver) = sync_channel(WAITING);
            let first = Arc::clone(&first);
            let thread = thread::Builder::new().name("signatures".into());
            Some((sender, thread.spawn_scoped(scope, move || work(&receiver, &first)).ok()?))
        });
        Self { threads: threads.collect(), pack: Vec::new(), turn: 0, first, taken: 0 }
    }

    /// `index` is the first entry that no earlier signature covers.
    pub(crate) fn add(&mut self, signed: Signed, key: &Arc<VerifyingKey>, place: Place, index: u64) {
        self.taken += 1;
        self.pack.push(Task { signed, key: Arc::clone(key), place, index });
        if self.pack.len() >= TOGETHER {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        let pack = std::mem::take(&mut self.pack);
        self.turn += 1;
        let pack = match self.threads.get(self.turn % self.threads.len().max(1)) {
            Some((thread, _)) => thread.send(pack).err().map(|unsent| unsent.0),
            None => Some(pack),
        };
        pack.into_iter().flatten().for_each(|task| check(&task, &self.first));
    }

    /// Waits for all of them. Gives the first that does not hold.
    pub(crate) fn end(mut self) -> Option<Failure> {
        self.hand_over();
        for (sender, thread) in self.threads.drain(..) {
            drop(sender);
            if thread.join().is_err() {
                return Some(Failure::new("the thread that checks signatures died; report what happened"));
            }
        }
        self.first.lock().unwrap_or_else(PoisonError::into_inner).take().map(|(_, failure)| failure)
    }
}

fn work(packs: &Receiver<Vec<Task>>, first: &First) {
    while let Ok(pack) = packs.recv() {
        pack.iter().for_each(|task| check(task, first));
    }
}

fn check(task: &Task, first: &First) {
    let Signed { size, root, key, signature } = task.signed;
    let checkpoint = Checkpoint { origin: task.key.name().to_owned(), size, root };
    if key == task.key.id() && task.key.verifies(checkpoint.to_string().as_bytes(), &signature) {
        return;
    }
    let mut first = first.lock().unwrap_or_else(PoisonError::into_inner);
    if first.as_ref().is_none_or(|(before, _)| size < *before) {
        let what = format!("the tree of {size} entries is not signed by the log's key `{}`", *task.key);
        let failure = Failure::new(what).at(task.index).within(&*task.place.file);
        *first = Some((size, failure.offset(task.place.offset)));
    }
}
