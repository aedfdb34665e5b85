//! Every sync of a long life fails once. What it was to make durable is lost while reading still shows it; the same
//! process goes on or another one does, and then power is lost.

use tokio::runtime::Runtime;

use crate::{
    image::Image,
    lives::{Life, Style},
    machine::{Log, Machine, runtime},
    random::Random,
    sim::{Plan, SimDisk},
    story::Story,
};

const LOG: Log = Log { segment_bytes: 16 << 10, publishes: true };

#[test]
fn what_a_failed_sync_forgot_is_not_relied_on() {
    let runtime = runtime();
    let mut segments_gone = 0;
    for failing in 1.. {
        let mut story = Story::default();
        let plan = Plan { failing_syncs: vec![failing], ..Plan::default() };
        let (image, failed) = live(Image::new(), plan, 5, &mut story, &runtime);
        let (image, _) = live(image, Plan::default(), 4, &mut story, &runtime);
        let first = std::path::Path::new("/srv/grid/audit/wal/00000000000000000000.seg");
        segments_gone += u32::from(image.find(first).is_err());
        Machine::last_look(image.survivor(512, &mut || false), LOG, story, &runtime);
        if !failed {
            println!("{} syncs", failing - 1);
            break;
        }
    }
    assert!(segments_gone > 50, "{segments_gone}");
}

/// Gives what it leaves, and whether a sync failed.
fn live(image: Image, plan: Plan, steps: u64, story: &mut Story, runtime: &Runtime) -> (Image, bool) {
    let random = &mut Random::new(steps);
    let machine = Machine::new(SimDisk::new(image, plan, Random::new(steps)), LOG);
    let Some(ledger) = machine.open(story, runtime.handle()) else {
        return (machine.disk.image(), true);
    };
    runtime.block_on(async {
        let mut life = Life { machine: &machine, ledger, story, random, open: Vec::new(), style: Style::Crowd };
        life.live(steps).await;
        (machine.kill(life.ledger).await, machine.disk.failed())
    })
}
