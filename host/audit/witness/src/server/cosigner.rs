//! The witness's word: takes the bytes of a request, gives an answer, and never says two things that contradict each
//! other, whoever asks at once and whenever the process ends.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use grid_core::clock::SharedClock;
use grid_tlog::{Checkpoint, Hash, Note, Signature, Signer, Unproved, VerifyingKey, cosign, verify_consistency};
use tokio::sync::OwnedMutexGuard;

use super::memory::{Memory, NoMemory, Seen};
use crate::{durable::Fault, wire::AddCheckpoint};

/// How far the clock may have gone back since the last cosignature, in seconds. Within it the last time is used
/// again, because a later word must not have an earlier time.
const CLOCK_SLACK: u64 = 60;

/// A witness cannot start, or cannot go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The key cannot be made or used.
    #[error("key file `{}`: {why}", path.display())]
    Key {
        /// Its file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A log's keys cannot be used.
    #[error("log `{0}`: {1}")]
    Log(String, String),
    /// No log is named.
    #[error("a witness needs at least one log to watch; name it with its key")]
    NoLog,
    /// What it remembers cannot be used.
    #[error(transparent)]
    Memory(#[from] NoMemory),
    /// Something could not be written.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// A write ended so that nobody knows what is on the disk; after a start the disk says it.
    #[error("the memory could not be written, and what it holds now is not known; check the disk and start again")]
    Unclear,
}

/// What a request gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// 200: the cosignature, a line with its end. It is on the disk.
    Cosigned(String),
    /// 400.
    Malformed(String),
    /// 403: no trusted key of that log signed it.
    Untrusted,
    /// 404: no log of that name is watched.
    UnknownLog,
    /// 409: the old size is not that of the last checkpoint that was cosigned, which is this.
    Conflict(u64),
    /// 422: it does not continue what was cosigned.
    Unproved(String),
    /// 500: nothing was signed, for reasons that are not the asker's.
    Failed,
}

/// A request whose checkpoint was signed by its log. Whether it continues what was cosigned is not checked yet.
#[derive(Debug)]
pub(crate) struct Signed {
    old: u64,
    proof: Vec<Hash>,
    checkpoint: Checkpoint,
    /// With the lines of trusted keys alone.
    note: Note,
}

/// Cosigns the checkpoints of some logs.
#[derive(Debug)]
pub struct Cosigner {
    signer: Signer,
    logs: HashMap<String, Log>,
    memory: Memory,
    clock: SharedClock,
    is_unclear: AtomicBool,
}

type Turn = tokio::sync::Mutex<()>;

#[derive(Debug)]
struct Log {
    /// SHA-256 of the origin, as the file is named.
    name: String,
    keys: Vec<VerifyingKey>,
    /// Held from the comparison to the sync, so that of two that ask at once the second meets the first's state.
    seen: Mutex<Option<Seen>>,
    /// Those who wait for it wait here, and hold no thread.
    turn: Arc<Turn>,
}

impl Cosigner {
    /// A witness with this key, what it remembers, and the keys of the logs that it watches; several keys of one
    /// name are keys of one log.
    ///
    /// # Errors
    /// [`Error::Memory`], [`Error::NoLog`].
    pub fn open(
        signer: Signer,
        memory: &Path,
        keys: impl IntoIterator<Item = VerifyingKey>,
        clock: SharedClock,
    ) -> Result<Self, Error> {
        let memory = Memory::open(memory, signer.verifying_key())?;
        let mut logs: HashMap<String, Log> = HashMap::new();
        for key in keys {
            let origin = key.name().to_owned();
            match logs.get_mut(&origin) {
                Some(log) if log.keys.contains(&key) => {}
                Some(log) => log.keys.push(key),
                None => {
                    let name = file_name(&origin);
                    let seen = Mutex::new(memory.load(&name, &origin)?);
                    logs.insert(origin, Log { name, keys: vec![key], seen, turn: Arc::default() });
                }
            }
        }
        if logs.is_empty() {
            return Err(Error::NoLog);
        }
        Ok(Self { signer, logs, memory, clock, is_unclear: AtomicBool::new(false) })
    }

    /// The key that its cosignatures are checked with.
    #[must_use]
    pub fn verifying_key(&self) -> &VerifyingKey {
        self.signer.verifying_key()
    }

    /// The logs that it watches, and the size that it cosigned last of each.
    #[must_use]
    pub fn logs(&self) -> Vec<(&str, Option<u64>)> {
        let size = |log: &Log| seen(log).as_ref().map(|seen| seen.checkpoint.size);
        self.logs.iter().map(|(origin, log)| (origin.as_str(), size(log))).collect()
    }

    /// Answers the body of one `add-checkpoint`. Blocks for as long as the disk takes.
    pub fn add_checkpoint(&self, body: &[u8]) -> Answered {
        match self.read(body) {
            Ok(signed) => self.cosign(signed),
            Err(answer) => answer,
        }
    }

    /// The part that needs no disk: form, log, signature, sizes.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Signed, Answered> {
        let request = AddCheckpoint::parse(body).map_err(|why| Answered::Malformed(why.to_owned()))?;
        let malformed = |error: grid_tlog::Malformed| Answered::Malformed(error.to_string());
        let note = Note::parse(request.note).map_err(malformed)?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(malformed)?;
        let log = self.logs.get(&checkpoint.origin).ok_or(Answered::UnknownLog)?;
        let lines = trusted(&note, &log.keys).ok_or(Answered::Untrusted)?;
        if request.old > checkpoint.size {
            return Err(Answered::Malformed("the old size is above that of the checkpoint".to_owned()));
        }
        let note = Note::from_parts(note.text().to_owned(), lines);
        Ok(Signed { old: request.old, proof: request.proof, checkpoint, note })
    }

    /// Waits until nobody else asks about the log of `signed`.
    pub(crate) async fn turn(&self, signed: &Signed) -> Option<OwnedMutexGuard<()>> {
        let turn = Arc::clone(&self.logs.get(&signed.checkpoint.origin)?.turn);
        Some(turn.lock_owned().await)
    }

    /// Compares with what was cosigned, proves, signs, remembers; then answers.
    pub(crate) fn cosign(&self, signed: Signed) -> Answered {
        let Some(log) = self.logs.get(&signed.checkpoint.origin) else { return Answered::UnknownLog };
        let mut seen = seen(log);
        if self.is_unclear() {
            return Answered::Failed;
        }
        let (size, root) =
            seen.as_ref().map_or((0, Hash::empty()), |seen| (seen.checkpoint.size, seen.checkpoint.root));
        if signed.old != size {
            return Answered::Conflict(size);
        }
        let new = &signed.checkpoint;
        if let Err(why) = verify_consistency(size, root, new.size, new.root, &signed.proof) {
            warn(&signed, seen.as_ref(), &why);
            return Answered::Unproved(why.to_string());
        }
        let Some(time) = self.time(seen.as_ref()) else { return Answered::Failed };
        // Said a moment ago, and on the disk: the same word again needs no other write.
        if let Some(again) = seen.as_ref().filter(|seen| seen.time == time && seen.note.text() == signed.note.text()) {
            return last_line(&again.note);
        }
        let Ok(cosignature) = cosign(signed.note.text(), time, &self.signer) else { return Answered::Failed };
        let mut note = signed.note;
        note.add(cosignature);
        if let Err(fault) = self.memory.store(&log.name, &note) {
            tracing::error!(log = new.origin, %fault, "nothing was signed: it could not be remembered");
            self.is_unclear.fetch_or(fault.is_unclear, Ordering::SeqCst);
            return Answered::Failed;
        }
        let answer = last_line(&note);
        tracing::info!(log = new.origin, size = new.size, "cosigned");
        *seen = Some(Seen { checkpoint: signed.checkpoint, note, time });
        answer
    }

    /// A write failed so that only a new start can tell what is on the disk. Nothing is signed any more.
    pub(crate) fn is_unclear(&self) -> bool {
        self.is_unclear.load(Ordering::SeqCst)
    }

    /// The note that was cosigned last of the log whose origin has this SHA-256 in hexadecimal.
    pub(crate) fn latest(&self, name: &str) -> Option<String> {
        let log = self.logs.values().find(|log| log.name == name)?;
        seen(log).as_ref().map(|seen| seen.note.to_string())
    }

    /// Now, in seconds since 1970, and not before what was said last.
    fn time(&self, last: Option<&Seen>) -> Option<u64> {
        let now = self.clock.unix_ms() / 1_000;
        let last = last.map_or(0, |seen| seen.time);
        if now.saturating_add(CLOCK_SLACK) < last {
            tracing::error!(now, last, "nothing was signed: the clock stands far before the last cosignature; set it");
            return None;
        }
        Some(now.max(last))
    }
}

fn seen(log: &Log) -> MutexGuard<'_, Option<Seen>> {
    log.seen.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lines of these keys, where there is one and all of them hold.
fn trusted(note: &Note, keys: &[VerifyingKey]) -> Option<Vec<Signature>> {
    let mut lines = Vec::new();
    for key in keys {
        match note.verify(key) {
            Ok(()) => {
                let is_its = |line: &&Signature| line.id == key.id() && line.name == key.name();
                lines.extend(note.signatures().iter().find(is_its).cloned());
            }
            Err(Unproved::NotSigned(_)) => {}
            Err(_) => return None,
        }
    }
    Some(lines).filter(|lines| !lines.is_empty())
}

/// The cosignature is the last line of what this witness keeps.
fn last_line(note: &Note) -> Answered {
    note.signatures().last().map_or(Answered::Failed, |line| Answered::Cosigned(format!("{line}\n")))
}

/// A log that signed two trees of one size was caught; both notes are the evidence, so both are shown.
fn warn(signed: &Signed, seen: Option<&Seen>, why: &Unproved) {
    let new = &signed.checkpoint;
    match seen.filter(|seen| seen.checkpoint.size == new.size) {
        Some(seen) => tracing::error!(
            log = new.origin,
            size = new.size,
            cosigned = %seen.note,
            refused = %signed.note,
            "this log signed two different trees of one size; keep both notes, they prove it"
        ),
        None => tracing::warn!(log = new.origin, old = signed.old, size = new.size, %why, "refused"),
    }
}

fn file_name(origin: &str) -> String {
    digest(&SHA256, origin.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
