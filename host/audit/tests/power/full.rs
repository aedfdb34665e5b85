//! A disk of any size that fills up: what was admitted gets its outcome, and space that comes back is used.

use std::time::Duration;

use crate::{
    content::Content,
    image::Image,
    machine::{Log, Machine, admission, conclusion, runtime, store},
    random::Random,
    sim::{Full, Plan, SimDisk},
    story::Story,
};

const SEGMENT: u64 = 32 << 10;
/// The lock has the number of its process in it and is not synced.
const LOCK: usize = 16;

#[test]
fn a_full_disk_keeps_room_for_the_outcomes_of_what_it_admitted() {
    let mut served = 0;
    for publishes in [false, true] {
        for full in [Full::AtWrite, Full::AtSync] {
            for capacity in (24 << 10..160 << 10).step_by(4 << 10) {
                let log = Log { segment_bytes: SEGMENT, publishes };
                served += u32::from(fills_up(capacity, full, log));
            }
        }
    }
    assert!(served > 110, "{served} of 136 disks held a log");
}

/// Whether there was room for a log at all.
fn fills_up(capacity: usize, full: Full, log: Log) -> bool {
    let runtime = runtime();
    let mut random = Random::new(capacity as u64);
    let plan = Plan { capacity: Some((capacity, full)), ..Plan::default() };
    let machine = Machine::new(SimDisk::new(Image::new(), plan, Random::new(0)), log);
    let mut story = Story::default();
    let Some(ledger) = machine.open(&mut story, runtime.handle()) else { return false };
    let image = runtime.block_on(async {
        let mut open = Vec::new();
        let refused = loop {
            let event = admission(&mut random);
            match store(ledger.clone(), event.clone()).await {
                Ok(index) => story.acknowledge(index, &event),
                Err(refused) => break refused,
            }
            open.push(event.invocation.unwrap());
            // Two may be open: more of them would be refused for want of room in any segment.
            if open.len() == 2 || random.one_in(3) {
                let event = conclusion(open.remove(0));
                let told = store(ledger.clone(), event.clone()).await;
                let index = told.unwrap_or_else(|error| panic!("{capacity} bytes, {full:?}: {error}"));
                story.acknowledge(index, &event);
            }
        };
        // Tiles may take what a segment would have needed, and give it back when they are full.
        let free = capacity - machine.disk.image().used(Content::allocated);
        assert!(
            free < SEGMENT as usize + LOCK || log.publishes,
            "refused with {free} of {capacity} bytes free: {refused}"
        );
        assert!(!refused.is_lasting(), "{capacity} bytes, {full:?}: {refused}");
        for invocation in open {
            let event = conclusion(invocation);
            let told = store(ledger.clone(), event.clone()).await;
            let index = told.unwrap_or_else(|error| panic!("{capacity} bytes, {full:?}: {error}"));
            story.acknowledge(index, &event);
        }
        machine.disk.grow(SEGMENT as usize * 2);
        machine.clock.pass(Duration::from_secs(2));
        let event = admission(&mut random);
        let told = store(ledger.clone(), event.clone()).await;
        story.acknowledge(told.unwrap(), &event);
        machine.kill(ledger).await
    });
    Machine::last_look(image.survivor(512, &mut || false), log, story, &runtime);
    true
}
