//! How long a proof takes in a log of many entries, with its files in the page cache, beside reading the same files.
//! Each proof is checked against the signed checkpoint before it is given, which is part of what is measured.

use std::{collections::BTreeSet, fs, hint::black_box, path::Path};

use grid_audit_verify::{Directory, Log};
use grid_tlog::{Part, TILE_WIDTH, Tile};
use serde::Serialize;

use super::{
    Options,
    made::{BATCH, Made, Recipe},
    records::mixed,
};
use crate::{
    Fallible,
    clock::now,
    sample::{median, quantile},
};

const WIDTH: u64 = TILE_WIDTH as u64;
/// Bundles that are there to be asked for; with all of them the log would take 8 GB.
const BUNDLES: u64 = 1500;
/// Proofs of each kind in a round.
const PROOFS: u64 = 400;

/// What proofs took.
#[derive(Debug, Serialize)]
pub(super) struct Proving {
    pub(super) entries: u64,
    /// Each by a log that is opened for it alone, as a command does.
    pub(super) alone: Times,
    /// All by one log, as a server does.
    pub(super) kept_open: Times,
    /// Reading one bundle and one tile a row.
    pub(super) bare: Times,
    /// p99 of `alone` to that of `bare`, the middle of the rounds.
    pub(super) to_bare: f64,
}

/// The middle of the rounds, in microseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Times {
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
    /// The longest of all.
    pub(super) most_us: f64,
}

impl Proving {
    pub(super) fn measure(options: &Options, folder: &Path) -> Fallible<Option<Self>> {
        let entries = options.proved.next_multiple_of(BATCH);
        if entries == 0 {
            return Ok(None);
        }
        let all = entries.div_ceil(WIDTH);
        let bundles: BTreeSet<u64> = (0..BUNDLES).map(|pick| mixed(pick) % all).collect();
        let directory = folder.join("proved");
        let began = now();
        let made =
            Recipe { directory: &directory, entries, signed: false, bundles: &|number| bundles.contains(&number) };
        let made = made.make()?;
        eprintln!("made a log of {entries} entries in {:.1} s", began.elapsed().as_secs_f64());
        let bundles: Vec<u64> = bundles.into_iter().collect();
        let kept_open = Log::open(Directory::open(&made.directory)?)?;
        let mut rounds: [Vec<Vec<u64>>; 3] = Default::default();
        for round in 1..=options.rounds {
            let mut took: [Vec<u64>; 3] = Default::default();
            for proof in 0..PROOFS {
                let random = mixed(round as u64 * PROOFS + proof);
                let bundle = bundles.get(usize::try_from(random % bundles.len() as u64)?).ok_or("no bundle")?;
                let index = (bundle * WIDTH + (random >> 32) % WIDTH).min(entries - 1);
                let [alone, open, bare] = &mut took;
                alone.push(nanos(|| prove(&Log::open(Directory::open(&made.directory)?)?, index))?);
                open.push(nanos(|| prove(&kept_open, index))?);
                bare.push(nanos(|| read(&made, index))?);
            }
            took.iter_mut().for_each(|took| took.sort_unstable());
            let [alone, open, bare] = [0, 1, 2].map(|at| took.get(at).map_or(0.0, |took| quantile(took, 0.99) / 1e3));
            eprintln!(
                "proofs, round {round} of {}, p99 in µs:  {alone:.0}  in an open log {open:.0}  reading {bare:.0}",
                options.rounds
            );
            rounds.iter_mut().zip(took).for_each(|(rounds, took)| rounds.push(took));
        }
        let [alone, open, bare] = &rounds;
        let ratios = alone.iter().zip(bare).map(|(alone, bare)| quantile(alone, 0.99) / quantile(bare, 0.99));
        Ok(Some(Self {
            entries,
            to_bare: median(ratios),
            alone: Times::of(alone),
            kept_open: Times::of(open),
            bare: Times::of(bare),
        }))
    }
}

impl Times {
    /// Of rounds, each sorted.
    fn of(rounds: &[Vec<u64>]) -> Self {
        let middle = |at: f64| median(rounds.iter().map(|round| quantile(round, at) / 1e3));
        let most = rounds.iter().flatten().max().copied().unwrap_or(0);
        Self { p50_us: middle(0.5), p99_us: middle(0.99), most_us: most as f64 / 1e3 }
    }
}

fn nanos(pass: impl FnOnce() -> Fallible<()>) -> Fallible<u64> {
    let began = now();
    pass()?;
    Ok(u64::try_from(began.elapsed().as_nanos())?)
}

fn prove(log: &Log<Directory>, index: u64) -> Fallible<()> {
    black_box(log.prove(index)?);
    Ok(())
}

fn read(made: &Made, index: u64) -> Fallible<()> {
    let parts =
        std::iter::once((Part::Entries, index)).chain((0..8).map(|row| (Part::Hashes(row), index >> (8 * row))));
    for (part, item) in parts {
        if let Some(tile) = Tile::holding(part, item, made.entries) {
            black_box(fs::read(made.directory.join(tile.to_string()))?);
        }
    }
    Ok(())
}
