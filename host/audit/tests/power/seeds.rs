//! Lives that a seed chooses: where each ends and how, what fails in it, and what is left of it.

use tokio::runtime::Runtime;

use crate::{
    image::Image,
    lives::{Life, Style},
    machine::{Log, Machine, runtime},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const SEEDS: u64 = 5000;

/// Says which seed it was that failed.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let seed = self.0;
            eprintln!(
                "seed {seed} failed; GRID_POWER_SEED={seed} cargo test -p grid-audit --test power -- seeds:: runs it alone"
            );
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_with_the_power() {
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let runtime = runtime();
    if let Some(seed) = number("GRID_POWER_SEED") {
        println!("trace {:016x}", run(seed, &runtime));
        return;
    }
    for seed in 0..number("GRID_POWER_SEEDS").unwrap_or(SEEDS) {
        run(seed, &runtime);
    }
}

#[test]
fn a_seed_makes_the_same_run_every_time() {
    let runtime = runtime();
    for seed in 0..100 {
        assert_eq!(run(seed, &runtime), run(seed, &runtime), "seed {seed}");
    }
}

/// Gives a digest of everything that the disk was asked to do.
fn run(seed: u64, runtime: &Runtime) -> u64 {
    let _told = Told(seed);
    let mut random = Random::new(seed);
    let style = random.one_of(&[Style::Plain, Style::Plain, Style::Mixed, Style::Mixed, Style::Crowd]);
    let log = Log {
        segment_bytes: if style == Style::Mixed { random.one_of(&[32 << 10, 64 << 10]) } else { 16 << 10 },
        publishes: style == Style::Crowd || random.one_in(2),
    };
    let mut image = Image::new();
    let mut story = Story::default();
    let mut trace = 0;
    for _ in 0..2 + random.below(4) {
        let disk = SimDisk::new(image, plan(style, &mut random), Random::new(random.next()));
        let machine = Machine::new(disk, log);
        image = life(&machine, style, &mut story, &mut random, runtime);
        trace = Random::new(trace ^ machine.disk.trace()).next();
        image = if random.one_in(3) { killed(image, &mut random) } else { without_power(&image, &mut random) };
    }
    Machine::last_look(image, log, story, runtime);
    trace
}

fn plan(style: Style, random: &mut Random) -> Plan {
    let long = if style == Style::Crowd { 500 } else { 120 };
    let latest = random.one_of(&[12, 40, long]);
    let stop_at = (!random.one_in(6)).then(|| 1 + random.below(latest));
    let failing = if random.one_in(4) { 1 + random.below(2) } else { 0 };
    // The first few are those of opening.
    let latest = random.one_of(&[4, 30, long / 4]);
    let failing_syncs = (0..failing).map(|_| 1 + random.below(latest)).collect();
    Plan { stop_at, failing_syncs, capacity: None }
}

fn life(machine: &Machine, style: Style, story: &mut Story, random: &mut Random, runtime: &Runtime) -> Image {
    let Some(ledger) = machine.open(story, runtime.handle()) else {
        return machine.disk.image();
    };
    let steps = random.below(20);
    let mut life = Life { machine, ledger, story, random, open: Vec::new(), style };
    runtime.block_on(async {
        life.live(steps).await;
        if life.random.one_in(4) {
            // In order, as far as that goes.
            let _ = life.ledger.clone().close().await;
        }
        machine.kill(life.ledger).await
    })
}

/// The process alone ended: what was written is there to read, unless the memory was needed.
fn killed(mut image: Image, random: &mut Random) -> Image {
    if random.one_in(2) {
        image.evict();
    }
    image
}

fn without_power(image: &Image, random: &mut Random) -> Image {
    let grain = random.one_of(&[512, 4096, usize::MAX]);
    let kept = random.one_of(&[0, 1, 4, 7, 8]);
    image.survivor(grain, &mut || random.below(8) < kept)
}
