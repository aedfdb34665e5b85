//! Opens a log: takes its directory, finds its keys, checks what is there against what was signed and published, and
//! closes the calls that nobody closed.

use std::{
    io,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use grid_audit_wal::{Chain, Disk, Entry, Error, FileOptions, FileStorage, Sealer, Storage, segment};
use grid_core::clock::SharedClock;
use grid_tlog::{Checkpoint, Note};
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    History, Observer, Options, Recovered,
    ack::Acks,
    background::{Background, Opener},
    linger::Linger,
    open_approvals::OpenApprovals,
    open_calls::{Left, OpenCalls},
    publish::CHECKPOINT,
    state::State,
    writer::{Command, Pending, Writer},
};

/// The newest checkpoint that witnesses have signed too.
const WITNESSED: &str = "checkpoint.witnessed";

/// A log that is ready to be written, before its threads run.
#[derive(Debug)]
pub(crate) struct Opened<D: Disk> {
    pub(crate) writer: Writer<FileStorage<D>>,
    pub(crate) sender: mpsc::Sender<Command>,
    pub(crate) recovered: Recovered,
    pub(crate) opener: Opener<D>,
}

impl<D: Disk> Opened<D> {
    pub(crate) fn open(
        disk: D,
        options: &Options,
        clock: SharedClock,
        observer: Arc<dyn Observer>,
        runtime: &Handle,
    ) -> Result<Self, Error> {
        let directory = &options.directory;
        let files = FileOptions { directory: directory.clone(), segment_bytes: options.segment_bytes };
        let storage = FileStorage::open_on(disk.clone(), files, clock.clone())?;
        let history = history(&disk, options)?;
        let mut chain = Chain::expecting(&history);
        let mut published = 0;
        for name in [CHECKPOINT, WITNESSED] {
            if let Some(checkpoint) = checkpoint(&disk, directory, name, &history)? {
                published = if name == CHECKPOINT { checkpoint.size } else { published };
                chain = chain.and(checkpoint.size, checkpoint.root);
            }
        }
        let (writer, sender, recovered) = recover(storage, options, chain, clock, observer, runtime)?;
        if history.all().any(|(from, _)| from > writer.size() + 1) {
            let why = "the log's key was being changed when that was interrupted; run `grid audit rotate` again";
            return Err(Error::Options(why.into()));
        }
        writer.state.publish(published, None);
        let opener = Opener { disk, log: directory.clone(), history };
        Ok(Self { writer, sender, recovered, opener })
    }
}

/// The log's keys, the present one of which must be the signer's. A log without records gets the signer's.
fn history<D: Disk>(disk: &D, options: &Options) -> Result<History, Error> {
    let directory = &options.directory;
    let key = options.signer.verifying_key();
    let known = History::read_on(disk, directory)?;
    let begun = !segment::list(disk, directory)?.is_empty();
    match known {
        Some(history) if history.present() == Some(key) => {
            // An earlier process may have been stopped while it wrote them.
            history.write_on(disk, directory)?;
            Ok(history)
        }
        Some(history) if begun => Err(Error::OtherKey {
            directory: directory.clone(),
            expected: history.present().map(ToString::to_string).unwrap_or_default(),
            found: key.to_string(),
        }),
        None if begun => Err(Error::Damaged {
            file: directory.join(crate::keys::KEYS),
            offset: 0,
            index: 0,
            what: "the list of the log's keys is missing".into(),
        }),
        _ => {
            let history = History::of(key.clone());
            history.write_on(disk, directory)?;
            Ok(history)
        }
    }
}

/// A signed note in the log's directory that the log may not fall behind.
fn checkpoint<D: Disk>(disk: &D, directory: &Path, name: &str, history: &History) -> Result<Option<Checkpoint>, Error> {
    let path = directory.join(name);
    let bytes = match disk.read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", &path)(error)),
    };
    let note = String::from_utf8_lossy(&bytes);
    let read = Note::parse(&note).and_then(|note| Ok((Checkpoint::parse(note.text())?, note)));
    let damaged = |what: String| Error::Damaged { file: path.clone(), offset: 0, index: 0, what };
    let (checkpoint, note) = read.map_err(|error| damaged(error.to_string()))?;
    let key = history.at(checkpoint.size).ok_or_else(|| damaged("the log had no key then".into()))?;
    note.verify(key).map_err(|error| damaged(error.to_string()))?;
    Ok(Some(checkpoint))
}

/// Checks and closes what the storage holds.
pub(crate) fn recover<S: Storage>(
    mut storage: S,
    options: &Options,
    chain: Chain<'_>,
    clock: SharedClock,
    observer: Arc<dyn Observer>,
    runtime: &Handle,
) -> Result<(Writer<S>, mpsc::Sender<Command>, Recovered), Error> {
    let began = clock.elapsed();
    let (mut calls, mut approvals) = (OpenCalls::default(), OpenApprovals::default());
    let mut visit = |entry: Entry<'_>| {
        calls.pass(entry);
        approvals.pass(entry);
    };
    let mut chain = chain.showing(&mut visit);
    let cut = storage.recover(&mut chain)?;
    let edge = chain.into_edge();
    let records = edge.size();
    let left = calls.left(clock.unix_ms());
    let (sender, queue) = mpsc::channel(options.queue.max(1));
    let mut writer = Writer {
        storage,
        queue,
        acks: Acks::on(runtime),
        state: Arc::new(State::new(records)),
        clock: clock.clone(),
        observer,
        durability: options.durability,
        sealer: Sealer::new(Arc::clone(&options.signer), edge),
        entry: Vec::new(),
        pending: Pending::default(),
        lost: 0,
        broken: false,
        linger: Linger::default(),
        background: Background::None,
    };
    writer.conclude(&left.abandoned, &approvals.left())?;
    writer.state.open.store(left.local.len() as u64, Ordering::Relaxed);
    let closed = left.abandoned.iter().filter_map(|admission| admission.invocation()?.parse().ok()).collect();
    let Left { local, epoch, .. } = left;
    let recovered = Recovered { records, cut, closed, local, epoch, took: clock.elapsed().saturating_sub(began) };
    Ok((writer, sender, recovered))
}
