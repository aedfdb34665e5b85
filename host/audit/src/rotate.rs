//! A log gets another key: the old one signs the record that names the new one, and the new one signs that it is
//! there. Done while no host runs, and again where it was interrupted.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use grid_audit_wal::{Chain, Disk, Error, FileOptions, FileStorage, OsDisk};
use grid_core::clock::SharedClock;
use grid_tlog::{Signer, VerifyingKey};
use tokio::runtime::Handle;

use crate::{History, Options, encode, opening};

/// Hands the log of `options`, which have its present key, over to `next`. Gives the index of the record.
///
/// # Errors
/// As for [`crate::Ledger::open`].
pub fn rotate(options: &Options, next: &Signer, clock: SharedClock, runtime: &Handle) -> Result<u64, Error> {
    rotate_on(OsDisk, options, next, clock, runtime)
}

/// The same on another disk than the operating system's.
///
/// # Errors
/// As for [`rotate`].
pub fn rotate_on<D: Disk>(
    disk: D,
    options: &Options,
    next: &Signer,
    clock: SharedClock,
    runtime: &Handle,
) -> Result<u64, Error> {
    let directory = &options.directory;
    let (old, new) = (options.signer.verifying_key(), next.verifying_key());
    if old.name() != new.name() || old == new {
        let why = format!("a log keeps its name: `{}` cannot be followed by `{}`", old.name(), new.name());
        return Err(Error::Options(why));
    }
    let files = FileOptions { directory: directory.clone(), segment_bytes: options.segment_bytes };
    let storage = FileStorage::open_on(disk.clone(), files, clock.clone())?;
    let history = History::read_on(&disk, directory)?.unwrap_or_else(|| History::of(old.clone()));
    // The list is written before the record. Where it names the new key already, this is a second try.
    let (before, from) = history.without(new);
    if before.present() != Some(old) {
        return Err(Error::OtherKey {
            directory: directory.clone(),
            expected: before.present().map(ToString::to_string).unwrap_or_default(),
            found: old.to_string(),
        });
    }
    let chain = Chain::expecting(&before);
    let (mut writer, ..) = opening::recover(storage, options, chain, clock.clone(), Arc::new(()), runtime)?;
    let size = writer.size();
    if from.is_some_and(|from| from == size + 1) {
        return Ok(size - 1);
    }
    before.and_then(size + 2, new.clone()).write_on(&disk, directory)?;
    let proof = BASE64_STANDARD.encode(next.sign(hand_over(old, new).as_bytes()));
    let at_ms = clock.unix_ms();
    writer.store_entry(|out| encode::key_rotated(at_ms, &old.to_string(), &new.to_string(), &proof, out))?;
    Ok(size)
}

/// What the new key signs, so that nobody can name a key that is not theirs.
#[must_use]
pub fn hand_over(old: &VerifyingKey, new: &VerifyingKey) -> String {
    format!("grid/key-rotation/v1\n{old}\n{new}\n")
}
