//! How fast a whole log is verified, beside what no verifier can do without: reading every bundle and hashing every
//! entry once. Rates are by processor time, because threads share the work.

use std::{fs, hint::black_box, path::Path};

use grid_audit_verify::{Directory, Options as Checks, verify};
use grid_tlog::{Hash, Part, Tile, read_bundle};
use serde::Serialize;

use super::{
    Options,
    made::{BATCH, Made, Recipe},
};
use crate::{Fallible, clock::now, cpu::Used, sample::median};

/// What verifying took.
#[derive(Debug, Serialize)]
pub(super) struct Verifying {
    pub(super) entries: u64,
    pub(super) entry_bytes: u64,
    /// Entries under one signature.
    pub(super) batch: u64,
    /// Everything is checked, also every signature.
    pub(super) whole: Pass,
    /// The same but for the signatures of `checkpoints.log`.
    pub(super) unsigned: Pass,
    /// Reading and hashing alone.
    pub(super) bare: Pass,
    /// Processor time of `whole` to that of `bare`, the middle of the rounds.
    pub(super) to_bare: f64,
}

/// The middle of the rounds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Pass {
    /// Entries in a second of processor time.
    pub(super) per_core: f64,
    /// Entries in a second that passed.
    pub(super) per_second: f64,
}

/// One pass: seconds of processor time and of the clock.
type Took = [f64; 2];

impl Verifying {
    pub(super) fn measure(options: &Options, folder: &Path) -> Fallible<Option<Self>> {
        let entries = options.verified.next_multiple_of(BATCH);
        if entries == 0 {
            return Ok(None);
        }
        let directory = folder.join("verified");
        let made = Recipe { directory: &directory, entries, signed: true, bundles: &|_| true }.make()?;
        let whole = || {
            let log = Directory::open(&made.directory)?;
            let report = verify(&log, &Checks::default().key(&made.key))?;
            if report.entries == made.entries { Ok(()) } else { Err("not every entry was verified".into()) }
        };
        let unsigned = || {
            let log = Directory::open(&made.directory)?;
            verify(&log, &Checks::default().key(&made.key).without_signatures())?;
            Ok(())
        };
        let mut bytes = 0;
        let mut hashed = || {
            bytes = bare(&made)?;
            Ok(())
        };
        let mut passes: [Vec<Took>; 3] = Default::default();
        for round in 1..=options.rounds {
            let took = [took(whole)?, took(unsigned)?, took(&mut hashed)?];
            passes.iter_mut().zip(took).for_each(|(passes, took)| passes.push(took));
            let [whole, unsigned, bare] = took.map(|[cpu, _]| entries as f64 / cpu);
            eprintln!(
                "verify, round {round} of {}, entries/s a core:  {whole:.0}  without signatures {unsigned:.0}  \
                 reading and hashing {bare:.0}",
                options.rounds
            );
        }
        let [whole, unsigned, bare] = &passes;
        let ratios = whole.iter().zip(bare).map(|([whole, _], [bare, _])| whole / bare);
        Ok(Some(Self {
            entries,
            entry_bytes: bytes / entries,
            batch: BATCH,
            to_bare: median(ratios),
            whole: Pass::of(entries, whole),
            unsigned: Pass::of(entries, unsigned),
            bare: Pass::of(entries, bare),
        }))
    }
}

impl Pass {
    fn of(entries: u64, took: &[Took]) -> Self {
        Self {
            per_core: median(took.iter().map(|[cpu, _]| entries as f64 / cpu)),
            per_second: median(took.iter().map(|[_, clock]| entries as f64 / clock)),
        }
    }
}

fn took(pass: impl FnOnce() -> Fallible<()>) -> Fallible<Took> {
    let (before, began) = (Used::whole(std::process::id())?, now());
    pass()?;
    let clock = began.elapsed().as_secs_f64();
    Ok([Used::whole(std::process::id())?.seconds_since(&before), clock])
}

/// Reads and hashes; gives the bytes of all entries.
fn bare(made: &Made) -> Fallible<u64> {
    let mut bytes = 0;
    for tile in Tile::all(made.entries).take_while(|tile| tile.part == Part::Entries) {
        let file = fs::read(made.directory.join(tile.to_string()))?;
        for entry in read_bundle(&file, tile.width)? {
            bytes += entry.len() as u64;
            black_box(Hash::leaf(entry));
        }
    }
    Ok(bytes)
}
