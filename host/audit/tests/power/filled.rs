//! Where segments go in a round that syncs nothing by the way: no partial tile is made whose directory would be synced
//! with it, or no checkpoint is replaced, because an earlier process did that.

use std::path::{Path, PathBuf};

use grid_tlog::TILE_WIDTH;
use tokio::runtime::Runtime;

use crate::{
    image::Image,
    machine::{DIRECTORY, Log, Machine, refusal, runtime, store},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const LOG: Log = Log { segment_bytes: 16 << 10, publishes: true };

fn first_segment() -> PathBuf {
    Path::new(DIRECTORY).join("wal/00000000000000000000.seg")
}

/// A process that stores so many records, one by one.
fn stores(image: Image, log: Log, records: u64, story: &mut Story, runtime: &Runtime) -> Image {
    let machine = Machine::new(SimDisk::new(image, Plan::default(), Random::new(0)), log);
    let ledger = machine.open(story, runtime.handle()).unwrap();
    runtime.block_on(async {
        for seed in 0..records {
            let event = refusal(0, &mut Random::new(seed));
            story.acknowledge(store(ledger.clone(), event.clone()).await.unwrap(), &event);
            machine.settle(&ledger);
        }
        machine.kill(ledger).await
    })
}

#[test]
fn a_tile_is_durable_before_its_segments_go_though_nothing_follows_it() {
    let runtime = runtime();
    let mut story = Story::default();
    let image = stores(Image::new(), LOG, TILE_WIDTH.into(), &mut story, &runtime);
    assert!(image.find(&first_segment()).is_err(), "the first segment is still there");
    Machine::last_look(image.survivor(512, &mut || false), LOG, story, &runtime);
}

/// The first round that ever succeeds makes all of it public. Power goes when its checkpoint has its name, and takes
/// one thing that was not synced; the next process finds nothing to publish, and removes segments.
#[test]
fn what_the_first_round_made_is_durable_before_segments_go() {
    let runtime = runtime();
    let mut story = Story::default();
    let keys = stores(Image::new(), LOG, 0, &mut story, &runtime).survivor(512, &mut || false);
    let begun = stores(keys, Log { publishes: false, ..LOG }, 300, &mut story, &runtime);
    let mut tried = 0;
    for stop_at in 1.. {
        let plan = Plan { stop_at: Some(stop_at), ..Plan::default() };
        let machine = Machine::new(SimDisk::new(begun.clone(), plan, Random::new(0)), LOG);
        let mut story = story.clone();
        let opened = machine.open(&mut story, runtime.handle());
        let has_stopped = machine.disk.has_stopped();
        let image = opened.map_or_else(|| machine.disk.image(), |ledger| runtime.block_on(machine.kill(ledger)));
        if !has_stopped {
            break;
        }
        if image.find(&Path::new(DIRECTORY).join("checkpoint")).is_err() || image.find(&first_segment()).is_err() {
            continue;
        }
        for lost in 0..image.unsynced(usize::MAX) {
            let mut piece = 0;
            let image = image.survivor(usize::MAX, &mut || {
                piece += 1;
                piece != lost + 1
            });
            let mut story = story.clone();
            let image = stores(image, LOG, 0, &mut story, &runtime);
            assert!(image.find(&first_segment()).is_err(), "the first segment is still there");
            Machine::last_look(image.survivor(512, &mut || false), LOG, story, &runtime);
            tried += 1;
        }
    }
    assert!(tried > 10, "{tried}");
}
