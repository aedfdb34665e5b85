//! One seed, and many.

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

use tokio::runtime::{Builder, Runtime};

use crate::{
    check,
    life::{self, End, live},
    script::{between, dice},
    trace::{Trace, hash},
    world::{SimClock, World},
};

/// What came of a seed.
struct Run {
    faults: Vec<String>,
    trace: Trace,
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().unwrap()
}

fn run(seed: u64) -> Run {
    let world = World::new(seed);
    let mut dice = dice(seed, 0);
    let kills = if world.is_fair() { 0 } else { dice.below(8).saturating_sub(5) };
    let mut time = Duration::ZERO;
    for life in 0..=kills {
        let after = between(&mut dice, 50, 25_000);
        let end = match dice.below(3) {
            _ if life == kills => End::Empty,
            0 => End::Broken(after, dice.below(60)),
            _ => End::Killed(after),
        };
        // What a dead process had in mind is gone with its runtime.
        time = runtime().block_on(live(world.clone(), life, time, end));
        world.disk.mend();
        if life < kills && dice.coin() {
            world.disk.clone().lose_power();
        }
    }
    let mut faults = Vec::new();
    let records = world.disk.records();
    let (_, again, _) = runtime().block_on(async { life::open(&world.disk, SimClock::after(time, &world.wall)) });
    if again.cut > 0 || !again.closed.is_empty() || again.records != records.len() as u64 {
        faults.push(format!("the log was left as no order leaves it: {again:?}"));
    }
    let mut memory = world.memory();
    faults.extend(check::faults(&records, &memory, &world, kills));
    for record in &records {
        memory.trace.add(record.line().to_owned());
    }
    Run { faults, trace: std::mem::take(&mut memory.trace) }
}

fn number(name: &str, usual: u64) -> u64 {
    env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Runs them on all cores; those with faults, the lowest first.
fn runs(first: u64, count: u64) -> Vec<(u64, Vec<String>)> {
    let next = AtomicU64::new(0);
    let work = || {
        let mut bad = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return bad;
            }
            let seed = first.wrapping_add(at);
            let run = run(seed);
            if !run.faults.is_empty() {
                bad.push((seed, run.faults));
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut bad: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    bad.sort();
    bad
}

fn told(bad: &[(u64, Vec<String>)]) -> String {
    let one = |(seed, faults): &(u64, Vec<String>)| {
        let again = format!("GRID_SIM_SEED={seed} cargo test -p grid-sim one_seed -- --nocapture");
        format!("seed {seed}: {}\n    again: {again}", faults.join("\n    "))
    };
    bad.iter().take(5).map(one).collect::<Vec<_>>().join("\n")
}

#[test]
fn every_seed_holds() {
    let (first, count) = (number("GRID_SIM_FIRST", 1), number("GRID_SIM_SEEDS", 1000));
    let bad = runs(first, count);
    assert!(bad.is_empty(), "{} of {count} seeds from {first} on have faults\n{}", bad.len(), told(&bad));
}

#[test]
fn a_seed_runs_the_same_way_each_time() {
    for seed in 1..=number("GRID_SIM_TWICE", 50) {
        let (once, again) = (run(seed).trace.told(), run(seed).trace.told());
        if hash(&once) != hash(&again) {
            let at = once.iter().zip(&again).take_while(|(one, other)| one == other).count();
            let around = |lines: &[String]| lines[at.saturating_sub(5)..(at + 3).min(lines.len())].join("\n");
            panic!("seed {seed} parts at line {at}:\n{}\n--- and\n{}", around(&once), around(&again));
        }
    }
}

/// To look at one.
#[test]
fn one_seed() {
    let seed = number("GRID_SIM_SEED", 1);
    let run = run(seed);
    if env::var_os("GRID_SIM_SEED").is_some() {
        let lines = run.trace.told();
        println!("{}\nseed {seed}: trace {:016x}", lines.join("\n"), hash(&lines));
    }
    assert!(run.faults.is_empty(), "{}", told(&[(seed, run.faults)]));
}
