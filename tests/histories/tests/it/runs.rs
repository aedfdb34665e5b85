//! One history, and many.

use std::{
    env,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use tokio::runtime::{Builder, Runtime};

use crate::{clock::clock, host::live, world::World};

/// How time passes in a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Time {
    /// One thread, on a clock that stands still until everybody waits: a seed is much the same each time.
    Still,
    /// Two threads that do meet, and a host whose clock runs ten times as fast as theirs.
    Real,
}

/// What came of a history.
#[derive(Debug, Default)]
struct Told {
    ops: u64,
    objects: usize,
    anomalies: Vec<String>,
}

fn runtime(time: Time) -> Runtime {
    match time {
        Time::Still => Builder::new_current_thread().enable_time().start_paused(true).build().unwrap(),
        Time::Real => Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap(),
    }
}

fn run(seed: u64, time: Time, ops: u64) -> Told {
    let world = runtime(time).block_on(async {
        let times = if time == Time::Still { 1 } else { 10 };
        let world = World::new(seed, clock(times), times, ops);
        live(world.clone()).await;
        world
    });
    let memory = &world.memory;
    let sizes = [
        memory.registry.lock().len(),
        memory.sessions.lock().len(),
        memory.calls.lock().len(),
        memory.grants.lock().len(),
        memory.approvals.lock().len(),
    ];
    let mut anomalies = memory.registry.anomalies();
    anomalies.extend(memory.sessions.anomalies());
    anomalies.extend(memory.calls.anomalies());
    anomalies.extend(memory.grants.anomalies());
    anomalies.extend(memory.approvals.anomalies());
    let mut runs = memory.runs.lock().unwrap().clone();
    runs.sort();
    let twice = runs.windows(2).filter(|pair| pair[0] == pair[1]);
    anomalies.extend(twice.map(|pair| format!("a call that writes ran twice: {}\n", pair[0])));
    Told { ops: world.ops(), objects: sizes.iter().sum(), anomalies }
}

fn number(name: &str, usual: u64) -> u64 {
    env::var(name).ok().map_or(usual, |text| text.parse().unwrap())
}

/// Runs them on so many threads; what was done in all, and what could not have been.
fn runs((first, count): (u64, u64), time: Time, ops: u64, threads: usize) -> (Told, Vec<u64>) {
    let next = AtomicU64::new(0);
    let work = || {
        let (mut all, mut bad) = (Told::default(), Vec::new());
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= count {
                return (all, bad);
            }
            let seed = first.wrapping_add(at);
            let told = run(seed, time, ops);
            all.ops += told.ops;
            all.objects += told.objects;
            if !told.anomalies.is_empty() {
                bad.push(seed);
                all.anomalies.extend(told.anomalies.into_iter().map(|told| format!("seed {seed}: {told}")));
            }
        }
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold((Told::default(), Vec::new()), |all, part| {
            let (mut told, mut bad) = all;
            told.ops += part.0.ops;
            told.objects += part.0.objects;
            told.anomalies.extend(part.0.anomalies);
            bad.extend(part.1);
            (told, bad)
        })
    })
}

fn every_history(count: u64, time: Time, threads: usize) {
    let (first, ops) = (number("GRID_HISTORY_FIRST", 1), number("GRID_HISTORY_OPS", 1000));
    let (all, bad) = runs((first, count), time, ops, threads);
    println!("{count} histories, {} operations on {} objects, {time:?}", all.ops, all.objects);
    let name = if time == Time::Still { "one_history" } else { "one_history_in_real_time" };
    assert!(
        bad.is_empty(),
        "{} of {count} histories could not have been\n{}again: GRID_HISTORY_SEED={} cargo test -p grid-histories {name}",
        bad.len(),
        all.anomalies.iter().take(5).map(String::as_str).collect::<String>(),
        bad[0]
    );
}

#[test]
fn every_history_could_have_been_one_thing_after_the_other() {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    every_history(number("GRID_HISTORIES", 100), Time::Still, threads);
}

#[test]
fn so_could_those_of_threads_that_meet() {
    every_history(number("GRID_HISTORIES_IN_REAL_TIME", 6), Time::Real, 1);
}

/// To look at one.
#[test]
fn one_history() {
    one(Time::Still);
}

#[test]
fn one_history_in_real_time() {
    one(Time::Real);
}

fn one(time: Time) {
    let told = run(number("GRID_HISTORY_SEED", 1), time, number("GRID_HISTORY_OPS", 1000));
    println!("{} operations on {} objects", told.ops, told.objects);
    assert!(told.anomalies.is_empty(), "{}", told.anomalies.concat());
}
