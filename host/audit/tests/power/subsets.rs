//! Short lives, stopped before every single operation; and from each, every state that a loss of power can leave, or
//! another process that goes on with what it finds.

use grid_core::id::InvocationId;
use tokio::runtime::Runtime;

use crate::{
    image::Image,
    machine::{Log, Machine, admission, conclusion, refusal, replace, runtime, store},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const BARE: Log = Log { segment_bytes: 16 << 10, publishes: false };
const PUBLIC: Log = Log { segment_bytes: 16 << 10, publishes: true };
/// So long that few fit into a segment.
const LONG: u64 = 2600;
/// Operations of which all subsets are tried; torn ones count by their pieces as long as these are few.
const MOST: u32 = 12;
const MOST_TORN: u32 = 7;

/// More than [`MOST`] are tried so often.
const SAMPLES: u32 = 12;

#[test]
fn every_state_that_power_can_leave_of_a_short_life_recovers() {
    let (all, samples) = states(BARE);
    println!("{all} states of {samples} lives");
    assert!(all > 1000, "{all}");
}

/// These leave much that is not synced, because it can be made again.
#[test]
fn states_that_power_can_leave_of_a_short_public_life_recover() {
    let (all, _) = states(PUBLIC);
    println!("{all} states");
    assert!(all > 1000, "{all}");
}

/// How many were tried, of how many lives.
fn states(log: Log) -> (u32, u32) {
    let runtime = runtime();
    let (mut tried, mut lives) = (0, 0);
    let mut images = vec![(Image::new(), Story::default())];
    // The second life begins with what the first left where its last frame was torn.
    for _ in 0..2 {
        let (image, story) = images.pop().unwrap();
        let mut torn = None;
        for stop_at in 1.. {
            let mut story = story.clone();
            let (image, stopped) = live(image.clone(), stop_at, log, &mut story, &runtime);
            tried += subsets(&image, log, &story, &runtime);
            lives += 1;
            if !stopped {
                break;
            }
            if image.unsynced(512) > 2 {
                torn = Some((image.survivor(512, &mut every_second()), story));
            }
        }
        images.extend(torn);
    }
    (tried, lives)
}

/// What the first process had not synced, the second must not build on.
#[test]
fn power_that_is_lost_after_a_process_was_killed_and_started_again_takes_nothing() {
    let runtime = runtime();
    for (log, records) in [(BARE, 0), (BARE, 1), (BARE, 2), (PUBLIC, 1)] {
        for stop_at in 1.. {
            let mut story = Story::default();
            let (mut image, stopped) = live(Image::new(), stop_at, log, &mut story, &runtime);
            if stop_at % 2 == 0 {
                image.evict();
            }
            let machine = Machine::new(SimDisk::new(image, Plan::default(), Random::new(0)), log);
            let ledger = machine.open(&mut story, runtime.handle()).unwrap();
            let image = runtime.block_on(async {
                for _ in 0..records {
                    let event = refusal(LONG, &mut Random::new(stop_at));
                    story.acknowledge(store(ledger.clone(), event.clone()).await.unwrap(), &event);
                }
                machine.kill(ledger).await
            });
            for survivor in [image.survivor(512, &mut || false), image.survivor(512, &mut every_second())] {
                Machine::last_look(survivor, log, story.clone(), &runtime);
            }
            if !stopped {
                break;
            }
        }
    }
}

fn every_second() -> impl FnMut() -> bool {
    let mut keep = false;
    move || {
        keep = !keep;
        keep
    }
}

/// Opens, stores what fills more than a segment, and replaces a file; ends before operation `stop_at`.
fn live(image: Image, stop_at: u64, log: Log, story: &mut Story, runtime: &Runtime) -> (Image, bool) {
    let plan = Plan { stop_at: Some(stop_at), ..Plan::default() };
    let machine = Machine::new(SimDisk::new(image, plan, Random::new(0)), log);
    let random = &mut Random::new(story.tried);
    let Some(ledger) = machine.open(story, runtime.handle()) else {
        return (machine.disk.image(), true);
    };
    runtime.block_on(async {
        let mut open: Vec<InvocationId> = Vec::new();
        for step in 0..8 {
            let event = match step {
                0 | 4 => admission(random),
                1 => conclusion(open[0]),
                _ => refusal(LONG, random),
            };
            let Ok(index) = store(ledger.clone(), event.clone()).await else { break };
            story.acknowledge(index, &event);
            open.extend(event.invocation);
        }
        let _ = replace(&machine.disk, story);
        let stopped = machine.disk.has_stopped();
        (machine.kill(ledger).await, stopped)
    })
}

/// As finely torn as their number allows.
fn subsets(image: &Image, log: Log, story: &Story, runtime: &Runtime) -> u32 {
    let grain = [512, 4096].into_iter().find(|grain| image.unsynced(*grain) <= MOST_TORN);
    let grain = grain.unwrap_or(usize::MAX);
    let pieces = image.unsynced(grain);
    if pieces > MOST {
        assert!(log.publishes, "the life is not short: {pieces} operations were not synced");
        let mut random = Random::new(u64::from(pieces));
        for kept in 0..SAMPLES {
            let left = image.survivor(512, &mut || random.below(u64::from(SAMPLES) - 1) < u64::from(kept));
            Machine::last_look(left, log, story.clone(), runtime);
        }
        return SAMPLES;
    }
    for kept in 0..1_u32 << pieces {
        let mut piece = 0;
        let left = image.survivor(grain, &mut || {
            piece += 1;
            kept >> (piece - 1) & 1 == 1
        });
        Machine::last_look(left, log, story.clone(), runtime);
    }
    1 << pieces
}

/// The torn frame is then still on the disk and no longer to be seen. Left there, it would be found in the middle of
/// the log, where nothing may be torn.
#[test]
fn a_cut_whose_sync_failed_is_made_again() {
    let runtime = runtime();
    let mut failed = 0;
    for run in 0..96 {
        // Some number of long frames leaves room for a short one, which is torn, but not for one more long one.
        let (seed, sync, frames) = (run / 12, 1 + run % 3, 2 + usize::try_from(run / 3 % 4).unwrap());
        let short = 300 + 400 * (run % 2);
        let mut story = Story::default();
        let mut image = Image::new();
        image = store_all(&image, &vec![LONG; frames], Plan::default(), seed, &mut story, &runtime);
        let torn = Plan { failing_syncs: vec![5], ..Plan::default() };
        image = store_all(&image, &[short], torn, seed, &mut story, &runtime);
        image = image.survivor(512, &mut every_second());
        let plan = Plan { failing_syncs: vec![sync], ..Plan::default() };
        let machine = Machine::new(SimDisk::new(image, plan, Random::new(seed)), BARE);
        failed += u32::from(machine.open(&mut story, runtime.handle()).is_none());
        image = store_all(&machine.disk.image(), &[LONG], Plan::default(), seed, &mut story, &runtime);
        Machine::last_look(image.survivor(512, &mut || false), BARE, story, &runtime);
    }
    assert_eq!(failed, 96, "opening syncs three times at least");
}

/// Stores records of these lengths and ends the process.
fn store_all(image: &Image, lengths: &[u64], plan: Plan, seed: u64, story: &mut Story, runtime: &Runtime) -> Image {
    let machine = Machine::new(SimDisk::new(image.clone(), plan, Random::new(seed)), BARE);
    let ledger = machine.open(story, runtime.handle()).unwrap();
    runtime.block_on(async {
        for length in lengths {
            let event = refusal(*length, &mut Random::new(*length));
            match store(ledger.clone(), event.clone()).await {
                Ok(index) => story.acknowledge(index, &event),
                Err(refused) => assert!(machine.disk.was_disturbed(), "{refused}"),
            }
        }
        machine.kill(ledger).await
    })
}
