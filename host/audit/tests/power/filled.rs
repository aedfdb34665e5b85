//! A tile that has just become full, with nothing behind it: no partial tile is made whose directory would be synced
//! on the way, and segments go all the same.

use std::path::Path;

use grid_tlog::TILE_WIDTH;

use crate::{
    image::Image,
    machine::{DIRECTORY, Log, Machine, refusal, runtime, store},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const LOG: Log = Log { segment_bytes: 16 << 10, publishes: true };

#[test]
fn a_tile_is_durable_before_its_segments_go_though_nothing_follows_it() {
    let runtime = runtime();
    let mut story = Story::default();
    let machine = Machine::new(SimDisk::new(Image::new(), Plan::default(), Random::new(0)), LOG);
    let ledger = machine.open(&mut story, runtime.handle()).unwrap();
    let image = runtime.block_on(async {
        for seed in 0..u64::from(TILE_WIDTH) {
            let event = refusal(0, &mut Random::new(seed));
            story.acknowledge(store(ledger.clone(), event.clone()).await.unwrap(), &event);
            machine.settle(&ledger);
        }
        machine.kill(ledger).await
    });
    let first = Path::new(DIRECTORY).join("wal/00000000000000000000.seg");
    assert!(image.find(&first).is_err(), "the first segment is still there");
    Machine::last_look(image.survivor(512, &mut || false), LOG, story, &runtime);
}
